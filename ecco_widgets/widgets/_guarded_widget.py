"""Traits that views may set, from several threads: ipywidgets' rules made safe. Knows nothing of engines."""

from __future__ import annotations

import difflib
import logging
import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any

import anywidget
import traitlets as t

from ecco_widgets.errors import InvalidInput
from ecco_widgets.live import Ticket
from ecco_widgets.live.messages import Reply

logger = logging.getLogger("ecco_widgets")

#: Set by the base front end itself: how many views of the model are open (only while somebody asks for it).
_ALWAYS_SETTABLE = frozenset({"_view_count"})


class _Here(threading.local):
    """What this thread is doing with this widget's traits."""

    captured: list[t.Bunch] | None = None  # changes wait here while values are validated
    collected: set[str] | None = None  # names of traits that observers change meanwhile; None: nobody collects
    following: bool = False  # another widget has changed, and this one does what it did


class GuardedWidget(anywidget.AnyWidget):
    """A widget whose traits are set by untrusted views, by cells and by a worker, at the same time.

    ipywidgets has no locks. Here one reentrant lock per widget guards setting state and publishing. Observers are
    called without it: they are foreign code that may wait for the worker, which may wait for the lock.

    A trait that views may set is tagged ``front_end=True``; every other one is refused.

    Args:
        traits: Initial values.
    """

    def __init__(self, **traits: Any) -> None:
        # Before ipywidgets' own constructor, which sets traits and opens the comm.
        self._lock = threading.RLock()
        self._here = _Here()
        self._ready = False
        self._closed = False
        self._settable = frozenset(self.trait_names(front_end=True)) | _ALWAYS_SETTABLE
        super().__init__(**traits)
        self._ready = True

    def _after_set(self, names: frozenset[str], reply: Reply) -> Ticket | Mapping[str, Any] | None:
        """Recompute what depends on traits; called under the lock after every change of a settable trait.

        Read the traits' current values, not those of the request: another thread may have been faster.

        Args:
            names: Traits that a request named or that have changed. A request may name one that has not: its view lacks
                what belongs to it.
            reply: Whom to answer; ``reply.id`` is None when Python set the trait.

        Returns:
            The ticket whose listener will answer; or, if there is nothing to compute, the data of an answer that is
            sent at once (None: without data).
        """
        del names, reply
        return None

    def _set_from_front_end(self, values: Mapping[str, Any]) -> frozenset[str]:
        """Validate and set traits, all or none, then call their observers.

        What was set is not sent back: the page has it already, and by now perhaps a newer one. (ipywidgets has
        ``_lock_property`` for that, but it is one slot per widget and not per thread.) What came out otherwise than
        requested is sent.

        Returns:
            The traits that were named or have changed.

        Raises:
            InvalidInput: A name or a value is refused; nothing has changed.
        """
        for name in values:
            if name not in self._settable:
                why = "is set by the kernel only" if self.has_trait(name) else "does not exist"
                raise InvalidInput(f"trait {name!r} {why}.", hint=near_miss(name, self._settable))
        return frozenset({*values, *self._set_together(lambda: values, in_page=values)})

    def _set_together(
        self, values: Callable[[], Mapping[str, Any]], in_page: Mapping[str, Any] | None = None
    ) -> frozenset[str]:
        """Set several traits, all or none; tell the page, then the observers, but not :meth:`_after_set`.

        Args:
            values: Called under the lock, so that new values may be made of the present ones.
            in_page: Values that the page has already.

        Returns:
            The traits that have changed.

        Raises:
            InvalidInput: A value is refused; nothing has changed.
        """
        known = in_page or {}
        with self._lock:
            changes = self._assign({name: self._type_checked(name, value) for name, value in values().items()})
            for name in changes:
                if name in self.keys and (name not in known or self.get_state(name)[name] != known[name]):
                    self.send_state(name)
        changed = set(changes)
        here = self._here
        outer, here.collected = here.collected, changed
        try:
            for change in changes.values():
                self._tell_observers(change)
        finally:
            here.collected = outer
        return frozenset(changed)

    def _type_checked(self, name: str, value: Any) -> Any:
        trait = self.traits()[name]
        if isinstance(value, bool) and isinstance(trait, (t.Int, t.Float)):  # Python's True is 1, a message's is not
            raise InvalidInput(f"trait {name!r} must be a number, got a boolean.")
        value = self.trait_metadata(name, "from_json", self._trait_from_json)(value, self)
        if value is None and trait.allow_none:
            return None
        try:
            return trait.validate(self, value) if hasattr(trait, "validate") else value
        except t.TraitError as error:
            raise InvalidInput(str(error)[:500]) from None

    def _assign(self, values: Mapping[str, Any]) -> dict[str, t.Bunch]:
        """Set values of the right type, then let ``@validate`` methods judge them together; the changes by name.

        traitlets' own ``hold_trait_notifications`` does that too, but for all threads at once.
        """
        here, store, traits = self._here, self._trait_values, self.traits()
        before = {name: getattr(self, name) for name in values}  # getattr makes a default value on first use
        here.captured = []
        try:
            store.update(values)
            for name, value in values.items():
                store[name] = traits[name]._cross_validate(self, value)  # noqa: SLF001 - there is no public way
        except BaseException as error:
            # Nobody has been told yet, so nobody needs to be told.
            store.update({change["name"]: change["old"] for change in reversed(here.captured)})
            store.update(before)
            if isinstance(error, t.TraitError):
                raise InvalidInput(str(error)[:500]) from None
            raise
        finally:
            captured, here.captured = here.captured, None
        changes = {
            name: t.Bunch(name=name, old=old, new=store[name], owner=self, type="change")
            for name, old in before.items()
            if not _same(old, store[name])
        }
        return {**{change["name"]: change for change in captured if change["name"] not in before}, **changes}

    def _tell_observers(self, change: t.Bunch) -> None:
        try:
            t.HasTraits.notify_change(self, change)
        except Exception:
            # Foreign code; whoever moved the pointer in the page can't do anything about it.
            logger.exception("An observer of %r failed", change["name"])

    def _call_after_set(self, names: frozenset[str], reply: Reply) -> Ticket | Mapping[str, Any] | None:
        here = self._here
        with self._lock:
            # What _after_set itself changes is its own business.
            outer, here.collected = here.collected, set()
            try:
                return self._after_set(names, reply)
            finally:
                here.collected = outer

    def notify_change(self, change: t.Bunch) -> None:
        """A trait has changed: tell the front end, the observers, and :meth:`_after_set`."""
        here = self._here
        if here.captured is not None:
            here.captured.append(change)
            return
        name = change["name"]
        with self._lock:
            if name in self.keys and self.comm is not None and self._should_send_property(name, getattr(self, name)):
                self.send_state(name)
        # Not super(): Widget.notify_change would send once more.
        t.HasTraits.notify_change(self, change)
        if name not in self._settable or not self._ready or self._closed:
            return
        if here.collected is not None:
            here.collected.add(name)
        else:
            self._call_after_set(frozenset({name}), Reply())


def refuse_unknown(kind: type[t.HasTraits], traits: Collection[str]) -> None:
    """Refuse arguments that are no traits that may be set, naming the near miss.

    Raises:
        TypeError: As for any function that is called with an argument it does not know.
    """
    known = [*kind.class_trait_names(front_end=True), "layout"]
    for name in traits:
        if name not in known:
            hint = near_miss(name, known) or f"Known: {', '.join(sorted(known))}."
            raise TypeError(f"{kind.__name__} has no argument {name!r}. {hint}")


def near_miss(name: str, names: Collection[str]) -> str:
    """``Did you mean ...?`` for a name that is nearly one of ``names``, else nothing."""
    near = difflib.get_close_matches(name, names, 1)
    return f"Did you mean {near[0]!r}?" if near else ""


def _same(old: Any, new: Any) -> bool:
    try:
        return bool(old == new)
    except Exception:  # noqa: BLE001 - as traitlets: what can't be compared has changed
        return False
