"""The neurons widget in the browser: map, text, card. Numbers are the demo model's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.standalone._widget_page import WidgetPage

Open = Callable[..., WidgetPage]
DATA = json.loads((Path(__file__).parent / "page" / "neurons-data.json").read_text(encoding="utf-8"))
LAYER = DATA["countries"]["maps"]["3"]
FIRST: int = DATA["countries"]["intervened_index"]
CLEAR = "rgba(0, 0, 0, 0)"


@pytest.fixture
def open_neurons(open_widget: Open) -> Open:
    def open_one(**options: Any) -> WidgetPage:
        widget = open_widget(**{"widget": "neurons", "height": 1400, **options})
        settle(widget)
        return widget

    return open_one


def settle(widget: WidgetPage) -> None:
    widget.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def neurons(widget: WidgetPage) -> list[int]:
    return list(widget.tell("(ew) => [...ew.root.ewNeurons.neurons]"))


def middle(widget: WidgetPage, row: int, column: int) -> tuple[float, float]:
    box = widget.tell("(ew, [row, column]) => ew.root.ewHeatmap.boxOf({ row, column })", [row, column])
    return (box["left"] + box["right"]) / 2, (box["top"] + box["bottom"]) / 2


def values_of(index: int) -> np.ndarray:
    row = LAYER["neurons"].index(index)
    tokens = len(DATA["countries"]["_tokens"]["texts"])
    return np.array(LAYER["values"][row * tokens : (row + 1) * tokens])


def test_rows_are_the_most_active_neurons_cluster_by_cluster(open_neurons: Open) -> None:
    widget = open_neurons(n_shown=40, n_clusters=4)
    assert sorted(neurons(widget)) == sorted(LAYER["neurons"][:40])
    clusters = widget.tell("(ew) => [...ew.root.ewNeurons.cluster]")
    assert clusters == sorted(clusters)
    text = widget.root.inner_text()
    assert "40 most active of 1,024 neurons of layer 3 · 4 clusters · silhouette" in text


def test_the_bar_has_the_colour_of_each_cluster(open_neurons: Open) -> None:
    widget = open_neurons(n_shown=40, n_clusters=4)
    script = """(ew, [x, y]) => {
        const canvas = ew.root.querySelector('canvas');
        const box = canvas.getBoundingClientRect();
        const at = [(x - box.left) * devicePixelRatio, (y - box.top) * devicePixelRatio].map(Math.round);
        return [...canvas.getContext('2d').getImageData(...at, 1, 1).data].slice(0, 3).join();
    }"""
    box = widget.tell("(ew) => ew.root.ewHeatmap.boxOf({ row: 0, column: 0 })")
    colors = [widget.tell(script, [box["left"] - 6, middle(widget, row, 0)[1]]) for row in range(40)]
    clusters = widget.tell("(ew) => [...ew.root.ewNeurons.cluster]")
    assert len(set(zip(colors, clusters, strict=True))) == len(set(colors)) == 4


def test_pointing_at_a_neuron_colours_its_tokens(open_neurons: Open) -> None:
    widget = open_neurons(n_shown=40, n_clusters=4)
    row = neurons(widget).index(FIRST)
    widget.page.mouse.move(*middle(widget, row, 20))
    settle(widget)
    assert widget.attribute("shown") == str(FIRST)
    own = values_of(FIRST)
    colored = np.array([color != CLEAR for color in widget.colors()])
    np.testing.assert_array_equal(colored[own > 0.05 * own.max()], True)
    tooltip = widget.page.locator(".ew-neuron-tooltip")
    assert f"neuron {FIRST}" in tooltip.inner_text()
    assert f"{own[20]:.3g}".replace("-", "−") in tooltip.inner_text()
    assert "ew-inspected" in (widget.token(20).get_attribute("class") or "")
    assert widget.tell("(ew) => ew.model.get('marked')") == 20
    widget.page.mouse.move(5, 5)
    settle(widget)
    assert set(widget.colors()) == {CLEAR}


def test_a_click_opens_the_neuron_and_steps_lead_to_its_neighbours(open_neurons: Open) -> None:
    widget = open_neurons(n_shown=10, n_clusters=1, order="activity")
    widget.page.mouse.click(*middle(widget, 1, 3))
    card = widget.root.locator(".ew-card")
    second = neurons(widget)[1]
    expect(card).to_have_attribute("data-index", str(second))
    widget.wait_state("ready")
    detail = LAYER["details"][str(second)]
    places = [int(chip.get_attribute("data-position") or -1) for chip in card.locator(".ew-place-chip").all()]
    assert places == detail["top_tokens"]
    promoted = [chip.get_attribute("data-id") for chip in card.locator("dl:nth-child(2) .ew-fact-chip").all()]
    assert promoted[:10] == [str(token["id"]) for token in detail["promotes"]]
    assert card.locator(".ew-column").count() == len(detail["histogram"]["counts"])
    assert widget.root.locator(".ew-ring-row").is_visible()
    card.get_by_role("button", name="the one below in the map").click()
    expect(card).to_have_attribute("data-index", str(neurons(widget)[2]))
    widget.page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    assert widget.tell("(ew) => document.activeElement === ew.root.ewHeatmap.scroller")


def test_a_neuron_is_found_by_its_index(open_neurons: Open) -> None:
    widget = open_neurons()
    field = widget.root.get_by_role("spinbutton", name="neuron", exact=True)
    field.fill("7")
    card = widget.root.locator(".ew-card")
    expect(card).to_have_attribute("data-index", "7")
    expect(card).to_contain_text("not among those shown")
    assert widget.sent()[-1]["channel"] == "neuron"
    assert widget.sent()[-1]["params"] == {"selected": 7}


def test_keys_move_and_open(open_neurons: Open) -> None:
    widget = open_neurons(n_shown=10, n_clusters=1, order="activity")
    widget.root.locator(".ew-heatmap").focus()
    for key in ["ArrowDown", "ArrowDown", "ArrowRight"]:
        widget.page.keyboard.press(key)
    said = widget.root.locator(".ew-map [aria-live]").inner_text()
    assert said.startswith(f"neuron {neurons(widget)[1]}, cluster 1: ")
    widget.page.keyboard.press("Enter")
    expect(widget.root.locator(".ew-card")).to_have_attribute("data-index", str(neurons(widget)[1]))


def test_clusters_and_layer_are_live(open_neurons: Open) -> None:
    widget = open_neurons(n_clusters=4)
    widget.root.get_by_role("slider", name="number of clusters, slider").focus()
    widget.tell("(ew) => { ew.kernel.delay = 5; }")
    widget.page.keyboard.press("ArrowRight")
    widget.page.keyboard.press("ArrowRight")
    widget.wait("(ew) => ew.root.dataset.painted === 'trace-1|3|6|cluster|100'")
    widget.root.get_by_role("spinbutton", name="layer").fill("2")
    widget.wait("(ew) => ew.root.dataset.painted === 'trace-1|2|6|cluster|100'")
    assert widget.sent()[-1]["params"] == {"layer": 2}
    widget.root.get_by_role("spinbutton", name="layer").fill("3")
    settle(widget)
    assert widget.attribute("painted") == "trace-1|3|6|cluster|100"  # it was at hand


def test_intervening_shows_before_and_after(open_neurons: Open) -> None:
    widget = open_neurons(selected=FIRST)
    card = widget.root.locator(".ew-card")
    card.get_by_role("button", name="scale").click()
    card.get_by_role("textbox", name="factor to scale by").fill("40")
    card.get_by_role("button", name="Intervene and regenerate").click()
    expect(card.locator(".ew-ablation")).to_contain_text(f"neuron {FIRST} scaled by 40")
    asked = widget.sent("intervene")[-1]["params"]
    assert asked == {"layer": 3, "index": FIRST, "action": "scale", "value": 40}
    assert card.locator(".ew-change-dot").count() == len(DATA["countries"]["intervened"]["log_p"])
    assert "a random neuron" in card.locator(".ew-effect-sentence").inner_text()
    card.get_by_role("textbox", name="factor to scale by").fill("much")
    button = card.get_by_role("button", name="Intervene and regenerate")
    assert button.get_attribute("aria-disabled") == "true"


def test_a_saved_page_shows_what_it_has(open_neurons: Open) -> None:
    widget = open_neurons(live=False, selected=FIRST)
    assert widget.attribute("state") == "offline"
    expect(widget.root.locator(".ew-card")).to_contain_text("needs a kernel")
    row = neurons(widget).index(LAYER["neurons"][1])
    widget.page.mouse.click(*middle(widget, row, 3))
    assert widget.attribute("selected") == str(FIRST)
    assert widget.attribute("shown") == str(LAYER["neurons"][1])
    assert widget.tell("(ew) => ew.kernel.received.length") == 0


@pytest.mark.parametrize("width", [320, 480])
def test_nothing_is_wider_than_a_narrow_column(open_neurons: Open, width: int) -> None:
    widget = open_neurons(width=width + 32, selected=FIRST)
    assert widget.page.evaluate("document.documentElement.scrollWidth") <= width + 32


def test_a_view_that_goes_leaves_nothing_behind(open_neurons: Open) -> None:
    widget = open_neurons()
    widget.page.mouse.move(*middle(widget, 3, 5))
    widget.tell("(ew) => ew.dispose()")
    assert widget.page.locator(".ew-root, .ew-tooltip").count() == 0
    assert widget.tell("(ew) => ew.model.listening") == 0
