"""What an attribution widget saves."""

# ruff: noqa: SLF001 - this is a part of the widget, in a file of its own

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ecco_widgets.analysis.attribution import Attribution
from ecco_widgets.errors import InvalidInput
from ecco_widgets.export import TokenShares, to_preview, to_svg
from ecco_widgets.live import Ticket, codec
from ecco_widgets.widgets._attribution_rows import Row, rows_of

if TYPE_CHECKING:
    from ecco_widgets.widgets.attribution import AttributionWidget

# Numbers in a page: 32 MB of float32 are 43 MB of text, about what a browser opens without complaint.
_MOST_CELLS = 8 << 20
# Rows that are computed at a time: each takes the memory of all tokens' embeddings.
_CHUNK = 32
# A cell's output waits this long for the first row, so that the preview that is saved with it has colours.
_PATIENCE = 1.0


class AttributionSaved:
    """What an attribution widget has to save; see ``Saved`` for the methods.

    Args:
        widget: The widget.
    """

    bundle = "attribution"

    def __init__(self, widget: AttributionWidget) -> None:
        self._widget = widget
        self._trace = widget.trace
        self._computed: dict[int, Row] = {}
        self._patient = True

    def state(self, positions: Sequence[int] | None) -> dict[str, Any]:
        """The settings, and rows of all positions or those given; what is not at hand is computed."""
        widget, trace = self._widget, self._trace
        if positions is None:
            positions = trace.explainable
        explained = sorted({trace.check_position(position) for position in positions})
        cells = len(explained) * trace.n_tokens
        if cells > _MOST_CELLS:
            raise InvalidInput(
                f"the page would hold {len(explained):,} rows of {trace.n_tokens:,} tokens, {cells:,} numbers; "
                f"at most {_MOST_CELLS:,} fit.",
                hint="Choose rows, e.g. to_html(path, positions=out.output_positions), or save as .json.",
            )
        rows = self._rows(explained)
        with widget._lock:
            names = [*widget.trait_names(front_end=True), "_tokens", "_model", "_options"]
            state = {name: getattr(widget, name) for name in names} | {"marked": None}
            columns = widget._data(rows, widget._spec, trace)["rows"] if rows else {}
        if rows and widget.position is not None and widget.position not in rows:
            state["position"] = explained[0]
        arrays = {name: codec.encode_trait(value) for name, value in columns.items() if isinstance(value, np.ndarray)}
        return {**state, "_rows": {**columns, **arrays}}

    def document(self, positions: Sequence[int] | None) -> dict[str, Any]:
        """Tokens, settings, and a row for each position."""
        widget, trace = self._widget, self._trace
        return {
            "format": "ecco_widgets.attribution",
            "version": 1,
            "model": trace.lm.name,
            "method": widget.attr_method,
            "target": widget.target,
            "aggregation": widget.aggregation,
            "tokens": trace.tokens,
            "ids": trace.token_ids,
            "n_prompt": trace.n_prompt,
            "rows": [row for some in self._attributions(self._chosen(positions)) for row in self._documents(some)],
        }

    def columns(self, positions: Sequence[int] | None) -> dict[str, list[Any]]:
        """The columns of ``to_frame``."""
        columns: dict[str, list[Any]] = {name: [] for name in ("position", "output", "index", "input", "score", "raw")}
        for some in self._attributions(self._chosen(positions)):
            for r, i in zip(*np.nonzero(~np.isnan(some.scores)), strict=True):
                position = int(some.positions[r])
                row = (position, some.tokens[position], int(i), some.tokens[i], some.scores[r, i], some.raw[r, i])
                for column, value in zip(columns.values(), row, strict=True):
                    column.append(value)
        return columns

    def picture(self, theme: str, width: float) -> str:
        """The current row."""
        widget = self._widget
        wanted = [] if widget.position is None else [widget.position]
        if widget.scale == "fixed":
            wanted += self._trace.output_positions
        shares = self._shares(self._rows(wanted))
        return to_svg(shares, theme=theme, width=width, detailed=widget.view_style == "detailed")

    def summary(self) -> str:
        """The current row in a sentence."""
        shares = self._shares(self._known(wait=True))
        return f"{type(self._widget).__name__}: {shares.summary()} {shares.made_by}"

    def preview(self, note: str) -> str:
        """The current row."""
        return to_preview(self._shares(self._known(wait=True)), note=note)

    def _chosen(self, positions: Sequence[int] | None) -> list[int]:
        """The positions of a table: those asked for, else the generated tokens and what is shown."""
        if positions is not None:
            return [self._trace.check_position(position) for position in positions]
        shown = [] if self._widget.position is None else [self._widget.position]
        return sorted({*self._trace.output_positions, *shown})

    def _attributions(self, positions: Sequence[int]) -> Iterator[Attribution]:
        for start in range(0, len(positions), _CHUNK):
            yield self._widget.attribution(positions[start : start + _CHUNK])

    def _documents(self, attribution: Attribution) -> Iterator[dict[str, Any]]:
        for r, position in enumerate(attribution.positions.tolist()):
            foil = None if attribution.foils is None else self._trace.lm.token_text(int(attribution.foils[r]))
            yield {
                "position": position,
                "output": attribution.tokens[position],
                "probability": attribution.probability[r],
                "rank": attribution.rank[r],
                "target_value": attribution.target_value[r],
                "foil": foil,
                "completeness_gap": attribution.completeness_gap[r],
                "scores": attribution.scores[r],
                "raw": attribution.raw[r],
            }

    def _rows(self, positions: Sequence[int]) -> dict[int, Row]:
        """Rows of these positions in this order; what is not at hand is computed now."""
        known = self._known()
        missing = [position for position in dict.fromkeys(positions) if position not in known]
        for some in self._attributions(missing):
            self._computed.update(zip(some.positions.tolist(), rows_of(some), strict=True))
        return {position: self._computed.get(position) or known[position] for position in positions}

    def _known(self, *, wait: bool = False) -> dict[int, Row]:
        """Rows at hand. May wait a moment for the first one, which is on its way when a cell shows its widget."""
        widget = self._widget
        first = widget._first_row
        if wait and self._patient and not self._computed and isinstance(first, Ticket):
            self._patient = first.wait(_PATIENCE)
        with widget._lock:
            known = widget._known if widget._known_spec == widget._spec else {}
            return {**known, **self._computed}

    def _shares(self, rows: Mapping[int, Row]) -> TokenShares:
        """What is shown now, as plain data."""
        widget, trace, pieces = self._widget, self._trace, self._trace.pieces
        row = None if widget.position is None else rows.get(widget.position)
        domain = 0.0
        if widget.scale == "fixed":
            # As the view: the first rows of a prompt share all among one or two tokens and would make the rest pale.
            others = [other for position, other in rows.items() if position >= trace.n_prompt] or list(rows.values())
            domain = max((float(np.nanmax(np.abs(other.values), initial=0.0)) for other in others), default=0.0)
        foil = widget.foil or ""
        if not foil and row is not None and row.foil >= 0:
            foil = trace.lm.token_text(row.foil)
        return TokenShares(
            texts=pieces.texts,
            n_prompt=trace.n_prompt,
            ids=trace.token_ids.tolist(),
            special=pieces.special,
            fragments=pieces.fragments,
            position=widget.position,
            values=None if row is None else row.values,
            domain=domain,
            fixed=widget.scale == "fixed",
            signed=widget.aggregation == "sum",
            target=widget.target,
            foil=foil,
            probability=np.nan if row is None else row.probability,
            rank=0 if row is None else row.rank,
            gap=np.nan if row is None else row.gap,
            made_by=self._made_by(),
        )

    def _made_by(self) -> str:
        widget = self._widget
        label = {
            (kind, choice["name"]): choice["label"] for kind, choices in widget._options.items() for choice in choices
        }
        method = label["methods", widget.attr_method]
        target = "difference of logits" if widget.target == "contrast" else label["targets", widget.target]
        return f"{method} of the {target}, {label['aggregations', widget.aggregation]} · {self._trace.lm.name}"
