"""Pointing at a token shows what it is attributed to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.browser.standalone._widget_page import WidgetPage

Open = Callable[..., WidgetPage]
CROATIA, CYPRUS, DENMARK = 23, 27, 31


def test_saved_row_is_drawn_at_once(open_widget: Open) -> None:
    widget = open_widget()
    assert widget.attribute("state") == "ready"
    assert widget.attribute("painted") == f"grad_x_input|logit||l2@{DENMARK}"
    np.testing.assert_array_equal(widget.shares(), widget.row(DENMARK))


def test_hovered_token_shows_its_own_row(open_widget: Open) -> None:
    widget = open_widget(kernel={"delay": 300})
    before = widget.colors()
    widget.token(CYPRUS).hover()
    assert widget.attribute("position") == str(CYPRUS)
    assert widget.attribute("state") == "computing"
    widget.wait_painted(CYPRUS)
    np.testing.assert_array_equal(widget.shares(), widget.row(CYPRUS))
    assert widget.colors() != before
    assert "computed in 300 ms" in widget.root.inner_text()


def test_stronger_shares_have_stronger_colours(open_widget: Open) -> None:
    widget = open_widget()
    shares = np.nan_to_num(widget.shares())[:DENMARK]
    darkness = [
        255 * 3 - sum(map(int, color[4:-1].split(", "))) if "rgba" not in color else 0 for color in widget.colors()
    ]
    order = np.argsort(shares)
    assert np.all(np.diff(np.array(darkness)[order]) >= 0)
    assert darkness[order[-1]] > darkness[order[0]] + 100


def test_prompt_tokens_can_be_explained_but_not_the_first(open_widget: Open) -> None:
    widget = open_widget()
    widget.token(15).hover()
    widget.wait_painted(15)
    widget.token(0).hover()
    assert widget.attribute("position") == "15"
    assert "nothing stands before it" in widget.page.locator(".ew-tooltip").inner_text()


def test_late_answer_does_not_overwrite(open_widget: Open) -> None:
    widget = open_widget(kernel={"answerAll": True, "delay": 600})
    widget.token(CROATIA).hover()
    widget.wait("(ew) => ew.kernel.received.some((m) => m.params.position === 23)")
    widget.tell("(ew) => { ew.kernel.delay = 10; }")
    widget.token(CYPRUS).hover()
    widget.wait_painted(CYPRUS)
    widget.wait("(ew) => ew.kernel.cache.has('grad_x_input|logit||l2@23')")  # the late answer has come
    assert widget.attribute("painted") == f"grad_x_input|logit||l2@{CYPRUS}"
    np.testing.assert_array_equal(widget.shares(), widget.row(CYPRUS))


def test_rows_at_hand_need_no_kernel_and_paint_in_the_same_task(open_widget: Open) -> None:
    widget = open_widget(rows="all", kernel={"deaf": True})
    painted = widget.tell(
        """(ew) => {
            const token = ew.root.querySelector('.ew-token[data-i="27"]');
            token.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX: 5, clientY: 6 }));
            return ew.root.dataset.painted;
        }"""
    )
    assert painted == f"grad_x_input|logit||l2@{CYPRUS}"
    assert widget.attribute("state") == "ready"
    assert widget.sent()[-1]["params"] == {"position": CYPRUS}


def test_fast_hovers_are_paced_and_the_last_one_wins(open_widget: Open) -> None:
    widget = open_widget(kernel={"delay": 60})
    widget.tell(
        """(ew) => {
            for (let i = 1; i <= 30; i++) {
                const token = ew.root.querySelector(`.ew-token[data-i="${i}"]`);
                token.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX: i, clientY: 1 }));
            }
        }"""
    )
    widget.wait_painted(30)
    assert [message["params"]["position"] for message in widget.sent()] == [1, 30]


def test_old_colours_fade_while_a_row_takes_long(open_widget: Open) -> None:
    widget = open_widget(kernel={"delay": 400})
    strong = widget.colors()[15]
    widget.token(CYPRUS).hover()
    assert widget.colors()[15] == strong  # no flicker: a quick answer changes colours once
    widget.wait(
        "(ew, strong) => getComputedStyle(ew.root.querySelectorAll('.ew-token')[15]).backgroundColor !== strong", strong
    )
    assert widget.attribute("painted") == f"grad_x_input|logit||l2@{DENMARK}"
    widget.wait_painted(CYPRUS)


def test_click_pins_and_hover_then_only_tells_the_share(open_widget: Open) -> None:
    widget = open_widget()
    widget.token(DENMARK).click()
    assert widget.tell("(ew) => ew.kernel.state.pinned")
    widget.token(15).hover()
    tooltip = widget.page.locator(".ew-tooltip")
    share = widget.row(DENMARK)[15]
    assert f"{share:.0%}" in tooltip.inner_text()
    assert '" Belgium"' in tooltip.inner_text()
    assert widget.attribute("position") == str(DENMARK)
    widget.token(DENMARK).click()
    assert not widget.tell("(ew) => ew.kernel.state.pinned")


def test_tap_chooses_and_second_tap_pins(open_widget: Open) -> None:
    widget = open_widget(touch=True)
    widget.token(CYPRUS).tap()
    widget.wait_painted(CYPRUS)
    assert not widget.tell("(ew) => ew.kernel.state.pinned")
    widget.token(CYPRUS).tap()
    widget.wait("(ew) => ew.kernel.state.pinned")


def test_text_that_scrolls_under_a_resting_pointer_is_not_hovered(open_widget: Open) -> None:
    widget = open_widget(text="words2000", rows="none")
    widget.token(40).hover()
    widget.wait_painted(40)
    widget.page.mouse.wheel(0, 300)
    widget.wait("(ew) => ew.root.querySelector('.ew-strip').scrollTop > 200")
    widget.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert widget.attribute("position") == "40"
