"""A listener that writes down what it is told, and the claims that hold for every ticket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from ecco_widgets.live import Channel, Engine, ErrorInfo, Job, Listener, Outcome, Progress, Request, Ticket

TERMINAL = ("result", "error", "superseded", "cancelled")


class Log:
    """What the listeners of one test were told, in order: (label, event, value)."""

    def __init__(self) -> None:
        self.entries: list[tuple[Any, str, Any]] = []
        self.changed = threading.Condition()
        self.hook: Callable[[Any, str, Any], None] = lambda label, event, value: None

    def add(self, label: Any, event: str, value: Any = None) -> None:
        with self.changed:
            self.entries.append((label, event, value))
            self.changed.notify_all()
        self.hook(label, event, value)

    def listener(self, label: Any) -> Listener:
        def result(outcome: Outcome) -> None:
            self.add(label, "result", outcome)

        def error(info: ErrorInfo) -> None:
            self.add(label, "error", info)

        def progress(value: Progress) -> None:
            self.add(label, "progress", value)

        return Listener(
            on_start=lambda: self.add(label, "start"),
            on_result=result,
            on_progress=progress,
            on_error=error,
            on_superseded=lambda: self.add(label, "superseded"),
            on_cancelled=lambda: self.add(label, "cancelled"),
        )

    def submit(self, channel: Channel, label: Any, analysis: str = "echo", **params: Any) -> Ticket:
        return channel.submit(Request(analysis, None, params or {"x": label}), self.listener(label))

    def of(self, label: Any) -> list[str]:
        return [event for who, event, _ in list(self.entries) if who == label]

    def value(self, label: Any, event: str) -> Any:
        return next(value for who, what, value in list(self.entries) if (who, what) == (label, event))

    def wait(self, condition: Callable[[], bool], timeout: float = 20.0) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, timeout), self.entries


def echo(job: Job, subject: Any, params: Any) -> Any:
    job.check()
    return params["x"]


class Gate:
    """An analysis that stands still until it is let go, checking when told to."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.leave = threading.Event()
        self.runs = 0

    def hold(self, job: Job, subject: Any, params: Any) -> Any:
        """Ignores every wish to stop."""
        self.call(None)
        return params.get("x")

    def call(self, outcome: object) -> None:
        """As a callback."""
        self.runs += 1
        self.entered.set()
        assert self.leave.wait(20)

    def checking(self, job: Job, subject: Any, params: Any) -> Any:
        """Checks once it is let go."""
        self.hold(job, subject, params)
        job.check()
        return params.get("x")


def wait_until(condition: Callable[[], bool], timeout: float = 20.0) -> None:
    """For what has no condition variable to wait on."""
    deadline = time.monotonic() + timeout
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        tick.wait(0.002)


def manual() -> tuple[Engine, Log]:
    """An engine that works when told to, with ``echo`` registered."""
    engine = Engine("test", manual=True)
    engine.register("echo", echo)
    return engine, Log()
