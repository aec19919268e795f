"""When did the model decide? A heat map of layers and positions, live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets as t
from numpy.typing import NDArray

from ecco_widgets.analysis.lens import LensStatistics, lens_statistics
from ecco_widgets.analysis.targets import check_choice
from ecco_widgets.live import Outcome, Request, Ticket
from ecco_widgets.live.messages import Reply
from ecco_widgets.models.trace import Trace
from ecco_widgets.widgets import _lens_rows as lens_rows
from ecco_widgets.widgets._lens_rows import Column
from ecco_widgets.widgets._rankings_saving import RankingsSaved
from ecco_widgets.widgets._top_widget import TopWidget

MEASURES = ("rank", "log_probability", "entropy", "kl")

_GRID = frozenset({"scope", "final_norm", "site"})
_OPENED = frozenset({"position", "topk", "final_norm", "site"})
# A grid worth restoring: 7 MB of numbers in a saved notebook.
_MOST_KEPT_CELLS = 1 << 17


class RankingsWidget(TopWidget):
    """How each layer ranks the token that came, for all positions; click one to see its layer predictions.

    Made by ``trace.rankings()``. Every public trait can be set here as on screen, and the view follows.

    Args:
        trace: The run.
        **traits: Initial values of the traits below.

    Attributes:
        measure: What the cells show: "rank", "log_probability", "entropy" or "kl" (of the last layer's prediction from
            the layer's).
        scope: "generated" for the positions explained by default, "all" for all that have a prediction.
        position: The position whose layer predictions are open; ``None`` for none.
        topk: Tokens of each layer there, 1 to 50.
        final_norm: Whether the final norm is applied to every layer; without it the figures are Ecco's.
        site: "block", "attention_out" or "ffn_out".
        layer_order: Where layer 0 is: "top" or "bottom".
        watch: Watched tokens, texts or ids (read back as ids); shared with the run's other widgets.
        marked: The position that is pointed at in one of the run's widgets.

    Raises:
        InvalidInput: From the constructor or when a trait is set, if a value can't be used.
        UnsupportedModel: If the model's layers can't be read.
        TraitError: If a value is of the wrong type.

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo().generate(" 1, 2, 3,", generate=4)
        >>> ecco.RankingsWidget(out).ranks[-1].tolist()
        [1, 1, 1, 1]
    """

    _bundle = "rankings"
    _next_allowed = False

    measure = t.Unicode("rank").tag(sync=True, front_end=True)
    scope = t.Unicode("generated").tag(sync=True, front_end=True)

    _grid = t.Dict().tag(sync=True)

    def __init__(self, trace: Trace, **traits: Any) -> None:
        self._columns: list[Column] = []
        self._columns_spec = ""
        super().__init__(trace, **traits)

    @t.validate("measure")
    def _check_measure(self, proposal: t.Bunch) -> str:
        return check_choice("measure", proposal["value"], list(MEASURES))

    @t.validate("scope")
    def _check_scope(self, proposal: t.Bunch) -> str:
        return check_choice("scope", proposal["value"], ["generated", "all"])

    # ----------------------------------------------------------------------------------------------------- for Python

    @property
    def positions(self) -> list[int]:
        """The P positions of the grid."""
        trace = self._trace
        return list(trace.explainable if self.scope == "all" else trace.output_positions)

    @property
    def ranks(self) -> NDArray[np.int32]:
        """Ranks (L, P) of the tokens that stand at the grid's positions; computed now if they are not at hand."""
        return self.statistics.rank

    @property
    def statistics(self) -> LensStatistics:
        """The numbers behind the picture, as ``analysis.lens_statistics`` gives them, each (L, P)."""
        columns, positions = self._known_columns(), self.positions
        if columns is None:
            return lens_statistics(self._trace, positions, top=min(5, self._trace.lm.vocabulary), **self._reading)
        arrays = _stacked(columns)
        arrays["top_ids"] = arrays["top_ids"].astype(np.int64)
        return LensStatistics(positions=np.array(positions, dtype=np.int64), **arrays)

    def to_frame(self) -> Any:
        """One row for each cell as a pandas DataFrame: position, token, layer and the four measures."""
        import pandas as pd

        return pd.DataFrame(self._saved().columns(None))

    def _saved(self) -> RankingsSaved:
        return RankingsSaved(self)

    # ----------------------------------------------------------------------------------------------------------- live

    def _first_position(self, trace: Trace) -> int | None:
        del trace  # nothing is opened
        return None

    def _forget(self) -> None:
        super()._forget()
        self._columns, self._columns_spec = [], ""
        self._grid = {}

    @property
    def _grid_spec(self) -> str:
        return f"{self._trace.id}|{self.scope}|{self._reading_key}"

    def _known_columns(self) -> list[Column] | None:
        with self._lock:
            return self._columns if self._columns and self._columns_spec == self._grid_spec else None

    def _hello(self) -> Mapping[str, Any]:
        columns = self._known_columns()
        grid = {} if columns is None else {"grid": self._grid_data(columns)}
        return {**grid, **self._hello_top()}

    def _answer(self, names: frozenset[str], reply: Reply) -> Ticket | Mapping[str, Any] | None:
        if not names & _GRID:
            return self._answer_top("opened", reply) if names & _OPENED else None
        if self.position is not None and names & _OPENED:
            # One request has one answer, the grid; this comes as news.
            opened = self._answer_top("opened", Reply())
            if not isinstance(opened, Ticket) and opened is not None:
                self._publish_result(Reply(None, "opened", "set"), opened)
        return self._answer_grid(reply)

    def _answer_grid(self, reply: Reply) -> Ticket | Mapping[str, Any] | None:
        positions = self.positions
        if not positions:
            return None
        known = self._known_columns()
        if known is not None:
            return {"grid": self._grid_data(known)}
        spec, trace = self._grid_spec, self._trace
        params = {"positions": positions, **self._reading}

        def take(outcome: Outcome) -> Mapping[str, Any]:
            columns: list[Column] = outcome.result
            data = grid_data(trace, spec, positions, columns)
            with self._lock:
                if spec == self._grid_spec:
                    self._columns, self._columns_spec = columns, spec
                    small = len(positions) * trace.lm.n_layers <= _MOST_KEPT_CELLS
                    self._keep("_grid", data if small else {})
            return {"grid": data}

        # Columns are cached one by one inside the analysis, so that a cancelled grid goes on where it stopped.
        request = Request(lens_rows.GRID, trace.id, params, cacheable=False)
        # A large grid takes seconds, which nobody who points at a token meanwhile should wait.
        return self._submit(self._patient("row"), request, reply, take)

    def _grid_data(self, columns: Sequence[Column]) -> dict[str, Any]:
        return grid_data(self._trace, self._grid_spec, self.positions, columns)


def grid_data(trace: Trace, spec: str, positions: Sequence[int], columns: Sequence[Column]) -> dict[str, Any]:
    """A grid as it travels (``_schema.RankingsGrid``)."""
    arrays = _stacked(columns)
    tokens = np.unique(arrays["top_ids"]).tolist()
    return {
        "spec": spec,
        "positions": list(positions),
        **arrays,
        "texts": {str(token): trace.lm.token_text(token) for token in tokens},
    }


def _stacked(columns: Sequence[Column]) -> dict[str, NDArray[Any]]:
    names = (*MEASURES, "top_ids", "top_probabilities")
    return {name: np.stack([getattr(column, name) for column in columns], axis=1) for name in names}
