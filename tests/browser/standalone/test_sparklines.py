"""A list of small charts over the same tokens: pointing, keys, marks; and pictures of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page
from sklearn.decomposition import NMF

from tests.browser._harness.chromium import Traffic
from tests.browser.standalone._rankings_state import COUNTRIES, run

JS = Path(__file__).parents[3] / "js"
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The component and a few lines around it, built as the widgets are."""
    out = tmp_path_factory.mktemp("sparklines")
    esbuild = str(JS / "node_modules" / ".bin" / "esbuild")
    command = [esbuild, "test/ui/sparklines/page.ts", "--bundle", "--format=iife", f"--outdir={out}"]
    subprocess.run(command, cwd=JS, check=True, capture_output=True)
    return out


@pytest.fixture
def open_sparks(browser: Browser, bundle: Path) -> Iterator[Open]:
    """Opens the list in a fresh tab; at the end there must be no error."""
    contexts = []
    traffic = Traffic()

    def open_one(factors: list[dict[str, Any]], *, width: int = 300, dark: bool = False, border: int = 23) -> Page:
        context = browser.new_context(viewport={"width": width + 40, "height": 900}, device_scale_factor=2)
        contexts.append(context)
        traffic.watch(context)
        page = context.new_page()
        page.add_style_tag(path=bundle / "page.css")
        page.add_script_tag(path=bundle / "page.js")
        page.evaluate("(o) => openSparks(o)", {"factors": factors, "width": width, "dark": dark, "border": border})
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert traffic.errors == []


@cache
def activations() -> NDArray[np.float32]:
    """FFNN activations of the demo model, tokens x neurons."""
    trace = run(COUNTRIES, 20)
    layers = [layer.detach().float().numpy() for layer in trace.activations()]
    positive: NDArray[np.float32] = np.maximum(np.concatenate(layers, axis=1), 0)
    return positive


def factors(k: int) -> list[dict[str, Any]]:
    """Factors of the demo model's neurons."""
    loadings = NMF(k, init="nndsvda", max_iter=120, tol=1e-2, random_state=0).fit_transform(activations())
    size = loadings.sum(axis=0)
    order = np.argsort(-size)
    return [
        {"key": str(i + 1), "values": loadings[:, f].tolist(), "share": f"{size[f] / size.sum():.0%}"}
        for i, f in enumerate(order)
    ]


def row(page: Page, key: int) -> Locator:
    return page.locator(f'.ew-spark[data-key="{key}"]')


def log(page: Page) -> list[str]:
    return list(page.evaluate("sparks.log.splice(0)"))


def point(page: Page, key: int, share: float) -> None:
    box = row(page, key).locator(".ew-spark-chart").bounding_box()
    assert box
    page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)


def heights(page: Page, key: int) -> NDArray[np.float64]:
    """Heights of the line's points, 0 to 1."""
    path = row(page, key).locator(".ew-spark-line").get_attribute("d") or ""
    depths = np.array([float(part.split(" ")[1]) for part in path.replace("M", "L").split("L")[1:]])
    return np.asarray(1 - depths)


def test_lines_show_the_values(open_sparks: Open) -> None:
    known = factors(6)
    page = open_sparks(known)
    assert page.locator(".ew-spark").count() == 6
    for factor in known:
        values = np.array(factor["values"])
        np.testing.assert_allclose(heights(page, int(factor["key"])), values / values.max(), atol=6e-4)
    assert row(page, 1).get_attribute("aria-label") == f"factor 1, {known[0]['share']}"


def test_pointing_isolates_one_and_marks_a_token_in_all(open_sparks: Open) -> None:
    page = open_sparks(factors(6))
    tokens = len(factors(6)[0]["values"])
    point(page, 3, (11 + 0.5) / tokens)
    assert log(page) == ["isolate 3", "mark 11"]
    assert page.locator(".ew-isolated").count() == 1
    assert page.locator(".ew-marking").count() == 1
    dot = row(page, 3).locator(".ew-spark-dot").bounding_box()
    chart = row(page, 3).locator(".ew-spark-chart").bounding_box()
    assert dot
    assert chart
    middle = dot["x"] + dot["width"] / 2 - chart["x"]
    assert abs(middle - (11 + 0.5) / tokens * chart["width"]) < 1.5
    page.mouse.move(5, 800)
    assert log(page) == ["isolate null", "mark null"]
    assert page.locator(".ew-isolated, .ew-marking").count() == 0


