"""Hovers over rows at hand repaint within a frame. Times are printed; only what is painted is asserted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.browser.standalone._widget_page import WidgetPage

Open = Callable[..., WidgetPage]

HOVER_MANY = """async (ew) => {
    const tokens = [...ew.root.querySelectorAll('.ew-token')];
    const inSight = tokens.filter((token) => {
        const box = token.getBoundingClientRect();
        return box.top > 120 && box.bottom < 500;
    });
    const afterFrame = () => new Promise((done) => requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => done();
        channel.port2.postMessage(0);
    }));
    const times = [];
    const wrong = [];
    for (let k = 0; k < 40; k++) {
        const token = inSight[(k * 37) % inSight.length];
        await new Promise((done) => requestAnimationFrame(done));
        const start = performance.now();
        token.dispatchEvent(new PointerEvent('pointerover', { bubbles: true, clientX: k, clientY: k }));
        const script = performance.now() - start;
        if (!ew.root.dataset.painted.endsWith(`@${token.dataset.i}`)) wrong.push(token.dataset.i);
        document.body.getBoundingClientRect();
        const layout = performance.now() - start;
        await afterFrame();
        times.push([script, layout, performance.now() - start]);
    }
    return { times, wrong };
}"""


@pytest.mark.parametrize("style", ["minimal", "detailed"])
@pytest.mark.parametrize("text", ["countries", "words2000", "words5000"])
def test_hover_over_rows_at_hand_paints_at_once(open_widget: Open, text: str, style: str) -> None:
    widget = open_widget(text=text, rows="none", view_style=style, position=60 if text != "countries" else 31)
    count = {"countries": 37, "words2000": 900, "words5000": 900}[text]
    widget.wait("(ew) => ew.kernel.received.length > 0")
    widget.tell("(ew, n) => ew.kernel.sendRows(Array.from({ length: n - 1 }, (_, i) => i + 1))", count)
    measured = widget.tell(HOVER_MANY)
    script, layout, frame = np.median(measured["times"], axis=0)
    print(f"\n{text}, {style}: script {script:.1f} ms, with layout {layout:.1f} ms, to the frame's end {frame:.1f} ms")
    assert measured["wrong"] == []


def test_long_text_exposes_what_its_canvas_shows(open_widget: Open) -> None:
    widget = open_widget(text="words2000", position=120)
    assert widget.page.locator(".ew-canvas").count() == 1
    np.testing.assert_array_equal(widget.shares(), widget.row(120))
    strongest = int(np.nanargmax(widget.shares()))
    pixels = widget.tell(
        """(ew, index) => {
            const canvas = ew.root.querySelector('.ew-canvas');
            const box = ew.root.querySelector(`.ew-token[data-i="${index}"]`).getClientRects()[0];
            const origin = canvas.getBoundingClientRect();
            const ratio = canvas.width / origin.width;
            const at = (x, y) => [...canvas.getContext('2d').getImageData((x - origin.left) * ratio, (y - origin.top) * ratio, 1, 1).data];
            const { left, right, top, bottom } = box;
            const inside = [at(left + 1, top + 5), at(right - 2, top + 5), at(left + 5, bottom - 2), at(right - 5, bottom - 2)];
            return { inside, outside: [at(left - 2, top + 5), at(right + 2, top + 5)] };
        }""",
        strongest,
    )
    for pixel in pixels["inside"]:
        assert pixel[3] == 255
        assert pixel[0] > pixel[2] + 80  # ember
    assert all(pixel[3] == 0 for pixel in pixels["outside"])  # the space on both sides


def test_canvas_follows_the_text_when_it_scrolls(open_widget: Open) -> None:
    widget = open_widget(text="words2000", position=1500)
    widget.wait("(ew) => ew.root.querySelector('.ew-strip').scrollTop > 500")
    covered = widget.tell(
        """(ew) => {
            const canvas = ew.root.querySelector('.ew-canvas').getBoundingClientRect();
            const strip = ew.root.querySelector('.ew-strip').getBoundingClientRect();
            return canvas.top <= strip.top && canvas.bottom >= strip.bottom;
        }"""
    )
    assert covered
