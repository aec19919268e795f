"""What a single request can rely on."""

from __future__ import annotations

import contextvars
import gc
import logging
import threading
import weakref
from typing import Any

import numpy as np
import pytest

from ecco_widgets.errors import Cancelled, InvalidInput, ModelClosed, OutOfMemory
from ecco_widgets.live import Engine, Job, Listener, Preempted, Progress, Request
from tests.unit.live.recording import Gate, Log, manual, wait_until


def test_a_request_is_started_and_answered_on_the_worker_thread(engine: Engine, log: Log) -> None:
    threads: list[str] = []
    log.hook = lambda *_: threads.append(threading.current_thread().name)
    assert log.submit(engine.latest("row"), 1).wait(20)
    assert log.of(1) == ["start", "result"]
    outcome = log.value(1, "result")
    assert (outcome.result, outcome.source) == (1, "computed")
    assert outcome.elapsed_ms >= 0
    assert set(threads) == {"ecco_widgets test"}


def test_no_thread_exists_before_the_first_request() -> None:
    engine = Engine("lazy")
    assert all(thread.name != "ecco_widgets lazy" for thread in threading.enumerate())
    engine.close()


def test_an_equal_request_is_answered_from_the_cache_without_a_start(engine: Engine, log: Log) -> None:
    channel = engine.latest("row")
    log.submit(channel, "a", x=[1, {"b": 2}]).wait(20)
    log.submit(channel, "b", x=[1, {"b": 2}]).wait(20)
    assert log.of("b") == ["result"]
    assert log.value("b", "result").source == "cache"
    log.submit(engine.queue("other"), "c", x=[1, {"b": 2}]).wait(20)
    assert log.value("c", "result").source == "cache"


def test_uncacheable_requests_are_computed_each_time(engine: Engine, log: Log) -> None:
    for label in "ab":
        engine.queue("q").submit(Request("echo", None, {"x": 1}, cacheable=False), log.listener(label)).wait(20)
    assert [log.value(label, "result").source for label in "ab"] == ["computed", "computed"]
    assert len(engine.cache) == 0


def test_one_and_one_point_zero_and_true_are_different_parameters() -> None:
    keys = {Request("a", None, {"x": value}).key for value in (1, 1.0, True, "1", None, [1])}
    assert len(keys) == 6


def test_changing_the_parameters_after_submitting_changes_nothing() -> None:
    engine, log = manual()
    params = {"x": [1]}
    engine.queue("q").submit(Request("echo", None, params), log.listener("a"))
    params["x"].append(2)
    engine.run_until_idle()
    assert log.value("a", "result").result == [1]


@pytest.mark.parametrize("params", [{"x": {1, 2}}, {"x": float("nan")}, {"x": np.int64(3)}, {"x": object()}])
def test_parameters_that_are_not_plain_data_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"parameters of rows must be JSON-like.*finite numbers"):
        Request("rows", None, params)


def test_an_unknown_analysis_is_refused_with_the_near_miss(engine: Engine) -> None:
    with pytest.raises(InvalidInput, match=r"no analysis 'ecko' is registered\. Did you mean 'echo'\?"):
        engine.latest("row").submit(Request("ecko"))
    with pytest.raises(InvalidInput, match=r"no analysis 'zzz' is registered\. Registered: echo\."):
        engine.latest("row").submit(Request("zzz"))


def test_registering_twice_is_fine_but_not_with_another_function(engine: Engine) -> None:
    from tests.unit.live.recording import echo

    engine.register("echo", echo)
    with pytest.raises(InvalidInput, match="analysis 'echo' is already registered with another function"):
        engine.register("echo", lambda job, subject, params: None)


def test_a_channel_key_keeps_its_kind(engine: Engine) -> None:
    assert engine.latest("row") is engine.latest("row")
    with pytest.raises(InvalidInput, match="channel 'row' is a LatestChannel, not a QueueChannel"):
        engine.queue("row")


