"""The layer predictions on a page without Jupyter: what is drawn, every control, keys, errors, silence."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.standalone._widget_page import WidgetPage

Open = Callable[..., WidgetPage]
PAINTED = "10|1|block"


@pytest.fixture
def open_predictions(open_widget: Open) -> Open:
    return lambda **options: open_widget(**{"widget": "layer_predictions", "text": "keys", "position": 5, **options})


def cell(widget: WidgetPage, row: int, column: int) -> Locator:
    return widget.root.locator(f'.ew-pred-cell[data-row="{row}"][data-column="{column}"]')


def answer(widget: WidgetPage) -> dict[str, Any]:
    """What the stand-in kernel answers to the present traits."""
    script = """async (ew) => {
        const { topOf } = await import('/lens.js');
        const { texts, ids, probabilities, actual_ranks } = topOf(ew.kernel.state);
        return { texts, ids: [...ids.data], probabilities: [...probabilities.data], ranks: [...actual_ranks.data] };
    }"""
    return dict(widget.tell(script))


def wait_painted(widget: WidgetPage, position: int, how: str = PAINTED) -> None:
    widget.wait("(ew, key) => ew.root.dataset.painted === key", f"{how}@{position}")


def shown(widget: WidgetPage) -> dict[str, Any]:
    """What the table shows, top row first."""
    script = """(ew) => {
        const rows = [...ew.root.querySelectorAll('.ew-pred-row:not(.ew-pred-header)')];
        const cells = (row) => [...row.querySelectorAll('.ew-pred-cell')];
        return {
            layers: rows.map((row) => row.querySelector('.ew-pred-layer').textContent),
            ids: rows.flatMap((row) => cells(row).map((cell) => Number(cell.dataset.id))),
            texts: rows.map((row) => cells(row).map((cell) => cell.querySelector('.ew-pred-token').textContent)),
            widths: rows.flatMap((row) => cells(row).map((cell) =>
                parseFloat(cell.querySelector('.ew-pred-bar').style.width))),
            ranks: rows.map((row) => row.querySelector('.ew-pred-rank')?.textContent.replaceAll(',', '')),
        };
    }"""
    return dict(widget.tell(script))


def test_draws_what_the_kernel_said(open_predictions: Open) -> None:
    widget = open_predictions()
    expected, found = answer(widget), shown(widget)
    assert found["layers"] == [f"layer {layer}" for layer in range(6)]
    assert found["ids"] == expected["ids"]
    assert found["widths"] == pytest.approx([100 * p for p in expected["probabilities"]], abs=0.006)
    assert found["ranks"] == [str(rank) for rank in expected["ranks"]]
    assert widget.sent() == []  # it was saved with the page


def test_tiny_probabilities_are_said_to_be_tiny(open_predictions: Open) -> None:
    widget = open_predictions(text="countries", position=31)
    expect(cell(widget, 5, 9).locator(".ew-pred-percent")).to_have_text("<0.01%")


def test_actual_token_is_marked_wherever_it_occurs(open_predictions: Open) -> None:
    widget = open_predictions()
    actual = widget.tell("(ew) => ew.model.get('_tokens').ids[5]")
    marked = widget.root.locator(".ew-pred-cell.ew-actual")
    assert marked.count() == answer(widget)["ids"].count(actual)
    assert {element.get_attribute("data-id") for element in marked.all()} == {str(actual)}


def test_pointing_at_a_token_shows_its_position(open_predictions: Open) -> None:
    widget = open_predictions()
    widget.token(7).hover()
    wait_painted(widget, 7)
    assert shown(widget)["ids"] == answer(widget)["ids"]
    assert {"position": 7} in [message["params"] for message in widget.sent()]
    assert {"marked": 7} in [message["params"] for message in widget.sent()]


def test_click_pins_and_escape_frees(open_predictions: Open) -> None:
    widget = open_predictions()
    widget.token(7).click()
    wait_painted(widget, 7)
    widget.token(9).hover()
    expect(widget.root.locator(".ew-pin")).to_be_visible()
    assert widget.attribute("position") == "7"
    widget.page.keyboard.press("Escape")
    widget.token(10).hover()
    wait_painted(widget, 10)


def test_next_token_can_be_chosen_and_has_nothing_that_stands_there(open_predictions: Open) -> None:
    widget = open_predictions()
    widget.token(12).click()
    widget.page.keyboard.press("ArrowRight")
    wait_painted(widget, 13)
    assert widget.root.locator(".ew-ghost.ew-selected").count() == 1
    assert widget.root.locator(".ew-pred-tail").count() == 0
    assert 'after " eagle"' in widget.root.locator(".ew-heading").inner_text()


def test_fast_dragging_of_the_slider_ends_at_the_last_value(open_predictions: Open) -> None:
    widget = open_predictions(topk=3)
    slider = widget.root.get_by_role("slider")
    box = slider.bounding_box()
    assert box
    widget.page.mouse.move(box["x"] + 20, box["y"] + 8)
    widget.page.mouse.down()
    for x in (90, 30, 100, 50, 103):
        widget.page.mouse.move(box["x"] + x, box["y"] + 8)
    widget.page.mouse.up()
    wait_painted(widget, 5, "12|1|block")
    widget.wait("(ew) => ew.kernel.state.topk === 12")
    assert shown(widget)["ids"] == answer(widget)["ids"]


def test_number_of_tokens_can_be_typed_and_stepped(open_predictions: Open) -> None:
    widget = open_predictions()
    field = widget.root.get_by_role("spinbutton", name="tokens of each layer")
    field.fill("4")
    wait_painted(widget, 5, "4|1|block")
    field.press("ArrowUp")
    wait_painted(widget, 5, "5|1|block")
    field.fill("nothing")
    field.blur()
    expect(field).to_have_value("5")


def test_final_norm_and_layer_order_are_live(open_predictions: Open) -> None:
    widget = open_predictions()
    widget.root.get_by_role("button", name="final norm").click()
    wait_painted(widget, 5, "10|0|block")
    assert shown(widget)["ids"] == answer(widget)["ids"]
    widget.root.get_by_role("button", name="0 on top").click()
    assert shown(widget)["layers"] == [f"layer {layer}" for layer in reversed(range(6))]
    assert widget.sent()[-1]["channel"] == "view"


def test_site_that_the_model_lacks_says_why(open_predictions: Open) -> None:
    widget = open_predictions(unavailable={"attention_out": "attention and feed-forward are added in one step"})
    widget.root.get_by_role("button", name="where the lens reads").click()
    item = widget.page.locator(".ew-menu-item[data-name=attention_out]")
    assert "in one step" in item.inner_text()
    item.click(force=True)
    assert widget.sent() == []


def test_candidate_can_be_watched_and_contrasted(open_predictions: Open) -> None:
    widget = open_predictions()
    first = cell(widget, 4, 0)
    first.click()
    popover = widget.page.locator(".ew-token-popover")
    popover.get_by_role("button", name="watch it").click()
    expect(first).to_have_class("ew-pred-cell ew-watched")
    chip = widget.root.locator(".ew-watched-chip")
    assert chip.get_attribute("data-id") == first.get_attribute("data-id")
    popover.get_by_role("button", name="contrast with it").click()
    expect(popover).to_contain_text("contrasts with it now")
    assert widget.sent("contrast")[0]["params"] == {"id": int(first.get_attribute("data-id") or -1), "position": 5}
    widget.page.keyboard.press("Escape")
    expect(popover).to_have_count(0)
    chip.get_by_role("button").click()
    expect(first).to_have_class("ew-pred-cell")


def test_refused_contrast_is_said_in_the_popover(open_predictions: Open) -> None:
    error = {"kind": "invalid_input", "message": "the token is not one token of the text.", "hint": ""}
    widget = open_predictions(kernel={"failures": {"contrast": error}})
    cell(widget, 4, 0).click()
    popover = widget.page.locator(".ew-token-popover")
    popover.get_by_role("button", name="contrast with it").click()
    expect(popover).to_contain_text(error["message"])
    widget.page.keyboard.press("Escape")
    widget.wait_state("ready")


def test_keys_alone_do_everything(open_predictions: Open) -> None:
    widget = open_predictions()
    cell(widget, 0, 0).focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Enter"):
        widget.page.keyboard.press(key)
    popover = widget.page.locator(".ew-token-popover")
    expect(popover.get_by_role("button", name="watch it")).to_be_focused()
    widget.page.keyboard.press("Enter")
    widget.page.keyboard.press("Escape")
    expect(cell(widget, 1, 2)).to_be_focused()
    expect(cell(widget, 1, 2)).to_have_class("ew-pred-cell ew-watched")


def test_token_text_is_text(open_predictions: Open) -> None:
    widget = open_predictions()
    widget.tell("(ew) => { ew.hacked = 0; }")
    script = """async (ew) => {
        const { topOf } = await import('/lens.js');
        const top = topOf(ew.kernel.state);
        const texts = top.texts.map((row) => row.map(() => '<img src=x onerror="window.ew.hacked = 1">'));
        ew.kernel.sendData({ top: { ...top, texts } });
    }"""
    widget.tell(script)
    expect(cell(widget, 0, 0).locator(".ew-pred-token")).to_contain_text("<img")
    assert widget.root.locator("img").count() == 0


def test_single_layer_is_a_list(open_predictions: Open) -> None:
    widget = open_predictions(layers=[5], position=13)
    assert widget.root.locator(".ew-pred.ew-single").count() == 1
    boxes = [cell(widget, 0, column).bounding_box() for column in range(10)]
    assert all(a and b and b["y"] > a["y"] and b["x"] == a["x"] for a, b in pairwise(boxes))
    cell(widget, 0, 0).focus()
    widget.page.keyboard.press("ArrowDown")
    expect(cell(widget, 0, 1)).to_be_focused()


def test_error_leaves_the_picture(open_predictions: Open) -> None:
    error = {"kind": "out_of_memory", "message": "Not enough memory for the states.", "hint": "Try a shorter text."}
    widget = open_predictions(kernel={"failures": {"6": error}})
    widget.token(6).hover()
    widget.wait_state("error")
    assert error["message"] in widget.root.get_by_role("alert").inner_text()
    assert widget.attribute("painted") == f"{PAINTED}@5"
    assert widget.attribute("position") == "5"


def test_without_a_kernel_what_was_saved_stays(open_predictions: Open) -> None:
    widget = open_predictions(live=False)
    widget.wait_state("offline")
    widget.token(7).hover()
    assert "was not saved" in widget.root.locator(".ew-lens-legend").inner_text()
    assert widget.attribute("painted") == f"{PAINTED}@5"
    widget.root.get_by_role("spinbutton").fill("4")
    wait_painted(widget, 5, "4|1|block")
    assert widget.root.get_by_role("button", name="final norm").get_attribute("aria-disabled") == "true"


def test_python_moves_the_view(open_predictions: Open) -> None:
    widget = open_predictions()
    widget.tell("(ew) => ew.kernel.setFromPython({ position: 9, topk: 3 })")
    wait_painted(widget, 9, "3|1|block")
    widget.tell("(ew) => ew.model.set('marked', 2)")
    expect(widget.token(2)).to_have_class("ew-token ew-marked")


@pytest.mark.parametrize("width", [352, 700, 1152])
def test_nothing_sticks_out(open_predictions: Open, width: int) -> None:
    widget = open_predictions(width=width, topk=12)
    assert widget.tell("(ew) => document.documentElement.scrollWidth <= window.innerWidth")
    assert widget.tell("(ew) => ew.root.scrollWidth <= ew.root.clientWidth")
    box = widget.tell("(ew) => { const p = ew.root.querySelector('.ew-pred'); return [p.scrollWidth, p.clientWidth]; }")
    assert box[0] >= box[1]
