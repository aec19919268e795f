"""The ranks of watched tokens on a page without Jupyter: figures, the field with its completions, every control."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.standalone._widget_page import WidgetPage

Open = Callable[..., WidgetPage]
IS, ARE, WAS = 391, 524, 358


@pytest.fixture
def open_watch(open_widget: Open) -> Open:
    defaults: dict[str, Any] = {"widget": "rankings_watch", "text": "keys", "position": 5, "watch": [IS, ARE]}
    return lambda **options: open_widget(**{**defaults, **options})


def ranks(widget: WidgetPage) -> list[list[int]]:
    """What the stand-in kernel answers to the present traits, (L, W)."""
    script = """async (ew) => {
        const { ranksOf } = await import('/lens.js');
        const { ids, ranks } = ranksOf(ew.kernel.state);
        return Array.from({ length: 6 }, (_, l) => [...ranks.data].slice(l * ids.length, (l + 1) * ids.length));
    }"""
    return list(widget.tell(script))


def shown(widget: WidgetPage) -> list[list[str]]:
    """The numbers of the columns figure, top row first."""
    script = """(ew) => [...ew.root.querySelectorAll('.ew-columns tbody tr')].map((row) =>
        [...row.querySelectorAll('.ew-columns-cell')].map((cell) => cell.textContent))"""
    return list(widget.tell(script))


def field(widget: WidgetPage) -> Locator:
    return widget.root.get_by_role("combobox", name="token to watch")


def chips(widget: WidgetPage) -> list[int]:
    return [int(chip.get_attribute("data-id") or -1) for chip in widget.root.locator(".ew-watched-chip").all()]


def wait_painted(widget: WidgetPage, key: str) -> None:
    widget.wait("(ew, key) => ew.root.dataset.painted === key", key)


def test_columns_show_the_ranks(open_watch: Open) -> None:
    widget = open_watch()
    assert shown(widget) == [[str(rank) for rank in row] for row in ranks(widget)]
    assert widget.attribute("painted") == f"1|block|{IS},{ARE}@5"
    # The agreement with the head noun: the last layer prefers the plural.
    last = ranks(widget)[-1]
    assert last[1] < last[0]
    best = widget.root.locator(".ew-columns tbody tr").last.locator(".ew-best")
    assert best.get_attribute("data-id") == str(ARE)


def test_colours_follow_the_rank(open_watch: Open) -> None:
    widget = open_watch()
    script = """(ew) => [...ew.root.querySelectorAll('.ew-columns-cell')].map((cell) =>
        [Number(cell.textContent), getComputedStyle(cell).backgroundColor.match(/\\d+/g).map(Number)])"""
    cells = sorted(widget.tell(script))
    brightness = [sum(color) for _, color in cells]
    assert brightness == sorted(brightness)  # on a light page, better is darker


def test_token_is_completed_and_added(open_watch: Open) -> None:
    widget = open_watch()
    field(widget).fill("wa")
    options = widget.page.get_by_role("option", name="was")
    options.wait_for()
    widget.page.keyboard.press("ArrowDown")
    while widget.page.locator(".ew-completion.ew-active").get_attribute("data-id") != str(WAS):
        widget.page.keyboard.press("ArrowDown")
    widget.page.keyboard.press("Enter")
    wait_painted(widget, f"1|block|{IS},{ARE},{WAS}@5")
    assert chips(widget) == [IS, ARE, WAS]
    assert shown(widget) == [[str(rank) for rank in row] for row in ranks(widget)]
    expect(field(widget)).to_have_value("")
    expect(field(widget)).to_be_focused()


def test_exact_token_needs_enter_only(open_watch: Open) -> None:
    widget = open_watch()
    field(widget).fill("was")
    widget.page.locator(".ew-completion.ew-active").wait_for()
    widget.page.keyboard.press("Enter")
    wait_painted(widget, f"1|block|{IS},{ARE},{WAS}@5")


def test_text_that_is_not_one_token_offers_its_pieces(open_watch: Open) -> None:
    widget = open_watch()
    field(widget).fill("cabinets")
    box = widget.page.locator(".ew-completions")
    expect(box).to_contain_text("is 2 tokens")
    pieces = box.locator(".ew-completion", has_text="piece")
    assert [piece.locator(".ew-token-text").text_content() for piece in pieces.all()] == [" cabinet", "s"]
    widget.page.keyboard.press("Enter")  # nothing is chosen: nothing is added
    assert chips(widget) == [IS, ARE]
    pieces.first.click()
    widget.wait("(ew) => ew.model.get('watch').length === 3")


def test_tokens_can_be_removed(open_watch: Open) -> None:
    widget = open_watch()
    widget.root.get_by_role("button", name='stop watching " is"').click()
    wait_painted(widget, f"1|block|{ARE}@5")
    field(widget).press("Backspace")
    wait_painted(widget, "1|block|@5")
    assert "Add tokens" in widget.root.locator(".ew-nothing").inner_text()
    widget.wait("(ew) => ew.kernel.state.watch.length === 0")


def test_token_that_stands_there_is_offered(open_watch: Open) -> None:
    widget = open_watch(watch=[IS])
    widget.root.get_by_role("button", name='watch " are"').click()
    wait_painted(widget, f"1|block|{IS},{ARE}@5")
    assert widget.root.locator(".ew-offer").count() == 0


def test_position_is_live_and_the_last_one_wins(open_watch: Open) -> None:
    widget = open_watch()
    for index in (6, 7, 8, 9, 10, 11):
        widget.token(index).hover()
    wait_painted(widget, f"1|block|{IS},{ARE}@11")
    widget.wait("(ew) => ew.kernel.state.position === 11")
    assert widget.attribute("state") in {"ready", "computing"}
    widget.wait_state("ready")
    assert widget.root.locator(".ew-columns").get_attribute("data-faded") == "false"


def test_lines_tell_their_numbers(open_watch: Open) -> None:
    widget = open_watch(view_style="lines")
    lines = widget.root.locator(".ew-line")
    assert [line.get_attribute("data-id") for line in lines.all()] == [str(IS), str(ARE)]
    figure = widget.root.locator(".ew-lines")
    figure.focus()
    for _ in range(6):
        widget.page.keyboard.press("ArrowRight")
    readout = widget.root.locator(".ew-readout")
    last = ranks(widget)[-1]
    found = [row.inner_text().split() for row in readout.locator(".ew-readout-row").all()]
    assert [row[-2] for row in found] == [str(rank) for rank in sorted(last)]
    assert "layer 5" in readout.inner_text()
    widget.page.keyboard.press("Escape")
    expect(readout).to_have_count(0)


def test_lines_and_labels_stay_inside(open_watch: Open) -> None:
    widget = open_watch(view_style="lines", width=352, watch=[IS, ARE, WAS, 582, 749, 519])
    script = """(ew) => {
        const box = ew.root.getBoundingClientRect();
        return [...ew.root.querySelectorAll('.ew-line, .ew-line-name, .ew-tick-text')].every((part) => {
            const { left, right, top, bottom } = part.getBoundingClientRect();
            return left >= box.left && right <= box.right && top >= box.top && bottom <= box.bottom;
        });
    }"""
    assert widget.tell(script)


def test_style_and_order_only_show_differently(open_watch: Open) -> None:
    widget = open_watch()
    rows = shown(widget)
    widget.root.get_by_role("button", name="0 on top").click()
    assert shown(widget) == rows[::-1]
    widget.root.get_by_role("button", name="lines").click()
    assert widget.attribute("style") == "lines"
    widget.wait("(ew) => ew.kernel.received.filter((m) => m.channel === 'view').length === 2")
    assert all(message["channel"] == "view" for message in widget.sent() if "marked" not in message["params"])


def test_final_norm_recomputes(open_watch: Open) -> None:
    widget = open_watch()
    widget.root.get_by_role("button", name="final norm").click()
    wait_painted(widget, f"0|block|{IS},{ARE}@5")
    assert shown(widget) == [[str(rank) for rank in row] for row in ranks(widget)]


def test_sibling_adds_a_token(open_watch: Open) -> None:
    widget = open_watch()
    script = """(ew, id) => {
        ew.model.set('_watched', [...ew.model.get('_watched'), { id, text: ' was' }]);
        ew.kernel.setFromPython({ watch: [...ew.model.get('watch'), id] });
    }"""
    widget.tell(script, WAS)
    wait_painted(widget, f"1|block|{IS},{ARE},{WAS}@5")
    assert chips(widget) == [IS, ARE, WAS]


def test_refused_token_goes_again(open_watch: Open) -> None:
    widget = open_watch()
    error = {"kind": "invalid_input", "message": "at most 24 tokens can be watched, got 25.", "hint": "Remove some."}
    widget.tell("(ew, error) => { ew.kernel.refuseNext = error; }", error)
    field(widget).fill("was")
    widget.page.locator(".ew-completion.ew-active").wait_for()
    widget.page.keyboard.press("Enter")
    widget.wait_state("error")
    assert error["message"] in widget.root.get_by_role("alert").inner_text()
    assert chips(widget) == [IS, ARE]


def test_without_a_kernel_the_field_rests(open_watch: Open) -> None:
    widget = open_watch(live=False)
    widget.wait_state("offline")
    expect(field(widget)).to_be_disabled()
    widget.root.get_by_role("button", name="lines").click()
    assert widget.root.locator(".ew-line").count() == 2
