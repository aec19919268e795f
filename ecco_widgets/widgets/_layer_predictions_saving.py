"""What a layer predictions widget saves."""

# ruff: noqa: SLF001 - this is a part of the widget, in a file of its own

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ecco_widgets.export import Caption, TokenTable, table_preview, to_token_table
from ecco_widgets.widgets import _lens_saving as saving
from ecco_widgets.widgets._keeping import as_trait
from ecco_widgets.widgets._lens_rows import Top

if TYPE_CHECKING:
    from ecco_widgets.widgets.layer_predictions import LayerPredictionsWidget


class LayerPredictionsSaved:
    """What a layer predictions widget has to save; see ``Saved`` for the methods.

    Args:
        widget: The widget.
    """

    bundle = "layer_predictions"

    def __init__(self, widget: LayerPredictionsWidget) -> None:
        self._widget = widget

    def state(self, positions: Sequence[int] | None) -> dict[str, Any]:
        """The settings, and the predictions of some positions; what is not at hand is computed."""
        widget = self._widget
        chosen = saving.chosen_positions(widget, positions, saving.output_and_next(widget.trace))
        saving.check_size(
            f"{len(chosen):,} positions of {widget.trace.lm.n_layers} layers",
            2 * len(chosen) * widget.trace.lm.n_layers * widget.topk,
        )
        state = saving.synced_state(widget)
        tops = saving.tops_data(widget, saving.tops_of(widget, chosen))
        if chosen and widget.position not in chosen:
            state["position"] = chosen[0]
        current = [top for top in tops if top["position"] == state["position"]]
        others = [as_trait(top) for top in tops if top["position"] != state["position"]]
        return {**state, "_top": as_trait(current[0]) if current else {}, "_kept": others}

    def document(self, positions: Sequence[int] | None) -> dict[str, Any]:
        """Settings, and for each position the k best tokens of each layer."""
        widget = self._widget
        tops = saving.tops_of(widget, saving.chosen_positions(widget, positions, ()))
        return {
            **saving.heading(widget),
            "topk": widget.topk,
            "predictions": [self._prediction(position, top) for position, top in tops.items()],
        }

    def columns(self, positions: Sequence[int] | None) -> dict[str, list[Any]]:
        """The columns of ``to_frame``."""
        widget = self._widget
        tops = saving.tops_of(widget, saving.chosen_positions(widget, positions, ()))
        columns: dict[str, list[Any]] = {name: [] for name in ("position", "layer", "place", "token", "id")}
        columns["probability"] = []
        layers, _ = saving.layer_names(widget, widget.layers)
        for position, top in tops.items():
            for layer in sorted(layers):
                for place, token in enumerate(top.texts[layer]):
                    row = (position, layer, place + 1, token, int(top.ids[layer, place]))
                    probability = float(top.probabilities[layer, place])
                    for column, value in zip(columns.values(), (*row, probability), strict=True):
                        column.append(value)
        return columns

    def picture(self, theme: str, width: float) -> str:
        """The current position."""
        widget = self._widget
        here = [] if widget.position is None else [widget.position]
        top = next(iter(saving.tops_of(widget, here).values()), None)
        return to_token_table(self._table(top), theme=theme, width=width)

    def summary(self) -> str:
        """The current position in a sentence."""
        return f"{type(self._widget).__name__}: {self._shown().summary()}"

    def preview(self, note: str) -> str:
        """The current position."""
        return table_preview(self._shown(), note=note)

    def _shown(self) -> TokenTable:
        saving.wait_for_first(self._widget)
        return self._table(self._widget._known_top())

    def _table(self, top: Top | None) -> TokenTable:
        widget = self._widget
        layers, names = saving.layer_names(widget, widget.layers)
        note = "no position is chosen"
        if widget.position is not None:
            note = f"{saving.place_of(widget, widget.position)} · position {widget.position}"
        caption = Caption(self._title(layers), note, saving.made_by(widget))
        if top is None:
            nothing = np.zeros((0, 0))
            return TokenTable(caption, [], [], nothing, nothing.astype(bool), nothing.astype(int))
        series = {token: place for place, token in enumerate(widget.watch)}
        ids = top.ids[layers]
        has_actual = top.actual >= 0
        return TokenTable(
            caption=caption,
            rows=names,
            texts=[top.texts[layer] for layer in layers],
            probabilities=top.probabilities[layers],
            actual=(ids == top.actual) & has_actual,
            series=np.array([[series.get(token, -1) for token in row] for row in ids.tolist()]),
            tail=[(int(top.actual_ranks[n]), float(top.actual_probabilities[n])) for n in layers] if has_actual else [],
            tail_name=top.actual_text,
        )

    def _title(self, layers: Sequence[int]) -> str:
        if len(layers) != 1:
            return "What each layer would have said"
        if layers[0] == self._widget.trace.lm.n_layers - 1:
            return "What the model expects"
        return f"What layer {layers[0]} would have said"

    def _prediction(self, position: int, top: Top) -> dict[str, Any]:
        layers, _ = saving.layer_names(self._widget, self._widget.layers)
        return {
            "position": position,
            "actual": None if top.actual < 0 else {"id": top.actual, "text": top.actual_text},
            "layers": [
                {
                    "layer": layer,
                    "ids": top.ids[layer],
                    "texts": top.texts[layer],
                    "probabilities": top.probabilities[layer],
                    "actual_rank": None if top.actual < 0 else int(top.actual_ranks[layer]),
                    "actual_probability": None if top.actual < 0 else top.actual_probabilities[layer],
                }
                for layer in sorted(layers)
            ],
        }
