"""Which input tokens led to each output token? Hover a token and see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets as t
from numpy.typing import NDArray

from ecco_widgets.analysis.attribution import AGGREGATIONS, Attribution, attribute, check_ignored, check_trace
from ecco_widgets.analysis.methods import method_named, method_options, usable_method
from ecco_widgets.analysis.targets import TARGETS, check_choice, check_target
from ecco_widgets.errors import InvalidInput, ModelClosed
from ecco_widgets.live import Listener, Outcome, Request, Ticket, codec
from ecco_widgets.live.messages import Reply
from ecco_widgets.models.trace import Trace
from ecco_widgets.widgets._attribution_rows import AttributionRows, Row, stack
from ecco_widgets.widgets._attribution_saving import AttributionSaved
from ecco_widgets.widgets._engines import engine_of
from ecco_widgets.widgets._front_end import bundle
from ecco_widgets.widgets._guarded_widget import refuse_unknown
from ecco_widgets.widgets._saving import Saving
from ecco_widgets.widgets._selection import LinkedWidget
from ecco_widgets.widgets._tokens import describe_run

_SPEC = frozenset({"attr_method", "target", "foil", "aggregation"})
_AGGREGATION_OPTIONS = (
    {"name": "l2", "label": "L2", "note": "Length of the vector of attributions.", "signed": False},
    {"name": "l1", "label": "L1", "note": "Sum of the absolute attributions.", "signed": False},
    {"name": "max", "label": "max", "note": "Largest absolute attribution.", "signed": False},
    {
        "name": "sum",
        "label": "sum",
        "note": "Sum with sign: for the output (above zero) or against it (below).",
        "signed": True,
    },
)
# Idle time is filled with other rows in steps of about this long, so that a hover never waits longer.
_FILL_MS = 50.0
_FILL_AT_MOST = 32
# Rows worth restoring: 4 MB of numbers in a saved notebook or page.
_KEPT_CELLS = 1 << 20
_KEPT_CELLS_AGAIN = 1 << 16


class AttributionWidget(Saving, LinkedWidget):
    """Tokens of a run; hovering, tapping or moving to one shows which tokens led to it, computed live.

    Made by ``trace.primary_attributions(...)``. Every public trait can be set here as on screen, and the view follows.

    Args:
        trace: The run to explain.
        ignore_tokens: Positions left out of scores and normalisation, e.g. ``[0]``.
        **traits: Initial values of the traits below.

    Attributes:
        position: Index of the explained token in the whole sequence; ``None`` for none.
        pinned: Whether hovering leaves the position as it is.
        attr_method: Attribution method, see ``analysis.attribute``.
        target: Scalar that is explained: "logit", "probability", "log_probability", "contrast" or "entropy".
        foil: For a contrast, text of the token that could have come instead; ``None`` is the best other token.
        aggregation: "l2", "l1", "max", or "sum" (signed).
        view_style: "minimal" (colour) or "detailed" (bar and percentage at each token).
        scale: Whether colours reach their end at the maximum of this "row", or stay "fixed" for all rows.
        marked: The position that is pointed at in another widget of the run; ``None`` for none.

    Raises:
        InvalidInput: From the constructor or when a trait is set, if a value can't be used.
        TraitError: Likewise, if it is of the wrong type.

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo().generate("The keys to the cabinet", generate=3)
        >>> w = out.primary_attributions()
        >>> w.position == out.n_prompt, w.scores.shape == (out.n_tokens,)
        (True, True)
    """

    position = t.Int(None, allow_none=True).tag(sync=True, front_end=True)
    pinned = t.Bool(default_value=False).tag(sync=True, front_end=True)
    attr_method = t.Unicode("grad_x_input").tag(sync=True, front_end=True)
    target = t.Unicode("logit").tag(sync=True, front_end=True)
    foil = t.Unicode(None, allow_none=True).tag(sync=True, front_end=True)
    aggregation = t.Unicode("l2").tag(sync=True, front_end=True)
    view_style = t.Unicode("minimal").tag(sync=True, front_end=True)
    scale = t.Unicode("row").tag(sync=True, front_end=True)

    _tokens = t.Dict().tag(sync=True)
    _model = t.Dict().tag(sync=True)
    _options = t.Dict().tag(sync=True)
    _rows = t.Dict().tag(sync=True)

    def __init__(self, trace: Trace, *, ignore_tokens: Sequence[int] = (), **traits: Any) -> None:
        check_trace(trace)
        refuse_unknown(type(self), traits)
        self._esm, self._css = bundle("attribution")
        self._trace = trace
        self._ignore_tokens = check_ignored(trace, ignore_tokens)
        self._known: dict[int, Row] = {}
        self._known_spec = ""
        self._filling = ""
        traits.setdefault("position", _first_output(trace))
        super().__init__(engine_of(trace.lm), **{**_described(trace), **traits})
        self._retain(trace.id, trace)
        # The first row is at hand before anybody hovers, and in a notebook that is saved at once.
        with self._following():
            self._first_row = self._call_after_set(_SPEC | {"position"}, Reply())

    # ----------------------------------------------------------------------------------------------------- validation

    @t.validate("position")
    def _check_position(self, proposal: t.Bunch) -> int | None:
        return None if proposal["value"] is None else self._trace.check_position(proposal["value"])

    @t.validate("attr_method")
    def _check_method(self, proposal: t.Bunch) -> str:
        return usable_method(proposal["value"], self._trace.lm.parts).name

    @t.validate("target")
    def _check_target(self, proposal: t.Bunch) -> str:
        return check_target(proposal["value"])

    @t.validate("foil")
    def _check_foil(self, proposal: t.Bunch) -> str | None:
        if not proposal["value"]:
            return None
        self._trace.lm.token_id(proposal["value"])
        return str(proposal["value"])

    @t.validate("aggregation")
    def _check_aggregation(self, proposal: t.Bunch) -> str:
        return check_choice("aggregation", proposal["value"], list(AGGREGATIONS))

    @t.validate("view_style")
    def _check_view_style(self, proposal: t.Bunch) -> str:
        return check_choice("view_style", proposal["value"], ["minimal", "detailed"])

    @t.validate("scale")
    def _check_scale(self, proposal: t.Bunch) -> str:
        return check_choice("scale", proposal["value"], ["row", "fixed"])

    # ----------------------------------------------------------------------------------------------------- for Python

    @property
    def trace(self) -> Trace:
        """The run that is shown."""
        return self._trace

    @property
    def scores(self) -> NDArray[np.float32] | None:
        """Scores (T,) of the current position, NaN from it on; computed now if they are not at hand.

        ``None`` where no position is chosen.
        """
        position = self.position
        if position is None:
            return None
        with self._lock:
            row = self._known.get(position) if self._known_spec == self._spec else None
        return row.values.copy() if row is not None else self.attribution([position]).scores[0]

    def attribution(self, positions: int | Sequence[int] | None = None) -> Attribution:
        """The numbers behind the picture, with the current method, target and aggregation.

        Args:
            positions: Positions to explain; the generated tokens by default.

        Returns:
            What ``analysis.attribute`` returns.
        """
        return attribute(
            self._trace,
            self.attr_method,
            self.target,
            self.aggregation,
            positions=positions,
            foil=self.foil,
            ignore_tokens=self._ignore_tokens,
        )

    def to_frame(self) -> Any:
        """One row for each (output, input) pair as a pandas DataFrame, see ``Attribution.to_frame``."""
        return self.attribution().to_frame()

    def _saved(self) -> AttributionSaved:
        return AttributionSaved(self)

    def show(self, trace: Trace) -> None:
        """Show another run, of this or another model, in place.

        A foil that is not one token of the other model gives way to the best other token.

        Args:
            trace: The run.

        Raises:
            InvalidInput: If it is no trace, or too short for the ignored tokens.
            UnsupportedMethod: If the current method is not defined for its model.
            ModelClosed: If its model or this widget was closed.
        """
        check_trace(trace)
        engine = engine_of(trace.lm)
        usable_method(self.attr_method, trace.lm.parts)
        check_ignored(trace, self._ignore_tokens)
        described = _described(trace)
        with self._lock, self._following(), self.hold_sync():
            if self._closed:
                raise ModelClosed("the widget was closed.", hint="Make a new widget.")
            let_go = self._move_to(engine)
            self._trace = trace
            self._retain(trace.id, trace)
            self._known, self._known_spec = {}, ""
            self._rows = {}
            for name, value in described.items():
                setattr(self, name, value)
            self.pinned = False
            if self.foil is not None and not _is_token(trace, self.foil):
                self.foil = None
            self.set_trait("position", _first_output(trace))
        let_go()
        self._move_selection(trace)
        with self._following():
            self._call_after_set(frozenset({"position"}), Reply())

    # ----------------------------------------------------------------------------------------------------------- live

    @property
    def _spec(self) -> str:
        """Key under which the front end keeps rows; it computes the same (docs/explanation/messages.md)."""
        foil = (self.foil or "") if self.target == "contrast" else ""
        return f"{self._trace.id}|{self.attr_method}|{self.target}|{foil}|{self.aggregation}"

    def _hello(self) -> Mapping[str, Any]:
        with self._lock:  # the worker adds rows
            known, spec, trace = dict(self._known), self._known_spec, self._trace
        return self._data(known, spec, trace) if known else {}

    def _after_set(self, names: frozenset[str], reply: Reply) -> Ticket | Mapping[str, Any] | None:
        if not names & (_SPEC | {"position"}):
            return None
        spec, position = self._spec, self.position
        if spec != self._known_spec:
            self._known, self._known_spec = {}, spec
            self._background("fill").cancel()
            self._filling = ""
        if position is None:
            return None
        if position in self._known:
            return self._data({position: self._known[position]}, spec, self._trace)
        return self._submit(self._latest("row"), self._request([position]), reply, self._taker([position]))

    def _request(self, positions: list[int]) -> Request:
        params = {
            "method": self.attr_method,
            "target": self.target,
            "aggregation": self.aggregation,
            "foil": self.foil,
            "positions": positions,
            "ignore_tokens": self._ignore_tokens,
        }
        # Rows are cached one by one inside the analysis, which serves every aggregation and chunk.
        return Request(AttributionRows.ANALYSIS, self._trace.id, params, cacheable=False)

    def _taker(self, positions: list[int], step: int = 1) -> Any:
        """What to do with rows that come back: keep them, go on filling, and make the message's data."""
        spec, trace = self._spec, self._trace

        def take(outcome: Outcome) -> Mapping[str, Any]:
            rows = dict(zip(positions, outcome.result, strict=True))
            with self._lock:
                if spec == self._known_spec and trace is self._trace:
                    self._known.update(rows)
                    self._fill(max(1, min(2 * step, round(step * _FILL_MS / max(outcome.elapsed_ms, 1.0)))))
            return self._data(rows, spec, trace)

        return take

    def _fill(self, step: int) -> None:
        """Ask for the next rows while nobody waits; when all are here, keep them in the state."""
        spec, first = self._known_spec, self.position or 0
        if self._filling == spec:
            return  # the rows on their way go on when they are here
        wanted = sorted(self._trace.output_positions, key=lambda p: (abs(p - first), p))[: self._most_rows(_KEPT_CELLS)]
        missing = [p for p in wanted if p not in self._known]
        if not missing or not method_named(self.attr_method).cheap:
            self._keep_in_state(first)
            return
        chunk = missing[: min(step, _FILL_AT_MOST)]
        reply, take = Reply(None, "row", "fill"), self._taker(chunk, len(chunk))

        def ended() -> None:
            with self._lock:
                self._filling = "" if self._filling == spec else self._filling

        def publish(outcome: Outcome) -> None:
            ended()
            self._publish_result(reply, take(outcome), outcome.elapsed_ms, outcome.source)

        self._filling = spec
        # Nobody asked, so nobody is told of errors: hovering there asks again and tells.
        listener = Listener(on_result=publish, on_error=lambda _: ended(), on_cancelled=ended)
        self._background("fill").submit(self._request(chunk), listener)

    def _keep_in_state(self, first: int) -> None:
        """Keep the rows at hand in the state, the shown one first: all at first, later fewer, as they travel again."""
        again = self._rows.get("spec") == self._known_spec
        most = self._most_rows(_KEPT_CELLS_AGAIN if again else _KEPT_CELLS)
        kept = {p: self._known[p] for p in sorted(self._known, key=lambda p: (p != first, p))[:most]}
        self._rows = _as_trait(self._data(kept, self._known_spec, self._trace)["rows"])

    def _most_rows(self, cells: int) -> int:
        return max(1, cells // self._trace.n_tokens)

    def _data(self, rows: Mapping[int, Row], spec: str, trace: Trace) -> dict[str, Any]:
        columns = stack(list(rows), list(rows.values()))
        foils = columns.pop("foil")
        texts = ["" if foil < 0 else trace.lm.token_text(int(foil)) for foil in foils]
        return {"rows": {"spec": spec, **columns, "foils": texts}}


def _described(trace: Trace) -> dict[str, Any]:
    """Values of the traits that describe a run to the view."""
    return {
        **describe_run(trace),
        "marked": None,
        "_options": {
            "methods": list(method_options(trace.lm.parts)),
            "targets": [{"name": x.name, "label": x.label, "note": x.note} for x in TARGETS],
            "aggregations": list(_AGGREGATION_OPTIONS),
        },
    }


def _is_token(trace: Trace, text: str) -> bool:
    try:
        trace.lm.token_id(text)
    except InvalidInput:
        return False
    return True


def _first_output(trace: Trace) -> int | None:
    return next(iter(trace.output_positions), None)


def _as_trait(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: codec.encode_trait(value) if isinstance(value, np.ndarray) else value for name, value in columns.items()
    }
