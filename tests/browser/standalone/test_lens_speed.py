"""Pointing at positions at hand redraws the lens at once. Times are printed; what is drawn is asserted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.browser.standalone._widget_page import WidgetPage

Open = Callable[..., WidgetPage]

# The pointer moves at the beginning of a frame; the task after it begins when style, layout and paint are done.
POINT_AT_MANY = """async (ew, positions) => {
    const times = [];
    const wrong = [];
    for (const [k, position] of positions.entries()) {
        const token = ew.root.querySelector(`.ew-token[data-i="${position}"]`);
        times.push(await new Promise((done) => requestAnimationFrame(() => {
            const start = performance.now();
            token.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX: k, clientY: k }));
            const script = performance.now() - start;
            if (!ew.root.dataset.painted.endsWith(`@${position}`)) wrong.push(position);
            const channel = new MessageChannel();
            channel.port1.onmessage = () => done([script, performance.now() - start]);
            channel.port2.postMessage(0);
        })));
    }
    return { times, wrong };
}"""


@pytest.mark.parametrize(("text", "topk"), [("keys", 10), ("deep", 10), ("deep", 50)])
def test_predictions_at_hand_are_drawn_at_once(open_widget: Open, text: str, topk: int) -> None:
    positions = (
        [5, 7, 6, 8, 9, 7, 5, 11, 10, 6] if text == "keys" else [120, 119, 121, 118, 122, 117, 123, 116, 124, 115]
    )
    widget = open_widget(widget="layer_predictions", text=text, topk=topk, position=positions[-1], height=1400)
    widget.wait("(ew) => ew.kernel.received.length > 0")
    widget.tell("(ew, positions) => ew.kernel.sendRows(positions)", positions)
    measured: dict[str, Any] = widget.tell(POINT_AT_MANY, positions)
    script, frame = np.median(measured["times"], axis=0)
    print(f"\n{text}, k = {topk}: script {script:.1f} ms, whole frame {frame:.1f} ms (median of {len(positions)})")
    assert measured["wrong"] == []
