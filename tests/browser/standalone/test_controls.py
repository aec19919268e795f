"""Method, target, aggregation, style and scale."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.standalone._widget_page import WidgetPage

Open = Callable[..., WidgetPage]
NOT_ONE_TOKEN = {
    "kind": "invalid_input",
    "message": 'foil must be exactly one token, got " Copenhagen", which makes 3: " Cop", "en", "hagen".',
    "hint": "Pick one of them, or another word.",
}


def test_method_recomputes_the_row_that_is_shown(open_widget: Open) -> None:
    widget = open_widget()
    widget.root.get_by_role("button", name="Integrated Gradients").click()
    widget.wait_painted(31, "integrated_gradients|logit||l2")
    np.testing.assert_array_equal(widget.shares(), widget.row(31, "integrated_gradients|logit||l2"))
    assert "gap 0.4%" in widget.root.inner_text()


def test_unavailable_method_says_why_and_cannot_be_chosen(open_widget: Open) -> None:
    widget = open_widget()
    widget.root.get_by_role("button", name="attribution method: more").click()
    item = widget.page.locator(".ew-menu-item[data-name=deep_lift]")
    assert "its activations share one module" in item.inner_text()
    item.click(force=True)
    assert widget.sent() == []


def test_signed_values_have_two_colours(open_widget: Open) -> None:
    widget = open_widget()
    widget.root.get_by_role("button", name="sign").click()
    widget.wait_painted(31, "grad_x_input|logit||sum")
    shares = widget.shares()
    assert abs(np.nansum(np.abs(shares)) - 1) < 1e-5
    colors = widget.colors()
    red = [[int(part) for part in color[4:-1].split(", ")[:3]] for color in colors if "rgba" not in color]
    assert any(r > b + 40 for r, _, b in red)
    assert any(b > r + 40 for r, _, b in red)
    assert "−" in widget.page.locator(".ew-ramp-box").inner_text()


def test_scale_over_all_tokens_makes_rows_comparable(open_widget: Open) -> None:
    widget = open_widget(rows="all")
    largest = max(np.nanmax(widget.row(position)) for position in range(23, 37))
    widget.root.get_by_role("button", name="scale of the colours").click()
    widget.page.locator(".ew-menu-item[data-name=fixed]").click()
    expect(widget.page.locator(".ew-ramp-box")).to_contain_text(f"{largest:.0%}")
    assert widget.sent()[-1] | {"id": 0} == {"id": 0, "channel": "view", "name": "set", "params": {"scale": "fixed"}}


def test_bars_show_a_percentage_at_each_token(open_widget: Open) -> None:
    widget = open_widget()
    widget.root.get_by_role("button", name="bars").click()
    share = widget.row(31)[11]
    expect(widget.token(11).locator(".ew-percent")).to_have_text(f"{share:.0%}" if share > 0.0995 else f"{share:.1%}")
    expect(widget.token(33).locator(".ew-percent")).to_have_text("")
    strongest = int(np.nanargmax(widget.row(31)))
    bar = widget.token(strongest).locator(".ew-bar").bounding_box()
    track = widget.token(strongest).locator(".ew-track").bounding_box()
    assert bar
    assert track
    assert abs(bar["height"] - track["height"]) < 2


def test_contrast_asks_for_a_token_with_its_leading_space(open_widget: Open) -> None:
    widget = open_widget()
    widget.root.get_by_role("button", name="instead of…").click()
    field = widget.root.get_by_role("textbox", name="token to contrast with")
    expect(field).to_be_focused()
    widget.wait_painted(31, "grad_x_input|contrast||l2")
    assert '" Denmark" instead of " Estonia"' in widget.root.inner_text()  # the best other token
    field.press_sequentially("Latvia")
    field.press("Enter")
    widget.wait_painted(31, "grad_x_input|contrast| Latvia|l2")
    assert widget.sent()[-1]["params"] == {"target": "contrast", "foil": " Latvia"}
    assert '" Denmark" instead of " Latvia"' in widget.root.inner_text()


def test_foil_that_is_not_one_token_is_explained_beside_the_field(open_widget: Open) -> None:
    widget = open_widget(kernel={"failures": {" Copenhagen": NOT_ONE_TOKEN}})
    widget.root.get_by_role("button", name="instead of…").click()
    field = widget.root.get_by_role("textbox", name="token to contrast with")
    field.fill("Copenhagen")
    field.press("Enter")
    widget.wait_state("error")
    assert '" Cop", "en", "hagen"' in widget.page.locator(".ew-foil-problem").inner_text()
    assert field.input_value() == "Copenhagen"
    assert widget.tell("(ew) => [ew.model.get('target'), ew.model.get('foil')]") == ["contrast", None]
    assert widget.attribute("painted") == "grad_x_input|contrast||l2@31"
    field.press("Escape")
    widget.wait_state("ready")


@pytest.mark.parametrize(("width", "lines"), [(1120, 1), (1040, 1), (1020, 2), (720, 2), (640, 2), (360, 2)])
def test_controls_take_as_few_lines_as_they_can(open_widget: Open, width: int, lines: int) -> None:
    widget = open_widget(width=width + 32)
    widget.token(27).hover()
    widget.wait_painted(27)  # the status at its longest: "computed in 20 ms"
    parts = widget.page.locator(".ew-group, .ew-status").all()
    tops = sorted(box["y"] for box in (part.bounding_box() for part in parts) if box)
    assert 1 + sum(below - above > 12 for above, below in pairwise(tops)) == lines


def test_nothing_is_wider_than_a_narrow_column(open_widget: Open) -> None:
    for style in ["minimal", "detailed"]:
        widget = open_widget(width=360 + 32, view_style=style)
        overflow = widget.tell("(ew) => [...ew.root.querySelectorAll('*')].filter((e) => e.scrollWidth > 361).length")
        assert overflow == 0
        assert widget.page.evaluate("document.documentElement.scrollWidth") <= 392
