"""Serves the test page and operates the widget on it."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
from playwright.sync_api import Locator, Page

ROOT = Path(__file__).parents[3]
STATIC = ROOT / "ecco_widgets" / "static"
PAGE = Path(__file__).parent / "page"


class _Handler(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        parts = Path(urlsplit(path).path.lstrip("/"))
        folder, rest = (STATIC, parts.relative_to("static")) if parts.parts[:1] == ("static",) else (PAGE, parts)
        return str(folder / rest)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base class's name
        pass


@contextmanager
def page_server() -> Iterator[str]:
    """Serve the page and the built bundle; gives the page's address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/index.html"
    finally:
        server.shutdown()
        server.server_close()


class WidgetPage:
    """One page with one widget."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address

    def open(self, *, dark: bool = False, **options: Any) -> WidgetPage:
        """Open a widget: ``widget``, ``text``, ``rows``, ``live``, ``kernel`` and any trait."""
        query = f"?{'dark&' if dark else ''}open={quote(json.dumps(options))}"
        self.page.goto(self.address + query)
        self.page.wait_for_selector("body[data-ready=true]")
        return self

    @property
    def root(self) -> Locator:
        return self.page.locator("#here .ew-root").first

    def token(self, index: int) -> Locator:
        return self.root.locator(f'.ew-token[data-i="{index}"]')

    def tell(self, script: str, argument: Any = None) -> Any:
        """Run a function of ``(ew, argument)`` in the page: ``ew.kernel``, ``ew.model``, ``ew.root``."""
        return self.page.evaluate(f"(argument) => ({script})(window.ew, argument)", argument)

    def wait(self, script: str, argument: Any = None) -> None:
        """Wait until a function of ``(ew, argument)`` is true."""
        self.page.wait_for_function(f"(argument) => ({script})(window.ew, argument)", arg=argument, timeout=5000)

    def wait_painted(self, position: int, spec: str = "grad_x_input|logit||l2") -> None:
        self.wait("(ew, key) => ew.root.dataset.painted === key", f"{spec}@{position}")

    def wait_state(self, state: str) -> None:
        self.wait("(ew, state) => ew.root.dataset.state === state", state)

    def wait_calm(self) -> None:
        """Wait until the kernel owes no answer and nothing waits to be sent."""
        self.wait("(ew) => !ew.kernel.running && ew.root.dataset.state !== 'computing'")

    def attribute(self, name: str) -> str | None:
        return self.root.get_attribute(f"data-{name}")

    def shares(self) -> np.ndarray:
        """The painted row."""
        return np.array(self.tell("(ew) => Array.from(ew.root.ewShares, (x) => Number.isNaN(x) ? null : x)"), float)

    def row(self, position: int, spec: str = "grad_x_input|logit||l2") -> np.ndarray:
        """The row the stand-in kernel computes."""
        script = """async ([spec, position]) => {
            const { row } = await import('/attribution.js');
            return Array.from(row(window.ew.kernel.state._tokens, spec, position), (x) => Number.isNaN(x) ? null : x);
        }"""
        return np.array(self.page.evaluate(script, [spec, position]), float)

    def colors(self) -> list[str]:
        """Background of every token as the browser shows it."""
        return self.tell(
            "(ew) => [...ew.root.querySelectorAll('.ew-token')].map((t) => getComputedStyle(t).backgroundColor)"
        )

    def sent(self, name: str = "set") -> list[dict[str, Any]]:
        """What the widget has asked for."""
        return self.tell("(ew, name) => ew.kernel.received.filter((m) => m.name === name)", name)

    def picture(self, path: Path) -> None:
        """Write a picture of the widget and of what floats above it."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        bottom = self.tell("(ew) => ew.root.getBoundingClientRect().bottom + 16")
        floating = self.page.locator(".ew-float").last
        box = floating.bounding_box() if floating.count() else None
        height = max(bottom, box["y"] + box["height"] + 16 if box else 0)
        size = self.page.viewport_size
        assert size
        self.page.screenshot(
            path=path, clip={"x": 0, "y": 0, "width": size["width"], "height": min(height, size["height"])}
        )
