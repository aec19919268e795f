"""The widgets of factors and neurons in JupyterLab with their kernel: what is painted equals `analysis`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, expect

from tests.browser._harness.notebook import Notebook
from tests.browser._harness.server import JupyterServer
from tests.browser._harness.tab import open_tab
from tests.browser._harness.wire import Wire

pytestmark = pytest.mark.timeout(300)
PATIENCE_MS = 60_000

SETUP = """
import numpy as np
import ecco_widgets as ecco
from ecco_widgets import analysis
from ecco_widgets.analysis.factorization import factorize

lm = ecco.load_demo()
out = lm.generate("The countries of the European Union are:\\n1. Austria\\n2. Belgium\\n3. Bulgaria\\n4.", generate=20)
"""
SWATCHES = """(root) => Object.fromEntries([...root.querySelectorAll('.ew-spark')].map(
    (row) => [row.dataset.key, getComputedStyle(row.querySelector('.ew-spark-swatch')).backgroundColor]))"""


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire()


@pytest.fixture(scope="module")
def notebook(lab: JupyterServer, browser: Browser, wire: Wire) -> Iterator[Notebook]:
    name = lab.write_notebook("factors.ipynb", [SETUP])
    with open_tab(browser) as tab:
        wire.listen(tab.page)
        opened = Notebook(tab, lab.address(name), lab.sandbox)
        opened.run_all()
        yield opened


def show(notebook: Notebook, source: str, root: str) -> Locator:
    """A fresh widget, drawn."""
    found = notebook.cell(notebook.append(f"w = {source}\nw")).locator(root)
    expect(found).to_have_attribute("data-state", "ready", timeout=PATIENCE_MS)
    found.scroll_into_view_if_needed()
    return found


def painted(root: Locator) -> NDArray[np.float64]:
    return np.array(root.evaluate("(root) => root.ewFactors.loadings.map((row) => [...row])"), float)


def wait_count(root: Locator, count: int) -> None:
    expect(root).to_have_attribute("data-done", "true", timeout=PATIENCE_MS)
    expect(root.locator(".ew-spark")).to_have_count(count, timeout=PATIENCE_MS)
    expect(root).to_have_attribute("data-state", "ready", timeout=PATIENCE_MS)


def assert_factors(notebook: Notebook, root: Locator, arguments: str) -> None:
    """Painted loadings equal those of ``factorize``, whatever their order."""
    known = np.array(notebook.kernel.value(f"factorize(out, {arguments}).shown()[1].tolist()"), float)
    shown = painted(root)
    order = [int(np.abs(known - row).sum(axis=1).argmin()) for row in shown]
    assert sorted(order) == list(range(len(known)))
    np.testing.assert_allclose(shown, known[order], rtol=1e-3, atol=1e-3)


def test_dragging_from_2_to_12_ends_at_factorize_12(notebook: Notebook, wire: Wire) -> None:
    root = show(notebook, "out.run_nmf(n_components=2).explore()", ".ew-factors")
    before = root.evaluate(SWATCHES)
    slider = root.get_by_role("slider", name="number of factors, slider")
    wire.forget()
    slider.focus()
    for _ in range(10):
        slider.press("ArrowRight")
    wait_count(root, 12)
    assert_factors(notebook, root, "12")
    after = root.evaluate(SWATCHES)
    assert all(after[key] == color for key, color in before.items() if key in after)
    assert wire.unanswered() == []
    assert notebook.kernel.value("w.n_components") == 12


def test_layers_and_methods_recompute(notebook: Notebook) -> None:
    root = show(notebook, "out.run_nmf(n_components=4).explore()", ".ew-factors")
    root.locator(".ew-brush-cell").nth(3).dblclick()
    expect(root.locator(".ew-making")).to_contain_text("NMF of 1,024 neurons", timeout=PATIENCE_MS)
    wait_count(root, 4)
    assert_factors(notebook, root, "4, [3]")
    root.get_by_role("button", name="method").click()
    notebook.tab.page.locator('.ew-menu-item[data-name="pca"]').click()
    expect(root.locator(".ew-making")).to_contain_text("PCA", timeout=PATIENCE_MS)
    wait_count(root, 4)
    assert_factors(notebook, root, "4, [3], method='pca'")
    assert notebook.kernel.value("[list(w.layers), w.method]") == [[3], "pca"]


def test_card_and_ablation(notebook: Notebook) -> None:
    root = show(notebook, "out.run_nmf(n_components=4).explore()", ".ew-factors")
    root.locator(".ew-spark-more").first.click()
    card = root.locator(".ew-card")
    expect(card.locator(".ew-card-size")).to_contain_text("neurons (", timeout=PATIENCE_MS)
    assert card.locator(".ew-column").count() == 6
    card.get_by_role("button", name="Ablate and regenerate").click()
    result = card.locator(".ew-ablation")
    expect(result).to_be_visible(timeout=PATIENCE_MS)
    assert result.locator(".ew-change-dot").count() == 20
    assert result.locator(".ew-random-range").count() == 20
    expect(root).to_have_attribute("data-state", "ready")


def test_neurons_follow_their_controls(notebook: Notebook) -> None:
    root = show(notebook, "out.neurons(n_clusters=4, layer=3)", ".ew-neurons")
    root.get_by_role("spinbutton", name="layer").fill("2")
    expect(root.locator(".ew-heading")).to_contain_text("layer 2", timeout=PATIENCE_MS)
    expect(root).to_have_attribute("data-state", "ready", timeout=PATIENCE_MS)
    shown = root.evaluate(
        "(root) => { const { neurons, values, tokens } = root.ewNeurons;"
        " return [[...neurons], [...values.subarray(0, tokens)]]; }"
    )
    known = notebook.kernel.value(f"out.activations([2])[0][:, {shown[0][0]}].float().tolist()")
    columns = [*range(23), *range(22, 42)]  # generated tokens show the state that led to them
    np.testing.assert_allclose(shown[1], np.array(known)[columns], atol=1e-4)
    root.get_by_role("spinbutton", name="neuron", exact=True).fill("7")
    card = root.locator(".ew-card")
    expect(card.locator(".ew-place-chip").first).to_be_visible(timeout=PATIENCE_MS)
    card.get_by_role("button", name="Intervene and regenerate").click()
    expect(card.locator(".ew-ablation")).to_be_visible(timeout=PATIENCE_MS)
    assert notebook.kernel.value("[w.layer, w.selected]") == [2, 7]
