"""A run of a masked language model: any token can be masked, and is predicted from all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecco_widgets.errors import InvalidInput
from ecco_widgets.models.architecture import Kind
from ecco_widgets.models.logits import at_least_single
from ecco_widgets.models.trace import Trace

if TYPE_CHECKING:
    from ecco_widgets.models.language_model import LanguageModel

# Tokens of masked copies of the text that run together.
_TOKENS_TOGETHER = 4_096


class MaskedTrace(Trace):
    """Tokens and states of one text of a masked language model.

    The prediction at a position is made with that position masked, from the tokens on both sides. The explained token
    is the one that stands there; where the text itself has the mask token, the model's best one. ``hidden_states`` and
    ``activations`` are those of the text as it is.

    Args:
        lm: The model that ran.
        token_ids: T ids.
        n_prompt: T.
        roles: Not used here.

    Example:
        >>> lm = ecco_widgets.from_pretrained("bert-base-uncased")  # doctest: +SKIP
        >>> lm("The capital of France is [MASK].").layer_predictions()  # doctest: +SKIP
    """

    kind: ClassVar[Kind] = "masked"

    def __init__(
        self,
        lm: LanguageModel,
        token_ids: Sequence[int] | NDArray[np.int64],
        n_prompt: int,
        *,
        roles: Sequence[str] = (),
    ) -> None:
        super().__init__(lm, token_ids, n_prompt, roles=roles)
        self._best: dict[int, int] = {}
        self._mask_id = lm.mask_id
        special = set(lm.tokenizer.all_special_ids) - {self._mask_id}
        ids = self._token_ids.tolist()
        self._explainable = tuple(p for p, token in enumerate(ids) if token not in special)

    @property
    def masked_positions(self) -> tuple[int, ...]:
        """Where the text itself has the mask token."""
        return tuple(np.flatnonzero(self._token_ids == self._mask_id).tolist())

    @property
    def explainable(self) -> Sequence[int]:
        """All positions but those of special tokens."""
        return self._explainable

    @property
    def next_position(self) -> int | None:
        """``None``: nothing comes next."""
        return None

    @property
    def output_positions(self) -> Sequence[int]:
        """The masked positions, or all that have a prediction where the text has no mask."""
        return self.masked_positions or self._explainable

    def n_inputs_of(self, position: int) -> int:
        """All T: a masked token is predicted from both sides."""
        del position
        return self.n_tokens

    def check_position(self, position: int, *, allow_next: bool = False) -> int:
        """As ``Trace.check_position``; negative ones count from the end of what is explained by default."""
        if isinstance(position, (int, np.integer)) and not isinstance(position, bool):
            chosen = self.output_positions
            if -len(chosen) <= position < 0:
                return int(chosen[int(position)])
        return super().check_position(position, allow_next=allow_next)

    def _no_prediction(self, position: int, index: int) -> InvalidInput:
        if not self._explainable:
            return InvalidInput("This text has only special tokens.", hint="Use a text with at least one word.")
        if 0 <= index < self.n_tokens:
            return InvalidInput(
                f"position {position} is the special token {self.tokens[index]!r}, which is not predicted.",
                hint=f"Choose another, e.g. {self.first_position}.",
            )
        return InvalidInput(
            f"position must be in {self.first_position}..{self._explainable[-1]}, got {position}; the text has "
            f"{self.n_tokens} tokens.",
            hint="It is the index of the token to mask.",
        )

    def ids_at(self, positions: Sequence[int]) -> Tensor:
        """Ids (R,) of the tokens at these positions; of the model's best one where the mask stands."""
        missing = [p for p in positions if p in self.masked_positions and p not in self._best]
        if missing:
            logits = self.logits(missing)
            self._best.update(zip(missing, logits.argmax(dim=-1).tolist(), strict=True))
        ids = [self._best.get(int(p), int(self._token_ids[int(p)])) for p in positions]
        return torch.tensor(ids, device=self.lm.device)

    # ---------------------------------------------------------------- what predicts a position

    def row_of(self, position: int) -> int:
        """The position itself."""
        return position

    def columns_for(self, n_rows: int) -> int:
        """All T."""
        del n_rows
        return self.n_tokens

    def predicting_states(self, positions: Sequence[int]) -> Tensor:
        """Last hidden states (R, D), each of a run with its position masked."""
        with torch.no_grad(), self.running():
            pieces = [
                self.lm.parts.states(self._masked_embeddings(group))[torch.arange(len(group)), group]
                for group in self._groups(positions)
            ]
        return torch.cat(pieces)

    def stream(self, positions: Sequence[int], site: str = "block") -> Tensor:
        """Residual stream (L + 1, R, D), each position's of a run in which it is masked; see ``Trace.stream``."""
        rows = [self.check_position(position) for position in positions]
        if site != "block":
            self.lm.sites.check(site)
        pieces: list[Tensor] = []
        with torch.no_grad(), self.running():
            for group in self._groups(rows):
                embeddings = self._masked_embeddings(group)

                def run(embeddings: Tensor = embeddings) -> None:
                    self.lm.parts.states(embeddings)

                states = self.lm.blocks.states(run) if site == "block" else self.lm.sites.record(run)[site]
                pieces.append(states[:, torch.arange(len(group)), group])
        return torch.cat(pieces, dim=1)

    def inputs_for(self, position: int) -> Tensor:
        """Input embeddings (1, T, E) with the position masked, detached."""
        return self._masked_embeddings([position])

    def best(self, positions: Sequence[int]) -> Tensor:
        """The model's best token (R,) at each position, with it masked."""
        best: Tensor = at_least_single(self.logits(positions)).argmax(dim=-1)
        return best

    def masked_embeddings(self, positions: Sequence[int]) -> Tensor:
        """Input embeddings (R, T, E) of R copies of the text, each with one position masked, detached."""
        return self._masked_embeddings(positions)

    def _masked_embeddings(self, positions: Sequence[int]) -> Tensor:
        ids = torch.tensor(self._token_ids, device=self.lm.device).repeat(len(positions), 1)
        ids[torch.arange(len(positions)), list(positions)] = self._mask_id
        return self.lm.parts.embed(ids)

    def _groups(self, positions: Sequence[int]) -> Iterator[list[int]]:
        size = max(1, _TOKENS_TOGETHER // self.n_tokens)
        for start in range(0, len(positions), size):
            yield [int(p) for p in positions[start : start + size]]
