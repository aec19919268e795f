"""Errors, slow work, silence, other views, the end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from playwright.sync_api import expect

from tests.browser.standalone._widget_page import WidgetPage

Open = Callable[..., WidgetPage]
OUT_OF_MEMORY = {
    "kind": "out_of_memory",
    "message": "Not enough memory for the gradients of 512 tokens.",
    "hint": "Caches were dropped; try a shorter text.",
}


def test_error_says_what_to_do_and_leaves_the_picture(open_widget: Open) -> None:
    widget = open_widget(kernel={"failures": {"27": OUT_OF_MEMORY}})
    widget.token(27).hover()
    widget.wait_state("error")
    banner = widget.root.get_by_role("alert")
    assert OUT_OF_MEMORY["message"] in banner.inner_text()
    assert OUT_OF_MEMORY["hint"] in banner.inner_text()
    assert widget.attribute("painted") == "grad_x_input|logit||l2@31"
    assert widget.attribute("position") == "31"  # the kernel's word
    banner.get_by_role("button", name="dismiss").click()
    widget.wait_state("ready")
    expect(banner).to_have_count(0)


def test_error_message_is_text(open_widget: Open) -> None:
    error = {"kind": "internal", "message": "<img src=x onerror=alert(1)>", "hint": "<b>no</b>"}
    widget = open_widget(kernel={"failures": {"27": error}})
    widget.token(27).hover()
    widget.wait_state("error")
    assert widget.root.locator("img, b:text('no')").count() == 0


def test_long_work_shows_its_progress_and_can_be_cancelled(open_widget: Open) -> None:
    widget = open_widget(kernel={"delay": 3000, "steps": 19})
    widget.root.get_by_role("button", name="Integrated Gradients").click()
    widget.wait("(ew) => ew.root.querySelector('.ew-progress')?.value >= 2")
    assert "of 20" in widget.page.locator(".ew-status").inner_text()
    widget.root.get_by_role("button", name="cancel").click()
    widget.wait_state("stale")
    assert widget.sent("cancel")
    widget.tell("(ew) => { ew.kernel.delay = 10; ew.kernel.steps = 0; }")
    widget.root.get_by_role("button", name="compute").click()
    widget.wait_painted(31, "integrated_gradients|logit||l2")


def test_python_moves_the_view(open_widget: Open) -> None:
    widget = open_widget(kernel={"delay": 300})
    widget.tell("(ew) => ew.kernel.setFromPython({ position: 27 })")
    assert widget.attribute("position") == "27"
    assert widget.attribute("state") == "computing"
    widget.wait_painted(27)
    widget.tell("(ew) => ew.kernel.setFromPython({ attr_method: 'occlusion', view_style: 'detailed', pinned: true })")
    widget.wait_painted(27, "occlusion|logit||l2")
    expect(widget.page.locator(".ew-detailed")).to_have_count(1)
    expect(widget.page.locator(".ew-pin")).to_be_visible()


def test_rows_from_background_work_make_later_hovers_local(open_widget: Open) -> None:
    widget = open_widget()
    widget.wait("(ew) => ew.kernel.received.length > 0")
    widget.tell("(ew) => ew.kernel.sendRows([23, 27])")
    widget.tell("(ew) => { ew.kernel.deaf = true; }")
    widget.token(27).hover()
    assert widget.attribute("painted") == "grad_x_input|logit||l2@27"
    assert "cached" in widget.root.inner_text()


def test_kernel_that_does_not_answer_is_waited_for(open_widget: Open) -> None:
    widget = open_widget(kernel={"deaf": True})
    expect(widget.page.locator(".ew-status")).to_contain_text("waiting for the kernel", timeout=6000)
    widget.tell("(ew) => { ew.kernel.deaf = false; ew.kernel.sendRows([31]); }")
    expect(widget.page.locator(".ew-status")).to_contain_text("ready")


def test_kernel_that_goes_is_noticed(open_widget: Open) -> None:
    widget = open_widget()
    widget.wait("(ew) => ew.kernel.received.length > 0")
    widget.tell("(ew) => ew.kernel.sendRows([23])")
    widget.tell("(ew) => ew.root.parentElement.classList.add('jupyter-widgets-disconnected')")
    widget.wait_state("offline")
    assert "not live: kernel gone" in widget.root.inner_text()
    asked = len(widget.sent())
    widget.token(23).hover()
    assert widget.attribute("painted") == "grad_x_input|logit||l2@23"
    widget.token(27).hover()
    assert widget.attribute("position") == "23"
    assert len(widget.sent()) == asked


def test_saved_page_shows_its_rows_and_says_that_it_is_not_live(open_widget: Open) -> None:
    widget = open_widget(live=False, rows="generated")
    assert widget.attribute("state") == "offline"
    assert "not live" in widget.root.inner_text()
    widget.token(27).hover()
    np.testing.assert_array_equal(widget.shares(), widget.row(27))
    widget.token(5).hover()
    assert widget.attribute("position") == "27"
    assert "was not saved" in widget.page.locator(".ew-tooltip").inner_text()
    occlusion = widget.root.get_by_role("button", name="Integrated Gradients")
    assert occlusion.get_attribute("aria-disabled") == "true"
    widget.root.get_by_role("button", name="bars").click()
    expect(widget.page.locator(".ew-detailed")).to_have_count(1)


def test_two_views_of_one_model_agree(open_widget: Open) -> None:
    widget = open_widget(rows="all")
    widget.tell("async (ew) => { await ew.addView(); }")
    views = widget.page.locator(".ew-attribution")
    expect(views).to_have_count(2)
    views.nth(1).locator('.ew-token[data-i="27"]').hover()
    for i in range(2):
        assert views.nth(i).get_attribute("data-painted") == "grad_x_input|logit||l2@27"
    assert len(widget.sent()) == 1


def test_view_that_goes_leaves_nothing_behind(open_widget: Open) -> None:
    widget = open_widget()
    widget.tell("(ew) => ew.dispose()")
    assert widget.page.locator(".ew-root").count() == 0
    assert widget.tell("(ew) => ew.model.listening") == 0


def test_theme_follows_the_page(open_widget: Open) -> None:
    widget = open_widget()
    assert widget.attribute("theme") == "light"
    light = widget.colors()[15]
    widget.page.evaluate("document.body.classList.add('dark')")
    widget.wait("(ew) => ew.root.dataset.theme === 'dark'")
    assert widget.colors()[15] != light
    widget.page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    widget.wait("(ew) => ew.root.dataset.theme === 'light'")
