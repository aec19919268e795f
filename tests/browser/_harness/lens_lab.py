"""A notebook in JupyterLab with the demo model, to show lens widgets in and to ask for the same numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser

from tests.browser._harness.attribution import AttributionView
from tests.browser._harness.lens import LensView
from tests.browser._harness.notebook import Notebook
from tests.browser._harness.server import JupyterServer
from tests.browser._harness.tab import Tab, open_tab
from tests.browser._harness.wire import Wire

View = TypeVar("View", LensView, AttributionView)

SETUP = """
import ipywidgets
import numpy as np
import ecco_widgets as ecco
from ecco_widgets import analysis

lm = ecco.load_demo()

def counting():
    '''A run of 20 generated tokens; each test has its own, since the widgets of a run share what is watched.'''
    return lm.score(" 1, 2, 3,", " 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,")

def countries():
    '''A run in which the layers do not agree.'''
    prompt = "The countries of the European Union are:\\n1. Austria\\n2. Belgium\\n3."
    return lm.score(prompt, " Bulgaria\\n4. Croatia\\n5. Cyprus")

def lists(record, names):
    '''Arrays of a result as what JSON can say.'''
    return {name: np.asarray(getattr(record, name)).tolist() for name in names}

class Depth:
    '''How many requests of each channel of the model's engine were unfinished at once.'''
    def __init__(self, engine):
        self.most, submit, schedule = {}, engine.submit, engine.schedule
        def counted(channel, request, listener):
            ticket = submit(channel, request, listener)
            with schedule.lock:
                name, unfinished = channel.key[-1], len(schedule.live(channel))
            self.most[name] = max(unfinished, self.most.get(name, 0))
            return ticket
        engine.submit = counted

depth = Depth(lm("one").layer_predictions()._engine)
"""


@dataclass(frozen=True)
class LensLab:
    """The notebook; its kernel knows ``ecco``, ``analysis``, ``lm``, and ``run`` and ``w`` of the cell shown last."""

    tab: Tab
    notebook: Notebook
    wire: Wire

    def run(self, code: str) -> str:
        """Run code in the kernel, not in a cell."""
        return self.notebook.kernel.run(code)

    def value(self, expression: str) -> Any:
        """Return the value of an expression in the kernel."""
        return self.notebook.kernel.value(expression)

    def wait_until(self, expression: str) -> None:
        """Wait until an expression is true in the kernel."""
        self.notebook.kernel.wait_until(expression)

    def cell(self, source: str) -> str:
        """Run a new cell and return what it printed."""
        return self.notebook.printed(self.notebook.append(source))

    def show(self, view: type[View], widget: str, *, run: str = "", name: str = "w") -> View:
        """Show a widget in a new cell.

        Args:
            view: How it is read.
            widget: What makes it, from ``run``.
            run: What makes ``run`` before; empty for the one that is there.
            name: What it is called.
        """
        made = f"run = {run}\n" if run else ""
        shown = view(self.notebook.cell(self.notebook.append(f"{made}{name} = {widget}\n{name}")))
        shown.wait_shown()
        shown.root.scroll_into_view_if_needed()
        return shown

    # ------------------------------------------------------------------------- the same numbers, apart from any widget

    def top(self, position: int, k: int = 10, **how: Any) -> dict[str, Any]:
        """The best tokens of each layer as `analysis` computes them: arguments of ``Table.check``."""
        best = self.value(
            f"lists(analysis.top_tokens(run, {position}, {k}, **{how!r}), ['ids', 'probabilities'])",
        )
        if position == self.value("run.n_tokens"):
            return dict(best)
        own = self.value(f"lists(analysis.watched(run, [int(run.token_ids[{position}])], {position}, **{how!r}),"
                         " ['ranks', 'probabilities'])")  # fmt: skip
        first = {name: [row[0] for row in rows] for name, rows in own.items()}
        return {**best, "ranks": first["ranks"], "actual": first["probabilities"]}

    def texts(self, position: int, k: int = 10, **how: Any) -> list[list[str]]:
        """Their texts."""
        texts: list[list[str]] = self.value(f"analysis.top_tokens(run, {position}, {k}, **{how!r}).texts")
        return texts

    def statistics(self, measure: str, positions: str = "None", **how: Any) -> NDArray[np.float64]:
        """A measure (L, P) as `analysis.lens_statistics` computes it."""
        found = f"analysis.lens_statistics(run, {positions}, **{how!r})"
        return np.array(self.value(f"np.asarray({found}.{measure}).tolist()"), float)

    def watched(self, ids: Sequence[int], position: int, **how: Any) -> dict[str, NDArray[Any]]:
        """Ranks and probabilities (L, W) as `analysis.watched` computes them."""
        found = f"analysis.watched(run, {list(ids)}, {position}, **{how!r})"
        return {
            name: np.array(rows) for name, rows in self.value(f"lists({found}, ['ranks', 'probabilities'])").items()
        }

    def ids(self, *texts: str) -> list[int]:
        """Ids of tokens."""
        return [self.value(f"lm.token_id({text!r})") for text in texts]


@contextmanager
def lens_lab(server: JupyterServer, browser: Browser, name: str) -> Iterator[LensLab]:
    """Open a notebook and load the model for a ``with`` block; at the end nothing may have failed."""
    notebook = server.write_notebook(name, [SETUP])
    wire = Wire()
    with open_tab(browser) as tab:
        wire.listen(tab.page)
        opened = Notebook(tab, server.address(notebook), server.sandbox)
        opened.run_all()
        yield LensLab(tab, opened, wire)
