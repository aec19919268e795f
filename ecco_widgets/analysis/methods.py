"""The attribution methods: which there are, which are sound on a model, and how Captum computes each.

Every method returns attributions per input dimension; ``attribution`` sums them up per token. Sources: Gradient x
Input, Shrikumar et al. 2017; Integrated Gradients, Sundararajan et al. 2017; GradientSHAP, Lundberg and Lee 2017;
Occlusion, Zeiler and Fergus 2014; Guided Backpropagation, Springenberg et al. 2015; Deconvolution, Zeiler and Fergus
2014.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from ecco_widgets.analysis import path_methods
from ecco_widgets.analysis.gradient_methods import gradient, gradient_x_input
from ecco_widgets.analysis.problem import Problem
from ecco_widgets.analysis.targets import check_choice
from ecco_widgets.errors import UnsupportedMethod
from ecco_widgets.models.architecture import Architecture

Compute = Callable[[Problem], "tuple[Tensor, Tensor | None]"]
"""Attributions (R, T, D) and, where the method promises completeness, the relative gap (R,)."""


@dataclass(frozen=True)
class Method:
    """One attribution method.

    Attributes:
        name: As given to ``attribute``.
        label: For menus.
        note: One sentence: what it does and costs.
        compute: The computation.
        aliases: Ecco's and Captum's other names.
        cheap: Whether it costs about one backward pass an output, so that all outputs can be computed in idle time.
        reason: Why it can't be used on a model, "" if it can.
    """

    name: str
    label: str
    note: str
    compute: Compute
    aliases: tuple[str, ...] = ()
    cheap: bool = False
    reason: Callable[[Architecture], str] = field(default=lambda _parts: "")


def _needs_relu(parts: Architecture) -> str:
    if any(isinstance(module, nn.ReLU) for module in parts.model.modules()):
        return ""
    return (
        "it changes the gradient of ReLU units and this model has none, so it would be the plain gradient under "
        "another name; use 'gradient' or 'grad_x_input'"
    )


def _undefined(problem: Problem) -> tuple[Tensor, None]:
    raise UnsupportedMethod(f"this method is not defined for {type(problem.parts.model).__name__}.")


def _never(reason: str) -> Callable[[Architecture], str]:
    return lambda _parts: reason


_RESCALE = (
    "its rescale rule is defined for elementwise activations only; a transformer multiplies activations (attention, "
    "gates) and normalises them, where the rule does not add up to the output; use 'integrated_gradients' or "
    "'gradient_shap'"
)

METHODS = (
    Method(
        "grad_x_input",
        "Gradient × Input",
        "One backward pass: gradient times the token's embedding.",
        gradient_x_input,
        cheap=True,
    ),
    Method(
        "integrated_gradients",
        "Integrated Gradients",
        "Gradients along the path from an empty embedding; adds up to the output, up to the gap shown.",
        path_methods.integrated_gradients,
        ("ig",),
    ),
    Method(
        "occlusion",
        "Occlusion",
        "Takes each token's embedding away in turn and measures the change: one forward pass a token.",
        path_methods.occlusion,
        ("ablation", "feature_ablation"),
    ),
    Method(
        "gradient",
        "Gradient",
        "One backward pass: how sensitive is the output to each token?",
        gradient,
        ("saliency",),
        cheap=True,
    ),
    Method(
        "gradient_shap",
        "Gradient SHAP",
        "Expected gradients between the text and random tokens; sampled with a fixed seed.",
        path_methods.gradient_shap,
        ("gs",),
    ),
    Method(
        "guided_backprop",
        "Guided Backprop",
        "Gradient with negative signals cut at ReLU units.",
        path_methods.guided_backprop,
        ("gb",),
        reason=_needs_relu,
    ),
    Method(
        "deconvolution",
        "Deconvolution",
        "Gradient with ReLU applied to the backward signal instead of the forward one.",
        path_methods.deconvolution,
        ("deconv",),
        reason=_needs_relu,
    ),
    Method("deep_lift", "DeepLIFT", "", _undefined, ("dl",), reason=_never(_RESCALE)),
    Method("deep_lift_shap", "DeepLIFT SHAP", "", _undefined, ("dls",), reason=_never(_RESCALE)),
    Method(
        "guided_gradcam",
        "Guided Grad-CAM",
        "",
        _undefined,
        ("gg",),
        reason=_never(
            "it weighs the feature maps of a convolutional layer, and a language model has none; use 'grad_x_input'"
        ),
    ),
    Method(
        "layer_relevance_propagation",
        "LRP",
        "",
        _undefined,
        ("lrp",),
        reason=_never(
            "the propagation rules that Captum has cover linear layers and ReLU, not attention, layer norm or GELU, so "
            "relevance is not conserved; use 'integrated_gradients'"
        ),
    ),
)

_BY_NAME = {name: method for method in METHODS for name in (method.name, *method.aliases)}


def method_named(name: str) -> Method:
    """The method of this name or alias.

    Raises:
        InvalidInput: If there is none; a near miss is suggested.

    Example:
        >>> method_named("ig").name
        'integrated_gradients'
    """
    return _BY_NAME[check_choice("method", name, list(_BY_NAME))]


def usable_method(name: str, parts: Architecture) -> Method:
    """The method of this name if it is sound on this model.

    Raises:
        InvalidInput: If there is no such method.
        UnsupportedMethod: If it is not defined for this model; the message says why and what to use.
    """
    method = method_named(name)
    reason = method.reason(parts)
    if reason:
        raise UnsupportedMethod(f"{method.name!r} is not defined for {type(parts.model).__name__}: {reason}.")
    return method


def method_options(parts: Architecture) -> Sequence[dict[str, Any]]:
    """Name, label, note and reason of unavailability of every method, for menus."""
    return [
        {"name": method.name, "label": method.label, "note": method.note, "unavailable": method.reason(parts)}
        for method in METHODS
    ]
