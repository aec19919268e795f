"""What the widgets of the lens have in common when they are saved."""

# ruff: noqa: SLF001 - these are parts of the widgets, in files of their own

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ecco_widgets.errors import InvalidInput
from ecco_widgets.export.format import quote_token
from ecco_widgets.live import Ticket
from ecco_widgets.widgets._lens_rows import Top, tops_at
from ecco_widgets.widgets._top_widget import TopWidget, top_data

if TYPE_CHECKING:
    from ecco_widgets.models.trace import Trace
    from ecco_widgets.widgets._lens_widget import LensWidget

# Positions that a page has by default, the nearest ones; each takes a pass through the head.
MOST_POSITIONS = 128
# Numbers in a page: 32 MB of them are 43 MB of text, about what a browser opens without complaint.
_MOST_CELLS = 8 << 20
# Positions that are computed at a time.
_CHUNK = 32
# A cell's output waits this long for the first picture, so that the preview that is saved with it shows something.
_PATIENCE = 1.0

Item = TypeVar("Item")


def wait_for_first(widget: LensWidget) -> None:
    """Give the first picture a moment: it is on its way when a cell shows its widget."""
    first, widget._first = widget._first, None
    if isinstance(first, Ticket):
        first.wait(_PATIENCE)


def synced_state(widget: LensWidget, names: Iterable[str] = ()) -> dict[str, Any]:
    """Values of the traits with which a page without kernel begins."""
    with widget._lock:
        every = [*widget.trait_names(front_end=True), "_tokens", "_model", "_lens", "_watched", *names]
        return {name: getattr(widget, name) for name in every} | {"marked": None}


def heading(widget: LensWidget) -> dict[str, Any]:
    """What every JSON document of the lens begins with."""
    trace = widget.trace
    return {
        "format": f"ecco_widgets.{widget._bundle}",
        "version": 1,
        "model": trace.lm.name,
        "final_norm": widget.final_norm,
        "site": widget.site,
        "tokens": trace.tokens,
        "ids": trace.token_ids,
        "n_prompt": trace.n_prompt,
    }


def place_of(widget: LensWidget, position: int) -> str:
    """Where the lens reads, as the view says it: ``before " Denmark"``, or after the last token."""
    texts = widget.trace.tokens
    if position < len(texts):
        return f"before {quote_token(texts[position])}"
    return f"after {quote_token(texts[-1])}"


def made_by(widget: LensWidget) -> str:
    """What made the numbers."""
    site = next(option for option in widget._lens["sites"] if option["name"] == widget.site)
    norm = "" if widget.final_norm else "without the final norm"
    return " · ".join(filter(None, [f"logit lens {site['label']}", norm, widget.trace.lm.name]))


def layer_names(widget: LensWidget, layers: Sequence[int] | None = None) -> tuple[list[int], list[str]]:
    """The layers that are shown and their names, from the top row to the bottom row."""
    shown = list(range(widget.trace.lm.n_layers) if layers is None else layers)
    if widget.layer_order == "bottom":
        shown.reverse()
    return shown, [widget._lens["layer_names"][layer] for layer in shown]


def chosen_positions(widget: LensWidget, positions: Sequence[int] | None, near: Iterable[int]) -> list[int]:
    """Positions to save: those asked for, else the current one and those ``near`` it, ascending."""
    trace, current = widget.trace, widget.position
    if positions is not None:
        return sorted({trace.check_position(position, allow_next=widget._next_allowed) for position in positions})
    here = trace.n_tokens if current is None else current
    wanted = {*near, *([] if current is None else [current])}
    return sorted(sorted(wanted, key=lambda p: (abs(p - here), p))[:MOST_POSITIONS])


def output_and_next(trace: Trace) -> list[int]:
    """Positions of the output, and of the token that would come next if there is one."""
    following = [] if trace.next_position is None else [trace.next_position]
    return [*trace.output_positions, *following]


def check_size(what: str, cells: int) -> None:
    """Refuse a page that no browser would open.

    Raises:
        InvalidInput: If it would hold too many numbers.
    """
    if cells > _MOST_CELLS:
        raise InvalidInput(
            f"the page would hold {what}, {cells:,} numbers; at most {_MOST_CELLS:,} fit.",
            hint="Choose positions, e.g. to_html(path, positions=out.output_positions), or save as .json.",
        )


def in_chunks(items: Sequence[Item], compute: Callable[[Sequence[Item]], Iterable[Any]]) -> list[Any]:
    """What ``compute`` makes of the items, some at a time."""
    return [made for start in range(0, len(items), _CHUNK) for made in compute(items[start : start + _CHUNK])]


def tops_of(widget: TopWidget, positions: Sequence[int]) -> dict[int, Top]:
    """Predictions of these positions; what is not at hand is computed now."""
    with widget._lock:
        known = dict(widget._tops) if widget._tops_key == widget._top_key else {}
        trace, topk, reading = widget.trace, widget.topk, widget._reading
    missing = [position for position in positions if position not in known]
    made = in_chunks(missing, lambda some: tops_at(trace, some, topk, **reading))
    known.update(zip(missing, made, strict=True))
    return {position: known[position] for position in positions}


def tops_data(widget: TopWidget, tops: Mapping[int, Top]) -> list[dict[str, Any]]:
    """Predictions as they travel."""
    return [top_data(widget.trace, p, top, widget.topk, widget._reading_key) for p, top in tops.items()]
