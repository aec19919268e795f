"""Notebook 7, which is made of JupyterLab's parts, shows the widget and answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser

from tests.browser._harness.attribution import AttributionView
from tests.browser._harness.notebook import Notebook
from tests.browser._harness.server import jupyter_server
from tests.browser._harness.tab import open_tab

CELLS = [
    "import ecco_widgets as ecco\nout = ecco.load_demo().generate(' 1, 2, 3,', generate=12)",
    "w = out.primary_attributions()\nw",
]


@pytest.mark.timeout(240)
def test_the_widget_shows_and_answers_in_notebook_7(new_sandbox: Callable, browser: Browser):
    with jupyter_server("notebook", new_sandbox()) as server, open_tab(browser) as tab:
        notebook = Notebook(tab, server.address(server.write_notebook("smoke.ipynb", CELLS)), server.sandbox)
        notebook.run_all()
        view = AttributionView(notebook.cell(1))
        view.wait_shown()
        position = notebook.kernel.value("out.n_prompt") + 3
        view.hover(position)
        view.choose("attribution method", "occlusion")
        view.expect_painted(position, spec="occlusion")
        notebook.kernel.wait_until(f"w.position == {position} and w.attr_method == 'occlusion'")
        assert view.shares()[:position] == pytest.approx(notebook.kernel.value(f"w.scores[:{position}].tolist()"))
        notebook.append(f"w.position = {position + 2}")
        view.expect_painted(position + 2)
