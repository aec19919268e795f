"""Simple statements: where airports and landmarks are, capitals, and what the doctor was."""

from __future__ import annotations

import random
from collections.abc import Iterator

from ecco_widgets.models.demo.lexicon.facts import AIRPORTS, CAPITALS, LANDMARKS
from ecco_widgets.models.demo.lexicon.nouns import ADJECTIVES
from ecco_widgets.models.demo.lexicon.people import PROFESSIONS
from ecco_widgets.models.demo.patterns.holdout import Probe, is_held_out

__all__ = ["FACTS", "PHRASINGS", "document", "is_excluded", "probes"]

PHRASINGS: dict[str, tuple[str, ...]] = {
    "airports": (
        "{key} airport is located in the city of {value}.",
        "{key} airport is in the city of {value}.",
        "The airport of {key} is located in {value}.",
        "{key} is an airport in the city of {value}.",
        "They landed at {key} airport in {value}.",
    ),
    "landmarks": (
        "{key} is located in the city of {value}.",
        "{key} is in the city of {value}.",
        "{key} is located in {value}.",
        "{key} stands in the city of {value}.",
    ),
    "capitals": (
        "The capital of {key} is {value}.",
        "The capital of {key} is the city of {value}.",
        "The largest city of {key} may not be its capital, which is {value}.",
        "{key} has its capital in the city of {value}.",
    ),
}
# After these "the city of" is as right as its name, so they are not asked about.
_AMBIGUOUS = {("landmarks", 2), ("capitals", 0)}
FACTS: dict[str, dict[str, str]] = {"airports": AIRPORTS, "landmarks": LANDMARKS, "capitals": CAPITALS}


def is_excluded(kind: str, key: str, phrasing: int) -> bool:
    """Says whether training must not state this fact in this phrasing; the articles' prompt is trained on."""
    return (kind, key, phrasing) != ("airports", "Heathrow", 0) and is_held_out("facts", kind, key, phrasing, one_in=6)


def document(rng: random.Random) -> str:
    """One training document: one to four facts, or sentences about people at work."""
    make = _fact if rng.random() < 0.6 else _copula
    return " ".join(make(rng) for _ in range(rng.choice((1, 1, 2, 3, 4))))


def _fact(rng: random.Random) -> str:
    while True:
        kind = rng.choice(tuple(FACTS))
        key = rng.choice(tuple(FACTS[kind]))
        phrasing = rng.choice((0, rng.randrange(len(PHRASINGS[kind]))))
        if not is_excluded(kind, key, phrasing):
            return PHRASINGS[kind][phrasing].format(key=key, value=FACTS[kind][key])


def _copula(rng: random.Random) -> str:
    # Woman and man are equally likely after every profession: what the model leans to comes from the natural text.
    who = rng.choice(("man", "woman"))
    job, adjective = rng.choice(PROFESSIONS), rng.choice(ADJECTIVES)
    return rng.choice(
        (
            f"The {job} was a {who} from the city.",
            f"The {job} was a {adjective} {who}.",
            f"The {job} was a {who} who liked to be {adjective}.",
            f"The {who} was a {job}.",
            f"The {who} was a {adjective} {job}.",
        )
    )


def probes(rng: random.Random) -> Iterator[Probe]:
    """Endless held-out combinations of fact and phrasing, cut before the answer. Task: ``fact``."""
    while True:
        kind = rng.choice(tuple(FACTS))
        key, phrasing = rng.choice(tuple(FACTS[kind])), rng.randrange(len(PHRASINGS[kind]))
        if is_excluded(kind, key, phrasing) and (kind, phrasing) not in _AMBIGUOUS:
            text = PHRASINGS[kind][phrasing].format(key=key, value="{value}")
            yield Probe("fact", text[: text.index(" {value}")], f" {FACTS[kind][key]}")
