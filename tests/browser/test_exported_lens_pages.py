"""Saved pages of the lens widgets, opened from disk: what was kept can be pointed at and clicked, without a kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, expect

from ecco_widgets.analysis import lens_statistics, top_tokens, watched
from ecco_widgets.models import Trace
from ecco_widgets.widgets import LayerPredictionsWidget, RankingsWatchWidget, RankingsWidget
from tests.browser._harness.lens import (
    LayerPredictionsView,
    LensView,
    RankingsView,
    RankingsWatchView,
    check_percent,
)
from tests.browser._harness.tab import open_tab
from tests.support.tiny_models import tiny_lm

ATTACK = "The </script><script>window.attacked = 1</script><img src=x onerror='window.attacked = 1'>\n\tkeys \u2028 are"
N_GENERATED = 8

View = TypeVar("View", bound=LensView)
Opened = Callable[..., AbstractContextManager[Any]]


@pytest.fixture(scope="module")
def trace() -> Trace:
    torch.set_num_threads(1)
    return tiny_lm("gpt2").generate(ATTACK, generate=N_GENERATED, min_new_tokens=N_GENERATED)


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Opened:
    """Saves a widget as a page and opens that from disk; at the end nothing must have been asked of anybody."""

    @contextmanager
    def save_and_open(view: type[View], widget: Any, **context: Any) -> Iterator[View]:
        path = widget.to_html(tmp_path / "page with <spaces> & more.html")
        widget.close()
        with open_tab(browser, context) as tab:
            tab.page.goto(path.as_uri())
            tab.page.wait_for_selector("body[data-ready=true]")
            yield view(tab.page.locator("body"))
            assert tab.traffic.errors == []
            assert all(request.startswith(("file:", "blob:", "data:")) for request in tab.traffic.requests)
            assert tab.page.evaluate("() => window.attacked") is None

    return save_and_open


def expected_top(trace: Trace, position: int, k: int = 10) -> dict[str, Any]:
    best = top_tokens(trace, position, k)
    if position == trace.n_tokens:
        return {"ids": best.ids, "probabilities": best.probabilities}
    own = lens_statistics(trace, [position])
    actual = np.exp(own.log_probability[:, 0]).tolist()
    return {
        "ids": best.ids,
        "probabilities": best.probabilities,
        "ranks": own.rank[:, 0].tolist(),
        "actual": actual,
    }


def check_offline(view: LensView) -> None:
    assert view.state == "offline"
    assert view.status == "not live"
    assert view.root.get_by_role("alert").count() == 0


def test_layer_predictions_of_every_output_position_can_be_pointed_at(opened: Opened, trace: Trace):
    with opened(LayerPredictionsView, LayerPredictionsWidget(trace)) as view:
        check_offline(view)
        view.table().check(**expected_top(trace, trace.n_prompt))
        for position in (trace.n_prompt + 5, trace.n_tokens, trace.n_prompt + 1):
            view.hover(position)
            expect(view.root).to_have_attribute("data-painted", f"10|1|block@{position}")
            view.table().check(**expected_top(trace, position))


def test_fewer_layer_predictions_can_be_shown_but_not_more(opened: Opened, trace: Trace):
    with opened(LayerPredictionsView, LayerPredictionsWidget(trace, topk=6)) as view:
        expect(view.topk_field).to_have_attribute("aria-valuemax", "6")
        view.topk_field.fill("2")
        expect(view.root).to_have_attribute("data-painted", f"2|1|block@{trace.n_prompt}")
        view.table().check(**expected_top(trace, trace.n_prompt, 2))
        expect(view.root.locator('button[data-name="final_norm"]')).to_have_attribute("aria-disabled", "true")
        view.press("layer_order")
        np.testing.assert_array_equal(view.table().ids, expected_top(trace, trace.n_prompt, 2)["ids"][::-1])


def test_a_position_that_was_not_saved_is_refused(opened: Opened, trace: Trace):
    with opened(LayerPredictionsView, LayerPredictionsWidget(trace)) as view:
        before = view.painted
        view.token(2).click()
        expect(view.root.locator(".ew-facts")).to_contain_text("was not saved in this page")
        assert view.painted == before
        assert view.state == "offline"


def test_a_candidate_of_a_saved_page_can_be_looked_at(opened: Opened, trace: Trace):
    with opened(LayerPredictionsView, LayerPredictionsWidget(trace)) as view:
        popover = view.popover(0, 0)
        expect(popover.locator('[data-name="contrast"]')).to_contain_text("needs a kernel")


@pytest.mark.parametrize("measure", ["rank", "log_probability", "entropy", "kl"])
def test_all_measures_of_a_saved_map_are_there(opened: Opened, trace: Trace, measure: str):
    with opened(RankingsView, RankingsWidget(trace)) as view:
        check_offline(view)
        view.press(measure)
        expect(view.root).to_have_attribute("data-measure", measure)
        expected = getattr(lens_statistics(trace), measure)
        np.testing.assert_allclose(view.values(), expected, rtol=1e-4, atol=2e-5)


def test_cells_of_a_saved_map_can_be_pointed_at_and_opened(opened: Opened, trace: Trace):
    with opened(RankingsView, RankingsWidget(trace)) as view:
        column, layer = 3, 1
        position = trace.n_prompt + column
        view.point(layer, column)
        expect(view.tooltip).to_be_visible()
        shares = view.tooltip.locator(".ew-candidate-share").all_inner_texts()
        for shown, share in zip(shares, top_tokens(trace, position, 5).probabilities[layer], strict=True):
            check_percent(shown, float(share))
        for opening in (column, column + 2):
            view.click(layer, opening)
            expect(view.root).to_have_attribute("data-position", str(trace.n_prompt + opening))
            view.table().check(**expected_top(trace, trace.n_prompt + opening))
        view.click(layer, column + 2)
        expect(view.panel).to_have_count(0)


def test_watched_ranks_of_every_output_position_can_be_pointed_at(opened: Opened, trace: Trace):
    ids = [int(token) for token in trace.token_ids[[1, 5, 9]]]
    with opened(RankingsWatchView, RankingsWatchWidget(trace, watch=ids)) as view:
        check_offline(view)
        expect(view.field).to_be_disabled()
        for position in (trace.n_prompt, trace.n_tokens, trace.n_prompt + 4):
            view.hover(position)
            expect(view.root).to_have_attribute(
                "data-painted", f"1|block|{','.join(map(str, dict.fromkeys(ids)))}@{position}"
            )
            found = watched(trace, list(dict.fromkeys(ids)), position)
            np.testing.assert_array_equal(view.columns()[2], found.ranks)
        view.press("lines")
        expect(view.lines).to_be_visible()
        assert sorted(view.line_ranks(1).values()) == sorted(found.ranks[1].tolist())


@pytest.mark.parametrize("widget", [LayerPredictionsWidget, RankingsWidget, RankingsWatchWidget])
def test_without_scripts_a_saved_page_shows_a_static_preview(opened: Opened, browser, trace, tmp_path, widget):
    options = {"watch": [int(trace.token_ids[1])]} if widget is RankingsWatchWidget else {}
    path = widget(trace, **options).to_html(tmp_path / "page.html")
    with open_tab(browser, {"java_script_enabled": False}) as tab:
        tab.page.goto(path.as_uri())
        assert "layer 1" in tab.page.locator("body").inner_text()
        assert tab.page.locator("img").count() == 0


PAGES = {
    "predictions": (LayerPredictionsView, LayerPredictionsWidget, {}),
    "rankings": (RankingsView, RankingsWidget, {}),
    "watch": (RankingsWatchView, RankingsWatchWidget, {"watch": [" is", " are"]}),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_screenshot_of_a_saved_lens_page(opened: Opened, demo_run: Trace, screenshots: Path, name: str, theme: str):
    view, widget, options = PAGES[name]
    with opened(view, widget(demo_run, **options), color_scheme=theme, device_scale_factor=2) as shown:
        assert shown.root.get_attribute("data-theme") == theme
        shown.page.screenshot(path=screenshots / f"saved-lens-{name}-{theme}.png")


@pytest.fixture(scope="module")
def demo_run() -> Trace:
    from ecco_widgets.models import load_demo

    torch.set_num_threads(1)
    return load_demo().score("The keys to the cabinet", " are on the table in the hall.")
