"""The lens widgets in JupyterLab among others: cells that set traits, widgets of one run, hostile text, restarts."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.browser._harness.attribution import AttributionView
from tests.browser._harness.kernel import KernelError
from tests.browser._harness.lens import LayerPredictionsView, LensView, RankingsView, RankingsWatchView
from tests.browser._harness.lens_lab import SETUP, LensLab, lens_lab
from tests.browser._harness.server import JupyterServer

pytestmark = pytest.mark.timeout(240)

KEYS = "lm('The keys to the cabinet are on the table')"
VERB = 5
ATTACK = '<img src=x onerror="window.attacked=1"><script>window.attacked = 1</script> & <b>bold</b>'


@pytest.fixture(scope="module")
def opened(lab: JupyterServer, browser: Browser) -> Iterator[LensLab]:
    with lens_lab(lab, browser, "together.ipynb") as notebook:
        yield notebook


@pytest.fixture
def lens(opened: LensLab) -> Iterator[LensLab]:
    yield opened
    opened.run("ipywidgets.Widget.close_all()")


def watching(lens: LensLab, run: str = KEYS, name: str = "w") -> RankingsWatchView:
    widget = f"run.rankings_watch(watch=[' is', ' are'], position={VERB})"
    return lens.show(RankingsWatchView, widget, run=run, name=name)


# ------------------------------------------------------------------------------------------------ traits set by a cell


def test_a_cell_sets_what_the_layer_predictions_show(lens):
    view = lens.show(LayerPredictionsView, "run.layer_predictions()", run="counting()")
    lens.cell("w.position = 12")
    view.expect_painted("10|1|block@12")
    view.table().check(**lens.top(12))
    lens.cell("w.topk, w.final_norm, w.site = 7, False, 'ffn_out'")
    view.expect_painted("7|0|ffn_out@12")
    view.table().check(**lens.top(12, 7, final_norm=False, site="ffn_out"))
    lens.cell("w.layers, w.layer_order = [1, -1], 'bottom'")
    expect(view.root.locator(".ew-pred-layer")).to_have_text(["layer 5", "layer 1"])
    expected = lens.top(12, 7, final_norm=False, site="ffn_out")
    np.testing.assert_array_equal(view.table().ids, np.array(expected["ids"])[[5, 1]])


def test_a_cell_sets_what_the_map_shows(lens):
    view = lens.show(RankingsView, "run.rankings()", run="counting()")
    lens.cell("w.final_norm = False")
    view.expect_grid("generated|0|block")
    lens.cell("w.scope, w.measure = 'all', 'entropy'")
    view.expect_grid("all|0|block", "entropy")
    expected = lens.statistics("entropy", "list(run.explainable)", final_norm=False)
    np.testing.assert_allclose(view.values(), expected, rtol=1e-4, atol=2e-5)
    lens.cell("w.position = 9")
    view.expect_opened(9)
    view.table().check(**lens.top(9, final_norm=False))
    lens.cell("w.position = None")
    expect(view.panel).to_have_count(0)


def test_a_cell_sets_what_is_watched(lens):
    view = watching(lens)
    lens.cell("w.watch = [' was', ' were', ' are']")
    ids = lens.ids(" was", " were", " are")
    view.expect_ranks(ids, VERB)
    np.testing.assert_array_equal(view.columns()[2], lens.watched(ids, VERB)["ranks"])
    lens.cell("w.position = 8")
    view.expect_ranks(ids, 8)
    lens.cell("w.final_norm = False")
    view.expect_ranks(ids, 8, "0|block")
    np.testing.assert_array_equal(view.columns()[2], lens.watched(ids, 8, final_norm=False)["ranks"])
    lens.cell("w.view_style = 'lines'")
    expect(view.lines).to_be_visible()


def test_a_cell_that_sets_nonsense_fails_and_changes_nothing(lens):
    view = watching(lens)
    before = view.columns()[2]
    for source in ("w.watch = ['two words']", "w.position = 99", "w.site = 'elsewhere'"):
        with pytest.raises(KernelError, match="InvalidInput"):
            lens.cell(source)
    assert view.state == "ready"
    assert view.watched() == lens.ids(" is", " are")
    np.testing.assert_array_equal(view.columns()[2], before)


# -------------------------------------------------------------------------------------------------- widgets of one run


def test_a_candidate_is_watched_in_all_widgets_of_its_run(lens):
    watch = watching(lens, name="first")
    predictions = lens.show(LayerPredictionsView, f"run.layer_predictions(position={VERB})", name="second")
    assert predictions.watched() == watch.watched()
    last = predictions.table().ids[-1]
    wanted = next(int(token) for token in last if int(token) not in watch.watched())
    column = last.tolist().index(wanted)
    popover = predictions.popover(len(predictions.table().ids) - 1, column)
    popover.locator('[data-name="watch"]').click()
    ids = [*lens.ids(" is", " are"), wanted]
    watch.expect_ranks(ids, VERB)
    np.testing.assert_array_equal(watch.columns()[2], lens.watched(ids, VERB)["ranks"])
    lens.wait_until(f"first.watch == second.watch == {ids}")
    assert predictions.watched() == ids
    assert "ew-watched" in (predictions.candidate(5, column).get_attribute("class") or "")
    predictions.page.keyboard.press("Escape")
    watch.remove(wanted)
    expect(predictions.root.locator(".ew-watched-chip")).to_have_count(2)
    lens.wait_until(f"first.watch == second.watch == {ids[:2]}")


def test_a_position_pointed_at_is_marked_in_the_other_widgets_of_its_run(lens):
    watch = watching(lens, name="first")
    attribution = lens.show(AttributionView, "run.primary_attributions()", name="second")
    others = lens.show(LayerPredictionsView, "run.layer_predictions()", run=KEYS, name="third")
    watch.hover(7)
    expect(attribution.root.locator(".ew-token.ew-marked")).to_have_attribute("data-i", "7")
    lens.wait_until("second.marked == 7 and third.marked is None")
    assert others.root.locator(".ew-marked").count() == 0
    watch.leave()
    expect(attribution.root.locator(".ew-marked")).to_have_count(0)


def test_a_candidate_becomes_the_foil_of_the_run_s_attribution(lens):
    attribution = lens.show(AttributionView, "run.primary_attributions(position=3)", run=KEYS, name="why")
    predictions = lens.show(LayerPredictionsView, f"run.layer_predictions(position={VERB})")
    table = predictions.table()
    actual = lens.value(f"int(run.token_ids[{VERB}])")
    column = next(i for i, token in enumerate(table.ids[-1].tolist()) if token != actual)
    foil = lens.texts(VERB)[-1][column]
    popover = predictions.popover(len(table.ids) - 1, column)
    popover.locator('[data-name="contrast"]').click()
    expect(popover.locator('[data-name="contrast"]')).to_have_attribute("data-outcome", "done")
    expect(popover).to_contain_text("contrasts with it now")
    attribution.expect_painted(VERB, spec=f"grad_x_input|contrast|{foil}")
    shares = f"analysis.attribute(run, positions={VERB}, target='contrast', foil={foil!r}).scores[0].tolist()"
    np.testing.assert_allclose(attribution.shares(), np.array(lens.value(shares), float), rtol=1e-4, atol=1e-6)
    assert lens.value("[why.target, why.foil, why.position]") == ["contrast", foil, VERB]


def test_a_popover_stays_beside_its_candidate_when_the_page_scrolls(lens):
    lens.show(LayerPredictionsView, f"run.layer_predictions(position={VERB})", run=KEYS, name="above")
    view = lens.show(LayerPredictionsView, f"run.layer_predictions(position={VERB})")
    popover = view.popover(2, 3)

    def gap() -> float:
        """Between the candidate and the popover, which is below it or, where there is no room, above."""
        box, cell = popover.bounding_box(), view.candidate(2, 3).bounding_box()
        assert box
        assert cell
        assert abs(box["x"] - cell["x"]) < 2
        return max(box["y"] - cell["y"] - cell["height"], cell["y"] - box["y"] - box["height"])

    before = view.candidate(2, 3).bounding_box()
    assert before
    assert 0 < gap() < 10
    view.page.mouse.wheel(0, -60)
    view.page.wait_for_function(
        "([element, y]) => Math.abs(element.getBoundingClientRect().top - y) > 20",
        arg=[view.candidate(2, 3).element_handle(), before["y"]],
    )
    view.page.wait_for_timeout(300)  # the page may scroll smoothly
    assert 0 < gap() < 10
    view.page.keyboard.press("Escape")
    expect(popover).to_have_count(0)


def test_a_contrast_needs_an_attribution_and_another_token(lens):
    predictions = lens.show(LayerPredictionsView, f"run.layer_predictions(position={VERB})", run=KEYS)
    table = predictions.table()
    actual = table.ids[-1].tolist().index(lens.value(f"int(run.token_ids[{VERB}])"))
    rows = len(table.ids)
    contrast = predictions.popover(rows - 1, actual).locator('[data-name="contrast"]')
    expect(contrast).to_have_attribute("aria-disabled", "true")
    predictions.page.keyboard.press("Escape")
    contrast = predictions.popover(rows - 1, 1 if actual == 0 else 0).locator('[data-name="contrast"]')
    contrast.click()
    expect(contrast).to_contain_text("no attribution of this run is open")


# -------------------------------------------------------------------------------------------------------- hostile text


def check_harmless(view: LensView) -> None:
    assert view.page.evaluate("() => window.attacked") is None
    assert view.page.locator(".ew-root :is(img, script, b.bold), .ew-float :is(img, script)").count() == 0


@pytest.mark.parametrize(
    ("view", "widget"),
    [
        (LayerPredictionsView, "run.layer_predictions(watch=[0, 1], position=4)"),
        (RankingsView, "run.rankings(position=4)"),
        (RankingsWatchView, "run.rankings_watch(watch=[int(i) for i in set(run.token_ids[:9])], position=4)"),
    ],
)
def test_text_with_markup_is_shown_as_text(lens, view, widget):
    shown = lens.show(view, widget, run=f"lm({ATTACK!r})")
    check_harmless(shown)
    if shown.root.locator(".ew-token").count():
        assert (shown.root.locator(".ew-text").text_content() or "").startswith(ATTACK)
        shown.hover(7)
        expect(shown.root).to_have_attribute("data-position", "7")
        shown.wait_shown()
    else:
        assert isinstance(shown, RankingsView)
        shown.point(2, 2)
        expect(shown.tooltip).to_be_visible()
    check_harmless(shown)


def test_typed_markup_is_shown_as_text(lens):
    view = watching(lens)
    view.type(ATTACK[:60])
    problem = view.completions.locator(".ew-completions-problem")
    expect(problem).to_contain_text("<script>")
    pieces = view.completions.locator(".ew-completion", has_text="piece").locator(".ew-token-text")
    expected = lens.value(f"[lm.token_text(i) for i in lm.encode({ATTACK[:60]!r})[:16]]")
    assert pieces.all_text_contents() == list(dict.fromkeys(expected))
    check_harmless(view)
    pieces.first.click()
    (first,) = lens.ids("<")
    view.expect_ranks([*lens.ids(" is", " are"), first], VERB)
    check_harmless(view)


def test_an_unknown_token_shows_how_it_tokenises_and_keeps_the_picture(lens):
    view = watching(lens)
    before = view.columns()
    view.type(" zyzzyva")
    expect(view.completions).to_contain_text("is not one token")
    pieces = view.completions.locator(".ew-completion", has_text="piece").locator(".ew-token-text")
    expected = lens.value("[lm.token_text(i) for i in lm.tokenizer(' zyzzyva')['input_ids']]")
    assert len(expected) > 1
    assert pieces.all_text_contents() == list(dict.fromkeys(expected))
    view.field.press("Enter")
    view.page.keyboard.press("Escape")
    assert view.state == "ready"
    assert view.watched() == lens.ids(" is", " are")
    assert view.columns()[1] == before[1]
    np.testing.assert_array_equal(view.columns()[2], before[2])


# ------------------------------------------------------------------------------------------------------------- the end


def test_nothing_failed_and_nothing_was_asked_of_another_host(lens):
    assert lens.wire.requests
    assert lens.tab.traffic.blocked == []
    assert [failure for failure in lens.tab.traffic.failures if "favicon" not in failure] == []
    assert [error for error in lens.tab.traffic.errors if "ew-" in error or "ecco" in error.lower()] == []
    refused = [a for a in lens.wire.answers if a["kind"] == "error"]
    assert refused == [], json.dumps(refused)[:2000]


def test_a_kernel_restart_is_said_and_keeps_the_pictures(lens):
    predictions = lens.show(LayerPredictionsView, "run.layer_predictions()", run="counting()", name="first")
    rankings = lens.show(RankingsView, "run.rankings(position=9)", name="second")
    watch = lens.show(RankingsWatchView, "run.rankings_watch(watch=[' 4', ','], position=7)", name="third")
    rankings.expect_opened(9)
    table, values, opened, ranks = predictions.table(), rankings.values(), rankings.table(), watch.columns()[2]
    lens.notebook.restart_kernel()
    for view in (predictions, rankings, watch):
        expect(view.root).to_have_attribute("data-state", "offline", timeout=30_000)
        assert "not live" in view.status
    np.testing.assert_array_equal(predictions.table().ids, table.ids)
    np.testing.assert_array_equal(rankings.values(), values)
    np.testing.assert_array_equal(rankings.table().ids, opened.ids)
    np.testing.assert_array_equal(watch.columns()[2], ranks)
    expect(watch.field).to_be_disabled()
    # What nobody has computed can't be chosen any more; what is there can.
    rankings.press("entropy")
    expect(rankings.root).to_have_attribute("data-measure", "entropy")
    expect(rankings.root.locator('button[data-name="final_norm"]')).to_have_attribute("aria-disabled", "true")
    lens.cell(SETUP)
    again = lens.show(LayerPredictionsView, "run.layer_predictions()", run="counting()")
    again.table().check(**lens.top(6))
