"""Pictures of every state, in both themes, into `screenshots/`.

They are there to be looked at; what a program can see (nothing sticks out, the theme is followed) is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from ecco_widgets._demo import DemoServer
from tests.browser._harness.attribution import AttributionView
from tests.browser._harness.lens import LayerPredictionsView, LensView, RankingsView, RankingsWatchView
from tests.browser._harness.notebook import Notebook
from tests.browser._harness.server import DARK, Sandbox, jupyter_server
from tests.browser._harness.tab import open_tab
from tests.browser._harness.voila import VoilaPage

pytestmark = pytest.mark.timeout(300)

SETUP = """
import ipywidgets
import ecco_widgets as ecco

lm = ecco.load_demo()
# Given continuations: the pictures do not depend on how a model goes on.
prose = lm.score("The keys to the cabinet were on the table in the hall, and",
    " the man who had come in from the garden took them. He said that the house was very old, that he had known it as a"
    " child, and that nobody had been in the room behind it for years.")
states = "The countries of the European Union are:\\n1. Austria\\n2. Belgium\\n3. Bulgaria\\n4."
countries = lm.generate(states, generate=20)
keys, key = lm("The keys to the cabinet"), lm("The key to the cabinets")
verbs = [" is", " are"]
narrow = {"width": "340px"}
"""
CELLS = {
    "minimal": "w = prose.primary_attributions(position=prose.n_prompt + 12)\nw",
    "detailed": "w = prose.primary_attributions(style='detailed', position=prose.n_prompt + 12)\nw",
    "signed": "w = prose.primary_attributions(style='detailed', aggregation='sum', position=prose.n_prompt + 5)\nw",
    "contrast": "are = lm('The keys to the cabinet are')\n"
    "w = are.primary_attributions(target='contrast', foil=' is', position=-1)\nw",
    "unicode": "w = lm('naïve café — “quoted”\\n\\tindented 東京 🎉 end').primary_attributions(position=-1)\nw",
    "long": "sentence = ' It was the best of times, it was the worst of times,'\n"
    "w = lm(sentence * (lm.context // len(lm(sentence).tokens))).primary_attributions(position=-1)\nw",
    "narrow": "w = prose.primary_attributions(position=prose.n_prompt + 12)\n"
    "ipywidgets.Box([w], layout={'width': '340px'})",
}
LENS: dict[str, tuple[type[LensView], str]] = {
    "predictions": (LayerPredictionsView, "countries.layer_predictions(watch=[' France', ' Germany'])"),
    "predictions-narrow": (LayerPredictionsView, "ipywidgets.Box([countries.layer_predictions()], layout=narrow)"),
    "next-token": (LayerPredictionsView, "lm.predict_token('The keys to the cabinet')"),
    "rankings": (RankingsView, "countries.rankings()"),
    "rankings-kl": (RankingsView, "countries.rankings(measure='kl', scope='all')"),
    "rankings-opened": (RankingsView, "countries.rankings(position=countries.n_prompt + 8)"),
    "rankings-narrow": (RankingsView, "ipywidgets.Box([countries.rankings()], layout=narrow)"),
    "watch-keys": (RankingsWatchView, "keys.rankings_watch(watch=verbs, position=keys.n_tokens)"),
    "watch-key": (RankingsWatchView, "key.rankings_watch(watch=verbs, position=key.n_tokens)"),
    "watch-lines": (
        RankingsWatchView,
        "prose.rankings_watch(watch=[' was', ' were', ' house', ' table', '\\n'], view_style='lines', position=40)",
    ),
    "watch-narrow": (
        RankingsWatchView,
        "ipywidgets.Box([keys.rankings_watch(watch=verbs, position=keys.n_tokens)], layout=narrow)",
    ),
}


@pytest.fixture(scope="module", params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def sandbox(theme: str, new_sandbox: Callable[..., Sandbox]) -> Sandbox:
    return new_sandbox(*([DARK] if theme == "dark" else []))


@pytest.fixture(scope="module")
def notebook(sandbox: Sandbox, browser: Browser) -> Iterator[Notebook]:
    with jupyter_server("jupyterlab", sandbox) as server, open_tab(browser, {"device_scale_factor": 2}) as tab:
        name = server.write_notebook(
            "pictures.ipynb", [SETUP, *CELLS.values(), *(source for _, source in LENS.values())]
        )
        opened = Notebook(tab, server.address(name), sandbox)
        opened.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        opened.run_all()
        yield opened


def check_fits(root: Locator) -> None:
    """Nothing sticks out of the widget, and no text is cut off sideways; tables and maps may scroll."""
    too_wide = root.evaluate(
        """(root) => [root, ...root.querySelectorAll('*:not(.ew-unseen)')]
            .filter((e) => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1)
            .filter((e) => getComputedStyle(e).overflowX !== 'visible')
            .filter((e) => getComputedStyle(e).textOverflow !== 'ellipsis' && !e.matches('.ew-heatmap, .ew-pred'))
            .map((e) => `${e.className}: ${e.scrollWidth} in ${e.clientWidth}`)"""
    )
    assert too_wide == []


@pytest.mark.parametrize("state", CELLS)
def test_screenshot_of(state: str, theme: str, notebook: Notebook, screenshots: Path):
    cell = notebook.cell(1 + list(CELLS).index(state))
    view = AttributionView(cell)
    view.wait_shown()
    view.root.scroll_into_view_if_needed()
    view.leave()
    assert view.root.get_attribute("data-theme") == theme
    check_fits(view.root)
    view.root.screenshot(path=screenshots / f"lab-{state}-{theme}.png")


def test_screenshot_of_hover_with_tooltip(theme: str, notebook: Notebook, screenshots: Path):
    view = AttributionView(notebook.cell(1 + list(CELLS).index("minimal")))
    view.token(8).click()
    view.expect_painted(8)
    view.hover(3)
    notebook.page.locator(".ew-tooltip").first.wait_for()
    view.root.screenshot(path=screenshots / f"lab-tooltip-{theme}.png")
    notebook.page.keyboard.press("Escape")
    view.leave()


def test_screenshot_of_an_open_menu(theme: str, notebook: Notebook, screenshots: Path):
    cell = notebook.cell(1 + list(CELLS).index("minimal"))
    view = AttributionView(cell)
    view.root.get_by_label("attribution method: more").click()
    view.root.locator("[role=menu]").wait_for()
    notebook.page.screenshot(path=screenshots / f"lab-menu-{theme}.png")
    notebook.page.keyboard.press("Escape")


def test_screenshot_of_a_refused_foil(theme: str, notebook: Notebook, screenshots: Path):
    view = AttributionView(notebook.cell(1 + list(CELLS).index("contrast")))
    field = view.root.get_by_label("token to contrast with")
    field.fill("not one token")
    field.press("Enter")
    view.root.get_by_role("alert").wait_for()
    view.root.screenshot(path=screenshots / f"lab-error-{theme}.png")


def lens_view(notebook: Notebook, state: str) -> LensView:
    view, _ = LENS[state]
    shown = view(notebook.cell(1 + len(CELLS) + list(LENS).index(state)))
    shown.wait_shown()
    shown.root.scroll_into_view_if_needed()
    return shown


def picture_with_floats(view: LensView, path: Path) -> None:
    """A picture of the widget and of what floats above it."""
    boxes = [e.bounding_box() for e in (view.root, *view.page.locator(".ew-float").all())]
    found = [box for box in boxes if box]
    left, top = (min(box[side] for box in found) for side in ("x", "y"))
    right = max(box["x"] + box["width"] for box in found)
    bottom = max(box["y"] + box["height"] for box in found)
    view.page.screenshot(path=path, clip={"x": left, "y": top, "width": right - left, "height": bottom - top})


@pytest.mark.parametrize("state", LENS)
def test_screenshot_of_the_lens(state: str, theme: str, notebook: Notebook, screenshots: Path):
    view = lens_view(notebook, state)
    view.leave()
    assert view.root.get_attribute("data-theme") == theme
    check_fits(view.root)
    view.root.screenshot(path=screenshots / f"lab-lens-{state}-{theme}.png")


def test_screenshot_of_a_cell_of_the_map_with_its_tooltip(theme: str, notebook: Notebook, screenshots: Path):
    view = lens_view(notebook, "rankings")
    assert isinstance(view, RankingsView)
    view.point(1, 8)
    expect(view.tooltip).to_be_visible()
    picture_with_floats(view, screenshots / f"lab-lens-rankings-hover-{theme}.png")
    view.leave()


def test_screenshot_of_a_candidate_with_its_popover(theme: str, notebook: Notebook, screenshots: Path):
    view = lens_view(notebook, "predictions")
    view.popover(3, 1)
    picture_with_floats(view, screenshots / f"lab-lens-predictions-popover-{theme}.png")
    view.page.keyboard.press("Escape")


@pytest.mark.parametrize(("typed", "name"), [("wer", "completions"), (" zyzzyva", "unknown")])
def test_screenshot_of_typing_a_token(typed: str, name: str, theme: str, notebook: Notebook, screenshots: Path):
    view = lens_view(notebook, "watch-keys")
    assert isinstance(view, RankingsWatchView)
    view.type(typed)
    picture_with_floats(view, screenshots / f"lab-lens-watch-{name}-{theme}.png")
    view.field.fill("")
    view.field.press("Escape")


def test_screenshot_of_lines_with_their_readout(theme: str, notebook: Notebook, screenshots: Path):
    view = lens_view(notebook, "watch-lines")
    assert isinstance(view, RankingsWatchView)
    box = view.lines.bounding_box()
    assert box
    view.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(view.root.locator(".ew-readout")).to_be_visible()
    picture_with_floats(view, screenshots / f"lab-lens-watch-lines-hover-{theme}.png")
    view.leave()


def test_screenshot_of_the_whole_page_in_jupyterlab(theme: str, notebook: Notebook, screenshots: Path):
    notebook.cell(1).scroll_into_view_if_needed()
    notebook.page.screenshot(path=screenshots / f"lab-page-{theme}.png")


def test_screenshot_of_the_dashboard_in_voila(
    theme: str, new_sandbox: Callable[..., Sandbox], browser: Browser, screenshots: Path
):
    sandbox = new_sandbox()
    environment = sandbox.environment(ECCO_TEXT="The keys to the cabinet were on the table, and")
    with DemoServer("voila", theme=theme, environment=environment) as server, open_tab(browser) as tab:
        kernel = VoilaPage(tab, server.url, AttributionView.SELECTOR, sandbox).kernel
        view = AttributionView(tab.page.locator("body"))
        view.wait_shown()
        last = kernel.value("out.n_tokens - 1")
        view.hover(last)
        view.expect_painted(last)
        assert view.root.get_attribute("data-theme") == theme
        check_fits(view.root)
        tab.page.screenshot(path=screenshots / f"voila-page-{theme}.png")
