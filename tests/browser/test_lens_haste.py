"""The lens widgets in JupyterLab when somebody is in a hurry: what was chosen last is shown, and nothing piles up."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.browser._harness.lens import LayerPredictionsView, LensView, RankingsView, RankingsWatchView
from tests.browser._harness.lens_lab import LensLab, lens_lab
from tests.browser._harness.server import JupyterServer

pytestmark = pytest.mark.timeout(240)

MOST_AT_ONCE = 2
"""One request runs, one waits; what was asked in between is given up."""


@pytest.fixture(scope="module")
def opened(lab: JupyterServer, browser: Browser) -> Iterator[LensLab]:
    with lens_lab(lab, browser, "haste.ipynb") as notebook:
        yield notebook


@pytest.fixture
def lens(opened: LensLab) -> Iterator[LensLab]:
    yield opened
    opened.run("ipywidgets.Widget.close_all()")


def begin(lens: LensLab) -> None:
    """Count from here."""
    lens.wire.forget()
    lens.run("depth.most.clear()")


def check_calm(lens: LensLab, view: LensView) -> None:
    """Every request has come to an end, none by an error; no channel has ever had more than one waiting."""
    expect(view.root).to_have_attribute("data-state", "ready")
    for _ in range(100):
        if not lens.wire.unanswered():
            break
        view.page.wait_for_timeout(100)
    assert lens.wire.unanswered() == []
    assert lens.wire.requests
    ends = lens.wire.ends()
    assert ends["error"] == 0, [answer for answer in lens.wire.answers if answer["kind"] == "error"]
    assert max(lens.value("depth.most").values()) <= MOST_AT_ONCE
    assert view.root.locator(".ew-banner").count() == 0
    assert [error for error in lens.tab.traffic.errors if "ew-" in error or "ecco" in error.lower()] == []


def chosen(view: LensView) -> int:
    """The position that is chosen on the page."""
    return int(view.root.get_attribute("data-position") or -1)


def test_dragging_the_number_of_tokens_ends_where_it_was_let_go(lens):
    view = lens.show(LayerPredictionsView, "run.layer_predictions(topk=1)", run="counting()")
    begin(lens)
    last = view.drag_topk(0, 1, 0.2, 0.9, 0.1, 0.8, 0.3, 0.55)
    assert 20 < last < 35
    view.expect_painted(f"{last}|1|block@6")
    view.table().check(**lens.top(6, last))
    lens.wait_until(f"w.topk == {last}")
    check_calm(lens, view)
    assert lens.wire.sets("row")[-1]["topk"] == last


def test_sweeping_over_twenty_tokens_ends_at_the_last(lens):
    view = lens.show(LayerPredictionsView, "run.layer_predictions()", run="counting()")
    begin(lens)
    view.sweep(3, 24)
    view.expect_painted("10|1|block@24")
    view.table().check(**lens.top(24))
    assert not view.table().faded
    lens.wait_until("w.position == 24")
    check_calm(lens, view)
    assert [params["position"] for params in lens.wire.sets("row")][-1] == 24


@pytest.mark.parametrize("view", [LayerPredictionsView, RankingsWatchView])
def test_twenty_tokens_in_200_ms_end_at_the_last(lens, view):
    widgets = {
        LayerPredictionsView: "layer_predictions(topk=50)",
        RankingsWatchView: "rankings_watch(watch=[' 4', ','])",
    }
    shown = lens.show(view, f"run.{widgets[view]}", run="counting()")
    begin(lens)
    shown.flash(range(4, 24), 200)
    expect(shown.root).to_have_attribute("data-position", "23")
    expect(shown.root).to_have_attribute("data-painted", re.compile("@23$"), timeout=30_000)
    if isinstance(shown, RankingsWatchView):
        np.testing.assert_array_equal(shown.columns()[2], lens.watched(lens.ids(" 4", ","), 23)["ranks"])
    else:
        shown.table().check(**lens.top(23, 50))
    lens.wait_until("w.position == 23")
    check_calm(lens, shown)
    positions = [params["position"] for params in lens.wire.sets("row")]
    assert positions[-1] == 23
    assert len(positions) <= 20


def test_sweeping_while_the_number_of_tokens_changes_loses_neither(lens):
    view = lens.show(LayerPredictionsView, "run.layer_predictions()", run="counting()")
    begin(lens)
    view.topk_field.fill("31")
    view.sweep(3, 24)
    view.press("final_norm")
    view.sweep(24, 12)
    view.expect_painted("31|0|block@12")
    view.table().check(**lens.top(12, 31, final_norm=False))
    lens.wait_until("(w.topk, w.final_norm, w.position) == (31, False, 12)")
    check_calm(lens, view)


def test_sweeping_to_and_fro_over_watched_ranks_ends_at_the_last(lens):
    view = lens.show(RankingsWatchView, "run.rankings_watch(watch=[' 4', ' 5', ','])", run="counting()")
    ids = lens.ids(" 4", " 5", ",")
    begin(lens)
    for start, stop in ((2, 25), (25, 4), (4, 21)):
        view.sweep(start, stop)
    view.expect_ranks(ids, 21)
    np.testing.assert_array_equal(view.columns()[2], lens.watched(ids, 21)["ranks"])
    lens.wait_until("w.position == 21")
    check_calm(lens, view)


def test_choosing_everything_at_once_in_the_map(lens):
    view = lens.show(RankingsView, "run.rankings()", run="counting()")
    begin(lens)
    for name in ("entropy", "final_norm", "all", "kl", "final_norm", "layer_order", "generated", "final_norm", "all"):
        view.press(name)
    view.expect_grid("all|0|block", "kl")
    expected = lens.statistics("kl", "list(run.explainable)", final_norm=False)
    np.testing.assert_allclose(view.values(), expected[::-1], rtol=1e-4, atol=2e-5)
    lens.wait_until("(w.scope, w.measure, w.final_norm, w.layer_order) == ('all', 'kl', False, 'bottom')")
    check_calm(lens, view)


def test_opening_one_column_after_the_other_ends_with_the_last(lens):
    view = lens.show(RankingsView, "run.rankings()", run="counting()")
    begin(lens)
    for column in (0, 7, 3, 15, 9):
        view.click(2, column)
    position = lens.value("run.output_positions[9]")
    view.expect_opened(position)
    view.table().check(**lens.top(position))
    last = view.drag_topk(0.2, 0.9, 0.05, 0.35)
    view.expect_opened(position)
    lens.wait_until(f"w.topk == {last} and w.position == {position}")
    view.table().check(**lens.top(position, last))
    check_calm(lens, view)


def test_typing_fast_completes_what_stands_there_last(lens):
    view = lens.show(RankingsWatchView, "run.rankings_watch(watch=[' is'])", run="lm('The keys to the cabinet are')")
    begin(lens)
    view.field.click()
    view.field.press_sequentially(" the cabinets are")
    for _ in range(13):
        view.field.press("Backspace")
    (the,) = lens.ids(" the")
    expect(view.offer(the)).to_have_attribute("aria-selected", "true")
    view.field.press("Enter")
    view.expect_ranks([*lens.ids(" is"), the], chosen(view))
    check_calm(lens, view)


def test_watching_and_pointing_at_once(lens):
    run = "lm('The keys to the cabinet are on the table in the hall')"
    view = lens.show(RankingsWatchView, "run.rankings_watch(watch=[' is', ' are'], position=5)", run=run)
    is_, are, was = lens.ids(" is", " are", " was")
    begin(lens)
    view.type("was")
    expect(view.offer(was)).to_have_attribute("aria-selected", "true")
    view.field.press("Enter")
    view.sweep(2, 9)
    view.remove(is_)
    view.expect_ranks([are, was], 9)
    np.testing.assert_array_equal(view.columns()[2], lens.watched([are, was], 9)["ranks"])
    lens.wait_until(f"w.watch == {[are, was]} and w.position == 9")
    check_calm(lens, view)
