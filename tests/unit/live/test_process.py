"""What needs a process of its own: imports, the interpreter's exit, fork."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time

import pytest


def run(code: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=timeout, check=False
    )


def test_importing_the_engine_imports_neither_torch_nor_jupyter() -> None:
    done = run(
        """
        import sys
        import ecco_widgets.live
        unwanted = {"torch", "transformers", "ipywidgets", "anywidget", "traitlets", "IPython", "comm", "captum"}
        print(sorted(unwanted & set(sys.modules)))
        """
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_a_computation_that_never_checks_does_not_keep_the_interpreter_from_ending() -> None:
    begin = time.monotonic()
    done = run(
        """
        import threading
        from ecco_widgets.live import Engine, Request
        entered = threading.Event()
        def hold(job, subject, params):
            entered.set()
            threading.Event().wait()
        engine = Engine("stuck")
        engine.register("hold", hold)
        engine.latest("row").submit(Request("hold"))
        engine.latest("other").submit(Request("hold"))
        entered.wait()
        print("end")
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")
    assert time.monotonic() - begin < 30


def test_a_computation_that_checks_ends_before_the_interpreter_goes_away() -> None:
    done = run(
        """
        import threading
        from ecco_widgets.live import Engine, Listener, Request
        entered = threading.Event()
        def work(job, subject, params):
            try:
                while True:
                    entered.set()
                    job.check()
            finally:
                print("stopped", flush=True)
        engine = Engine("busy")
        engine.register("work", work)
        engine.latest("row").submit(Request("work"), Listener(on_cancelled=lambda: print("told")))
        entered.wait()
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped\n", "")


def test_submitting_while_the_interpreter_ends_raises_instead_of_hanging() -> None:
    done = run(
        """
        import atexit
        from ecco_widgets.errors import ModelClosed
        def late():
            try:
                engine.latest("row").submit(Request("f"))
            except ModelClosed as error:
                print(error.kind)
        atexit.register(late)  # before the engine's own: runs after it
        from ecco_widgets.live import Engine, Request
        engine = Engine("late")
        engine.register("f", lambda job, subject, params: 1)
        engine.latest("row").submit(Request("f")).wait(20)
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "model_closed\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_after_a_fork_the_child_has_a_working_engine_and_the_parent_keeps_its_own() -> None:
    done = run(
        """
        import os, threading
        from ecco_widgets.live import Engine, Listener, Request
        entered, leave = threading.Event(), threading.Event()
        def hold(job, subject, params):
            entered.set()
            leave.wait()
            return 1
        engine = Engine("forked")
        engine.register("hold", hold)
        engine.register("echo", lambda job, subject, params: params["x"])
        channel = engine.queue("q")
        def say(who):
            return Listener(on_result=lambda outcome: print(who, outcome.result, flush=True))
        running = channel.submit(Request("hold"), say("parent"))
        waiting = channel.submit(Request("echo", None, {"x": 2}), say("parent"))
        entered.wait()
        pid = os.fork()
        if pid == 0:
            ok = channel.submit(Request("echo", None, {"x": 3}), say("child")).wait(20)
            os._exit(0 if ok else 1)
        status = os.waitpid(pid, 0)[1]
        leave.set()
        assert running.wait(20) and waiting.wait(20)
        print(status)
        """
    )
    assert done.stdout.split("\n") == ["child 3", "parent 1", "parent 2", "0", ""], done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_fork_while_the_engine_is_busy_does_not_leave_its_lock_held_in_the_child() -> None:
    done = run(
        """
        import os, sys, threading
        from ecco_widgets.live import Engine, Request
        sys.setswitchinterval(1e-6)
        engine = Engine("forked")
        engine.register("echo", lambda job, subject, params: params["x"])
        stop = threading.Event()
        def hammer():
            n = 0
            while not stop.is_set():
                n += 1
                engine.latest("row").submit(Request("echo", None, {"x": n}))
        threading.Thread(target=hammer, daemon=True).start()
        statuses = []
        for _ in range(10):
            pid = os.fork()
            if pid == 0:
                ok = engine.latest("child").submit(Request("echo", None, {"x": 1})).wait(20)
                os._exit(0 if ok else 1)
            statuses.append(os.waitpid(pid, 0)[1])
        stop.set()
        print(set(statuses))
        """
    )
    assert done.stdout == "{0}\n", done.stderr
