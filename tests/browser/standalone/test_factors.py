"""The factors widget in the browser: charts, text, controls, cards, ablation. Numbers are the demo model's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, expect

from tests.browser.standalone._widget_page import WidgetPage

Open = Callable[..., WidgetPage]
DATA = json.loads((Path(__file__).parent / "page" / "factors-data.json").read_text(encoding="utf-8"))
OUT_OF_MEMORY = {"kind": "out_of_memory", "message": "Not enough memory.", "hint": "Choose fewer layers."}
CZECHIA = 31
CLEAR = {"rgba(0, 0, 0, 0)"}


@pytest.fixture
def open_factors(open_widget: Open) -> Open:
    def open_one(**options: Any) -> WidgetPage:
        return open_widget(**{"widget": "factors", **options})

    return open_one


def loadings(text: str, key: str) -> NDArray[np.float64]:
    """Recorded, (K, T)."""
    run = DATA[text]
    return np.array(run["factors"][key]["loadings"]).reshape(-1, len(run["_tokens"]["texts"]))


def row(widget: WidgetPage, key: int) -> Locator:
    return widget.root.locator(f'.ew-spark[data-key="{key}"]')


def point(widget: WidgetPage, key: int, token: int) -> None:
    box = row(widget, key).locator(".ew-spark-chart").bounding_box()
    assert box
    tokens = widget.tell("(ew) => ew.root.ewFactors.tokens")
    widget.page.mouse.move(box["x"] + (token + 0.5) / tokens * box["width"], box["y"] + box["height"] / 2)


def coloring(widget: WidgetPage) -> list[int]:
    return list(widget.tell("(ew) => [...ew.root.ewColoring]"))


def settle(widget: WidgetPage) -> None:
    widget.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def slider(widget: WidgetPage) -> Locator:
    return widget.root.get_by_role("slider", name="number of factors, slider")


def wait_factors(widget: WidgetPage, count: int) -> None:
    widget.wait("(ew, k) => ew.root.dataset.done === 'true' && ew.root.ewFactors.ids.length === k", count)
    widget.wait_state("ready")
    settle(widget)


def test_each_token_has_the_colour_of_its_strongest_factor(open_factors: Open) -> None:
    widget = open_factors()
    strongest = loadings("countries", "nmf|6|all").argmax(axis=0)
    assert coloring(widget) == strongest.tolist()
    colors = widget.colors()
    for factor in range(6):
        best = int(np.where(strongest == factor, loadings("countries", "nmf|6|all")[factor], 0).argmax())
        swatch = row(widget, factor).locator(".ew-spark-swatch").evaluate("(e) => getComputedStyle(e).backgroundColor")
        red, green, blue = (int(x) for x in swatch[4:-1].split(","))
        shown = [int(x) for x in colors[best][4:-1].split(",")]
        assert np.argmax(shown) == np.argmax([red, green, blue])
    error = DATA["countries"]["factors"]["nmf|6|all"]["error"]
    assert f"NMF of 6,144 neurons · error {error:.1%}" in widget.root.inner_text()


def test_pointing_at_a_factor_colours_its_tokens_alone(open_factors: Open) -> None:
    widget = open_factors()
    point(widget, 2, CZECHIA)
    settle(widget)
    own = loadings("countries", "nmf|6|all")[2]
    assert set(coloring(widget)) <= {2, -1}
    colored = np.array([color not in CLEAR for color in widget.colors()])
    np.testing.assert_array_equal(colored[own / own.max() > 0.05], True)
    np.testing.assert_array_equal(colored[own / own.max() < 0.02], False)
    assert "alone" in widget.root.locator(".ew-legend").inner_text()
    assert widget.tell("(ew) => ew.model.get('marked')") == CZECHIA
    assert "ew-inspected" in (widget.token(CZECHIA).get_attribute("class") or "")
    widget.page.mouse.move(5, 5)
    settle(widget)
    assert len(set(coloring(widget))) > 2
    assert widget.tell("(ew) => [ew.model.get('focus'), ew.model.get('marked')]") == [None, None]


def test_pins_colour_by_the_strongest_among_them(open_factors: Open) -> None:
    widget = open_factors()
    row(widget, 1).click()
    row(widget, 3).click()
    widget.page.mouse.move(5, 5)
    widget.page.keyboard.press("Tab")
    settle(widget)
    two = loadings("countries", "nmf|6|all")[[1, 3]]
    expected = np.where(two.max(axis=0) > 0, np.array([1, 3])[two.argmax(axis=0)], -1)
    assert coloring(widget) == expected.tolist()
    assert row(widget, 1).get_attribute("aria-selected") == "true"
    widget.root.locator(".ew-pin").click()
    settle(widget)
    assert widget.tell("(ew) => ew.model.get('pinned')") == []


def test_keys_isolate_pin_and_open(open_factors: Open) -> None:
    widget = open_factors()
    row(widget, 0).focus()
    widget.page.keyboard.press("ArrowDown")
    settle(widget)
    assert widget.attribute("focus") == "1"
    widget.page.keyboard.press("Enter")
    assert row(widget, 1).get_attribute("aria-selected") == "true"
    widget.page.keyboard.press("c")
    expect(widget.root.locator(".ew-card")).to_have_attribute("data-id", "1")
    widget.root.get_by_role("button", name="close the card").focus()
    widget.page.keyboard.press("Escape")
    expect(widget.root.locator(".ew-card")).to_have_count(0)
    assert row(widget, 1).evaluate("(element) => element === document.activeElement")
    widget.page.keyboard.press("Escape")
    assert widget.tell("(ew) => ew.model.get('pinned')") == []


def test_a_token_shows_its_loadings_and_is_marked_in_the_charts(open_factors: Open) -> None:
    widget = open_factors()
    widget.token(CZECHIA).hover()
    settle(widget)
    own = loadings("countries", "nmf|6|all")
    order = np.argsort(-own[:, CZECHIA])
    expected = [str(k) for k in order if own[k, CZECHIA] > 0]
    tooltip = widget.page.locator(".ew-factor-tooltip")
    shown = [item.get_attribute("data-id") for item in tooltip.locator(".ew-loading").all()]
    assert shown == expected[:6]
    share = own[order[0], CZECHIA] / own[order[0]].max()
    assert f"{share:.0%}" in tooltip.locator(".ew-loading").first.inner_text()
    assert "state that led to it" in tooltip.inner_text()
    assert widget.root.locator(".ew-sparks.ew-marking").count() == 1
    widget.token(3).hover()
    settle(widget)
    assert "state that led to it" not in tooltip.inner_text()
    widget.token(3).click()
    assert widget.tell("(ew) => ew.model.get('pinned')") == [coloring(widget)[3]]


def test_the_shift_is_explained(open_factors: Open) -> None:
    widget = open_factors()
    widget.root.locator(".ew-hint-word").focus()
    expect(widget.page.locator(".ew-hint-text")).to_contain_text("the state that produced it")


def test_dragging_from_2_to_12_ends_at_12_and_colours_stay(open_factors: Open) -> None:
    widget = open_factors(n_components=2, kernel={"delay": 30})
    swatches = """(ew) => Object.fromEntries([...ew.root.querySelectorAll('.ew-spark')].map(
        (row) => [row.dataset.key, getComputedStyle(row.querySelector('.ew-spark-swatch')).backgroundColor]))"""
    before = widget.tell(swatches)
    box = slider(widget).bounding_box()
    assert box
    widget.tell(
        """(ew) => {
            ew.most = 0;
            const receive = ew.kernel.receive.bind(ew.kernel);
            const open = new Set();
            ew.model.on('msg:custom', ({ kind, id }) => kind !== 'progress' && open.delete(id));
            ew.kernel.receive = (message) => {
                if (message.channel === 'row' && message.name === 'set') open.add(message.id);
                ew.most = Math.max(ew.most, open.size);
                receive(message);
            };
        }"""
    )

    def at(count: int) -> float:
        return float(box["x"] + 6.5 + (count - 1) / 42 * (box["width"] - 13))

    widget.page.mouse.move(at(2), box["y"] + box["height"] / 2)
    widget.page.mouse.down()
    for count in range(2, 13):
        widget.page.mouse.move(at(count), box["y"] + box["height"] / 2, steps=2)
    widget.page.mouse.up()
    for _ in range(12 - int(slider(widget).input_value())):
        slider(widget).press("ArrowRight")
    wait_factors(widget, 12)
    assert widget.tell("(ew) => ew.most") <= 2
    after = widget.tell(swatches)
    assert all(after[key] == color for key, color in before.items() if key in after)
    shown = np.array(widget.tell("(ew) => ew.root.ewFactors.loadings.map((row) => [...row])"))
    recorded = loadings("countries", "nmf|12|all")
    order = [int(np.abs(recorded - line).sum(axis=1).argmin()) for line in shown]
    assert sorted(order) == list(range(12))
    np.testing.assert_allclose(shown, recorded[order], rtol=1e-5)


def test_new_factors_are_marked_and_come_last(open_factors: Open) -> None:
    widget = open_factors()
    widget.root.get_by_role("spinbutton", name="number of factors").fill("8")
    wait_factors(widget, 8)
    fresh = [r.get_attribute("data-key") for r in widget.root.locator(".ew-spark.ew-fresh").all()]
    keys = [r.get_attribute("data-key") for r in widget.root.locator(".ew-spark").all()]
    assert len(fresh) == 2
    assert keys[-2:] == fresh


def test_a_first_picture_comes_soon_and_is_refined(open_factors: Open) -> None:
    widget = open_factors(kernel={"delay": 1500, "steps": 20})
    widget.root.get_by_role("spinbutton", name="number of factors").fill("9")
    widget.wait("(ew) => ew.root.ewFactors.ids.length === 9")
    assert widget.attribute("done") == "false"
    assert "iteration 1 · refining" in widget.root.inner_text()
    widget.wait("(ew) => ew.root.querySelector('.ew-progress')?.value > 1")
    wait_factors(widget, 9)
    assert widget.root.locator(".ew-progress").count() == 0


def test_cancelling_keeps_what_was_found(open_factors: Open) -> None:
    widget = open_factors(kernel={"delay": 4000, "steps": 20})
    widget.root.get_by_role("spinbutton", name="number of factors").fill("9")
    widget.wait("(ew) => ew.root.ewFactors.iterations === 4")
    widget.root.get_by_role("button", name="cancel").click()
    widget.wait_state("ready")
    assert "stopped at iteration 4" in widget.root.inner_text()
    widget.tell("(ew) => { ew.kernel.delay = 10; }")
    widget.root.get_by_role("button", name="go on").click()
    wait_factors(widget, 9)
    assert "stopped" not in widget.root.inner_text()


def test_an_error_keeps_the_picture(open_factors: Open) -> None:
    widget = open_factors(kernel={"failures": {"9": OUT_OF_MEMORY}})
    before = coloring(widget)
    widget.root.get_by_role("spinbutton", name="number of factors").fill("9")
    widget.wait_state("error")
    assert "Choose fewer layers." in widget.root.get_by_role("alert").inner_text()
    assert coloring(widget) == before
    assert slider(widget).input_value() == "6"


def test_layers_are_brushed_and_toggled(open_factors: Open) -> None:
    widget = open_factors()
    cells = widget.root.locator(".ew-brush-cell")

    def middle(layer: int) -> tuple[float, float]:
        box = cells.nth(layer).bounding_box()
        assert box
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    widget.page.mouse.move(*middle(0))
    widget.page.mouse.down()
    widget.page.mouse.move(*middle(2), steps=1)
    widget.page.mouse.up()
    widget.page.mouse.move(5, 5)
    widget.wait("(ew) => ew.root.dataset.painted === 'trace-1|nmf|6|0,1,2|0|0'")
    assert widget.root.locator(".ew-brush-words").inner_text() == "0–2"
    cells.nth(5).click()
    widget.wait("(ew) => ew.root.dataset.painted === 'trace-1|nmf|6|0,1,2,5|0|0'")
    widget.page.mouse.move(5, 5)
    assert widget.root.locator(".ew-brush-words").inner_text() == "0–2, 5"
    assert widget.sent()[-1]["params"] == {"layers": [0, 1, 2, 5]}
    cells.nth(5).press(" ")
    widget.wait("(ew) => ew.root.dataset.painted === 'trace-1|nmf|6|0,1,2|0|0'")
    cells.nth(0).press("a")
    widget.wait("(ew) => ew.root.dataset.painted === 'trace-1|nmf|6|all|0|0'")
    assert widget.sent()[-1]["params"] == {"layers": None}


def test_a_card_tells_about_a_factor(open_factors: Open) -> None:
    widget = open_factors()
    row(widget, 1).locator(".ew-spark-more").click()
    card = widget.root.locator(".ew-card")
    recorded = DATA["countries"]["factors"]["nmf|6|all"]["cards"][1]
    expect(card).to_contain_text(f"{recorded['n_neurons']:,} neurons")
    assert widget.tell("(ew) => ew.model.get('pinned')") == []
    places = [int(chip.get_attribute("data-position") or -1) for chip in card.locator(".ew-place-chip").all()]
    assert places == recorded["top_tokens"]
    assert card.locator(".ew-column").count() == 6
    card.locator(".ew-place-chip").first.hover()
    assert "ew-inspected" in (widget.token(places[0]).get_attribute("class") or "")
    other = card.locator(".ew-shared-chip").first
    key = other.get_attribute("data-id")
    other.click()
    expect(card).to_have_attribute("data-id", key or "")


def test_ablation_shows_before_and_after_beside_random_neurons(open_factors: Open) -> None:
    widget = open_factors(text="numbers", n_components=2, card=0)
    recorded = DATA["numbers"]["factors"]["nmf|2|all"]["cards"][0]["ablation"]
    card = widget.root.locator(".ew-card")
    card.get_by_role("button", name="how many of its neurons").click()
    widget.page.locator('.ew-menu-item[data-name="100"]').click()
    card.get_by_role("button", name="Ablate and regenerate").click()
    result = card.locator(".ew-ablation")
    expect(result).to_be_visible()
    assert widget.sent("ablate")[-1]["params"] == {"id": 0, "top": 100, "action": "zero"}
    after = result.locator('[data-version="after"] .ew-changed').all_inner_texts()
    kept = set(recorded["before"]["ids"][recorded["n_prompt"] :])
    new = [t for t in recorded["after"]["ids"][recorded["n_prompt"] :] if t not in kept]
    assert len(after) >= len(new) > 0
    assert result.locator(".ew-change-dot").count() == len(recorded["log_p"])
    assert result.locator(".ew-random-range").count() == len(recorded["log_p"])
    changes = [p["after"] - p["before"] for p in recorded["log_p"]]
    assert f"{abs(np.mean(changes)):.3g}" in result.locator(".ew-effect-sentence").inner_text()
    assert "more than random neurons" in result.locator(".ew-effect-sentence").inner_text()
    assert result.locator(".ew-effect-sentence").get_attribute("data-verdict") == "more"
    plot = result.get_by_role("slider")
    plot.focus()
    widget.page.keyboard.press("Home")
    first = recorded["log_p"][0]
    assert f'p("{recorded["before"]["texts"][first["position"]]}")' in result.locator(".ew-effect-readout").inner_text()


def test_ablation_tells_how_far_it_is_and_can_be_cancelled(open_factors: Open) -> None:
    widget = open_factors(card=1, kernel={"operationDelay": 3000, "operationSteps": 11})
    card = widget.root.locator(".ew-card")
    expect(card).to_contain_text("neurons (")
    card.get_by_role("button", name="Ablate and regenerate").click()
    widget.wait("(ew) => ew.root.querySelector('.ew-intervene-progress')?.value >= 1")
    card.get_by_role("button", name="cancel").click()
    expect(card.get_by_role("button", name="Ablate and regenerate")).to_be_visible()
    assert card.locator(".ew-ablation").count() == 0


def test_ablation_that_fails_says_so_in_the_card(open_factors: Open) -> None:
    widget = open_factors(card=1, kernel={"failures": {"ablate": OUT_OF_MEMORY}})
    widget.root.get_by_role("button", name="Ablate and regenerate").click()
    expect(widget.root.locator(".ew-intervene-failure")).to_have_text("Not enough memory. Choose fewer layers.")
    assert widget.attribute("state") == "ready"


def test_a_caveat_stands_beside_other_methods(open_factors: Open) -> None:
    widget = open_factors(method="pca")
    assert widget.root.locator(".ew-caveat").inner_text() == DATA["countries"]["caveats"]["pca"]
    assert widget.root.locator(".ew-spark.ew-signed").count() == 6
    assert widget.root.get_by_role("spinbutton", name="seed").count() == 0


def test_a_saved_page_shows_what_it_has(open_factors: Open) -> None:
    widget = open_factors(live=False, card=1)
    assert widget.attribute("state") == "offline"
    assert slider(widget).is_disabled()
    point(widget, 2, CZECHIA)
    settle(widget)
    assert set(coloring(widget)) <= {2, -1}
    assert "needs a kernel" in widget.root.locator(".ew-card").inner_text()
    row(widget, 0).locator(".ew-spark-more").click()
    assert widget.attribute("card") == "1"
    assert widget.tell("(ew) => ew.kernel.received.length") == 0


def test_texts_of_a_batch_stand_apart(open_factors: Open) -> None:
    spans = [{"start": 0, "stop": 15}, {"start": 15, "stop": 30}, {"start": 30, "stop": 43}]
    widget = open_factors(texts=spans)
    parts = widget.root.locator(".ew-part")
    assert [part.get_attribute("data-part") for part in parts.all()] == ["text 1", "text 2", "text 3"]
    assert parts.nth(1).locator(".ew-token").count() == 15
    assert widget.root.locator(".ew-sparks.ew-divided").count() == 1


@pytest.mark.parametrize("width", [320, 480])
def test_nothing_is_wider_than_a_narrow_column(open_factors: Open, width: int) -> None:
    widget = open_factors(width=width + 32, card=1, height=1500)
    widget.root.get_by_role("button", name="Ablate and regenerate").click()
    expect(widget.root.locator(".ew-ablation")).to_be_visible()
    assert widget.page.evaluate("document.documentElement.scrollWidth") <= width + 32


def test_a_view_that_goes_leaves_nothing_behind(open_factors: Open) -> None:
    widget = open_factors()
    widget.token(3).hover()
    widget.tell("(ew) => ew.dispose()")
    assert widget.page.locator(".ew-root, .ew-tooltip").count() == 0
    assert widget.tell("(ew) => ew.model.listening") == 0


def test_fifty_factors_of_two_thousand_tokens_stay_fluid(open_factors: Open) -> None:
    """Times printed (median of 15); only what is drawn is asserted, and that it is not absurd."""
    widget = open_factors(text="passage", n_components=10)
    times = widget.tell(
        """async (ew) => {
            const T = 2000, K = 50;
            const tokens = ew.model.get('_tokens');
            const at = (i) => i % tokens.texts.length;
            const many = Array.from({ length: T }, (_, i) => at(i));
            const pick = (list) => many.map((i) => list[i]);
            ew.model.set('_bounds', { ...ew.model.get('_bounds'), most: K, texts: [{ start: 0, stop: T }] });
            ew.model.set('_tokens', { ...tokens, texts: pick(tokens.texts), ids: pick(tokens.ids), n_prompt: T,
                segments: [{ name: 'text', start: 0, stop: T }], fragments: [], special: [],
                explainable: many.map((_, i) => i).slice(1) });
            ew.model.set('n_components', K);
            const rows = ew.root.ewFactors?.loadings ?? [];
            const base = ew.kernel.state._factors;
            const painted = () => new Promise((done) => {
                const channel = new MessageChannel();
                channel.port1.onmessage = done;
                channel.port2.postMessage(0);
            });
            const send = async (k) => {
                await new Promise((done) => requestAnimationFrame(done));
                const loadings = Float32Array.from({ length: K * T }, (_, i) => {
                    const values = base.loadings.data, [n, t] = base.loadings.shape;
                    const row = Math.floor(i / T), token = at(i % T);
                    return values[((row + k) % n) * t + token] * (1 + (row % 7));
                });
                const peak = Float32Array.from({ length: K }, (_, r) =>
                    loadings.subarray(r * T, (r + 1) * T).reduce((a, b) => Math.max(a, b), 0));
                const start = performance.now();
                ew.kernel.sendData({ factors: { ...base, spec: `${tokens.run}|nmf|${K}|all|0|0`, done: k % 3 === 0,
                    ids: Array.from({ length: K }, (_, i) => i), fresh: [],
                    explained: { dtype: 'float32', shape: [K], data: new Float32Array(K).fill(0.02) },
                    n_neurons: { dtype: 'int32', shape: [K], data: new Int32Array(K).fill(9) },
                    loadings: { dtype: 'float32', shape: [K, T], data: loadings },
                    peak: { dtype: 'float32', shape: [K], data: peak } } });
                const script = performance.now() - start;
                await painted();
                return [script, performance.now() - start];
            };
            const pictures = [], hovers = [];
            for (let k = 0; k < 15; k++) pictures.push(await send(k));
            for (let k = 0; k < 15; k++) {
                await new Promise((done) => requestAnimationFrame(done));
                const start = performance.now();
                const chart = ew.root.querySelectorAll('.ew-spark')[k];
                chart.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX: 60 + k, clientY: 20 }));
                const script = performance.now() - start;
                await painted();
                hovers.push([script, performance.now() - start]);
            }
            return [pictures, hovers];
        }"""
    )
    for name, found in zip(("a new picture", "a hover"), times, strict=True):
        script, frame = np.median(np.array(found), axis=0)
        print(f"\n50 factors x 2,000 tokens, {name}: script {script:.1f} ms, whole frame {frame:.1f} ms")
        assert frame < 1000
    assert widget.root.locator(".ew-spark").count() == 50
    assert widget.root.locator(".ew-token").count() == 2000
