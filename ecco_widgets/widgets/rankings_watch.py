"""Which of some tokens did each layer prefer? Their ranks at one position by layer, live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets as t
from numpy.typing import NDArray

from ecco_widgets.analysis.lens import Watched, watched
from ecco_widgets.analysis.targets import check_choice
from ecco_widgets.live import Listener, Outcome, Request, Ticket
from ecco_widgets.live.messages import Reply
from ecco_widgets.models.trace import Trace
from ecco_widgets.widgets import _lens_rows as lens_rows
from ecco_widgets.widgets._lens_rows import Ranks
from ecco_widgets.widgets._lens_widget import LensWidget, remembered
from ecco_widgets.widgets._rankings_watch_saving import RankingsWatchSaved
from ecco_widgets.widgets._vocabulary import COMPLETE

_RANKS = frozenset({"watch", "position", "final_norm", "site"})
# Pictures that are remembered.
_MOST_KNOWN = 256


class RankingsWatchWidget(LensWidget):
    """Ranks of watched tokens at one position, layer by layer; type a text to watch another token.

    Made by ``trace.rankings_watch(watch=[" is", " are"], position=-1)``. Every public trait can be set here as on
    screen, and the view follows.

    Args:
        trace: The run.
        **traits: Initial values of the traits below.

    Attributes:
        watch: Watched tokens, texts (with their leading space) or ids; read back as ids. A token that is added or
            removed here is added or removed in the run's other widgets too.
        position: The predicted position; by default the last token's, or, where nothing was generated, that of the
            token that would come next.
        final_norm: Whether the final norm is applied to every layer; without it the figures are Ecco's.
        site: "block", "attention_out" or "ffn_out".
        view_style: "columns" (a column of ranks for each token) or "lines".
        layer_order: Where layer 0 is: "top" or "bottom".
        marked: The position that is pointed at in one of the run's widgets.

    Raises:
        InvalidInput: From the constructor or when a trait is set, if a value can't be used; of a text that is not one
            token it says how it tokenises.
        UnsupportedModel: If the model's layers can't be read.
        TraitError: If a value is of the wrong type.

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo().generate("The keys to the cabinet", generate=1)
        >>> is_, are = ecco.RankingsWatchWidget(out, watch=[" is", " are"]).ranks[-1]
        >>> bool(are < is_)
        True
    """

    _bundle = "rankings_watch"

    view_style = t.Unicode("columns").tag(sync=True, front_end=True)

    _ranks = t.Dict().tag(sync=True)
    _kept: t.List[dict[str, Any]] = t.List().tag(sync=True)

    def __init__(self, trace: Trace, **traits: Any) -> None:
        self._known: dict[str, Ranks] = {}
        super().__init__(trace, **traits)
        with self._lock:
            # Nobody types before the first picture is there: time to read the vocabulary.
            self._background("vocabulary").submit(Request(COMPLETE, trace.id, {"text": ""}), Listener())

    @t.validate("view_style")
    def _check_view_style(self, proposal: t.Bunch) -> str:
        return check_choice("view_style", proposal["value"], ["columns", "lines"])

    # ----------------------------------------------------------------------------------------------------- for Python

    @property
    def watched(self) -> Watched | None:
        """Ids, texts, ranks (L, W) and probabilities (L, W), as ``analysis.watched`` gives them.

        ``None`` where nothing is watched or no position is chosen.
        """
        if self.position is None or not self.watch:
            return None
        return watched(self._trace, self.watch, self.position, **self._reading)

    @property
    def ranks(self) -> NDArray[np.int32] | None:
        """Ranks (L, W) of the watched tokens; computed now if they are not at hand. ``None`` as for ``watched``."""
        known = self._known_ranks()
        if known is not None:
            return known.ranks.copy()
        found = self.watched
        return None if found is None else found.ranks

    def to_frame(self) -> Any:
        """One row for each (token, layer) as a pandas DataFrame: position, layer, token, id, rank, probability."""
        import pandas as pd

        return pd.DataFrame(self._saved().columns(None))

    def _saved(self) -> RankingsWatchSaved:
        return RankingsWatchSaved(self)

    # ----------------------------------------------------------------------------------------------------------- live

    def _first_position(self, trace: Trace) -> int | None:
        if not trace.n_generated and trace.next_position is not None:
            return trace.next_position
        return max(trace.output_positions, default=trace.next_position)

    def _forget(self) -> None:
        self._known = {}
        self._ranks = {}

    @property
    def _ranks_spec(self) -> str:
        return self._spec_at(self.position)

    def _spec_at(self, position: int | None) -> str:
        return f"{self._trace.id}|{position}|{self._reading_key}|{','.join(map(str, self.watch))}"

    def _known_ranks(self) -> Ranks | None:
        """The current picture's numbers if they are at hand."""
        with self._lock:
            return self._known.get(self._ranks_spec)

    def _hello(self) -> Mapping[str, Any]:
        with self._lock:
            known = self._known_ranks()
            return {} if known is None else {"ranks": self._data_at(self.position or 0, known)}

    def _answer(self, names: frozenset[str], reply: Reply) -> Ticket | Mapping[str, Any] | None:
        watch, position = list(self.watch), self.position
        if not names & _RANKS or position is None or not watch:
            return None
        spec, trace = self._ranks_spec, self._trace
        state = self._watch_state if reply.name == "watch" else {}
        known = self._known.get(spec)
        if known is not None:
            data = self._data_at(position, known)
            self._keep("_ranks", data)
            return {**state, "ranks": data}

        def take(outcome: Outcome) -> Mapping[str, Any]:
            data = ranks_data(spec, position, watch, outcome.result)
            with self._lock:
                if trace is self._trace:
                    self._known[spec] = outcome.result
                    remembered(self._known, _MOST_KNOWN)
                if spec == self._ranks_spec:
                    self._keep("_ranks", data)
            return {**state, "ranks": data}

        params = {"ids": watch, "position": position, **self._reading}
        # Tokens are cached one by one inside the analysis.
        request = Request(lens_rows.RANKS, trace.id, params, cacheable=False)
        return self._submit(self._latest("row"), request, reply, take)

    def _data_at(self, position: int, ranks: Ranks) -> dict[str, Any]:
        return ranks_data(self._spec_at(position), position, self.watch, ranks)


def ranks_data(spec: str, position: int, watch: list[int], ranks: Ranks) -> dict[str, Any]:
    """Ranks as they travel (``_schema.WatchedRanks``)."""
    return {
        "spec": spec,
        "position": position,
        "ids": list(watch),
        "ranks": ranks.ranks,
        "probabilities": ranks.probabilities,
    }
