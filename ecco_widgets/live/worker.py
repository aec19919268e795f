"""Runs what the schedule picks, and tells the listeners: on one thread, or step by step under a test's control."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ecco_widgets.errors import Cancelled, ModelClosed, OutOfMemory
from ecco_widgets.live.cache import ScopedCache
from ecco_widgets.live.error_info import ErrorInfo, log_traceback
from ecco_widgets.live.jobs import End, Job, Outcome, Preempted, Priority, Progress, Ticket
from ecco_widgets.live.schedule import Calling

if TYPE_CHECKING:
    from ecco_widgets.live.engine import Engine

PROGRESS_INTERVAL = 0.05  # seconds; a view cannot show more, and messages are not free
_LONG = 3600.0  # locks refuse to wait very long; waking up once an hour does no harm


@dataclass(eq=False)
class IdleCallback:
    """Something to do after a while without work, once per such while."""

    callback: Callable[[], object]
    after: float
    done_in: int = field(default=-1)  # number of the idle period in which it ran last


class Worker:
    """The only place that calls analyses and listeners.

    Args:
        engine: Whose schedule, cache and functions it uses. The thread keeps the engine alive while it runs.
        clock: Seconds, monotonic.
        linger: Seconds without work after which the thread ends (the next request starts a new one), so that an engine
            nobody refers to any more can be collected.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float], linger: float) -> None:
        self._engine = engine
        self._clock = clock
        self._linger = linger
        self._thread: threading.Thread | None = None
        self._stepping: int | None = None
        self._idle_callbacks: list[IdleCallback] = []
        self._idle_period = 0
        self._idle_since = clock()

    # ----------------------------------------------------------------------------------------------------------- thread

    @property
    def is_current(self) -> bool:
        """Whether this is the thread on which analyses and listeners are called."""
        return self._stepping == threading.get_ident() or self._on_own_thread

    @property
    def _on_own_thread(self) -> bool:
        return self._thread is threading.current_thread()

    def start(self) -> None:
        """Start the thread if there is none. The schedule's lock is held."""
        if self._thread is None or not self._thread.is_alive():
            # A daemon: a computation that never checks must not keep the interpreter from ending.
            self._thread = threading.Thread(target=self._loop, name=f"ecco_widgets {self._engine.name}", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # the interpreter is shutting down, or there are too many threads
                self._thread = None
                raise

    def join(self, timeout: float) -> bool:
        """Wait for the thread to end; returns whether it has (True on the thread itself: it ends after this call)."""
        thread = self._thread
        if thread is None or self.is_current:
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def forget_thread(self) -> None:
        """In the child of a fork: the parent's thread does not exist here."""
        self._thread = self._stepping = None

    def _loop(self) -> None:
        schedule = self._engine.schedule
        while True:
            if self.step():
                continue
            with schedule.lock:
                if schedule.closed:
                    self._thread = None
                    schedule.changed.notify_all()
                    return
                if schedule.has_work:
                    continue
                pending = [item.after for item in self._idle_callbacks if item.done_in != self._idle_period]
                rest = self._idle_since + (min(pending) if pending else self._linger) - self._clock()
                if not pending and rest <= 0:
                    self._thread = None
                    return
                schedule.changed.wait(min(max(0.0, rest), _LONG))

    # ------------------------------------------------------------------------------------------------------------- work

    def step(self) -> bool:
        """Tell what is to be told and run at most one job; returns whether there was anything to do.

        Raises:
            RuntimeError: When called from within a callback or an analysis.
        """
        if self._stepping is not None:
            raise RuntimeError(
                "the engine is already at work: step() must not be called from a callback or an analysis."
            )
        self._stepping = threading.get_ident()
        try:
            told = self.tell()
            schedule = self._engine.schedule
            job = None
            with schedule.lock:
                ticket = None if schedule.closed else schedule.pick()
                if ticket is not None:
                    token = self._engine.token_of(ticket.request)
                    cache = ScopedCache(self._engine.cache, token)
                    job = Job(ticket, desk=self._engine, cache=cache, token=token, thread=self._stepping)
                    schedule.running = job
            if job is None:
                return self._run_idle_callbacks() or told
            self._run(job)
            self._engine.sweep(job)
            self.tell()
            with schedule.lock:
                self._idle_period += 1
                self._idle_since = self._clock()
            return True
        finally:
            self._stepping = None

    def _run(self, job: Job) -> None:
        engine, ticket = self._engine, job.ticket
        begin = self._clock()
        request = ticket.request
        hit = engine.cached(request, job.token)
        if hit is not None:
            self._finish(job, End.RESULT, hit)
            return
        self._tell_running(job, "on_start")
        try:
            function, subject = engine.look_up(request)
            result = function(job, subject, request.params)
            outcome = Outcome(result, (self._clock() - begin) * 1000.0)
            if request.cacheable and not job.stopped:  # a function may swallow Cancelled and return what it had
                engine.cache.put((job.token, job.key), result)
        except Cancelled as error:
            if isinstance(error, Preempted) and job.stopped:
                with engine.schedule.lock:
                    engine.schedule.put_back(job)
            else:
                self._finish(job, End.CANCELLED)
        except BaseException as error:
            info = ErrorInfo.from_exception(error)
            # The traceback's frames hold the arrays of the computation that failed.
            error.__traceback__ = None
            if info.kind == OutOfMemory.kind:
                self.free_memory()
            self._finish(job, End.ERROR, info)
            if not isinstance(error, Exception) and not self._on_own_thread:
                raise  # in a test's own thread: KeyboardInterrupt, a time limit
        else:
            self._finish(job, End.RESULT, outcome)

    def _finish(self, job: Job, end: End, payload: Outcome | ErrorInfo | None = None) -> None:
        schedule = self._engine.schedule
        with schedule.lock:
            job.open = False
            schedule.running = None
            schedule.finish(job.ticket, end, payload)

    def free_memory(self) -> None:
        """Drop the cache and do at once what is done when idle (which drops retained graphs)."""
        self._engine.cache.clear()
        self._call_idle(lambda _: True)

    # ---------------------------------------------------------------------------------------------------- while it runs

    def check(self, job: Job) -> None:
        """See :meth:`Job.check`. Also tells others what has happened meanwhile, so that no one waits for a long job."""
        schedule = self._engine.schedule
        if job.thread == threading.get_ident():
            self.tell()
        with schedule.lock:
            if schedule.closed or job.ticket.end is not None:
                job.open, job.stopped = False, True
                raise Cancelled("the computation was cancelled.")
            if job.ticket.channel.priority is Priority.BACKGROUND and schedule.foreground_waits:
                job.open, job.stopped = False, True
                raise Preempted("idle work makes way.")

    def report(self, job: Job, progress: Progress) -> None:
        """See :meth:`Job.progress`."""
        self.check(job)
        now = self._clock()
        if progress.done < progress.total and now - job.reported_at < PROGRESS_INTERVAL:
            return
        job.reported_at = now
        self._tell_running(job, "on_progress", progress)

    # ---------------------------------------------------------------------------------------------------------- telling

    def tell(self) -> bool:
        """Deliver what is in the outbox; returns whether there was anything.

        Not what is added meanwhile: a listener that asks for known things again and again must not hold up the rest.
        """
        schedule = self._engine.schedule
        with schedule.lock:
            count = len(schedule.outbox)
        for _ in range(count):
            with schedule.lock:
                if schedule.closed or not schedule.outbox:
                    break
                ticket, ended = schedule.outbox.popleft()
                if not ended and (ticket.end is not None or ticket.started):
                    continue  # its end is in the outbox too
                ticket.started, ticket.told = True, ended
                calling = schedule.begin_call(ticket.channel)
            try:
                if ended:
                    self.tell_end(ticket)
                else:
                    self._call(ticket, ticket.listener.on_start, ())
            finally:
                self._end_call(calling)
        return count > 0

    def tell_end(self, ticket: Ticket) -> None:
        """Make the terminal call of a ticket that was taken out of the outbox, on this thread."""
        listener = ticket.listener
        payload, ticket.payload = ticket.payload, None  # whoever keeps the ticket need not keep the result
        callback: Callable[..., object] | None
        if ticket.end is End.RESULT:
            callback = listener.on_result
        elif ticket.end is End.ERROR:
            callback = listener.on_error
        elif ticket.end is End.SUPERSEDED:
            callback = listener.on_superseded
        else:
            callback = listener.on_cancelled
        arguments = () if payload is None else (payload,)
        error = self._call(ticket, callback, arguments)
        if error is not None and ticket.end is not End.ERROR:
            self._call(ticket, listener.on_error, (ErrorInfo.from_exception(error),))
        with self._engine.schedule.lock:
            ticket.done = True
            self._engine.schedule.changed.notify_all()

    def _tell_running(self, job: Job, name: str, *arguments: object) -> None:
        schedule = self._engine.schedule
        with schedule.lock:
            ticket = job.ticket
            if schedule.closed or ticket.end is not None:
                return
            if name == "on_start":
                if ticket.started:  # a second attempt, or a newer ticket that took over and has been told already
                    return
                ticket.started = True
            calling = schedule.begin_call(ticket.channel)
        try:
            self._call(ticket, getattr(ticket.listener, name), arguments)
        finally:
            self._end_call(calling)

    def _end_call(self, calling: Calling) -> None:
        with self._engine.schedule.lock:
            self._engine.schedule.end_call(calling)

    def _call(
        self, ticket: Ticket | None, callback: Callable[..., object] | None, arguments: tuple[Any, ...]
    ) -> BaseException | None:
        """Call back; an exception is logged and returned, never raised."""
        if callback is None:
            return None
        caught = BaseException if self._on_own_thread else Exception  # nothing may end the worker's thread
        try:
            if ticket is None:
                callback(*arguments)
            else:
                # A copy of the copy: a context cannot be entered twice, and callbacks of one ticket can be nested in
                # those of another when a job checks.
                ticket.context.copy().run(callback, *arguments)
        except caught as error:
            if not isinstance(error, ModelClosed):  # that it submits to what was closed meanwhile is no surprise
                log_traceback(f"A callback of {ticket or self._engine.name!r} failed", error)
            error.__traceback__ = None
            return error
        return None

    # ------------------------------------------------------------------------------------------------------------- idle

    def add_idle_callback(self, callback: Callable[[], object], after: float) -> Callable[[], None]:
        """See :meth:`Engine.when_idle`."""
        item = IdleCallback(callback, after)
        schedule = self._engine.schedule
        with schedule.lock:
            self._idle_callbacks.append(item)
            schedule.changed.notify_all()

        def remove() -> None:
            with schedule.lock:
                if item in self._idle_callbacks:
                    self._idle_callbacks.remove(item)

        return remove

    def _run_idle_callbacks(self) -> bool:
        quiet = self._clock() - self._idle_since
        return self._call_idle(lambda item: item.done_in != self._idle_period and quiet >= item.after)

    def _call_idle(self, condition: Callable[[IdleCallback], bool]) -> bool:
        schedule = self._engine.schedule
        with schedule.lock:
            due = [item for item in self._idle_callbacks if condition(item)]
            if schedule.closed or not due:
                return False
            for item in due:
                item.done_in = self._idle_period
            calling = schedule.begin_call(None)
        try:
            for item in due:
                self._call(None, item.callback, ())
        finally:
            self._end_call(calling)
        return True

    def forget_idle_callbacks(self) -> None:
        """After the end there is nothing to tidy. The schedule's lock is held."""
        self._idle_callbacks.clear()
