"""A loaded model taken apart, the lock that guards it, and what changes it for a while."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ecco_widgets.errors import ModelChanged, ModelClosed, UnsupportedModel
from ecco_widgets.models.architecture import Architecture, Kind
from ecco_widgets.models.blocks import Blocks, find_blocks
from ecco_widgets.models.encoding import Encoding
from ecco_widgets.models.inspection import check_part_names, inspect_model
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
            yield

    # ---------------------------------------------------------------- interventions

    @property
    def interventions(self) -> tuple[Any, ...]:
        """What changes neurons on this thread now, outermost first; see ``intervene``."""
        return ()

    @contextlib.contextmanager
    def intervened(self, interventions: Sequence[Any]) -> Iterator[None]:
        """Inside the context these interventions, and no others, change the model on this thread."""
        del interventions
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
