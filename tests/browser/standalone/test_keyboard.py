"""Everything can be done without a pointer."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.standalone._widget_page import WidgetPage

Open = Callable[..., WidgetPage]


def test_arrows_choose_and_the_focus_follows(open_widget: Open) -> None:
    widget = open_widget(rows="all")
    widget.token(31).focus()
    for key, position in [
        ("ArrowLeft", 30),
        ("ArrowRight", 31),
        ("End", 36),
        ("ArrowRight", 36),
        ("Home", 1),
        ("ArrowLeft", 1),
    ]:
        widget.page.keyboard.press(key)
        assert widget.attribute("position") == str(position)
        assert widget.tell("(ew) => document.activeElement.dataset.i") == str(position)
    assert widget.page.locator(".ew-token[tabindex='0']").count() == 1


def test_up_and_down_go_from_line_to_line(open_widget: Open) -> None:
    widget = open_widget(rows="all")
    widget.token(31).focus()
    widget.page.keyboard.press("ArrowUp")
    assert widget.attribute("position") == "27"  # Cyprus is above Denmark
    widget.page.keyboard.press("ArrowDown")
    assert widget.attribute("position") == "31"


def test_enter_pins_and_escape_frees(open_widget: Open) -> None:
    widget = open_widget(rows="all")
    widget.token(31).focus()
    widget.page.keyboard.press("Enter")
    assert widget.tell("(ew) => ew.model.get('pinned')")
    widget.page.keyboard.press("ArrowLeft")
    assert widget.attribute("position") == "30"
    widget.page.keyboard.press("Escape")
    assert not widget.tell("(ew) => ew.model.get('pinned')")


def test_escape_cancels_what_is_running(open_widget: Open) -> None:
    widget = open_widget(kernel={"delay": 60_000})
    widget.token(31).focus()
    widget.page.keyboard.press("ArrowLeft")
    widget.wait_state("computing")
    widget.page.keyboard.press("Escape")
    widget.wait_state("stale")
    request = widget.sent()[-1]
    assert widget.sent("cancel")[-1]["params"] == {"id": request["id"]}


def test_shift_and_arrows_look_without_choosing(open_widget: Open) -> None:
    widget = open_widget(rows="all")
    widget.token(31).focus()
    widget.page.keyboard.press("Shift+ArrowLeft")
    widget.page.keyboard.press("Shift+ArrowLeft")
    assert widget.attribute("position") == "31"
    assert "token 29" in widget.page.locator(".ew-tooltip").inner_text()


def test_keys_that_mean_something_here_do_not_reach_the_host(open_widget: Open) -> None:
    widget = open_widget(rows="all")
    widget.page.evaluate(
        """() => {
            window.heard = [];
            document.addEventListener('keydown', (event) => window.heard.push(event.key), true);
        }"""
    )
    widget.token(31).focus()
    for key in ["ArrowLeft", "Enter", "Escape", "Shift+Enter", "Control+s"]:
        widget.page.keyboard.press(key)
    assert widget.page.evaluate("window.heard") == ["Shift", "Enter", "Control", "s"]


def test_host_shortcuts_are_suppressed_for_plain_keys_only(open_widget: Open) -> None:
    widget = open_widget()
    widget.page.evaluate(
        """() => {
            window.suppressed = {};
            document.addEventListener('keydown', (event) => {
                window.suppressed[event.key] = event.target.closest('[data-lm-suppress-shortcuts]') !== null;
            }, true);
        }"""
    )
    widget.root.get_by_role("button", name="bars").focus()
    for key in ["d", "Enter", "Control+b"]:
        widget.page.keyboard.press(key)
    assert widget.page.evaluate("window.suppressed") == {"d": True, "Enter": True, "Control": False, "b": False}


def test_assistive_technology_is_told_position_and_shares(open_widget: Open) -> None:
    widget = open_widget()
    token = widget.token(31)
    assert token.get_attribute("role") == "option"
    assert token.get_attribute("aria-selected") == "true"
    assert token.get_attribute("aria-label").startswith('" Denmark", token 31, explained, rank')
    assert widget.token(0).get_attribute("aria-disabled") == "true"
    widget.wait("(ew) => ew.root.querySelector('[aria-live]').textContent.includes('Most from')")


def test_menu_is_operated_by_keys(open_widget: Open) -> None:
    widget = open_widget()
    widget.root.get_by_role("button", name="attribution method: more").focus()
    widget.page.keyboard.press("Enter")
    widget.page.keyboard.press("ArrowDown")
    widget.page.keyboard.press("Enter")
    widget.wait_painted(31, "gradient_shap|logit||l2")
    assert widget.page.locator(".ew-menu").count() == 0
    widget.page.keyboard.press("Enter")
    widget.page.keyboard.press("Escape")
    assert widget.page.locator(".ew-menu").count() == 0
