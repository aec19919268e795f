"""Hovers over rows at hand repaint within a frame. Times are printed; only what is painted is asserted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.browser.standalone._widget_page import WidgetPage

Open = Callable[..., WidgetPage]

# The hover comes at the beginning of a frame; the task after it begins when style, layout and paint are done.
HOVER_MANY = """async (ew) => {
    const inSight = [...ew.root.querySelectorAll('.ew-token')].filter((token) => {
        const box = token.getBoundingClientRect();
        return box.top > 120 && box.bottom < 500;
    });
    const times = [];
    const wrong = [];
    for (let k = 0; k < 40; k++) {
        const token = inSight[(k * 37) % inSight.length];
        times.push(await new Promise((done) => requestAnimationFrame(() => {
            const start = performance.now();
            token.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX: k, clientY: k }));
            const script = performance.now() - start;
            if (!ew.root.dataset.painted.endsWith(`@${token.dataset.i}`)) wrong.push(token.dataset.i);
            const channel = new MessageChannel();
            channel.port1.onmessage = () => done([script, performance.now() - start]);
            channel.port2.postMessage(0);
        })));
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
    script, frame = np.median(measured["times"], axis=0)
    print(f"\n{text}, {style}: script {script:.1f} ms, whole frame {frame:.1f} ms (median of 40 hovers)")
    assert measured["wrong"] == []


def test_long_text_is_painted_where_it_is_in_sight_and_soon_everywhere(open_widget: Open) -> None:
    widget = open_widget(text="words2000", position=1900)
    np.testing.assert_array_equal(widget.shares(), widget.row(1900))
    widget.wait("(ew) => ew.root.querySelector('.ew-strip').scrollTop > 500")
    for index in (1895, 900):  # in sight, far away
        widget.wait("(ew, i) => ew.root.querySelector(`.ew-token[data-i='${i}']`).style.backgroundColor !== ''", index)


def test_text_that_is_scrolled_into_sight_is_painted(open_widget: Open) -> None:
    widget = open_widget(text="words5000", position=4900)
    widget.wait("(ew) => ew.root.querySelector('.ew-strip').scrollTop > 2000")
    painted = widget.tell(
        """(ew) => new Promise((done) => {
            const strip = ew.root.querySelector('.ew-strip');
            strip.addEventListener('scroll', () => {
                const token = ew.root.querySelector('.ew-token[data-i="30"]');
                done(token.style.backgroundColor);
            }, { once: true });
            strip.scrollTop = 0;
        })"""
    )
    assert painted != ""
