"""Pixels from the SVG."""

from __future__ import annotations

import builtins
import io
from collections.abc import Mapping
from typing import Any

import pytest
from PIL import Image

from ecco_widgets.errors import InvalidInput
from ecco_widgets.export import MissingExtra, png, to_png, to_svg
from ecco_widgets.export.palettes import THEMES
from tests.unit.export.rows import ATTACKS, COUNTRIES, shares_of


def open_image(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_image_has_the_pictures_size_background_and_strongest_colour(theme: str):
    image = open_image(to_png(to_svg(shares_of(COUNTRIES), theme=theme, width=300), scale=1.5))
    assert image.width == 450
    assert image.getpixel((1, 1)) == THEMES[theme].page
    colors = {color for _, color in image.getcolors(1 << 20)}
    assert THEMES[theme].positive[-1] in colors


def test_text_is_drawn():
    with_text = to_png(to_svg(shares_of(COUNTRIES)))
    without = to_png(to_svg(shares_of(COUNTRIES)).replace("<text", "<desc").replace("</text", "</desc"))
    assert with_text != without


def test_texts_that_attack_can_be_drawn():
    assert open_image(to_png(to_svg(shares_of([*ATTACKS, "end"]), detailed=True), scale=0.5)).width == 360


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch):
    original = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Mapping[str, Any]) -> Any:
        if name == "resvg_py":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtra, match=r'resvg-py.*pip install "ecco-widgets\[png\]"'):
        to_png("<svg/>")


def test_a_machine_without_fonts_is_told_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(png, "_has_fonts", lambda: False)
    with pytest.raises(png.NoFonts, match="no font"):
        to_png("<svg/>")


def test_a_scale_out_of_range_is_refused():
    with pytest.raises(InvalidInput, match=r"scale must be a number in 0\.25\.\.8, got 100"):
        to_png("<svg/>", scale=100)
