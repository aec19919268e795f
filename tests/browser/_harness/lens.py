"""The widgets of the lens on the page: read what they show, and do to them what a hand does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import FloatRect, Locator, expect

from tests.browser._harness.attribution import ANSWER_MS

_TABLE = """(root) => {
    const rows = [...root.querySelectorAll('.ew-pred-row:not(.ew-pred-header)')];
    const tail = (row, part) => row.querySelector(`.ew-pred-tail ${part}`)?.textContent ?? null;
    // A part that is hidden is not shown.
    const shown = (token) => [...token.childNodes].filter((part) => !part.hidden);
    const text = (token) => shown(token).map((part) => part.textContent).join('');
    const cells = (row, read) => [...row.querySelectorAll('.ew-pred-cell')].map(read);
    return {
        layers: rows.map((row) => row.querySelector('.ew-pred-layer').textContent),
        ids: rows.map((row) => cells(row, (cell) => Number(cell.dataset.id))),
        texts: rows.map((row) => cells(row, (cell) => text(cell.querySelector('.ew-pred-token')))),
        percents: rows.map((row) => cells(row, (cell) => cell.querySelector('.ew-pred-percent').textContent)),
        bars: rows.map((row) => cells(row, (cell) => parseFloat(cell.querySelector('.ew-pred-bar').style.width))),
        ranks: rows.map((row) => tail(row, '.ew-pred-rank')),
        actual: rows.map((row) => tail(row, '.ew-pred-percent')),
        faded: root.querySelector('.ew-pred').classList.contains('ew-faded'),
    };
}"""
_COLUMNS = """(root) => [...root.querySelectorAll('.ew-columns tbody tr')].map((row) => ({
    layer: row.querySelector('.ew-columns-layer').textContent,
    cells: [...row.querySelectorAll('.ew-columns-cell')].map((cell) => ({
        id: Number(cell.dataset.id), shown: cell.textContent, said: cell.getAttribute('aria-label'),
        best: cell.classList.contains('ew-best'),
    })),
}))"""
_FLASH = """async (root, [indices, milliseconds]) => {
    const began = performance.now();
    for (const [nth, index] of indices.entries()) {
        const token = root.querySelector(`.ew-token[data-i="${index}"]`);
        const { left, top } = token.getBoundingClientRect();
        const at = { clientX: left + 2, clientY: top + 2 };
        token.dispatchEvent(new PointerEvent('pointermove', { ...at, bubbles: true, pointerType: 'mouse' }));
        const due = began + (nth + 1) * milliseconds / indices.length;
        await new Promise((done) => setTimeout(done, Math.max(0, due - performance.now())));
    }
    return performance.now() - began;
}"""
# Where a cell of the heat map is in the window, and how much of the map is in sight.
_BOX = "(root, [row, column]) => root.ewHeatmap.boxOf({ row, column })"
# Half of the last digit that is shown of a bar's width, as a share.
_BAR = 0.6e-4


def number(shown: str) -> int:
    """A whole number as it is written: ``1,234``."""
    return int(shown.replace(",", ""))


def check_percent(shown: str, share: float) -> None:
    """A percentage says what this share is, as exactly as it is written: ``71%``, ``4.2%``, ``<0.01%``."""
    if shown == "<0.01%":
        assert share < 1e-4, (shown, share)
        return
    digits = shown.removesuffix("%")
    half = 0.5 * 10.0 ** -len(digits.partition(".")[2])
    assert abs(100 * share - float(digits)) <= half * 1.01, (shown, share)


@dataclass(frozen=True)
class Table:
    """What a table of the best tokens shows, L rows from the top.

    Attributes:
        layers: Their names.
        ids: Ids of the tokens, best first, shape (L, k).
        texts: Their texts as they are written, white space made visible.
        percents: Their probabilities as they are written.
        bars: The lengths of their bars, as shares of the whole, shape (L, k).
        ranks: Ranks of the token that stands there, one for each row; empty without one.
        actual: Its probabilities as they are written; empty without one.
        faded: Whether the table belongs to an earlier choice.
    """

    layers: list[str]
    ids: NDArray[np.int64]
    texts: list[list[str]]
    percents: list[list[str]]
    bars: NDArray[np.float64]
    ranks: list[int]
    actual: list[str]
    faded: bool

    def check(self, ids: Any, probabilities: Any, ranks: Sequence[int] = (), actual: Sequence[float] = ()) -> None:
        """It shows these tokens (L, k) and probabilities (L, k), and these of the token that stands there (L,)."""
        np.testing.assert_array_equal(self.ids, np.array(ids))
        np.testing.assert_allclose(self.bars, np.array(probabilities), rtol=0, atol=_BAR)
        for shown, expected in zip(self.percents, probabilities, strict=True):
            for percent, share in zip(shown, expected, strict=True):
                check_percent(percent, share)
        assert self.ranks == list(ranks)
        for percent, share in zip(self.actual, actual, strict=True):
            check_percent(percent, share)


class LensView:
    """What the views of all lens widgets have in common.

    Args:
        within: What holds the view: a page's body, a cell.
    """

    SELECTOR = ".ew-root"

    def __init__(self, within: Locator) -> None:
        self.root = within.locator(self.SELECTOR)
        self.page = within.page

    # --------------------------------------------------------------------------------------------------------- reading

    @property
    def painted(self) -> str:
        """Which numbers are painted, without the run."""
        return self.root.get_attribute("data-painted") or ""

    @property
    def state(self) -> str:
        """``ready``, ``computing``, ``stale``, ``error`` or ``offline``."""
        return self.root.get_attribute("data-state") or ""

    @property
    def status(self) -> str:
        """The status line's text."""
        return self.root.locator(".ew-status").inner_text()

    def wait_shown(self) -> None:
        """Wait until the view is there and shows what was asked for."""
        expect(self.root).to_be_visible(timeout=ANSWER_MS)
        expect(self.root).to_have_attribute("data-state", "ready", timeout=ANSWER_MS)

    def expect_painted(self, painted: str | re.Pattern[str]) -> None:
        """Wait until these numbers are painted and nothing is being computed."""
        expect(self.root).to_have_attribute("data-painted", painted, timeout=ANSWER_MS)
        expect(self.root).to_have_attribute("data-state", "ready", timeout=ANSWER_MS)

    def watched(self) -> list[int]:
        """Ids of the watched tokens, in order."""
        return [int(chip.get_attribute("data-id") or -1) for chip in self.root.locator(".ew-watched-chip").all()]

    # ----------------------------------------------------------------------------------------------------------- doing

    def token(self, index: int) -> Locator:
        """Return the element of a token; one beyond the last is the token that would come next."""
        return self.root.locator(f'.ew-token[data-i="{index}"]')

    def hover(self, index: int) -> None:
        """Move the pointer onto a token."""
        self.token(index).hover()

    def sweep(self, start: int, stop: int) -> None:
        """Move the pointer from one token to another one of the same line, as fast as the browser takes it."""
        self.root.scroll_into_view_if_needed()
        here, there = _box(self.token(start)), _box(self.token(stop))
        y = here["y"] + here["height"] / 2
        assert abs(there["y"] - here["y"]) < 2, "the tokens are not on one line"
        self.page.mouse.move(here["x"] + here["width"] / 2, y)
        self.page.mouse.move(there["x"] + there["width"] / 2, y, steps=2 * abs(stop - start))

    def flash(self, indices: Sequence[int], milliseconds: float) -> float:
        """Point at tokens one after the other in this time, faster than a driven mouse can; return how long it took."""
        took: float = self.root.evaluate(_FLASH, [list(indices), milliseconds])
        return took

    def leave(self) -> None:
        """Move the pointer away from everything."""
        self.page.mouse.move(0, 0)

    def press(self, name: str) -> None:
        """Press a button of the bar: ``final_norm``, ``layer_order``, a measure, a scope, a style."""
        self.root.get_by_role("toolbar").locator(f'button[data-name="{name}"]').click()

    def choose_site(self, name: str) -> None:
        """Choose where the lens reads: ``block``, ``attention_out``, ``ffn_out``."""
        self.root.locator('.ew-menu-button[aria-label^="where the lens reads"]').click()
        self.page.locator(f'.ew-menu [data-name="{name}"]').click()

    @property
    def topk_field(self) -> Locator:
        """The field for the number of tokens."""
        return self.root.get_by_role("spinbutton", name="tokens of each layer")

    @property
    def topk_slider(self) -> Locator:
        """The slider beside it."""
        return self.root.get_by_role("slider")

    def drag_topk(self, *shares: float) -> int:
        """Drag the slider to places between its ends (0 to 1), let it go at the last, and return where it stands."""
        self.topk_slider.scroll_into_view_if_needed()
        box = _box(self.topk_slider)
        mouse, y = self.page.mouse, box["y"] + box["height"] / 2
        places = [box["x"] + 4 + share * (box["width"] - 8) for share in shares]
        mouse.move(places[0], y)
        mouse.down()
        for x in places[1:]:
            mouse.move(x, y, steps=8)
        mouse.up()
        return int(self.topk_slider.input_value())

    # ------------------------------------------------------------------------------------------------ candidate tokens

    def table(self) -> Table:
        """Read the table of the best tokens, when its cells out of sight are written too."""
        expect(self.root.locator(".ew-pred-grid")).not_to_have_attribute("aria-busy", "true")
        found: dict[str, Any] = self.root.evaluate(_TABLE)
        return Table(
            layers=found["layers"],
            ids=np.array(found["ids"]),
            texts=found["texts"],
            percents=found["percents"],
            bars=np.array(found["bars"]) / 100,
            ranks=[number(rank) for rank in found["ranks"] if rank is not None],
            actual=[percent for percent in found["actual"] if percent is not None],
            faded=found["faded"],
        )

    def candidate(self, row: int, column: int) -> Locator:
        """Return the element of a candidate; row 0 is the top one, column 0 the best."""
        return self.root.locator(f'.ew-pred-cell[data-row="{row}"][data-column="{column}"]')

    def popover(self, row: int, column: int) -> Locator:
        """Press a candidate and return what opens."""
        self.candidate(row, column).click()
        popover = self.page.locator(".ew-token-popover")
        expect(popover).to_be_visible()
        return popover


