"""What the three widgets of the lens have in common: the run, where and how it is read, the watched tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
import traitlets as t

from ecco_widgets.analysis.attribution import check_trace
from ecco_widgets.analysis.lens import SITES
from ecco_widgets.analysis.targets import check_choice
from ecco_widgets.errors import InvalidInput, ModelClosed, UnsupportedModel
from ecco_widgets.live import Request, Ticket
from ecco_widgets.live.messages import Envelope, InvalidMessage, Reply
from ecco_widgets.models.language_model import LanguageModel
from ecco_widgets.models.trace import Trace
from ecco_widgets.widgets._engines import engine_of
from ecco_widgets.widgets._front_end import bundle
from ecco_widgets.widgets._guarded_widget import refuse_unknown
from ecco_widgets.widgets._keeping import Keeping
from ecco_widgets.widgets._live_widget import operation
from ecco_widgets.widgets._saving import Saving
from ecco_widgets.widgets._selection import LinkedWidget, selection_of, token_ids
from ecco_widgets.widgets._tokens import describe_run
from ecco_widgets.widgets._vocabulary import COMPLETE, LONGEST

MOST_TOP = 50
"""Most tokens that are shown for each layer."""

_SITE_OPTIONS = {
    "block": ("after the block", "The residual stream that leaves each block."),
    "attention_out": ("after attention", "The residual stream between attention and feed-forward network."),
    "ffn_out": ("feed-forward only", "What the feed-forward network of each block adds, by itself."),
}

Key = TypeVar("Key")


class TokenList(t.List):  # type: ignore[type-arg]
    """A list of token ids, which may be given as texts; its value is checked by the widget."""

    def validate(self, obj: t.HasTraits, value: Any) -> Any:
        """Make a list of what can be one."""
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if not isinstance(value, (list, tuple)):
            raise InvalidInput(f"watch must be a list of tokens, got {value!r}.", hint="For example [' is', ' are'].")
        return super().validate(obj, list(value))


class LensWidget(Keeping, Saving, LinkedWidget):
    """The base of the widgets that read the layers of a run.

    Args:
        trace: The run.
        **traits: Initial values of the traits.

    Attributes:
        position: The predicted position in the whole sequence; ``None`` for none.
        final_norm: Whether the final norm is applied to every layer; without it the figures are Ecco's.
        site: "block", "attention_out" or "ffn_out", see ``analysis.lens``.
        layer_order: Where layer 0 is: "top" or "bottom".
        watch: Watched tokens as ids; may be set as texts. Widgets of one run add and remove them together.
    """

    _bundle: ClassVar[str]
    _next_allowed: ClassVar[bool] = True

    position = t.Int(None, allow_none=True).tag(sync=True, front_end=True)
    final_norm = t.Bool(default_value=True).tag(sync=True, front_end=True)
    site = t.Unicode("block").tag(sync=True, front_end=True)
    layer_order = t.Unicode("top").tag(sync=True, front_end=True)
    watch = TokenList().tag(sync=True, front_end=True)

    _tokens = t.Dict().tag(sync=True)
    _model = t.Dict().tag(sync=True)
    _lens = t.Dict().tag(sync=True)
    _watched: t.List[dict[str, Any]] = t.List().tag(sync=True)

    def __init__(self, trace: Trace, **traits: Any) -> None:
        check_trace(trace)
        refuse_unknown(type(self), traits)
        self._esm, self._css = bundle(self._bundle)
        self._trace = trace
        watch = selection_of(trace).watch if traits.get("watch") is None else token_ids(trace, traits["watch"])
        if traits.get("position") is None:
            traits["position"] = self._first_position(trace)
        super().__init__(
            engine_of(trace.lm), **{**_described(trace), **traits, "watch": watch, "_watched": _choices(trace, watch)}
        )
        self._retain(trace.id, trace)
        # The first picture is at hand before anybody looks, and in a notebook that is saved at once.
        self._first = self._compute_all()

    # ------------------------------------------------------------------------------------------------- for subclasses

    def _first_position(self, trace: Trace) -> int | None:
        """The position to begin with."""
        raise NotImplementedError

    def _fitting(self, trace: Trace) -> dict[str, Any]:
        """Values of traits that must give way for another run."""
        del trace
        return {}

    def _forget(self) -> None:
        """Drop what was computed for the run shown so far; called under the lock."""
        raise NotImplementedError

    def _compute_all(self) -> Ticket | Mapping[str, Any] | None:
        with self._following():
            return self._call_after_set(frozenset(self.trait_names(front_end=True)), Reply())

    @property
    def _reading(self) -> dict[str, Any]:
        """How the layers are read, as arguments of an analysis."""
        return {"final_norm": self.final_norm, "site": self.site}

    @property
    def _reading_key(self) -> str:
        """The same, as a part of specs (docs/explanation/messages.md)."""
        return f"{int(self.final_norm)}|{self.site}"

    # ----------------------------------------------------------------------------------------------------- validation

    @t.validate("position")
    def _check_position(self, proposal: t.Bunch) -> int | None:
        position = proposal["value"]
        if position is None:
            return None
        try:
            return self._trace.check_position(position, allow_next=self._next_allowed)
        except InvalidInput as error:
            following = self._trace.next_position if self._next_allowed else None
            if following is None:
                raise
            hint = f"{error.hint} The token that would come next is at {following}.".strip()
            raise InvalidInput(error.message, hint=hint) from None

    @t.validate("site")
    def _check_site(self, proposal: t.Bunch) -> str:
        site = check_choice("site", proposal["value"], list(SITES))
        option = next(option for option in site_options(self._trace.lm) if option["name"] == site)
        if option["unavailable"]:
            raise InvalidInput(f"site {site!r} can't be read: {option['unavailable']}", hint="Use site='block'.")
        return site

    @t.validate("layer_order")
    def _check_layer_order(self, proposal: t.Bunch) -> str:
        return check_choice("layer_order", proposal["value"], ["top", "bottom"])

    @t.validate("watch")
    def _check_watch(self, proposal: t.Bunch) -> list[int]:
        return token_ids(self._trace, proposal["value"])

    # ----------------------------------------------------------------------------------------------------- for Python

    @property
    def trace(self) -> Trace:
        """The run that is shown."""
        return self._trace

    def show(self, trace: Trace) -> None:
        """Show another run, of this or another model, in place.

        Watched tokens are kept as far as their texts are tokens of the other model.

        Args:
            trace: The run.

        Raises:
            InvalidInput: If it is no trace.
            UnsupportedModel: If its layers can't be read.
            ModelClosed: If its model or this widget was closed.
        """
        check_trace(trace)
        engine = engine_of(trace.lm)
        described = _described(trace)
        if next(option["unavailable"] for option in described["_lens"]["sites"] if option["name"] == self.site):
            described["site"] = "block"
        watch = _same_tokens(self._trace, self.watch, trace)
        described |= {"watch": watch, "_watched": _choices(trace, watch), "marked": None}
        described |= {"position": self._first_position(trace), **self._fitting(trace)}
        here = self._here
        with self._lock, self.hold_sync():
            if self._closed:
                raise ModelClosed("the widget was closed.", hint="Make a new widget.")
            let_go = self._move_to(engine)
            self._trace = trace
            self._retain(trace.id, trace)
            self._keep_nothing()
            self._forget()
            outer, here.collected = here.collected, set()  # what follows from all of it is computed once, below
            try:
                for name, value in described.items():
                    self.set_trait(name, value)
            finally:
                here.collected = outer
        let_go()
        self._move_selection(trace)
        self._compute_all()

    # ----------------------------------------------------------------------------------------------------------- live

    def _after_set(self, names: frozenset[str], reply: Reply) -> Ticket | Mapping[str, Any] | None:
        if "watch" in names:
            self._watched = _choices(self._trace, self.watch)
        return self._answer(names, reply)

    def _answer(self, names: frozenset[str], reply: Reply) -> Ticket | Mapping[str, Any] | None:
        """As ``_after_set``."""
        raise NotImplementedError

    @property
    def _watch_state(self) -> dict[str, Any]:
        """What an answer says of the watched tokens."""
        return {"state": {"watch": list(self.watch), "_watched": list(self._watched)}}

    @operation("watch")
    def _answer_watch(self, request: Envelope) -> Mapping[str, Any] | None:
        params = request.params
        if set(params) != {"id", "on"} or type(params["id"]) is not int or type(params["on"]) is not bool:
            raise InvalidMessage('watch takes {"id": n, "on": true or false}.')
        token = self._trace.lm.token_id(params["id"])

        def changed() -> dict[str, Any]:
            others = [other for other in self.watch if other != token]
            return (
                {"watch": self.watch if token in self.watch else [*others, token]}
                if params["on"]
                else {"watch": others}
            )

        self._set_together(changed)
        answer = self._call_after_set(frozenset({"watch"}), request.reply)
        if isinstance(answer, Ticket):
            return None
        with self._lock:
            return {**self._watch_state, **(answer or {})}

    @operation("complete")
    def _answer_complete(self, request: Envelope) -> Mapping[str, Any] | None:
        text = request.params.get("text")
        if set(request.params) != {"text"} or not isinstance(text, str) or len(text) > LONGEST:
            raise InvalidMessage(f'complete takes {{"text": "..."}} with at most {LONGEST} characters.')
        if not text:
            return {"text": "", "tokens": [], "exact": None, "pieces": [], "problem": ""}
        with self._lock:
            self._submit(self._latest("complete"), Request(COMPLETE, self._trace.id, {"text": text}), request.reply)
        return None

    @operation("contrast")
    def _answer_contrast(self, request: Envelope) -> Mapping[str, Any]:
        params, trace = request.params, self._trace
        position = params.get("position", self.position)
        if set(params) - {"id", "position"} or type(params.get("id")) is not int:
            raise InvalidMessage('contrast takes {"id": n} or {"id": n, "position": p}.')
        if position is not None:
            position = trace.check_position(position, allow_next=True)
        if position == trace.next_position:
            position = None  # nothing stands there that could be contrasted
        return {"contrasted": self._selection.contrast(self._foil(params["id"], position), position)}

    def _foil(self, token: int, position: int | None) -> str:
        """Text of a token that can stand against the one at a position."""
        trace = self._trace
        text = trace.lm.token_text(trace.lm.token_id(token))
        if position is not None and trace.token_ids[position] == token:
            raise InvalidInput(
                f"{text!r} is the explained token itself.", hint="Choose another one to contrast it with."
            )
        if _id_of(trace, text) != token:
            raise InvalidInput(
                f"token {token} ({text!r}) can't be written as a text of its own.", hint="Choose another one."
            )
        return text


def site_options(lm: LanguageModel) -> list[dict[str, str]]:
    """The sites of a model, each with the reason why it can't be read, or ""."""
    return [
        {
            "name": name,
            "label": _SITE_OPTIONS[name][0],
            "note": _SITE_OPTIONS[name][1],
            "unavailable": _reason(lm, name),
        }
        for name in SITES
    ]


