"""A loaded model taken apart, the lock that guards it, and what changes it for a while."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ecco_widgets.errors import ModelChanged, ModelClosed, UnsupportedModel
from ecco_widgets.models.architecture import Architecture, EncoderDecoder, Kind
from ecco_widgets.models.attention import Attention, find_attention
from ecco_widgets.models.blocks import Blocks, find_blocks
from ecco_widgets.models.encoding import Encoding
from ecco_widgets.models.inspection import check_part_names, inspect_model, short_input
from ecco_widgets.models.interventions import Action, Interventions, make_interventions
from ecco_widgets.models.neuron_changes import only
from ecco_widgets.models.neurons import Neurons, find_neurons
from ecco_widgets.models.sites import Sites, find_sites
from ecco_widgets.models.threads import suited_threads


class LoadedModel(Encoding):
    """What ``LanguageModel`` inherits: the model's parts, found and proved when it is loaded.

    Args:
        model: A Hugging Face model.
        tokenizer: Its tokenizer.
        name: Shown in widgets; the model's own name or path by default.
        parts: Parts named by hand where structure does not give them away: names of modules for "base", "embedding",
            "blocks", "final_norm", and, relative to a block, "neurons".
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        name: str | None = None,
        *,
        parts: Mapping[str, str] | None = None,
    ) -> None:
        model.eval()
        self.tokenizer = tokenizer
        self.name = name or str(model.config.name_or_path or type(model).__name__)
        self.lock = threading.RLock()
        self._on_close: list[Callable[[], None]] = []
        self._names = check_part_names(model, parts)
        self._parts: Architecture | None = inspect_model(model, self._names)
        self._found: dict[str, Any] = {}
        self._here = threading.local()
        # Proved now, so that nobody learns of it in the middle of a lesson; what does not need them works without.
        with contextlib.suppress(UnsupportedModel):
            _ = self.blocks

    # ---------------------------------------------------------------- the model

    @property
    def parts(self) -> Architecture:
        """The model taken apart; raises ``ModelClosed`` after ``close``."""
        if self._parts is None:
            raise self._closed()
        return self._parts

    @property
    def kind(self) -> Kind:
        """What the model predicts: "causal", "masked", "seq2seq" or "classification"."""
        return self.parts.kind

    @property
    def blocks(self) -> Blocks:
        """The blocks of the stack that predicts, and what follows them.

        Raises:
            UnsupportedModel: If they can't be found. What does not need them still works.
        """
        blocks: Blocks = self._part("blocks", lambda parts: find_blocks(parts, self._names))
        return blocks

    @property
    def encoder_blocks(self) -> Blocks:
        """The encoder's blocks of a sequence-to-sequence model.

        Raises:
            UnsupportedModel: If there is no encoder beside a decoder, or its blocks can't be found.
        """
        if self.kind != "seq2seq":
            raise UnsupportedModel(
                f"{self.name} has one stack of blocks, no encoder beside a decoder.", hint="Use lm.blocks."
            )
        blocks: Blocks = self._part("encoder_blocks", lambda parts: find_blocks(parts, self._names, encoder=True))
        return blocks

    @property
    def neurons(self) -> Neurons:
        """The FFNN neurons of the stack that predicts.

        Raises:
            UnsupportedModel: If they can't be found; they can be named by hand, ``parts={"neurons": ...}``.
        """
        neurons: Neurons = self._part("neurons", lambda _: self._find_neurons(self.blocks))
        return neurons

    @property
    def encoder_neurons(self) -> Neurons:
        """The FFNN neurons of a sequence-to-sequence model's encoder.

        Raises:
            UnsupportedModel: If there is no encoder beside a decoder, or they can't be found.
        """
        neurons: Neurons = self._part("encoder_neurons", lambda _: self._find_neurons(self.encoder_blocks))
        return neurons

    def _find_neurons(self, blocks: Blocks) -> Neurons:
        return find_neurons(blocks.stack, blocks.modules, self._short_run, self._names.get("neurons"))

    @property
    def sites(self) -> Sites:
        """Where the states inside blocks are read: between attention and FFNN, and what the FFNN adds.

        Raises:
            UnsupportedModel: If the neurons can't be found.
        """
        sites: Sites = self._part("sites", lambda _: find_sites(self.neurons, self._short_run))
        return sites

    @property
    def attention(self) -> Attention:
        """How attention weights of the stack that predicts are had.

        Raises:
            UnsupportedModel: If its layers return none, or its states differ when they do.
        """

        def find(parts: Architecture) -> Attention:
            return find_attention(parts.model, self.blocks.stack, self.blocks.modules, self._short_run)

        attention: Attention = self._part("attention", find)
        return attention

    def _short_run(self, **options: Any) -> None:
        """One forward pass on a short input, to find and prove parts on."""
        parts = self.parts
        source = parts.source_embedding if isinstance(parts, EncoderDecoder) else parts.embedding
        ids = short_input(parts.model, source)
        n_source = ids.shape[1] // 2 if isinstance(parts, EncoderDecoder) else 0
        parts.states(parts.embed(ids, n_source), n_source=n_source, **options)

    def _part(self, name: str, find: Callable[[Architecture], Any]) -> Any:
        """A part that is looked for once; a failure is remembered too, and raised each time."""
        parts = self.parts
        if name not in self._found:
            with self.running():
                try:
                    self._found[name] = find(parts)
                except UnsupportedModel as error:
                    self._found[name] = error
        found = self._found[name]
        if isinstance(found, UnsupportedModel):
            raise UnsupportedModel(found.message, hint=found.hint)
        return found

    @property
    def model(self) -> PreTrainedModel:
        """The Hugging Face model."""
        return self.parts.model

    @property
    def device(self) -> torch.device:
        """Device of the input embedding, where token ids go."""
        return next(self.parts.embedding.parameters()).device

    @property
    def n_layers(self) -> int:
        """L, number of blocks (of the decoder where there is an encoder too)."""
        found = self._found.get("blocks")
        return found.n_layers if isinstance(found, Blocks) else self.parts.n_layers

    @property
    def weights_version(self) -> int:
        """Changes when a parameter is replaced or changed in place (an optimizer's step, ``load_state_dict``).

        Changes through ``parameter.data`` are not seen: torch does not count them.
        """
        return hash(tuple((id(p), p._version) for p in self.model.parameters()))  # noqa: SLF001 - no public way

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Holds the lock, with as many threads as suit the model's size: for everything that runs the model.

        Nothing of the model is changed for it, neither its mode nor which parameters ask for gradients: a cell may be
        training it at this moment.

        Raises:
            ModelChanged: If the model was put into training mode.
        """
        parts = self.parts
        if parts.model.training:
            raise ModelChanged(
                f"{self.name} was put into training mode, where dropout makes every run different.",
                hint="Call lm.model.eval() first.",
            )
        with self.lock, _outside_inference_mode(), suited_threads(parts.width, self.device):
            depth = getattr(self._here, "depth", 0)
            self._here.depth = depth + 1
            try:
                yield
            finally:
                self._here.depth = depth

    @property
    def runs_here(self) -> bool:
        """Whether this thread is inside ``running``: then it must not wait for another one that runs the model."""
        return getattr(self._here, "depth", 0) > 0

    # ---------------------------------------------------------------- interventions

    @contextlib.contextmanager
    def intervene(
        self,
        neurons: Mapping[int, Sequence[int] | int] | None = None,
        action: Action = "zero",
        *,
        value: float | None = None,
        means: Sequence[Any] | Mapping[int, Any] | None = None,
        positions: Sequence[int] | int | None = None,
        neurons_to_inhibit: Mapping[int, Sequence[int] | int] | None = None,
        neurons_to_induce: Mapping[int, Sequence[int] | int] | None = None,
    ) -> Iterator[None]:
        """Inside the context, what this thread runs through ``lm`` has these neurons changed.

        Generation, traces and gradients; not ``lm.model(...)`` called directly.

        A trace made inside keeps the change and applies it whenever it runs; one made outside stays without. Contexts
        inside one another add up. Nothing remains hooked outside a run.

        Args:
            neurons: Indices of neurons by layer, e.g. ``{2: [7, 8]}``.
            action: "zero", "scale" (by ``value``), "set" (to ``value``) or "mean" (of ``means``).
            value: The factor or the value.
            means: For "mean": recorded neurons, ``trace.activations()``, or means by layer.
            positions: Token indices at which it acts; all by default.
            neurons_to_inhibit: Ecco's name: neurons set to zero.
            neurons_to_induce: Ecco's name: neurons multiplied by ``value``, 10 by default.

        Raises:
            InvalidInput: If a layer or an index does not exist, or a value is missing.
            UnsupportedModel: If the neurons can't be found.

        Example:
            >>> import ecco_widgets as ecco
            >>> lm = ecco.load_demo()
            >>> with lm.intervene({5: range(1024)}, "zero"):
            ...     changed = lm.generate(" 1, 2, 3,", generate=4)
            >>> bool((changed.activations([5])[0] == 0).all())
            True
        """
        made = make_interventions(
            self.neurons,
            neurons,
            action,
            value=value,
            means=means,
            positions=positions,
            neurons_to_inhibit=neurons_to_inhibit,
            neurons_to_induce=neurons_to_induce,
        )
        before = self.interventions
        with self.under(made if before is None else before + made):
            yield

    @contextlib.contextmanager
    def under(self, interventions: Interventions | None) -> Iterator[None]:
        """Inside the context, what this thread runs has these changes and no others; ``None`` for none."""
        before = self.interventions
        self._here.interventions = interventions
        try:
            yield
        finally:
            self._here.interventions = before

    @property
    def interventions(self) -> Interventions | None:
        """What ``intervene`` asked for on this thread; ``None`` outside."""
        found: Interventions | None = getattr(self._here, "interventions", None)
        return found

    @contextlib.contextmanager
    def intervened(self, interventions: Interventions | None) -> Iterator[None]:
        """Inside the context the model itself runs with these changes, on this thread; ``None`` for none."""
        with only(interventions):
            yield

    # ---------------------------------------------------------------- life

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call this when the model is closed (at once if it is)."""
        if self._parts is None:
            callback()
        else:
            self._on_close.append(callback)

    def close(self) -> None:
        """Let go of the model. Open widgets say so; calling it twice is harmless."""
        self._tell_closing()  # before waiting for the lock: it stops what runs and holds it
        with self.lock:
            self._parts = None
            self._found.clear()
        self._tell_closing()  # who has come meanwhile

    def _tell_closing(self) -> None:
        callbacks, self._on_close = self._on_close, []
        for callback in callbacks:
            callback()

    @property
    def is_open(self) -> bool:
        """Whether ``close`` has not been called."""
        return self._parts is not None

    def check_open(self) -> None:
        """Raise ``ModelClosed`` after ``close``."""
        if self._parts is None:
            raise self._closed()

    def _closed(self) -> ModelClosed:
        return ModelClosed(f"{self.name} was closed.", hint="Load it again and make a new trace.")


@contextlib.contextmanager
def _outside_inference_mode() -> Iterator[None]:
    """What is recorded in inference mode could take part in no gradient later; ``no_grad`` says the same otherwise."""
    if not torch.is_inference_mode_enabled():
        yield
        return
    with torch.inference_mode(mode=False), torch.no_grad():
        yield
