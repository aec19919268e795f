"""Decides what runs next and how each ticket ends. The one lock of an engine lives here.

Lock order in this package: a widget's lock, then ``Schedule.lock``, then a cache's lock. While the schedule's lock is
held nothing foreign is called: no callback, no analysis, no logging. A ticket's end is chosen exactly once, here;
choosing it puts the ticket into the outbox, and whoever takes it out of the outbox makes the one terminal call.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from ecco_widgets.live.channels import Channel
from ecco_widgets.live.error_info import ErrorInfo
from ecco_widgets.live.jobs import End, Job, Outcome, Priority, Ticket


@dataclass(eq=False, frozen=True)
class Calling:
    """A thread that calls back now, or is about to: for one channel, or (``channel`` None) for the engine itself."""

    thread: int
    channel: Channel | None


class Schedule:
    """The state of an engine. Every method expects ``lock`` to be held."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew, with a new lock: also for the child of a fork, where the old lock's owner may not exist."""
        # Reentrant because a garbage collection inside a locked section may run a destructor that cancels a ticket.
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.lines: dict[Priority, deque[Channel]] = {priority: deque() for priority in Priority}
        self.outbox: deque[tuple[Ticket, bool]] = deque()  # (ticket, whether its end rather than its start)
        self.farewells: deque[Ticket] = deque()  # ended tickets that a closing thread, not the worker, will tell
        self.running: Job | None = None
        self.calling: list[Calling] = []  # in the order in which they began
        self.closed = False
        self._number = 0

    # ------------------------------------------------------------------------------------------------ into the schedule

    def next_number(self) -> int:
        """A larger number than any before."""
        self._number += 1
        return self._number

    def admit(self, ticket: Ticket, cached: Outcome | None) -> None:
        """Take in a new ticket under its channel's rules.

        Args:
            ticket: The new ticket.
            cached: Its result, if it is already known (latest-wins channels answer at once, past whatever runs).
        """
        channel = ticket.channel
        if channel.latest_wins:
            while channel.waiting:
                self.finish(channel.waiting[0], End.SUPERSEDED)
            last, channel.last = channel.last, ticket
            if last is not None and last.end is End.RESULT and not last.told:
                last.end, last.payload = End.SUPERSEDED, None  # ready, but not told yet: now it must not be
            job = self.running
            if job is not None and job.ticket.channel is channel:
                self.finish(job.ticket, End.SUPERSEDED)
                if cached is None and ticket.request.cacheable and job.serves(ticket):
                    job.ticket = ticket
                    ticket.attempts += 1
                    self.outbox.append((ticket, False))
                    self.changed.notify_all()
                    return
            if cached is not None:
                self.finish(ticket, End.RESULT, cached)
                return
        self._enqueue(ticket)

    def put_back(self, job: Job) -> None:
        """Return preempted work to the front of its line."""
        job.open = False
        self.running = None
        if job.ticket.end is None:
            self._enqueue(job.ticket, front=True)

    def _enqueue(self, ticket: Ticket, *, front: bool = False) -> None:
        channel = ticket.channel
        line = self.lines[channel.priority]
        if front:
            if channel in line:
                line.remove(channel)
            line.appendleft(channel)
            channel.waiting.appendleft(ticket)
        else:
            # A latest-wins channel keeps its place when a newer request replaces the waiting one (see finish).
            if channel not in line:
                line.append(channel)
            channel.waiting.append(ticket)
        self.changed.notify_all()

    # ---------------------------------------------------------------------------------------------- out of the schedule

    @property
    def foreground_waits(self) -> bool:
        """Whether a person waits for something that has not begun."""
        return any(channel.waiting for channel in self.lines[Priority.FOREGROUND])

    @property
    def has_work(self) -> bool:
        """Whether anything waits to be run or told."""
        return bool(self.outbox) or any(channel.waiting for line in self.lines.values() for channel in line)

    def pick(self) -> Ticket | None:
        """Take the next ticket to run: channels of a line take turns, the background's come last."""
        for line in self.lines.values():
            while line:
                channel = line.popleft()
                if channel.waiting:
                    ticket = channel.waiting.popleft()
                    if channel.waiting:
                        line.append(channel)
                    ticket.attempts += 1
                    return ticket
        return None

    def finish(self, ticket: Ticket, end: End, payload: Outcome | ErrorInfo | None = None) -> bool:
        """Choose how ``ticket`` ends, unless that has been chosen; returns whether it was chosen now."""
        if ticket.end is not None:
            return False
        ticket.end, ticket.payload = end, payload
        if ticket in ticket.channel.waiting:
            ticket.channel.waiting.remove(ticket)  # its channel may stay in line: pick() skips empty ones
        self.outbox.append((ticket, True))
        self.changed.notify_all()
        return True

    def live(self, channel: Channel) -> list[Ticket]:
        """The tickets of ``channel`` that have not ended."""
        tickets = list(channel.waiting)
        if self.running is not None and self.running.ticket.channel is channel and self.running.ticket.end is None:
            tickets.insert(0, self.running.ticket)
        return tickets

    def set_apart(self, channel: Channel | None) -> None:
        """Keep the ended tickets of ``channel`` (None: of all) from the worker, for a thread that closes."""
        others: deque[tuple[Ticket, bool]] = deque()
        for ticket, ended in self.outbox:
            if channel is not None and ticket.channel is not channel:
                others.append((ticket, ended))
            elif ended:
                self.farewells.append(ticket)
        self.outbox = others

    def next_farewell(self, channel: Channel | None) -> Ticket | None:
        """Take one ticket that was set apart; singly, so that a close() within a callback can take the rest."""
        for ticket in self.farewells:
            if channel is None or ticket.channel is channel:
                self.farewells.remove(ticket)
                ticket.told = True
                return ticket
        return None

    def begin_call(self, channel: Channel | None) -> Calling:
        """Note that this thread is about to call back; :meth:`end_call` must follow."""
        calling = Calling(threading.get_ident(), channel)
        self.calling.append(calling)
        return calling

    def end_call(self, calling: Calling) -> None:
        """Note that it has."""
        self.calling.remove(calling)
        self.changed.notify_all()

    def wait_for_calls(self, mine: Calling, timeout: float) -> bool:
        """Wait until no callback that began before ``mine`` runs on another thread; releases the lock meanwhile.

        Only for earlier ones, so that two threads that close the same channel don't wait for each other; and not from
        within a callback, which would wait for a thread that waits for this very callback.

        Returns:
            Whether all have returned (True without waiting, within a callback).
        """
        if any(other.thread == mine.thread for other in self.calling if other is not mine):
            return True
        earlier = [
            other
            for other in self.calling[: self.calling.index(mine)]
            if mine.channel is None or other.channel is mine.channel
        ]
        return self.changed.wait_for(lambda: not any(other in self.calling for other in earlier), timeout)
