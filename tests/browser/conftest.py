"""Fixtures for tests in real front ends: one Chromium, one server of each kind, tabs that tell what went wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error

from tests.browser._harness.chromium import launch
from tests.browser._harness.server import JupyterServer, Sandbox, jupyter_server
from tests.browser._harness.tab import open_tabs

ROOT = Path(__file__).parents[2]
FAILURES = ROOT / ".cache" / "tests" / "failures"
SCREENSHOTS = ROOT / "screenshots"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Add to a failed test what every open page, its server and its kernel said, and a picture."""
    report = yield
    if report.failed:
        FAILURES.mkdir(parents=True, exist_ok=True)
        for number, tab in enumerate(open_tabs):
            picture = FAILURES / f"{re.sub('[^a-z0-9]+', '-', item.nodeid.lower())}-{number}.png"
            try:
                tab.page.screenshot(path=picture)
            except Error as error:
                report.sections.append(("picture", str(error)))
            report.sections.append((tab.page.url, f"picture: {picture}\n{tab.testimony()}"))
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with launch() as running:
        yield running


@pytest.fixture(scope="session")
def new_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Sandbox]:
    def make(*settings: object) -> Sandbox:
        box = Sandbox(tmp_path_factory.mktemp("home"))
        box.prepare(*settings)
        return box

    return make


@pytest.fixture(scope="session")
def lab(new_sandbox: Callable[..., Sandbox]) -> Iterator[JupyterServer]:
    with jupyter_server("jupyterlab", new_sandbox()) as server:
        yield server


@pytest.fixture(scope="session")
def screenshots() -> Path:
    SCREENSHOTS.mkdir(exist_ok=True)
    return SCREENSHOTS
