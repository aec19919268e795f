"""Chromium: finds or installs it, starts it, and records every request while it lets none leave the machine.

python -m tests.browser._harness.chromium --install     # make sure there is one (apt, where that is allowed)
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, WebSocket, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--no-sandbox",  # root in a container has none
    # Whatever interception does not see (web sockets, workers' imports) finds no address either.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
LOCAL = re.compile(r"(https?|wss?)://(127\.0\.0\.1|localhost)[:/]|data:|blob:|about:|file:")
HOW_TO_INSTALL = (
    "Chromium was not found. Install it (Debian, Ubuntu: apt-get install chromium), "
    "or name one: CHROMIUM=/path/to/chrome."
)


def find_chromium() -> str | None:
    """Return the path of the browser: ``$CHROMIUM``, else the first known name on the PATH."""
    if named := os.environ.get("CHROMIUM"):
        return shutil.which(named)
    return next(filter(None, map(shutil.which, NAMES)), None)


def install_chromium() -> str | None:
    """Install the system's Chromium with apt where root or sudo without a password permits; return its path."""
    as_root: list[str] = []
    if os.geteuid() != 0:
        if not shutil.which("sudo") or subprocess.run(["sudo", "-n", "true"], check=False).returncode:
            return None
        as_root = ["sudo", "-n"]
    if not shutil.which("apt-get"):
        return None
    print("Installing Chromium with apt-get")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium", "fonts-dejavu-core"]):
        subprocess.run([*as_root, "apt-get", "-qq", *command], check=False, env=quiet, stdout=subprocess.DEVNULL)
    return find_chromium()


@dataclass
class Traffic:
    """What the pages of one context asked for and said."""

    requests: list[str] = field(default_factory=list)
    """Every address, in order; those of web sockets too."""
    blocked: list[str] = field(default_factory=list)
    """Addresses outside this machine; none was reached."""
    failures: list[str] = field(default_factory=list)
    """Answers with a status of 400 and more."""
    errors: list[str] = field(default_factory=list)
    """Console errors and uncaught exceptions."""

    def watch(self, context: BrowserContext) -> None:
        """Record a context's traffic from now on."""
        context.route("**/*", self._route)
        context.on("page", self._watch_page)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.errors.append(f"uncaught: {error.error}"))
        context.on("response", lambda r: self.failures.append(f"{r.status} {r.url}") if r.status >= 400 else None)

    def _watch_page(self, page: Page) -> None:
        page.on("websocket", self._socket)

    def _socket(self, socket: WebSocket) -> None:
        self._record(socket.url)

    def _record(self, url: str) -> bool:
        self.requests.append(url)
        if not LOCAL.match(url):
            self.blocked.append(url)
            return False
        return True

    def _route(self, route: Route) -> None:
        if self._record(route.request.url):
            route.continue_()
        else:
            route.abort()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text[:1000])


@contextmanager
def launch() -> Iterator[Browser]:
    """Start headless Chromium for a ``with`` block."""
    path = find_chromium()
    if path is None:
        raise RuntimeError(HOW_TO_INSTALL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def main() -> int:
    """Tell where Chromium is; with ``--install``, install it if there is none."""
    path = find_chromium() or (install_chromium() if "--install" in sys.argv[1:] else None)
    if path is None:
        print(HOW_TO_INSTALL, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
