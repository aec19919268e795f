"""Which state of a run, or of each run of a batch, is shown at which token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ecco_widgets.analysis.targets import check_choice
from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.batch import Batch
from ecco_widgets.models.language_model import LanguageModel
from ecco_widgets.models.neurons import Neurons
from ecco_widgets.models.trace import Trace
from ecco_widgets.widgets._tokens import describe_run

Runs = Trace | Batch
"""What these widgets can show."""
Stack = Literal["only", "decoder", "encoder"]


@dataclass(frozen=True)
class ShownStates:
    """The states of a run's (or a batch's) neurons beside the tokens that are shown.

    Make it with ``shown_states``.

    Attributes:
        runs: The trace or the batch.
        stack: "only", or of an encoder-decoder model "decoder" or "encoder".
        starts: Where each text begins in the shown sequence of T tokens, and T.
        rows: For each shown token the index of its state among all texts' states, -1 for none, shape (T,).
        n_states: How many states there are.
        shifted: Whether generated tokens show the state that produced them, that of the token before.
    """

    runs: Runs
    stack: Stack
    starts: tuple[int, ...]
    rows: NDArray[np.int64]
    n_states: int
    shifted: bool

    @property
    def lm(self) -> LanguageModel:
        """The model."""
        return self.runs.lm

    @property
    def traces(self) -> list[Trace]:
        """One for each text."""
        return traces_of(self.runs)

    @property
    def id(self) -> str:
        """Which run it is, in specs."""
        return self.runs.id if isinstance(self.runs, Trace) else f"batch-{id(self.runs):x}"

    @property
    def n_tokens(self) -> int:
        """T, of all texts."""
        return self.starts[-1]

    @property
    def spans(self) -> list[dict[str, int]]:
        """First and last + 1 of each text in the shown sequence."""
        return [{"start": start, "stop": stop} for start, stop in zip(self.starts, self.starts[1:], strict=False)]

    @property
    def stack_argument(self) -> Literal["decoder", "encoder"]:
        """The stack as ``analysis`` names it."""
        return "encoder" if self.stack == "encoder" else "decoder"

    @property
    def neurons(self) -> Neurons:
        """The neurons of the stack.

        Raises:
            UnsupportedModel: If they can't be found.
        """
        if self.stack == "encoder":
            neurons = self.lm.encoder_neurons
            if neurons is None:  # checked when it was made
                raise UnsupportedModel(f"{self.lm.name} has no encoder beside its decoder.")
            return neurons
        return self.lm.neurons

    def shown(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Values for each state (..., n_states) as they are shown (..., T), float32, NaN where there is no state."""
        found = np.asarray(values, dtype=np.float32)[..., np.maximum(self.rows, 0)]
        found[..., self.rows < 0] = np.nan
        return found

    def position_of(self, position: int) -> tuple[int, int]:
        """Which text a shown token belongs to, and its position there."""
        text = int(np.searchsorted(self.starts, position, side="right")) - 1
        return text, position - self.starts[text]

    def describe(self) -> dict[str, Any]:
        """Values of the traits ``_tokens`` and ``_model``."""
        if isinstance(self.runs, Trace):
            return describe_run(self.runs)
        parts = [describe_run(trace) for trace in self.traces]
        tokens = [part["_tokens"] for part in parts]
        places = list(zip(tokens, self.starts, strict=False))
        joined = {
            **tokens[0],
            "run": self.id,
            "n_prompt": self.n_tokens,
            "n_source": 0,
            "texts": [text for part in tokens for text in part["texts"]],
            "ids": [token for part in tokens for token in part["ids"]],
            "special": [start + index for part, start in places for index in part["special"]],
            "fragments": [[start + first, n] for part, start in places for first, n in part["fragments"]],
            "explainable": [start + position for part, start in places for position in part["explainable"]],
            "segments": [
                {**segment, "start": start + segment["start"], "stop": start + segment["stop"]}
                for part, start in places
                for segment in part["segments"]
            ],
        }
        return {"_tokens": joined, "_model": parts[0]["_model"]}


def shown_states(runs: Any, stack: str | None = None) -> ShownStates:
    """How the states of a run are shown.

    Args:
        runs: A trace or a batch.
        stack: Of an encoder-decoder model "decoder" (default) or "encoder".

    Raises:
        InvalidInput: If it is neither, empty, or has no such stack.
    """
    if not isinstance(runs, (Trace, Batch)):
        raise InvalidInput(
            f"trace must be a Trace or a Batch, got {type(runs).__name__}.",
            hint="Make one with lm.generate(text), lm.score(text, continuation), lm(text) or lm([text, ...]).",
        )
    traces = traces_of(runs)
    if not traces:
        raise InvalidInput("the batch has no texts.", hint="Pass at least one: lm(['A text.'])")
    chosen = _stack_of(runs.lm, stack)
    starts, rows, n_states, shifted = [0], [], 0, False
    for trace in traces:
        own, count = _rows(trace, chosen)
        shifted |= chosen != "encoder" and trace.kind in {"causal", "seq2seq"} and trace.n_generated > 0
        rows.append(np.where(own < 0, -1, own + n_states))
        n_states += count
        starts.append(starts[-1] + trace.n_tokens)
    return ShownStates(runs, chosen, tuple(starts), np.concatenate(rows), n_states, shifted)


def traces_of(runs: Runs) -> list[Trace]:
    """One for each text."""
    return [runs] if isinstance(runs, Trace) else list(runs)


def _stack_of(lm: LanguageModel, stack: str | None) -> Stack:
    if lm.kind != "seq2seq":
        if stack not in {None, "only"}:
            raise InvalidInput(f"{lm.name} has a single stack of layers, got stack={stack!r}.", hint="Leave it out.")
        return "only"
    return "encoder" if check_choice("stack", stack or "decoder", ["decoder", "encoder"]) == "encoder" else "decoder"


def _rows(trace: Trace, stack: Stack) -> tuple[NDArray[np.int64], int]:
    """State of each shown token, -1 for none, and how many states the text has."""
    at = np.arange(trace.n_tokens)
    if trace.kind == "seq2seq":
        source = trace.n_source
        if stack == "encoder":
            return np.where(at < source, at, -1), source
        own = np.where(at >= trace.n_prompt, at - 1, at) - source
        return np.where(at < source, -1, np.maximum(own, 0)), trace.n_tokens - source
    if trace.kind == "classification":
        return np.where(at < trace.n_prompt, at, -1), trace.n_prompt
    if trace.kind == "causal":  # what was generated at p came of the state at p - 1
        return np.maximum(np.where(at >= trace.n_prompt, at - 1, at), 0), trace.n_tokens
    return at, trace.n_tokens
