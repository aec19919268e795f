"""Factors keep identity, colour and row from picture to picture."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ecco_widgets.widgets._factor_pictures import Identities

A, B, C, D = np.eye(6)[:4]


def test_the_first_factors_are_numbered_in_order_and_none_is_new() -> None:
    order, ids, fresh = Identities().follow(np.stack([A, B, C]), done=True)
    assert (order, ids, fresh) == ([0, 1, 2], (0, 1, 2), ())


def test_factors_that_stay_keep_identity_and_place_and_new_ones_come_last() -> None:
    identities = Identities()
    identities.follow(np.stack([A, B]), done=True)
    order, ids, fresh = identities.follow(np.stack([C, 2 * B + 0.1 * D, A]), done=True)
    assert (order, ids, fresh) == ([2, 1, 0], (0, 1, 2), (2,))


def test_a_factor_that_comes_back_is_the_one_that_went() -> None:
    identities = Identities()
    identities.follow(np.stack([A, B, C]), done=True)
    identities.follow(np.stack([C]), done=True)
    assert identities.ids == (2,)
    order, ids, fresh = identities.follow(np.stack([A, C, D]), done=True)
    assert (order, ids, fresh) == ([1, 0, 2], (2, 0, 3), (0, 3))


def test_new_factors_stay_new_until_the_picture_is_finished() -> None:
    identities = Identities()
    identities.follow(np.stack([A, B]), done=True)
    assert identities.follow(np.stack([A, B, C]), done=False)[2] == (2,)
    assert identities.follow(np.stack([A, B, C + 0.1 * D]), done=False)[2] == (2,)
    assert identities.follow(np.stack([A, B, C + 0.1 * D]), done=True)[2] == (2,)
    assert identities.follow(np.stack([A, B, C + 0.1 * D]), done=True)[2] == ()


def test_what_was_never_finished_is_not_remembered() -> None:
    identities = Identities()
    identities.follow(np.stack([A, B]), done=True)
    identities.follow(np.stack([A, B, C]), done=False)
    identities.follow(np.stack([A, B]), done=True)
    assert identities.follow(np.stack([A, B, D]), done=True)[1] == (0, 1, 2)


def test_a_new_factor_takes_a_colour_that_is_free() -> None:
    identities = Identities()
    rows = np.eye(20)
    identities.follow(rows[:10], done=True)  # all ten colours
    kept = [0, 1, 2, 4, 5, 6, 7, 8, 9]
    identities.follow(rows[kept], done=True)  # the fourth is free
    ids = identities.follow(rows[[*kept, 11]], done=True)[1]
    assert (ids[-1] % 10, ids[-1] > 9) == (3, True)


def test_an_all_zero_factor_is_none_of_the_others() -> None:
    identities = Identities()
    identities.follow(np.stack([A, B]), done=True)
    order, ids, _ = identities.follow(np.stack([0 * A, B]), done=True)
    assert ids[order.index(1)] == 1
    assert len(set(ids)) == 2


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 12), st.integers(0, 5), st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_identities_are_always_distinct_and_complete(steps: list[tuple[int, int, bool]]) -> None:
    identities = Identities()
    finished: tuple[int, ...] | None = None
    for n_factors, seed, done in steps:
        loadings = np.random.default_rng(seed).random((n_factors, 9)) ** 4
        before = identities.ids
        order, ids, fresh = identities.follow(loadings, done=done)
        assert sorted(order) == list(range(n_factors))
        assert len(set(ids)) == n_factors
        assert min(ids) >= 0
        stayed = [i for i in before if i in ids]
        assert list(ids[: len(stayed)]) == stayed
        assert fresh == (() if finished is None else tuple(i for i in ids if i not in finished))
        finished = ids if done else finished


def test_another_number_of_tokens_is_another_run() -> None:
    identities = Identities()
    identities.follow(np.stack([A, B]), done=True)
    ids = identities.follow(np.ones((2, 3)), done=True)[1]
    assert len(set(ids)) == 2
