"""What the widgets of neurons and factors have in common: a run or a batch, and whose states are shown where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import traitlets as t

from ecco_widgets.errors import InvalidInput, ModelClosed
from ecco_widgets.live import Ticket
from ecco_widgets.live.messages import Reply
from ecco_widgets.models.batch import Batch
from ecco_widgets.models.trace import Trace
from ecco_widgets.widgets._engines import engine_of
from ecco_widgets.widgets._front_end import bundle
from ecco_widgets.widgets._guarded_widget import refuse_unknown
from ecco_widgets.widgets._keeping import Keeping
from ecco_widgets.widgets._saving import Saving
from ecco_widgets.widgets._selection import LinkedWidget
from ecco_widgets.widgets._shown_states import ShownStates, shown_states

# A cell's output waits this long for the first picture, so that the preview that is saved with it shows something.
_PATIENCE = 1.0
# Numbers in a page: 32 MB of them are 43 MB of text, about what a browser opens without complaint.
_MOST_NUMBERS = 8 << 20


class IndexList(t.List):  # type: ignore[type-arg]
    """A list of integers, which Python may give as a range, tuple or array; its value is checked by the widget."""

    def validate(self, obj: t.HasTraits, value: Any) -> Any:
        """Make a list of what can be one."""
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if not isinstance(value, (list, tuple, range)):
            raise InvalidInput(f"{self.name} must be a list of integers, got {value!r}.")
        for item in value:
            if isinstance(item, bool) or not isinstance(item, (int, np.integer)):
                raise InvalidInput(f"{self.name} must be a list of integers, got {item!r} in it.")
        return super().validate(obj, [int(item) for item in value])


class StatesWidget(Keeping, Saving, LinkedWidget):
    """The base of the widgets that show states of a run or a batch.

    Args:
        shown: The states.
        **traits: Initial values of the traits.
    """

    _bundle: ClassVar[str]

    _tokens = t.Dict().tag(sync=True)
    _model = t.Dict().tag(sync=True)
    _bounds = t.Dict().tag(sync=True)

    def __init__(self, shown: ShownStates, **traits: Any) -> None:
        refuse_unknown(type(self), traits)
        self._esm, self._css = bundle(self._bundle)
        self._shown = shown
        self._trace = shown.runs  # type: ignore[assignment]  # a batch has a selection of its own
        self._limits = self._bounds_of(shown)
        values = {**self._fitting(self._limits), **traits}
        super().__init__(engine_of(shown.lm), **{**shown.describe(), "_bounds": self._limits, **values})
        self._retain(shown.id, shown.runs)
        # The first picture is at hand before anybody looks, and in a notebook that is saved at once.
        self._first = self._compute_all()

    # ------------------------------------------------------------------------------------------------- for subclasses

    def _bounds_of(self, shown: ShownStates) -> dict[str, Any]:
        """What can be chosen: the trait ``_bounds``."""
        raise NotImplementedError

    def _fitting(self, bounds: Mapping[str, Any]) -> dict[str, Any]:
        """Values of the traits that give way to these bounds."""
        raise NotImplementedError

    def _forget(self) -> None:
        """Drop what was computed for the run shown so far; called under the lock."""
        raise NotImplementedError

    def _compute_all(self) -> Ticket | Mapping[str, Any] | None:
        with self._following():
            return self._call_after_set(frozenset(self.trait_names(front_end=True)), Reply())

    @t.validate("marked")
    def _check_marked(self, proposal: t.Bunch) -> int | None:
        marked, last = proposal["value"], self._shown.n_tokens
        if marked is not None and not 0 <= marked <= last:
            raise InvalidInput(f"marked must be a position in 0..{last} or None, got {marked}.")
        return None if marked is None else int(marked)

    # ----------------------------------------------------------------------------------------------------- for Python

    @property
    def trace(self) -> Trace | Batch:
        """The run that is shown; a batch where several texts are."""
        return self._shown.runs

    def show(self, trace: Trace | Batch, stack: str | None = None) -> None:
        """Show another run, of this or another model, in place. Settings stay as far as they fit.

        Args:
            trace: The run, or a batch.
            stack: Of an encoder-decoder model "decoder" (default) or "encoder".

        Raises:
            InvalidInput: If it is no run.
            UnsupportedModel: If its neurons can't be found.
            ModelClosed: If its model or this widget was closed.
        """
        shown = shown_states(trace, stack)
        engine, bounds = engine_of(shown.lm), self._bounds_of(shown)
        here = self._here
        with self._lock, self.hold_sync():
            if self._closed:
                raise ModelClosed("the widget was closed.", hint="Make a new widget.")
            let_go = self._move_to(engine)
            self._shown, self._trace, self._limits = shown, shown.runs, bounds  # type: ignore[assignment]
            self._retain(shown.id, shown.runs)
            self._keep_nothing()
            self._forget()
            outer, here.collected = here.collected, set()  # what follows from all of it is computed once, below
            try:
                values = {**shown.describe(), "_bounds": bounds, "marked": None, **self._fitting(bounds)}
                for name, value in values.items():
                    self.set_trait(name, value)
            finally:
                here.collected = outer
        let_go()
        self._move_selection(shown.runs)  # type: ignore[arg-type]
        self._first = self._compute_all()


def wait_for_first(widget: StatesWidget) -> None:
    """Give the first picture a moment: it is on its way when a cell shows its widget."""
    first, widget._first = widget._first, None  # noqa: SLF001 - this is a part of the widget
    if isinstance(first, Ticket):
        first.wait(_PATIENCE)


def synced_state(widget: StatesWidget) -> dict[str, Any]:
    """Values of the traits with which a page without kernel begins."""
    names = [*widget.trait_names(front_end=True), "_tokens", "_model", "_bounds"]
    with widget._lock:  # noqa: SLF001 - as above
        return {name: getattr(widget, name) for name in names} | {"marked": None}


def check_size(n_numbers: int) -> None:
    """Refuse a page that no browser would open.

    Raises:
        InvalidInput: If it would hold too many numbers.
    """
    if n_numbers > _MOST_NUMBERS:
        raise InvalidInput(
            f"the page would hold {n_numbers:,} numbers; at most {_MOST_NUMBERS:,} fit.", hint="Save as .json instead."
        )


def check_range(name: str, value: int, least: int, most: int, hint: str = "") -> int:
    """The value, if it is in ``least..most``.

    Raises:
        InvalidInput: If not.
    """
    if not least <= value <= most:
        raise InvalidInput(f"{name} must be in {least}..{most}, got {value}.", hint=hint)
    return int(value)


def check_layers(layers: Sequence[int] | None, n_layers: int) -> list[int] | None:
    """Layers, ascending and each once; ``None`` for all.

    Raises:
        InvalidInput: If there are none, or one that the model does not have (the message says which exist).
    """
    if layers is None:
        return None
    if not len(layers):
        raise InvalidInput(f"layers is empty; the model has layers 0..{n_layers - 1}.", hint="None means all layers.")
    wrong = [layer for layer in layers if not 0 <= layer < n_layers]
    if wrong:
        raise InvalidInput(f"layers must be in 0..{n_layers - 1}, got {', '.join(map(str, wrong[:5]))}.")
    return sorted(set(layers))
