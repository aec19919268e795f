"""Pictures of the factors widget in every state, into the git-ignored folder ``screenshots/``: open each of them."""

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
    "message": "Not enough memory for the activations of 82 tokens.",
    "hint": "Choose fewer layers.",
}


def settle(widget: WidgetPage, milliseconds: int = 250) -> None:
    widget.page.wait_for_timeout(milliseconds)


def hover_row(key: int, share: float = 0.8) -> Act:
    def act(widget: WidgetPage) -> None:
        box = widget.root.locator(f'.ew-spark[data-key="{key}"] .ew-spark-chart').bounding_box()
        assert box
        widget.page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        settle(widget)

    return act


def hover_token(index: int) -> Act:
    def act(widget: WidgetPage) -> None:
        widget.token(index).hover()
        settle(widget)

    return act


def slide(count: int) -> Act:
    return lambda widget: widget.root.get_by_role("spinbutton", name="number of factors").fill(str(count))


def refining(widget: WidgetPage) -> None:
    slide(9)(widget)
    settle(widget, 1700)


def stopped(widget: WidgetPage) -> None:
    refining(widget)
    widget.root.get_by_role("button", name="cancel").click()
    widget.wait_state("ready")


def grown(widget: WidgetPage) -> None:
    slide(8)(widget)
    widget.wait_state("ready")
    settle(widget)


def failed(widget: WidgetPage) -> None:
    slide(9)(widget)
    widget.wait_state("error")


def ablate(widget: WidgetPage) -> None:
    widget.root.get_by_role("button", name="Ablate and regenerate").click()
    widget.root.locator(".ew-ablation").wait_for()
    settle(widget)


def ablating(widget: WidgetPage) -> None:
    widget.root.get_by_role("button", name="Ablate and regenerate").click()
    settle(widget, 800)


def scaled(widget: WidgetPage) -> None:
    widget.root.get_by_role("button", name="scale").click()


def menu(widget: WidgetPage) -> None:
    widget.root.get_by_role("button", name="method").click()


def shift(widget: WidgetPage) -> None:
    widget.root.locator(".ew-hint-word").hover()
    settle(widget)


SLOW = {"kernel": {"delay": 3000, "steps": 30}}
BATCH = {"texts": [{"start": 0, "stop": 15}, {"start": 15, "stop": 30}, {"start": 30, "stop": 43}]}

PICTURES: dict[str, tuple[dict[str, Any], Act | None]] = {
    "2": ({"n_components": 2}, None),
    "6": ({}, None),
    "6-some-layers": ({"layers": [0, 1, 2]}, None),
    "10": ({"n_components": 10}, None),
    "18": ({"n_components": 18}, None),
    "hover-row": ({}, hover_row(1)),
    "hover-token": ({}, hover_token(31)),
    "pinned": ({"pinned": [1, 3]}, None),
    "numbers": ({"text": "numbers", "n_components": 2}, None),
    "passage": ({"text": "passage", "n_components": 10}, None),
    "passage-focus": ({"text": "passage", "n_components": 18}, hover_row(4, 0.5)),
    "grown": ({}, grown),
    "refining": ({**SLOW}, refining),
    "stopped": ({**SLOW}, stopped),
    "error": ({"kernel": {"failures": {"9": OUT_OF_MEMORY}}}, failed),
    "offline": ({"live": False, "card": 1}, None),
    "card": ({"card": 1}, None),
    "card-wait": ({"card": 1, "kernel": {"operationDelay": 60_000, "operationSteps": 2}}, ablating),
    "card-scale": ({"card": 0}, scaled),
    "ablation": ({"card": 1}, ablate),
    "ablation-numbers": ({"card": 0, "text": "numbers", "n_components": 2}, ablate),
    "method": ({}, menu),
    "pca": ({"method": "pca"}, None),
    "shift": ({}, shift),
    "batch": ({**BATCH}, None),
    "medium": ({"width": 792, "card": 2}, None),
    "small": ({"width": 592}, None),
    "narrow": ({"width": 352}, None),
    "narrow-card": ({"width": 352, "card": 1, "height": 1900}, ablate),
    "narrow-10": ({"width": 352, "n_components": 10, "height": 1000}, hover_token(31)),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PICTURES)
def test_picture(open_widget: Open, screenshots: Path, name: str, theme: str) -> None:
    options, act = PICTURES[name]
    dark = theme == "dark"
    widget = open_widget(
        **{"widget": "factors", "width": 1152, "height": 1100, "pixel_ratio": 1.5, "dark": dark, **options}
    )
    settle(widget, 60)
    if act:
        act(widget)
    path = screenshots / f"factors-{name}-{theme}.png"
    widget.picture(path)
    assert path.stat().st_size > 4000
