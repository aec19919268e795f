"""Names: invented people with a year of birth each, and some writers and scientists with their real one."""

from __future__ import annotations

import random

from ecco_widgets.models.demo.lexicon._text import words

__all__ = ["FIRST_NAMES", "INVENTED", "PROFESSIONS", "REAL", "SURNAMES"]

FIRST_NAMES: tuple[str, ...] = words(
    """
    Alice Arthur Beatrice Benjamin Clara Daniel Dorothy Edmund Eleanor Felix Florence Frederick George Grace
    Harriet Henry Ida Isaac Julia Laura Leonard Louis Lucy Margaret Martin Matilda Nathan Nora Oliver Oscar
    Peter Philip Ralph Rose Samuel Sarah Theodore Thomas Victor Walter
    """
)
SURNAMES: tuple[str, ...] = words(
    """
    Abbott Ashford Barlow Bennett Bradford Brewster Calloway Carver Chandler Clifton Copeland Dalton Denham
    Draper Ellery Fairfax Fenwick Fletcher Forrest Gallagher Garland Goodwin Hadley Halloway Harding Hartwell
    Hawkins Holbrook Ingram Jarvis Keating Kendall Lambert Langley Lockwood Marlow Mercer Merrick Milford
    Norwood Oakley Osborne Parrish Pemberton Prescott Quincy Radcliffe Ramsey Redmond Rowland Sandford Sawyer
    Sheldon Sinclair Stafford Sterling Sutton Thornton Tilney Underwood Vance Wakefield Warwick Weston
    Whitaker Winslow Woodward Wyndham
    """
)
PROFESSIONS: tuple[str, ...] = words(
    """
    doctor nurse teacher lawyer farmer baker sailor soldier painter writer singer dancer judge engineer
    captain carpenter driver gardener banker poet priest cook tailor scientist
    """
)


def _invent(count: int, seed: int) -> dict[str, int]:
    """Draws so many full names, each with a year: neither first name nor surname alone gives the year away."""
    rng = random.Random(seed)
    pairs = rng.sample([f"{first} {last}" for first in FIRST_NAMES for last in SURNAMES], count)
    return {name: rng.randint(1800, 1999) for name in pairs}


INVENTED: dict[str, int] = _invent(200, seed=1867)
"""Full name -> year of birth. Nobody real is meant; every first name and most surnames belong to several of them."""

REAL: dict[str, int] = {
    "William Shakespeare": 1564,
    "Galileo Galilei": 1564,
    "George Washington": 1732,
    "Wolfgang Amadeus Mozart": 1756,
    "Napoleon Bonaparte": 1769,
    "Ludwig van Beethoven": 1770,
    "Jane Austen": 1775,
    "Victor Hugo": 1802,
    "Abraham Lincoln": 1809,
    "Charles Darwin": 1809,
    "Charles Dickens": 1812,
    "Ada Lovelace": 1815,
    "Charlotte Bronte": 1816,
    "Herman Melville": 1819,
    "Fyodor Dostoyevsky": 1821,
    "Leo Tolstoy": 1828,
    "Louisa May Alcott": 1832,
    "Lewis Carroll": 1832,
    "Mark Twain": 1835,
    "Frances Hodgson Burnett": 1849,
    "Robert Louis Stevenson": 1850,
    "Lyman Frank Baum": 1856,
    "Edith Nesbit": 1858,
    "Arthur Conan Doyle": 1859,
    "Kenneth Grahame": 1859,
    "Marie Curie": 1867,
    "Lucy Maud Montgomery": 1874,
    "Albert Einstein": 1879,
    "Alan Turing": 1912,
}
"""Full name -> year of birth of people who lived."""
