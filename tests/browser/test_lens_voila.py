"""The lens widgets in a Voila dashboard: they answer there too, and nothing is asked of another host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser._harness.kernel import Kernel
from tests.browser._harness.lens import LayerPredictionsView, RankingsView, RankingsWatchView
from tests.browser._harness.tab import Tab, open_tab
from tests.browser._harness.voila import VoilaPage, voila_server

pytestmark = pytest.mark.timeout(240)

SETUP = """
import numpy as np
import ecco_widgets as ecco
from ecco_widgets import analysis

lm = ecco.load_demo()
run = lm.score("The keys to the cabinet", " are on the table in the hall.")
"""
CELLS = [
    SETUP,
    "predictions = run.layer_predictions(topk=4)\npredictions",
    "rankings = run.rankings()\nrankings",
    "watch = run.rankings_watch(watch=[' is', ' are'], position=run.n_prompt)\nwatch",
]


@dataclass(frozen=True)
class Dashboard:
    tab: Tab
    kernel: Kernel
    body: Locator

    def array(self, expression: str) -> np.ndarray[Any, Any]:
        return np.array(self.kernel.value(f"np.asarray({expression}).tolist()"))


@pytest.fixture(scope="module")
def dashboard(new_sandbox: Callable, browser: Browser) -> Iterator[Dashboard]:
    sandbox = new_sandbox()
    with voila_server(CELLS, sandbox) as url, open_tab(browser) as tab:
        kernel = VoilaPage(tab, url, RankingsWatchView.SELECTOR, sandbox).kernel
        yield Dashboard(tab, kernel, tab.page.locator("body"))


def test_layer_predictions_follow_the_pointer_and_the_controls(dashboard):
    view = LayerPredictionsView(dashboard.body)
    view.wait_shown()
    view.hover(8)
    view.expect_painted("4|1|block@8")
    best = dashboard.kernel.value("analysis.top_tokens(run, 8, 4).ids.tolist()")
    np.testing.assert_array_equal(view.table().ids, best)
    view.press("final_norm")
    view.expect_painted("4|0|block@8")
    best = dashboard.kernel.value("analysis.top_tokens(run, 8, 4, final_norm=False).ids.tolist()")
    np.testing.assert_array_equal(view.table().ids, best)
    dashboard.kernel.wait_until("predictions.position == 8 and not predictions.final_norm")


def test_the_map_is_recomputed_for_the_whole_text(dashboard):
    view = RankingsView(dashboard.body)
    view.wait_shown()
    view.press("all")
    view.expect_grid("all|1|block")
    expected = dashboard.array("analysis.lens_statistics(run, list(run.explainable)).rank")
    assert np.abs(view.values() - expected).max() <= 1  # ties may change places by rounding
    view.click(0, 3)
    view.expect_opened(4)


def test_a_token_is_typed_and_watched(dashboard):
    view = RankingsWatchView(dashboard.body)
    view.wait_shown()
    (was,) = [dashboard.kernel.value("lm.token_id(' was')")]
    view.type(" was")
    expect(view.offer(was)).to_have_attribute("aria-selected", "true")
    view.field.press("Enter")
    dashboard.kernel.wait_until(f"watch.watch[-1] == {was}")
    view.expect_ranks(dashboard.kernel.value("watch.watch"), dashboard.kernel.value("run.n_prompt"))
    ranks = dashboard.array("analysis.watched(run, watch.watch, run.n_prompt).ranks")
    np.testing.assert_array_equal(view.columns()[2], ranks)


def test_nothing_failed(dashboard):
    assert dashboard.tab.traffic.blocked == []
    assert [failure for failure in dashboard.tab.traffic.failures if "favicon" not in failure] == []
    assert [error for error in dashboard.tab.traffic.errors if "ew-" in error or "ecco" in error.lower()] == []
    assert dashboard.kernel.heard() == ""
