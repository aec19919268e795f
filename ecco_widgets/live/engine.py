"""The engine: one worker per model that runs analyses for any number of widgets."""

from __future__ import annotations

import atexit
import difflib
import itertools
import logging
import os
import time
import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from ecco_widgets.errors import InvalidInput, ModelClosed
from ecco_widgets.live.cache import BoundedCache
from ecco_widgets.live.channels import BackgroundChannel, Channel, LatestChannel, PatientChannel, QueueChannel
from ecco_widgets.live.error_info import ErrorInfo
from ecco_widgets.live.jobs import End, Function, Job, Listener, Outcome, Progress, Request, Ticket
from ecco_widgets.live.schedule import Schedule
from ecco_widgets.live.worker import Worker

logger = logging.getLogger("ecco_widgets")

AnyChannel = TypeVar("AnyChannel", bound=Channel)
_CLOSED_HINT = "Load the model again and make a new widget."


@dataclass
class Subject:
    """A retained object; ``token`` is its alone, even among objects of one name."""

    value: object
    token: int
    count: int = 0


class Engine:
    """Runs analyses one at a time, away from the threads on which messages arrive.

    The thread starts with the first request. Everything here may be called from any thread, also from callbacks.

    Args:
        name: Shown in messages and as the thread's name.
        cache_bytes: Bound of the cache of results and of what analyses keep between calls.
        manual: Start no thread; :meth:`step` and :meth:`run_until_idle` do the work on the caller's (for tests).
        clock: Seconds, monotonic; for tests.
        linger: Seconds without work after which the thread ends, to be started again when needed.

    Example:
        >>> engine = Engine("doc", manual=True)
        >>> engine.register("double", lambda job, subject, params: 2 * params["x"])
        >>> ticket = engine.latest("row").submit(Request("double", params={"x": 21}), Listener(on_result=print))
        >>> engine.run_until_idle()
        Outcome(result=42, elapsed_ms=..., source='computed')
        >>> engine.close()
    """

    def __init__(
        self,
        name: str,
        *,
        cache_bytes: int = 256 << 20,
        manual: bool = False,
        clock: Callable[[], float] = time.monotonic,
        linger: float = 60.0,
    ) -> None:
        self.name = name
        self.schedule = Schedule()
        self._cache = BoundedCache(cache_bytes)
        self._manual = manual
        self._worker = Worker(self, clock, linger)
        self._functions: dict[str, Function] = {}
        self._subjects: dict[str, Subject] = {}
        self._tokens = itertools.count(1)
        self._channels: dict[Hashable, Channel] = {}
        _engines.add(self)

    def __repr__(self) -> str:
        return f"<Engine {self.name!r}{' closed' if self.schedule.closed else ''}>"

    # ------------------------------------------------------------------------------------------- functions and subjects

    def register(self, analysis: str, function: Function) -> None:
        """Let requests ask for ``analysis``; registering the same function again does nothing.

        Raises:
            InvalidInput: Another function has that name.
        """
        with self.schedule.lock:
            if self._functions.setdefault(analysis, function) != function:
                raise InvalidInput(f"analysis {analysis!r} is already registered with another function.")

    def retain(self, name: str, subject: object) -> None:
        """Keep ``subject`` for requests that name it; counted, each call needs one :meth:`release`.

        Raises:
            InvalidInput: Another object has that name.
            ModelClosed: The engine is closed.
        """
        with self.schedule.lock:
            self._refuse_if_closed()
            held = self._subjects.get(name) or Subject(subject, next(self._tokens))
            if held.value is not subject:
                raise InvalidInput(f"subject {name!r} is already another object.", hint="Give each a name of its own.")
            held.count += 1
            self._subjects[name] = held

    def release(self, name: str) -> None:
        """Undo one :meth:`retain`; with the last one the object and all cached values about it are dropped.

        Requests that come later end with a :class:`~ecco_widgets.errors.ModelClosed` error. Unknown names are ignored.
        """
        with self.schedule.lock:
            held = self._subjects.get(name)
            if held is None:
                return
            held.count -= 1
            if held.count > 0:
                return
            del self._subjects[name]
        self._drop_cached(held.token)  # and the object: outside the lock, where its destructor may do anything

    def look_up(self, request: Request) -> tuple[Function, Any]:
        """The function and the subject of ``request`` (for the worker)."""
        with self.schedule.lock:
            function = self._functions[request.analysis]
            if request.subject is None:
                return function, None
            held = self._subjects.get(request.subject)
        if held is None:
            raise ModelClosed(
                f"what this widget shows ({request.subject}) was closed, replaced or deleted.", hint=_CLOSED_HINT
            )
        return function, held.value

    def token_of(self, request: Request) -> int:
        """What tells apart objects that had the same name; 0 without subject, -1 for one that is not retained."""
        if request.subject is None:
            return 0
        with self.schedule.lock:
            held = self._subjects.get(request.subject)
        return -1 if held is None else held.token

    # --------------------------------------------------------------------------------------------------------- channels

    def latest(self, key: Hashable) -> LatestChannel:
        """The latest-wins channel ``key``, made on first use."""
        return self._channel(key, LatestChannel)

    def queue(self, key: Hashable) -> QueueChannel:
        """The first-in-first-out channel ``key``, made on first use."""
        return self._channel(key, QueueChannel)

    def background(self, key: Hashable) -> BackgroundChannel:
        """The idle-time channel ``key``, made on first use."""
        return self._channel(key, BackgroundChannel)

    def patient(self, key: Hashable) -> PatientChannel:
        """The latest-wins channel ``key`` whose work makes way for other channels', made on first use."""
        return self._channel(key, PatientChannel)

    def _channel(self, key: Hashable, kind: type[AnyChannel]) -> AnyChannel:
        with self.schedule.lock:
            self._refuse_if_closed()
            channel = self._channels.setdefault(key, kind(self, key))
            if not isinstance(channel, kind):
                raise InvalidInput(f"channel {key!r} is a {type(channel).__name__}, not a {kind.__name__}.")
            return channel

    def submit(self, channel: Channel, request: Request, listener: Listener) -> Ticket:
        """See :meth:`Channel.submit`."""
        if request.analysis not in self._functions:
            near = difflib.get_close_matches(request.analysis, self._functions, 1)
            hint = (
                f"Did you mean {near[0]!r}?" if near else f"Registered: {', '.join(sorted(self._functions)) or 'none'}."
            )
            raise InvalidInput(f"no analysis {request.analysis!r} is registered.", hint=hint)
        token = self.token_of(request)
        cached = self.cached(request, token) if channel.latest_wins else None
        with self.schedule.lock:
            self._refuse_if_closed()
            if channel.closed:
                raise ModelClosed(
                    f"channel {channel.key!r} is closed: its widget was closed.", hint="Make a new widget."
                )
            if not self._manual:
                self._worker.start()
            number = self.schedule.next_number()
            ticket = Ticket(number, request, listener, channel=channel, desk=self, token=token)
            self.schedule.admit(ticket, cached)
        return ticket

    # ------------------------------------------------------------------------------------ of tickets, jobs and channels

    def cancel(self, ticket: Ticket) -> bool:
        """See :meth:`Ticket.cancel`."""
        with self.schedule.lock:
            return self.schedule.finish(ticket, End.CANCELLED)

    def cancel_all(self, channel: Channel, condition: Callable[[Ticket], bool] | None = None) -> int:
        """See :meth:`Channel.cancel`."""
        with self.schedule.lock:
            tickets = [ticket for ticket in self.schedule.live(channel) if condition is None or condition(ticket)]
            return sum(self.schedule.finish(ticket, End.CANCELLED) for ticket in tickets)

    def wait_for(self, ticket: Ticket, timeout: float | None) -> bool:
        """See :meth:`Ticket.wait`."""
        if self._worker.is_current and not ticket.done:
            raise RuntimeError("wait() on the worker's own thread would wait for itself.")
        with self.schedule.lock:
            return self.schedule.changed.wait_for(lambda: ticket.done, timeout)

    def check(self, job: Job) -> None:
        """See :meth:`Job.check`."""
        self._worker.check(job)

    def report(self, job: Job, progress: Progress) -> None:
        """See :meth:`Job.progress`."""
        self._worker.report(job, progress)

    # ------------------------------------------------------------------------------------------------------------ cache

    @property
    def cache(self) -> BoundedCache:
        """Results by request, and what analyses keep between calls."""
        return self._cache

    def cached(self, request: Request, token: int) -> Outcome | None:
        """The result of an equal request about the same object, if it was kept."""
        if not request.cacheable or token < 0:
            return None
        result = self._cache.get((token, request.key), _MISSING)
        return None if result is _MISSING else Outcome(result, 0.0, "cache")

    def sweep(self, job: Job) -> None:
        """After a job: if its subject was released while it ran, what it has put into the cache is of no use."""
        if job.token != self.token_of(job.ticket.request):
            self._drop_cached(job.token)

    def _drop_cached(self, token: int) -> None:
        self._cache.discard(lambda key: isinstance(key, tuple) and key[0] == token)

    # ------------------------------------------------------------------------------------------------ idle, step, close

    def when_idle(self, callback: Callable[[], object], after: float = 30.0) -> Callable[[], None]:
        """Call ``callback`` on the worker's thread when nothing has run for a while, e.g. to drop retained graphs.

        It is called once per idle time, and also when memory runs out.

        Args:
            callback: What to do.
            after: Seconds without work.

        Returns:
            A function that takes this back.
        """
        return self._worker.add_idle_callback(callback, after)

    def step(self) -> bool:
        """Manual engines: tell what is to be told and run at most one job here; returns whether there was anything."""
        return self._worker.step()

    def run_until_idle(self) -> None:
        """Manual engines: work here until nothing is left."""
        while self.step():
            pass

    def close_channel(self, channel: Channel, timeout: float) -> None:
        """See :meth:`Channel.close`."""
        schedule = self.schedule
        with schedule.lock:
            channel.closed = True
            if self._channels.get(channel.key) is channel:
                del self._channels[channel.key]
            for ticket in schedule.live(channel):
                schedule.finish(ticket, End.CANCELLED)
        self._tell_here(channel, timeout)

    def close(self, timeout: float = 5.0) -> None:
        """End everything: waiting and running tickets get a ``ModelClosed`` error, later requests raise one.

        No callback begins after this returned. A computation that does not check is waited for and then left alone; its
        thread is a daemon and its result is thrown away. Safe to call twice, and from a callback (which then does not
        wait). Don't call it with a lock held that callbacks take.

        Args:
            timeout: Most seconds to wait, first for a callback that runs at this moment, then for the thread.
        """
        schedule = self.schedule
        error = ErrorInfo.from_exception(ModelClosed(f"the model {self.name!r} was closed.", hint=_CLOSED_HINT))
        deadline = time.monotonic() + timeout
        with schedule.lock:
            if not schedule.closed:
                channels = list(self._channels.values())
                for channel in channels:
                    channel.closed = True
                    for ticket in schedule.live(channel):
                        schedule.finish(ticket, End.ERROR, error)
                schedule.closed = True
                self._channels.clear()
                self._worker.forget_idle_callbacks()
                schedule.changed.notify_all()
            subjects, self._subjects = self._subjects, {}
        self._tell_here(None, timeout)
        if not self._worker.join(max(0.0, deadline - time.monotonic())):
            logger.warning(
                "The worker of %r still computes after %.1f s; its result will be thrown away.", self.name, timeout
            )
        self._cache.clear()
        del subjects  # last, and outside the lock: destructors may do anything

    def _tell_here(self, channel: Channel | None, timeout: float) -> None:
        """Tell the ended tickets of a channel (None: of all) on this thread, after callbacks that run elsewhere."""
        schedule = self.schedule
        with schedule.lock:
            calling = schedule.begin_call(channel)
            schedule.set_apart(channel)
        try:
            with schedule.lock:
                told = schedule.wait_for_calls(calling, timeout)
            if not told:
                logger.warning("A callback of %r still runs after %.1f s; closing without it.", self.name, timeout)
            while True:
                with schedule.lock:
                    ticket = schedule.next_farewell(channel)
                if ticket is None:
                    return
                self._worker.tell_end(ticket)
        finally:
            with schedule.lock:
                schedule.end_call(calling)

    def _refuse_if_closed(self) -> None:
        if self.schedule.closed:
            raise ModelClosed(f"the model {self.name!r} was closed.", hint=_CLOSED_HINT)

    def shut_down(self, deadline: float) -> None:
        """At the interpreter's exit: stop without telling anyone, and don't wait beyond ``deadline``."""
        with self.schedule.lock:
            self.schedule.closed = True
            self.schedule.outbox.clear()
            self.schedule.changed.notify_all()
        self._worker.join(max(0.0, deadline - time.monotonic()))

    def forget_parent(self) -> None:
        """In the child of a fork: the worker's thread is not here and its lock may be held for ever. Start afresh."""
        closed = self.schedule.closed
        self.schedule.reset()
        self.schedule.closed = closed
        for channel in self._channels.values():
            channel.waiting.clear()
        self._cache = BoundedCache(self._cache.max_bytes)
        self._worker.forget_thread()


_MISSING = object()
_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


def _shut_down_all() -> None:
    # A daemon thread that is inside native code while the interpreter goes away can crash it: ask all to stop and give
    # them a moment; one that never checks must not keep the process.
    deadline = time.monotonic() + 3.0
    for engine in list(_engines):
        engine.shut_down(deadline)


def _forget_parent_all() -> None:
    for engine in list(_engines):
        engine.forget_parent()


atexit.register(_shut_down_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent_all)
