"""Drives a notebook in JupyterLab or Notebook 7 through the application object in the page: no clicking, no races."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Locator

from tests.browser._harness.kernel import Kernel, KernelError
from tests.browser._harness.server import Sandbox
from tests.browser._harness.tab import Tab

START_MS = 60_000
PRINT_SECONDS = 60.0

# The document with a kernel that is open in the page.
_PANEL = """
const panel = await (async () => {
  const app = window.jupyterapp;
  await app.restored;
  const find = () => [...app.shell.widgets('main')].find((w) => w.sessionContext && w.content?.widgets);
  while (!find()) await new Promise((resolve) => setTimeout(resolve, 30));
  return find();
})();
"""
_READY = (
    "async () => {"
    + _PANEL
    + """
  await panel.revealed;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;  // the first answer: it is really alive
  return panel.sessionContext.session.kernel.id;
}"""
)
_RUN = (
    "async ([index, wait]) => {"
    + _PANEL
    + """
  panel.content.deselectAll();
  panel.content.activeCellIndex = index;
  const done = window.jupyterapp.commands.execute('notebook:run-cell');
  if (wait) await done;
}"""
)
_APPEND = (
    "async (source) => {"
    + _PANEL
    + """
  const cells = panel.content.model.sharedModel;
  const index = cells.cells.length;
  cells.insertCell(index, { cell_type: 'code', source });
  while (panel.content.widgets.length <= index) await new Promise((resolve) => setTimeout(resolve, 10));
  return index;
}"""
)
_OUTPUTS = "async (index) => {" + _PANEL + "return panel.content.widgets[index].model.outputs?.toJSON() ?? [] }"
_COUNT = "async () => {" + _PANEL + "return panel.content.widgets.length }"
_RESTART = "async () => {" + _PANEL + "await panel.sessionContext.session.kernel.restart() }"
_SAVE = "async () => {" + _PANEL + "await panel.context.save() }"


class Notebook:
    """A notebook that is open in a tab.

    Args:
        tab: Where to open it.
        url: Address of the notebook in JupyterLab (``.../lab/tree/x.ipynb``) or Notebook 7 (``.../notebooks/x.ipynb``).
        sandbox: Home of the server.
    """

    kernel: Kernel

    def __init__(self, tab: Tab, url: str, sandbox: Sandbox) -> None:
        self.tab = tab
        self.sandbox = sandbox
        self.page = tab.page
        self.url = url
        self.open()

    def open(self) -> None:
        """Open the notebook, or open it again as a reload of the page does, and wait for its kernel."""
        self.page.goto(self.url)
        self.page.wait_for_function("() => Boolean(window.jupyterapp)", timeout=START_MS)
        self._meet_kernel()

    def _meet_kernel(self) -> None:
        self.kernel = Kernel(self.sandbox.connection_file(self.page.evaluate(_READY)))
        self.tab.witnesses.append(self.kernel.heard)

    def run_cell(self, index: int, *, wait: bool = True) -> str:
        """Run one cell; if waited for, return what it printed.

        Raises:
            KernelError: The cell raised an exception; the message is its traceback.
        """
        self.page.evaluate(_RUN, [index, wait])
        return self.printed(index) if wait else ""

    def run_all(self) -> None:
        """Run all cells, one after the other, and wait for each."""
        for index in range(self.page.evaluate(_COUNT)):
            self.run_cell(index)

    def append(self, source: str, *, wait: bool = True) -> int:
        """Add a code cell at the end, run it, and return its index."""
        index: int = self.page.evaluate(_APPEND, source)
        self.run_cell(index, wait=wait)
        return index

    def printed(self, index: int) -> str:
        """Return what a cell has printed so far.

        Raises:
            KernelError: The cell raised an exception.
        """
        outputs: list[dict[str, Any]] = self.page.evaluate(_OUTPUTS, index)
        if errors := [output for output in outputs if output["output_type"] == "error"]:
            raise KernelError([f"cell {index} raised:", *errors[0]["traceback"]])
        texts = (output["text"] for output in outputs if output["output_type"] == "stream")
        return "".join("".join(text) for text in texts)

    def wait_printed(self, index: int, text: str, *, timeout: float = PRINT_SECONDS) -> None:
        """Wait until a running cell has printed a text.

        Raises:
            TimeoutError: It has not in time.
            KernelError: The cell raised an exception.
        """
        deadline = time.monotonic() + timeout
        while text not in (said := self.printed(index)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"cell {index} has printed {said!r}, not {text!r}")
            self.page.wait_for_timeout(50)

    def cell(self, index: int) -> Locator:
        """Return the element of a cell."""
        return self.page.locator(f'.jp-Notebook .jp-Cell[data-windowed-list-index="{index}"]')

    def restart_kernel(self) -> None:
        """Restart the kernel, as the menu does after its question."""
        self.page.evaluate(_RESTART)
        self._meet_kernel()

    def save(self) -> None:
        """Save the notebook with its outputs."""
        self.page.evaluate(_SAVE)
