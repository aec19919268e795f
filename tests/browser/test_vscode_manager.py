"""Under VS Code's own widget manager, hosted in a page, the widget loads, answers and follows.

VS Code itself is not here: nothing more is claimed.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser

from tests.browser._harness.attribution import AttributionView
from tests.browser._harness.server import jupyter_server
from tests.browser._harness.tab import open_tab
from tests.browser._harness.vscode import VSCodePage, build_host, serve

CELL = """
import ecco_widgets as ecco
out = ecco.load_demo().generate(" 1, 2, 3,", generate=12)
w = out.primary_attributions()
w
"""


@pytest.mark.timeout(300)
def test_the_widget_answers_under_the_widget_manager_of_vs_code(new_sandbox: Callable, browser: Browser):
    allow = ("--ServerApp.allow_origin=*",)
    with (
        serve(build_host()) as address,
        jupyter_server("jupyter_server", new_sandbox(), options=allow) as server,
        open_tab(browser) as tab,
    ):
        page = VSCodePage(tab, address, server)
        view = AttributionView(page.show(CELL))
        view.wait_shown()
        position = page.kernel.value("out.n_prompt") + 3
        view.hover(position)
        view.choose("attribution method", "occlusion")
        view.expect_painted(position, spec="occlusion")
        page.kernel.wait_until(f"w.position == {position} and w.attr_method == 'occlusion'")
        assert view.shares()[:position] == pytest.approx(page.kernel.value(f"w.scores[:{position}].tolist()"))
        page.kernel.run(f"w.position = {position + 2}")
        view.expect_painted(position + 2)
