"""Which input tokens led to an output token?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecco_widgets.analysis.methods import usable_method
from ecco_widgets.analysis.problem import Problem
from ecco_widgets.analysis.shared_forward import Progress, SharedForward
from ecco_widgets.analysis.targets import Readings, check_choice, check_target, rows_together, runners_up
from ecco_widgets.errors import InvalidInput, NonFinite
from ecco_widgets.models.generation import check_seed
from ecco_widgets.models.logits import at_least_single
from ecco_widgets.models.trace import Trace

if TYPE_CHECKING:
    import pandas as pd

# A sum this much smaller than the sum of absolute values is what rounding leaves of zero. The gradients of a model that
# begins with a LayerNorm add up to zero over the dimensions, for one: shifting all of them changes nothing.
_ROUNDING = 1e-6


def _signed_sum(attributions: Tensor) -> Tensor:
    total = attributions.sum(dim=-1)
    return torch.where(total.abs() > _ROUNDING * attributions.abs().sum(dim=-1), total, 0.0)


AGGREGATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "l2": lambda attributions: attributions.norm(dim=-1),
    "l1": lambda attributions: attributions.abs().sum(dim=-1),
    "sum": _signed_sum,
    "max": lambda attributions: attributions.abs().amax(dim=-1),
}
"""From attributions (R, T, D) to one number a token (R, T); only "sum" keeps the sign."""

_MOST_STEPS = 1_000


@dataclass(frozen=True)
class Attribution:
    """Attributions of R outputs over the T tokens of a trace.

    Attributes:
        method: Name of the method.
        target: Name of the target.
        aggregation: "l2", "l1", "sum" or "max".
        foils: Ids of the other tokens of a contrast, shape (R,), else ``None``.
        positions: The explained positions, shape (R,).
        scores: Shape (R, T), float32. The absolute scores of a row add up to 1; NaN at tokens that can't have led to
            the output (for a causal model those from its position on) and at ignored tokens. All zero where nothing had
            an influence.
        raw: The same before normalisation.
        tokens: Text of the T tokens.
        target_value: Value of the target, shape (R,).
        probability: Probability of the token at each position, shape (R,).
        rank: Its rank, 1 is best, shape (R,).
        completeness_gap: |sum of attributions - change of the target| / |change|, shape (R,); NaN where the method
            promises no completeness.
    """

    method: str
    target: str
    aggregation: str
    foils: NDArray[np.int64] | None
    positions: NDArray[np.int64]
    scores: NDArray[np.float32]
    raw: NDArray[np.float32]
    tokens: list[str]
    target_value: NDArray[np.float32]
    probability: NDArray[np.float32]
    rank: NDArray[np.int32]
    completeness_gap: NDArray[np.float32]

    @property
    def signed(self) -> bool:
        """Whether scores below zero speak against the output."""
        return self.aggregation == "sum"

    def to_frame(self) -> pd.DataFrame:
        """One row for each (output, input) pair, as a pandas DataFrame.

        Raises:
            ImportError: If pandas is not installed (``pip install "ecco-widgets[frame]"``).
        """
        import pandas as pd

        rows, columns = np.nonzero(~np.isnan(self.scores))
        return pd.DataFrame(
            {
                "position": self.positions[rows],
                "output": [self.tokens[self.positions[row]] for row in rows],
                "index": columns,
                "input": [self.tokens[column] for column in columns],
                "score": self.scores[rows, columns],
                "raw": self.raw[rows, columns],
            }
        )


def attribute(
    trace: Trace,
    method: str = "grad_x_input",
    target: str = "logit",
    aggregation: str = "l2",
    *,
    positions: int | Sequence[int] | None = None,
    foil: str | int | None = None,
    ignore_tokens: Sequence[int] = (),
    n_steps: int = 32,
    seed: int = 0,
    progress: Progress | None = None,
    shared: SharedForward | None = None,
) -> Attribution:
    """Which input tokens led to each output token?

    The score of token i for the output at position p is an aggregation over the D dimensions of the attribution of x_i,
    the output of the embedding module, to a scalar of the logits that predicted p. With the defaults that is ``|| (d
    logit_y / d x_i) * x_i ||_2``, divided by its sum over the tokens before p.

    Args:
        trace: The run.
        method: "grad_x_input", "gradient", "integrated_gradients", "gradient_shap", "occlusion", ... (see
            ``analysis.methods.METHODS``; Ecco's short names work too).
        target: "logit", "probability", "log_probability", "contrast" or "entropy".
        aggregation: "l2", "l1", "sum" (signed) or "max".
        positions: Position or positions to explain; the generated tokens by default, or all where nothing was
            generated.
        foil: For a contrast: the token that could have come instead, as text or id; by default the best other token of
            each position.
        ignore_tokens: Input positions left out of the normalisation and of the scores.
        n_steps: Steps of Integrated Gradients, samples of Gradient SHAP.
        seed: For sampling methods.
        progress: Called with (done, total, label) between steps; raise in it to cancel.
        shared: A kept forward pass of the same trace, to explain one more output cheaply.

    Returns:
        The attributions, rows in the order of ``positions``.

    Raises:
        InvalidInput: If an argument is unknown or out of range.
        UnsupportedMethod: If the method is not sound on this model.
        NonFinite: If logits or gradients are not finite.

    Source:
        Denil et al. 2015; Shrikumar et al. 2017; Atanasova et al. 2020 (aggregation).

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo().generate(" 1, 2, 3,", generate=2)
        >>> result = attribute(out)
        >>> result.scores.shape
        (2, 8)
        >>> float(np.nansum(result.scores[0])).__round__(5)
        1.0
    """
    check_choice("aggregation", aggregation, list(AGGREGATIONS))  # before the work, not after it
    explained = explain(
        trace,
        method,
        target,
        positions=positions,
        foil=foil,
        n_steps=n_steps,
        seed=seed,
        progress=progress,
        shared=shared,
    )
    return summarise(explained, aggregation, ignore_tokens)


@dataclass(frozen=True)
class Explained:
    """Attributions per input dimension, before they are summed up per token.

    Attributes:
        trace: The run.
        method: Name of the method.
        target: Name of the target.
        positions: R positions.
        attributions: Shape (R, T, D).
        foils: For a contrast: the other tokens, shape (R,).
        readings: What the logits say.
        gap: Completeness gap (R,), where the method promises completeness.
    """

    trace: Trace
    method: str
    target: str
    positions: list[int]
    attributions: Tensor
    foils: Tensor | None
    readings: Readings
    gap: Tensor | None


def explain(
    trace: Trace,
    method: str = "grad_x_input",
    target: str = "logit",
    *,
    positions: int | Sequence[int] | None = None,
    foil: str | int | None = None,
    n_steps: int = 32,
    seed: int = 0,
    progress: Progress | None = None,
    shared: SharedForward | None = None,
) -> Explained:
    """The first half of ``attribute``: attributions per input dimension. Arguments and errors are the same."""
    check_trace(trace)
    check_seed(seed)
    chosen = usable_method(method, trace.lm.parts)
    check_target(target)
    rows = _positions(trace, positions)
    if isinstance(n_steps, bool) or not isinstance(n_steps, int) or not 1 <= n_steps <= _MOST_STEPS:
        raise InvalidInput(f"n_steps must be an integer in 1..{_MOST_STEPS}, got {n_steps!r}.")
    with trace.running():
        foils = _foils(trace, target, foil, rows)
        shared = shared or SharedForward(trace)
        readings = shared.read(rows, target, foils)
        problem = Problem(trace, rows, target, foils, shared, readings, n_steps, seed, progress)
        attributions, gap = chosen.compute(problem)
    return Explained(trace, chosen.name, target, rows, attributions.detach(), foils, readings, gap)


def summarise(explained: Explained, aggregation: str = "l2", ignore_tokens: Sequence[int] = ()) -> Attribution:
    """The second half of ``attribute``: one number a token, normalised. Arguments and errors are the same."""
    check_choice("aggregation", aggregation, list(AGGREGATIONS))
    ignored = check_ignored(explained.trace, ignore_tokens)
    positions, readings, gap = explained.positions, explained.readings, explained.gap
    raw = AGGREGATIONS[aggregation](at_least_single(explained.attributions)).float()
    _check_finite(raw, positions, explained.method)
    raw_rows = _led_to(explained.trace, raw.cpu().numpy(), positions, ignored)
    return Attribution(
        method=explained.method,
        target=explained.target,
        aggregation=aggregation,
        foils=None if explained.foils is None else explained.foils.cpu().numpy(),
        positions=np.array(positions, dtype=np.int64),
        scores=normalise(raw_rows),
        raw=raw_rows,
        tokens=explained.trace.tokens,
        target_value=_floats(readings.value),
        probability=_floats(readings.probability),
        rank=readings.rank.cpu().numpy().astype(np.int32),
        completeness_gap=np.full(len(positions), np.nan, dtype=np.float32) if gap is None else _floats(gap),
    )


def normalise(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide each row (..., T) by the sum of its absolute values; NaN stays, a row of zeros stays zero.

    Example:
        >>> normalise(np.array([[1.0, -3.0, np.nan]], dtype=np.float32)).tolist()
        [[0.25, -0.75, nan]]
    """
    totals = np.nansum(np.abs(raw), axis=-1, keepdims=True, dtype=np.float64)
    return (raw / np.where(totals > 0, totals, 1.0)).astype(np.float32)


def _foils(trace: Trace, target: str, foil: str | int | None, positions: Sequence[int]) -> Tensor | None:
    if target != "contrast":
        return None
    tokens = trace.ids_at(positions)
    if foil is None:
        size = rows_together(trace.lm.parts)
        chunks = [slice(start, start + size) for start in range(0, len(positions), size)]
        return torch.cat([runners_up(trace.logits(positions[chunk]), tokens[chunk]) for chunk in chunks])
    return torch.full_like(tokens, trace.lm.token_id(foil))


def _positions(trace: Trace, positions: int | Sequence[int] | None) -> list[int]:
    if positions is None:
        found = list(trace.output_positions)
        return found or [trace.check_position(trace.first_position)]
    if isinstance(positions, (int, np.integer)):
        return [trace.check_position(positions)]
    try:
        listed = list(positions)
    except TypeError:
        raise InvalidInput(f"positions must be an integer or a list of integers, got {positions!r}.") from None
    if not listed:
        raise InvalidInput("positions is empty.", hint="Leave it out to explain all generated tokens.")
    return [trace.check_position(position) for position in listed]


def check_trace(trace: object) -> None:
    """Refuse what is no trace.

    Raises:
        InvalidInput: If it is something else.
    """
    if not isinstance(trace, Trace):
        raise InvalidInput(
            f"expected a trace, got {type(trace).__name__}.",
            hint="Make one with lm.generate(...), lm.score(...) or lm(text).",
        )


def check_ignored(trace: Trace, tokens: Sequence[int]) -> list[int]:
    """The ignored tokens as plain integers, if all are indices of tokens.

    Raises:
        InvalidInput: If they are no list, or one is not an index of a token.
    """
    expected = f"ignore_tokens must hold token indices in 0..{trace.n_tokens - 1}"
    try:
        listed = list(tokens)
    except TypeError:
        raise InvalidInput(f"{expected}, got {tokens!r}.", hint="Pass a list, e.g. [0].") from None
    for token in listed:
        if isinstance(token, bool) or not isinstance(token, (int, np.integer)) or not 0 <= token < trace.n_tokens:
            raise InvalidInput(f"{expected}, got {token!r}.")
    return [int(token) for token in listed]


def _led_to(
    trace: Trace, raw: NDArray[np.float32], positions: Sequence[int], ignored: Sequence[int]
) -> NDArray[np.float32]:
    """Rows (R, N) with NaN at what can't have led to an output, and at ignored tokens."""
    columns = np.arange(raw.shape[1])
    ends = np.array([trace.n_inputs_of(position) for position in positions])
    led_to_it = (columns[None] < ends[:, None]) & ~np.isin(columns, ignored)[None]
    return np.where(led_to_it, raw, np.nan).astype(np.float32)


def _check_finite(raw: Tensor, positions: Sequence[int], method: str) -> None:
    bad = ~raw.isfinite()
    if bool(bad.any()):
        row, token = (int(index) for index in bad.nonzero()[0])
        raise NonFinite(
            f"{method}: the attribution of token {token} to position {positions[row]} is NaN or infinite.",
            hint="Load the weights in float32 (dtype='float32'), or try another target or method.",
        )


def _floats(values: Tensor) -> NDArray[Any]:
    array: NDArray[np.float32] = values.detach().float().cpu().numpy()
    return array
