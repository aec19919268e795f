"""The demo's server process, tried with a plain web server."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from ecco_widgets._demo import DemoServer, ServerFailed, ServerProcess
from ecco_widgets._demo.server import DEFAULT_PORTS, HOST, free_port


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        holder.listen()
        yield holder.getsockname()[1]


def start(tmp_path, *arguments: str) -> ServerProcess:
    command = [sys.executable, *arguments]
    return ServerProcess(command, folder=tmp_path, environment={}, log=tmp_path / "log")


def test_a_port_in_use_is_refused_with_what_to_do(taken):
    with pytest.raises(ServerFailed, match=rf"Port {taken} is in use\. Choose another, or leave --port out"):
        free_port("voila", taken)


def test_without_a_wish_the_next_free_port_is_taken(taken, monkeypatch):
    monkeypatch.setitem(DEFAULT_PORTS, "voila", taken)
    assert taken < free_port("voila", None) < taken + 100


@pytest.mark.parametrize("application", ["voila", "jupyterlab"])
def test_a_missing_application_is_refused_with_how_to_install_it(application, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        ServerFailed, match=rf'{application} is not installed\. Run: pip install "ecco-widgets\[demo\]"'
    ):
        DemoServer(application)


def test_any_answer_counts_and_stopping_twice_is_harmless(tmp_path):
    port = free_port("voila", None)
    server = start(tmp_path, "-m", "http.server", str(port), "--bind", HOST)
    try:
        server.wait_for_answer(f"http://{HOST}:{port}/not-there", seconds=20)
    finally:
        server.stop()
    server.stop()
    assert server.wait() != 0


def test_a_server_that_ends_while_starting_tells_its_last_words(tmp_path):
    server = start(tmp_path, "-c", "import sys; print('no such template'); sys.exit(3)")
    with pytest.raises(ServerFailed, match=r"(?s)status 3 while starting.*no such template"):
        server.wait_for_answer(f"http://{HOST}:9/", seconds=20)


def test_a_server_that_does_not_answer_is_given_up(tmp_path):
    server = start(tmp_path, "-c", "import time; print('thinking', flush=True); time.sleep(60)")
    try:
        with pytest.raises(ServerFailed, match="did not answer within 1 s"):
            server.wait_for_answer(f"http://{HOST}:9/", seconds=1)
    finally:
        server.stop()
