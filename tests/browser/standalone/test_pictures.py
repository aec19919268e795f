"""Pictures of every state worth looking at, into the git-ignored folder ``screenshots/``: open them, each of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.standalone._widget_page import WidgetPage

Open = Callable[..., WidgetPage]
Act = Callable[[WidgetPage], Any]
OUT_OF_MEMORY = {
    "kind": "out_of_memory",
    "message": "Not enough memory for the gradients of 82 tokens at once.",
    "hint": "Cached rows were dropped. Try fewer steps, or a shorter text.",
}
NOT_ONE_TOKEN = {
    "kind": "invalid_input",
    "message": 'foil must be exactly one token, got " Copenhagen", which makes 3: " Cop", "en", "hagen".',
    "hint": "Pick one of them, or another word.",
}


def computed(widget: WidgetPage) -> None:
    widget.tell("(ew) => { ew.kernel.delay = 38; }")
    widget.token(27).hover()
    widget.wait_painted(27)
    widget.token(31).hover()
    widget.wait("(ew) => ew.root.dataset.painted.endsWith('@31')")
    widget.token(32).hover()
    widget.wait("(ew) => ew.root.dataset.painted.endsWith('@32')")
    widget.tell("(ew) => ew.model.set('position', 31)")
    widget.page.mouse.move(5, 5)


def hover(index: int) -> Act:
    return lambda widget: widget.token(index).hover()


def failed(widget: WidgetPage) -> None:
    widget.token(27).hover()
    widget.wait_state("error")
    widget.page.mouse.move(5, 5)


def wrong_foil(widget: WidgetPage) -> None:
    widget.root.get_by_label("what is explained").get_by_text("instead of…").click()
    field = widget.root.get_by_role("textbox", name="token to contrast with")
    field.fill("Copenhagen")
    field.press("Enter")
    widget.wait_state("error")


def contrast(widget: WidgetPage) -> None:
    widget.root.get_by_label("what is explained").get_by_text("instead of…").click()
    field = widget.root.get_by_role("textbox", name="token to contrast with")
    field.fill("Estonia")
    field.press("Enter")
    widget.wait_painted(31, "grad_x_input|contrast| Estonia|l2")


def long_work(widget: WidgetPage) -> None:
    widget.root.get_by_role("button", name="Integrated Gradients").click()
    widget.wait("(ew) => ew.root.querySelector('.ew-progress')?.value >= 8")


def gap(widget: WidgetPage) -> None:
    widget.root.get_by_role("button", name="Integrated Gradients").click()
    widget.wait_painted(31, "integrated_gradients|logit||l2")


def menu(name: str, item: str) -> Act:
    def act(widget: WidgetPage) -> None:
        widget.root.get_by_role("button", name=name).click()
        widget.page.locator(f".ew-menu-item[data-name={item}]").hover()

    return act


def offline(widget: WidgetPage) -> None:
    widget.token(27).hover()
    widget.token(5).hover()


def selected_by_key(widget: WidgetPage) -> None:
    widget.token(20).focus()
    widget.page.keyboard.press("ArrowRight")


PICTURES: dict[str, tuple[dict[str, Any], Act | None]] = {
    "minimal": ({}, computed),
    "minimal-960": ({"width": 992}, computed),
    "minimal-720": ({"width": 752}, computed),
    "hover": ({"kernel": {"delay": 38}}, hover(27)),
    "detailed": ({"view_style": "detailed"}, computed),
    "detailed-prose": ({"view_style": "detailed", "text": "prose", "position": 36}, None),
    "signed": ({"aggregation": "sum", "pinned": True}, hover(15)),
    "signed-detailed": ({"aggregation": "sum", "view_style": "detailed", "text": "prose", "position": 36}, None),
    "prose": ({"text": "prose", "position": 40}, None),
    "long": ({"text": "long", "position": 300, "width": 992}, None),
    "long-2000": ({"text": "words2000", "position": 900, "width": 992}, None),
    "fixed-scale": ({"rows": "all", "scale": "fixed"}, hover(27)),
    "error": ({"kernel": {"failures": {"27": OUT_OF_MEMORY}}}, failed),
    "foil-error": ({"kernel": {"failures": {" Copenhagen": NOT_ONE_TOKEN}}}, wrong_foil),
    "foil": ({}, contrast),
    "computing": ({"kernel": {"delay": 60_000}}, lambda w: (w.token(27).hover(), w.page.wait_for_timeout(1300))),
    "progress": ({"kernel": {"delay": 4000, "steps": 19}}, long_work),
    "gap": ({}, gap),
    "menu": ({"width": 992}, menu("attribution method: more", "gradient_shap")),
    "menu-size": ({}, menu("size: L2", "l1")),
    "narrow": ({"width": 392}, computed),
    "narrow-detailed": ({"width": 392, "view_style": "detailed"}, None),
    "narrow-error": ({"width": 392, "kernel": {"failures": {"27": OUT_OF_MEMORY}}}, failed),
    "narrow-foil": ({"width": 392, "target": "contrast", "foil": " Estonia"}, None),
    "fragments": ({"text": "fragments", "position": 18}, None),
    "code": ({"text": "code", "position": 25, "pinned": True}, hover(20)),
    "offline": ({"live": False, "rows": "generated"}, offline),
    "masked": ({"text": "masked", "position": 6}, hover(3)),
    "translation": ({"text": "translation", "position": 11}, hover(3)),
    "translation-detailed": ({"text": "translation", "position": 11, "view_style": "detailed"}, None),
    "narrow-translation": ({"text": "translation", "position": 11, "width": 392}, None),
    "classes": ({"text": "review", "position": 12}, None),
    "unchosen": ({"position": None}, None),
    "keyboard": ({"rows": "all"}, selected_by_key),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PICTURES)
def test_picture(open_widget: Open, screenshots: Path, name: str, theme: str) -> None:
    options, act = PICTURES[name]
    widget = open_widget(**{"width": 1152, "height": 780, "pixel_ratio": 1.5, "dark": theme == "dark", **options})
    if act:
        act(widget)
    path = screenshots / f"standalone-{name}-{theme}.png"
    widget.picture(path)
    assert path.stat().st_size > 4000
