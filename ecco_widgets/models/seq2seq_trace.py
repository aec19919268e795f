"""A run of a sequence-to-sequence model: source tokens, which the encoder reads, then the decoder's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.architecture import EncoderDecoder, Kind
from ecco_widgets.models.pieces import Pieces, Segment, pieces_of
from ecco_widgets.models.trace import Trace

if TYPE_CHECKING:
    from ecco_widgets.models.language_model import LanguageModel


class Seq2SeqTrace(Trace):
    """Tokens and states of one run of an encoder-decoder model.

    Tokens are indexed in a row: S of the source, then the decoder's, whose first one starts the answer and has no
    prediction. States are never mixed: ``hidden_states`` and ``activations`` are the decoder's, ``encoder_states`` the
    encoder's.

    Args:
        lm: The model that ran.
        token_ids: S ids of the source, then the decoder's.
        n_prompt: S + 1 (more, if the answer's beginning was given).
        roles: Not used here.
        n_source: S.
    """

    kind: ClassVar[Kind] = "seq2seq"

    def __init__(
        self,
        lm: LanguageModel,
        token_ids: Sequence[int] | NDArray[np.int64],
        n_prompt: int,
        *,
        roles: Sequence[str] = (),
        n_source: int = 0,
    ) -> None:
        super().__init__(lm, token_ids, n_prompt, roles=roles)
        self._n_source = n_source

    @property
    def n_source(self) -> int:
        """S, number of tokens the encoder reads."""
        return self._n_source

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Source and output."""
        return (Segment("source", 0, self._n_source), Segment("output", self._n_source, self.n_tokens))

    @property
    def explainable(self) -> Sequence[int]:
        """The decoder's tokens after its first."""
        return range(self._n_source + 1, self.n_tokens)

    @property
    def first_position(self) -> int:
        """S + 1."""
        return self._n_source + 1

    def _read_pieces(self) -> Pieces:
        ids, start = self._token_ids.tolist(), self._n_source
        source, answer = pieces_of(self.lm.tokenizer, ids[:start]), pieces_of(self.lm.tokenizer, ids[start:])
        return Pieces(
            texts=source.texts + answer.texts,
            fragments=source.fragments + [(first + start, length) for first, length in answer.fragments],
            special=source.special + [index + start for index in answer.special],
        )

    def _no_prediction(self, position: int, index: int) -> InvalidInput:
        if self.n_tokens <= self.first_position:
            return InvalidInput(
                "This trace has no answer yet, only a source.",
                hint="Make one with lm.generate(text) or lm.score(text, answer).",
            )
        what = "is a token of the source" if 0 <= index < self._n_source else "has no prediction"
        return InvalidInput(
            f"position must be in {self.first_position}..{self.n_tokens - 1}, got {position}: it {what}.",
            hint="Only the decoder's tokens after its first are predicted.",
        )

    def row_of(self, position: int) -> int:
        """Among the decoder's states."""
        return position - 1 - self._n_source

    def columns_for(self, n_rows: int) -> int:
        """The source and so many of the decoder's tokens."""
        return self._n_source + n_rows

    @property
    def encoder_states(self) -> Tensor:
        """Residual stream (L' + 1, S, D) of the encoder."""
        blocks = self.lm.encoder_blocks
        return self._recorded("encoder_states", lambda: blocks.states(self._run_encoder)[:, 0])

    def encoder_activations(self, layers: Sequence[int] | None = None) -> list[Tensor]:
        """FFNN neurons (S, N) of layers of the encoder, see ``activations``."""
        neurons = self.lm.encoder_neurons
        chosen = range(len(neurons.widths)) if layers is None else [neurons.check_layer(layer) for layer in layers]
        missing = [layer for layer in chosen if f"encoder-neurons-{layer}" not in self._states]
        if missing:
            with torch.no_grad(), self.running():
                found = neurons.record(self._run_encoder, missing)
            for layer, states in zip(missing, found, strict=True):
                self._states[f"encoder-neurons-{layer}"] = states[0].detach()
        elif self.lm.is_open:
            self.check_weights()
        return [self._states[f"encoder-neurons-{layer}"] for layer in chosen]

    def _run_encoder(self) -> None:
        parts = self.lm.parts
        if not isinstance(parts, EncoderDecoder):
            raise UnsupportedModel(f"{self.lm.name} has no encoder of its own.")
        parts.encode(self.embeddings()[:, : self._n_source])

    def _again(self) -> Seq2SeqTrace:
        return type(self)(self.lm, self._token_ids, self.n_prompt, n_source=self._n_source)
