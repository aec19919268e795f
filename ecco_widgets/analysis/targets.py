"""The scalar of the logits that an attribution explains, and its gradient with respect to the last hidden state."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ecco_widgets.errors import InvalidInput
from ecco_widgets.models.architecture import Architecture
from ecco_widgets.models.logits import at_least_single, check_logits

# Logits of one chunk of rows may take this many bytes, so that the vocabulary never decides the peak memory.
_LOGIT_BYTES = 64 << 20


@dataclass(frozen=True)
class Target:
    """What is explained.

    Attributes:
        name: As in ``TARGETS``.
        label: For menus.
        note: One sentence on what it answers.
    """

    name: str
    label: str
    note: str


TARGETS = (
    Target("logit", "logit", "Why did this token score high? The token's logit, before the softmax."),
    Target(
        "probability", "probability", "Why was this token likely? Its gradient vanishes where the model is certain."
    ),
    Target("log_probability", "log p", "Why this token rather than all others, weighed by their probability?"),
    Target("contrast", "instead of…", "Why this token instead of another one? The difference of their logits."),
    Target("entropy", "entropy", "What made the model undecided? The entropy of its prediction, in nats."),
)


def check_target(name: str) -> str:
    """The name of a target if there is one.

    Raises:
        InvalidInput: If there is none; a near miss is suggested.
    """
    return check_choice("target", name, [target.name for target in TARGETS])


def check_choice(what: str, given: object, choices: Sequence[str]) -> str:
    """The given choice if it is one of several.

    Raises:
        InvalidInput: If not; a near miss is suggested.

    Example:
        >>> check_choice("target", "logit", ["logit", "entropy"])
        'logit'
    """
    if isinstance(given, str) and given in choices:
        return given
    near = difflib.get_close_matches(str(given), choices, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else ""
    raise InvalidInput(f"{what} must be one of {', '.join(map(repr, choices))}, got {given!r}.", hint=hint)


def target_values(name: str, logits: Tensor, tokens: Tensor, foils: Tensor | None) -> Tensor:
    """Value of the target for each row.

    Args:
        name: As in ``TARGETS``.
        logits: Shape (R, V).
        tokens: The explained tokens, shape (R,).
        foils: For a contrast: the tokens that could have come instead, shape (R,).

    Returns:
        Shape (R,), differentiable in the logits.
    """
    rows = torch.arange(len(logits), device=logits.device)
    functions: dict[str, Callable[[], Tensor]] = {
        "logit": lambda: logits[rows, tokens],
        "probability": lambda: torch.softmax(logits, dim=-1)[rows, tokens],
        "log_probability": lambda: torch.log_softmax(logits, dim=-1)[rows, tokens],
        "contrast": lambda: logits[rows, tokens] - logits[rows, foils],
        "entropy": lambda: torch.distributions.Categorical(logits=logits).entropy(),
    }
    return functions[name]()


def runners_up(logits: Tensor, tokens: Tensor) -> Tensor:
    """The best token other than the explained one in each row: foils where none is named.

    Args:
        logits: Shape (R, V).
        tokens: The explained tokens, shape (R,).

    Returns:
        Ids (R,).
    """
    return logits.scatter(1, tokens[:, None], float("-inf")).argmax(dim=-1)


class Readings(NamedTuple):
    """What the logits of R rows say, and the gradient of the target with respect to the states they came from.

    Attributes:
        seeds: Gradient (R, D) of the target with respect to the last hidden state of each row.
        value: Value (R,) of the target.
        probability: Probability (R,) of the explained token.
        rank: Rank (R,) of the explained token: 1 + number of tokens with a strictly larger logit.
    """

    seeds: Tensor
    value: Tensor
    probability: Tensor
    rank: Tensor


def rows_together(parts: Architecture) -> int:
    """How many rows of logits may be in memory together."""
    return max(1, _LOGIT_BYTES // (parts.vocabulary * 4 * 4))  # logits, softmax and both gradients, float32


def read(
    parts: Architecture,
    states: Tensor,
    name: str,
    tokens: Tensor,
    *,
    foils: Tensor | None,
    positions: Sequence[int],
) -> Readings:
    """Run the head on some rows and differentiate the target there, in chunks of rows.

    Args:
        parts: The model.
        states: Last hidden states of the predicting rows, shape (R, D).
        name: Target.
        tokens: The explained tokens, shape (R,).
        foils: For a contrast: the tokens that could have come instead, shape (R,).
        positions: R positions, for error messages.

    Returns:
        The readings, in float32 or better but for ``seeds``, which keep the states' dtype.

    Raises:
        NonFinite: If a logit is NaN or infinite.
    """
    chunk = rows_together(parts)
    found: list[Readings] = []
    for start in range(0, len(states), chunk):
        rows = states[start : start + chunk].detach().requires_grad_()
        chosen = tokens[start : start + chunk]
        others = None if foils is None else foils[start : start + chunk]
        # For a logit of an affine head the gradient is a row of the unembedding: no backward pass over the vocabulary.
        weights = parts.unembedding if name in {"logit", "contrast"} else None
        with torch.set_grad_enabled(weights is None):
            logits = at_least_single(parts.logits(rows))
            check_logits(logits.detach(), positions[start : start + chunk])
            value = target_values(name, logits, chosen, others)
        if weights is None:
            (seeds,) = torch.autograd.grad(value.sum(), rows)
        else:
            seeds = weights[chosen] - (0 if others is None else weights[others])
        with torch.no_grad():
            own = logits.gather(1, chosen[:, None])
            found.append(
                Readings(
                    seeds=seeds,
                    value=value.detach(),
                    probability=torch.log_softmax(logits, dim=-1).gather(1, chosen[:, None])[:, 0].exp(),
                    rank=1 + (logits > own).sum(dim=-1),
                )
            )
    return Readings(*(torch.cat(column) for column in zip(*found, strict=True)))
