"""A cache of results that is bounded by the bytes it holds and may be used from any thread."""

from __future__ import annotations

import dataclasses
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class CacheStatistics:
    """What a cache did since it was made (``clear`` keeps the counts)."""

    entries: int
    nbytes: int
    max_bytes: int
    hits: int
    misses: int
    evictions: int
    refused: int


class BoundedCache:
    """Keeps the most recently used values up to ``max_bytes`` in all.

    A value larger than the bound is not kept. Arrays inside a kept value are made read-only, because every later reader
    gets the same object. Its lock is the innermost of this package: nothing else is called while it is held.

    Args:
        max_bytes: Upper bound of the sum of the sizes of all values; 0 keeps nothing.

    Example:
        >>> cache = BoundedCache(1000)
        >>> cache.put("row", np.zeros(100, np.float32)), cache.put("matrix", np.zeros((100, 100)))
        (True, False)
        >>> cache.get("row").shape, cache.get("matrix")
        ((100,), None)
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max(0, int(max_bytes))
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._nbytes = self._hits = self._misses = self._evictions = self._refused = 0

    @property
    def max_bytes(self) -> int:
        """The bound, in bytes."""
        return self._max_bytes

    @property
    def nbytes(self) -> int:
        """Bytes held now."""
        with self._lock:
            return self._nbytes

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._entries

    def get(self, key: Hashable, default: Any = None) -> Any:
        """The value of ``key``, which becomes the most recently used, or ``default``."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                self._misses += 1
                return default
            self._hits += 1
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: Hashable, value: Any) -> bool:
        """Keep ``value`` under ``key``; the least recently used values make room.

        Returns:
            Whether it is kept: False for a value larger than the bound (an older value of ``key`` is dropped then).
        """
        size = size_of(value)
        fits = size <= self._max_bytes and self._max_bytes > 0
        if fits:
            _freeze(value)
        dropped: list[Any] = []  # freed after the lock: a destructor may run any code, even one that uses this cache
        with self._lock:
            old = self._entries.pop(key, None)
            if old is not None:
                self._nbytes -= old[1]
                dropped.append(old)
            if not fits:
                self._refused += 1
            else:
                self._entries[key] = (value, size)
                self._nbytes += size
                while self._nbytes > self._max_bytes:
                    _, oldest = self._entries.popitem(last=False)
                    self._nbytes -= oldest[1]
                    self._evictions += 1
                    dropped.append(oldest)
        del dropped
        return fits

    def discard(self, condition: Callable[[Hashable], bool]) -> int:
        """Drop every entry whose key meets ``condition``; returns how many."""
        dropped: list[Any] = []
        with self._lock:
            keys = list(self._entries)
        matching = [key for key in keys if condition(key)]
        with self._lock:
            for key in matching:
                entry = self._entries.pop(key, None)
                if entry is not None:
                    self._nbytes -= entry[1]
                    dropped.append(entry)
        return len(dropped)

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            entries, self._entries = self._entries, OrderedDict()
            self._nbytes = 0
        entries.clear()

    def statistics(self) -> CacheStatistics:
        """Counts and sizes now."""
        with self._lock:
            return CacheStatistics(
                len(self._entries),
                self._nbytes,
                self._max_bytes,
                self._hits,
                self._misses,
                self._evictions,
                self._refused,
            )


class ScopedCache:
    """The part of a cache that belongs to one subject; what an analysis function sees as ``job.cache``.

    Args:
        cache: The engine's cache.
        scope: Begins every key, so that all values of a subject can be dropped when it is released.
    """

    def __init__(self, cache: BoundedCache, scope: Hashable) -> None:
        self._cache = cache
        self._scope = scope

    def get(self, key: Hashable, default: Any = None) -> Any:
        """The value of ``key`` of this subject, or ``default``."""
        return self._cache.get((self._scope, key), default)

    def put(self, key: Hashable, value: Any) -> bool:
        """Keep ``value`` under ``key`` of this subject; returns whether it is kept."""
        return self._cache.put((self._scope, key), value)

    def __contains__(self, key: Hashable) -> bool:
        return (self._scope, key) in self._cache


def size_of(value: Any) -> int:
    """Bytes that ``value`` holds: arrays with the memory they keep alive, containers and dataclasses with their items.

    An object that occurs twice counts once. A view of an array counts as the array, since it keeps all of it alive.

    Example:
        >>> size_of(np.zeros(1000)[:1]) >= 8000
        True
    """
    seen: set[int] = set()
    total = 0
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, np.ndarray):
            while isinstance(item.base, np.ndarray):
                item = item.base
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, np.ndarray):
            total += item.nbytes + 112  # the header; sys.getsizeof counts the data of some arrays only
            continue
        if isinstance(item, memoryview):
            total += item.nbytes
            continue
        total += sys.getsizeof(item, 64)
        stack.extend(_items(item))
    return total


def _items(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    return []


def _freeze(value: Any) -> None:
    seen: set[int] = set()
    stack = [value]
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, np.ndarray):
            item.setflags(write=False)
        else:
            stack.extend(_items(item))
