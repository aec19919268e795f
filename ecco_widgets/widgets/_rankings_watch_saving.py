"""What a widget of watched tokens saves."""

# ruff: noqa: SLF001 - this is a part of the widget, in a file of its own

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ecco_widgets.export import (
    Caption,
    Heatmap,
    RankLines,
    Scale,
    heatmap_preview,
    rank_scale,
    to_heatmap,
    to_rank_lines,
    worst_rank,
)
from ecco_widgets.widgets import _lens_saving as saving
from ecco_widgets.widgets._keeping import as_trait
from ecco_widgets.widgets._lens_rows import Ranks, ranks_at

if TYPE_CHECKING:
    from ecco_widgets.widgets.rankings_watch import RankingsWatchWidget


class RankingsWatchSaved:
    """What a widget of watched tokens has to save; see ``Saved`` for the methods.

    Args:
        widget: The widget.
    """

    bundle = "rankings_watch"

    def __init__(self, widget: RankingsWatchWidget) -> None:
        self._widget = widget

    def state(self, positions: Sequence[int] | None) -> dict[str, Any]:
        """The settings, and the ranks at some positions; what is not at hand is computed."""
        widget = self._widget
        chosen = saving.chosen_positions(widget, positions, saving.output_and_next(widget.trace))
        cells = 2 * len(chosen) * widget.trace.lm.n_layers * len(widget.watch)
        saving.check_size(f"ranks of {len(widget.watch)} tokens at {len(chosen):,} positions", cells)
        state = saving.synced_state(widget)
        if chosen and widget.position not in chosen:
            state["position"] = chosen[0]
        found = {p: as_trait(widget._data_at(p, ranks)) for p, ranks in self._ranks(chosen).items()}
        return {**state, "_ranks": found.pop(state["position"], {}), "_kept": list(found.values())}

    def document(self, positions: Sequence[int] | None) -> dict[str, Any]:
        """Settings, the watched tokens, and their ranks at each position."""
        widget = self._widget
        chosen = saving.chosen_positions(widget, positions, ())
        return {
            **saving.heading(widget),
            "watch": [dict(token) for token in widget._watched],
            "ranks": [
                {"position": p, "ranks": ranks.ranks, "probabilities": ranks.probabilities}
                for p, ranks in self._ranks(chosen).items()
            ],
        }

    def columns(self, positions: Sequence[int] | None) -> dict[str, list[Any]]:
        """The columns of ``to_frame``."""
        widget = self._widget
        columns: dict[str, list[Any]] = {name: [] for name in ("position", "layer", "token", "id", "rank")}
        columns["probability"] = []
        for p, ranks in self._ranks(saving.chosen_positions(widget, positions, ())).items():
            for w, token in enumerate(widget._watched):
                for layer in range(widget.trace.lm.n_layers):
                    values = (int(ranks.ranks[layer, w]), float(ranks.probabilities[layer, w]))
                    for column, value in zip(
                        columns.values(), (p, layer, token["text"], token["id"], *values), strict=True
                    ):
                        column.append(value)
        return columns

    def picture(self, theme: str, width: float) -> str:
        """The current position, in the current style."""
        widget = self._widget
        here = [] if widget.position is None else [widget.position]
        ranks = next(iter(self._ranks(here).values()), None)
        if widget.view_style == "lines" and ranks is not None:
            lines = RankLines(
                caption=self._caption(),
                layers=widget._lens["layer_names"],
                names=[token["text"] for token in widget._watched],
                ranks=ranks.ranks,
                worst=worst_rank(widget.trace.lm.vocabulary),
            )
            return to_rank_lines(lines, theme=theme, width=width)
        return to_heatmap(self._heatmap(ranks), theme=theme, width=width)

    def summary(self) -> str:
        """The last layer in a sentence."""
        return f"{type(self._widget).__name__}: {self._shown().summary()}"

    def preview(self, note: str) -> str:
        """The ranks as a table."""
        return heatmap_preview(self._shown(), note=note)

    def _shown(self) -> Heatmap:
        saving.wait_for_first(self._widget)
        return self._heatmap(self._widget._known_ranks())

    def _ranks(self, positions: Sequence[int]) -> dict[int, Ranks]:
        widget = self._widget
        if not widget.watch:
            return {}
        known = widget._known_ranks()
        return {
            p: known
            if known is not None and p == widget.position
            else ranks_at(widget.trace, widget.watch, p, **widget._reading)
            for p in positions
        }

    def _caption(self) -> Caption:
        widget = self._widget
        where = "no position is chosen"
        if widget.position is not None:
            where = f"{saving.place_of(widget, widget.position)} · position {widget.position}"
        note = f"{where} · 1 is best, of {widget.trace.lm.vocabulary:,}"
        return Caption("How the layers rank them", note, saving.made_by(widget))

    def _heatmap(self, ranks: Ranks | None) -> Heatmap:
        widget = self._widget
        layers, names = saving.layer_names(widget)
        if ranks is None:
            scale = Scale("violet", np.zeros((0, 0)), [], [], ("", ""))
            return Heatmap(self._caption(), [], [], np.zeros((0, 0)), scale)
        values = ranks.ranks[layers]
        return Heatmap(
            caption=self._caption(),
            rows=names,
            columns=[token["text"] for token in widget._watched],
            values=values,
            scale=rank_scale(values, widget.trace.lm.vocabulary),
            series=list(range(len(widget.watch))),
        )
