"""A page of the browser, and everybody who can tell what happened in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser._harness.chromium import Traffic

SIZE = {"width": 1280, "height": 900}


@dataclass
class Tab:
    """An open page with what it asked for."""

    page: Page
    traffic: Traffic
    witnesses: list[Callable[[], str]] = field(default_factory=list)
    """Who to ask after a failure: the server's and the kernel's last words."""

    def testimony(self) -> str:
        """Return what the page, its server and its kernel said."""
        page = [*self.traffic.errors[-10:], *self.traffic.failures[-10:]]
        return "\n".join(filter(None, [*page, *(witness() for witness in self.witnesses)]))


open_tabs: list[Tab] = []
"""All tabs that are open now."""


@contextmanager
def open_tab(browser: Browser, context: Mapping[str, Any] | None = None) -> Iterator[Tab]:
    """Open an empty page for a ``with`` block, after which no request may have tried to leave the machine.

    Args:
        browser: Chromium.
        context: Options of Playwright's ``new_context``: ``viewport``, ``color_scheme``, ...
    """
    opened = browser.new_context(**{"viewport": SIZE, **(context or {})})
    traffic = Traffic()
    traffic.watch(opened)
    tab = Tab(opened.new_page(), traffic)
    open_tabs.append(tab)
    try:
        yield tab
    finally:
        open_tabs.remove(tab)
        opened.close()
    assert traffic.blocked == [], "requests tried to leave the machine"
