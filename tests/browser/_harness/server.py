"""Jupyter servers that know nothing of the user's settings and leave nothing behind."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nbformat

from ecco_widgets._demo import ServerProcess

Application = Literal["jupyterlab", "notebook", "jupyter_server"]

CONFIG: Mapping[str, Mapping[str, Any]] = {
    "ServerApp": {"allow_root": True, "disable_check_xsrf": True, "open_browser": False, "password": ""},
    # Lets a test wait for the kernel: the page's own indicator says "idle" before there is one, and drops a "run all".
    "LabApp": {
        "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "expose_app_in_browser": True,
        "extension_manager": "readonly",
        "news_url": None,
    },
    "JupyterNotebookApp": {"expose_app_in_browser": True},
}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false"},  # its toast would cover the page
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},  # cells out of sight stay in the page
}
DARK: Mapping[str, Mapping[str, Any]] = {"@jupyterlab/apputils-extension/themes": {"theme": "JupyterLab Dark"}}


@dataclass(frozen=True)
class Sandbox:
    """A folder that stands for the user's home, with every place where Jupyter keeps something inside."""

    folder: Path

    def environment(self, **more: str) -> dict[str, str]:
        """Return the variables for a process that must not see the real home."""
        inherited = {key: value for key, value in os.environ.items() if not re.fullmatch("https?_proxy", key.lower())}
        return {
            **inherited,
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "IPYTHONDIR": str(self.folder / "ipython"),
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
            "JUPYTER_DATA_DIR": str(self.folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.folder / "workspaces"),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "HF_HUB_OFFLINE": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            **more,
        }

    def connection_file(self, kernel_id: str) -> Path:
        """Return where a server wrote down how to reach a kernel: Voila beside its notebook, the others at home."""
        (path,) = self.folder.rglob(f"kernel-{kernel_id}.json")
        return path

    def prepare(self, *settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the configuration of the servers and the settings of the front ends."""
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        config = self.folder / "config"
        config.mkdir(parents=True, exist_ok=True)
        for name in ("jupyter_server", "jupyter_lab", "jupyter_notebook"):
            (config / f"{name}_config.json").write_text(json.dumps(CONFIG))
        for group in (SETTINGS, *settings):
            for plugin, values in group.items():
                path = self.folder / "settings" / f"{plugin}.jupyterlab-settings"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(values))


@dataclass(frozen=True)
class JupyterServer:
    """A running server on a folder of notebooks."""

    application: Application
    url: str
    root: Path
    sandbox: Sandbox
    process: ServerProcess

    def address(self, notebook: str) -> str:
        """Return where the application shows a notebook, in JupyterLab without those that were open before."""
        folder = f"lab/workspaces/{Path(notebook).stem}/tree" if self.application == "jupyterlab" else "notebooks"
        return f"{self.url}/{folder}/{notebook}"

    def write_notebook(self, name: str, cells: list[str]) -> str:
        """Write a notebook of code cells into the served folder and return its name."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(notebook, self.root / name)
        return name


@contextmanager
def jupyter_server(
    application: Application, sandbox: Sandbox, *, options: tuple[str, ...] = (), environment: Mapping[str, str] = {}
) -> Iterator[JupyterServer]:
    """Serve a fresh folder of notebooks for a ``with`` block."""
    root = sandbox.folder / "notebooks"
    root.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = ServerProcess(
        [
            *(sys.executable, "-m", application, "--no-browser", f"--ServerApp.root_dir={root}"),
            *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
            *("--IdentityProvider.token=", *options),
        ],
        folder=root,
        environment=sandbox.environment(**environment),
        log=sandbox.folder / f"{application}.log",
    )
    url = f"http://127.0.0.1:{port}"
    try:
        process.wait_for_answer(f"{url}/api")
        yield JupyterServer(application, url, root, sandbox, process)
    finally:
        process.stop()
