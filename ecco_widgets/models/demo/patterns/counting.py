"""Counting and repetition: ``" 1, 2, 3,"`` goes on with ``" 4"``, ``" 1, 1, 1,"`` with ``" 1"``."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator

from ecco_widgets.models.demo.lexicon._text import words
from ecco_widgets.models.demo.patterns.holdout import Probe, is_held_out

__all__ = ["BANDS", "LARGEST", "SEPARATORS", "document", "is_excluded", "probes", "render"]

LARGEST = 200
SEPARATORS: tuple[str, ...] = (", ", "\n", " ", "; ", " - ", " and ", " | ", ",", ". ", " then ")
_WEIGHTS = (14, 4, 4, 2, 2, 2, 2, 2, 2, 2)

BANDS: dict[str, range] = {"; ": range(62, 71), " - ": range(38, 47), " and ": range(87, 96), " | ": range(51, 60)}
"""Separator -> numbers among which no training document ever counts: never three of them in one counted run."""

_WORDS = words(
    """
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty
    """
)
_ECHOED = words("yes no red blue green tick tock ha la hello north south left right apple stone 0 7 12 A B X")


def render(items: list[str], separator: str, lead: str) -> str:
    """Joins items as a document: ``render(["1", "2"], ", ", " ")`` is ``" 1, 2"``."""
    return lead + separator.join(items)


def is_excluded(kind: str, separator: str, lead: str, start: int, numbers: range | None = None) -> bool:
    """Says whether training must not contain this run.

    Runs from 0 or 1 and the repetition of 0 or 1 are what every reader tries first: they are trained on, never
    tested as held out, and so are the numbers among the items that are repeated whatever the separator.
    """
    if kind == "count" and numbers is not None and separator in BANDS:
        band = BANDS[separator]
        if sum(number in band for number in numbers) >= 3:
            return True
    if start <= 1 or (kind == "repeat" and str(start) in _ECHOED):
        return False
    return is_held_out("counting", kind, separator, lead, start)


def document(rng: random.Random) -> str:
    """One training document: a run of numbers, letters or number words, or one item repeated."""
    roll = rng.random()
    if roll < 0.50:
        return _count(rng)
    if roll < 0.82:
        return _repeat(rng)
    if roll < 0.91:
        return _stepped(rng)
    return _letters_or_words(rng)


def _style(rng: random.Random) -> tuple[str, str]:
    separator = rng.choices(SEPARATORS, _WEIGHTS)[0]
    return separator, "" if separator == "\n" else rng.choice(("", " ", " "))


def _length(rng: random.Random) -> int:
    # Mostly short, as prompts are; a long tail so that a run can be continued for a whole screen.
    return rng.choice((rng.randint(4, 12), rng.randint(8, 30), rng.randint(20, 90)))


def _count(rng: random.Random) -> str:
    while True:
        separator, lead = _style(rng)
        roll = rng.random()
        if roll < 0.35:
            start = rng.choice((1, 1, 1, 0))
        elif roll < 0.6:
            start = rng.randint(2, 20)
        elif roll < 0.93:
            start = rng.randint(2, LARGEST - 5)
        else:
            start = rng.randint(1800, 2010)
        stop = start + _length(rng)
        numbers = range(start, min(stop, LARGEST + 1) if start < LARGEST else stop)
        if len(numbers) >= 4 and not is_excluded("count", separator, lead, start, numbers):
            return render([str(number) for number in numbers], separator, lead)


def _repeat(rng: random.Random) -> str:
    while True:
        separator, lead = _style(rng)
        times = _length(rng)
        if rng.random() < 0.3:
            return render([rng.choice(_ECHOED)] * times, separator, lead)
        number = rng.choice((1, rng.randint(0, 20), rng.randint(0, LARGEST), rng.randint(0, LARGEST)))
        if not is_excluded("repeat", separator, lead, number):
            return render([str(number)] * times, separator, lead)


def _stepped(rng: random.Random) -> str:
    separator, lead = _style(rng)
    step = rng.choice((2, 2, 5, 10, -1, -1))
    start = rng.randint(10, LARGEST) if step < 0 else rng.choice((step, rng.randint(0, 60)))
    numbers = list(range(start, -1, step) if step < 0 else range(start, LARGEST + 1, step))[: max(5, _length(rng) // 2)]
    return render([str(number) for number in numbers], separator, lead)


def _letters_or_words(rng: random.Random) -> str:
    separator, lead = _style(rng)
    alphabet = rng.choice((list(string.ascii_lowercase), list(string.ascii_uppercase), list(_WORDS)))
    start = rng.choice((0, rng.randint(0, len(alphabet) - 6)))
    return render(alphabet[start : start + max(5, _length(rng))], separator, lead)


def probes(rng: random.Random) -> Iterator[Probe]:
    """Endless held-out prompts: what comes after 3 to 12 numbers, with the separator given up to its space.

    Tasks: ``counting_next`` (runs whose start with this separator is held out), ``counting_next_band`` (inside a
    band) and ``repetition_next``.
    """
    while True:
        roll = rng.random()
        shown = rng.randint(3, 12)
        if roll < 0.25:
            separator = rng.choice(tuple(BANDS))
            band = BANDS[separator]
            start = rng.randrange(band.start, band.stop - 3)
            shown = rng.randint(3, band.stop - start - 1)
            items = [str(number) for number in range(start, start + shown + 1)]
            yield _probe("counting_next_band", items, separator, rng.choice(("", " ")))
            continue
        separator, lead = _style(rng)
        if roll < 0.7:
            start = rng.choice((rng.randint(2, 20), rng.randint(2, LARGEST - 13)))
            if is_excluded("count", separator, lead, start):
                yield _probe(
                    "counting_next", [str(number) for number in range(start, start + shown + 1)], separator, lead
                )
        else:
            number = rng.choice((rng.randint(2, 20), rng.randint(2, LARGEST)))
            if is_excluded("repeat", separator, lead, number):
                yield _probe("repetition_next", [str(number)] * (shown + 1), separator, lead)


def _probe(task: str, items: list[str], separator: str, lead: str) -> Probe:
    # A space before a number belongs to the number's token, so the prompt ends before it and the answer begins with it.
    glued = " " if separator.endswith(" ") else ""
    prompt = render(items[:-1], separator, lead) + separator.removesuffix(" ")
    return Probe(task, prompt, glued + items[-1])
