"""The text reads as text."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.standalone._widget_page import WidgetPage

Open = Callable[..., WidgetPage]


def test_long_text_wraps_and_scrolls_inside_the_strip(open_widget: Open) -> None:
    widget = open_widget(text="long", position=500)
    strip = widget.tell(
        """(ew) => {
            const { scrollWidth, clientWidth, scrollHeight, clientHeight } = ew.root.querySelector('.ew-strip');
            return { scrollWidth, clientWidth, scrollHeight, clientHeight };
        }"""
    )
    assert strip["scrollWidth"] == strip["clientWidth"]
    assert strip["scrollHeight"] > strip["clientHeight"]
    widget.wait("(ew) => ew.root.querySelector('.ew-strip').scrollTop > 0")  # the chosen token is in sight


def test_words_do_not_break_inside(open_widget: Open) -> None:
    widget = open_widget(text="agreement", width=170, position=9)
    tops = [widget.token(i).bounding_box()["y"] for i in (5, 6)]  # " cabin", "et"
    assert tops[0] == tops[1]


def test_copied_text_is_the_text(open_widget: Open) -> None:
    for text in ["countries", "prose"]:
        widget = open_widget(text=text)
        copied = widget.tell(
            """(ew) => {
                getSelection().selectAllChildren(ew.root.querySelector('.ew-text'));
                return getSelection().toString();
            }"""
        )
        expected = widget.tell("(ew, text) => ew.texts[text].texts.join('')", text)
        assert copied.strip("\n") == expected.strip("\n")


def test_markup_in_tokens_is_text(open_widget: Open) -> None:
    widget = open_widget(text="code", position=20)
    assert widget.root.locator(".ew-text script, .ew-text b").count() == 0
    assert "<script>" in widget.page.locator(".ew-text").inner_text()


def test_pieces_of_a_character_are_chips_beside_it(open_widget: Open) -> None:
    widget = open_widget(text="fragments", position=18)
    assert "🙂" in widget.token(9).inner_text()
    assert widget.token(10).locator(".ew-piece").inner_text() == "2"
    assert widget.token(10).get_attribute("aria-label") == 'piece 2 of 3 of " 🙂", token 10'
    assert "\ufffd" not in widget.page.locator(".ew-text").inner_text()
    assert widget.token(0).locator(".ew-chip").inner_text() == "<|endoftext|>"


def test_every_token_is_wide_enough_to_hit(open_widget: Open) -> None:
    for text in ["countries", "code", "fragments"]:
        widget = open_widget(text=text, position=20)
        widths = widget.tell(
            "(ew) => [...ew.root.querySelectorAll('.ew-token')].map((t) => t.getBoundingClientRect().width)"
        )
        assert min(widths) >= 7, (text, widths)


def test_generated_tokens_differ_from_the_prompt(open_widget: Open) -> None:
    widget = open_widget()
    assert "ew-generated" not in widget.token(22).get_attribute("class")
    assert "ew-generated" in widget.token(23).get_attribute("class")
    assert "ew-future" in widget.token(33).get_attribute("class")
    assert "ew-future" not in widget.token(30).get_attribute("class")