def test_a_press_pins_and_escape_frees(open_sparks: Open) -> None:
    page = open_sparks(factors(4))
    row(page, 2).click()
    assert row(page, 2).get_attribute("aria-selected") == "true"
    assert "press 2" in log(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert row(page, 3).get_attribute("aria-selected") == "true"
    assert log(page)[-1] == "press 3"
    page.keyboard.press("Escape")
    assert log(page)[-1] == "leave"
    assert page.locator("[aria-selected=true]").count() == 0


def test_keys_walk_over_factors_and_tokens(open_sparks: Open) -> None:
    page = open_sparks(factors(4))
    page.keyboard.press("Tab")
    for key in ["ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft", "End"]:
        page.keyboard.press(key)
    said = log(page)
    assert [entry for entry in said if entry.startswith("isolate")] == [f"isolate {k}" for k in (1, 2, 3, 4)]
    assert [entry for entry in said if entry.startswith("mark")] == ["mark 0", "mark 1", "mark 0"]
    assert row(page, 4).evaluate("(element) => element === document.activeElement")
    assert page.locator('.ew-spark[tabindex="0"]').count() == 1


def test_factors_keep_their_element_when_others_come(open_sparks: Open) -> None:
    few = factors(3)
    page = open_sparks(few)
    row(page, 2).focus()
    row(page, 2).evaluate("(element) => { element.dataset.was = 'here'; }")
    more = [few[1], {**few[0]}, few[2], {"key": "4", "values": few[0]["values"], "share": "1%", "fresh": True}]
    page.evaluate("(factors) => sparks.show(factors)", more)
    assert [r.get_attribute("data-key") for r in page.locator(".ew-spark").all()] == ["2", "1", "3", "4"]
    assert row(page, 2).get_attribute("data-was") == "here"
    assert row(page, 2).evaluate("(element) => element === document.activeElement")
    assert page.locator(".ew-fresh").count() == 1
    page.evaluate("(factors) => sparks.show(factors)", [few[2]])
    assert page.locator(".ew-spark").count() == 1
    assert page.locator('.ew-spark[tabindex="0"]').count() == 1


def test_many_factors_of_a_long_text_are_drawn_soon(open_sparks: Open) -> None:
    """Time printed; only what is drawn is asserted, and that it is not absurd."""
    rng = np.random.default_rng(0)
    many = [{"key": str(i + 1), "values": rng.random(1000).tolist(), "share": "2%"} for i in range(50)]
    page = open_sparks(many[:1])
    times = page.evaluate(
        """async (many) => {
            const times = [];
            for (let k = 0; k < 15; k++) {
                const next = many.map((f) => ({ ...f, values: f.values.map((v) => v * (1 + (k % 3))) }));
                await new Promise((done) => requestAnimationFrame(done));
                const start = performance.now();
                sparks.show(next);
                const script = performance.now() - start;
                await new Promise((done) => {
                    const channel = new MessageChannel();
                    channel.port1.onmessage = done;
                    channel.port2.postMessage(0);
                });
                times.push([script, performance.now() - start]);
            }
            return times;
        }""",
        many,
    )
    script, frame = np.median(np.array(times), axis=0)
    print(f"\n50 factors x 1,000 tokens: script {script:.1f} ms, whole frame {frame:.1f} ms (median of 15)")
    assert page.locator(".ew-spark").count() == 50
    assert len(heights(page, 50)) == 300
    assert frame < 1000


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("name", "count", "width"), [("2", 2, 300), ("6", 6, 300), ("18", 18, 420), ("narrow", 6, 190)]
)
def test_picture(open_sparks: Open, screenshots: Path, name: str, count: int, width: int, theme: str) -> None:
    page = open_sparks(factors(count), width=width, dark=theme == "dark")
    if name == "6":
        row(page, 2).click()
        point(page, 4, 0.72)
    path = screenshots / f"sparklines-{name}-{theme}.png"
    page.screenshot(path=path, clip={"x": 0, "y": 0, "width": width + 30, "height": 26 * count + 50})
    assert path.stat().st_size > 3000
