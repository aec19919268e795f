"""Pictures of the neurons widget in every state, into the git-ignored folder ``screenshots/``: open each of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.standalone._widget_page import WidgetPage

Open = Callable[..., WidgetPage]
Act = Callable[[WidgetPage], Any]
DATA = json.loads((Path(__file__).parent / "page" / "neurons-data.json").read_text(encoding="utf-8"))
FIRST: int = DATA["countries"]["intervened_index"]


def settle(widget: WidgetPage, milliseconds: int = 250) -> None:
    widget.page.wait_for_timeout(milliseconds)


def hover(row: int, column: int) -> Act:
    def act(widget: WidgetPage) -> None:
        settle(widget, 100)
        box = widget.tell("(ew, [row, column]) => ew.root.ewHeatmap.boxOf({ row, column })", [row, column])
        widget.page.mouse.move((box["left"] + box["right"]) / 2, (box["top"] + box["bottom"]) / 2)
        settle(widget)

    return act


def intervene(widget: WidgetPage) -> None:
    widget.root.get_by_role("button", name="Intervene and regenerate").click()
    widget.root.locator(".ew-ablation").wait_for()
    settle(widget)


PICTURES: dict[str, tuple[dict[str, Any], Act | None]] = {
    "100": ({}, None),
    "40": ({"n_shown": 40, "n_clusters": 4}, None),
    "160": ({"n_shown": 160}, None),
    "hover": ({}, hover(20, 31)),
    "activity": ({"order": "activity", "n_shown": 40, "n_clusters": 4}, None),
    "one-cluster": ({"n_clusters": 1, "n_shown": 20}, None),
    "passage": ({"text": "passage"}, hover(30, 120)),
    "selected": ({"selected": FIRST}, None),
    "intervened": ({"selected": FIRST, "n_shown": 40, "n_clusters": 4}, intervene),
    "offline": ({"live": False, "selected": FIRST, "n_shown": 40}, None),
    "narrow": ({"width": 352, "n_shown": 40, "n_clusters": 4}, None),
    "narrow-selected": ({"width": 352, "n_shown": 40, "n_clusters": 4, "selected": FIRST, "height": 2200}, intervene),
    "medium": ({"width": 792, "n_shown": 40, "n_clusters": 4}, None),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PICTURES)
def test_picture(open_widget: Open, screenshots: Path, name: str, theme: str) -> None:
    options, act = PICTURES[name]
    common = {"widget": "neurons", "width": 1152, "height": 1400, "pixel_ratio": 1.5, "dark": theme == "dark"}
    widget = open_widget(**{**common, **options})
    settle(widget, 100)
    if act:
        act(widget)
    path = screenshots / f"neurons-{name}-{theme}.png"
    widget.picture(path)
    assert path.stat().st_size > 4000
