"""What a widget of neurons saves."""

# ruff: noqa: SLF001 - this is a part of the widget, in a file of its own

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecco_widgets.errors import InvalidInput
from ecco_widgets.export import Caption, Heatmap, Scale, heatmap_preview, to_heatmap
from ecco_widgets.export.format import format_short, format_value
from ecco_widgets.export.sequential import nice_ceiling, ticks_to
from ecco_widgets.widgets import _neuron_rows as neuron_rows
from ecco_widgets.widgets._keeping import deep_trait
from ecco_widgets.widgets._states_widget import check_size, synced_state, wait_for_first

if TYPE_CHECKING:
    from ecco_widgets.widgets.neurons import NeuronsWidget

# Cells of a picture; of more neurons the most active are drawn.
_MOST_CELLS = 12_000
_PREVIEW_ROWS = 20
_FEWEST_ROWS = 10
_TICKS = 5


class NeuronsSaved:
    """What a widget of neurons has to save; see ``Saved`` for the methods.

    Args:
        widget: The widget.
    """

    bundle = "neurons"

    def __init__(self, widget: NeuronsWidget) -> None:
        self._widget = widget

    def state(self, positions: Sequence[int] | None) -> dict[str, Any]:
        """The settings, the map, and the open neuron; computed if need be."""
        _refuse(positions)
        widget = self._widget
        shown = widget._current()
        check_size(shown["values"].size)
        neuron: dict[str, Any] = {}
        if widget.selected is not None:
            spec = widget._neuron_spec(widget.layer, widget.selected)
            known = widget._known_neuron()
            neuron = known or {"spec": spec, **neuron_rows.neuron_of(widget._shown, widget.layer, widget.selected)}
        return {**synced_state(widget), "_map": deep_trait(shown), "_neuron": deep_trait(neuron)}

    def document(self, positions: Sequence[int] | None) -> dict[str, Any]:
        """Settings, and the activations of the neurons as they are shown."""
        _refuse(positions)
        widget = self._widget
        shown, states = widget._current(), widget._shown
        tokens = states.describe()["_tokens"]
        return {
            "format": "ecco_widgets.neurons",
            "version": 1,
            "model": states.lm.name,
            **widget._settings,
            "stack": states.stack,
            "shifted": states.shifted,
            "tokens": [text for trace in states.traces for text in trace.tokens],
            "token_ids": tokens["ids"],
            "n_prompt": tokens["n_prompt"],
            "texts": states.spans,
            **{name: shown[name] for name in ("neurons", "cluster", "values", "silhouette", "total")},
        }

    def columns(self, positions: Sequence[int] | None) -> dict[str, list[Any]]:
        """The columns of ``to_frame``."""
        _refuse(positions)
        widget = self._widget
        shown = widget._current()
        tokens = [text for trace in widget._shown.traces for text in trace.tokens]
        n, m = len(tokens), len(shown["neurons"])
        return {
            "layer": [shown["layer"]] * (n * m),
            "neuron": np.repeat(shown["neurons"], n).tolist(),
            "cluster": np.repeat(shown["cluster"], n).tolist(),
            "position": list(range(n)) * m,
            "token": tokens * m,
            "value": shown["values"].reshape(-1).astype(float).tolist(),
        }

    def picture(self, theme: str, width: float) -> str:
        """The heat map; of many neurons the most active ones."""
        most = max(_FEWEST_ROWS, _MOST_CELLS // max(1, self._widget._shown.n_tokens))
        return to_heatmap(self._heatmap(self._widget._current(), most), theme=theme, width=width)

    def summary(self) -> str:
        """The clusters in a sentence."""
        shown = self._shown()
        if not shown:
            return f"{type(self._widget).__name__}: not computed yet."
        n_clusters = len(np.unique(shown["cluster"]))
        return (
            f"{type(self._widget).__name__}: the {len(shown['neurons'])} most active of {shown['total']:,} neurons of "
            f"layer {shown['layer']} in {n_clusters} clusters. Most active: "
            f"{', '.join(map(str, _most_active(shown, 5)[1].tolist()))}."
        )

    def preview(self, note: str) -> str:
        """The most active neurons as a table."""
        return heatmap_preview(self._heatmap(self._shown(), _PREVIEW_ROWS), note=note)

    def _shown(self) -> dict[str, Any]:
        wait_for_first(self._widget)
        with self._widget._lock:
            return self._widget._shown_map

    def _heatmap(self, shown: dict[str, Any], most: int) -> Heatmap:
        widget = self._widget
        title = "What neurons fire at"
        if not shown:
            return Heatmap(
                Caption(title, ""), [], [], np.zeros((0, 0)), Scale("moss", np.zeros((0, 0)), [], [], ("", ""))
            )
        rows, _ = _most_active(shown, most)
        rows = np.sort(rows)
        values = shown["values"][rows]
        largest = nice_ceiling(float(np.nanmax(values, initial=0.0)))
        some = f"{len(rows)} of the " if len(rows) < len(shown["neurons"]) else ""
        note = f"{some}{len(shown['neurons'])} most active of {shown['total']:,} neurons of layer {shown['layer']}"
        note += " (beside each its cluster)"
        if widget._shown.shifted:
            note += "; a generated token shows the state that produced it"
        silhouette = shown["silhouette"]
        made_by = f"k-means, {len(np.unique(shown['cluster']))} clusters"
        made_by += "" if silhouette is None else f", silhouette {format_value(silhouette)}"
        return Heatmap(
            caption=Caption(title, note, f"{made_by} · {widget._shown.lm.name}"),
            rows=[
                f"{neuron} · {cluster}"
                for neuron, cluster in zip(
                    shown["neurons"][rows].tolist(), shown["cluster"][rows].tolist(), strict=True
                )
            ],
            columns=[text for trace in widget._shown.traces for text in trace.tokens],
            values=values,
            scale=_scale(values, largest),
            notes=[f"position {position}" for position in range(widget._shown.n_tokens)],
        )


def _scale(values: NDArray[np.float32], largest: float) -> Scale:
    return Scale(
        ramp="moss",
        strengths=np.maximum(values.astype(np.float64), 0) / largest,
        texts=[[format_short(float(value)) for value in row] for row in values],
        ticks=[(tick / largest, format_value(tick)) for tick in ticks_to(largest, _TICKS)],
        ends=("", "active"),
    )


def _most_active(shown: dict[str, Any], most: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Rows and indices of the neurons with the largest mean square, largest first."""
    energy = np.nansum(np.square(shown["values"], dtype=np.float64), axis=1)
    rows = np.argsort(-energy, kind="stable")[:most]
    return rows, shown["neurons"][rows]


def _refuse(positions: Sequence[int] | None) -> None:
    if positions is not None:
        raise InvalidInput("neurons are saved for all tokens; positions can't be chosen.", hint="Leave positions out.")
