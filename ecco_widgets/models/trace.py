"""One run of a model: its tokens and, recorded when first asked for, its states. A trace owns everything it holds."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecco_widgets.errors import InvalidInput, ModelChanged
from ecco_widgets.models._trace_text import TraceText
from ecco_widgets.models.architecture import Kind
from ecco_widgets.models.logits import at_least_single, check_logits

if TYPE_CHECKING:
    from ecco_widgets.models.batch import Batch
    from ecco_widgets.models.interventions import Interventions
    from ecco_widgets.models.language_model import LanguageModel

_numbers = itertools.count(1)


class Trace(TraceText):
    """Tokens and states of one run; this class is that of decoder-only models, other kinds are subclasses.

    Made by ``lm.generate``, ``lm.score`` and ``lm(text)``. States are computed when first read and kept until
    ``release``; two traces never share an array, and a trace does not change when the model runs again. A trace made
    inside ``lm.intervene(...)`` keeps the intervention and applies it whenever it runs.

    Positions are indices into ``tokens``. A causal model predicts token p from the tokens before p.

    Args:
        lm: The model that ran.
        token_ids: T ids, prompt and output.
        n_prompt: Tokens before this index are the prompt, the others the output.
        roles: For a chat, who said each token: T names, "" for the template's own tokens.

    Attributes:
        generation: Options that the output was generated with, and its seed; empty where it was given.

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo()("The keys to the cabinet")
        >>> out.n_tokens == len(out.tokens) == len(out.token_ids)
        True
    """

    kind: ClassVar[Kind] = "causal"

    def __init__(
        self,
        lm: LanguageModel,
        token_ids: Sequence[int] | NDArray[np.int64],
        n_prompt: int,
        *,
        roles: Sequence[str] = (),
    ) -> None:
        super().__init__(token_ids, n_prompt, roles)
        self.lm = lm
        self.id = f"trace-{next(_numbers)}"
        self.generation: dict[str, Any] = {}
        self._states: dict[str, Tensor] = {}
        self._weights_version = lm.weights_version
        self._interventions = lm.interventions
        self._batch: Batch | None = None

    # ---------------------------------------------------------------- positions

    @property
    def explainable(self) -> Sequence[int]:
        """Positions that have a prediction, ascending."""
        return range(1, self.n_tokens)

    @property
    def first_position(self) -> int:
        """Smallest position with a prediction."""
        return next(iter(self.explainable), 1)

    @property
    def next_position(self) -> int | None:
        """The position after the last token, which has a prediction but no token; ``None`` if the kind has none."""
        return self.n_tokens

    @property
    def output_positions(self) -> Sequence[int]:
        """Positions explained by default: the generated tokens, or all where nothing was generated."""
        first = self.n_prompt if self.n_generated else self.first_position
        return range(max(first, self.first_position), self.n_tokens)

    def n_inputs_of(self, position: int) -> int:
        """Number of leading tokens that can have led to the one at this position."""
        return position

    def check_position(self, position: int, *, allow_next: bool = False) -> int:
        """The position as a non-negative index, if a token there was predicted.

        Args:
            position: Negative ones count from the end.
            allow_next: Whether the position after the last token counts too.

        Raises:
            InvalidInput: If it is no integer, out of range, or has no prediction.
        """
        first, last = self.first_position, self.n_tokens - 1
        if isinstance(position, bool) or not isinstance(position, (int, np.integer)):
            raise InvalidInput(
                f"position must be an integer in {first}..{last}, got {position!r}.",
                hint="It is the index of the token to explain in the whole sequence.",
            )
        index = int(position) + (self.n_tokens if position < 0 else 0)
        if index in self.explainable or (allow_next and index == self.next_position):
            return index
        raise self._no_prediction(int(position), index)

    def _no_prediction(self, position: int, index: int) -> InvalidInput:
        first, last = self.first_position, self.n_tokens - 1
        if last < first:
            return InvalidInput(
                "This trace has a single token; nothing before it can explain it.",
                hint="Use a longer text, or lm.generate(...) to add predicted tokens.",
            )
        if 0 <= index < first:
            return InvalidInput(
                f"position must be in {first}..{last}, got {position}: the first token has no prediction.",
                hint="The model predicts each token from those before it.",
            )
        return InvalidInput(
            f"position must be in {first}..{last}, got {position}; the trace has {self.n_tokens} tokens"
            + (f", generated ones from {self.n_prompt} on." if self.n_generated else "."),
            hint="Negative positions count from the end: -1 is the last token.",
        )

    def ids_at(self, positions: Sequence[int]) -> Tensor:
        """Ids (R,) of the explained tokens at these positions, on the model's device."""
        return torch.tensor(self._token_ids[np.asarray(positions, dtype=np.int64)], device=self.lm.device)

    # ---------------------------------------------------------------- states

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """To run the model for this trace: the lock, a suited number of threads, and the trace's interventions.

        Raises:
            ModelChanged: If the model was put into training mode or its weights were changed.
        """
        with self.lm.running(), self.lm.intervened(self._interventions):
            self.check_weights()
            yield

    @property
    def last_states(self) -> Tensor:
        """Last hidden states (T, D), after the final norm, detached, on the model's device."""
        return self._recorded("last_states", lambda: self.lm.parts.states(self.embeddings(), n_source=self.n_source)[0])

    @property
    def hidden_states(self) -> Tensor:
        """Residual stream (L + 1, T, D): what enters the first block, then what leaves each block.

        Unlike transformers' ``hidden_states`` the last one is before the final norm, as all others are.
        """
        blocks = self.lm.blocks
        return self._recorded("hidden_states", lambda: blocks.states(self.run)[:, 0])

    def activations(self, layers: Sequence[int] | int | None = None) -> list[Tensor]:
        """FFNN neurons of some layers: the input of each FFNN's output projection.

        Args:
            layers: Layers; all by default.

        Returns:
            One tensor (T, N) for each layer, detached, on the layer's device.

        Raises:
            InvalidInput: If there is no such layer.
            UnsupportedModel: If the neurons can't be found.
        """
        neurons = self.lm.neurons
        asked = [layers] if isinstance(layers, (int, np.integer)) else layers
        chosen = range(len(neurons.widths)) if asked is None else [neurons.check_layer(layer) for layer in asked]
        missing = [layer for layer in chosen if f"neurons-{layer}" not in self._states]
        if missing:
            self.lm.check_open()
            with torch.no_grad(), self.running():
                found = neurons.record(self.run, missing)
            self._states.update({f"neurons-{n}": states[0].detach() for n, states in zip(missing, found, strict=True)})
        elif self.lm.is_open:
            self.check_weights()
        return [self._states[f"neurons-{layer}"] for layer in chosen]

    def run(self, **options: Any) -> None:
        """One plain forward pass over the trace's tokens, for hooks to see. Call it inside ``running``."""
        self.lm.parts.states(self.embeddings(), n_source=self.n_source, **options)

    def embeddings(self, n_columns: int | None = None) -> Tensor:
        """Input embeddings (1, n_columns, E) of the first tokens (all by default), detached."""
        ids = torch.tensor(self._input_ids[:n_columns], device=self.lm.device)
        return self.lm.parts.embed(ids[None], self.n_source)

    @property
    def _input_ids(self) -> NDArray[np.int64]:
        return self._token_ids

    def logits(self, positions: Sequence[int]) -> Tensor:
        """Logits that predicted the tokens at these positions.

        Args:
            positions: R positions, each with a prediction; the one after the last token counts.

        Returns:
            Shape (R, V), float32 (float64 if the model is), on the model's device. Not kept.

        Raises:
            InvalidInput: If a position has no prediction.
            NonFinite: If a logit is NaN or infinite in the positive direction.
        """
        rows = [self.check_position(position, allow_next=True) for position in positions]
        states = self.predicting_states(rows)
        with torch.no_grad(), self.running():
            logits = at_least_single(self.lm.parts.logits(states))
        check_logits(logits, rows)
        return logits

    # ---------------------------------------------------------------- what predicts a position

    def row_of(self, position: int) -> int:
        """Which of the last states predicts this position."""
        return position - 1

    def columns_for(self, n_rows: int) -> int:
        """Number of leading tokens that the first ``n_rows`` of the last states are made from."""
        return n_rows

    def predicting_states(self, positions: Sequence[int]) -> Tensor:
        """Last hidden states (R, D) that predict these positions."""
        return self.last_states[[self.row_of(position) for position in positions]]

    def stream(self, positions: Sequence[int], site: str = "block") -> Tensor:
        """Residual stream (L + 1, R, D) that predicts these positions; row 0 enters the first block.

        Args:
            positions: R positions, each with a prediction; the one after the last token counts.
            site: "block", or for L rows "attention_out" (the stream between attention and FFNN of each block) or
                "ffn_out" (what each FFNN adds).
        """
        rows = [self.row_of(self.check_position(position, allow_next=True)) for position in positions]
        return self._at_site(site)[:, rows]

    def _at_site(self, site: str) -> Tensor:
        if site == "block":
            return self.hidden_states
        sites = self.lm.sites
        name = sites.check(site)
        return self._recorded(f"site-{name}", lambda: sites.record(self.run)[name][:, 0])

    def attention_weights(self, layer: int, *, cross: bool = False) -> Tensor:
        """Attention of one layer of the stack that predicts. Not kept.

        Args:
            layer: Index of the block.
            cross: A decoder's attention to its source instead.

        Returns:
            Shape (H, T, T) for H heads, or (H, T, S): row t says how much of each token the head takes for token t.

        Raises:
            InvalidInput: If there is no such layer, or nothing beside the text to attend to.
            UnsupportedModel: If the layers return no weights.
        """
        self.lm.blocks.check_layer(layer)
        attention = self.lm.attention
        with torch.no_grad(), self.running():
            weights = attention.record(self.run)
        if cross and not weights.cross:
            raise InvalidInput(f"{self.lm.name} has no encoder to attend to.", hint="Leave cross out.")
        found: Tensor = (weights.cross if cross else weights.layers)[layer][0]
        return found.detach()

    def inputs_for(self, position: int) -> Tensor:
        """Input embeddings (1, n, E) of the tokens that can have led to a position, detached."""
        return self.embeddings(self.n_inputs_of(position))

    def state_from(self, embeddings: Tensor, position: int) -> Tensor:
        """The state (B, D) that predicts a position, as a function of the embeddings (B, n, E) of its inputs."""
        return self.lm.parts.states(embeddings, n_source=self.n_source)[:, self.row_of(position)]

    # ---------------------------------------------------------------- recording

    def _recorded(self, name: str, compute: Callable[[], Tensor]) -> Tensor:
        states = self._states.get(name)
        if states is None:
            self.lm.check_open()
            with torch.no_grad(), self.running():
                if self._batch is not None and not self._interventions:
                    self._batch.record(name)
                if name not in self._states:
                    self._states[name] = compute().detach()
                states = self._states[name]
        elif self.lm.is_open:
            self.check_weights()
        return states

    def check_weights(self) -> None:
        """Raise ``ModelChanged`` if the weights have changed since this trace was made."""
        # States of one version of the weights and gradients of another would make numbers that belong to neither.
        if self.lm.weights_version != self._weights_version:
            raise ModelChanged(
                f"the weights of {self.lm.name} have changed since this trace was made.",
                hint="Make a new trace with lm.generate(...), lm.score(...) or lm(text).",
            )

    # ---------------------------------------------------------------- memory

    @property
    def nbytes(self) -> int:
        """Bytes this trace holds now: ids and the states recorded so far."""
        return self._token_ids.nbytes + sum(states.nbytes for states in self._states.values())

    def release(self) -> None:
        """Forget the recorded states; they are computed again when asked for."""
        self._states.clear()

    # ---------------------------------------------------------------- life

    def __copy__(self) -> Trace:
        """A trace of the same tokens that owns its own states."""
        copied = self._again()
        vars(copied).update(
            _weights_version=self._weights_version, _interventions=self._interventions, generation=dict(self.generation)
        )
        return copied

    @property
    def interventions(self) -> Interventions | None:
        """Changes of neurons that this trace runs with; ``None`` for none."""
        return self._interventions

    def rerun(self) -> Trace:
        """A new trace of the same tokens, with the interventions of the current context instead of this one's."""
        return self._again()

    def _again(self) -> Trace:
        return type(self)(self.lm, self._token_ids, self.n_prompt, roles=self.roles)

    def __deepcopy__(self, memo: Any) -> Trace:
        return self.__copy__()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a trace cannot be pickled, since it belongs to a model. Save trace.token_ids, and make it again with "
            "lm({'input_ids': token_ids})."
        )

    def __repr__(self) -> str:
        megabytes = self.nbytes / 2**20
        return (
            f"<Trace of {self.lm.name}: {self.n_prompt} prompt + {self.n_generated} generated tokens, "
            f"holds {megabytes:.2f} MiB>"
        )
