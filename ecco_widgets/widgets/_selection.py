"""What the widgets of one run share: watched tokens, the position that is pointed at, and a contrast."""

from __future__ import annotations

import contextlib
import logging
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import traitlets as t

from ecco_widgets.errors import EccoError, InvalidInput
from ecco_widgets.live import Engine, Ticket
from ecco_widgets.live.messages import Reply
from ecco_widgets.models.trace import Trace
from ecco_widgets.widgets._live_widget import LiveWidget

logger = logging.getLogger("ecco_widgets")

MOST_WATCHED = 24

_lock = threading.Lock()
_selections: weakref.WeakKeyDictionary[Trace, Selection] = weakref.WeakKeyDictionary()


class Selection:
    """The widgets of one run. Each keeps its own traits; what changes in one is done in the others too.

    So two figures that watch different tokens stay different, until a token is added or removed: then it is in both.

    No lock of a widget may be held when this is called: it takes that of each other widget in turn.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._members: weakref.WeakSet[LinkedWidget] = weakref.WeakSet()
        self._watch: tuple[int, ...] = ()

    @property
    def watch(self) -> list[int]:
        """The tokens that were watched last, with which a new widget begins."""
        with self._lock:
            return list(self._watch)

    def join(self, widget: LinkedWidget) -> None:
        """From now on the widget does what the others do."""
        with self._lock:
            self._members.add(widget)
            if widget.has_trait("watch"):
                self._watch = tuple(widget.watch)
                widget._told_watch = self._watch  # noqa: SLF001 - the two classes are one mechanism

    def leave(self, widget: LinkedWidget) -> None:
        """From now on it does not. Harmless for a widget that never joined."""
        with self._lock:
            self._members.discard(widget)

    def tell(self, widget: LinkedWidget, names: frozenset[str]) -> None:
        """These traits of the widget have changed."""
        if "watch" in names and widget.has_trait("watch"):
            with self._lock:
                before, now = widget._told_watch, tuple(widget.watch)  # noqa: SLF001 - as above
                widget._told_watch = self._watch = now  # noqa: SLF001
            if before != now:
                self._each_other(widget, "watch", lambda other: _merged(other.watch, before, now))
        pointed = next((name for name in ("marked", "position") if name in names), None)
        if pointed is not None:
            position = getattr(widget, pointed)
            self._each_other(widget, "marked", lambda _: position)

    def contrast(self, foil: str, position: int | None) -> int:
        """Let the attribution widgets contrast with this token.

        Args:
            foil: Its text.
            position: Where; ``None`` leaves theirs.

        Returns:
            How many do.

        Raises:
            InvalidInput: If none of them can.
        """
        values = {"foil": foil, "target": "contrast", **({} if position is None else {"position": position})}
        done, refused = 0, None
        for member in self._others(None):
            if member.has_trait("foil"):
                try:
                    member._follow(lambda: values)  # noqa: SLF001 - as above
                    done += 1
                except EccoError as error:
                    refused = error
        if refused is not None and not done:
            raise refused
        return done

    def _each_other(self, source: LinkedWidget, name: str, value: Callable[[Any], Any]) -> None:
        for other in self._others(source):
            if not other.has_trait(name):
                continue
            try:
                other._follow(lambda other=other: {name: value(other)})  # type: ignore[misc]  # noqa: SLF001 - as above
            except Exception:
                # Closed meanwhile, or its model: no business of whoever has changed something here.
                logger.debug("A widget could not follow", exc_info=True)

    def _others(self, source: LinkedWidget | None) -> list[LinkedWidget]:
        with self._lock:
            return [member for member in self._members if member is not source]


def selection_of(trace: Trace) -> Selection:
    """The selection of a run; gone when nobody holds the run any more."""
    with _lock:
        return _selections.setdefault(trace, Selection())


def _merged(watch: Sequence[int], before: Sequence[int], now: Sequence[int]) -> list[int]:
    """What another list becomes by the same additions and removals, within its bound."""
    removed = set(before) - set(now)
    kept = [token for token in watch if token not in removed]
    added = [token for token in now if token not in before and token not in kept]
    return [*kept, *added][: max(MOST_WATCHED, len(kept))]


class LinkedWidget(LiveWidget):
    """A widget of a run that shares its selection. Subclasses set ``_trace`` before this constructor.

    Attributes:
        marked: The position that is pointed at, here or in another widget of the run; ``None`` for none.
    """

    marked = t.Int(None, allow_none=True).tag(sync=True, front_end=True)

    _trace: Trace
    _told_watch: tuple[int, ...] = ()

    def __init__(self, engine: Engine, **traits: Any) -> None:
        self._selection = selection_of(self._trace)
        super().__init__(engine, **traits)
        self._selection.join(self)

    @t.validate("marked")
    def _check_marked(self, proposal: t.Bunch) -> int | None:
        marked, last = proposal["value"], self._trace.n_tokens
        if marked is not None and not 0 <= marked <= last:
            raise InvalidInput(f"marked must be a position in 0..{last} or None, got {marked}.")
        return None if marked is None else int(marked)

    def _call_after_set(self, names: frozenset[str], reply: Reply) -> Ticket | Mapping[str, Any] | None:
        answer = super()._call_after_set(names, reply)
        if not self._here.following:
            self._selection.tell(self, names)
        return answer

    def _follow(self, values: Callable[[], Mapping[str, Any]]) -> None:
        """Set traits as another widget's; all or none. ``values`` is called under the lock."""
        with self._following():
            changed = self._set_together(values)
            if self.has_trait("watch"):
                self._told_watch = tuple(self.watch)
            if changed:
                self._call_after_set(changed, Reply())

    @contextlib.contextmanager
    def _following(self) -> Iterator[None]:
        """What changes here and on this thread meanwhile is not told to the other widgets."""
        here = self._here
        outer, here.following = here.following, True
        try:
            yield
        finally:
            here.following = outer

    def _move_selection(self, trace: Trace) -> None:
        """Belong to another run's widgets."""
        self._selection.leave(self)
        self._selection = selection_of(trace)
        self._selection.join(self)

    def close(self) -> None:
        """As ``LiveWidget.close``; the other widgets of the run go on."""
        self._selection.leave(self)
        super().close()


def token_ids(trace: Trace, tokens: Any) -> list[int]:
    """Ids of tokens to watch, given as texts or ids; each once.

    Raises:
        InvalidInput: If it is no list, too long, or a text is not one token (the message says which tokens it makes).
    """
    if isinstance(tokens, np.ndarray):
        tokens = tokens.tolist()
    if not isinstance(tokens, (list, tuple)):
        raise InvalidInput(f"watch must be a list of tokens, got {tokens!r}.", hint="For example [' is', ' are'].")
    # Of the id too: not every token of a tokenizer has a logit.
    ids = list(dict.fromkeys(trace.lm.token_id(trace.lm.token_id(token)) for token in tokens))
    if len(ids) > MOST_WATCHED:
        raise InvalidInput(
            f"at most {MOST_WATCHED} tokens can be watched, got {len(ids)}.", hint="Remove some of them first."
        )
    return ids