class LayerPredictionsView(LensView):
    """One view of a `LayerPredictionsWidget`. ``painted`` is ``topk|final_norm|site@position``."""

    SELECTOR = ".ew-layer-predictions"


class RankingsView(LensView):
    """One view of a `RankingsWidget`. ``painted`` is ``run|scope|final_norm|site``."""

    SELECTOR = ".ew-rankings"

    def expect_grid(self, spec: str, measure: str = "rank") -> None:
        """Wait until the grid ``scope|final_norm|site`` is painted and nothing is being computed."""
        expect(self.root).to_have_attribute("data-measure", measure, timeout=ANSWER_MS)
        self.expect_painted(re.compile(rf"\|{re.escape(spec)}$"))

    @property
    def map(self) -> Locator:
        """The heat map."""
        return self.root.locator(".ew-heatmap")

    @property
    def panel(self) -> Locator:
        """The layer predictions of the opened position."""
        return self.root.locator(".ew-panel")

    def values(self) -> NDArray[np.float64]:
        """The painted values, rows from the top."""
        rows = int(self.map.get_attribute("data-rows") or 0)
        painted: list[float] = self.root.evaluate("(root) => [...root.ewValues]")
        return np.array(painted, float).reshape(rows, -1)

    def numbers(self) -> list[list[str]]:
        """The numbers in the cells as they are written, from the table for those who can't see the picture."""
        rows = self.root.locator(".ew-map table tbody tr")
        return [row.locator("td").all_inner_texts() for row in rows.all()]

    def middle(self, row: int, column: int) -> tuple[float, float]:
        """Where a cell is in the window; row -1 is the column's label."""
        box: dict[str, float] = self.root.evaluate(_BOX, [row, column])
        return (box["left"] + box["right"]) / 2, (box["top"] + box["bottom"]) / 2

    def point(self, row: int, column: int, *, steps: int = 1) -> None:
        """Move the pointer onto a cell."""
        self.map.scroll_into_view_if_needed()
        self.page.mouse.move(*self.middle(row, column), steps=steps)

    def click(self, row: int, column: int) -> None:
        """Click a cell: its column's position is opened, or closed."""
        self.map.scroll_into_view_if_needed()
        self.page.mouse.click(*self.middle(row, column))

    @property
    def tooltip(self) -> Locator:
        """What is said of the cell under the pointer."""
        return self.page.locator(".ew-cell-tooltip")

    def expect_opened(self, position: int) -> None:
        """Wait until the layer predictions of a position are open and nothing is being computed."""
        expect(self.root).to_have_attribute("data-position", str(position), timeout=ANSWER_MS)
        expect(self.root).to_have_attribute("data-state", "ready", timeout=ANSWER_MS)
        expect(self.panel).to_be_visible()


