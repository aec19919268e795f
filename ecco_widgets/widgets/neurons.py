"""What do single neurons fire at? A heat map of a layer's most active neurons in clusters, live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets as t
from numpy.typing import NDArray

from ecco_widgets.analysis.interventions import Intervened, intervene
from ecco_widgets.analysis.targets import check_choice
from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.live import Outcome, Request, Ticket
from ecco_widgets.live.messages import Envelope, InvalidMessage, Reply
from ecco_widgets.widgets import _neuron_rows as neuron_rows
from ecco_widgets.widgets._intervening import check_action, unavailable
from ecco_widgets.widgets._live_widget import operation
from ecco_widgets.widgets._neurons_saving import NeuronsSaved
from ecco_widgets.widgets._shown_states import Runs, ShownStates, shown_states
from ecco_widgets.widgets._states_widget import StatesWidget, check_range

MOST_CLUSTERS = 20
SHOWN = (10, 400)
ACTIONS = ("zero", "mean", "scale", "set")

_ROW = frozenset({"layer", "n_clusters", "order", "n_shown"})


class NeuronsWidget(StatesWidget):
    """The most active neurons of a layer and the tokens they fire at; like ones side by side.

    Made by ``trace.neurons()``. Every public trait can be set here as on screen, and the view follows.

    Args:
        trace: The run, or a batch.
        stack: Of an encoder-decoder model "decoder" (default) or "encoder".
        **traits: Initial values of the traits below.

    Attributes:
        layer: The layer; the middle one by default.
        n_clusters: Clusters (k-means on the neurons' activations), 1 to 20; never more than the neurons shown.
        order: "cluster", "activity" (most active first) or "index".
        n_shown: How many of the most active neurons, 10 to 400.
        selected: Index in the layer of the neuron that is open; ``None`` for none. Another layer closes it.
        marked: The position that is pointed at in one of the run's widgets.

    Raises:
        InvalidInput: From the constructor or when a trait is set, if a value can't be used.
        UnsupportedModel: If the model's neurons can't be found.
        TraitError: If a value is of the wrong type.

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo().generate(" 1, 2, 3,", generate=4)
        >>> w = ecco.NeuronsWidget(out, layer=2, n_shown=20)
        >>> w.values.shape == (20, out.n_tokens)
        True
    """

    _bundle = "neurons"

    layer = t.Int(0).tag(sync=True, front_end=True)
    n_clusters = t.Int(8).tag(sync=True, front_end=True)
    order = t.Unicode("cluster").tag(sync=True, front_end=True)
    n_shown = t.Int(100).tag(sync=True, front_end=True)
    selected = t.Int(None, allow_none=True).tag(sync=True, front_end=True)

    _map = t.Dict().tag(sync=True)
    _neuron = t.Dict().tag(sync=True)

    def __init__(self, trace: Runs, *, stack: str | None = None, **traits: Any) -> None:
        self._forget_all()
        shown = shown_states(trace, stack)
        traits.setdefault("layer", len(shown.neurons.widths) // 2)
        super().__init__(shown, **traits)

    # ----------------------------------------------------------------------------------------------------- validation

    def _bounds_of(self, shown: ShownStates) -> dict[str, Any]:
        widths = list(shown.neurons.widths)
        return {
            "layers": len(widths),
            "widths": widths,
            "most_clusters": min(MOST_CLUSTERS, *widths),
            "most_shown": SHOWN[1],
            "shifted": shown.shifted,
            "stack": shown.stack,
            "ablation": unavailable(shown),
        }

    def _fitting(self, bounds: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "layer": min(self.layer, bounds["layers"] - 1),
            "n_clusters": min(self.n_clusters, bounds["most_clusters"]),
            "selected": None,
        }

    @t.validate("layer")
    def _check_layer(self, proposal: t.Bunch) -> int:
        return check_range("layer", proposal["value"], 0, self._limits["layers"] - 1)

    @t.validate("n_clusters")
    def _check_n_clusters(self, proposal: t.Bunch) -> int:
        return check_range("n_clusters", proposal["value"], 1, self._limits["most_clusters"])

    @t.validate("order")
    def _check_order(self, proposal: t.Bunch) -> str:
        return check_choice("order", proposal["value"], list(neuron_rows.ORDERS))

    @t.validate("n_shown")
    def _check_n_shown(self, proposal: t.Bunch) -> int:
        return check_range("n_shown", proposal["value"], *SHOWN)

    @t.validate("selected")
    def _check_selected(self, proposal: t.Bunch) -> int | None:
        index = proposal["value"]
        return None if index is None else self._check_index(self.layer, index)

    def _check_index(self, layer: int, index: int) -> int:
        width = self._limits["widths"][check_range("layer", layer, 0, self._limits["layers"] - 1)]
        if not 0 <= index < width:
            raise InvalidInput(f"neuron must be in 0..{width - 1}, got {index}.", hint=f"Layer {layer} has {width:,}.")
        return int(index)

    # ----------------------------------------------------------------------------------------------------- for Python

    @property
    def neurons(self) -> NDArray[np.int32]:
        """Indices (M,) of the neurons shown, in the order shown; computed now if they are not at hand."""
        found: NDArray[np.int32] = self._current()["neurons"]
        return found

    @property
    def clusters(self) -> NDArray[np.int32]:
        """Their clusters (M,), 0 first."""
        found: NDArray[np.int32] = self._current()["cluster"]
        return found

    @property
    def values(self) -> NDArray[np.float32]:
        """Their activations as shown (M, T): a generated token shows the state that produced it."""
        found: NDArray[np.float32] = self._current()["values"]
        return found

    def intervene(self, index: int, action: Any = "zero", layer: int | None = None, **options: Any) -> Intervened:
        """What does the model do with one neuron changed?

        Args:
            index: The neuron.
            action: "zero", "mean", "scale" or "set" (with ``value``).
            layer: Its layer; the one shown by default.
            **options: Further arguments of ``analysis.intervene``, and for a batch ``text``, which of its texts.

        Returns:
            Both runs side by side.

        Raises:
            InvalidInput: If there is no such neuron.
            UnsupportedModel: If these neurons can't be changed.
        """
        layer = self.layer if layer is None else layer
        index = self._check_index(layer, index)
        if self._limits["ablation"]:
            raise UnsupportedModel(self._limits["ablation"])
        return intervene(self._shown.traces[options.pop("text", 0)], {layer: [index]}, action, **options)

    def to_frame(self) -> Any:
        """One row for each neuron and token as a pandas DataFrame: layer, neuron, cluster, position, token, value."""
        import pandas as pd

        return pd.DataFrame(self._saved().columns(None))

    def _saved(self) -> NeuronsSaved:
        return NeuronsSaved(self)

    def _current(self) -> dict[str, Any]:
        with self._lock:
            known, shown, settings, spec = self._known_map(), self._shown, self._settings, self._spec
        return known or {"spec": spec, **neuron_rows.map_of(shown, **settings)}

    # ----------------------------------------------------------------------------------------------------------- live

    def _forget_all(self) -> None:
        self._shown_map: dict[str, Any] = {}
        self._shown_neuron: dict[str, Any] = {}
        self._selected_in = -1

    def _forget(self) -> None:
        self._forget_all()
        self._map, self._neuron = {}, {}

    @property
    def _settings(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "n_clusters": self.n_clusters,
            "order": self.order,
            "n_shown": self.n_shown,
        }

    @property
    def _spec(self) -> str:
        return f"{self._shown.id}|{self.layer}|{self.n_clusters}|{self.order}|{self.n_shown}"

    def _known_map(self) -> dict[str, Any] | None:
        return self._shown_map if self._shown_map.get("spec") == self._spec else None

    def _neuron_spec(self, layer: int, index: int) -> str:
        return f"{self._shown.id}|{layer}|{index}"

    def _known_neuron(self) -> dict[str, Any] | None:
        if self.selected is None:
            return None
        spec = self._neuron_spec(self.layer, self.selected)
        return self._shown_neuron if self._shown_neuron.get("spec") == spec else None

    def _hello(self) -> Mapping[str, Any]:
        with self._lock:
            known, neuron = self._known_map(), self._known_neuron()
        return {**({"map": known} if known else {}), **({"neuron": neuron} if neuron else {})}

    def _after_set(self, names: frozenset[str], reply: Reply) -> Ticket | Mapping[str, Any] | None:
        if "selected" in names:
            self._selected_in = self.layer
        elif self.selected is not None and self.layer != self._selected_in:
            self.selected = None
            names |= {"selected"}
        if names & _ROW:
            if "selected" in names:
                # One request has one answer, the map; this comes as news.
                opened = self._answer_selected(Reply())
                if not isinstance(opened, Ticket) and opened is not None:
                    self._publish_result(Reply(None, "neuron", "set"), opened)
            return self._answer_map(reply)
        return self._answer_selected(reply) if "selected" in names else None

    def _answer_map(self, reply: Reply) -> Ticket | Mapping[str, Any] | None:
        known, spec = self._known_map(), self._spec
        if known is not None:
            self._latest("row").cancel()  # what was asked for before is not wanted any more
            return {"map": known}

        def take(outcome: Outcome) -> Mapping[str, Any]:
            data = {"spec": spec, **outcome.result}
            with self._lock:
                if spec == self._spec:
                    self._shown_map = data
                    self._keep("_map", data)
            return {"map": data}

        request = Request(neuron_rows.MAP, self._shown.id, {**self._settings, "stack": self._shown.stack})
        return self._submit(self._latest("row"), request, reply, take)

    def _answer_selected(self, reply: Reply) -> Ticket | Mapping[str, Any] | None:
        if self.selected is None:
            self._latest("neuron").cancel()
            self._shown_neuron = {}
            self._keep("_neuron", {})
            return None
        known = self._known_neuron()
        return {"neuron": known} if known is not None else self._ask_neuron(self.layer, self.selected, reply)

    def _ask_neuron(self, layer: int, index: int, reply: Reply) -> Ticket:
        spec = self._neuron_spec(layer, index)

        def take(outcome: Outcome) -> Mapping[str, Any]:
            data = {"spec": spec, **outcome.result}
            with self._lock:
                if (self.layer, self.selected) == (layer, index):
                    self._shown_neuron = data
                    self._keep("_neuron", data)
            return {"neuron": data}

        request = Request(
            neuron_rows.NEURON, self._shown.id, {"layer": layer, "index": index, "stack": self._shown.stack}
        )
        return self._submit(self._latest("neuron"), request, reply, take)

    @operation("neuron")
    def _answer_neuron(self, request: Envelope) -> None:
        params = request.params
        if set(params) != {"layer", "index"}:
            raise InvalidMessage('neuron takes {"layer": n, "index": n}.')
        layer, index = self._place_in(params)
        with self._lock:
            self._ask_neuron(layer, index, request.reply)

    @operation("intervene")
    def _answer_intervene(self, request: Envelope) -> None:
        params = request.params
        if set(params) - {"layer", "index", "action", "value", "text"}:
            raise InvalidMessage('intervene takes {"layer": n, "index": n} and "action", "value", "text".')
        layer, index = self._place_in(params)
        text = params.get("text", 0)
        if type(text) is not int or not 0 <= text < len(self._shown.traces):
            raise InvalidInput(f"text must be in 0..{len(self._shown.traces) - 1}, got {text!r}.")
        action, value = check_action(params, ACTIONS)
        if self._limits["ablation"]:
            raise UnsupportedModel(self._limits["ablation"])
        asked = {"layer": layer, "index": index, "action": action, "value": value, "text": text}
        with self._lock:
            about = {"spec": self._neuron_spec(layer, index), "id": None, "layer": layer, "index": index, "top": None}
            self._submit(
                self._patient("intervene"),
                Request(neuron_rows.INTERVENE, self._shown.id, {**asked, "stack": self._shown.stack}, cacheable=False),
                request.reply,
                lambda outcome: {"ablation": {**about, **outcome.result}},
            )

    def _place_in(self, params: Mapping[str, Any]) -> tuple[int, int]:
        layer, index = params.get("layer"), params.get("index")
        if type(layer) is not int or type(index) is not int:
            raise InvalidMessage("layer and index must be integers.")
        return layer, self._check_index(layer, index)
