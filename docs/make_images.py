"""Makes the pictures of README and documentation from real runs: ``make images``.

    docs/images/hover.gif       a hand walks over generated tokens in JupyterLab
    docs/images/detailed.png    the detailed style, light and dark

They are made with the embedded model, in the Chromium and by the harness of the browser tests.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Locator

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser._harness.attribution import AttributionView  # noqa: E402 - the repository is not installed
from tests.browser._harness.chromium import launch  # noqa: E402
from tests.browser._harness.notebook import Notebook  # noqa: E402
from tests.browser._harness.server import DARK, Sandbox, jupyter_server  # noqa: E402
from tests.browser._harness.tab import open_tab  # noqa: E402

IMAGES = ROOT / "docs" / "images"
LOAD = "import ecco_widgets as ecco\nlm = ecco.load_demo()"
COUNTING = 'out = lm.generate(" 1, 2, 3,", generate=24)\nout.primary_attributions()'
AGREEMENT = 'out = lm.generate("The keys to the cabinet", generate=14)\nout.primary_attributions(style="detailed")'
FRAME_MS = 90
REST_FRAMES = 5
HAND = [(0, 0), (0, 15), (3.5, 12), (6, 17), (8.5, 16), (6, 11), (10.5, 11)]


@contextmanager
def notebook_with(browser: Browser, cell: str, *, dark: bool, scale: float) -> Iterator[Notebook]:
    """Show what a cell shows, in JupyterLab of either theme."""
    sandbox = Sandbox(Path(tempfile.mkdtemp(prefix="ecco-widgets-images-")))
    sandbox.prepare(*([DARK] if dark else []))
    options = {"device_scale_factor": scale, "viewport": {"width": 1000, "height": 760}}
    with jupyter_server("jupyterlab", sandbox) as server, open_tab(browser, options) as tab:
        notebook = Notebook(tab, server.address(server.write_notebook("picture.ipynb", [LOAD, cell])), sandbox)
        notebook.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        notebook.run_all()
        yield notebook


def snap(locator: Locator, pointer: tuple[float, float] | None = None) -> Image.Image:
    """Take a picture of an element, with a pointer drawn in (a headless browser shows none)."""
    picture = Image.open(io.BytesIO(locator.screenshot())).convert("RGB")
    box = locator.bounding_box()
    if pointer is not None and box is not None:
        scale = picture.width / box["width"]
        x, y = (pointer[0] - box["x"]) * scale, (pointer[1] - box["y"]) * scale
        shape = [(x + dx * scale * 1.3, y + dy * scale * 1.3) for dx, dy in HAND]
        ImageDraw.Draw(picture).polygon(shape, fill="black", outline="white", width=max(1, round(scale)))
    return picture


def hover_animation(browser: Browser, path: Path) -> None:
    """Walk with the pointer over the generated tokens."""
    with notebook_with(browser, COUNTING, dark=False, scale=1.5) as notebook:
        view = AttributionView(notebook.cell(1))
        view.wait_shown()
        first = notebook.kernel.value("out.n_prompt")
        frames: list[Image.Image] = []
        x, y = 0.0, 0.0
        for index in [first, first + 4, first + 8, first + 9, first + 14, first + 18, first + 22]:
            box = view.token(index).bounding_box()
            assert box is not None
            to_x, to_y = box["x"] + 0.55 * box["width"], box["y"] + 0.6 * box["height"]
            steps = 6 if frames else 1
            for step in range(1, steps + 1):
                at = (x + (to_x - x) * step / steps, y + (to_y - y) * step / steps)
                notebook.page.mouse.move(*at)
                notebook.page.wait_for_timeout(60)
                frames.append(snap(view.root, at))
            x, y = to_x, to_y
            view.expect_painted(index)
            frames += [snap(view.root, (x, y))] * REST_FRAMES
    # One palette for all frames keeps colours from flickering.
    palette = frames[-1].quantize(256, method=Image.Quantize.MEDIANCUT)
    small = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    small[0].save(path, save_all=True, append_images=small[1:], duration=FRAME_MS, loop=0, optimize=True)


def detailed_picture(browser: Browser, path: Path) -> None:
    """Put the detailed style in both themes one above the other."""
    pictures = []
    for dark in (False, True):
        with notebook_with(browser, AGREEMENT, dark=dark, scale=2) as notebook:
            view = AttributionView(notebook.cell(1))
            view.wait_shown()
            view.token(notebook.kernel.value("out.n_prompt")).click()
            view.leave()
            pictures.append(snap(view.root))
    gap = 24
    whole = Image.new("RGB", (pictures[0].width, sum(p.height for p in pictures) + gap), "white")
    whole.paste(pictures[0], (0, 0))
    whole.paste(pictures[1], (0, pictures[0].height + gap))
    whole.save(path, optimize=True)


def main() -> None:
    """Make all pictures."""
    IMAGES.mkdir(exist_ok=True)
    with launch() as browser:
        for make, name in ((hover_animation, "hover.gif"), (detailed_picture, "detailed.png")):
            make(browser, IMAGES / name)
            print(f"docs/images/{name}: {(IMAGES / name).stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