class RankingsWatchView(LensView):
    """One view of a `RankingsWatchWidget`. ``painted`` is ``final_norm|site|ids@position``."""

    SELECTOR = ".ew-rankings-watch"

    def expect_ranks(self, ids: Sequence[int], position: int, how: str = "1|block") -> None:
        """Wait until the ranks of these tokens at this position are painted and nothing is being computed."""
        self.expect_painted(f"{how}|{','.join(map(str, ids))}@{position}")

    def columns(self) -> tuple[list[str], list[int], NDArray[np.int64]]:
        """The columns figure from the top: names of the layers, ids of the tokens, ranks (L, W)."""
        rows: list[dict[str, Any]] = self.root.evaluate(_COLUMNS)
        ids = {tuple(cell["id"] for cell in row["cells"]) for row in rows}
        assert len(ids) == 1, "every row has the same tokens"
        # The cell writes large numbers short; its description has all digits.
        ranks = [[number(_rank_in(cell["said"])) for cell in row["cells"]] for row in rows]
        short = [cell["shown"] for row in rows for cell in row["cells"] if "k" not in cell["shown"]]
        assert short == [str(rank) for row in ranks for rank in row if rank < 1000]
        return [row["layer"] for row in rows], list(ids.pop()), np.array(ranks)

    def probabilities(self) -> list[list[str]]:
        """The probabilities of the columns figure as they are written in the cells' descriptions, (L, W)."""
        rows: list[dict[str, Any]] = self.root.evaluate(_COLUMNS)
        return [[cell["said"].rpartition(", ")[2] for cell in row["cells"]] for row in rows]

    def preferred(self) -> list[int | None]:
        """The token that each row prefers, as it is marked, from the top."""
        rows: list[dict[str, Any]] = self.root.evaluate(_COLUMNS)
        return [next((cell["id"] for cell in row["cells"] if cell["best"]), None) for row in rows]

    @property
    def lines(self) -> Locator:
        """The lines figure."""
        return self.root.locator(".ew-lines")

    def line_ranks(self, layer: int) -> dict[str, int]:
        """Read a layer's ranks from the lines figure by its keys, by the texts that are written there."""
        self.lines.focus()
        self.page.keyboard.press("Home")
        for _ in range(layer):
            self.page.keyboard.press("ArrowRight")
        expect(self.lines).to_have_attribute("data-layer", str(layer))
        rows = self.root.locator(".ew-readout-row").all()
        token, rank = ".ew-readout-token", ".ew-readout-rank"
        return {row.locator(token).inner_text(): number(row.locator(rank).inner_text()) for row in rows}

    @property
    def field(self) -> Locator:
        """Where tokens are typed."""
        return self.root.get_by_role("combobox", name="token to watch")

    @property
    def completions(self) -> Locator:
        """What can be taken for what was typed."""
        return self.page.locator(".ew-completions")

    def offer(self, token_id: int) -> Locator:
        """An entry of the vocabulary among the completions."""
        return self.completions.locator(f'.ew-completion[data-id="{token_id}"]')

    def type(self, text: str) -> None:
        """Type into the field, and wait until the kernel has said what it may mean."""
        self.field.click()
        self.field.fill("")
        self.field.press_sequentially(text)
        expect(self.completions).to_be_visible(timeout=ANSWER_MS)

    def remove(self, token_id: int) -> None:
        """Stop watching a token."""
        self.root.locator(f'.ew-watched-chip[data-id="{token_id}"] .ew-chip-remove').click()


def _rank_in(said: str) -> str:
    found = re.search(r": rank ([\d,]+), [^,]+$", said)
    assert found, said
    return found[1]


def _box(element: Locator) -> FloatRect:
    box = element.bounding_box()
    assert box, "it is not on the page"
    return box
