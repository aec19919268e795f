"""Opens a Voila page and finds its kernel."""

from __future__ import annotations

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
