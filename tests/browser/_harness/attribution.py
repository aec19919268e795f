"""The attribution widget on the page: read what it shows, and do to it what a hand does."""

from __future__ import annotations

import math
import re

from playwright.sync_api import Locator, expect

ANSWER_MS = 30_000
"""How long an answer may take on a machine that is busy with other things. Speed is what the benchmarks measure."""

_SHARES = "(root) => root.ewShares ? Array.from(root.ewShares, (x) => (Number.isNaN(x) ? null : x)) : null"
_BACKGROUNDS = (
    "(root) => [...root.querySelectorAll('.ew-token')].map((token) => getComputedStyle(token).backgroundColor)"
)


class AttributionView:
    """One view of an `AttributionWidget`.

    Args:
        within: What holds the view: a page's body, a cell.
    """

    SELECTOR = ".ew-attribution"

    def __init__(self, within: Locator) -> None:
        self.root = within.locator(self.SELECTOR)
        self.page = within.page

    def wait_shown(self) -> None:
        """Wait until the view is there and has painted a row, if a position is chosen."""
        expect(self.root).to_be_visible(timeout=ANSWER_MS)
        expect(self.root).to_have_attribute("data-state", "ready", timeout=ANSWER_MS)

    # --------------------------------------------------------------------------------------------------------- reading

    @property
    def painted(self) -> str:
        """Which row is painted: ``spec@position``, or an empty string."""
        return self.root.get_attribute("data-painted") or ""

    @property
    def status(self) -> str:
        """The status line's text."""
        return self.root.locator(".ew-status").inner_text()

    def shares(self) -> list[float]:
        """Return the painted shares; ``nan`` where a token has none."""
        values: list[float | None] | None = self.root.evaluate(_SHARES)
        assert values is not None, f"no row is painted; the status says: {self.status}"
        return [math.nan if value is None else value for value in values]

    def backgrounds(self) -> list[str]:
        """Return the colour behind each token, as the browser computed it."""
        colours: list[str] = self.root.evaluate(_BACKGROUNDS)
        return colours

    def expect_painted(self, position: int, *, spec: str = "", timeout_ms: float = ANSWER_MS) -> None:
        """Wait until the row of this position is painted and nothing is being computed.

        Args:
            position: The explained token.
            spec: ``method|target|foil|aggregation`` or the beginning of it.
            timeout_ms: How long to wait.
        """
        pattern = re.compile(f"^{re.escape(spec)}(?![a-z]).*@{position}$" if spec else f"@{position}$")
        expect(self.root).to_have_attribute("data-painted", pattern, timeout=timeout_ms)
        expect(self.root).to_have_attribute("data-state", "ready", timeout=timeout_ms)

    # ----------------------------------------------------------------------------------------------------------- doing

    def token(self, index: int) -> Locator:
        """Return the element of a token."""
        return self.root.locator(f'.ew-token[data-i="{index}"]')

    def hover(self, index: int) -> None:
        """Move the pointer onto a token."""
        self.token(index).hover()

    def leave(self) -> None:
        """Move the pointer away from everything."""
        self.page.mouse.move(0, 0)

    def choose(self, group: str, name: str) -> None:
        """Choose in a control: ``choose("attribution method", "occlusion")``. Opens its menu if it is there."""
        bar = self.root.get_by_role("toolbar")
        button = bar.get_by_label(group, exact=True).locator(f'button[data-name="{name}"]')
        if not button.count():
            bar.locator(f'.ew-menu-button[aria-label^="{group}"]').click()
            button = self.root.locator(f'[role=menu] [data-name="{name}"]')
        button.click()
