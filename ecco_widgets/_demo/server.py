"""Serves the demo notebook with Voila or JupyterLab until told to stop."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, final

from ecco_widgets._demo.process import ServerFailed, ServerProcess

Application = Literal["voila", "jupyterlab"]

HERE = Path(__file__).parent
HOST = "127.0.0.1"
DEFAULT_PORTS: Mapping[Application, int] = {"voila": 8866, "jupyterlab": 8888}
PORTS_TRIED = 100


def demo_notebook() -> Path:
    """Return the demo notebook: inside the installed package, or in ``notebooks/`` of a checkout."""
    installed = HERE / "demo.ipynb"
    return installed if installed.exists() else HERE.parent.parent / "notebooks" / "demo.ipynb"


def free_port(application: Application, wanted: int | None) -> int:
    """Choose a port on the loopback interface.

    Args:
        application: Decides where the search starts.
        wanted: This port or none; ``None`` for the first free one.

    Raises:
        ServerFailed: The wanted port is in use, or none is free.
    """
    first = DEFAULT_PORTS[application]
    for port in [wanted] if wanted is not None else range(first, first + PORTS_TRIED):
        with socket.socket() as probe:
            if os.name != "nt":  # a port that was left a moment ago is free; on Windows this would take it from others
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    if wanted is not None:
        raise ServerFailed(f"Port {wanted} is in use.", hint="Choose another, or leave --port out to take a free one.")
    raise ServerFailed(f"No free port in {first}..{first + PORTS_TRIED - 1}.", hint="Choose one with --port.")


@final
class DemoServer:
    """One server on a temporary copy of the demo notebook; a context manager that stops it and cleans up.

    Args:
        application: ``"voila"`` for the dashboard, ``"jupyterlab"`` for the notebook with its code.
        port: Port on the loopback interface; ``None`` takes a free one.
        environment: Variables for the server and its kernels, such as ``ECCO_MODEL`` and ``ECCO_TEXT``.
        theme: Voila's theme, ``"light"`` or ``"dark"``.

    Raises:
        ServerFailed: The application is not installed, or the port is in use.
    """

    def __init__(
        self,
        application: Application,
        *,
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
        theme: str = "light",
    ) -> None:
        if importlib.util.find_spec(application) is None:
            raise ServerFailed(f"{application} is not installed.", hint='Run: pip install "ecco-widgets[demo]"')
        self.application = application
        self.port = free_port(application, port)
        self._theme = theme
        self._token = secrets.token_hex(16) if application == "jupyterlab" else ""
        self._environment = {**os.environ, **(environment or {})}
        self._folder = Path()
        self._process: ServerProcess | None = None

    @property
    def url(self) -> str:
        """Address to open in a browser."""
        page = f"lab/tree/demo.ipynb?token={self._token}" if self.application == "jupyterlab" else ""
        return f"http://{HOST}:{self.port}/{page}"

    def __enter__(self) -> DemoServer:
        self._folder = Path(tempfile.mkdtemp(prefix="ecco-widgets-demo-"))
        try:
            self._process = self._start()
            # Not the page itself: with Voila that would start a kernel and load a model for nobody.
            probe = "voila/static/" if self.application == "voila" else "api"
            self._process.wait_for_answer(f"http://{HOST}:{self.port}/{probe}")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait(self) -> None:
        """Wait for the server, which is not meant to end by itself.

        Raises:
            ServerFailed: The server ended.
        """
        if self._process is not None:
            status = self._process.wait()
            raise ServerFailed(f"The server ended with status {status}. {self.last_words()}")

    def last_words(self, lines: int = 20) -> str:
        """Return the end of what the server and its kernels printed."""
        return self._process.last_words(lines) if self._process is not None else ""

    def stop(self) -> None:
        """Stop the server and its kernels, and remove the temporary folder; does nothing the second time."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()
        if self._folder.name:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> ServerProcess:
        folder = self._folder / "notebook"
        folder.mkdir()
        shutil.copy(demo_notebook(), folder / "demo.ipynb")
        templates = HERE / "share" / "jupyter"
        environment = {
            **self._environment,
            "JUPYTER_PREFER_ENV_PATH": "1",  # this environment's kernel, not one of the same name at home
            "JUPYTER_PATH": os.pathsep.join(filter(None, [str(templates), self._environment.get("JUPYTER_PATH")])),
        }
        return ServerProcess(
            self._command(folder), folder=folder, environment=environment, log=self._folder / "server.log"
        )

    def _command(self, folder: Path) -> list[str]:
        run = [sys.executable, "-m", self.application, "--no-browser"]
        if self.application == "voila":
            place = ["demo.ipynb", f"--Voila.ip={HOST}", f"--port={self.port}", "--Voila.port_retries=0"]
            return [*run, *place, "--template=ecco", f"--theme={self._theme}", "--show_tracebacks=True"]
        return [
            *run,
            "--allow-root",
            f"--ServerApp.root_dir={folder}",
            f"--ServerApp.ip={HOST}",
            f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={self._token}",
            # Nothing of the demo asks another host.
            "--LabApp.news_url=None",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.extension_manager=readonly",
        ]
