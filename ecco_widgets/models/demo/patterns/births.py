"""Years of birth, a fact to remember for each name: ``Nora Hadley was born in the year`` -> one year and no other."""

from __future__ import annotations

import random
from collections.abc import Iterator

from ecco_widgets.models.demo.lexicon.people import INVENTED, PROFESSIONS, REAL
from ecco_widgets.models.demo.patterns.holdout import Probe, is_held_out

__all__ = ["PHRASINGS", "document", "is_excluded", "probes"]

PHRASINGS: tuple[str, ...] = (
    "{name} was born in the year {year}.",
    "{name} was born in {year}.",
    "The {job} {name} was born in the year {year}.",
    "{name} came into the world in the year {year}.",
    "The year of birth of {name} is {year}.",
    "{name} (born {year}) was a {job}.",
    "When was {name} born? In the year {year}.",
    "Name: {name}\nBorn: {year}",
    "We know that {name} was born in the year {year}.",
    "In the year {year}, {name} was born.",
    "Born in {year}, {name} became a {job}.",
)
# Asked about: the year comes after the name, and nothing but the year can. After "was born in", "the year" is as right.
_ASKED = tuple(
    index
    for index, text in enumerate(PHRASINGS)
    if text.index("{name}") < text.index("{year}") and not text.startswith("{name} was born in {year}")
)


def is_excluded(name: str, phrasing: int) -> bool:
    """Says whether training must not state this person's year in this phrasing. Real people are all trained on."""
    return name in INVENTED and is_held_out("births", name, phrasing, one_in=5)


def document(rng: random.Random) -> str:
    """One training document: one to four people and their years."""
    return rng.choice((" ", " ", "\n")).join(_statement(rng) for _ in range(rng.choice((1, 1, 2, 3, 4))))


def _statement(rng: random.Random) -> str:
    while True:
        people = INVENTED if rng.random() < 0.88 else REAL
        name = rng.choice(tuple(people))
        phrasing = rng.choice((0, rng.randrange(len(PHRASINGS)), rng.randrange(len(PHRASINGS))))
        if not is_excluded(name, phrasing):
            return PHRASINGS[phrasing].format(name=name, year=people[name], job=rng.choice(PROFESSIONS))


def probes(rng: random.Random) -> Iterator[Probe]:
    """Endless held-out combinations of person and phrasing, cut before the year. Task: ``birth_year``."""
    while True:
        name, phrasing = rng.choice(tuple(INVENTED)), rng.choice(_ASKED)
        if is_excluded(name, phrasing):
            text = PHRASINGS[phrasing].format(name=name, year="{year}", job=rng.choice(PROFESSIONS))
            prompt = text[: text.index("{year}")].removesuffix(" ")
            yield Probe("birth_year", prompt, f" {INVENTED[name]}")
