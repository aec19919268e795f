"""The rankings widget: a map of layers and tokens, and the predictions of a position that is opened."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.standalone._rankings_page import OpenRankings
from tests.browser.standalone._rankings_state import COUNTRIES, run, state, top

FIRST = 23  # position of the first generated token
CZECHIA = 8  # its column
OUT_OF_MEMORY = {
    "kind": "out_of_memory",
    "message": "Not enough memory for the logits of 82 tokens at once.",
    "hint": "Cached maps were dropped. Try again.",
}


def tops(*columns: int) -> dict[str, Any]:
    """What the kernel answers for opened positions."""
    trace = run(COUNTRIES, 20)
    return {"tops": [top(trace, FIRST + column) for column in columns]}


def darkness(color: tuple[int, int, int]) -> int:
    return 3 * 255 - sum(color)


def test_saved_map_is_drawn_at_once(open_rankings: OpenRankings) -> None:
    saved = state()
    widget = open_rankings(state=saved)
    assert widget.attribute("state") == "ready"
    assert widget.attribute("painted") == "trace-1|generated|1|block"
    np.testing.assert_array_equal(widget.values(), saved["_grid"]["rank"])
    assert "rank of each generated token at each layer, 1 is best, of 6,144" in widget.root.inner_text()


def test_better_ranks_are_stronger_on_a_log_scale(open_rankings: OpenRankings) -> None:
    widget = open_rankings(state=state())
    ranks = widget.values()
    column = ranks[:, CZECHIA]
    strength = [darkness(widget.color(row, CZECHIA)) for row in range(len(column))]
    order = np.argsort(column, kind="stable")[::-1]
    assert np.all(np.diff(np.array(strength)[order]) >= 0)
    assert strength[int(np.argmin(column))] > strength[int(np.argmax(column))] + 150
    # Equal ranks are equal colours, wherever they stand.
    ones = [tuple(cell) for cell in np.argwhere(ranks == 1)[::9]]
    assert len({widget.color(int(row), int(column)) for row, column in ones}) == 1


def test_a_cell_without_a_number_is_empty(open_rankings: OpenRankings) -> None:
    saved = state(measure="kl")
    saved["_grid"]["kl"] = saved["_grid"]["kl"].copy()
    saved["_grid"]["kl"][1, CZECHIA] = np.nan
    widget = open_rankings(state=saved)
    assert widget.color(1, CZECHIA) == (244, 246, 248)
    assert widget.root.locator("table tbody tr").nth(1).locator("td").nth(CZECHIA).inner_text() == "–"


def test_numbers_can_be_read_without_the_picture(open_rankings: OpenRankings) -> None:
    saved = state()
    widget = open_rankings(state=saved)
    rows = widget.root.locator("table tbody tr")
    expect(rows).to_have_count(6)
    ranks = saved["_grid"]["rank"]
    assert rows.nth(1).locator("td").all_inner_texts() == [str(rank) for rank in ranks[1]]
    assert widget.root.locator("table thead th").nth(CZECHIA).inner_text() == "Czechia"


@pytest.mark.parametrize(
    ("label", "name", "words"),
    [
        ("log p", "log_probability", "log-probability of each generated token"),
        ("entropy", "entropy", "entropy of each layer's prediction"),
        ("KL", "kl", "KL divergence in nats"),
    ],
)
def test_measures_are_at_hand(open_rankings: OpenRankings, label: str, name: str, words: str) -> None:
    saved = state()
    widget = open_rankings(state=saved, kernel={"deaf": True})
    widget.root.get_by_role("button", name=label, exact=True).click()
    widget.settle()
    assert widget.attribute("measure") == name
    np.testing.assert_array_equal(widget.values(), saved["_grid"][name])
    assert widget.attribute("state") == "ready"
    assert words in widget.root.inner_text()
    sent = widget.sent()[-1]
    assert sent | {"id": 0} == {"id": 0, "channel": "view", "name": "set", "params": {"measure": name}}


def test_layer_0_can_be_at_the_bottom(open_rankings: OpenRankings) -> None:
    saved = state()
    widget = open_rankings(state=saved)
    widget.root.locator("[data-name=layer_order]").click()
    widget.settle()
    np.testing.assert_array_equal(widget.values(), saved["_grid"]["rank"][::-1])
    widget.point(5, CZECHIA)
    assert "layer 0" in widget.tooltip.inner_text()
    assert f"rank {saved['_grid']['rank'][0, CZECHIA]}" in widget.tooltip.inner_text()


def test_prompt_tokens_on_request(open_rankings: OpenRankings) -> None:
    every = state(scope="all")
    widget = open_rankings(state=state(), answers=[every], kernel={"delay": 300, "steps": 4})
    widget.root.get_by_role("button", name="all tokens").click()
    assert widget.attribute("state") == "computing"
    assert widget.attribute("painted") == "trace-1|generated|1|block"  # the earlier picture stays
    widget.wait("(ew) => ew.root.querySelector('.ew-progress')?.value >= 2")
    widget.wait_state("ready")
    widget.settle()
    assert widget.attribute("painted") == "trace-1|all|1|block"
    np.testing.assert_array_equal(widget.values(), every["_grid"]["rank"])
    assert "rank of each token at each layer" in widget.root.inner_text()
    assert widget.sent()[-1]["params"] == {"scope": "all"}


def test_computing_can_be_cancelled_and_asked_for_again(open_rankings: OpenRankings) -> None:
    widget = open_rankings(state=state(), answers=[state(scope="all")], kernel={"delay": 3000, "steps": 20})
    widget.root.get_by_role("button", name="all tokens").click()
    widget.root.get_by_role("button", name="cancel").click()
    widget.wait_state("stale")
    assert widget.sent("cancel")
    assert widget.attribute("painted") == "trace-1|generated|1|block"
    widget.tell("(ew) => { ew.kernel.delay = 10; ew.kernel.steps = 0; }")
    widget.root.get_by_role("button", name="compute").click()
    widget.wait("(ew) => ew.root.dataset.painted === 'trace-1|all|1|block'")


def test_an_error_keeps_the_picture(open_rankings: OpenRankings) -> None:
    widget = open_rankings(state=state(), kernel={"failures": {"all": OUT_OF_MEMORY}})
    before = widget.values()
    widget.root.get_by_role("button", name="all tokens").click()
    widget.wait_state("error")
    banner = widget.root.get_by_role("alert")
    assert OUT_OF_MEMORY["message"] in banner.inner_text()
    np.testing.assert_array_equal(widget.values(), before)
    assert widget.tell("(ew) => ew.model.get('scope')") == "generated"
    banner.get_by_role("button", name="dismiss").click()
    widget.wait_state("ready")


def test_pointing_shows_what_the_layer_said(open_rankings: OpenRankings) -> None:
    saved = state()
    widget = open_rankings(state=saved)
    widget.point(1, CZECHIA)
    text = widget.tooltip.inner_text()
    grid = saved["_grid"]
    assert '" Czechia"' in text
    assert "layer 1" in text
    assert f"rank {grid['rank'][1, CZECHIA]}" in text
    best = [grid["texts"][str(token)].strip() for token in grid["top_ids"][1, CZECHIA]]
    assert [name.strip() for name in widget.tooltip.locator(".ew-candidate-text").all_inner_texts()] == best
    widths = [float(bar.get_attribute("style").split("width:")[1].strip(" %;")) for bar in bars(widget)]
    np.testing.assert_allclose(widths, np.maximum(1, 100 * grid["top_probabilities"][1, CZECHIA]), rtol=1e-3)
    ring, box = widget.ring("hover"), widget.box(1, CZECHIA)
    assert ring
    assert abs(ring["x"] - box["left"]) <= 2
    assert abs(ring["y"] - box["top"]) <= 2
    assert widget.sent()[-1]["params"] == {"marked": FIRST + CZECHIA}
    widget.page.mouse.move(5, 5)
    expect(widget.tooltip).to_have_count(0)
    widget.wait("(ew) => ew.kernel.received.at(-1).params.marked === null")


def bars(widget: Any) -> Any:
    return widget.tooltip.locator(".ew-candidate-bar").all()


def test_the_own_token_stands_out_among_the_best(open_rankings: OpenRankings) -> None:
    widget = open_rankings(state=state())
    widget.point(5, CZECHIA)  # rank 1
    assert widget.tooltip.locator(".ew-own").inner_text().strip("· ") == "Czechia"


def test_labels_tell_the_whole_token(open_rankings: OpenRankings) -> None:
    widget = open_rankings(state=state(), width=700)
    widget.point(-1, CZECHIA)
    assert '" Czechia"' in widget.tooltip.inner_text()
    assert f"token {FIRST + CZECHIA}" in widget.tooltip.inner_text()


def test_a_click_opens_the_layer_predictions(open_rankings: OpenRankings) -> None:
    answer = tops(CZECHIA, 12)
    widget = open_rankings(state=state(), answers=[answer])
    widget.click(1, CZECHIA)
    widget.wait_state("ready")
    expect(widget.panel).to_contain_text('" Czechia"')
    first = widget.panel.locator(".ew-pred-row:has(.ew-pred-cell)").first
    expect(first.locator(".ew-pred-cell")).to_have_count(10)
    assert [t.strip() for t in first.locator(".ew-pred-token").all_inner_texts()] == [
        text.strip() for text in answer["tops"][0]["texts"][0]
    ]
    ring, box = widget.ring("selected"), widget.box(0, CZECHIA)
    assert ring
    assert abs(ring["x"] - box["left"]) <= 2
    assert ring["height"] > 5 * (box["bottom"] - box["top"])
    sent = widget.sent()[-1]
    assert (sent["channel"], sent["params"]) == ("opened", {"position": FIRST + CZECHIA})
    widget.click(2, 12)
    expect(widget.panel).to_contain_text('" Denmark"')
    widget.click(4, 12)
    expect(widget.panel).to_have_count(0)
    assert widget.ring("selected") is None


def test_the_number_of_tokens_is_asked_for_and_shown(open_rankings: OpenRankings) -> None:
    trace = run(COUNTRIES, 20)
    answer = {"tops": [top(trace, FIRST + CZECHIA), top(trace, FIRST + CZECHIA, k=12)]}
    widget = open_rankings(state=state(), answers=[answer])
    widget.click(1, CZECHIA)
    cells = widget.panel.locator(".ew-pred-row:has(.ew-pred-cell)").first.locator(".ew-pred-cell")
    expect(cells).to_have_count(10)
    widget.panel.get_by_role("spinbutton").fill("12")
    expect(cells).to_have_count(12)
    assert widget.sent()[-1]["params"] == {"topk": 12}


def test_escape_closes_the_predictions_from_map_and_panel(open_rankings: OpenRankings) -> None:
    widget = open_rankings(state=state(), answers=[tops(CZECHIA)])
    widget.click(1, CZECHIA)
    expect(widget.panel).to_have_count(1)
    widget.page.keyboard.press("Escape")
    expect(widget.panel).to_have_count(0)
    widget.click(1, CZECHIA)
    widget.panel.get_by_role("button", name="close the layer predictions").focus()
    widget.page.keyboard.press("Escape")
    expect(widget.panel).to_have_count(0)
    assert widget.tell("(ew) => document.activeElement === ew.map.scroller")


def test_keys_move_open_and_leave(open_rankings: OpenRankings) -> None:
    widget = open_rankings(state=state(), answers=[tops(CZECHIA)])
    widget.map.focus()
    for key in ["ArrowDown", "ArrowDown", "Home", *["ArrowRight"] * CZECHIA]:
        widget.page.keyboard.press(key)
    assert widget.map.get_attribute("data-pointed") == f"1,{CZECHIA}"
    assert widget.ring("cursor")
    said = widget.root.locator(".ew-map [aria-live]").inner_text()
    assert said.startswith('layer 1: " Czechia", token 31, rank 132, probability 0.11%.')
    assert "rank 132" in widget.tooltip.inner_text()
    widget.page.keyboard.press("Enter")
    expect(widget.panel).to_contain_text('" Czechia"')
    widget.page.keyboard.press("Escape")
    expect(widget.panel).to_have_count(0)
    expect(widget.tooltip).to_have_count(0)


def test_keys_bring_their_cell_into_sight(open_rankings: OpenRankings) -> None:
    widget = open_rankings(state=state(layers=48, columns=2000), height=900)
    widget.map.focus()
    for key in ["ArrowDown", "End", "ArrowDown"]:
        widget.page.keyboard.press(key)
    widget.settle()
    assert widget.map.get_attribute("data-pointed") == "1,1999"
    box, view = widget.box(1, 1999), widget.map.bounding_box()
    assert view
    assert view["x"] < box["left"]
    assert box["right"] <= view["x"] + view["width"]
    assert "token 2000" in widget.root.locator(".ew-map [aria-live]").inner_text()


def test_thousands_of_columns_are_painted_where_they_are_seen(open_rankings: OpenRankings) -> None:
    saved = state(layers=48, columns=2000)
    widget = open_rankings(state=saved, height=900)
    canvas = widget.root.locator("canvas").bounding_box()
    assert canvas
    assert canvas["width"] <= 1000
    widget.tell("(ew) => { ew.map.scroller.scrollLeft = 40000; }")
    widget.settle()
    ranks = saved["_grid"]["rank"]
    for column in (1180, 1188, 1195):
        colors = [darkness(widget.color(row, column)) for row in (0, 9, 47)]
        order = np.argsort(ranks[[0, 9, 47], column], kind="stable")[::-1]
        assert np.all(np.diff(np.array(colors)[order]) >= 0), column
    widget.point(9, 1188)
    assert widget.map.get_attribute("data-pointed") == "9,1188"
    assert f"rank {ranks[9, 1188]}" in widget.tooltip.inner_text()


def test_all_columns_at_once(open_rankings: OpenRankings) -> None:
    widget = open_rankings(state=state(layers=48, columns=200), height=900)
    widget.root.get_by_role("button", name="show all at once").click()
    widget.settle()
    last, view = widget.box(0, 199), widget.map.bounding_box()
    assert view
    assert last["right"] <= view["x"] + view["width"] + 1
    widget.point(20, 199)
    assert widget.map.get_attribute("data-pointed") == "20,199"
    widget.root.get_by_role("button", name="show numbers").click()
    widget.settle()
    assert widget.box(0, 199)["right"] > 2000


def test_a_finger_looks_first_and_opens_then(open_rankings: OpenRankings) -> None:
    widget = open_rankings(state=state(), answers=[tops(CZECHIA)], touch=True)
    widget.page.touchscreen.tap(*widget.middle(1, CZECHIA))
    expect(widget.tooltip).to_contain_text("rank 132")
    expect(widget.panel).to_have_count(0)
    widget.page.touchscreen.tap(*widget.middle(1, CZECHIA))
    expect(widget.panel).to_have_count(1)


def test_a_position_marked_elsewhere_is_outlined(open_rankings: OpenRankings) -> None:
    widget = open_rankings(state=state())
    widget.tell("(ew, p) => ew.model.set('marked', p)", FIRST + 5)
    widget.settle()
    ring, box = widget.ring("marked"), widget.box(0, 5)
    assert ring
    assert abs(ring["x"] - box["left"]) <= 2
    widget.tell("(ew) => ew.model.set('marked', 3)")  # a token of the prompt, which has no column here
    widget.settle()
    assert widget.ring("marked") is None
    assert widget.sent() == []


def test_python_moves_the_view(open_rankings: OpenRankings) -> None:
    widget = open_rankings(state=state(), answers=[tops(CZECHIA)], kernel={"delay": 200})
    widget.tell("(ew, position) => ew.kernel.setFromPython({ measure: 'entropy', position })", FIRST + CZECHIA)
    assert widget.attribute("measure") == "entropy"
    expect(widget.panel).to_contain_text('" Czechia"')
    widget.wait_state("ready")
    assert widget.panel.locator(".ew-pred-row:has(.ew-pred-cell)").count() == 6


def test_of_fast_clicks_the_last_one_wins(open_rankings: OpenRankings) -> None:
    columns = [0, 4, CZECHIA, 12, 16]
    widget = open_rankings(state=state(), answers=[tops(*columns)], kernel={"delay": 60})
    for column in columns:
        widget.click(0, column)
    widget.wait_state("ready")
    assert widget.attribute("position") == str(FIRST + 16)
    expect(widget.panel).to_contain_text('" Estonia"')
    actual = widget.panel.locator(".ew-pred-actual-token").inner_text()
    assert actual.strip("· ") == "Estonia"


def test_saved_page_shows_what_it_has(open_rankings: OpenRankings) -> None:
    saved = state()
    widget = open_rankings(state=saved, live=False)
    assert widget.attribute("state") == "offline"
    assert "not live" in widget.root.inner_text()
    widget.root.get_by_role("button", name="entropy").click()
    widget.settle()
    np.testing.assert_array_equal(widget.values(), saved["_grid"]["entropy"])
    assert widget.root.get_by_role("button", name="all tokens").get_attribute("aria-disabled") == "true"
    widget.click(1, CZECHIA)
    first = widget.panel.locator(".ew-pred-row:has(.ew-pred-cell)").first
    expect(first.locator(".ew-pred-cell")).to_have_count(5)  # as many as the map has
    assert widget.tell("(ew) => ew.kernel.received.length") == 0


def test_a_page_without_a_map_says_so(open_rankings: OpenRankings) -> None:
    widget = open_rankings(state=state() | {"_grid": {}}, live=False)
    assert "The map was not saved in this page." in widget.root.inner_text()
    assert not widget.map.is_visible()


def test_two_views_agree(open_rankings: OpenRankings) -> None:
    widget = open_rankings(state=state(), answers=[tops(CZECHIA)])
    widget.tell("async (ew) => { await ew.addView(); }")
    views = widget.page.locator(".ew-rankings")
    expect(views).to_have_count(2)
    widget.click(1, CZECHIA)
    expect(views.nth(1).locator(".ew-panel")).to_contain_text('" Czechia"')
    assert views.nth(1).get_attribute("data-position") == str(FIRST + CZECHIA)


def test_view_that_goes_leaves_nothing_behind(open_rankings: OpenRankings) -> None:
    widget = open_rankings(state=state())
    widget.point(1, CZECHIA)
    widget.tell("(ew) => ew.dispose()")
    assert widget.page.locator(".ew-root, .ew-tooltip").count() == 0
    assert widget.tell("(ew) => ew.model.listening") == 0


def test_theme_and_width_repaint(open_rankings: OpenRankings) -> None:
    widget = open_rankings(state=state())
    light = widget.color(1, 0)
    widget.page.evaluate("document.body.classList.add('dark')")
    widget.wait("(ew) => ew.root.dataset.theme === 'dark'")
    widget.settle()
    assert widget.color(1, 0) != light
    wide = widget.box(0, 0)
    widget.page.set_viewport_size({"width": 640, "height": 760})
    widget.wait(
        "(ew, width) => { const b = ew.map.boxOf({ row: 0, column: 0 }); return b.right - b.left < width; }", 42
    )
    widget.settle()
    narrow = widget.box(0, 0)
    assert narrow["right"] - narrow["left"] < wide["right"] - wide["left"]
    assert darkness(widget.color(5, 0)) < darkness(widget.color(0, CZECHIA))  # strong is bright in the dark


@pytest.mark.parametrize("pixel_ratio", [1, 1.5, 2])
def test_cells_are_sharp(open_rankings: OpenRankings, pixel_ratio: float) -> None:
    """Beside numbers there are the colours of cells and the page's, and nothing between them."""
    widget = open_rankings(state=state(generate=12), pixel_ratio=pixel_ratio)
    script = """(ew, [box, dpr]) => {
        const canvas = ew.root.querySelector('canvas');
        const origin = canvas.getBoundingClientRect();
        const y = Math.round((box.top + 4 - origin.top) * dpr);
        const x = Math.round((box.left - origin.left) * dpr);
        const width = Math.round((box.right - box.left) * dpr);
        const { data } = canvas.getContext('2d').getImageData(x - 2, y, width + 4, 1);
        return Array.from({ length: width + 4 }, (_, i) => [...data.slice(4 * i, 4 * i + 3)].join());
    }"""
    colors = widget.tell(script, [widget.box(1, 4), pixel_ratio])
    known = {",".join(map(str, widget.color(1, column))) for column in (3, 4, 5)} | {"255,255,255"}
    assert set(colors) <= known
    assert len(set(colors)) >= 2


@pytest.mark.parametrize("width", [320, 480])
def test_nothing_is_wider_than_a_narrow_column(open_rankings: OpenRankings, width: int) -> None:
    widget = open_rankings(state=state(position=FIRST + CZECHIA), width=width + 32)
    assert widget.page.evaluate("document.documentElement.scrollWidth") <= width + 32
    box = widget.map.bounding_box()
    assert box
    assert box["width"] <= width
