"""Training batches: natural text in long rows, generated documents packed into short ones.

Rows start where a document or a sentence starts, because that is what a prompt does: it begins at position 0.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from ecco_widgets.models.demo import patterns

__all__ = ["SHAPES", "Batches", "NaturalPosition", "Shape", "encode_natural"]


@dataclass(frozen=True)
class Shape:
    """One shape of batch.

    Attributes:
        length: Tokens of a row.
        generated: Share of the rows that hold generated documents.
        probability: How likely a batch has this shape.
    """

    length: int
    generated: float
    probability: float


SHAPES: tuple[Shape, ...] = (Shape(128, 1.0, 0.32), Shape(256, 0.08, 0.46), Shape(512, 0.15, 0.22))

_UNIT = 512
_END = 0
"""Id of the end-of-text token: the tokenizer's first."""


@dataclass
class NaturalPosition:
    """Where in the natural text training is: what a checkpoint has to remember of the data."""

    epoch: int = 0
    unit: int = 0


def encode_natural(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[NDArray[np.int64]]:
    """Token ids of each text (its own array each)."""
    return [
        np.array(encoding.ids, dtype=np.int64) for encoding in tokenizer.backend_tokenizer.encode_batch(list(texts))
    ]


class Batches:
    """Batches of a run. A batch depends on the seed, the step and the position in the natural text, on nothing else.

    Args:
        tokenizer: The demo model's tokenizer.
        natural: Token ids of each training text.
        tokens_per_step: Tokens of a batch.
        seed: Seed of all draws.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerFast, natural: Sequence[NDArray[np.int64]], tokens_per_step: int, seed: int
    ) -> None:
        self._encode = tokenizer.backend_tokenizer.encode_batch
        self._natural = natural
        self._tokens_per_step = tokens_per_step
        self._seed = seed
        self.position = NaturalPosition()
        ends = [
            token
            for text, token in tokenizer.get_vocab().items()
            if text[-1] in ".!?Ċ" or text.endswith(('."', '!"', '?"'))
        ]
        self._sentences = [np.concatenate([[0], 1 + np.flatnonzero(np.isin(ids, ends))]) for ids in natural]
        self._order: tuple[int, list[tuple[int, int]]] = (-1, [])

    def batch(self, step: int) -> torch.Tensor:
        """The batch of a step, and moves on in the natural text.

        Args:
            step: Number of the step from 0.

        Returns:
            Token ids, int64, (B, T) with B * T the tokens of a step.
        """
        rng = random.Random(f"{self._seed}/{step}")
        shape = rng.choices(SHAPES, [shape.probability for shape in SHAPES])[0]
        count = self._tokens_per_step // shape.length
        generated = round(count * shape.generated)
        rows = [self._packed_row(rng, shape.length) for _ in range(generated)]
        while len(rows) < count:
            rows.extend(self._natural_rows(rng, shape.length)[: count - len(rows)])
        return torch.from_numpy(np.stack(rows))

    def _packed_row(self, rng: random.Random, length: int) -> NDArray[np.int64]:
        """Documents one after another, each closed by the end-of-text token; the last is cut off."""
        row: list[int] = [_END] if rng.random() < 0.3 else []
        while len(row) < length:
            if row and rng.random() < 0.08:
                row.extend(self._excerpt(rng))
            else:
                # Several at a time, since one call of the tokenizer costs more than a document.
                for encoding in self._encode(
                    [patterns.document(rng) for _ in range(max(1, (length - len(row)) // 40))]
                ):
                    row.extend(encoding.ids)
                    row.append(_END)
        return np.array(row[:length], dtype=np.int64)

    def _excerpt(self, rng: random.Random) -> list[int]:
        text = rng.choices(range(len(self._natural)), [len(ids) for ids in self._natural])[0]
        start = int(rng.choice(self._sentences[text]))
        return [*self._natural[text][start : start + rng.randint(10, 80)].tolist(), _END]

    def _natural_rows(self, rng: random.Random, length: int) -> list[NDArray[np.int64]]:
        """The next unit of natural text as rows that each start with a sentence."""
        text, start = self._next_unit()
        rows = []
        for offset in range(0, _UNIT, length):
            begin = self._sentence_before(text, start + offset)
            ids = self._natural[text][begin : begin + length]
            rows.append(np.concatenate([[_END], ids[:-1]]) if rng.random() < 0.1 else ids)
        return rows

    def _next_unit(self) -> tuple[int, int]:
        position = self.position
        if self._order[0] != position.epoch:
            self._order = (position.epoch, self._shuffled_units(position.epoch))
        unit = self._order[1][position.unit]
        position.unit += 1
        if position.unit == len(self._order[1]):
            position.epoch, position.unit = position.epoch + 1, 0
        return unit

    def _shuffled_units(self, epoch: int) -> list[tuple[int, int]]:
        """Stretches of text that cover it once, cut elsewhere in every epoch, in random order."""
        rng = random.Random(f"{self._seed}/epoch/{epoch}")
        units = []
        for text, ids in enumerate(self._natural):
            start = self._sentence_before(text, rng.randrange(min(_UNIT, len(ids))))
            while start + _UNIT <= len(ids):
                units.append((text, start))
                following = self._sentence_before(text, start + _UNIT)
                start = following if following > start else start + _UNIT
        rng.shuffle(units)
        return units

    def _sentence_before(self, text: int, token: int) -> int:
        """Start of the sentence that holds this token, or the token itself where that start is far away."""
        starts = self._sentences[text]
        begin = int(starts[np.searchsorted(starts, token, side="right") - 1])
        return begin if token - begin < 64 else token
