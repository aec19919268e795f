"""VS Code's own widget manager, hosted in a page: the npm package that its notebook renderer loads, and a real kernel.

This is not VS Code. It shows that the widget loads and answers under VS Code's manager, and no more.
"""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator

from tests.browser._harness.kernel import Kernel
from tests.browser._harness.server import JupyterServer
from tests.browser._harness.tab import Tab

ROOT = Path(__file__).parents[3]
SOURCES = ROOT / "tests" / "browser" / "vscode_host"
BUILT = ROOT / ".cache" / "vscode-host"
MANAGER = "@vscode/jupyter-ipywidgets8@1.0.9"
"""Taken alone: the packages that it declares are bundled in it already, and would be 300 MB."""
NBEXTENSIONS = Path(sys.prefix) / "share" / "jupyter" / "nbextensions"


def build_host() -> Path:
    """Build the page and return its folder; at once if nothing changed."""
    wanted = "\n".join([MANAGER, *((SOURCES / name).read_text() for name in ("host.ts", "package-lock.json"))])
    stamp = BUILT / "built"
    if stamp.exists() and stamp.read_text() == wanted:
        return BUILT
    shutil.rmtree(BUILT, ignore_errors=True)
    shutil.copytree(SOURCES, BUILT)

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=BUILT, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
        return done.stdout

    run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    packed = run("npm", "pack", "--silent", MANAGER).split()[-1]
    with tarfile.open(BUILT / packed) as archive:
        archive.extractall(BUILT, filter="data")
    (BUILT / "package").rename(BUILT / "ipywidgets8")
    esbuild = ROOT / "js" / "node_modules" / ".bin" / "esbuild"
    options = ["--bundle", "--format=esm", "--outfile=host.js", "--define:global=globalThis", "--define:process.env={}"]
    run(str(esbuild), "host.ts", *options, "--alias:path=path-browserify", "--log-level=warning")
    stamp.write_text(wanted)
    return BUILT


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the page, and the environment's nbextensions as VS Code's extension does."""

    def translate_path(self, path: str) -> str:
        path = path.partition("?")[0]
        if path.startswith("/nbextensions/"):
            return str(NBEXTENSIONS / path.removeprefix("/nbextensions/"))
        return super().translate_path(path)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve the page for a ``with`` block and give its address."""
    handler = functools.partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/index.html"
        finally:
            server.shutdown()


class VSCodePage:
    """A page with VS Code's widget manager and a kernel of its own.

    Args:
        tab: Where to open it.
        page: Address of the page.
        server: The Jupyter server that runs the kernel.
    """

    def __init__(self, tab: Tab, page: str, server: JupyterServer) -> None:
        self.tab = tab
        tab.page.goto(f"{page}?server={server.url}/")
        kernel_id = tab.page.evaluate("async () => (await window.host).kernelId")
        self.kernel = Kernel(server.sandbox.connection_file(kernel_id))
        tab.witnesses.append(self.kernel.heard)

    def show(self, code: str) -> Locator:
        """Run a cell that ends in a widget and return where it is shown."""
        self.tab.page.evaluate("async (code) => (await window.host).show(code)", code)
        return self.tab.page.locator("#output")
