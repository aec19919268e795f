"""No training document holds an instance that the evaluation asks for."""

from __future__ import annotations

import random
import re
from xml.etree import ElementTree as ET

import pytest

from ecco_widgets.models.demo.lexicon.nouns import ADJECTIVES, NOUNS, UNSEEN_NOUNS, VERBS
from ecco_widgets.models.demo.lexicon.people import INVENTED
from ecco_widgets.models.demo.patterns import GENERATORS, agreement, births, counting, facts, lists, markup, take_probes

SINGULAR = {form: noun for noun, plural in NOUNS.items() for form in (noun, plural)}


def documents(pattern: str, count: int = 3000) -> list[str]:
    make, _ = GENERATORS[pattern]
    rng = random.Random(11)
    return [make(rng) for _ in range(count)]


def test_no_run_starts_where_a_held_out_run_starts():
    opening = re.compile(r"( ?)(\d+)(\D+?)(\d+)(\D+?)(\d+)(?!\d)")
    seen = 0
    for text in documents("counting"):
        match = opening.match(text)
        if not match:
            continue  # letters or words
        lead, separator = match[1], match[3]
        first, second, third = int(match[2]), int(match[4]), int(match[6])
        kind = {(0, 0): "repeat", (1, 1): "count"}.get((second - first, third - second))
        if kind:
            seen += 1
            assert not counting.is_excluded(kind, separator, lead, first), text
    assert seen > 2000


def test_no_run_counts_inside_a_band():
    for text in documents("counting"):
        for separator, band in counting.BANDS.items():
            items = text.strip().split(separator)
            if all(item.isdigit() for item in items):
                counted = list(map(int, items))
                for triple in zip(counted, counted[1:], counted[2:], strict=False):
                    inside = all(number in band for number in triple)
                    assert not (inside and triple[1] == triple[0] + 1 and triple[2] == triple[1] + 1), text


def test_no_list_repeats_a_held_out_combination():
    for text in documents("lists"):
        found = read_list(text)
        assert not lists.is_excluded(*found), (text, found)


def read_list(text: str) -> tuple[str, str, str, str, int]:
    """Kind, label, header, style and first item of a written list."""
    for kind, headers in lists.HEADERS.items():
        for header in headers:
            before, after = header.split("{}")
            match = re.match(re.escape(before) + "(.+?)" + re.escape(after), text)
            if not match or match[1] not in lists._LISTS[kind]:
                continue
            items = lists._LISTS[kind][match[1]]
            rest = text[match.end() :]
            style = (
                "commas"
                if rest.startswith(" ")
                else "numbered"
                if rest.startswith("\n1. ")
                else "bullets"
                if rest.startswith("\n- ")
                else "lines"
            )
            first = re.split(r", |\n", rest.removeprefix("\n").removeprefix("1. ").removeprefix("- ").strip(" ."))[0]
            return kind, match[1], header, style, items.index(first)
    raise AssertionError(f"not a list: {text!r}")


def sentences(pattern: str) -> list[str]:
    return [sentence for text in documents(pattern) for sentence in re.findall(r"[A-Z][^.]*\.", text)]


def test_no_subject_meets_a_held_out_attractor():
    between = "|".join(agreement._PREPOSITIONS)
    pattern = re.compile(
        rf"The (\w+) (?:(?:{between}) the (?:(?:{'|'.join(ADJECTIVES)}) )?(\w+)|that the (\w+) \w+|that \w+ the (\w+)) "
    )
    seen = 0
    for sentence in sentences("agreement"):
        match = pattern.match(sentence)
        if match:
            seen += 1
            subject, attractor = SINGULAR[match[1]], SINGULAR[match[2] or match[3] or match[4]]
            assert not agreement.is_excluded_pair(subject, attractor), sentence
    assert seen > 2000


def test_no_noun_meets_a_held_out_verb_without_attractor():
    forms = {form: verb for verb, pair in VERBS.items() for form in pair}
    adverbs = "usually|still|often|always|now|never"
    pattern = re.compile(
        rf"(?:The|My|His|Our) (?:(?:{'|'.join(ADJECTIVES)}) )?(\w+) (?:(?:{adverbs}) )?({'|'.join(forms)}) "
    )
    seen = 0
    for sentence in sentences("agreement"):
        match = pattern.match(sentence)
        if match:
            seen += 1
            assert not agreement.is_excluded_verb(SINGULAR[match[1]], forms[match[2]]), sentence
    assert seen > 1000


def test_the_articles_pair_of_nouns_is_held_out():
    assert agreement.is_excluded_pair("key", "cabinet")


@pytest.mark.parametrize("pattern", list(GENERATORS))
def test_unseen_nouns_occur_in_no_generated_document(pattern):
    unseen = {form for pair in UNSEEN_NOUNS.items() for form in pair}
    words = {word for text in documents(pattern, 1500) for word in re.findall(r"\w+", text.lower())}
    assert not words & unseen


def test_no_person_meets_a_held_out_phrasing():
    text = "\n".join(documents("births"))
    # A sentence starts at a line's start or after the sentence or the year before it.
    starts = {match.end() for match in re.finditer(r"(?:^|\n|[.?\d] )", text)}
    for name in INVENTED:
        for index, phrasing in enumerate(births.PHRASINGS):
            if phrasing.startswith("{name}") and births.is_excluded(name, index):
                stated = phrasing.split("{year}")[0].format(name=name) + str(INVENTED[name])
                assert not starts & {match.start() for match in re.finditer(re.escape(stated), text)}, stated


def test_no_fact_meets_a_held_out_phrasing():
    text = "\n".join(documents("facts"))
    for kind, known in facts.FACTS.items():
        for key, value in known.items():
            for index, phrasing in enumerate(facts.PHRASINGS[kind]):
                if facts.is_excluded(kind, key, index):
                    assert phrasing.format(key=key, value=value) not in text


def test_no_held_out_nesting_is_written():
    for text in documents("markup", 1500):
        for parent in ET.fromstring(text).iter():
            for child in parent:
                assert not markup.is_excluded(parent.tag, child.tag), text


def test_probes_are_those_that_training_excludes():
    trained = {text for pattern in GENERATORS for text in documents(pattern, 300)}
    for group in take_probes(60, seed=5).values():
        for probe in group:
            assert not any(text.startswith(probe.prompt + probe.answer) for text in trained), probe
