"""Factors keep who they are and their colour while a slider moves there and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ecco_widgets as ecco
from ecco_widgets.analysis.factor_matching import Identities, match_factors, matched_pairs
from ecco_widgets.analysis.factorization import Factors, factorize
from ecco_widgets.errors import InvalidInput
from ecco_widgets.models import Trace


@pytest.fixture(scope="module")
def some() -> Factors:
    return factorize(np.abs(np.random.default_rng(0).standard_normal((8, 30))), 2)


@pytest.fixture(scope="module")
def counting() -> Trace:
    return ecco.load_demo().generate(" 1, 2, 3,", generate=30)


def with_loadings(some: Factors, rows: list[list[float]]) -> Factors:
    return replace(some, token_loadings=np.array(rows, dtype=np.float32))


A, B, C, D = [1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]


def assert_consistent(identities: Identities) -> None:
    assert len(set(identities.ids.tolist())) == len(identities.ids)
    assert len(set(identities.slots.tolist())) == len(identities.slots)
    assert (identities.ids >= 0).all()
    assert (identities.slots >= 0).all()


def test_pairs_have_the_largest_sum_of_cosines() -> None:
    # Greedily 0-0 (0.9) leaves 1-1 (0.1); together 0-1 and 1-0 are better.
    first = np.array([[0.9, 0.8, np.sqrt(1 - 0.81 - 0.64 + 0.8)], [0.8, 0.1, 0.5]], dtype=np.float32)
    second = np.eye(3, dtype=np.float32)[:2]
    rows, columns, cosines = matched_pairs(first, second)
    assert rows.tolist() == [0, 1]
    assert columns.tolist() == [1, 0]
    unit = first / np.linalg.norm(first, axis=1, keepdims=True)
    np.testing.assert_allclose(cosines, [unit[0, 1], unit[1, 0]], rtol=1e-5)


def test_pairs_ignore_signs_and_scales() -> None:
    loadings = np.random.default_rng(0).standard_normal((4, 9)).astype(np.float32)
    rows, columns, cosines = matched_pairs(loadings, -3 * loadings[[2, 0, 3, 1]])
    assert columns[np.argsort(rows)].tolist() == [1, 3, 0, 2]
    np.testing.assert_allclose(cosines, 1.0, rtol=1e-5)


def test_pairs_of_unlike_numbers_of_tokens_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"of the same tokens, got loadings on 4 and 5 tokens"):
        matched_pairs(np.ones((2, 4), np.float32), np.ones((2, 5), np.float32))


def test_at_first_all_are_new(some: Factors) -> None:
    found = match_factors(with_loadings(some, [A, B, C]))
    assert found.ids.tolist() == found.slots.tolist() == [0, 1, 2]
    assert found.new.all()
    np.testing.assert_array_equal(found.similarity, 0.0)


def test_another_order_keeps_identity_and_slot(some: Factors) -> None:
    before = match_factors(with_loadings(some, [A, B, C]))
    after = match_factors(with_loadings(some, [C, A, B]), before)
    assert after.ids.tolist() == after.slots.tolist() == [2, 0, 1]
    assert not after.new.any()
    np.testing.assert_allclose(after.similarity, 1.0, rtol=1e-6)


def test_an_added_factor_is_the_new_one(some: Factors) -> None:
    before = match_factors(with_loadings(some, [A, B]))
    after = match_factors(with_loadings(some, [C, [0.9, 0.1, 0, 0], B]), before)
    assert after.ids.tolist() == [2, 0, 1]
    assert after.new.tolist() == [True, False, False]


def test_what_is_too_unlike_is_not_the_same(some: Factors) -> None:
    before = match_factors(with_loadings(some, [A, B]))
    after = match_factors(with_loadings(some, [[1.0, 0, 1.2, 0], B]), before)
    assert after.ids.tolist() == [2, 1]
    assert after.new.tolist() == [True, False]
    lenient = match_factors(with_loadings(some, [[1.0, 0, 1.2, 0], B]), before, minimum=0.6)
    assert lenient.ids.tolist() == [0, 1]


def test_a_removed_factor_gets_its_identity_and_slot_back(some: Factors) -> None:
    three = match_factors(with_loadings(some, [A, B, C]))
    two = match_factors(with_loadings(some, [A, C]), three)
    assert two.ids.tolist() == two.slots.tolist() == [0, 2]
    again = match_factors(with_loadings(some, [B, A, C]), two)
    assert again.ids.tolist() == again.slots.tolist() == [1, 0, 2]
    assert again.new.tolist() == [True, False, False]  # it was not there just before


def test_slots_are_distinct_and_small_when_one_comes_back_to_a_taken_slot(some: Factors) -> None:
    two = match_factors(with_loadings(some, [A, B]))
    other = match_factors(with_loadings(some, [A, D]), two)  # takes the slot of B
    assert other.ids.tolist() == [0, 2]
    assert other.slots.tolist() == [0, 1]
    back = match_factors(with_loadings(some, [A, B, D]), other)
    assert back.ids.tolist() == [0, 1, 2]
    assert back.slots.tolist() == [0, 2, 1]


def test_other_tokens_make_all_new_and_give_no_identity_twice(some: Factors) -> None:
    before = match_factors(with_loadings(some, [A, B]))
    after = match_factors(with_loadings(some, [[1.0, 0, 0], [0, 1.0, 0]]), before)
    assert after.ids.tolist() == [2, 3]
    assert after.slots.tolist() == [0, 1]
    assert after.new.all()


def test_factors_of_zeros_are_told_apart(some: Factors) -> None:
    zero = [0.0] * 4
    found = match_factors(with_loadings(some, [A, zero, zero]), match_factors(with_loadings(some, [zero, A])))
    assert_consistent(found)
    assert found.ids[0] == 1


def test_a_slider_from_2_to_12_and_back_brings_the_same_factors_back(counting: Trace) -> None:
    seen: dict[int, tuple[list[int], list[int]]] = {}
    identities: Identities | None = None
    for n_components in [*range(2, 13), *range(11, 1, -1)]:
        before = identities
        identities = match_factors(factorize(counting, n_components), before)
        assert_consistent(identities)
        assert identities.slots.max() < 13
        if before is not None:
            kept = np.isin(identities.ids, before.ids)
            np.testing.assert_array_equal(identities.new, ~kept)
            # What was there keeps its colour.
            for one in identities.ids[kept]:
                assert identities.slots[identities.ids == one] == before.slots[before.ids == one]
            assert identities.new.sum() <= 3
        now = identities.ids.tolist(), identities.slots.tolist()
        if n_components in seen:
            assert now[0] == seen[n_components][0]
        seen[n_components] = now


def test_other_layers_keep_factors_that_are_alike(counting: Trace) -> None:
    before = match_factors(factorize(counting, 3))
    after = match_factors(factorize(counting, 3, layers=range(1, 6)), before)
    assert_consistent(after)
    assert after.new.sum() <= 1


def test_what_is_remembered_is_bounded(some: Factors) -> None:
    chance = np.random.default_rng(0)
    identities: Identities | None = None
    for _ in range(120):
        identities = match_factors(with_loadings(some, chance.random((5, 40)).tolist()), identities)
    assert identities is not None
    assert len(identities.seen) <= 256
