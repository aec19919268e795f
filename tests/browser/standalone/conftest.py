"""Fixtures: a page with the widget, and nothing on its console."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser._harness.chromium import Traffic
from tests.browser.standalone._rankings_page import open_rankings
from tests.browser.standalone._widget_page import STATIC, WidgetPage, page_server

__all__ = ["address", "open_rankings", "open_widget"]


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    if not (STATIC / "attribution.js").exists():
        pytest.fail("the front end is not built; run `npm ci && npm run build` in js/")
    with page_server() as served:
        yield served


@pytest.fixture
def open_widget(browser: Browser, address: str) -> Iterator[Callable[..., WidgetPage]]:
    """Opens a widget in a fresh tab; at the end there must be no error and no request that left the machine."""
    contexts = []
    traffic = Traffic()

    def open_one(
        *,
        width: int = 1000,
        height: int = 760,
        touch: bool = False,
        pixel_ratio: float = 1,
        motion: bool = True,
        **options: object,
    ) -> WidgetPage:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            has_touch=touch,
            device_scale_factor=pixel_ratio,
            reduced_motion="no-preference" if motion else "reduce",
        )
        contexts.append(context)
        traffic.watch(context)
        return WidgetPage(context.new_page(), address).open(**options)

    yield open_one
    for context in contexts:
        context.close()
    assert traffic.errors == []
    assert traffic.blocked == []
    assert traffic.failures == []