def test_what_a_job_has_so_far_comes_with_its_progress() -> None:
    engine, log = manual()

    def work(job: Job, subject: object, params: dict[str, Any]) -> str:
        job.progress(1, 3, "steps", partial={"rows": [1]})
        job.progress(2, 3, "steps", partial={"rows": [1, 2]})  # within 50 ms: left out
        return "all"

    engine.register("work", work)
    engine.latest("row").submit(Request("work"), log.listener("a"))
    engine.run_until_idle()
    told = [value for who, event, value in log.entries if event == "progress"]
    assert told == [Progress(1, 3, "steps", {"rows": [1]})]
    assert log.value("a", "result").result == "all"


# ------------------------------------------------------------------------------------------------------------- subjects


def test_a_function_gets_the_retained_subject(engine: Engine, log: Log) -> None:
    engine.register("name", lambda job, subject, params: subject["name"])
    engine.retain("trace-1", {"name": "first"})
    engine.latest("row").submit(Request("name", "trace-1"), log.listener("a")).wait(20)
    assert log.value("a", "result").result == "first"


def test_subjects_are_counted_and_unknown_ones_end_in_an_error(engine: Engine, log: Log) -> None:
    engine.register("type", lambda job, subject, params: type(subject).__name__)
    trace = [1]
    engine.retain("trace-1", trace)
    engine.retain("trace-1", trace)
    engine.release("trace-1")
    engine.queue("q").submit(Request("type", "trace-1"), log.listener("held")).wait(20)
    engine.release("trace-1")
    engine.release("trace-1")
    engine.queue("q").submit(Request("type", "trace-1"), log.listener("gone")).wait(20)
    assert log.of("held")[-1] == "result"
    info = log.value("gone", "error")
    assert info.kind == "model_closed"
    assert info.message == "what this widget shows (trace-1) was closed, replaced or deleted."
    assert "Load the model again" in info.hint


def test_another_object_cannot_take_the_name_of_a_retained_one(engine: Engine) -> None:
    engine.retain("trace-1", [])
    with pytest.raises(InvalidInput, match="subject 'trace-1' is already another object"):
        engine.retain("trace-1", [])


def test_results_about_a_released_object_are_not_given_for_its_successor(engine: Engine, log: Log) -> None:
    engine.register("first", lambda job, subject, params: subject[0])
    for value in (1, 2):
        engine.retain("trace", [value])
        engine.latest("row").submit(Request("first", "trace"), log.listener(value)).wait(20)
        engine.release("trace")
    assert [log.value(value, "result").result for value in (1, 2)] == [1, 2]
    wait_until(lambda: len(engine.cache) == 0)


def test_a_job_that_outlives_its_subject_leaves_nothing_in_the_cache() -> None:
    engine, log = manual()

    def function(job: Job, subject: Any, params: Any) -> int:
        job.cache.put("row", np.zeros(10))
        engine.release("trace")
        return 1

    engine.register("f", function)
    engine.retain("trace", [])
    engine.queue("q").submit(Request("f", "trace"), log.listener("a"))
    engine.run_until_idle()
    assert log.of("a")[-1] == "result"
    assert len(engine.cache) == 0


def test_values_kept_by_a_function_belong_to_the_subject() -> None:
    engine, log = manual()

    def function(job: Job, subject: Any, params: Any) -> Any:
        seen = job.cache.get("row")
        job.cache.put("row", subject[0])
        return [seen, "row" in job.cache]

    engine.register("f", function)
    for name in "ab":
        engine.retain(name, [name])
        engine.queue("q").submit(Request("f", name, {"n": 1}), log.listener(f"{name}1"))
        engine.queue("q").submit(Request("f", name, {"n": 2}), log.listener(f"{name}2"))
    engine.run_until_idle()
    assert [log.value(label, "result").result[0] for label in ("a1", "a2", "b1", "b2")] == [None, "a", None, "b"]


# --------------------------------------------------------------------------------------------------------------- errors


def test_errors_of_the_package_keep_kind_message_and_hint(engine: Engine, log: Log) -> None:
    def fail(job: Job, subject: Any, params: Any) -> None:
        raise InvalidInput("position must be 1..3, got 7.", hint="Choose another.")

    engine.register("fail", fail)
    log.submit(engine.latest("row"), "a", "fail").wait(20)
    info = log.value("a", "error")
    assert info.as_dict() == {
        "kind": "invalid_input",
        "message": "position must be 1..3, got 7.",
        "hint": "Choose another.",
    }


