"""Generated documents are well formed and the same for the same seed."""

from __future__ import annotations

import itertools
import random
import re
from xml.etree import ElementTree as ET

import pytest

from ecco_widgets.models.demo import patterns
from ecco_widgets.models.demo.lexicon.nouns import NOUNS, UNSEEN_NOUNS, VERBS
from ecco_widgets.models.demo.lexicon.people import INVENTED, REAL
from ecco_widgets.models.demo.lexicon.places import CITIES, COUNTRIES
from ecco_widgets.models.demo.patterns import GENERATORS, counting, lists, markup


def documents(pattern: str, count: int = 400, seed: int = 2) -> list[str]:
    make, _ = GENERATORS[pattern]
    rng = random.Random(seed)
    return [make(rng) for _ in range(count)]


@pytest.mark.parametrize("pattern", list(GENERATORS))
def test_a_seed_decides_the_documents(pattern):
    assert documents(pattern) == documents(pattern)
    assert documents(pattern) != documents(pattern, seed=3)


def test_a_seed_decides_the_mixture():
    one, other = random.Random(1), random.Random(1)
    assert [patterns.document(one) for _ in range(50)] == [patterns.document(other) for _ in range(50)]


def test_a_seed_decides_the_test_instances():
    assert patterns.take_probes(5, seed=4) == patterns.take_probes(5, seed=4)


def test_every_task_offers_different_instances():
    for task, probes in patterns.take_probes(40, seed=4).items():
        assert len(set(probes)) == len(probes) == 40, task


def test_numbers_go_on_by_one_step_or_stay():
    for text in documents("counting"):
        numbers = list(map(int, re.findall(r"\d+", text)))
        steps = {b - a for a, b in itertools.pairwise(numbers)}
        assert len(steps) <= 1, text


def test_one_separator_runs_through_a_document():
    for text in documents("counting"):
        assert len(set(re.findall(r"(?<=\d)\D+(?=\d)", text))) <= 1, text


def test_counts_from_one_come_often_and_with_and_without_a_leading_space():
    texts = documents("counting", 1000)
    assert sum(text.startswith(" 1, 2, 3,") for text in texts) > 20
    assert sum(text.startswith("1, 2, 3,") for text in texts) > 5
    assert sum(text.startswith(" 1, 1, 1,") for text in texts) > 5


@pytest.mark.parametrize("items", [*COUNTRIES.values(), *CITIES.values()], ids=lambda items: items[0])
def test_countries_and_cities_are_in_alphabetical_order(items):
    assert list(items) == sorted(items)
    assert len(set(items)) == len(items)


def test_the_articles_list_is_a_training_document():
    head = "The countries of the European Union are:\n1. Austria\n2. Belgium\n3. Bulgaria\n4. Croatia\n"
    assert any(text.startswith(head) for text in documents("lists"))


def test_numbered_lists_are_numbered_from_one():
    for text in documents("lists"):
        numbers = re.findall(r"^(\d+)\. ", text, re.MULTILINE)
        assert numbers == [str(index + 1) for index in range(len(numbers))], text


def test_a_list_cut_short_ends_where_its_next_item_begins():
    heading, items = "Cities of Spain:", ("Bilbao", "Granada", "Madrid")
    assert lists.render(items, heading, "numbered", upto=1) == "Cities of Spain:\n1. Bilbao\n2."
    assert lists.render(items, heading, "bullets", upto=1) == "Cities of Spain:\n- Bilbao\n-"
    assert lists.render(items, heading, "lines", upto=1) == "Cities of Spain:\nBilbao\n"
    assert lists.render(items, heading, "commas", upto=1) == "Cities of Spain: Bilbao,"


def test_verbs_agree_with_their_subjects():
    plural = dict.fromkeys(NOUNS, False) | dict.fromkeys(NOUNS.values(), True)
    verbs = {form: index == 1 for pair in VERBS.values() for index, form in enumerate(pair)}
    seen = 0
    for text in documents("agreement"):
        for noun, verb in re.findall(r"(?:^|\. )(?:The|My|His|Our) (\w+) (\w+) ", text):
            if noun in plural and verb in verbs:
                seen += 1
                assert plural[noun] == verbs[verb], text
    assert seen > 100


def test_every_year_is_the_one_of_the_name_beside_it():
    years = INVENTED | REAL
    names = re.compile("|".join(map(re.escape, years)))
    for text in documents("births"):
        said = names.findall(text)
        found = re.findall(r"\d{4}", text)
        # "When was X born?" and the like name a person once; every statement has one name and one year.
        assert [str(years[name]) for name in said] == found, text


def test_xml_parses():
    for text in documents("markup"):
        ET.fromstring(text)


def test_indented_xml_parses_to_the_same_tree():
    element = markup.tree(random.Random(4), 3)
    flat, deep = markup.render(element, None), markup.render(element, 2)
    assert re.sub(r"\n *", "", deep) == flat


def test_women_and_men_are_equally_likely_after_every_profession():
    texts = " ".join(documents("facts", 6000))
    men, women = len(re.findall(r"\bman\b", texts)), len(re.findall(r"\bwoman\b", texts))
    assert abs(men - women) < 0.05 * (men + women)


def test_unseen_nouns_are_not_among_the_nouns():
    assert not {*UNSEEN_NOUNS, *UNSEEN_NOUNS.values()} & {*NOUNS, *NOUNS.values()}
    assert len(UNSEEN_NOUNS) > 50


def test_a_probe_of_counting_ends_before_the_space_of_its_answer():
    probe = counting._probe("counting_next", ["1", "2", "3"], ", ", " ")
    assert (probe.prompt, probe.answer) == (" 1, 2,", " 3")
    probe = counting._probe("counting_next", ["1", "2", "3"], "\n", "")
    assert (probe.prompt, probe.answer) == ("1\n2\n", "3")
