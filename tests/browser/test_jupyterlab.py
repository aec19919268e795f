"""What happens around a widget in JupyterLab: running cells, reloads, restarts, nonsense from the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser._harness.attribution import AttributionView
from tests.browser._harness.notebook import Notebook
from tests.browser._harness.server import JupyterServer
from tests.browser._harness.tab import open_tab

pytestmark = pytest.mark.timeout(240)

SETUP = """
import time
from pathlib import Path
from IPython.display import display
import ecco_widgets as ecco

def busy_until_told(flag):
    '''A cell that runs, as with time.sleep, until the test makes a file.'''
    for _ in range(1200):
        if Path(flag).exists():
            return
        time.sleep(0.05)
    raise TimeoutError(flag)

lm = ecco.load_demo()
out = lm.generate(" 1, 2, 3,", generate=20)
p = out.n_prompt
"""


@pytest.fixture(scope="module")
def notebook(lab: JupyterServer, browser: Browser) -> Iterator[Notebook]:
    name = lab.write_notebook("around.ipynb", [SETUP])
    with open_tab(browser) as tab:
        opened = Notebook(tab, lab.address(name), lab.sandbox)
        opened.run_all()
        yield opened


@pytest.fixture
def flag(tmp_path: Path) -> Iterator[Path]:
    """Its existence ends a busy cell; made in any case, so that a failed test leaves no cell running."""
    path = tmp_path / "end"
    yield path
    path.touch()


def view_in(notebook: Notebook, cell: int) -> AttributionView:
    return AttributionView(notebook.cell(cell))


def show_widget(notebook: Notebook, name: str) -> AttributionView:
    view = view_in(notebook, notebook.append(f"{name} = out.primary_attributions()\n{name}"))
    view.wait_shown()
    return view


def first_generated(notebook: Notebook) -> int:
    return notebook.kernel.value("out.n_prompt")


def ask_while_busy(notebook: Notebook, view: AttributionView, cell: int, flag: Path) -> None:
    """Hover and choose a method whose rows nobody has: only the kernel can answer, and the cell is still running."""
    position = first_generated_in(view) + 3
    view.hover(position)
    view.choose("attribution method", "occlusion")
    view.expect_painted(position, spec="occlusion")
    assert not flag.exists()
    assert "ended" not in notebook.printed(cell)
    flag.touch()
    notebook.wait_printed(cell, "ended")


def first_generated_in(view: AttributionView) -> int:
    return int(view.root.locator(".ew-token.ew-generated").first.get_attribute("data-i") or 0)


def test_a_fresh_widget_answers_before_the_cell_that_shows_it_ends(notebook, flag):
    source = f"w = out.primary_attributions()\ndisplay(w)\nbusy_until_told({str(flag)!r})\nprint('ended')"
    cell = notebook.append(source, wait=False)
    view = view_in(notebook, cell)
    view.wait_shown()
    ask_while_busy(notebook, view, cell, flag)


def test_a_widget_shown_before_answers_while_another_cell_runs(notebook, flag):
    view = show_widget(notebook, "w")
    cell = notebook.append(f"busy_until_told({str(flag)!r})\nprint('ended')", wait=False)
    ask_while_busy(notebook, view, cell, flag)


def test_a_widget_answers_while_the_cell_runs_that_has_just_set_its_position(notebook, flag):
    view = show_widget(notebook, "w")
    source = f"w.position = p + 9\nprint('set')\nbusy_until_told({str(flag)!r})\nprint('ended')"
    cell = notebook.append(source, wait=False)
    notebook.wait_printed(cell, "set")
    view.expect_painted(first_generated_in(view) + 9)
    ask_while_busy(notebook, view, cell, flag)


def test_two_views_of_one_widget_follow_each_other(notebook):
    first = show_widget(notebook, "w")
    second = view_in(notebook, notebook.append("w"))
    second.wait_shown()
    position = first_generated_in(first) + 5
    first.hover(position)
    second.expect_painted(position)
    assert second.shares() == pytest.approx(first.shares(), nan_ok=True)


NONSENSE: list[Any] = [
    {"method": "custom", "content": "hello"},
    {"method": "custom", "content": {"id": 1}},
    {"method": "custom", "content": {"id": "one", "channel": "row", "name": "set", "params": {"position": 3}}},
    {"method": "custom", "content": {"id": 1, "channel": "row", "name": "explode", "params": {}}},
    {"method": "custom", "content": {"id": 1, "channel": "row", "name": "set", "params": {"position": 10**9}}},
    {"method": "custom", "content": {"id": 1, "channel": "row", "name": "set", "params": {"position": [1, 2]}}},
    {"method": "custom", "content": {"id": 1, "channel": "row", "name": "set", "params": {"attr_method": "magic"}}},
    {"method": "custom", "content": {"id": 1, "channel": "row", "name": "set", "params": {"_tokens": {}}}},
    {"method": "custom", "content": {"id": 1, "channel": "row", "name": "set", "params": {"foil": "x" * 100_000}}},
    {"method": "update", "state": {"position": -5, "target": "luck"}, "buffer_paths": []},
    {"method": "update", "state": {"_rows": None}, "buffer_paths": []},
    {"method": "no such method"},
    "not even an object",
]


def test_nonsense_on_the_comm_harms_nothing(notebook):
    view = show_widget(notebook, "w")
    position = first_generated_in(view)
    settings = "[w.position, w.attr_method, w.target, w.foil, len(w._tokens['texts']), len(w._rows['positions']) > 0]"
    before = notebook.kernel.value(settings)
    model_id = notebook.kernel.value("w.model_id")
    for data in NONSENSE:
        notebook.kernel.send_to_widget(model_id, data)
    view.hover(position + 4)
    view.choose("attribution method", "gradient")
    view.expect_painted(position + 4, spec="gradient")
    notebook.kernel.wait_until(f"w.position == {position + 4}")
    assert notebook.kernel.value(settings)[2:] == before[2:]


def test_a_deleted_widget_leaves_its_page_and_the_kernel_alive(notebook):
    view = show_widget(notebook, "w")
    notebook.append("w.close()")
    view.root.wait_for(state="detached")
    assert notebook.kernel.value("1 + 1") == 2


def test_reloading_the_page_shows_the_widget_again_and_it_is_live(notebook):
    show_widget(notebook, "w")
    notebook.append(f"w.position = {first_generated(notebook) + 8}")
    notebook.save()
    view_in(notebook, 0).leave()  # a pointer that rests on the text would choose a token when the page comes back
    notebook.open()
    cells_with_view = notebook.page.locator(".jp-Cell").filter(has=notebook.page.locator(AttributionView.SELECTOR))
    view = AttributionView(cells_with_view.last)
    view.wait_shown()
    position = first_generated_in(view)
    view.expect_painted(position + 8)
    view.hover(position + 2)
    view.choose("attribution method", "occlusion")
    view.expect_painted(position + 2, spec="occlusion")


def test_a_kernel_restart_is_said_and_keeps_the_picture(notebook):
    view = show_widget(notebook, "w")
    shares = view.shares()
    notebook.restart_kernel()
    view.root.get_by_text("not live").wait_for()
    assert view.root.get_attribute("data-state") == "offline"
    assert view.shares() == pytest.approx(shares, nan_ok=True)
    notebook.run_cell(0)
    show_widget(notebook, "w")
