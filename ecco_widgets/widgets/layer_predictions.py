"""What would each layer have said? The best tokens of every layer at one position, live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets as t

from ecco_widgets.analysis.lens import TopTokens, top_tokens
from ecco_widgets.errors import InvalidInput
from ecco_widgets.live import Listener, Outcome, Ticket
from ecco_widgets.live.messages import Reply
from ecco_widgets.models.trace import Trace
from ecco_widgets.widgets._layer_predictions_saving import LayerPredictionsSaved
from ecco_widgets.widgets._tokens import default_position
from ecco_widgets.widgets._top_widget import TopWidget, top_data

_ROW = frozenset({"position", "topk", "final_norm", "site"})
# Idle time is filled with neighbours up to this far away, in steps of about this long.
_AROUND = 32
_FILL_MS = 50.0
_FILL_AT_MOST = 16
# A model that needs longer than this for a position is not kept busy with what nobody may ask for.
_TOO_SLOW_MS = 500.0


class LayerPredictionsWidget(TopWidget):
    """The k tokens that each layer would have predicted at a position; hover another position to see its.

    Made by ``trace.layer_predictions(...)`` and ``lm.predict_token(...)``. Every public trait can be set here as on
    screen, and the view follows.

    Args:
        trace: The run.
        **traits: Initial values of the traits below.

    Attributes:
        position: The predicted position; the first generated token's by default. The number of tokens is the position
            of the token that would come next.
        topk: Tokens of each layer, 1 to 50.
        final_norm: Whether the final norm is applied to every layer; without it the figures are Ecco's.
        site: "block", "attention_out" or "ffn_out".
        layers: The layers that are shown; ``None`` is all.
        layer_order: Where layer 0 is: "top" or "bottom".
        watch: Watched tokens, texts or ids (read back as ids); shared with the run's other widgets.
        marked: The position that is pointed at in one of the run's widgets.

    Raises:
        InvalidInput: From the constructor or when a trait is set, if a value can't be used.
        UnsupportedModel: If the model's layers can't be read.
        TraitError: If a value is of the wrong type.

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo().generate(" 1, 2, 3,", generate=2)
        >>> w = ecco.LayerPredictionsWidget(out, topk=3)
        >>> w.position == out.n_prompt, w.top.texts[-1][0]
        (True, ' 4')
    """

    _bundle = "layer_predictions"

    layers = t.List(t.Int(), None, allow_none=True).tag(sync=True, front_end=True)

    def __init__(self, trace: Trace, **traits: Any) -> None:
        self._filling = ""
        super().__init__(trace, **traits)

    @t.validate("layers")
    def _check_layers(self, proposal: t.Bunch) -> list[int] | None:
        layers, n_layers = proposal["value"], self._trace.lm.n_layers
        if layers is None:
            return None
        if not layers or any(isinstance(layer, bool) or not -n_layers <= layer < n_layers for layer in layers):
            raise InvalidInput(
                f"layers must be a list of layers 0..{n_layers - 1} or None for all, got {layers!r}.",
                hint="-1 is the last layer.",
            )
        return sorted({layer % n_layers for layer in layers})

    @property
    def top(self) -> TopTokens | None:
        """The predictions of the current position, as ``analysis.top_tokens`` gives them; ``None`` without one."""
        if self.position is None:
            return None
        return top_tokens(self._trace, self.position, self.topk, **self._reading)

    def to_frame(self) -> Any:
        """One row for each (layer, place) as a pandas DataFrame: position, layer, place, token, id, probability."""
        import pandas as pd

        return pd.DataFrame(self._saved().columns(None))

    def _saved(self) -> LayerPredictionsSaved:
        return LayerPredictionsSaved(self)

    def _first_position(self, trace: Trace) -> int | None:
        return default_position(trace)

    def _hello(self) -> Mapping[str, Any]:
        return self._hello_top()

    def _answer(self, names: frozenset[str], reply: Reply) -> Ticket | Mapping[str, Any] | None:
        return self._answer_top("row", reply) if names & _ROW else None

    def _fitting(self, trace: Trace) -> dict[str, Any]:
        layers = [layer for layer in self.layers or () if layer < trace.lm.n_layers]
        return {**super()._fitting(trace), "layers": layers or None}

    def _other_key(self) -> None:
        self._background("fill").cancel()
        self._filling = ""

    def _at_hand(self, position: int) -> None:
        super()._at_hand(position)
        self._fill(1)

    def _fill(self, step: int) -> None:
        """Ask for the positions beside the current one while nobody waits, so that hovering them is local."""
        key, here = self._tops_key, self.position
        if self._filling == key or here is None or self._closed:
            return  # what is on its way goes on when it is here
        trace, topk, reading = self._trace, self.topk, self._reading_key
        near = [p for p in range(here - _AROUND, here + _AROUND + 1) if p not in self._tops]
        near = [p for p in near if p in trace.explainable or p == trace.next_position]
        missing = sorted(near, key=lambda p: (abs(p - here), p))[: min(step, _FILL_AT_MOST)]
        if not missing:
            return

        def ended(_: object = None) -> None:
            with self._lock:
                self._filling = "" if self._filling == key else self._filling

        def publish(outcome: Outcome) -> None:
            with self._lock:
                ended()
                self._take_tops(key, missing, outcome.result)
                for position, top in zip(missing, outcome.result, strict=True):
                    data = {"top": top_data(trace, position, top, topk, reading)}
                    self._publish_result(Reply(None, "fill", "fill"), data, outcome.elapsed_ms, outcome.source)
                size = len(missing)
                if key == self._tops_key and outcome.elapsed_ms < _TOO_SLOW_MS * size:
                    self._fill(max(1, min(2 * size, round(size * _FILL_MS / max(outcome.elapsed_ms, 1.0)))))

        self._filling = key
        # Nobody asked, so nobody is told of errors: hovering there asks again and tells.
        listener = Listener(on_result=publish, on_error=ended, on_cancelled=ended)
        self._background("fill").submit(self._top_request(missing), listener)