@pytest.mark.parametrize("error", [ZeroDivisionError("1 / 0"), SystemExit(3), KeyboardInterrupt()])
def test_no_error_of_a_function_ends_the_worker(
    engine: Engine, log: Log, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(job: Job, subject: Any, params: Any) -> None:
        raise error

    engine.register("fail", fail)
    with caplog.at_level(logging.ERROR, logger="ecco_widgets"):
        log.submit(engine.latest("row"), "a", "fail").wait(20)
    info = log.value("a", "error")
    assert info.kind == "internal"
    assert info.message.startswith(type(error).__name__)
    assert "please report it" in info.hint
    assert "Traceback" in caplog.text
    log.submit(engine.latest("row"), "b").wait(20)
    assert log.of("b")[-1] == "result"


class OutOfMemoryError(RuntimeError):
    """Called like torch's."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("cannot allocate"),
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory"),
        OutOfMemory("too large.", hint="Use fewer rows."),
    ],
)
def test_running_out_of_memory_drops_the_cache_and_what_is_dropped_when_idle(error: BaseException) -> None:
    engine, log = manual()
    held: list[weakref.ref[Gate]] = []

    def fail(job: Job, subject: Any, params: Any) -> None:
        big = Gate()
        held.append(weakref.ref(big))
        raise error

    engine.register("fail", fail)
    dropped: list[bool] = []
    engine.when_idle(lambda: dropped.append(held[0]() is None), after=1e9)
    log.submit(engine.latest("row"), "a")
    engine.run_until_idle()
    assert len(engine.cache) == 1
    log.submit(engine.latest("row"), "b", "fail")
    engine.run_until_idle()
    assert log.value("b", "error").kind == "out_of_memory"
    assert log.value("b", "error").hint
    assert len(engine.cache) == 0
    assert dropped == [True]  # called once, after what the computation held was free


def test_an_error_keeps_nothing_of_the_computation_alive(engine: Engine, log: Log) -> None:
    class Big:
        pass

    held: list[weakref.ref[Big]] = []

    def fail(job: Job, subject: Any, params: Any) -> None:
        big = Big()
        held.append(weakref.ref(big))
        raise ZeroDivisionError(big and "x")

    engine.register("fail", fail)
    log.submit(engine.latest("row"), "a", "fail").wait(20)
    log.submit(engine.latest("row"), "b").wait(20)
    wait_until(lambda: gc.collect() >= 0 and held[0]() is None)


def test_a_callback_that_raises_is_logged_and_reported_as_error(
    engine: Engine, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(outcome: object) -> None:
        raise ValueError("cannot draw")

    with caplog.at_level(logging.ERROR, logger="ecco_widgets"):
        engine.latest("row").submit(
            Request("echo", None, {"x": 1}),
            Listener(on_result=broken, on_error=lambda info: log.add("a", "error", info)),
        ).wait(20)
    assert log.value("a", "error").message == "ValueError: cannot draw"
    assert "callback" in caplog.text
    log.submit(engine.latest("row"), "b").wait(20)
    assert log.of("b")[-1] == "result"


def test_every_callback_of_a_ticket_may_raise(engine: Engine, log: Log) -> None:
    def broken(*_: object) -> None:
        raise SystemExit

    def function(job: Job, subject: Any, params: Any) -> int:
        job.progress(1, 1)
        return 1

    engine.register("f", function)
    ticket = engine.latest("row").submit(Request("f"), Listener(broken, broken, broken, broken, broken, broken))
    assert ticket.wait(20)
    log.submit(engine.latest("row"), "b").wait(20)
    assert log.of("b")[-1] == "result"


# -------------------------------------------------------------------------------------------------------------- context


def test_callbacks_see_the_context_in_which_the_request_was_submitted(engine: Engine, log: Log) -> None:
    parent: contextvars.ContextVar[str] = contextvars.ContextVar("parent", default="none")
    seen: list[str] = []
    log.hook = lambda label, event, value: seen.append(parent.get())
    tickets = []
    for name in ("cell 1", "cell 2"):
        token = parent.set(name)
        tickets.append(log.submit(engine.queue("q"), name))
        parent.reset(token)
    assert all(ticket.wait(20) for ticket in tickets)
    assert seen == ["cell 1", "cell 1", "cell 2", "cell 2"]


def test_what_a_callback_sets_in_its_context_stays_there(engine: Engine, log: Log) -> None:
    parent: contextvars.ContextVar[str] = contextvars.ContextVar("parent", default="none")
    seen: list[str] = []

    def hook(label: object, event: str, value: object) -> None:
        seen.append(parent.get())
        parent.set("changed")

    log.hook = hook
    log.submit(engine.queue("q"), "a").wait(20)
    assert seen == ["none", "none"]


# ------------------------------------------------------------------------------------------------------------- progress


def test_progress_is_told_at_a_rate_a_view_can_show_and_the_last_step_always() -> None:
    now = [0.0]
    engine = Engine("test", manual=True, clock=lambda: now[0])
    log = Log()

    def function(job: Job, subject: Any, params: Any) -> int:
        for step in range(1, 101):
            now[0] += 0.01
            job.progress(step, 100, "step")
        return 1

    engine.register("f", function)
    log.submit(engine.latest("row"), "a", "f")
    engine.run_until_idle()
    steps = [value.done for _, event, value in log.entries if event == "progress"]
    assert steps[0] == 1
    assert steps[-1] == 100
    assert 15 <= len(steps) <= 25
    assert log.value("a", "result").elapsed_ms == pytest.approx(1000.0)


# ----------------------------------------------------------------------------------------------------------------- idle


def test_idle_callbacks_run_once_per_idle_time_and_can_be_taken_back() -> None:
    now = [0.0]
    engine = Engine("test", manual=True, clock=lambda: now[0])
    engine.register("echo", lambda job, subject, params: 1)
    log = Log()
    called: list[float] = []
    remove = engine.when_idle(lambda: called.append(now[0]), after=30)

    def work_and_pass(seconds: float) -> None:
        log.submit(engine.queue("q"), now[0])
        engine.run_until_idle()
        now[0] += seconds
        engine.run_until_idle()

    work_and_pass(29)
    assert called == []
    work_and_pass(31)
    engine.run_until_idle()
    assert len(called) == 1
    work_and_pass(31)
    assert len(called) == 2
    remove()
    work_and_pass(31)
    assert len(called) == 2


def test_idle_callbacks_run_on_the_worker_thread_without_polling(engine: Engine, log: Log) -> None:
    names: list[str] = []
    engine.when_idle(lambda: names.append(threading.current_thread().name), after=0.01)
    log.submit(engine.latest("row"), 1).wait(20)
    wait_until(lambda: bool(names))
    assert names == ["ecco_widgets test"]


def test_an_idle_thread_ends_and_the_next_request_starts_another(log: Log) -> None:
    engine = Engine("short", linger=0.01)
    engine.register("echo", lambda job, subject, params: 1)
    for label in "ab":
        log.submit(engine.latest("row"), label).wait(20)
        wait_until(lambda: all(thread.name != "ecco_widgets short" for thread in threading.enumerate()))
    assert log.of("b")[-1] == "result"
    engine.close()


def test_an_engine_that_nobody_refers_to_is_collected(log: Log) -> None:
    engine = Engine("short", linger=0.01)
    engine.register("echo", lambda job, subject, params: 1)
    log.submit(engine.latest("row"), "a").wait(20)
    ref = weakref.ref(engine)
    del engine
    wait_until(lambda: gc.collect() >= 0 and ref() is None)


# ---------------------------------------------------------------------------------------------------------- bad manners


def test_waiting_on_the_worker_thread_is_refused(engine: Engine, log: Log) -> None:
    messages: list[str] = []

    def wait_for_another(outcome: object) -> None:
        try:
            log.submit(engine.queue("q"), "b").wait(1)
        except RuntimeError as error:
            messages.append(str(error))

    engine.latest("row").submit(Request("echo", None, {"x": 1}), Listener(on_result=wait_for_another)).wait(20)
    assert messages == ["wait() on the worker's own thread would wait for itself."]


def test_stepping_from_a_callback_is_refused() -> None:
    engine, log = manual()
    log.hook = lambda *_: engine.step()
    ticket = log.submit(engine.latest("row"), "a")
    engine.run_until_idle()
    assert ticket.done
    assert "already at work" in log.value("a", "error").message


def test_a_function_that_swallows_its_cancellation_gets_nothing_told_or_cached() -> None:
    engine, log = manual()

    def stubborn(job: Job, subject: Any, params: Any) -> str:
        log.submit(engine.latest("row"), "new")
        try:
            job.check()
        except Cancelled:
            return "half a result"
        return "whole"

    engine.register("stubborn", stubborn)
    log.submit(engine.latest("row"), "old", "stubborn", x=1)
    engine.run_until_idle()
    assert log.of("old") == ["start", "superseded"]
    assert log.of("new") == ["start", "result"]
    assert len(engine.cache) == 1  # the new one's


def test_a_function_that_raises_preempted_of_its_own_is_cancelled() -> None:
    engine, log = manual()

    def confused(job: Job, subject: Any, params: Any) -> None:
        raise Preempted("so there")

    engine.register("confused", confused)
    log.submit(engine.background("fill"), "a", "confused")
    engine.run_until_idle()
    assert log.of("a") == ["start", "cancelled"]


def test_a_listener_that_asks_for_known_things_for_ever_does_not_hold_up_the_rest() -> None:
    engine, log = manual()
    channel = engine.latest("row")
    asked = [0]

    def again(outcome: object) -> None:
        asked[0] += 1
        channel.submit(Request("echo", None, {"x": 1}), Listener(on_result=again))

    again(None)
    log.submit(engine.queue("q"), "b", x=2)
    for _ in range(5):
        engine.step()
    assert log.of("b")[-1] == "result"
    assert asked[0] > 1
    engine.close()


def test_a_cached_row_is_told_while_a_long_job_of_another_channel_runs() -> None:
    engine, log = manual()

    def long(job: Job, subject: Any, params: Any) -> int:
        log.submit(engine.latest("row"), "known", x=1)
        job.check()
        log.add("long", "still running")
        return 1

    engine.register("long", long)
    log.submit(engine.latest("row"), "first", x=1)
    engine.run_until_idle()
    log.submit(engine.queue("generate"), "long", "long")
    engine.run_until_idle()
    labels = [(label, event) for label, event, _ in log.entries]
    assert labels.index(("known", "result")) < labels.index(("long", "still running"))


def test_submitting_from_many_threads_answers_every_ticket_once(engine: Engine, log: Log) -> None:
    tickets: list[Any] = []

    def submit(worker: int) -> None:
        for n in range(50):
            ticket = log.submit(engine.queue("q"), (worker, n))
            tickets.append(ticket)

    threads = [threading.Thread(target=submit, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(ticket.wait(20) for ticket in tickets)
    assert sorted(label for label, event, _ in log.entries if event == "result") == sorted(
        (worker, n) for worker in range(4) for n in range(50)
    )
    numbers = [ticket.number for ticket in tickets]
    assert len(set(numbers)) == 200


def test_a_closed_engine_says_so(engine: Engine) -> None:
    channel = engine.latest("row")
    engine.close()
    for call in (
        lambda: channel.submit(Request("echo", None, {"x": 1})),
        lambda: engine.latest("other"),
        lambda: engine.retain("trace", []),
    ):
        with pytest.raises(ModelClosed, match=r"the model 'test' was closed\. Load the model again"):
            call()


def test_tickets_and_channels_describe_themselves() -> None:
    engine, log = manual()
    ticket = log.submit(engine.latest("row"), "a")
    assert repr(ticket) == "<Ticket 1 echo waiting>"
    engine.run_until_idle()
    assert repr(ticket) == "<Ticket 1 echo result>"
    channel = engine.latest("row")
    channel.close()
    assert repr(channel) == "<LatestChannel 'row' closed>"
    assert repr(engine) == "<Engine 'test'>"


def test_a_gate_that_is_never_checked_still_delivers(engine: Engine, log: Log) -> None:
    gate = Gate()
    engine.register("hold", gate.hold)
    ticket = log.submit(engine.queue("q"), "a", "hold")
    assert gate.entered.wait(20)
    assert repr(ticket).endswith("running>")
    gate.leave.set()
    assert ticket.wait(20)
