"""The rankings widget in JupyterLab with its kernel: each control recomputes, what is painted equals `analysis`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, expect

from tests.browser._harness.notebook import Notebook
from tests.browser._harness.server import JupyterServer
from tests.browser._harness.tab import open_tab

pytestmark = pytest.mark.timeout(240)
PATIENCE_MS = 30_000

SETUP = """
import json
import ecco_widgets as ecco
from ecco_widgets import analysis

lm = ecco.load_demo()
out = lm.generate("The countries of the European Union are:\\n1. Austria\\n2. Belgium\\n3. Bulgaria\\n4.", generate=20)
"""


@pytest.fixture(scope="module")
def notebook(lab: JupyterServer, browser: Browser) -> Iterator[Notebook]:
    name = lab.write_notebook("rankings.ipynb", [SETUP])
    with open_tab(browser) as tab:
        opened = Notebook(tab, lab.address(name), lab.sandbox)
        opened.run_all()
        yield opened


@pytest.fixture
def root(notebook: Notebook) -> Locator:
    """A fresh widget, drawn."""
    found = notebook.cell(notebook.append("w = out.rankings()\nw")).locator(".ew-rankings")
    expect(found).to_have_attribute("data-state", "ready", timeout=PATIENCE_MS)
    found.scroll_into_view_if_needed()
    return found


def painted(root: Locator) -> NDArray[np.float64]:
    rows = int(root.locator(".ew-heatmap").get_attribute("data-rows") or 0)
    return np.array(root.evaluate("(root) => [...root.ewValues]"), float).reshape(rows, -1)


def wait_painted(root: Locator, spec: str) -> None:
    expect(root).to_have_attribute("data-painted", spec, timeout=PATIENCE_MS)
    expect(root).to_have_attribute("data-state", "ready", timeout=PATIENCE_MS)


def run_id(root: Locator) -> str:
    return (root.get_attribute("data-painted") or "").split("|")[0]


def expected(notebook: Notebook, expression: str) -> NDArray[np.float64]:
    return np.array(notebook.kernel.value(f"({expression}).tolist()"), float)


def point(root: Locator, row: int, column: int) -> tuple[float, float]:
    box = root.evaluate("(root, [row, column]) => root.ewHeatmap.boxOf({ row, column })", [row, column])
    return (box["left"] + box["right"]) / 2, (box["top"] + box["bottom"]) / 2


def test_each_measure_equals_the_analysis(notebook: Notebook, root: Locator) -> None:
    names = {"rank": "rank", "log p": "log_probability", "entropy": "entropy", "KL": "kl"}
    for label, name in names.items():
        root.get_by_role("button", name=label, exact=True).click()
        expect(root).to_have_attribute("data-measure", name)
        known = expected(notebook, f"analysis.lens_statistics(out).{name}")
        np.testing.assert_allclose(painted(root), known, atol=1e-4)
    assert notebook.kernel.value("w.measure") == "kl"


def test_scope_norm_and_site_recompute(notebook: Notebook, root: Locator) -> None:
    run = run_id(root)
    root.get_by_role("button", name="all tokens").click()
    wait_painted(root, f"{run}|all|1|block")
    every = "positions=list(out.explainable)"
    np.testing.assert_array_equal(painted(root), expected(notebook, f"analysis.lens_statistics(out, {every}).rank"))
    root.get_by_role("button", name="final norm").click()
    wait_painted(root, f"{run}|all|0|block")
    without = expected(notebook, f"analysis.lens_statistics(out, {every}, final_norm=False).rank")
    np.testing.assert_array_equal(painted(root), without)
    root.get_by_role("button", name="where the lens reads").click()
    root.page.locator(".ew-menu-item[data-name=ffn_out]").click()
    wait_painted(root, f"{run}|all|0|ffn_out")
    assert notebook.kernel.value("[w.scope, w.final_norm, w.site]") == ["all", False, "ffn_out"]


def test_a_click_opens_what_each_layer_would_have_said(notebook: Notebook, root: Locator) -> None:
    root.page.mouse.click(*point(root, 1, 8))
    panel = root.locator(".ew-panel")
    expect(panel.locator(".ew-pred-cell").first).to_be_visible(timeout=PATIENCE_MS)
    expect(root).to_have_attribute("data-state", "ready", timeout=PATIENCE_MS)
    position = notebook.kernel.value("w.position")
    assert position == notebook.kernel.value("out.n_prompt") + 8
    ids = [int(cell.get_attribute("data-id") or 0) for cell in panel.locator(".ew-pred-cell").all()]
    known = expected(notebook, f"analysis.top_tokens(out, {position}, k=10).ids")
    np.testing.assert_array_equal(np.array(ids).reshape(known.shape), known)
    root.page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    assert notebook.kernel.value("w.position") is None


def test_fast_changes_end_with_the_last_one(notebook: Notebook, root: Locator) -> None:
    run = run_id(root)
    for _ in range(6):
        root.get_by_role("button", name="all tokens").click()
        root.get_by_role("button", name="final norm").click()
        root.get_by_role("button", name="generated").click()
        root.page.mouse.click(*point(root, 2, 3))
    wait_painted(root, f"{run}|generated|1|block")
    known = expected(notebook, "analysis.lens_statistics(out).rank")
    np.testing.assert_array_equal(painted(root), known)
    assert notebook.kernel.value("[w.scope, w.final_norm]") == ["generated", True]


def test_python_and_the_page_agree(notebook: Notebook, root: Locator) -> None:
    run = run_id(root)
    notebook.append("w.scope = 'all'; w.layer_order = 'bottom'; w.position = out.n_prompt + 1")
    wait_painted(root, f"{run}|all|1|block")
    known = expected(notebook, "analysis.lens_statistics(out, list(out.explainable)).rank")
    np.testing.assert_array_equal(painted(root), known[::-1])
    expect(root.locator(".ew-panel .ew-pred-cell").first).to_be_visible(timeout=PATIENCE_MS)


def test_pointing_marks_the_token_in_the_runs_other_widgets(notebook: Notebook, root: Locator) -> None:
    notebook.append("other = out.rankings()")
    root.scroll_into_view_if_needed()
    root.page.mouse.move(*point(root, 1, 4))
    marked = notebook.kernel.value("out.n_prompt") + 4
    deadline = 100
    while notebook.kernel.value("other.marked") != marked and deadline:
        root.page.wait_for_timeout(50)
        deadline -= 1
    assert notebook.kernel.value("other.marked") == marked
