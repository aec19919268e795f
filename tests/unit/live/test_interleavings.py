"""What holds under any interleaving: of requests, cancellations, checks and callbacks by a seed, and of threads."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecco_widgets.live import Channel, Engine, Job, Request, Ticket
from tests.unit.live.recording import TERMINAL, Log


class Play:
    """Drives a manual engine by a tape of small numbers: at the top level, at every check and in every callback."""

    def __init__(self, tape: list[int]) -> None:
        self.tape = iter(tape)
        self.engine = Engine("play", manual=True, cache_bytes=2000)
        self.log = Log()
        self.log.hook = self.in_callback
        self.tickets: list[Ticket] = []
        self.cancelled: set[int] = set()
        self.wanted: dict[int, int] = {}
        self.engine.register("work", self.work)

    def next(self, below: int) -> int:
        return next(self.tape, 0) % below

    def work(self, job: Job, subject: Any, params: Any) -> int:
        for _ in range(params["checks"]):
            self.act(self.next(3))
            job.check()
        return 10 * params["x"]

    def in_callback(self, label: Any, event: str, value: Any) -> None:
        if event != "submit" and self.next(4) == 3:
            self.act(1)
        if event != "submit" and self.next(16) == 15:
            raise ValueError("a callback fails")

    def channel(self, kind: int) -> Channel:
        if kind < 4:
            return self.engine.latest(("row", kind % 2))
        return self.engine.queue("generate") if kind == 4 else self.engine.background("fill")

    def act(self, times: int) -> None:
        for _ in range(times):
            choice = self.next(12)
            if choice < 9:
                self.submit(self.channel(self.next(6)))
            elif choice < 11 and self.tickets:
                self.cancel(self.tickets[self.next(len(self.tickets))])
            else:
                for ticket in self.tickets:
                    if self.next(4) == 3:
                        self.cancel(ticket)

    def submit(self, channel: Channel) -> None:
        if len(self.tickets) >= 60:
            return
        label, x = len(self.tickets), self.next(3)
        params = {"x": x, "checks": self.next(4)}
        self.wanted[label] = 10 * x
        self.tickets.append(channel.submit(Request("work", None, params), self.log.listener(label)))
        self.log.add(label, "submit")

    def cancel(self, ticket: Ticket) -> None:
        if ticket.cancel():
            self.cancelled.add(self.tickets.index(ticket))

    def labels(self, channel: Channel) -> list[int]:
        return [label for label, ticket in enumerate(self.tickets) if ticket.channel is channel]


@given(st.lists(st.integers(0, 255), max_size=400))
@settings(max_examples=400, deadline=None)
def test_under_any_interleaving_every_claim_holds(tape: list[int]) -> None:
    play = Play(tape)
    for _ in range(12):
        play.act(play.next(4))
        for _ in range(play.next(3)):
            play.engine.step()
    play.engine.run_until_idle()

    log, events = play.log, play.log.entries
    for label, ticket in enumerate(play.tickets):
        told = [event for event in log.of(label) if event != "submit"]
        ends = [event for event in told if event in TERMINAL]
        # exactly one terminal call, the last; one that raised is followed by an error
        assert ticket.done
        assert len(ends) == 1 or (len(ends) == 2 and ends[1] == "error"), told
        assert told[-1] == ends[-1]
        assert told.count("start") <= 1
        assert (ends[0] == "cancelled") == (label in play.cancelled)
        if ends[0] == "result":
            assert log.value(label, "result").result == play.wanted[label]

    for kind in range(6):
        channel = play.channel(kind)
        labels = play.labels(channel)
        first_end = {label: next(event for event in log.of(label) if event in TERMINAL) for label in labels}
        results = [label for label, event, _ in events if event == "result" and label in labels]
        assert results == sorted(results)  # nothing older is told after something newer
        if channel.latest_wins:
            submitted = {label: events.index((label, "submit", None)) for label in labels}
            for label in results:
                at = next(i for i, (who, event, _) in enumerate(events) if (who, event) == (label, "result"))
                assert all(submitted[newer] > at for newer in labels if newer > label)
            if labels and labels[-1] not in play.cancelled:
                assert first_end[labels[-1]] == "result"  # the last request is what is shown
        else:
            assert all(first_end[label] == "result" for label in labels if label not in play.cancelled)
    assert play.engine.cache.nbytes <= 2000
    assert not play.engine.schedule.has_work


@given(st.lists(st.integers(0, 255), max_size=200), st.integers(0, 30))
@settings(max_examples=200, deadline=None)
def test_closing_at_any_moment_ends_every_ticket_once_and_is_final(tape: list[int], moment: int) -> None:
    play = Play(tape)
    closed_at: list[int] = []
    inner = play.log.hook
    count = [0]

    def hook(label: Any, event: str, value: Any) -> None:
        count[0] += 1
        if count[0] == moment and not closed_at:
            play.engine.close()
            closed_at.append(len(play.log.entries))
        elif not closed_at:
            inner(label, event, value)

    play.log.hook = hook
    play.submit = lambda channel: None if play.engine.schedule.closed else Play.submit(play, channel)  # type: ignore[method-assign]
    play.channel = lambda kind: None if play.engine.schedule.closed else Play.channel(play, kind)  # type: ignore[assignment, method-assign, return-value]
    for _ in range(8):
        play.act(play.next(4))
        for _ in range(play.next(3)):
            play.engine.step()
    if not closed_at:
        play.engine.close()
        closed_at.append(len(play.log.entries))
    play.engine.run_until_idle()
    assert [entry for entry in play.log.entries[closed_at[0] :] if entry[1] != "submit"] == []
    for label, ticket in enumerate(play.tickets):
        ends = [event for event in play.log.of(label) if event in TERMINAL]
        assert ticket.done
        assert len(ends) == 1 or (len(ends) == 2 and ends[1] == "error"), ends


@pytest.fixture
def eager_switching() -> Iterator[None]:
    """Let threads take turns as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def run_all(target: Callable[[int], None], arguments: Iterable[int]) -> None:
    threads = [threading.Thread(target=target, args=(argument,)) for argument in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.usefixtures("eager_switching")
def test_with_real_threads_the_last_request_is_what_is_shown(seed: int) -> None:
    engine, log = Engine("threads", cache_bytes=1000 * (seed % 3)), Log()

    def work(job: Job, subject: Any, params: Any) -> int:
        for _ in range(params["x"] % 7):
            job.check()
        return int(params["x"])

    engine.register("work", work)
    tickets: dict[Any, Ticket] = {}

    def hover(view: int) -> None:
        rng = random.Random(100 * seed + view)
        channel, fill = engine.latest(("row", view)), engine.background(("fill", view))
        for n in range(150):
            tickets[view, n] = log.submit(channel, (view, n), "work", x=rng.randrange(20))
            if rng.random() < 0.1:
                tickets["fill", view, n] = log.submit(fill, ("fill", view, n), "work", x=rng.randrange(20))
            if rng.random() < 0.1:
                tickets[view, n].cancel()
        tickets[view, 150] = log.submit(channel, (view, 150), "work", x=7)

    run_all(hover, range(4))
    assert all(ticket.wait(30) for ticket in tickets.values())
    for label in tickets:
        told = log.of(label)
        assert sum(event in TERMINAL for event in told) == 1
        assert told[-1] in (TERMINAL if label[0] != "fill" else ("result",))
    for view in range(4):
        results = [label[1] for label, event, _ in log.entries if event == "result" and label[0] == view]
        assert results == sorted(results)
        assert results[-1] == 150
    engine.close(20)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.usefixtures("eager_switching")
def test_with_real_threads_nothing_is_told_after_close_returned(seed: int) -> None:
    engine, log = Engine("threads"), Log()
    rng = random.Random(seed)
    go, stop = threading.Event(), threading.Event()

    def work(job: Job, subject: Any, params: Any) -> int:
        job.progress(1, 1)
        go.set()
        job.check()
        return 1

    engine.register("work", work)
    tickets: list[Ticket] = []

    def hover(view: int) -> None:
        n = 0
        while not stop.is_set():
            n += 1
            try:
                tickets.append(log.submit(engine.latest(view), (view, n), "work", x=n))
                tickets.append(log.submit(engine.background("fill"), ("fill", view, n), "work", x=n))
            except RuntimeError:
                return

    threads = [threading.Thread(target=hover, args=(view,)) for view in range(2)]
    for thread in threads:
        thread.start()
    assert go.wait(20)
    log.wait(lambda: len(log.entries) > rng.randrange(200))
    run_all(lambda _: engine.close(20), range(2))
    after = len(log.entries)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(log.entries) == after
    assert all(ticket.done for ticket in tickets)
    told: dict[Any, int] = {}
    for label, event, _ in log.entries:
        told[label] = told.get(label, 0) + (event in TERMINAL)
    assert set(told.values()) == {1}
    assert all(thread.name != "ecco_widgets threads" for thread in threading.enumerate())
