"""Latest wins."""

from __future__ import annotations

from typing import Any

import pytest

from ecco_widgets.live import Engine, Job, Request
from tests.unit.live.recording import Gate, Log, manual


def test_of_many_requests_at_once_only_the_last_is_computed() -> None:
    engine, log = manual()
    for label in range(1000):
        log.submit(engine.latest("row"), label)
    engine.run_until_idle()
    assert [label for label, event, _ in log.entries if event == "start"] == [999]
    assert [label for label, event, _ in log.entries if event == "superseded"] == list(range(999))
    assert log.of(999) == ["start", "result"]


def test_a_newer_request_stops_the_running_one_at_its_next_check(engine: Engine, log: Log) -> None:
    gate = Gate()
    engine.register("gate", gate.checking)
    channel = engine.latest("row")
    log.submit(channel, "old", "gate")
    assert gate.entered.wait(20)
    new = log.submit(channel, "new")
    gate.leave.set()
    assert new.wait(20)
    assert log.of("old") == ["start", "superseded"]
    assert log.of("new") == ["start", "result"]


def test_a_result_that_comes_too_late_is_not_told(engine: Engine, log: Log) -> None:
    gate = Gate()
    engine.register("gate", gate.hold)
    channel = engine.latest("row")
    old = log.submit(channel, "old", "gate")
    assert gate.entered.wait(20)
    new = log.submit(channel, "new")
    gate.leave.set()
    assert new.wait(20)
    assert old.wait(20)
    assert log.of("old") == ["start", "superseded"]


def test_a_request_equal_to_the_running_one_takes_its_computation_over(engine: Engine, log: Log) -> None:
    gate = Gate()
    engine.register("gate", gate.checking)
    channel = engine.latest("row")
    log.submit(channel, "a", "gate", x=1)
    assert gate.entered.wait(20)
    log.submit(channel, "b", x=2)
    again = log.submit(channel, "c", "gate", x=1)  # back on the first token before its row was ready
    gate.leave.set()
    assert again.wait(20)
    assert gate.runs == 1
    assert log.of("a") == ["start", "superseded"]
    assert log.of("b") == ["superseded"]
    assert log.of("c") == ["start", "result"]
    assert log.value("c", "result").source == "computed"


def test_a_computation_that_has_been_told_to_stop_is_not_taken_over() -> None:
    engine, log = manual()
    channel = engine.latest("row")

    def function(job: Job, subject: Any, params: Any) -> int:
        if not log.of("other"):
            log.submit(channel, "other")
            try:
                job.check()
            finally:
                log.submit(channel, "again", "f", x=1)
        return 1

    engine.register("f", function)
    log.submit(channel, "first", "f", x=1)
    engine.run_until_idle()
    assert log.of("again") == ["start", "result"]
    assert log.of("other") == ["superseded"]


def test_a_computation_with_side_effects_is_not_taken_over(engine: Engine, log: Log) -> None:
    gate = Gate()
    engine.register("gate", gate.hold)
    channel = engine.latest("row")
    request = Request("gate", None, {"x": 1}, cacheable=False)
    channel.submit(request, log.listener("a"))
    assert gate.entered.wait(20)
    again = channel.submit(request, log.listener("b"))
    gate.leave.set()
    assert again.wait(20)
    assert gate.runs == 2


def test_a_computation_about_a_former_object_of_that_name_is_not_taken_over(engine: Engine, log: Log) -> None:
    gate = Gate()

    def function(job: Job, subject: Any, params: Any) -> Any:
        gate.hold(job, subject, params)
        return subject[0]

    engine.register("gate", function)
    channel = engine.latest("row")
    engine.retain("trace", ["old"])
    channel.submit(Request("gate", "trace"), log.listener("a"))
    assert gate.entered.wait(20)
    engine.release("trace")
    engine.retain("trace", ["new"])
    again = channel.submit(Request("gate", "trace"), log.listener("b"))
    gate.leave.set()
    assert again.wait(20)
    assert log.value("b", "result").result == "new"