def _reason(lm: LanguageModel, site: str) -> str:
    if site == "block":
        return ""
    if lm.kind == "classification":
        return "a classifier makes its prediction of what leaves a block."
    try:
        return str(lm.sites.unavailable)  # found and proved when first asked for
    except UnsupportedModel as error:
        return error.message


def remembered(known: dict[Key, Any], most: int) -> None:
    """Drop what was added first until at most ``most`` are left."""
    while len(known) > most:
        del known[next(iter(known))]


def _described(trace: Trace) -> dict[str, Any]:
    lm = trace.lm
    return {
        **describe_run(trace),
        "_lens": {
            "sites": site_options(lm),
            "has_final_norm": lm.blocks.final_norm is not None,
            "n_layers": lm.n_layers,
            "layer_names": [f"layer {layer}" for layer in range(lm.n_layers)],
            "most_top": min(MOST_TOP, lm.vocabulary),
            "next_position": trace.next_position,
        },
    }


def _choices(trace: Trace, ids: Sequence[int]) -> list[dict[str, Any]]:
    return [{"id": token, "text": trace.lm.token_text(token)} for token in ids]


def _same_tokens(trace: Trace, ids: Sequence[int], other: Trace) -> list[int]:
    """The tokens of another run's model that read the same."""
    if other.lm is trace.lm:
        return list(ids)
    try:
        found = [_id_of(other, trace.lm.token_text(token)) for token in ids]
    except ModelClosed:  # the model shown so far; what its tokens read as is gone with it
        return []
    return [token for token in dict.fromkeys(found) if token is not None]


def _id_of(trace: Trace, text: str) -> int | None:
    try:
        return trace.lm.token_id(text)
    except InvalidInput:
        return None
