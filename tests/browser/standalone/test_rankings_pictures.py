"""Pictures of every state of the rankings widget, into the git-ignored folder ``screenshots/``: open each of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.standalone._rankings_page import OpenRankings, RankingsPage
from tests.browser.standalone._rankings_state import COUNTRIES, LONG_WORDS, run, state, top

Act = Callable[[RankingsPage], Any]
FIRST, CZECHIA = 23, 8
OUT_OF_MEMORY = {
    "kind": "out_of_memory",
    "message": "Not enough memory for the logits of 82 tokens at once.",
    "hint": "Cached maps were dropped. Try again.",
}

# Transitions have ended; the dot that pulses never does.
STILL = "() => document.getAnimations().every((a) => a.effect.getTiming().iterations === Infinity)"


def hover(row: int, column: int) -> Act:
    return lambda widget: widget.point(row, column)


def opened(widget: RankingsPage) -> None:
    widget.click(1, CZECHIA)
    widget.wait_state("ready")
    widget.page.mouse.move(5, 5)
    widget.panel.locator(".ew-pred-cell").first.wait_for()


def press(name: str) -> Act:
    return lambda widget: widget.root.get_by_role("button", name=name).click()


def failed(widget: RankingsPage) -> None:
    press("all tokens")(widget)
    widget.wait_state("error")


def long_work(widget: RankingsPage) -> None:
    press("all tokens")(widget)
    widget.wait("(ew) => ew.root.querySelector('.ew-progress')?.value >= 8")


def marked(widget: RankingsPage) -> None:
    widget.tell("(ew, p) => ew.model.set('marked', p)", FIRST + 5)


def by_key(widget: RankingsPage) -> None:
    widget.map.focus()
    for key in ["ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight"]:
        widget.page.keyboard.press(key)


def scrolled(widget: RankingsPage) -> None:
    widget.tell("(ew) => { ew.map.scroller.scrollLeft = 2011; }")


def answers() -> dict[str, Any]:
    return {"tops": [top(run(COUNTRIES, 20), FIRST + CZECHIA)]}


PICTURES: dict[str, tuple[dict[str, Any], dict[str, Any], Act | None]] = {
    "ranks": ({}, {}, None),
    "few": ({"generate": 12}, {}, None),
    "one-column": ({"generate": 1}, {}, hover(1, 0)),
    "hover": ({}, {}, hover(1, CZECHIA)),
    "hover-label": ({}, {"width": 700}, hover(-1, CZECHIA)),
    "log-p": ({"measure": "log_probability"}, {}, None),
    "entropy": ({"measure": "entropy"}, {}, None),
    "kl": ({"measure": "kl"}, {}, hover(1, 4)),
    "bottom": ({"layer_order": "bottom"}, {}, None),
    "all-tokens": ({"scope": "all"}, {"width": 900}, None),
    "opened": ({}, {"height": 900}, opened),
    "opened-720": ({}, {"width": 752, "height": 900}, opened),
    "long-words": ({"text": LONG_WORDS, "scope": "all"}, {}, hover(2, 7)),
    "48x200": ({"layers": 48, "columns": 200}, {"height": 1000}, scrolled),
    "48x200-at-once": ({"layers": 48, "columns": 200}, {"height": 1000}, press("show all at once")),
    "48x200-kl": (
        {"layers": 48, "columns": 200, "measure": "kl"},
        {"height": 1000},
        press("show all at once"),
    ),
    "24x60": ({"layers": 24, "columns": 60}, {"height": 800}, None),
    "progress": ({}, {"kernel": {"delay": 6000, "steps": 19}}, long_work),
    "error": ({}, {"kernel": {"failures": {"all": OUT_OF_MEMORY}}}, failed),
    "offline": ({}, {"live": False}, lambda widget: widget.click(1, CZECHIA)),
    "marked": ({"position": FIRST + CZECHIA}, {}, marked),
    "keyboard": ({}, {}, by_key),
    "narrow": ({}, {"width": 352}, None),
    "narrow-hover": ({}, {"width": 352}, hover(1, 4)),
    "narrow-opened": ({"position": FIRST + CZECHIA}, {"width": 352, "height": 1400}, None),
    "narrow-kl": ({"measure": "kl"}, {"width": 352}, None),
    "narrow-48x200": ({"layers": 48, "columns": 200}, {"width": 352, "height": 1000}, scrolled),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PICTURES)
def test_picture(open_rankings: OpenRankings, screenshots: Path, name: str, theme: str) -> None:
    traits, options, act = PICTURES[name]
    widget = open_rankings(
        **{
            "width": 1152,
            "height": 620,
            "pixel_ratio": 1.5,
            "dark": theme == "dark",
            "state": state(**traits),
            "answers": [answers()],
            **options,
        }
    )
    if act:
        act(widget)
    widget.settle()
    widget.page.wait_for_function(STILL)
    path = screenshots / f"rankings-{name}-{theme}.png"
    bottom = widget.tell("(ew) => ew.root.getBoundingClientRect().bottom + 16")
    floating = widget.page.locator(".ew-float").last
    box = floating.bounding_box() if floating.count() else None
    height = max(bottom, box["y"] + box["height"] + 16 if box else 0)
    size = widget.page.viewport_size
    assert size
    widget.page.screenshot(
        path=path, clip={"x": 0, "y": 0, "width": size["width"], "height": min(height, size["height"])}
    )
    assert path.stat().st_size > 4000
