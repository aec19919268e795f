"""Idle work makes way, comes back, and ends."""

from __future__ import annotations

from typing import Any

from ecco_widgets.live import Engine, Job
from tests.unit.live.recording import Log, manual


def fill(engine: Engine, log: Log, arrivals: dict[int, str]) -> Any:
    """A function of five rows that keeps each; at given rows of the whole test something else arrives."""
    done = [0]

    def function(job: Job, subject: Any, params: Any) -> list[Any]:
        for row in range(5):
            job.check()
            if row not in job.cache:
                done[0] += 1
                job.cache.put(row, 10 * row)
                log.add("rows", "made", row)
                if done[0] in arrivals:
                    log.submit(engine.latest("row"), arrivals[done[0]])
        return [job.attempt, [job.cache.get(row) for row in range(5)]]

    return function


def test_idle_work_makes_way_at_its_next_check_and_is_completed_afterwards() -> None:
    engine, log = manual()
    engine.register("fill", fill(engine, log, {2: "hover 1", 4: "hover 2"}))
    log.submit(engine.background("fill"), "idle", "fill")
    engine.run_until_idle()
    order = [(label, event) for label, event, _ in log.entries if event in ("made", "result")]
    made = ("rows", "made")
    assert order == [made, made, ("hover 1", "result"), made, made, ("hover 2", "result"), made, ("idle", "result")]
    assert log.value("idle", "result").result == [3, [0, 10, 20, 30, 40]]
    assert log.of("idle") == ["start", "result"]


def test_idle_work_waits_for_everything_else() -> None:
    engine, log = manual()
    log.submit(engine.background("fill"), "idle")
    log.submit(engine.queue("q"), "queued")
    log.submit(engine.latest("row"), "hover")
    engine.run_until_idle()
    assert [label for label, event, _ in log.entries if event == "result"] == ["queued", "hover", "idle"]


def test_preempted_work_goes_before_other_idle_work() -> None:
    engine, log = manual()
    engine.register("fill", fill(engine, log, {1: "hover"}))
    log.submit(engine.background("a"), "first", "fill")
    log.submit(engine.background("b"), "second")
    log.submit(engine.background("a"), "third")
    engine.run_until_idle()
    assert [label for label, event, _ in log.entries if event == "result"] == ["hover", "first", "second", "third"]


def test_idle_work_is_not_preempted_by_a_row_that_is_known() -> None:
    engine, log = manual()
    log.submit(engine.latest("row"), "hover")
    engine.run_until_idle()
    engine.register("fill", fill(engine, log, {1: "hover"}))
    log.submit(engine.background("fill"), "idle", "fill")
    engine.run_until_idle()
    assert log.value("idle", "result").result[0] == 1


def test_idle_work_can_be_cancelled_while_it_waits_for_its_next_turn() -> None:
    engine, log = manual()
    engine.register("fill", fill(engine, log, {1: "hover"}))
    channel = engine.background("fill")
    ticket = log.submit(channel, "idle", "fill")
    log.hook = lambda label, event, value: ticket.cancel() if (label, event) == ("hover", "result") else None
    engine.run_until_idle()
    assert log.of("idle") == ["start", "cancelled"]
    assert log.of("hover")[-1] == "result"


def test_idle_work_that_never_checks_is_completed_first() -> None:
    engine, log = manual()

    def rude(job: Job, subject: Any, params: Any) -> int:
        log.submit(engine.latest("row"), "hover")
        return 1

    engine.register("rude", rude)
    log.submit(engine.background("fill"), "idle", "rude")
    engine.run_until_idle()
    assert [label for label, event, _ in log.entries if event == "result"] == ["idle", "hover"]


def test_a_busy_channel_lets_the_others_have_their_turn() -> None:
    engine, log = manual()
    for n in range(3):
        log.submit(engine.queue("long"), ("long", n))
    log.submit(engine.latest("row"), "hover")
    log.submit(engine.queue("other"), "other")
    engine.run_until_idle()
    order = [label for label, event, _ in log.entries if event == "result"]
    assert order == [("long", 0), "hover", "other", ("long", 1), ("long", 2)]


def test_a_replaced_request_leaves_its_place_in_line_to_the_newer_one() -> None:
    engine, log = manual()
    log.submit(engine.latest("row"), "old")
    log.submit(engine.queue("q"), "queued")
    log.submit(engine.latest("row"), "new")
    engine.run_until_idle()
    assert [(label, event) for label, event, _ in log.entries if event != "start"] == [
        ("old", "superseded"),
        ("new", "result"),
        ("queued", "result"),
    ]


def test_patient_work_makes_way_goes_on_and_only_the_latest_of_it_counts() -> None:
    engine, log = manual()
    engine.register("fill", fill(engine, log, {2: "hover 1", 4: "hover 2"}))
    patient = engine.patient("grid")
    log.submit(patient, "first")
    log.submit(patient, "second", "fill")
    engine.run_until_idle()
    order = [label for label, event, _ in log.entries if event == "result"]
    assert order == ["hover 1", "hover 2", "second"]
    assert log.of("first") == ["superseded"]
    assert log.value("second", "result").result == [3, [0, 10, 20, 30, 40]]


def test_patient_work_that_was_replaced_while_it_made_way_does_not_come_back() -> None:
    engine, log = manual()
    engine.register("fill", fill(engine, log, {2: "hover"}))
    patient = engine.patient("grid")
    log.hook = lambda label, event, value: (
        log.submit(patient, "newer") if (label, event) == ("hover", "result") else None
    )
    log.submit(patient, "older", "fill")
    engine.run_until_idle()
    assert log.of("older") == ["start", "superseded"]
    assert log.of("newer") == ["start", "result"]
