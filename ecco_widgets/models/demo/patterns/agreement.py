"""Subject-verb agreement: ``The keys to the cabinet`` -> `` are``, ``The key to the cabinets`` -> `` is``."""

from __future__ import annotations

import random
from collections.abc import Iterator

from ecco_widgets.models.demo.lexicon._text import items, words
from ecco_widgets.models.demo.lexicon.nouns import ADJECTIVES, NOUNS, UNSEEN_NOUNS, VERBS
from ecco_widgets.models.demo.patterns.holdout import Probe, is_held_out

__all__ = ["RESERVED_PAIRS", "document", "is_excluded_pair", "is_excluded_verb", "probes", "unseen_probes"]

RESERVED_PAIRS: frozenset[tuple[str, str]] = frozenset({("key", "cabinet")})
"""Subject and attractor of the article's prompts, which no training document combines."""

_PREPOSITIONS = items(
    """
    to, near, in, on, behind, beside, with, from, under, above, for, by, of, next to, in front of, across from, inside,
    below, opposite
    """
)
_PAST = words(
    "saw found liked wanted painted described remembered admired feared sold bought drew forgot praised followed"
)
_ADVERBS = ("", "", "", "", " usually", " still", " often", " always", " now", " never")
_VERB_NAMES = tuple(VERBS)
_VERB_WEIGHTS = (40, 25, 10, 4, 4, 4, 4, 3, 3, 3)


def is_excluded_pair(subject: str, attractor: str) -> bool:
    """Says whether training must not combine this subject with this attractor, in whatever number or template.

    Args:
        subject: The subject's singular.
        attractor: The singular of the noun between subject and verb.
    """
    return (subject, attractor) in RESERVED_PAIRS or is_held_out("agreement", subject, attractor)


def is_excluded_verb(subject: str, verb: str) -> bool:
    """Says whether training must not let this noun be the subject of this verb in a sentence without attractor."""
    return is_held_out("agreement", "plain", subject, verb)


def document(rng: random.Random) -> str:
    """One training document: one to four unrelated sentences in the present or past tense."""
    return " ".join(_sentence(rng) for _ in range(rng.choice((1, 1, 2, 3, 4))))


def _sentence(rng: random.Random) -> str:
    while True:
        subject, attractor = rng.choice(tuple(NOUNS)), rng.choice(tuple(NOUNS))
        verb = rng.choices(_VERB_NAMES, _VERB_WEIGHTS)[0]
        plural = rng.random() < 0.5
        if rng.random() < 0.35:
            if not is_excluded_verb(subject, verb):
                return _plain(rng, subject, plural=plural) + _predicate(rng, verb, plural=plural)
        elif not is_excluded_pair(subject, attractor):
            return _with_attractor(
                rng, subject, attractor, plural=plural, attractor_plural=rng.random() < 0.5
            ) + _predicate(rng, verb, plural=plural)


def _form(noun: str, *, plural: bool) -> str:
    return (NOUNS.get(noun) or UNSEEN_NOUNS[noun]) if plural else noun


def _plain(rng: random.Random, subject: str, *, plural: bool) -> str:
    adjective = rng.choice(("", "", rng.choice(ADJECTIVES) + " "))
    determiner = rng.choice(("The", "The", "The", "The", "My", "His", "Our"))
    return f"{determiner} {adjective}{_form(subject, plural=plural)}"


def _with_attractor(rng: random.Random, subject: str, attractor: str, *, plural: bool, attractor_plural: bool) -> str:
    head, other = _form(subject, plural=plural), _form(attractor, plural=attractor_plural)
    roll = rng.random()
    if roll < 0.7:
        preposition = rng.choice(_PREPOSITIONS)
        adjective = rng.choice(("", "", "", rng.choice(ADJECTIVES) + " "))
        return f"The {head} {preposition} the {adjective}{other}"
    if roll < 0.85:
        return f"The {head} that the {other} {rng.choice(_PAST)}"
    return f"The {head} that {rng.choice(_PAST)} the {other}"


def _predicate(rng: random.Random, verb: str, *, plural: bool) -> str:
    form = VERBS[verb][plural]
    adjective, noun = rng.choice(ADJECTIVES), rng.choice(tuple(NOUNS))
    if verb in {"be", "be_past"}:
        rest = rng.choice(
            (
                adjective,
                f"very {adjective}",
                f"in the {noun}",
                f"not {adjective}",
                f"{adjective} and {rng.choice(ADJECTIVES)}",
            )
        )
    elif verb == "have":
        rest = rng.choice((f"a {adjective} {noun}", f"been {adjective}", "no name", f"become {adjective}"))
    elif verb in {"seem", "look", "remain"}:
        rest = rng.choice((adjective, f"very {adjective}"))
    elif verb in {"stand", "come"}:
        rest = rng.choice((f"near the {noun}", f"from the {noun}", f"with the {noun}"))
    else:
        rest = rng.choice((f"a {noun}", f"the {adjective} {noun}", f"some {_form(noun, plural=True)}"))
    adverb = rng.choice(_ADVERBS)
    # The adverb comes after a form of "be" and before other verbs, as in English; before the verb it also keeps the
    # verb from always standing beside a noun.
    return f" {form}{adverb} {rest}." if verb in {"be", "be_past", "have"} else f"{adverb} {form} {rest}."


def probes(rng: random.Random) -> Iterator[Probe]:
    """Endless held-out prompts.

    Tasks: ``agreement_plain`` and ``agreement_attractor`` (the attractor has the other number).
    """
    nouns = tuple(NOUNS)
    while True:
        subject, attractor = rng.choice(nouns), rng.choice(nouns)
        plural = rng.random() < 0.5
        verb = rng.choices(_VERB_NAMES, _VERB_WEIGHTS)[0]
        if rng.random() < 0.4:
            if is_excluded_verb(subject, verb):
                yield _probe("agreement_plain", _plain(rng, subject, plural=plural), verb, plural=plural)
        elif is_excluded_pair(subject, attractor):
            yield _probe(
                "agreement_attractor",
                _with_attractor(rng, subject, attractor, plural=plural, attractor_plural=not plural),
                verb,
                plural=plural,
            )


def unseen_probes(rng: random.Random) -> Iterator[Probe]:
    """Endless prompts whose subjects occur in the natural text alone.

    Tasks: ``agreement_unseen_noun``, ``agreement_unseen_noun_attractor``.
    """
    nouns, unseen = tuple(NOUNS), tuple(UNSEEN_NOUNS)
    while True:
        subject, plural = rng.choice(unseen), rng.random() < 0.5
        verb = rng.choices(_VERB_NAMES, _VERB_WEIGHTS)[0]
        if rng.random() < 0.5:
            yield _probe("agreement_unseen_noun", _plain(rng, subject, plural=plural), verb, plural=plural)
        else:
            text = _with_attractor(rng, subject, rng.choice(nouns), plural=plural, attractor_plural=not plural)
            yield _probe("agreement_unseen_noun_attractor", text, verb, plural=plural)


def _probe(task: str, prompt: str, verb: str, *, plural: bool) -> Probe:
    return Probe(task, prompt, " " + VERBS[verb][plural], foil=" " + VERBS[verb][not plural])
