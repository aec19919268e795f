"""What a widget of factors saves."""

# ruff: noqa: SLF001 - this is a part of the widget, in a file of its own

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ecco_widgets.errors import InvalidInput
from ecco_widgets.export import Caption, FactorsFigure, factors_preview, to_factors
from ecco_widgets.export.format import format_share
from ecco_widgets.widgets import _factor_rows as factor_rows
from ecco_widgets.widgets._factor_pictures import Picture, factors_data
from ecco_widgets.widgets._keeping import deep_trait
from ecco_widgets.widgets._shown_states import ShownStates
from ecco_widgets.widgets._states_widget import check_size, synced_state, wait_for_first

if TYPE_CHECKING:
    from ecco_widgets.widgets.factors import FactorsWidget


class FactorsSaved:
    """What a widget of factors has to save; see ``Saved`` for the methods.

    Args:
        widget: The widget.
    """

    bundle = "factors"

    def __init__(self, widget: FactorsWidget) -> None:
        self._widget = widget

    def state(self, positions: Sequence[int] | None) -> dict[str, Any]:
        """The settings, the factors, and the open card; computed if need be."""
        _refuse(positions)
        widget = self._widget
        picture = widget._current()
        check_size(len(picture.ids) * widget._shown.n_tokens)
        card = deep_trait(widget.card_of(widget.card)) if widget.card in picture.ids else {}
        state = synced_state(widget)
        return {**state, "_factors": deep_trait(factors_data(widget._shown, picture)), "_card": card, "focus": None}

    def document(self, positions: Sequence[int] | None) -> dict[str, Any]:
        """Settings, and each factor's token loadings as they are shown, with its statistics."""
        _refuse(positions)
        widget = self._widget
        picture = widget._current()
        shown, data = widget._shown, factors_data(widget._shown, picture)
        tokens = shown.describe()["_tokens"]
        kept = ("ids", "loadings", "explained", "n_neurons", "error", "iterations", "layers", "total_neurons")
        return {
            "format": "ecco_widgets.factors",
            "version": 1,
            "model": shown.lm.name,
            **{name: widget._params[name] for name in ("method", "n_components", "seed", "normalize", "stack")},
            "shifted": shown.shifted,
            "tokens": [text for trace in shown.traces for text in trace.tokens],
            "token_ids": tokens["ids"],
            "n_prompt": tokens["n_prompt"],
            "texts": shown.spans,
            **{name: data[name] for name in kept},
        }

    def columns(self, positions: Sequence[int] | None) -> dict[str, list[Any]]:
        """The columns of ``to_frame``."""
        _refuse(positions)
        widget = self._widget
        picture = widget._current()
        shown = widget._shown
        loadings = shown.shown(picture.factors.token_loadings)
        tokens = [text for trace in shown.traces for text in trace.tokens]
        n = shown.n_tokens
        return {
            "factor": [identity for identity in picture.ids for _ in range(n)],
            "position": list(range(n)) * len(picture.ids),
            "token": tokens * len(picture.ids),
            "loading": loadings.reshape(-1).astype(float).tolist(),
        }

    def picture(self, theme: str, width: float) -> str:
        """Sparklines and coloured text."""
        return to_factors(self._figure(self._widget._current()), theme=theme, width=width)

    def summary(self) -> str:
        """The factors in a sentence."""
        return f"{type(self._widget).__name__}: {self._shown().summary()}"

    def preview(self, note: str) -> str:
        """The factors as HTML."""
        return factors_preview(self._shown(), note=note)

    def _shown(self) -> FactorsFigure:
        widget = self._widget
        wait_for_first(widget)
        with widget._lock:
            picture = widget._picture
        return self._figure(picture)

    def _figure(self, picture: Picture | None) -> FactorsFigure:
        widget = self._widget
        factors = None if picture is None else picture.factors
        chosen = [widget.focus] if widget.focus is not None else widget.pinned
        ids = () if picture is None else picture.ids
        return factors_figure(widget._shown, factors, ids, [ids.index(i) for i in chosen if i in ids])


def factors_figure(
    shown: ShownStates, factors: Any | None, ids: Sequence[int], chosen: Sequence[int] = ()
) -> FactorsFigure:
    """The picture of factors.

    Args:
        shown: The run.
        factors: Its factors; ``None`` while there are none.
        ids: Their identities.
        chosen: Rows that colour the text; all if there are none.
    """
    tokens = shown.describe()["_tokens"]
    loadings = np.zeros((0, shown.n_tokens)) if factors is None else shown.shown(factors.token_loadings)
    facts: list[str] = []
    note, made_by = "", ""
    if factors is not None:
        facts = [
            f"{n:,} neurons · {format_share(float(explained))}"
            for n, explained in zip(factor_rows.n_neurons(factors).tolist(), factors.explained, strict=True)
        ]
        label = next(o["label"] for o in factor_rows.method_options() if o["name"] == factors.method)
        note = f"{len(ids)} factors of {factors.neuron_loadings.shape[1]:,} neurons, {layers_text(factors.layers)}"
        note += "; a generated token shows the state that produced it" if shown.shifted else ""
        made_by = f"{label}, reconstruction error {format_share(float(factors.relative_error))} · {shown.lm.name}"
    return FactorsFigure(
        caption=Caption("Neurons that fire together", note, made_by),
        texts=tokens["texts"],
        loadings=loadings,
        hues=list(ids),
        names=[f"factor {identity}" for identity in ids],
        facts=facts,
        shown=chosen,
        spans=[(span["start"], span["stop"]) for span in shown.spans],
        ids=tokens["ids"],
        n_prompt=tokens["n_prompt"],
        special=tokens["special"],
        fragments=tokens["fragments"],
    )


def layers_text(layers: Sequence[int]) -> str:
    """Layers as people write them.

    Example:
        >>> layers_text([3]), layers_text([0, 1, 2, 5])
        ('layer 3', 'layers 0–2, 5')
    """
    runs: list[list[int]] = []
    for layer in layers:
        if runs and layer == runs[-1][-1] + 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    said = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)
    return f"layer{'s' if len(layers) > 1 else ''} {said}"


def _refuse(positions: Sequence[int] | None) -> None:
    if positions is not None:
        raise InvalidInput("factors are saved for all tokens; positions can't be chosen.", hint="Leave positions out.")
