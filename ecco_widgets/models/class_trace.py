"""A run of a sequence classifier: the text's tokens, then its classes, each of which can be explained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.architecture import Classifier, Kind
from ecco_widgets.models.pieces import Pieces, Segment, pieces_of
from ecco_widgets.models.trace import Trace

if TYPE_CHECKING:
    from ecco_widgets.models.language_model import LanguageModel


class ClassTrace(Trace):
    """Tokens, states and classes of one text.

    The C classes stand after the T tokens of the text as if they were tokens: position T + c explains class c, its id
    is c and its text the class's name.

    Args:
        lm: The model that ran.
        token_ids: T ids of the text.
        n_prompt: T.
        roles: Not used here.
    """

    kind: ClassVar[Kind] = "classification"

    def __init__(
        self,
        lm: LanguageModel,
        token_ids: Sequence[int] | NDArray[np.int64],
        n_prompt: int,
        *,
        roles: Sequence[str] = (),
    ) -> None:
        text = np.array(token_ids, dtype=np.int64)[:n_prompt]
        super().__init__(lm, [*text.tolist(), *range(lm.vocabulary)], n_prompt, roles=roles)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the C classes."""
        parts = self.lm.parts
        return parts.labels if isinstance(parts, Classifier) else ()

    @property
    def predicted(self) -> int:
        """The most likely class."""
        return int(self.logits([self.n_prompt])[0].argmax())

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Text and classes."""
        return (Segment("text", 0, self.n_prompt), Segment("classes", self.n_prompt, self.n_tokens))

    @property
    def explainable(self) -> Sequence[int]:
        """The classes."""
        return range(self.n_prompt, self.n_tokens)

    @property
    def next_position(self) -> int | None:
        """``None``: nothing comes next."""
        return None

    def n_inputs_of(self, position: int) -> int:
        """All tokens of the text."""
        del position
        return self.n_prompt

    def class_position(self, label: str | int) -> int:
        """Position that explains a class, given its name or index.

        Raises:
            InvalidInput: If there is no such class.
        """
        if isinstance(label, str) and label in self.labels:
            return self.n_prompt + self.labels.index(label)
        if isinstance(label, (int, np.integer)) and not isinstance(label, bool) and 0 <= label < len(self.labels):
            return self.n_prompt + int(label)
        raise InvalidInput(f"no class {label!r}.", hint=f"Classes: {', '.join(map(repr, self.labels))}.")

    def _read_pieces(self) -> Pieces:
        text = pieces_of(self.lm.tokenizer, self._token_ids[: self.n_prompt].tolist())
        return Pieces(texts=text.texts + list(self.labels), fragments=text.fragments, special=text.special)

    def _no_prediction(self, position: int, index: int) -> InvalidInput:
        del index
        first, last = self.n_prompt, self.n_tokens - 1
        return InvalidInput(
            f"position must be in {first}..{last}, got {position}: this model predicts classes, not tokens.",
            hint=f"{first} explains the class {self.labels[0]!r}; trace.class_position(name) finds one by its name.",
        )

    @property
    def _input_ids(self) -> NDArray[np.int64]:
        return self._token_ids[: self.n_prompt]

    def row_of(self, position: int) -> int:
        """0: there is one prediction."""
        del position
        return 0

    def columns_for(self, n_rows: int) -> int:
        """All tokens of the text."""
        del n_rows
        return self.n_prompt

    def stream(self, positions: Sequence[int], site: str = "block") -> Tensor:
        """Not defined: a classifier reads the states of all tokens. ``lm.blocks.classify(hidden_states[1:])`` is.

        Raises:
            UnsupportedModel: Always.
        """
        del positions, site
        raise UnsupportedModel(
            f"{self.lm.name} is a classifier: no single state makes its prediction.",
            hint="Use analysis.top_tokens or analysis.lens_statistics; they run the classifier on each layer's states.",
        )
