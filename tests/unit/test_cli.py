"""The command line, with a server that only pretends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import webbrowser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import ecco_widgets._demo
from ecco_widgets import cli
from ecco_widgets._demo import ServerFailed
from ecco_widgets._version import __version__


class FakeServer:
    """Stands in for `DemoServer`; its `wait` raises what the test wants."""

    started: list[FakeServer]
    end: BaseException

    def __init__(self, application: str, *, port: int | None, environment: Mapping[str, str]) -> None:
        self.application, self.port, self.environment = application, port, dict(environment)
        self.url = "http://127.0.0.1:1234/"
        self.stopped = False
        self.started.append(self)

    def __enter__(self) -> FakeServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped = True

    def wait(self) -> None:
        raise self.end


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakeServer]]:
    monkeypatch.setattr(FakeServer, "started", [], raising=False)
    monkeypatch.setattr(FakeServer, "end", KeyboardInterrupt(), raising=False)
    monkeypatch.setattr(ecco_widgets._demo, "DemoServer", FakeServer)
    handler = signal.getsignal(signal.SIGTERM)
    yield FakeServer.started
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    urls: list[str] = []
    monkeypatch.setattr(webbrowser, "open", urls.append)
    monkeypatch.delenv("NO_BROWSER", raising=False)
    return urls


def run(*arguments: str) -> int:
    return cli.main(arguments)


def refused(*arguments: str) -> Any:
    with pytest.raises(SystemExit) as end:
        run(*arguments)
    return end.value.code


def test_version_is_the_packages(capsys):
    assert refused("--version") == 0
    assert capsys.readouterr().out.strip() == f"ecco-widgets {__version__}"


def test_without_a_command_it_says_what_there_is(capsys):
    assert refused() == 2
    assert "COMMAND" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "8866.0", "٣"])
def test_a_port_that_is_none_is_refused(port, capsys):
    assert refused("demo", f"--port={port}") == 2
    assert "expected a port number 1..65535" in capsys.readouterr().err


def test_demo_serves_voila_prints_the_address_and_opens_it(servers, opened, capsys):
    assert run("demo") == cli.INTERRUPTED
    assert [server.application for server in servers] == ["voila"]
    assert opened == ["http://127.0.0.1:1234/"]
    assert "Open http://127.0.0.1:1234/" in capsys.readouterr().out


def test_lab_and_port_are_passed_on(servers, opened):
    run("demo", "--lab", "--port", "4321")
    assert (servers[0].application, servers[0].port) == ("jupyterlab", 4321)


@pytest.mark.parametrize(("arguments", "variable"), [(["--no-browser"], ""), ([], "1")])
def test_no_browser_opens_when_told_not_to(servers, opened, monkeypatch, arguments, variable):
    monkeypatch.setenv("NO_BROWSER", variable)
    run("demo", *arguments)
    assert opened == []


def test_model_folder_and_text_reach_the_kernel_by_environment(servers, opened, tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    run("demo", "--model", "model", "--text", " 1, 2,")
    assert servers[0].environment == {"ECCO_MODEL": str(tmp_path / "model"), "ECCO_TEXT": " 1, 2,"}


def test_ctrl_c_stops_the_server(servers, opened, capsys):
    assert run("demo") == 130
    assert servers[0].stopped
    assert "Stopped." in capsys.readouterr().out


def test_termination_stops_the_server_as_ctrl_c_does(servers, opened):
    run("demo")
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_a_server_that_ends_is_an_error_with_its_last_words(servers, opened, monkeypatch, capsys):
    monkeypatch.setattr(FakeServer, "end", ServerFailed("The server ended with status 3."))
    assert run("demo") == 1
    assert "[ecco_widgets] The server ended with status 3." in capsys.readouterr().err


def test_a_bad_model_is_reported_before_anything_starts(servers, opened, capsys):
    assert run("demo", "--model", "./no-such-folder") == 1
    assert servers == []
    assert "There is no folder ./no-such-folder." in capsys.readouterr().err


def test_the_command_line_imports_neither_torch_nor_jupyter():
    code = (
        "import json, sys, ecco_widgets.cli as cli; cli.parser(); import ecco_widgets._demo;"
        "print(json.dumps([m for m in ('torch', 'transformers', 'IPython', 'voila', 'notebook') if m in sys.modules]))"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert json.loads(printed) == []


def test_the_demo_notebook_has_no_outputs_and_is_where_the_server_looks():
    from ecco_widgets._demo.server import demo_notebook

    assert demo_notebook() == Path(__file__).parents[2] / "notebooks" / "demo.ipynb"
    cells = json.loads(demo_notebook().read_text())["cells"]
    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
