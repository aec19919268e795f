"""How long from the pointer on a token to the new colours on the screen, in JupyterLab with the embedded model?

Two answers: for rows that the kernel computes (tokens of the prompt, which are not filled in advance), and for rows
that are in the page already. Measured in the page, from the pointer's event to the first task after the next frame.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import pytest

from tests.browser._harness.attribution import AttributionView
from tests.browser._harness.chromium import launch
from tests.browser._harness.notebook import Notebook
from tests.browser._harness.server import Sandbox, jupyter_server
from tests.browser._harness.tab import open_tab

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

HOVERS = 50
SETUP = """
import ecco_widgets as ecco
lm = ecco.load_demo()
text = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
out = lm.generate(text * 3, generate=HOVERS + 1)
w = out.primary_attributions()
w
""".replace("HOVERS", str(HOVERS))

MEASURE = """(root) => {
  const trips = (window.ewTrips = []);
  let began = 0;
  let wanted = null;
  root.addEventListener('pointerover', (event) => {
    const token = event.target.closest('.ew-token');
    if (token && `@${token.dataset.i}` !== wanted) [began, wanted] = [performance.now(), `@${token.dataset.i}`];
  }, { capture: true });
  const painted = () => {
    if (wanted === null || !root.dataset.painted.endsWith(wanted)) return;
    const trip = { written: performance.now() - began };
    wanted = null;
    requestAnimationFrame(() => {
      const afterFrame = new MessageChannel();
      afterFrame.port1.onmessage = () => trips.push({ ...trip, painted: performance.now() - began });
      afterFrame.port2.postMessage(null);
    });
  };
  new MutationObserver(painted).observe(root, { attributes: true, attributeFilter: ['data-painted'] });
}"""


def measure(view: AttributionView, positions: list[int]) -> list[dict[str, float]]:
    view.page.evaluate("() => { window.ewTrips.length = 0 }")
    for count, position in enumerate(positions, 1):
        view.hover(position)
        view.page.wait_for_function(f"() => window.ewTrips.length === {count}")
    trips: list[dict[str, float]] = view.page.evaluate("() => window.ewTrips")
    return trips


def report(what: str, trips: list[dict[str, float]]) -> float:
    def line(key: str) -> str:
        values = sorted(trip[key] for trip in trips)
        return f"{statistics.median(values):5.1f} / {values[int(0.95 * len(values))]:5.1f}"

    print(f"  {what:34} {line('written'):>15} {line('painted'):>15}   n={len(trips)}")
    return statistics.median(trip["painted"] for trip in trips)


def test_hover_to_repaint_in_jupyterlab(tmp_path: Path):
    sandbox = Sandbox(tmp_path)
    sandbox.prepare()
    with jupyter_server("jupyterlab", sandbox) as server, launch() as browser, open_tab(browser) as tab:
        notebook = Notebook(tab, server.address(server.write_notebook("trip.ipynb", [SETUP])), sandbox)
        notebook.run_all()
        view = AttributionView(notebook.cell(0))
        view.wait_shown()
        facts: dict[str, Any] = notebook.kernel.value("dict(prompt=out.n_prompt, tokens=out.n_tokens)")
        generated = range(facts["prompt"], facts["tokens"])
        notebook.kernel.wait_until(f"len(w._known) >= {len(generated)}")
        view.root.evaluate(MEASURE)
        stride = 7  # as a hand does not: never the neighbour
        prompt = [1 + (stride * k) % (facts["prompt"] - 1) for k in range(1, HOVERS + 1)]
        print(f"\nhover to repaint, {facts['tokens']} tokens, ms, median / 95th percentile")
        print(f"  {'':34} {'styles written':>15} {'painted':>15}")
        report("computed by the kernel", measure(view, list(dict.fromkeys(prompt))))
        local = report("row at hand", measure(view, [generated[(stride * k) % len(generated)] for k in range(1, 51)]))
        assert local < 150
