"""Interventions as a user asks for them, checked: indices that exist, numbers that can be computed with."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, get_args

import numpy as np
import torch

from ecco_widgets.errors import InvalidInput
from ecco_widgets.models.neuron_changes import Action, Intervention, Interventions
from ecco_widgets.models.neurons import Neurons

__all__ = ["ECCO_FACTOR", "Action", "Intervention", "Interventions", "make_interventions"]

# Ecco multiplies the neurons of ``neurons_to_induce`` by this.
ECCO_FACTOR = 10.0


def make_interventions(
    neurons: Neurons,
    which: Mapping[int, Sequence[int] | int] | None = None,
    action: Action = "zero",
    *,
    value: float | None = None,
    means: Sequence[Any] | Mapping[int, Any] | None = None,
    positions: Sequence[int] | int | None = None,
    neurons_to_inhibit: Mapping[int, Sequence[int] | int] | None = None,
    neurons_to_induce: Mapping[int, Sequence[int] | int] | None = None,
) -> Interventions:
    """Check what a user asks for and make interventions of it.

    Args:
        neurons: The neurons of the stack.
        which: Indices of neurons by layer, e.g. ``{2: [7, 8]}``.
        action: "zero", "scale", "set" or "mean".
        value: The factor of "scale", the value of "set".
        means: For "mean": recorded neurons, of which the mean over tokens is taken, as L arrays (T, N_l) or (B, T, N_l)
            (``trace.activations()``); or by layer the N_l means, or one for each of the layer's indices in ``which``.
        positions: Tokens at which they act, indices into the whole sequence (with an encoder: into its or the decoder's
            own); all by default.
        neurons_to_inhibit: Ecco's name: neurons set to zero.
        neurons_to_induce: Ecco's name: neurons multiplied by ``value``, 10 by default as in Ecco.

    Returns:
        The interventions, those of Ecco's names last.

    Raises:
        InvalidInput: If a layer or an index does not exist, or a value is missing, not finite or of the wrong shape.

    Example:
        >>> from transformers import GPT2Config, GPT2Model
        >>> from ecco_widgets.models.neurons import find_neurons
        >>> config = GPT2Config(n_layer=2, n_embd=8, n_head=2, vocab_size=11, n_positions=16, eos_token_id=0)
        >>> model = GPT2Model(config).eval()
        >>> run = lambda: model(torch.arange(5)[None], use_cache=False)
        >>> neurons = find_neurons(model, list(model.h), run)
        >>> with make_interventions(neurons, {1: [0, 3]}, "set", value=2.5).applied():
        ...     neurons.record(run)[1][0, -1, [0, 3]].tolist()
        [2.5, 2.5]
    """
    changes: list[Intervention] = []
    at = _positions(positions)
    if which is not None:
        if action not in get_args(Action):
            known = ", ".join(map(repr, get_args(Action)))
            raise InvalidInput(f"action must be one of {known}, got {action!r}.")
        meant = _checked(neurons, which)
        values = _means(neurons, meant, means) if action == "mean" else _same(meant, _operand(action, value))
        changes.append(Intervention(neurons, meant, action, values, at))
    if neurons_to_inhibit is not None:
        meant = _checked(neurons, neurons_to_inhibit, "neurons_to_inhibit")
        changes.append(Intervention(neurons, meant, "zero", _same(meant, 0.0), at))
    if neurons_to_induce is not None:
        meant = _checked(neurons, neurons_to_induce, "neurons_to_induce")
        factor = ECCO_FACTOR if value is None else _operand("scale", value)
        changes.append(Intervention(neurons, meant, "scale", _same(meant, factor), at))
    if not changes:
        raise InvalidInput(
            "no neurons to intervene on were given.", hint="Pass indices by layer, e.g. lm.intervene({2: [7, 8]})."
        )
    return Interventions(tuple(change for change in changes if change.neurons))


def _checked(neurons: Neurons, which: Any, name: str = "neurons") -> dict[int, tuple[int, ...]]:
    """Indices by layer as integers, if all exist."""
    if not isinstance(which, Mapping):
        raise InvalidInput(
            f"{name} must map layers to indices of neurons, got {which!r}.", hint="For example {2: [7, 8]}."
        )
    checked: dict[int, tuple[int, ...]] = {}
    for key, given in which.items():
        layer = _integer(key, f"a layer of {name}")
        if not 0 <= layer < len(neurons.widths):
            raise InvalidInput(f"layer must be in 0..{len(neurons.widths) - 1}, got {layer} in {name}.")
        indices = tuple(dict.fromkeys(_integers(given, f"{name}[{layer}]")))
        last = neurons.widths[layer] - 1
        wrong = [index for index in indices if not 0 <= index <= last]
        if wrong:
            raise InvalidInput(
                f"{name}[{layer}]: layer {layer} has neurons 0..{last}, got {', '.join(map(str, wrong[:5]))}"
                f"{' ...' * (len(wrong) > 5)}."
            )
        if indices:
            checked[layer] = indices
    return checked


def _positions(given: Any) -> tuple[int, ...] | None:
    if given is None:
        return None
    positions = tuple(dict.fromkeys(_integers(given, "positions")))
    if any(position < 0 for position in positions):
        raise InvalidInput(
            f"positions must be 0 or more, got {min(positions)}.",
            hint="They count from the start of the text, since a text that is being generated has no end yet.",
        )
    return positions


def _integers(given: Any, name: str) -> list[int]:
    if isinstance(given, (str, bytes, Mapping)):
        raise InvalidInput(f"{name} must be a list of integers, got {given!r}.")
    try:
        values = list(given)
    except TypeError:
        values = [given]
    return [_integer(value, name) for value in values]


def _integer(value: Any, name: str) -> int:
    # Numpy's integers count, Python's truth values do not.
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
        raise InvalidInput(f"{name} must be an integer or a list of them, got {value!r}.")
    return operator.index(value)


def _operand(action: Action, value: Any) -> float:
    if action == "zero":
        if value is not None:
            raise InvalidInput(f"action 'zero' takes no value, got {value!r}.", hint="Use 'set' or 'scale'.")
        return 0.0
    what = {"scale": "a factor", "set": "a value"}[action]
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise InvalidInput(f"action {action!r} needs {what}, a finite number, got {value!r}.", hint="Pass value=...")
    return float(value)


def _same(meant: Mapping[int, tuple[int, ...]], value: float) -> dict[int, tuple[float, ...]]:
    return {layer: (value,) * len(indices) for layer, indices in meant.items()}


def _means(neurons: Neurons, meant: Mapping[int, tuple[int, ...]], means: Any) -> dict[int, tuple[float, ...]]:
    """Mean of each neuron meant, from means or from recorded neurons."""
    if means is None or isinstance(means, (str, bytes)):
        raise InvalidInput(
            "action 'mean' needs means, got none.",
            hint="Pass the neurons of a run, means=trace.activations(), or means by layer, means={2: [0.1, 0.3]}.",
        )
    if not isinstance(means, Mapping):
        if len(means) != len(neurons.widths):
            raise InvalidInput(
                f"means must hold the neurons of all {len(neurons.widths)} layers, got {len(means)}.",
                hint="Pass trace.activations(), or a mapping from layers to means.",
            )
        means = dict(enumerate(means))
    return {layer: _layer_means(means, layer, indices, neurons.widths[layer]) for layer, indices in meant.items()}


def _layer_means(means: Mapping[int, Any], layer: int, indices: tuple[int, ...], width: int) -> tuple[float, ...]:
    if layer not in means:
        raise InvalidInput(f"means has no layer {layer}; it has {', '.join(map(str, means)) or 'none'}.")
    given = torch.as_tensor(means[layer]).detach().double().cpu()
    if given.dim() > 1 and given.shape[-1] == width:
        given = given.reshape(-1, width).mean(0)
    if given.dim() != 1 or given.shape[0] not in {width, len(indices)}:
        raise InvalidInput(
            f"means[{layer}] must have shape (T, {width}), ({width},) or ({len(indices)},), got {tuple(given.shape)}."
        )
    values = given[list(indices)] if given.shape[0] == width else given
    if not bool(values.isfinite().all()):
        raise InvalidInput(f"means[{layer}] contain NaN or infinity.", hint="Pass finite means.")
    return tuple(values.tolist())
