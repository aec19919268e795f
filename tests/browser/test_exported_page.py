"""A saved page, opened from disk in Chromium: it works without a kernel, a server and a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser

from ecco_widgets.analysis import attribute
from ecco_widgets.export.palettes import LEVELS, THEMES, colors_of, hexadecimal, level_of
from ecco_widgets.models import Trace, load_demo
from ecco_widgets.widgets import AttributionWidget
from tests.browser._harness.attribution import AttributionView
from tests.browser._harness.tab import Tab, open_tab
from tests.support.tiny_models import tiny_lm

ATTACK = (
    "The </script><script>window.attacked = 1</script><img src=x onerror='window.attacked = 1'> 🎉\n\tkeys \u2028 are"
)


@pytest.fixture(scope="module")
def trace() -> Trace:
    torch.set_num_threads(1)
    return tiny_lm("gpt2").generate(ATTACK, generate=8, min_new_tokens=8)


@pytest.fixture(scope="module")
def page_file(trace: Trace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    widget = AttributionWidget(trace)
    path = tmp_path_factory.mktemp("saved") / "page with <spaces> & more.html"
    widget.save(path)
    widget.close()
    return path


@pytest.fixture
def tab(browser: Browser, page_file: Path) -> Iterator[Tab]:
    with open_tab(browser) as tab:
        tab.page.goto(page_file.as_uri())
        tab.page.wait_for_selector("body[data-ready=true]")
        yield tab
        assert tab.traffic.errors == []
        assert all(request.startswith(("file:", "blob:", "data:")) for request in tab.traffic.requests)
        assert tab.page.evaluate("() => window.attacked") is None


def rgb(color: str) -> str:
    return f"rgb({', '.join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))})"


@pytest.mark.parametrize("offset", [0, 5, -9])
def test_hovering_a_token_paints_the_row_that_attribute_computes(tab: Tab, trace: Trace, offset: int):
    view = AttributionView(tab.page.locator("body"))
    position = trace.n_prompt + offset
    view.hover(position)
    view.root.locator(f'.ew-token.ew-selected[data-i="{position}"]').wait_for()
    expected = attribute(trace, positions=position).scores[0]
    # Rows computed together differ from rows computed alone by the rounding of float32.
    np.testing.assert_allclose(view.shares(), expected, rtol=1e-5, atol=1e-7)


def test_colours_of_the_page_are_those_of_pictures(tab: Tab, trace: Trace):
    view = AttributionView(tab.page.locator("body"))
    expected = attribute(trace, positions=trace.n_prompt).scores[0]
    levels = [level_of(share, float(np.nanmax(expected))) for share in expected[: trace.n_prompt].tolist()]
    assert max(levels) == LEVELS
    assert view.backgrounds()[: trace.n_prompt] == [rgb(colors_of(level, "light")[0]) for level in levels]


def test_the_page_says_that_it_is_not_live_and_shows_no_error(tab: Tab):
    view = AttributionView(tab.page.locator("body"))
    assert view.status == "not live"
    assert view.root.get_by_role("alert").count() == 0


def test_the_pages_policy_lets_no_other_script_run(tab: Tab):
    tab.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.attacked = 1";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.attacked = 1'>");
        }"""
    )
    refused = [error for error in tab.traffic.errors if "Content Security Policy" in error]
    assert refused
    tab.traffic.errors.clear()


def test_without_scripts_the_page_shows_a_static_preview(browser: Browser, page_file: Path, trace: Trace):
    with open_tab(browser, {"java_script_enabled": False}) as tab:
        tab.page.goto(page_file.as_uri())
        text = tab.page.locator("body").inner_text()
        assert "onerror" in text
        assert "is attributed to" in text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_screenshot_of_a_saved_page(browser: Browser, page_file: Path, screenshots: Path, theme: str):
    with open_tab(browser, {"color_scheme": theme, "device_scale_factor": 2}) as tab:
        tab.page.goto(page_file.as_uri())
        tab.page.wait_for_selector("body[data-ready=true]")
        view = AttributionView(tab.page.locator("body"))
        assert view.root.get_attribute("data-theme") == theme
        assert view.root.evaluate("e => getComputedStyle(e).backgroundColor") == rgb(hexadecimal(THEMES[theme].page))
        tab.page.screenshot(path=screenshots / f"saved-page-{theme}.png")


PICTURES = {
    "minimal-light": {"theme": "light"},
    "minimal-dark": {"theme": "dark"},
    "detailed-light": {"theme": "light", "view_style": "detailed"},
    "detailed-dark": {"theme": "dark", "view_style": "detailed"},
    "signed-light": {"theme": "light", "aggregation": "sum"},
    "signed-detailed-dark": {"theme": "dark", "view_style": "detailed", "aggregation": "sum"},
    "contrast-narrow-light": {"theme": "light", "target": "contrast", "foil": " is", "width": 360},
}


@pytest.fixture(scope="module")
def prose() -> Trace:
    torch.set_num_threads(1)
    lm = load_demo()
    return lm.score("The keys to the cabinet in the hall", " are on the table.\n1, 2, 3, 4\nThe key is on the table.")


@pytest.mark.parametrize("name", PICTURES)
def test_screenshot_of_a_saved_picture(prose: Trace, screenshots: Path, name: str):
    options = dict(PICTURES[name])
    drawing = {key: options.pop(key) for key in ("theme", "width") if key in options}
    widget = AttributionWidget(prose, position=prose.n_prompt, **options)
    path = widget.save(screenshots / f"picture-{name}.png", **drawing)
    widget.save(path.with_suffix(".svg"), **drawing)
    widget.close()
    assert path.read_bytes().startswith(b"\x89PNG")