def test_the_last_request_is_answered_from_the_cache_while_an_older_one_runs() -> None:
    engine, log = manual()
    channel = engine.latest("row")
    log.submit(channel, "known", x=1)
    engine.run_until_idle()

    def function(job: Job, subject: Any, params: Any) -> int:
        log.submit(channel, "back", x=1)
        job.check()
        return 2

    engine.register("f", function)
    log.submit(channel, "long", "f")
    engine.run_until_idle()
    assert log.of("long") == ["start", "superseded"]
    assert log.of("back") == ["result"]


def test_a_result_that_is_ready_but_not_told_yet_makes_way_for_a_newer_request() -> None:
    engine, log = manual()
    channel = engine.latest("row")
    log.submit(channel, "known", x=1)
    engine.run_until_idle()
    log.submit(channel, "older", x=1)
    log.submit(channel, "newer", x=1)
    engine.run_until_idle()
    assert log.of("older") == ["superseded"]
    assert log.of("newer") == ["result"]


def test_channels_do_not_supersede_each_other() -> None:
    engine, log = manual()
    log.submit(engine.latest(("widget-1", "row")), 1)
    log.submit(engine.latest(("widget-2", "row")), 2)
    engine.run_until_idle()
    assert log.of(1)[-1] == log.of(2)[-1] == "result"


# --------------------------------------------------------------------------------------------------------------- cancel


def test_a_waiting_request_can_be_cancelled_once() -> None:
    engine, log = manual()
    ticket = log.submit(engine.latest("row"), "a")
    assert ticket.cancel()
    assert not ticket.cancel()
    engine.run_until_idle()
    assert log.of("a") == ["cancelled"]


def test_a_running_request_can_be_cancelled_and_its_result_is_not_told(engine: Engine, log: Log) -> None:
    gate = Gate()
    engine.register("gate", gate.hold)
    ticket = log.submit(engine.queue("q"), "a", "gate")
    assert gate.entered.wait(20)
    assert ticket.cancel()
    gate.leave.set()
    assert ticket.wait(20)
    assert log.of("a") == ["start", "cancelled"]


def test_cancelling_while_the_result_is_delivered_is_too_late() -> None:
    engine, log = manual()
    said: list[bool] = []
    ticket = log.submit(engine.latest("row"), "a")
    log.hook = lambda label, event, value: said.append(ticket.cancel()) if event == "result" else None
    engine.run_until_idle()
    assert said == [False]
    assert log.of("a") == ["start", "result"]


def test_a_channel_cancels_what_waits_and_what_runs_and_goes_on(engine: Engine, log: Log) -> None:
    gate = Gate()
    engine.register("gate", gate.checking)
    channel = engine.queue("q")
    tickets = [log.submit(channel, "running", "gate"), log.submit(channel, "waiting")]
    assert gate.entered.wait(20)
    assert channel.cancel() == 2
    gate.leave.set()
    assert all(ticket.wait(20) for ticket in tickets)
    assert log.of("running") == ["start", "cancelled"]
    assert log.of("waiting") == ["cancelled"]
    assert log.submit(channel, "next").wait(20)
    assert log.of("next") == ["start", "result"]


def test_a_channel_cancels_only_what_is_meant() -> None:
    engine, log = manual()
    channel = engine.queue("q")
    tickets = [log.submit(channel, label) for label in range(3)]
    assert channel.cancel(lambda ticket: ticket is tickets[1]) == 1
    engine.run_until_idle()
    assert [log.of(label)[-1] for label in range(3)] == ["result", "cancelled", "result"]


@pytest.mark.parametrize("kind", ["latest", "queue", "background"])
def test_a_cancelled_function_raises_cancelled_at_its_check(kind: str) -> None:
    engine, log = manual()
    tickets: list[Any] = []

    def function(job: Job, subject: Any, params: Any) -> int:
        tickets[0].cancel()
        job.check()
        raise AssertionError

    engine.register("f", function)
    tickets.append(log.submit(getattr(engine, kind)("c"), "a", "f"))
    engine.run_until_idle()
    assert log.of("a") == ["start", "cancelled"]
