"""Opens a Voila page and finds its kernel."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import nbformat

from ecco_widgets._demo import ServerProcess
from ecco_widgets._demo.server import HERE, free_port
from tests.browser._harness.kernel import Kernel
from tests.browser._harness.server import Sandbox
from tests.browser._harness.tab import Tab

START_MS = 90_000
"""A page waits for its kernel, which imports torch and loads a model."""
FAILED = "[data-mime-type='application/vnd.jupyter.error'], .widget-error"
_KERNEL_ID = "() => JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId"


class VoilaPage:
    """A dashboard that is open in a tab, with a kernel of its own.

    Args:
        tab: Where to open it.
        url: Address of the dashboard.
        shown: Selector of what must appear.
        sandbox: Home of the server.
    """

    def __init__(self, tab: Tab, url: str, shown: str, sandbox: Sandbox) -> None:
        self.tab = tab
        page = tab.page
        page.goto(url, timeout=START_MS, wait_until="domcontentloaded")
        page.wait_for_selector(f"{shown}, {FAILED}", timeout=START_MS, state="attached")
        if not page.query_selector(shown):
            said = "\n".join(element.inner_text() for element in page.query_selector_all(FAILED))
            raise AssertionError(f"The dashboard shows an error instead of {shown}:\n{said}")
        self.kernel = Kernel(sandbox.connection_file(page.evaluate(_KERNEL_ID)))
        tab.witnesses.append(self.kernel.heard)


@contextmanager
def voila_server(cells: list[str], sandbox: Sandbox, *, theme: str = "light") -> Iterator[str]:
    """Serve a notebook of these code cells as a dashboard for a ``with`` block, and give its address.

    The template is the demo's, which asks no other host for anything.
    """
    folder = sandbox.folder / "dashboard"
    folder.mkdir()
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(notebook, folder / "dashboard.ipynb")
    port = free_port("voila", None)
    process = ServerProcess(
        [
            *(sys.executable, "-m", "voila", "--no-browser", "dashboard.ipynb", "--Voila.ip=127.0.0.1"),
            *(f"--port={port}", "--Voila.port_retries=0", "--template=ecco", f"--theme={theme}"),
        ],
        folder=folder,
        environment=sandbox.environment(JUPYTER_PATH=os.fspath(HERE / "share" / "jupyter")),
        log=sandbox.folder / "voila.log",
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        process.wait_for_answer(f"{url}voila/static/")
        yield url
    finally:
        process.stop()
