"""Closing ends everything, from anywhere, and never hangs."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from ecco_widgets.errors import ModelClosed
from ecco_widgets.live import Engine, Job, Listener, Request
from tests.unit.live.recording import Gate, Log, manual, wait_until


def test_closing_an_engine_ends_what_runs_and_what_waits_with_an_error(log: Log) -> None:
    engine, gate = Engine("test"), Gate()
    engine.register("gate", gate.checking)
    running = log.submit(engine.latest("row"), "running", "gate")
    waiting = log.submit(engine.latest("other"), "waiting", "gate")
    idle = log.submit(engine.background("fill"), "idle", "gate")
    assert gate.entered.wait(20)
    closer = threading.Thread(target=engine.close, args=(20,))
    closer.start()
    assert all(ticket.wait(20) for ticket in (running, waiting, idle))
    gate.leave.set()
    closer.join(20)
    assert not closer.is_alive()
    assert log.of("running") == ["start", "error"]
    assert log.of("waiting") == log.of("idle") == ["error"]
    assert log.value("waiting", "error").kind == "model_closed"
    assert log.value("waiting", "error").message == "the model 'test' was closed."


def test_closing_does_not_wait_for_a_computation_that_never_checks(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    engine, gate = Engine("stuck"), Gate()
    engine.register("gate", gate.hold)
    ticket = log.submit(engine.latest("row"), "a", "gate")
    assert gate.entered.wait(20)
    with caplog.at_level(logging.WARNING, logger="ecco_widgets"):
        engine.close(timeout=0.05)
    assert "'stuck' still computes after 0.1 s; its result will be thrown away" in caplog.text
    assert ticket.done
    gate.leave.set()
    wait_until(lambda: all(thread.name != "ecco_widgets stuck" for thread in threading.enumerate()))
    assert log.of("a") == ["start", "error"]


def test_closing_twice_or_before_anything_ran_is_fine() -> None:
    engine = Engine("test")
    engine.close()
    engine.close()


def test_closing_from_within_a_callback_ends_the_others_before_it_returns(log: Log) -> None:
    engine = Engine("test")
    engine.register("echo", lambda job, subject, params: 1)
    gate = Gate()
    engine.register("gate", gate.hold)
    after: list[list[str]] = []

    def close(outcome: object) -> None:
        engine.close()
        after.append(log.of("b"))

    engine.queue("q").submit(Request("gate"), log.listener("first"))
    assert gate.entered.wait(20)
    closing = engine.queue("q").submit(Request("echo"), Listener(on_result=close))
    log.submit(engine.queue("q"), "b")
    gate.leave.set()
    assert closing.wait(20)
    assert after == [["error"]]
    wait_until(lambda: all(thread.name != "ecco_widgets test" for thread in threading.enumerate()))


def test_closing_from_a_progress_callback_ends_the_running_request_too() -> None:
    engine, log = manual()

    def function(job: Job, subject: Any, params: Any) -> int:
        job.progress(1, 2)
        job.progress(2, 2)
        return 1

    engine.register("f", function)
    log.hook = lambda label, event, value: engine.close() if event == "progress" else None
    log.submit(engine.latest("row"), "a", "f")
    engine.run_until_idle()
    assert log.of("a") == ["start", "progress", "error"]


def test_closing_from_an_idle_callback_returns(log: Log) -> None:
    engine = Engine("test")
    engine.register("echo", lambda job, subject, params: 1)
    engine.when_idle(lambda: (engine.close(), log.add("closed", "result")), after=0.0)
    log.submit(engine.latest("row"), "a").wait(20)
    log.wait(lambda: bool(log.of("closed")))


def test_two_threads_may_close_at_once_while_a_callback_runs(log: Log) -> None:
    engine, gate = Engine("test"), Gate()
    engine.register("echo", lambda job, subject, params: 1)
    ticket = engine.latest("row").submit(
        Request("echo"),
        Listener(on_result=gate.call),
    )
    assert gate.entered.wait(20)
    log.submit(engine.latest("other"), "waiting")
    closers = [threading.Thread(target=engine.close, args=(20,)) for _ in range(3)]
    for thread in closers:
        thread.start()
    assert log.of("waiting") == []  # one callback at a time, also while closing
    gate.leave.set()
    for thread in closers:
        thread.join(20)
    assert not any(thread.is_alive() for thread in closers)
    assert log.of("waiting") == ["error"]
    assert ticket.done


def test_closing_while_a_callback_hangs_ends_the_others_after_the_timeout(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    engine, gate = Engine("test"), Gate()
    engine.register("echo", lambda job, subject, params: 1)
    engine.latest("row").submit(Request("echo"), Listener(on_result=gate.call))
    assert gate.entered.wait(20)
    waiting = log.submit(engine.latest("other"), "waiting")
    with caplog.at_level(logging.WARNING, logger="ecco_widgets"):
        engine.close(timeout=0.05)
    assert "A callback of 'test' still runs" in caplog.text
    assert waiting.done
    gate.leave.set()


def test_closing_drops_subjects_results_and_functions_of_the_engine(log: Log) -> None:
    engine = Engine("test")
    engine.register("echo", lambda job, subject, params: 1)
    engine.retain("trace", object())
    log.submit(engine.latest("row"), "a").wait(20)
    engine.close(20)
    assert engine.cache.nbytes == 0
    assert engine.token_of(Request("echo", "trace")) == -1


# ------------------------------------------------------------------------------------------------------------ channels


def test_closing_a_channel_cancels_it_and_leaves_the_others_alone() -> None:
    engine, log = manual()
    row, other = engine.latest("row"), engine.latest("other")
    log.submit(row, "a")
    log.submit(other, "b")
    row.close()
    assert log.of("a") == ["cancelled"]  # before close() returned
    with pytest.raises(ModelClosed, match=r"channel 'row' is closed: its widget was closed\. Make a new widget\."):
        log.submit(row, "c")
    engine.run_until_idle()
    assert log.of("b") == ["start", "result"]
    assert log.of("a") == ["cancelled"]
    row.close()
    assert engine.latest("row") is not row


def test_closing_a_channel_while_it_computes_throws_the_result_away(engine: Engine, log: Log) -> None:
    gate = Gate()
    engine.register("gate", gate.hold)
    channel = engine.latest("row")
    log.submit(channel, "a", "gate")
    assert gate.entered.wait(20)
    channel.close()
    assert log.of("a") == ["start", "cancelled"]
    gate.leave.set()
    assert log.submit(engine.latest("other"), "b").wait(20)
    assert log.of("a") == ["start", "cancelled"]


def test_closing_a_channel_waits_for_its_callback_but_not_for_those_of_others(engine: Engine, log: Log) -> None:
    gate = Gate()
    mine, other = engine.latest("mine"), engine.latest("other")
    mine.submit(Request("echo", None, {"x": 1}), Listener(on_result=gate.call))
    assert gate.entered.wait(20)
    other.close(timeout=20)
    closer = threading.Thread(target=mine.close, args=(20,))
    closer.start()
    wait_until(lambda: mine.closed)
    assert closer.is_alive()
    gate.leave.set()
    closer.join(20)
    assert not closer.is_alive()


def test_a_channel_can_be_closed_from_its_own_callback(engine: Engine, log: Log) -> None:
    gate = Gate()
    engine.register("gate", gate.hold)
    channel = engine.queue("q")
    log.submit(engine.queue("first"), "first", "gate")
    assert gate.entered.wait(20)
    after: list[list[str]] = []

    def close(outcome: object) -> None:
        channel.close()
        after.append(log.of("later"))

    ticket = channel.submit(Request("echo", None, {"x": 1}), Listener(on_result=close))
    log.submit(channel, "later")
    gate.leave.set()
    assert ticket.wait(20)
    assert after == [["cancelled"]]


def test_a_callback_that_submits_to_what_was_closed_meanwhile_is_no_failure(
    engine: Engine, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    channel = engine.latest("row")

    def submit_again(outcome: object) -> None:
        channel.close()
        log.submit(channel, "again")

    assert channel.submit(Request("echo", None, {"x": 1}), Listener(on_result=submit_again)).wait(20)
    assert caplog.text == ""


def test_releasing_a_subject_lets_what_runs_end_and_refuses_what_comes(engine: Engine, log: Log) -> None:
    gate = Gate()
    engine.register("gate", gate.hold)
    engine.retain("trace", [])
    first = engine.queue("q").submit(Request("gate", "trace", {"x": 1}), log.listener("running"))
    assert gate.entered.wait(20)
    later = engine.queue("q").submit(Request("gate", "trace", {"x": 2}), log.listener("waiting"))
    engine.release("trace")
    gate.leave.set()
    assert first.wait(20)
    assert later.wait(20)
    assert log.of("running")[-1] == "result"
    assert log.value("waiting", "error").kind == "model_closed"
