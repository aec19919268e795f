"""Pictures of the lens widgets in every state, into the git-ignored folder ``screenshots/``: open each of them."""

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
    "message": "Not enough memory for the states of 82 tokens at once.",
    "hint": "Caches were dropped. Try a shorter text.",
}
CROATIA, FRANCE, GERMANY = 1864, 1598, 1590
IS, ARE, WAS, WERE, HAS, HAVE = 391, 524, 358, 582, 749, 519


def settle(widget: WidgetPage, milliseconds: int = 250) -> None:
    widget.page.wait_for_timeout(milliseconds)


def failed(widget: WidgetPage) -> None:
    widget.token(6).hover()
    widget.wait_state("error")
    widget.page.mouse.move(5, 5)


def computing(widget: WidgetPage) -> None:
    widget.token(6).hover()
    settle(widget, 1400)


def hovered(widget: WidgetPage) -> None:
    widget.token(8).hover()
    widget.wait_state("ready")


def pinned(widget: WidgetPage) -> None:
    widget.token(7).click()
    widget.token(9).hover()
    widget.wait_state("ready")
    settle(widget, 50)


def press(row: int, column: int) -> Act:
    return lambda w: w.root.locator(f'.ew-pred-cell[data-row="{row}"][data-column="{column}"]').click()


def contrasted(widget: WidgetPage) -> None:
    press(4, 0)(widget)
    widget.page.locator(".ew-action[data-name=watch]").click()
    widget.page.locator(".ew-action[data-name=contrast]").click()
    widget.page.locator(".ew-action[data-outcome=done]").wait_for()


def typed(text: str, *keys: str) -> Act:
    def act(widget: WidgetPage) -> None:
        widget.root.get_by_role("combobox").fill(text)
        widget.page.locator(".ew-completions").wait_for()
        for key in keys:
            widget.page.keyboard.press(key)

    return act


def added(widget: WidgetPage) -> None:
    typed("was", "Enter")(widget)
    settle(widget)


def site_menu(widget: WidgetPage) -> None:
    widget.root.get_by_role("button", name="where the lens reads").click()


def at_layer(x: int, y: int = 330) -> Act:
    return lambda widget: widget.page.mouse.move(x, y)


def predictions(**options: Any) -> dict[str, Any]:
    return {"widget": "layer_predictions", "text": "keys", "position": 5, **options}


def watch(**options: Any) -> dict[str, Any]:
    return {"widget": "rankings_watch", "text": "keys", "position": 5, "watch": [IS, ARE], **options}


COUNTRIES = {"text": "countries", "position": 31}
SIX = {"watch": [IS, ARE, WAS, WERE, HAS, HAVE]}

PICTURES: dict[str, tuple[dict[str, Any], Act | None]] = {
    "predictions": (predictions(**COUNTRIES, watch=[CROATIA, FRANCE]), None),
    "predictions-few": (predictions(**COUNTRIES, topk=4), None),
    "predictions-720": (predictions(**COUNTRIES, width=752), None),
    "predictions-narrow": (predictions(**COUNTRIES, width=352, watch=[CROATIA, GERMANY]), None),
    "predictions-numbers": (predictions(text="numbers", position=16), None),
    "predictions-next": (predictions(text="countries", position=35, topk=6), None),
    "predictions-hover": (predictions(), hovered),
    "predictions-pinned": (predictions(topk=5), pinned),
    "predictions-popover": (predictions(), press(2, 1)),
    "predictions-contrasted": (predictions(), contrasted),
    "predictions-sites": (
        predictions(unavailable={"attention_out": "attention and feed-forward are added in one step"}),
        site_menu,
    ),
    "predictions-no-norm": (predictions(final_norm=False), None),
    "predictions-some-layers": (predictions(layers=[0, 2, 5], layer_order="bottom", topk=6), None),
    "predictions-error": (predictions(kernel={"failures": {"6": OUT_OF_MEMORY}}), failed),
    "predictions-narrow-error": (predictions(width=392, kernel={"failures": {"6": OUT_OF_MEMORY}}), failed),
    "predictions-computing": (predictions(kernel={"delay": 60_000}), computing),
    "predictions-offline": (predictions(live=False), lambda w: w.token(7).hover()),
    "predictions-unchosen": (predictions(position=None), None),
    "predictions-deep": (predictions(text="deep", position=120, topk=20, height=1500), None),
    "next-token": (predictions(text="keys", position=13, layers=[5]), None),
    "next-token-narrow": (predictions(text="keys", position=5, layers=[5], width=352, watch=[WERE]), None),
    "one-layer": (predictions(**COUNTRIES, layers=[3], watch=[FRANCE]), None),
    "watch": (watch(), None),
    "watch-six": (watch(**SIX), None),
    "watch-narrow": (watch(**SIX, width=352), None),
    "watch-lines": (watch(**SIX, view_style="lines"), None),
    "watch-lines-hover": (watch(**SIX, view_style="lines"), at_layer(480)),
    "watch-lines-narrow": (watch(**SIX, view_style="lines", width=352), None),
    "watch-lines-narrow-hover": (watch(**SIX, view_style="lines", width=352), at_layer(200, 400)),
    "watch-lines-deep": (
        watch(text="deep", view_style="lines", position=120, watch=list(range(14, 27))),
        at_layer(300, 420),
    ),
    "watch-columns-deep": (watch(text="deep", position=120, watch=[14, 17, 18, 19], height=1500), None),
    "watch-countries": (
        watch(text="countries", position=27, watch=[CROATIA, GERMANY, FRANCE], view_style="lines"),
        None,
    ),
    "watch-typing": (watch(), typed("wa", "ArrowDown")),
    "watch-pieces": (watch(), typed("cabinets")),
    "watch-pieces-narrow": (watch(**SIX, width=352), typed("cabinets")),
    "watch-added": (watch(kernel={"delay": 60_000}), added),
    "watch-computing": (watch(kernel={"delay": 60_000}), computing),
    "watch-empty": (watch(watch=[]), None),
    "watch-error": (watch(kernel={"failures": {"6": OUT_OF_MEMORY}}), failed),
    "watch-offline": (watch(live=False), None),
    "watch-next": (watch(position=13), None),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PICTURES)
def test_picture(open_widget: Open, screenshots: Path, name: str, theme: str) -> None:
    options, act = PICTURES[name]
    widget = open_widget(**{"width": 1152, "height": 780, "pixel_ratio": 1.5, "dark": theme == "dark", **options})
    if act:
        act(widget)
    path = screenshots / f"lens-{name}-{theme}.png"
    widget.picture(path)
    assert path.stat().st_size > 4000
