"""What is asked of an engine, what it answers, and what an analysis function sees while it works."""

from __future__ import annotations

import contextvars
import enum
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ecco_widgets.errors import Cancelled, InvalidInput
from ecco_widgets.live.cache import ScopedCache
from ecco_widgets.live.error_info import ErrorInfo

if TYPE_CHECKING:
    from ecco_widgets.live.channels import Channel


class Preempted(Cancelled):
    """Idle work must make way for something a person waits for; the engine runs it again later."""


class Priority(enum.IntEnum):
    """In which line a channel waits."""

    FOREGROUND = 0
    BACKGROUND = 1


class End(enum.Enum):
    """How a ticket ended."""

    RESULT = "result"
    ERROR = "error"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Request:
    """One computation, as plain data, so that it could as well run in another process.

    Args:
        analysis: Name of a registered function.
        subject: Name of a retained object (a trace, a model); None for a function that needs none.
        params: JSON-like arguments. They are copied, so that changing them later changes nothing.
        cacheable: Whether equal requests may share one result. False for anything random or with side effects.

    Raises:
        InvalidInput: If ``params`` is not JSON-like.

    Example:
        >>> Request("rows", "trace-1", {"b": 1, "a": [2]}).key == Request("rows", "trace-1", {"a": [2], "b": 1}).key
        True
    """

    analysis: str
    subject: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    cacheable: bool = True
    canonical: str = field(init=False, repr=False, default="")

    def __post_init__(self) -> None:
        try:
            canonical = json.dumps(self.params, sort_keys=True, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInput(
                f"the parameters of {self.analysis} must be JSON-like: {error}.",
                hint="Use None, booleans, finite numbers, strings, and lists and dicts (with string keys) of them.",
            ) from None
        object.__setattr__(self, "canonical", canonical)
        object.__setattr__(self, "params", json.loads(canonical))

    @property
    def key(self) -> tuple[str | None, str, str]:
        """Equal for requests with equal results."""
        return (self.subject, self.analysis, self.canonical)


@dataclass(frozen=True)
class Outcome:
    """A result and where it came from.

    Args:
        result: What the function returned. Shared with the cache: treat it as read-only (its arrays are).
        elapsed_ms: Time of the computation itself, without waiting for its turn.
        source: ``"computed"`` or ``"cache"``.
    """

    result: Any
    elapsed_ms: float
    source: str = "computed"


@dataclass(frozen=True)
class Progress:
    """How far a computation is.

    Args:
        done: Steps done.
        total: Of so many.
        label: What the steps are.
        partial: What it has so far, as plain data and arrays, if that is worth showing.
    """

    done: int
    total: int
    label: str = ""
    partial: Any = None


@dataclass(frozen=True)
class Listener:
    """Callbacks of one ticket; every one is optional.

    They are called one at a time on the worker's thread, in a copy of the context in which the request was submitted
    (so that what a kernel publishes belongs to the message that caused it), with no lock of the engine held. Only those
    of tickets that a ``close()`` ends are called on the thread that closes.

    Exactly one of ``on_result``, ``on_error``, ``on_superseded`` and ``on_cancelled`` is called per ticket, after all
    others. If that call itself raises, ``on_error`` is tried, so that whoever waits does not wait for ever.

    Args:
        on_start: The computation begins (not called when the answer comes from the cache).
        on_result: It succeeded.
        on_progress: It is so far; at most about 20 times a second.
        on_error: It failed.
        on_superseded: A newer request of the same channel has replaced it.
        on_cancelled: It was cancelled, or its channel was closed.
    """

    on_start: Callable[[], object] | None = None
    on_result: Callable[[Outcome], object] | None = None
    on_progress: Callable[[Progress], object] | None = None
    on_error: Callable[[ErrorInfo], object] | None = None
    on_superseded: Callable[[], object] | None = None
    on_cancelled: Callable[[], object] | None = None


class Desk(Protocol):
    """What a ticket and a job need of the engine that made them."""

    def cancel(self, ticket: Ticket) -> bool:
        """End ``ticket`` as cancelled, unless it has ended."""

    def wait_for(self, ticket: Ticket, timeout: float | None) -> bool:
        """Block until the last callback of ``ticket`` has returned."""

    def check(self, job: Job) -> None:
        """Raise if ``job`` should stop."""

    def report(self, job: Job, progress: Progress) -> None:
        """Tell the listener of ``job``."""


class Ticket:
    """The receipt of a request; made by a channel's ``submit``. Its fields are the schedule's, guarded by its lock."""

    def __init__(
        self, number: int, request: Request, listener: Listener, *, channel: Channel, desk: Desk, token: int
    ) -> None:
        self.number = number
        self.request = request
        self.listener = listener
        self.channel = channel
        self.token = token  # tells apart two objects that were retained under one name, one after the other
        self.context = contextvars.copy_context()
        self.attempts = 0
        self.started = False  # on_start has been called, or need not be
        self.end: End | None = None
        self.payload: Outcome | ErrorInfo | None = None
        self.told = False  # the terminal call has begun
        self.done = False  # and returned
        self._desk = desk

    def cancel(self) -> bool:
        """Give up the request.

        Returns:
            True if this ended it: its only remaining callback is then ``on_cancelled``. False if it had ended before.
        """
        return self._desk.cancel(self)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the last callback has returned.

        Args:
            timeout: Seconds; None waits for ever.

        Returns:
            Whether it has.

        Raises:
            RuntimeError: On the worker's own thread, which would wait for itself.
        """
        return self._desk.wait_for(self, timeout)

    def __repr__(self) -> str:
        state = self.end.value if self.end else "running" if self.attempts else "waiting"
        return f"<Ticket {self.number} {self.request.analysis} {state}>"


class Job:
    """What an analysis function gets as its first argument.

    Attributes:
        cache: Keeps values (rows, intermediate arrays) between calls for the same subject, within the engine's bound.
        attempt: 1 on the first run, more if the job was preempted; rows kept in ``cache`` make a later run short.
    """

    def __init__(self, ticket: Ticket, *, desk: Desk, cache: ScopedCache, token: int, thread: int) -> None:
        self.ticket = ticket  # the schedule may let the job work for a newer ticket with the same request
        self.key = ticket.request.key
        self.token = token
        self.attempt = ticket.attempts
        self.cache = cache
        self.thread = thread
        self.open = True  # it has neither finished nor been told to stop
        self.stopped = False  # it has been told to stop
        self.reported_at = float("-inf")
        self._desk = desk

    def serves(self, ticket: Ticket) -> bool:
        """Whether the result of this job, which goes on, is what ``ticket`` asks for."""
        return self.open and (self.key, self.token) == (ticket.request.key, ticket.token)

    def check(self) -> None:
        """Call often (between layers, chunks, iterations; it costs about a microsecond).

        Raises:
            Cancelled: The result is no longer wanted.
            Preempted: This is idle work and somebody waits; it will be run again.
        """
        self._desk.check(self)

    def progress(self, done: int, total: int, label: str = "", partial: Any = None) -> None:
        """Say how far the job is, e.g. ``job.progress(3, 20, "integration step")``; also checks.

        What comes less than 50 ms after what was last said is left out, with its ``partial``.

        Raises:
            Cancelled: As :meth:`check`.
            Preempted: As :meth:`check`.
        """
        self._desk.report(self, Progress(done, total, label, partial))


#: An analysis: (job, subject, params) -> plain data and numpy arrays.
Function = Callable[[Job, Any, Mapping[str, Any]], Any]
