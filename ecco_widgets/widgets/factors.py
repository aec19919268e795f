"""Which neurons fire together, and where? Factors of a run's neurons, live."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import traitlets as t

from ecco_widgets.analysis.factor_summary import factor_neurons
from ecco_widgets.analysis.interventions import Intervened, intervene
from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.live import ErrorInfo, Outcome, Progress, Request, Ticket, messages
from ecco_widgets.live.messages import Envelope, InvalidMessage, Reply
from ecco_widgets.widgets import _factor_rows as factor_rows
from ecco_widgets.widgets._factor_pictures import Identities, Picture, factors_data
from ecco_widgets.widgets._factor_rows import AtHand
from ecco_widgets.widgets._factor_settings import FactorSettings
from ecco_widgets.widgets._factors_saving import FactorsSaved
from ecco_widgets.widgets._intervening import check_action
from ecco_widgets.widgets._live_widget import operation
from ecco_widgets.widgets._shown_states import Runs, shown_states

ACTIONS = ("zero", "mean", "scale")

_ROW = frozenset({"n_components", "layers", "method", "seed", "normalize"})
# Cards and ablations that wait may still be about factors that were shown just before.
_RETAINED = 3


class FactorsWidget(FactorSettings):
    """The factors of a run's neurons: what each fires at, and which neurons make it.

    Made by ``trace.run_nmf().explore()``. Every public trait can be set here as on screen, and the view follows.
    Factors keep their identity and colour while their number or the layers change.

    Args:
        trace: The run, or a batch: its texts are factorized together.
        stack: Of an encoder-decoder model "decoder" (default) or "encoder".
        factors: Factors to begin with, of this run and with these settings; computed by default.
        **traits: Initial values of the traits below.

    Attributes:
        n_components: Number of factors, 1 to 50 and at most the number of tokens; 10 by default.
        layers: Layers whose neurons are factorized, any of them; ``None`` for all.
        method: "nmf", "pca" or "ica".
        seed: For what is drawn.
        normalize: Whether every token counts the same, however strong its activations.
        pinned: Identities of factors that stay coloured.
        focus: Identity of the factor that is shown alone; ``None`` for none.
        card: Identity of the factor whose card is open; ``None`` for none.
        marked: The position that is pointed at in one of the run's widgets.

    Raises:
        InvalidInput: From the constructor or when a trait is set, if a value can't be used.
        UnsupportedModel: If the model's neurons can't be found.
        TraitError: If a value is of the wrong type.

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo().generate(" 1, 2, 3,", generate=4)
        >>> w = ecco.FactorsWidget(out, n_components=2)
        >>> w.factors.token_loadings.shape == (2, out.n_tokens)
        True
    """

    _bundle = "factors"

    _factors = t.Dict().tag(sync=True)
    _card = t.Dict().tag(sync=True)

    def __init__(self, trace: Runs, *, stack: str | None = None, factors: Any = None, **traits: Any) -> None:
        self._ticket: Ticket | None = None
        self._numbers = 0
        self._forget_all()
        self._given = factors
        super().__init__(shown_states(trace, stack), **traits)

    # ----------------------------------------------------------------------------------------------------- for Python

    @property
    def ids(self) -> list[int]:
        """Identities of the K factors, in the order of ``factors``."""
        picture = self._current()
        return list(picture.ids)

    @property
    def factors(self) -> Any:
        """The factors as ``analysis.factorize`` gives them, in the order shown; waits for them if need be."""
        return self._current().factors

    def card_of(self, identity: int) -> dict[str, Any]:
        """Statistics of a factor: its neurons by layer, what it shares with others, its tokens, what it promotes.

        Args:
            identity: One of ``ids``.

        Raises:
            InvalidInput: If there is no such factor.
        """
        picture = self._current()
        if identity not in picture.ids:
            known = ", ".join(map(str, picture.ids))
            raise InvalidInput(f"there is no factor {identity}.", hint=f"There are {known}.")
        at_hand = AtHand(self._shown, picture.factors, picture.ids)
        return {"spec": picture.spec, **factor_rows.card_of(at_hand, picture.row_of(identity))}

    def ablate(self, identity: int, top: int | None = None, action: Any = "zero", **options: Any) -> Intervened:
        """What does the model do without a factor's neurons?

        Args:
            identity: One of ``ids``.
            top: How many of its neurons, strongest first; all by default.
            action: "zero", "mean" or "scale" (with ``value``).
            **options: Further arguments of ``analysis.intervene``, and for a batch ``text``, which of its texts.

        Returns:
            Both runs side by side.

        Raises:
            InvalidInput: If there is no such factor.
            UnsupportedModel: If these neurons can't be changed.
        """
        picture = self._current()
        if identity not in picture.ids:
            known = ", ".join(map(str, picture.ids))
            raise InvalidInput(f"there is no factor {identity}.", hint=f"There are {known}.")
        if self._limits["ablation"]:
            raise UnsupportedModel(self._limits["ablation"])
        trace = self._shown.traces[options.pop("text", 0)]
        return intervene(trace, factor_neurons(picture.factors, picture.row_of(identity), top), action, **options)

    def to_frame(self) -> Any:
        """One row for each factor and token as a pandas DataFrame: factor, position, token, loading."""
        import pandas as pd

        return pd.DataFrame(self._saved().columns(None))

    def _saved(self) -> FactorsSaved:
        return FactorsSaved(self)

    def _current(self) -> Picture:
        """The finished picture of the settings; computed now if it is not on its way."""
        with self._lock:
            ticket, spec = self._ticket, self._spec
        # A thread that holds the model would wait for the worker, which waits for the model.
        if ticket is not None and not self._finished(spec) and not self._shown.lm.runs_here:
            with contextlib.suppress(RuntimeError):  # on the worker's own thread, which can't wait for itself
                ticket.wait()
        with self._lock:
            picture = self._finished(self._spec)
            shown, spec, params = self._shown, self._spec, self._params
        if picture is None:
            found = factor_rows.decompose(shown, params)
            with self._lock:
                picture = self._adopt(spec, found, done=True)
            self._let_go_of_missing()
        return picture

    # ----------------------------------------------------------------------------------------------------------- live

    def _forget_all(self) -> None:
        self._picture: Picture | None = None
        self._identities = Identities()
        self._at_hand: tuple[str, str, AtHand] | None = None
        self._retained_factors: deque[str] = deque()
        self._cards: dict[tuple[str, int], dict[str, Any]] = {}

    def _forget(self) -> None:
        self._ticket, self._given = None, None
        self._forget_all()
        self._factors, self._card = {}, {}

    def _finished(self, spec: str) -> Picture | None:
        """The picture at hand, if it is one of these settings and no better one follows."""
        picture = self._picture
        return picture if picture is not None and picture.done and picture.spec == spec else None

    def _hello(self) -> Mapping[str, Any]:
        with self._lock:
            picture, found = self._picture, {}
            if picture is not None:
                found["factors"] = factors_data(self._shown, picture)
                if self.card is not None and (picture.spec, self.card) in self._cards:
                    found["card"] = self._cards[picture.spec, self.card]
            return found

    def _after_set(self, names: frozenset[str], reply: Reply) -> Ticket | Mapping[str, Any] | None:
        if names & _ROW:
            answer = self._answer_factors(reply)
            if "card" in names and self.card is not None:
                self._answer_card(self.card, Reply())
            return answer
        if "card" not in names:
            return None
        if self.card is None:
            self._latest("card").cancel()
            self._card = {}
            return None
        return self._answer_card(self.card, reply)

    def _answer_factors(self, reply: Reply) -> Ticket | Mapping[str, Any] | None:
        spec, shown = self._spec, self._shown
        known = self._finished(spec)
        if known is None and self._given is not None:
            known, self._given = self._adopt(spec, self._given, done=True), None
        if known is not None and not known.stopped:
            self._patient("row").cancel()  # what was asked for before is not wanted any more
            return {"factors": factors_data(shown, known)}
        if not reply.channel:
            reply = Reply(reply.id, "row", reply.name or "set")

        def take(outcome: Outcome) -> Mapping[str, Any]:
            with self._lock:
                picture = self._adopt(spec, outcome.result, done=True)
            self._let_go_of_missing()
            return {"factors": factors_data(shown, picture)}

        def tell(progress: Progress) -> None:
            if progress.partial is not None:
                with self._lock:
                    picture = self._adopt(spec, progress.partial, done=False)
                self._publish_picture(picture)
            self._publish_progress(reply, progress)

        def fail(info: ErrorInfo) -> None:
            self._stop()
            self._publish_error(reply, info)

        def give_up() -> None:
            self._stop()
            self._publish(messages.cancelled(reply))

        listener = replace(self._listener(reply, take), on_progress=tell, on_error=fail, on_cancelled=give_up)
        self._ticket = self._patient("row").submit(Request(factor_rows.FACTORS, shown.id, self._params), listener)
        return self._ticket

    def _adopt(self, spec: str, factors: Any, *, done: bool) -> Picture:
        """Show these factors, under the identities of those they go on from; called under the lock."""
        order, ids, fresh = self._identities.follow(factors.token_loadings, done=done)
        picture = Picture(spec, factor_rows.reordered(factors, order), ids, fresh, done)
        self._picture = picture
        if done:
            self._finish(picture)
        return picture

    def _finish(self, picture: Picture) -> None:
        """From now on cards and ablations are about these factors; called under the lock."""
        if self._closed:
            return
        self._numbers += 1
        name, at_hand = f"{self._key}-factors-{self._numbers}", AtHand(self._shown, picture.factors, picture.ids)
        self._retain(name, at_hand)
        self._at_hand = (name, picture.spec, at_hand)
        self._retained_factors.append(name)
        if len(self._retained_factors) > _RETAINED:
            self._let_go_of(self._retained_factors.popleft())
        self._keep("_factors", factors_data(self._shown, picture))

    def _let_go_of(self, name: str) -> None:
        self._retained.remove(name)
        self._engine.release(name)

    def _stop(self) -> None:
        """No better picture follows the one that is shown."""
        with self._lock:
            picture = self._picture
            if picture is None or picture.done or self._closed:
                return
            self._identities.follow(picture.factors.token_loadings, done=True)
            picture = self._picture = replace(picture, done=True, stopped=True)
            self._finish(picture)
        self._let_go_of_missing()
        self._publish_picture(picture)

    def _publish_picture(self, picture: Picture) -> None:
        self._publish_result(Reply(None, "row", "set"), {"factors": factors_data(self._shown, picture)})

    def _let_go_of_missing(self) -> None:
        """Take out of the settings what the finished picture does not have, and have its card made if one is open."""
        with self._lock:
            if self._closed or self._picture is None:
                return
            ids = self._picture.ids
            pinned = [identity for identity in self.pinned if identity in ids]
            gone = [name for name in ("focus", "card") if getattr(self, name) not in {None, *ids}]
            card = None if "card" in gone else self.card
            values: dict[str, Any] = {} if pinned == self.pinned else {"pinned": pinned}
            values |= dict.fromkeys(gone)
        for name, value in values.items():
            self.set_trait(name, value)
        if card is not None:
            with self._lock:
                answer = self._answer_card(card, Reply())
            if answer is not None and not isinstance(answer, Ticket):
                self._publish_result(Reply(None, "card", "set"), answer)

    # ---------------------------------------------------------------------------------------------- cards, ablations

    def _answer_card(self, identity: int, reply: Reply) -> Ticket | Mapping[str, Any] | None:
        """A factor's card; nothing yet where it comes with the picture; called under the lock."""
        at_hand = self._at_hand
        if at_hand is None or identity not in at_hand[2].ids:
            return None
        name, spec, factors = at_hand
        if (spec, identity) in self._cards:
            data = self._cards[spec, identity]
            if self.card == identity:
                self._keep("_card", data)
            return {"card": data}

        def take(outcome: Outcome) -> Mapping[str, Any]:
            data = {"spec": spec, **outcome.result}
            with self._lock:
                if self._at_hand is not None and self._at_hand[1] == spec:
                    self._cards[spec, identity] = data
                    if self.card == identity:
                        self._keep("_card", data)
            return {"card": data}

        request = Request(factor_rows.CARD, name, {"row": factors.ids.index(identity)})
        return self._submit(self._latest("card"), request, reply, take)

    @operation("card")
    def _answer_card_request(self, request: Envelope) -> Mapping[str, Any] | None:
        identity = request.params.get("id")
        if set(request.params) != {"id"} or type(identity) is not int:
            raise InvalidMessage('card takes {"id": n}.')
        with self._lock:
            self._factors_with(identity)
            answer = self._answer_card(identity, request.reply)
        return None if isinstance(answer, Ticket) else answer or {}

    @operation("ablate")
    def _answer_ablate(self, request: Envelope) -> Mapping[str, Any] | None:
        params = request.params
        identity, top, text = params.get("id"), params.get("top"), params.get("text", 0)
        if set(params) - {"id", "top", "action", "value", "text"} or type(identity) is not int:
            raise InvalidMessage('ablate takes {"id": n} and "top", "action", "value", "text".')
        if top is not None and (type(top) is not int or top < 1):
            raise InvalidInput(f"top must be a positive integer or null, got {top!r}.")
        if type(text) is not int or not 0 <= text < len(self._shown.traces):
            raise InvalidInput(f"text must be in 0..{len(self._shown.traces) - 1}, got {text!r}.")
        action, value = check_action(params, ACTIONS)
        if self._limits["ablation"]:
            raise UnsupportedModel(self._limits["ablation"])
        with self._lock:
            name, spec, factors = self._factors_with(identity)
            asked = {"row": factors.ids.index(identity), "top": top, "action": action, "value": value, "text": text}
            about = {"spec": spec, "id": identity, "layer": None, "index": None, "top": top}
            self._submit(
                self._patient("ablate"),
                Request(factor_rows.ABLATE, name, asked, cacheable=False),
                request.reply,
                lambda outcome: {"ablation": {**about, **outcome.result}},
            )
        return None

    def _factors_with(self, identity: int) -> tuple[str, str, AtHand]:
        """The finished factors, if this is one of them; called under the lock."""
        if self._at_hand is None:
            raise InvalidInput("the factors are still being computed.", hint="Ask again when the picture is finished.")
        if identity not in self._at_hand[2].ids:
            known = ", ".join(map(str, self._at_hand[2].ids))
            raise InvalidInput(f"there is no factor {identity}.", hint=f"There are {known}.")
        return self._at_hand
