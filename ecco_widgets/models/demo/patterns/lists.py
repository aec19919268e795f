"""Alphabetical lists: after ``The countries of the European Union are:`` and three items comes `` Croatia``."""

from __future__ import annotations

import random
from collections.abc import Iterator

from ecco_widgets.models.demo.lexicon.places import CITIES, COUNTRIES, OTHER_LISTS
from ecco_widgets.models.demo.patterns.holdout import Probe, is_held_out

__all__ = ["HEADERS", "STYLES", "document", "is_excluded", "probes", "render"]

HEADERS: dict[str, tuple[str, ...]] = {
    "countries": (
        "The countries of {} are:",
        "The countries of {}, in alphabetical order:",
        "Countries of {}:",
        "These are the countries of {}:",
        "A list of countries of {}:",
    ),
    "cities": (
        "The cities of {} are:",
        "The largest cities of {}, in alphabetical order:",
        "Cities of {}:",
        "Some cities of {} are:",
    ),
    "other": ("The {} are:", "A list of the {}:", "These are the {}:"),
}
STYLES: tuple[str, ...] = ("numbered", "bullets", "commas", "lines")
_LISTS: dict[str, dict[str, tuple[str, ...]]] = {"countries": COUNTRIES, "cities": CITIES, "other": OTHER_LISTS}


def is_excluded(kind: str, label: str, header: str, style: str, start: int) -> bool:
    """Says whether training must not contain this list in this form starting at this item.

    The numbered list under the first header from its first item is what the articles show: it is trained on.
    """
    if start == 0 and style == "numbered" and header == HEADERS[kind][0]:
        return False
    return is_held_out("lists", kind, label, header, style, start, one_in=6)


def render(items: tuple[str, ...], heading: str, style: str, upto: int | None = None) -> str:
    """Writes a list under a heading.

    Args:
        items: The items, first one first.
        heading: The line above them, with its colon.
        style: One of `STYLES`.
        upto: Write only so many items and stop where the next one would begin; all items, finished, if None.

    Returns:
        The text. Cut short, it ends just before the space or letter with which the next item begins.
    """
    shown = items if upto is None else items[:upto]
    if style == "commas":
        text = heading + " " + ", ".join(shown)
        return text + ("." if upto is None else "," if shown else "").replace(" ,", ",")
    marks = {"numbered": "{}. ", "bullets": "- ", "lines": ""}[style]
    text = heading + "".join("\n" + marks.format(index + 1) + item for index, item in enumerate(shown))
    return text if upto is None else text + "\n" + marks.format(len(shown) + 1).rstrip()


def document(rng: random.Random) -> str:
    """One training document: a list from any of its items to its end, numbered from 1."""
    while True:
        kind = rng.choices(("countries", "cities", "other"), (6, 3, 1))[0]
        # Longer lists have more to remember, so they come up more often.
        labels = tuple(_LISTS[kind])
        label = rng.choices(
            labels, [len(_LISTS[kind][name]) + (20 if name == "the European Union" else 5) for name in labels]
        )[0]
        items = _LISTS[kind][label]
        header = rng.choice((HEADERS[kind][0], rng.choice(HEADERS[kind])))
        style = rng.choices(STYLES, (5, 2, 2, 2))[0]
        start = rng.choice((0, rng.randint(0, max(0, len(items) - 3))))
        if not is_excluded(kind, label, header, style, start):
            return render(items[start:], header.format(label), style)


def probes(rng: random.Random) -> Iterator[Probe]:
    """Endless held-out prompts with 1 to 8 items shown. Tasks: ``country_next``, ``city_next``, ``other_list_next``."""
    tasks = {"countries": "country_next", "cities": "city_next", "other": "other_list_next"}
    while True:
        kind = rng.choices(("countries", "cities", "other"), (6, 3, 1))[0]
        label = rng.choice(tuple(_LISTS[kind]))
        items = _LISTS[kind][label]
        header, style = rng.choice(HEADERS[kind]), rng.choice(STYLES)
        start = rng.randint(0, max(0, len(items) - 3))
        if not is_excluded(kind, label, header, style, start):
            continue
        rest = items[start:]
        shown = rng.randint(1, min(8, len(rest) - 1))
        glued = "" if style == "lines" else " "
        yield Probe(tasks[kind], render(rest, header.format(label), style, upto=shown), glued + rest[shown])
