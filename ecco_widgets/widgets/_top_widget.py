"""What the widgets have in common that show the best tokens of each layer at one position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets as t

from ecco_widgets.analysis.attribution import check_trace
from ecco_widgets.errors import InvalidInput
from ecco_widgets.live import Outcome, Request, Ticket
from ecco_widgets.live.messages import Reply
from ecco_widgets.models.trace import Trace
from ecco_widgets.widgets import _lens_rows as lens_rows
from ecco_widgets.widgets._lens_rows import Top
from ecco_widgets.widgets._lens_widget import MOST_TOP, LensWidget, remembered

# Positions whose predictions are remembered.
_MOST_KNOWN = 256


class TopWidget(LensWidget):
    """A widget with the predictions of one position.

    Attributes:
        topk: Tokens of each layer, 1 to 50.
    """

    topk = t.Int(10).tag(sync=True, front_end=True)

    _top = t.Dict().tag(sync=True)
    _kept: t.List[dict[str, Any]] = t.List().tag(sync=True)

    def __init__(self, trace: Trace, **traits: Any) -> None:
        self._tops: dict[int, Top] = {}
        self._tops_key = ""
        check_trace(trace)
        traits.setdefault("topk", min(self.topk, trace.lm.vocabulary))
        super().__init__(trace, **traits)

    @t.validate("topk")
    def _check_topk(self, proposal: t.Bunch) -> int:
        most = min(MOST_TOP, self._trace.lm.vocabulary)
        if not 1 <= proposal["value"] <= most:
            kind = "classes" if self._trace.kind == "classification" else "tokens"
            why = "" if most == MOST_TOP else f" (the model has {most} {kind})"
            raise InvalidInput(
                f"topk must be in 1..{most}{why}, got {proposal['value']}.",
                hint="analysis.top_tokens(trace, position, k) gives any number of them.",
            )
        return int(proposal["value"])

    def _fitting(self, trace: Trace) -> dict[str, Any]:
        return {**super()._fitting(trace), "topk": min(self.topk, trace.lm.vocabulary)}

    def _forget(self) -> None:
        self._tops, self._tops_key = {}, ""
        self._top = {}

    @property
    def _top_key(self) -> str:
        return f"{self._trace.id}|{self.topk}|{self._reading_key}"

    def _top_request(self, positions: Sequence[int]) -> Request:
        params = {"positions": list(positions), "k": self.topk, **self._reading}
        # Positions are cached one by one inside the analysis.
        return Request(lens_rows.TOP, self._trace.id, params, cacheable=False)

    def _answer_top(self, channel: str, reply: Reply) -> Ticket | Mapping[str, Any] | None:
        """The current position's predictions, at once if they are at hand."""
        position = self.position
        if self._tops_key != self._top_key:
            self._tops, self._tops_key = {}, self._top_key
            self._other_key()
        if position is None:
            return None
        if position in self._tops:
            self._at_hand(position)
            return {"top": self._top_data(position, self._tops[position])}
        key, trace, topk, reading = self._tops_key, self._trace, self.topk, self._reading_key

        def take(outcome: Outcome) -> Mapping[str, Any]:
            top = outcome.result[0]
            with self._lock:
                self._take_tops(key, [position], [top])
                if key == self._tops_key and position == self.position:
                    self._at_hand(position)
            return {"top": top_data(trace, position, top, topk, reading)}

        return self._submit(self._latest(channel), self._top_request([position]), reply, take)

    def _take_tops(self, key: str, positions: Sequence[int], tops: Sequence[Top]) -> None:
        """Remember predictions, if they are still of what is shown; called under the lock."""
        if key == self._tops_key:
            for position, top in zip(positions, tops, strict=True):
                self._tops.pop(position, None)
                self._tops[position] = top
            remembered(self._tops, _MOST_KNOWN)

    def _other_key(self) -> None:
        """What is remembered is of no more use; called under the lock."""

    def _at_hand(self, position: int) -> None:
        """The current position's predictions are known: keep them; called under the lock."""
        self._keep("_top", self._top_data(position, self._tops[position]))

    def _top_data(self, position: int, top: Top) -> dict[str, Any]:
        return top_data(self._trace, position, top, self.topk, self._reading_key)

    def _known_top(self) -> Top | None:
        """The current position's predictions if they are at hand."""
        with self._lock:
            return (
                self._tops.get(self.position) if self._tops_key == self._top_key and self.position is not None else None
            )

    def _hello_top(self) -> dict[str, Any]:
        top = self._known_top()
        return {} if top is None else {"top": self._top_data(self.position or 0, top)}


def top_data(trace: Trace, position: int, top: Top, topk: int, reading: str) -> dict[str, Any]:
    """Predictions as they travel (``_schema.TopTokens``)."""
    return {
        "spec": f"{trace.id}|{position}|{topk}|{reading}",
        "position": position,
        "ids": top.ids,
        "probabilities": top.probabilities,
        "texts": top.texts,
        "actual": None if top.actual < 0 else {"id": top.actual, "text": top.actual_text},
        "actual_ranks": top.actual_ranks,
        "actual_probabilities": top.actual_probabilities,
    }
