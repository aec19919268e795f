"""N-gram language models over the demo model's tokens: what it has to beat on natural text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["KneserNeyTrigram", "Unigram"]

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


class Unigram:
    """Relative frequencies with one added to every count.

    Args:
        texts: Training texts as token ids.
        vocabulary: Number of tokens.
    """

    def __init__(self, texts: Sequence[Ids], vocabulary: int) -> None:
        counts = (
            sum((np.bincount(ids, minlength=vocabulary) for ids in texts), np.zeros(vocabulary, dtype=np.int64)) + 1
        )
        self._log = np.log(counts / counts.sum())

    def log_probabilities(self, ids: Ids) -> Floats:
        """Log-probability of each token but the first, (T - 1,), so that all models are asked the same tokens."""
        chosen: Floats = self._log[ids[1:]]
        return chosen


class KneserNeyTrigram:
    """Interpolated Kneser-Ney of order three, one discount an order.

    Source: Kneser and Ney (1995); Chen and Goodman (1999), section 2.7.

    Args:
        texts: Training texts as token ids.
        vocabulary: Number of tokens.
    """

    def __init__(self, texts: Sequence[Ids], vocabulary: int) -> None:
        V = self._vocabulary = vocabulary
        trigrams = np.concatenate([(ids[:-2] * V + ids[1:-1]) * V + ids[2:] for ids in texts])
        self._trigrams = _Discounted(*np.unique(trigrams, return_counts=True), V)
        # Below the highest order a token counts by the number of different tokens it follows, not by its frequency.
        bigrams, before = np.unique(self._trigrams.keys % (V * V), return_counts=True)
        self._bigrams = _Discounted(bigrams, before, V)
        tokens, before = np.unique(bigrams % V, return_counts=True)
        self._tokens = _Discounted(tokens, before, V)

    def log_probabilities(self, ids: Ids) -> Floats:
        """Log-probability of each token but the first, (T - 1,); the second has one token of context, others two."""
        V = self._vocabulary
        token, previous = ids[1:], ids[:-1]
        one = self._tokens.interpolate(np.zeros_like(token), token, np.full(len(token), 1 / V))
        two = self._bigrams.interpolate(previous, previous * V + token, one)
        context = ids[:-2] * V + ids[1:-1]
        three = self._trigrams.interpolate(context, context * V + token[1:], two[1:])
        logs: Floats = np.log(np.concatenate([two[:1], three]))
        return logs


class _Discounted:
    """One order: counts of n-grams, less a discount that is given to the order below."""

    def __init__(self, keys: Ids, counts: Ids, vocabulary: int) -> None:
        self.keys, self._counts = keys, counts
        once, twice = int((counts == 1).sum()), int((counts == 2).sum())
        # Where no n-gram is rare enough to estimate it, some discount still leaves something for what was never seen.
        self._discount = once / (once + 2 * twice) if once else 0.5
        self._contexts, starts = np.unique(keys // vocabulary, return_index=True)
        self._totals = np.add.reduceat(counts, starts)
        self._followers = np.diff(np.append(starts, len(keys)))

    def interpolate(self, contexts: Ids, keys: Ids, lower: Floats) -> Floats:
        """Probability of n-grams.

        Args:
            contexts: Key of each n-gram without its last token, (T,).
            keys: Key of each n-gram, (T,).
            lower: Probability of its last token in the order below, (T,).
        """
        count = _look_up(self.keys, self._counts, keys)
        total = _look_up(self._contexts, self._totals, contexts)
        followers = _look_up(self._contexts, self._followers, contexts)
        seen = total > 0
        safe = np.where(seen, total, 1)
        discounted = (np.maximum(count - self._discount, 0) + self._discount * followers * lower) / safe
        return np.where(seen, discounted, lower)


def _look_up(keys: Ids, values: Ids, wanted: Ids) -> Ids:
    """Value of each wanted key among sorted keys, 0 for those that are missing."""
    index = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[index] == wanted, values[index], 0)
