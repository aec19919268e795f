"""What can be set of a widget of factors: traits, their bounds, and the keys of what belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets as t

from ecco_widgets.analysis.targets import check_choice
from ecco_widgets.errors import InvalidInput, UnsupportedMethod
from ecco_widgets.widgets import _factor_rows as factor_rows
from ecco_widgets.widgets._factor_pictures import Picture
from ecco_widgets.widgets._intervening import unavailable
from ecco_widgets.widgets._shown_states import ShownStates
from ecco_widgets.widgets._states_widget import IndexList, StatesWidget, check_layers, check_range

MOST_COMPONENTS = 50
MOST_SEED = 2**31 - 1


class FactorSettings(StatesWidget):
    """The settings of ``FactorsWidget``, where they are described."""

    n_components = t.Int(10).tag(sync=True, front_end=True)
    layers = IndexList(None, allow_none=True).tag(sync=True, front_end=True)
    method = t.Unicode("nmf").tag(sync=True, front_end=True)
    seed = t.Int(0).tag(sync=True, front_end=True)
    normalize = t.Bool(default_value=False).tag(sync=True, front_end=True)
    pinned = IndexList().tag(sync=True, front_end=True)
    focus = t.Int(None, allow_none=True).tag(sync=True, front_end=True)
    card = t.Int(None, allow_none=True).tag(sync=True, front_end=True)

    _picture: Picture | None = None

    # ----------------------------------------------------------------------------------------------------- validation

    def _bounds_of(self, shown: ShownStates) -> dict[str, Any]:
        widths = list(shown.neurons.widths)
        return {
            "most": max(1, min(MOST_COMPONENTS, shown.n_states, *widths)),
            "layers": len(widths),
            "widths": widths,
            "texts": shown.spans,
            "methods": factor_rows.method_options(),
            "shifted": shown.shifted,
            "stack": shown.stack,
            "ablation": unavailable(shown),
        }

    def _fitting(self, bounds: Mapping[str, Any]) -> dict[str, Any]:
        layers = [layer for layer in self.layers or () if layer < bounds["layers"]]
        return {
            "n_components": min(self.n_components, bounds["most"]),
            "layers": layers or None,
            "pinned": [],
            "focus": None,
            "card": None,
        }

    @t.validate("n_components")
    def _check_n_components(self, proposal: t.Bunch) -> int:
        most, states = self._limits["most"], self._shown.n_states
        why = f"There are {states} tokens, and no more factors than that." if most < MOST_COMPONENTS else ""
        return check_range("n_components", proposal["value"], 1, most, why)

    @t.validate("layers")
    def _check_layers(self, proposal: t.Bunch) -> list[int] | None:
        return check_layers(proposal["value"], self._limits["layers"])

    @t.validate("method")
    def _check_method(self, proposal: t.Bunch) -> str:
        options = self._limits["methods"]
        method = check_choice("method", proposal["value"], [option["name"] for option in options])
        reason = next(option["unavailable"] for option in options if option["name"] == method)
        if reason:
            raise UnsupportedMethod(f"method {method!r} can't be used here: {reason}", hint="Use method='nmf'.")
        return method

    @t.validate("seed")
    def _check_seed(self, proposal: t.Bunch) -> int:
        return check_range("seed", proposal["value"], 0, MOST_SEED)

    @t.validate("pinned")
    def _check_pinned(self, proposal: t.Bunch) -> list[int]:
        return [self._check_identity("pinned", identity) for identity in dict.fromkeys(proposal["value"])]

    @t.validate("focus", "card")
    def _check_chosen(self, proposal: t.Bunch) -> int | None:
        value = proposal["value"]
        return None if value is None else self._check_identity(proposal["trait"].name, value)

    def _check_identity(self, name: str, identity: int) -> int:
        # Before there is a picture, the first one's factors are numbered from 0.
        ids = tuple(range(self.n_components)) if self._picture is None else self._picture.ids
        if identity not in ids:
            known = ", ".join(map(str, ids))
            raise InvalidInput(f"{name}: there is no factor {identity}.", hint=f"There are {known}.")
        return int(identity)

    # ----------------------------------------------------------------------------------------------------------- keys

    @property
    def _params(self) -> dict[str, Any]:
        every = self.layers is not None and len(self.layers) == self._limits["layers"]
        return {
            "n_components": self.n_components,
            "layers": None if every or self.layers is None else list(self.layers),
            "method": self.method,
            "seed": self.seed,
            "normalize": self.normalize,
            "stack": self._shown.stack,
        }

    @property
    def _spec(self) -> str:
        layers = "all" if self.layers is None else ",".join(map(str, self.layers))
        return f"{self._shown.id}|{self.method}|{self.n_components}|{layers}|{self.seed}|{int(self.normalize)}"
