"""Channels: the rules by which requests wait for, replace and make way for each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, ClassVar

from ecco_widgets.live.jobs import Listener, Priority, Request, Ticket

if TYPE_CHECKING:
    from ecco_widgets.live.engine import Engine


class Channel:
    """A line of requests that belong together; get one from an engine.

    Args:
        engine: The engine that runs the requests.
        key: Identifies the channel within its engine.
    """

    priority: ClassVar[Priority] = Priority.FOREGROUND
    latest_wins: ClassVar[bool] = False

    def __init__(self, engine: Engine, key: Hashable) -> None:
        self.key = key
        self.waiting: deque[Ticket] = deque()
        self.last: Ticket | None = None
        self.closed = False
        self._engine = engine

    def submit(self, request: Request, listener: Listener | None = None) -> Ticket:
        """Ask for a computation; returns at once.

        Args:
            request: What to compute.
            listener: Whom to tell.

        Returns:
            The ticket, to cancel it or wait for it.

        Raises:
            ModelClosed: The engine or this channel is closed.
            InvalidInput: No such analysis.
        """
        return self._engine.submit(self, request, listener or Listener())

    def cancel(self, condition: Callable[[Ticket], bool] | None = None) -> int:
        """Cancel what waits and runs in this channel (of it, what meets ``condition``); returns how many."""
        return self._engine.cancel_all(self, condition)

    def close(self, timeout: float = 5.0) -> None:
        """Cancel everything and accept nothing more. No callback begins after this returned.

        Waits for a callback of this channel that runs on the worker at this moment (not for a computation), so don't
        call it with a lock held that the callbacks take. Safe to call twice, and from a callback.

        Args:
            timeout: Most seconds to wait for that callback.
        """
        self._engine.close_channel(self, timeout)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key!r}{' closed' if self.closed else ''}>"


class LatestChannel(Channel):
    """Latest wins: one runs, one waits; a new request replaces the waiting one and asks the running one to stop.

    As soon as ``submit`` has returned, no older request of this channel begins to deliver a result. A request equal to
    the one that runs takes over its computation instead of starting again.
    """

    latest_wins = True


class QueueChannel(Channel):
    """First in, first out; every request runs."""


class BackgroundChannel(Channel):
    """First in, first out while nothing else waits; makes way for foreground work and runs again later.

    A run that is preempted starts anew, so the function should keep what it has in ``job.cache``.
    """

    priority = Priority.BACKGROUND


class PatientChannel(LatestChannel):
    """Latest wins, and makes way: for long work that somebody waits for, while pointing at things must stay quick.

    As in a ``BackgroundChannel`` a run that is preempted starts anew, so the function should keep what it has.
    """

    priority = Priority.BACKGROUND
