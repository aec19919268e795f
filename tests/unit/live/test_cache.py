from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from ecco_widgets.live import BoundedCache, ScopedCache, size_of


@dataclass(frozen=True)
class Row:
    position: int
    values: Any


@pytest.mark.parametrize("seed", range(5))
def test_the_sizes_of_all_values_never_exceed_the_bound(seed: int) -> None:
    rng = random.Random(seed)
    cache = BoundedCache(20_000)
    for _ in range(500):
        cache.put(rng.randrange(40), {"rows": [np.zeros(rng.randrange(4000), np.uint8)]})
        if rng.random() < 0.2:
            cache.discard(lambda key: key == rng.randrange(40))
        assert cache.nbytes <= 20_000
        held = [cache.get(key) for key in range(40) if key in cache]
        assert cache.nbytes == sum(size_of(value) for value in held)
    assert cache.statistics().evictions > 0


def test_the_least_recently_used_value_makes_room() -> None:
    size = size_of(np.zeros(100))
    cache = BoundedCache(2 * size)
    for key in "ab":
        cache.put(key, np.zeros(100))
    cache.get("a")
    cache.put("c", np.zeros(100))
    assert [key in cache for key in "abc"] == [True, False, True]


def test_a_value_larger_than_the_bound_is_not_kept_and_replaces_an_older_one() -> None:
    cache = BoundedCache(1000)
    assert cache.put("a", np.zeros(10))
    assert not cache.put("a", np.zeros(1000))
    assert "a" not in cache
    assert cache.nbytes == 0
    assert cache.statistics().refused == 1


def test_a_bound_of_nothing_keeps_nothing() -> None:
    cache = BoundedCache(0)
    assert not cache.put("a", None)
    assert cache.get("a", "absent") == "absent"


def test_none_can_be_kept() -> None:
    cache = BoundedCache(1000)
    cache.put("a", None)
    assert cache.get("a", "absent") is None


def test_replacing_a_value_counts_its_size_once() -> None:
    cache = BoundedCache(10_000)
    for _ in range(3):
        cache.put("a", np.zeros(100))
    assert cache.nbytes == size_of(np.zeros(100))


def test_kept_arrays_are_read_only() -> None:
    cache = BoundedCache(10_000)
    value = Row(3, [{"a": np.zeros(3)}])
    cache.put("row", value)
    with pytest.raises(ValueError, match="read-only"):
        value.values[0]["a"][0] = 1


def test_arrays_that_are_not_kept_stay_writable() -> None:
    value = np.zeros(1000)
    assert not BoundedCache(100).put("row", value)
    value[0] = 1
    assert value.flags.writeable


def test_clearing_drops_everything_and_keeps_the_counts() -> None:
    cache = BoundedCache(10_000)
    cache.put("a", 1)
    cache.get("a")
    cache.get("b")
    cache.clear()
    statistics = cache.statistics()
    assert (len(cache), cache.nbytes) == (0, 0)
    assert (statistics.hits, statistics.misses, statistics.max_bytes) == (1, 1, 10_000)


def test_values_of_a_scope_are_apart_from_those_of_another() -> None:
    cache = BoundedCache(10_000)
    one, two = ScopedCache(cache, 1), ScopedCache(cache, 2)
    one.put("row", "one")
    two.put("row", "two")
    assert (one.get("row"), two.get("row"), "row" in one, "other" in one) == ("one", "two", True, False)
    assert cache.discard(lambda key: key[0] == 1) == 1  # type: ignore[index]
    assert (one.get("row"), two.get("row")) == (None, "two")


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        (np.zeros((10, 10)), 800, 1000),
        (np.zeros(10_000)[::100], 80_000, 81_000),  # a view keeps all of its array alive
        ([np.zeros(100)] * 50, 800, 2000),  # one array, fifty times
        ({"a": np.zeros(100, np.float32), "b": (np.zeros(50), "text")}, 800, 2000),
        (Row(1, np.zeros(100)), 800, 2000),
        (b"x" * 1000, 1000, 1100),
        (memoryview(bytearray(1000)), 1000, 1300),
        ("é" * 1000, 1000, 2200),
    ],
)
def test_sizes_are_those_of_the_data_inside(value: Any, least: int, most: int) -> None:
    assert least <= size_of(value) <= most


def test_a_value_that_contains_itself_has_a_size() -> None:
    value: list[Any] = [np.zeros(100)]
    value.append(value)
    assert size_of(value) < 2000
    assert BoundedCache(10_000).put("a", value)


def test_many_threads_may_use_one_cache() -> None:
    cache = BoundedCache(5000)
    failures: list[BaseException] = []

    def use(seed: int) -> None:
        rng = random.Random(seed)
        try:
            for _ in range(300):
                key = rng.randrange(20)
                cache.put(key, np.full(rng.randrange(200), key, np.uint8))
                value = cache.get(key)
                assert value is None or (value == key).all()
                if rng.random() < 0.05:
                    cache.clear()
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert cache.nbytes <= 5000
