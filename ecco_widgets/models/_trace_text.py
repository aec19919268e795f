"""The tokens of a run as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecco_widgets.models._trace_widgets import TraceWidgets
from ecco_widgets.models.pieces import Pieces, Segment, pieces_of

if TYPE_CHECKING:
    from ecco_widgets.models.language_model import LanguageModel


class TraceText(TraceWidgets):
    """What ``Trace`` inherits: ids, texts, strips.

    Args:
        token_ids: T ids.
        n_prompt: Tokens before this index are the prompt.
        roles: For a chat, who said each token.
    """

    lm: LanguageModel

    def __init__(self, token_ids: Sequence[int] | NDArray[np.int64], n_prompt: int, roles: Sequence[str]) -> None:
        self._token_ids = np.array(token_ids, dtype=np.int64)
        self._token_ids.setflags(write=False)
        self.n_prompt = n_prompt
        self.roles = tuple(roles)
        self._pieces: Pieces | None = None

    @property
    def token_ids(self) -> NDArray[np.int64]:
        """Ids of all tokens, shape (T,), read-only."""
        return self._token_ids

    @property
    def n_tokens(self) -> int:
        """T, the number of tokens."""
        return len(self._token_ids)

    @property
    def n_generated(self) -> int:
        """Number of tokens after the prompt."""
        return self.n_tokens - self.n_prompt

    @property
    def n_source(self) -> int:
        """Number of tokens that an encoder reads and a decoder does not; 0 but for sequence-to-sequence models."""
        return 0

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The strips that the tokens are shown as."""
        return (Segment("text", 0, self.n_tokens),)

    @property
    def pieces(self) -> Pieces:
        """What each token reads as in place."""
        if self._pieces is None:
            self._pieces = self._read_pieces()
        return self._pieces

    def _read_pieces(self) -> Pieces:
        return pieces_of(self.lm.tokenizer, self._token_ids.tolist())

    @property
    def tokens(self) -> list[str]:
        """Text of each token in place, T strings."""
        return list(self.pieces.texts)

    @property
    def text(self) -> str:
        """The whole text, prompt and output."""
        return "".join(self.pieces.texts)

    @property
    def output_text(self) -> str:
        """The text after the prompt."""
        return "".join(self.pieces.texts[self.n_prompt :])
