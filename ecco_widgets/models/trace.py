"""One run of a model: its tokens and, recorded when first asked for, its states. A trace owns everything it holds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecco_widgets.errors import InvalidInput, ModelChanged, NonFinite
from ecco_widgets.models.pieces import Pieces, pieces_of

if TYPE_CHECKING:
    from ecco_widgets.models.language_model import LanguageModel
    from ecco_widgets.widgets import AttributionWidget

_numbers = itertools.count(1)


class Trace:
    """Tokens and states of one run of a decoder-only model.

    Made by ``lm.generate``, ``lm.score`` and ``lm(text)``. States are computed when first read and kept until
    ``release``; two traces never share an array, and a trace does not change when the model runs again.

    Args:
        lm: The model that ran.
        token_ids: T ids, prompt and output.
        n_prompt: Tokens before this index are the prompt, the others the output.

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo()("The keys to the cabinet")
        >>> out.n_tokens == len(out.tokens) == len(out.token_ids)
        True
    """

    def __init__(self, lm: LanguageModel, token_ids: Sequence[int] | NDArray[np.int64], n_prompt: int) -> None:
        self.lm = lm
        self.id = f"trace-{next(_numbers)}"
        self._token_ids = np.array(token_ids, dtype=np.int64)
        self._token_ids.setflags(write=False)
        self.n_prompt = n_prompt
        self._pieces: Pieces | None = None
        self._states: dict[str, Tensor] = {}
        self._weights_version = lm.weights_version

    # ---------------------------------------------------------------- text

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
    def pieces(self) -> Pieces:
        """What each token reads as in place."""
        if self._pieces is None:
            self._pieces = pieces_of(self.lm.tokenizer, self._token_ids.tolist())
        return self._pieces

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

    # ---------------------------------------------------------------- positions

    @property
    def first_position(self) -> int:
        """Smallest position with a prediction: a causal model predicts token p from the tokens before p."""
        return 1

    @property
    def output_positions(self) -> range:
        """Positions explained by default: the generated tokens, or all where nothing was generated."""
        first = self.n_prompt if self.n_generated else self.first_position
        return range(max(first, self.first_position), self.n_tokens)

    def check_position(self, position: int) -> int:
        """The position as a non-negative index, if a token there was predicted.

        Raises:
            InvalidInput: If it is no integer, out of range, or has no prediction.
        """
        first, last = self.first_position, self.n_tokens - 1
        if isinstance(position, bool) or not isinstance(position, (int, np.integer)):
            raise InvalidInput(
                f"position must be an integer in {first}..{last}, got {position!r}.",
                hint="It is the index of the token to explain in the whole sequence.",
            )
        if last < first:
            raise InvalidInput(
                "This trace has a single token; nothing before it can explain it.",
                hint="Use a longer text, or lm.generate(...) to add predicted tokens.",
            )
        index = int(position) + (self.n_tokens if position < 0 else 0)
        if 0 <= index < first:
            raise InvalidInput(
                f"position must be in {first}..{last}, got {int(position)}: the first token has no prediction.",
                hint="The model predicts each token from those before it.",
            )
        if not first <= index <= last:
            raise InvalidInput(
                f"position must be in {first}..{last}, got {int(position)}; "
                f"the trace has {self.n_tokens} tokens, generated ones from {self.n_prompt} on.",
                hint="Negative positions count from the end: -1 is the last token.",
            )
        return index

    # ---------------------------------------------------------------- states

    @property
    def last_states(self) -> Tensor:
        """Last hidden states (T, D), after the final norm, detached, on the model's device."""

        def compute() -> Tensor:
            ids = torch.tensor(self._token_ids, device=self.lm.device)[None]
            return self.lm.parts.states(self.lm.parts.embed(ids))[0]

        return self._recorded("last_states", compute)

    @property
    def hidden_states(self) -> Tensor:
        """Residual stream (L + 1, T, D): what enters the first block, then what leaves each block.

        Unlike transformers' ``hidden_states`` the last one is before the final norm, as all others are.
        """
        blocks = self.lm.blocks

        def compute() -> Tensor:
            return blocks.states(torch.tensor(self._token_ids, device=self.lm.device)[None])

        return self._recorded("hidden_states", compute)

    def logits(self, positions: Sequence[int]) -> Tensor:
        """Logits that predicted the tokens at these positions.

        Args:
            positions: R positions, each with a prediction.

        Returns:
            Shape (R, V), float32 (float64 if the model is), on the model's device. Not kept.

        Raises:
            InvalidInput: If a position has no prediction.
            NonFinite: If a logit is NaN or infinite in the positive direction.
        """
        rows = [self.check_position(position) - 1 for position in positions]
        with torch.no_grad(), self.lm.running():
            logits = at_least_single(self.lm.parts.logits(self.last_states[rows]))
        check_logits(logits, [row + 1 for row in rows])
        return logits

    def ids_at(self, positions: Sequence[int]) -> Tensor:
        """Ids (R,) of the tokens at these positions, on the model's device."""
        return torch.tensor(self._token_ids[np.asarray(positions, dtype=np.int64)], device=self.lm.device)

    def _recorded(self, name: str, compute: Any) -> Tensor:
        states = self._states.get(name)
        if states is None:
            self.lm.check_open()
            with torch.no_grad(), self.lm.running():
                self._check_weights()
                states = self._states[name] = compute().detach()
        elif self.lm.is_open:
            self._check_weights()
        return states

    def _check_weights(self) -> None:
        # States of one version of the weights and gradients of another would make numbers that belong to neither.
        if self.lm.weights_version != self._weights_version:
            raise ModelChanged(
                f"the weights of {self.lm.name} have changed since this trace was made.",
                hint="Make a new trace with lm.generate(...), lm.score(...) or lm(text).",
            )

    # ---------------------------------------------------------------- memory

    @property
    def nbytes(self) -> int:
        """Bytes this trace holds now: ids and the states recorded so far."""
        return self._token_ids.nbytes + sum(states.nbytes for states in self._states.values())

    def release(self) -> None:
        """Forget the recorded states; they are computed again when asked for."""
        self._states.clear()

    # ---------------------------------------------------------------- widgets

    def primary_attributions(
        self,
        attr_method: str = "grad_x_input",
        style: str = "minimal",
        ignore_tokens: Sequence[int] = (),
        **options: Any,
    ) -> AttributionWidget:
        """Which input tokens led to each output token? Live: hover a token.

        Args:
            attr_method: Attribution method, see ``analysis.attribute``.
            style: "minimal" (colour) or "detailed" (bars and percentages).
            ignore_tokens: Positions left out; the others are normalised among themselves.
            **options: Other traits of ``AttributionWidget``.

        Returns:
            The widget.

        Example:
            >>> import ecco_widgets as ecco
            >>> w = ecco.load_demo().generate(" 1, 2, 3,", generate=2).primary_attributions()
            >>> w.attr_method
            'grad_x_input'
        """
        import ecco_widgets as ecco  # the widget room depends on this one, so it is reached through the package, late

        options = {"view_style": style, **options}
        return ecco.AttributionWidget(self, attr_method=attr_method, ignore_tokens=ignore_tokens, **options)

    saliency = primary_attributions

    def position(self, position: int, attr_method: str = "grad_x_input", **options: Any) -> AttributionWidget:
        """The attribution of one output, pinned (Ecco's name of it).

        Args:
            position: Index of the explained token in the whole sequence.
            attr_method: Attribution method.
            **options: Other traits of ``AttributionWidget``.

        Returns:
            The widget.
        """
        return self.primary_attributions(attr_method, position=position, pinned=True, **options)

    def __copy__(self) -> Trace:
        """A trace of the same tokens that owns its own states."""
        copied = Trace(self.lm, self._token_ids, self.n_prompt)
        copied._weights_version = self._weights_version
        return copied

    def __deepcopy__(self, memo: Any) -> Trace:
        return self.__copy__()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a trace cannot be pickled, since it belongs to a model. Save trace.token_ids, and make it again with "
            "lm({'input_ids': token_ids})."
        )

    def __repr__(self) -> str:
        megabytes = self.nbytes / 2**20
        return (
            f"<Trace of {self.lm.name}: {self.n_prompt} prompt + {self.n_generated} generated tokens, "
            f"holds {megabytes:.2f} MiB>"
        )


def at_least_single(values: Tensor) -> Tensor:
    """Half precision as float32, for sums and softmaxes; float32 and float64 as they are."""
    return values.float() if values.dtype.itemsize < torch.float32.itemsize else values


def check_logits(logits: Tensor, positions: Sequence[int]) -> None:
    """Raise if logits (R, V) are unusable, naming the first position.

    Minus infinity is allowed: some models mask vocabulary entries with it.

    Raises:
        NonFinite: If any is NaN or plus infinity.
    """
    # The largest logit of a row is NaN if any is: one pass, and nothing of the matrix's size is made.
    bad = ~logits.amax(dim=-1).isfinite()
    if bool(bad.any()):
        row = int(bad.nonzero()[0, 0])
        n_bad = int((logits[row].isnan() | logits[row].isposinf()).sum())
        raise NonFinite(
            f"The model's logits for position {positions[row]} contain NaN or infinity ({n_bad} of "
            f"{logits.shape[-1]}).",
            hint="Load the weights in float32 (dtype='float32'), or check the checkpoint.",
        )
