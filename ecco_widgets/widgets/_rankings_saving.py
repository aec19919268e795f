"""What a rankings widget saves."""

# ruff: noqa: SLF001 - this is a part of the widget, in a file of its own

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ecco_widgets.export import Caption, Heatmap, Scale, heatmap_preview, nats_scale, rank_scale, to_heatmap
from ecco_widgets.export.format import format_value
from ecco_widgets.widgets import _lens_saving as saving
from ecco_widgets.widgets._keeping import as_trait
from ecco_widgets.widgets._lens_rows import Column, columns_at

if TYPE_CHECKING:
    from ecco_widgets.widgets.rankings import RankingsWidget

_MEASURES = ("rank", "log_probability", "entropy", "kl")


class RankingsSaved:
    """What a rankings widget has to save; see ``Saved`` for the methods.

    Args:
        widget: The widget.
    """

    bundle = "rankings"

    def __init__(self, widget: RankingsWidget) -> None:
        self._widget = widget

    def state(self, positions: Sequence[int] | None) -> dict[str, Any]:
        """The settings, the grid, and the layer predictions of some of its positions; computed if need be."""
        widget, n_layers = self._widget, self._widget.trace.lm.n_layers
        grid = widget.positions
        opened = saving.chosen_positions(widget, positions, grid)
        cells = n_layers * (len(grid) * 14 + len(opened) * 2 * widget.topk)
        saving.check_size(f"a grid of {len(grid):,} tokens and {len(opened):,} layer predictions", cells)
        columns = self._computed()
        state = saving.synced_state(widget)
        tops = saving.tops_data(widget, saving.tops_of(widget, opened))
        current = [as_trait(top) for top in tops if top["position"] == state["position"]]
        return {
            **state,
            "_grid": as_trait(widget._grid_data(columns)) if columns else {},
            "_top": current[0] if current else {},
            "_kept": [as_trait(top) for top in tops if top["position"] != state["position"]],
        }

    def document(self, positions: Sequence[int] | None) -> dict[str, Any]:
        """Settings, and each measure for each layer and position."""
        columns = self._chosen(positions)
        return {
            **saving.heading(self._widget),
            "positions": list(columns),
            **{
                name: np.stack([getattr(c, name) for c in columns.values()], 1) if columns else [] for name in _MEASURES
            },
        }

    def columns(self, positions: Sequence[int] | None) -> dict[str, list[Any]]:
        """The columns of ``to_frame``."""
        trace = self._widget.trace
        columns: dict[str, list[Any]] = {name: [] for name in ("position", "token", "layer", *_MEASURES)}
        for position, column in self._chosen(positions).items():
            for layer in range(trace.lm.n_layers):
                values = [float(getattr(column, name)[layer]) for name in _MEASURES[1:]]
                row = (position, trace.tokens[position], layer, int(column.rank[layer]), *values)
                for target, value in zip(columns.values(), row, strict=True):
                    target.append(value)
        return columns

    def picture(self, theme: str, width: float) -> str:
        """The heat map."""
        return to_heatmap(self._heatmap(self._computed()), theme=theme, width=width)

    def summary(self) -> str:
        """The heat map's last layer in a sentence."""
        return f"{type(self._widget).__name__}: {self._shown().summary()}"

    def preview(self, note: str) -> str:
        """The heat map, or a part of it."""
        return heatmap_preview(self._shown(), note=note)

    def _shown(self) -> Heatmap:
        saving.wait_for_first(self._widget)
        return self._heatmap(self._widget._known_columns() or [])

    def _computed(self) -> list[Column]:
        widget = self._widget
        known = widget._known_columns()
        if known is not None:
            return known
        reading = widget._reading
        return saving.in_chunks(widget.positions, lambda some: columns_at(widget.trace, some, **reading))

    def _chosen(self, positions: Sequence[int] | None) -> dict[int, Column]:
        widget, reading = self._widget, self._widget._reading
        if positions is None:
            return dict(zip(widget.positions, self._computed(), strict=True))
        chosen = saving.chosen_positions(widget, positions, ())
        made = saving.in_chunks(chosen, lambda some: columns_at(widget.trace, some, **reading))
        return dict(zip(chosen, made, strict=True))

    def _heatmap(self, columns: Sequence[Column]) -> Heatmap:
        widget = self._widget
        layers, names = saving.layer_names(widget)
        caption = Caption("When it decided", self._note(), saving.made_by(widget))
        if not columns:
            return Heatmap(caption, [], [], np.zeros((0, 0)), Scale("violet", np.zeros((0, 0)), [], [], ("", "")))
        values = np.stack([getattr(column, widget.measure) for column in columns], axis=1)[layers]
        vocabulary, positions = widget.trace.lm.vocabulary, widget.positions
        rank = widget.measure == "rank"
        return Heatmap(
            caption=caption,
            rows=names,
            columns=[widget.trace.tokens[position] for position in positions],
            values=values,
            scale=rank_scale(values, vocabulary) if rank else nats_scale(widget.measure, values, vocabulary),
            chosen=positions.index(widget.position) if widget.position in positions else None,
            notes=[f"position {position}" for position in positions],
        )

    def _note(self) -> str:
        """What a cell is, as the view says it."""
        widget = self._widget
        vocabulary, trace = widget.trace.lm.vocabulary, widget.trace
        kind = "token"
        if trace.kind == "classification":
            kind = "class"
        elif trace.kind != "masked" and widget.scope != "all" and trace.n_generated:
            kind = "output token" if trace.kind == "seq2seq" else "generated token"
        return {
            "rank": f"rank of each {kind} at each layer, 1 is best, of {vocabulary:,}",
            "log_probability": f"log-probability of each {kind} at each layer in nats, 0 is certain",
            "entropy": f"entropy of each layer's prediction in nats: 0 is certain, "
            f"{format_value(float(np.log(vocabulary)))} a blind guess",
            "kl": "how far each layer's prediction is from the last layer's (KL divergence in nats)",
        }[widget.measure]
