"""Operates the rankings widget on its test page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, FloatRect, Locator

from tests.browser._harness.chromium import Traffic
from tests.browser.standalone._rankings_state import saved
from tests.browser.standalone._widget_page import WidgetPage


class RankingsPage(WidgetPage):
    """One page with one rankings widget."""

    def open(
        self, *, dark: bool = False, state: dict[str, Any] | None = None, answers: Any = (), **options: Any
    ) -> RankingsPage:
        """Open a widget over a state; ``answers`` are states with what the kernel has for other choices."""
        self.page.goto(self.address.replace("index.html", "rankings.html"))
        self.page.wait_for_selector("body[data-ready=true]")
        known = {"dark": dark, "saved": saved(state or {}), "answers": [saved(answer) for answer in answers], **options}
        self.page.evaluate("(options) => openWidget(options)", known)
        self.settle()
        return self

    def settle(self) -> None:
        """Wait until what was changed is painted."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    @property
    def root(self) -> Locator:
        return self.page.locator("#here .ew-rankings").first

    @property
    def map(self) -> Locator:
        return self.root.locator(".ew-heatmap")

    @property
    def tooltip(self) -> Locator:
        return self.page.locator(".ew-tooltip")

    @property
    def panel(self) -> Locator:
        return self.page.locator(".ew-panel")

    def values(self) -> np.ndarray:
        """The painted values, rows from the top."""
        rows = int(self.map.get_attribute("data-rows") or 0)
        return np.array(self.tell("(ew) => [...ew.root.ewValues]"), float).reshape(rows, -1)

    def box(self, row: int, column: int) -> dict[str, float]:
        """Where a cell is in the window; row -1 is the column's label."""
        box: dict[str, float] = self.tell("(ew, [row, column]) => ew.map.boxOf({ row, column })", [row, column])
        return box

    def middle(self, row: int, column: int) -> tuple[float, float]:
        box = self.box(row, column)
        return (box["left"] + box["right"]) / 2, (box["top"] + box["bottom"]) / 2

    def point(self, row: int, column: int) -> None:
        self.page.mouse.move(*self.middle(row, column))

    def click(self, row: int, column: int) -> None:
        self.page.mouse.click(*self.middle(row, column))

    def color(self, row: int, column: int) -> tuple[int, int, int]:
        """The colour of a cell as it is on the canvas, near its corner where no number stands."""
        script = """(ew, box) => {
            const canvas = ew.root.querySelector('canvas');
            const origin = canvas.getBoundingClientRect();
            const x = (box.left + 4 - origin.left) * devicePixelRatio;
            const y = (box.top + 4 - origin.top) * devicePixelRatio;
            return [...canvas.getContext('2d').getImageData(Math.round(x), Math.round(y), 1, 1).data];
        }"""
        red, green, blue, _ = self.tell(script, self.box(row, column))
        return red, green, blue

    def ring(self, name: str) -> FloatRect | None:
        """Box of a ring: ``hover``, ``selected``, ``marked``, ``cursor``."""
        ring = self.root.locator(f".ew-ring-{name}")
        return ring.bounding_box() if ring.is_visible() else None


OpenRankings = Callable[..., RankingsPage]


@pytest.fixture
def open_rankings(browser: Browser, address: str) -> Iterator[OpenRankings]:
    """Opens a widget in a fresh tab; at the end there must be no error and no request that left the machine."""
    contexts = []
    traffic = Traffic()

    def open_one(
        *, width: int = 1000, height: int = 760, touch: bool = False, pixel_ratio: float = 1, **options: Any
    ) -> RankingsPage:
        context = browser.new_context(
            viewport={"width": width, "height": height}, has_touch=touch, device_scale_factor=pixel_ratio
        )
        contexts.append(context)
        traffic.watch(context)
        return RankingsPage(context.new_page(), address).open(**options)

    yield open_one
    for context in contexts:
        context.close()
    assert traffic.errors == []
    assert traffic.blocked == []
    assert traffic.failures == []
