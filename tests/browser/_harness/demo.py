"""The demo as a person starts it, in a tab: ``ecco-widgets demo``, as a dashboard or in JupyterLab."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.browser._harness.attribution import AttributionView
from tests.browser._harness.kernel import Kernel
from tests.browser._harness.notebook import Notebook
from tests.browser._harness.server import Sandbox
from tests.browser._harness.tab import Tab
from tests.browser._harness.voila import VoilaPage


@dataclass(frozen=True)
class Demo:
    """The running demo notebook; its kernel knows ``lm``, ``out``, the widget ``w`` and the inputs."""

    tab: Tab
    view: AttributionView
    kernel: Kernel
    run: Callable[[str], object]
    """Runs code: in a new cell where there are cells."""


@contextmanager
def demo_command(*options: str, sandbox: Sandbox) -> Iterator[str]:
    """Run ``ecco-widgets demo`` for a ``with`` block and give the address it prints; then stop it as Ctrl-C does."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ecco_widgets.cli", "demo", "--no-browser", *options],
        env=sandbox.environment(),
        cwd=sandbox.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        address = re.match(r"Open (http://\S+)$", said)
        assert address is not None, said + process.stdout.read()
        yield address[1]
    finally:
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[0]
    assert process.returncode == 130, rest


def open_demo(address: str, tab: Tab, sandbox: Sandbox) -> Demo:
    """Open the demo at the address that the command printed, and wait until it shows something to point at."""
    view = AttributionView(tab.page.locator("body"))
    if "/lab/" in address:
        notebook = Notebook(tab, address, sandbox)
        notebook.run_all()
        demo = Demo(tab, view, notebook.kernel, notebook.append)
    else:
        kernel = VoilaPage(tab, address, AttributionView.SELECTOR, sandbox).kernel
        demo = Demo(tab, view, kernel, kernel.run)
    view.wait_shown()
    demo.kernel.run("from ecco_widgets import analysis")
    return demo
