"""The parts of a language model that explanations need: embeddings to states, states to logits.

A language model is split in two: a *base* that turns embeddings into last hidden states, and a *head* that turns a
hidden state into logits. The head is the model's own forward pass with the base replaced, for one call, by a stub that
returns given states. So whatever a family does after its last norm (bias, scaling, soft cap, another projection) is
included without being named here. ``inspection`` finds the parts and proves them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput
from transformers.utils import ModelOutput

from ecco_widgets.models.patching import forward_replaced

Kind = Literal["causal", "masked", "seq2seq", "classification"]
"""What a model predicts: the next token, a masked one, the next one of an answer, or a class of the text."""

# Two float32 computations of the same numbers are compared; half precision is compared more loosely.
_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-6}
_HALF_TOLERANCE = 5e-2


@dataclass(frozen=True)
class Architecture:
    """The parts of a causal or masked language model; other kinds are subclasses.

    Attributes:
        kind: What the model predicts.
        model: The whole model.
        base: The part from embeddings to last hidden states (after the final norm).
        embedding: The input embedding; its output for token i is x_i of an attribution.
        n_layers: L, number of blocks (of the decoder where there is an encoder too).
        width: D, width of the residual stream.
        input_width: E, width of the input embeddings.
        vocabulary: V, number of logits.
        context: Longest sequence the model takes, or ``None`` if it states no limit.
        cache_argument: Name under which the base takes the keys and values of earlier tokens, "" if it takes none.
        base_output: Class of what the base returns.
        affine_head: Whether the output embeddings alone, with their bias, make the logits (no soft cap, for one).
        fed_by_stub: Whether embeddings enter in place of the embedding module's output, for families that treat what
            comes through ``inputs_embeds`` differently (a scale that only token ids get).
    """

    kind: Kind
    model: PreTrainedModel
    base: nn.Module
    embedding: nn.Module
    n_layers: int
    width: int
    input_width: int
    vocabulary: int
    context: int | None
    cache_argument: str = ""
    base_output: type[ModelOutput] = BaseModelOutput
    affine_head: bool = False
    fed_by_stub: bool = False

    @property
    def unembedding(self) -> Tensor | None:
        """Weights (V, D) of an affine head, so that the gradient of a logit is one of their rows; else ``None``."""
        output = self.model.get_output_embeddings()
        # Looked at each time: an adapter may have been put around it since.
        return output.weight.detach() if self.affine_head and type(output) is nn.Linear else None

    @property
    def n_ids(self) -> int:
        """Number of token ids that the input embedding takes; checkpoints may have more or fewer logits."""
        weight = getattr(self.embedding, "weight", None)
        return int(weight.shape[0]) if isinstance(weight, Tensor) and weight.dim() == 2 else self.vocabulary

    @property
    def embedding_bytes(self) -> int:
        """Bytes of one number of an embedding."""
        parameter = next(self.embedding.parameters(), None)
        return 4 if parameter is None or not parameter.is_floating_point() else parameter.element_size()

    def embed(self, token_ids: Tensor, n_source: int = 0) -> Tensor:
        """Input embeddings (..., T, E) of token ids (..., T), detached; the first ``n_source`` are an encoder's."""
        del n_source
        with torch.no_grad():
            output: Tensor = self.embedding(token_ids)
        return output.detach()

    def states(
        self, embeddings: Tensor, attention_mask: Tensor | None = None, *, n_source: int = 0, **options: Any
    ) -> Tensor:
        """Last hidden states (B, T, D) of input embeddings (B, T, E); grad mode is the caller's.

        Args:
            embeddings: What the embedding module gives.
            attention_mask: Zero at padding, shape (B, T).
            n_source: How many of the T are an encoder's. The states are the decoder's then, (B, T - n_source, D).
            **options: For the base.
        """
        del n_source
        states: Tensor = self._fed(
            self.base, self.embedding, embeddings, attention_mask=attention_mask, **self._no_cache, **options
        ).last_hidden_state
        return states

    def states_by_segment(self, embeddings: Tensor, ends: list[int], *, n_source: int = 0) -> list[Tensor]:
        """Last hidden states, computed segment after segment through the cache of keys and values.

        Equal to ``states`` cut at ``ends``, but as separate nodes of the autograd graph: the gradient of a state in one
        segment never visits later segments, nor the last block of earlier ones beyond their keys and values.

        Args:
            embeddings: Shape (1, T, E).
            ends: Ascending ends of the segments in rows of states.
            n_source: As for ``states``.

        Returns:
            One tensor (1, segment, D) for each segment.
        """
        if not self.cache_argument or len(ends) == 1:
            return list(torch.tensor_split(self.states(embeddings, n_source=n_source), ends[:-1], dim=1))
        cache: Any = None
        pieces: list[Tensor] = []
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            earlier = {} if cache is None else {self.cache_argument: cache}
            output = self._fed(self.base, self.embedding, embeddings[:, start:end], use_cache=True, **earlier)
            cache = getattr(output, self.cache_argument)
            pieces.append(output.last_hidden_state)
        return pieces

    def logits(self, states: Tensor) -> Tensor:
        """Logits (..., V) of last hidden states (..., D), through everything the model does after its base."""
        rows = states.reshape(1, -1, states.shape[-1])
        base_output = self.base_output(last_hidden_state=rows)
        filler = rows.new_zeros(1, rows.shape[1], self.input_width)
        with forward_replaced(self.base, lambda *_, **__: base_output):
            output = self.model(inputs_embeds=filler, return_dict=True, **self._no_cache)
        logits: Tensor = output.logits
        return logits.reshape(*states.shape[:-1], logits.shape[-1])

    def _fed(self, stack: nn.Module, embedding: nn.Module, embeddings: Tensor, **inputs: Any) -> Any:
        """Output of a module for embeddings (B, T, E)."""
        if not self.fed_by_stub:
            return stack(inputs_embeds=embeddings, return_dict=True, **inputs)
        ids = torch.full(embeddings.shape[:-1], self.filler, dtype=torch.long, device=embeddings.device)
        with forward_replaced(embedding, lambda *_, **__: embeddings):
            return stack(input_ids=ids, return_dict=True, **inputs)

    @property
    def filler(self) -> int:
        """A token id that is no padding, for where an id is asked for and what it stands for is replaced."""
        return 0 if getattr(self.model.config, "pad_token_id", None) != 0 else 1

    @property
    def _no_cache(self) -> dict[str, bool]:
        return {"use_cache": False} if self.kind in {"causal", "seq2seq"} else {}


@dataclass(frozen=True)
class EncoderDecoder(Architecture):
    """A sequence-to-sequence model: ``base`` is the decoder, and sequences are source and answer in a row.

    Attributes:
        encoder: The stack that reads the source.
        source_embedding: The encoder's input embedding; ``embedding`` is the decoder's.
        source_context: Longest source, or ``None``.
    """

    encoder: nn.Module = None  # type: ignore[assignment]  # fields after defaults need one; always given
    source_embedding: nn.Module = None  # type: ignore[assignment]
    source_context: int | None = None

    def embed(self, token_ids: Tensor, n_source: int = 0) -> Tensor:
        """Embeddings of source and answer, each from its own side's embedding."""
        with torch.no_grad():
            source: Tensor = self.source_embedding(token_ids[..., :n_source])
            answer: Tensor = self.embedding(token_ids[..., n_source:])
        return torch.cat([source, answer.to(source.device)], dim=-2).detach()

    def states(
        self, embeddings: Tensor, attention_mask: Tensor | None = None, *, n_source: int = 0, **options: Any
    ) -> Tensor:
        """Last hidden states (B, T - n_source, D) of the decoder."""
        mask = None if attention_mask is None else attention_mask[:, :n_source]
        encoded = self.encode(embeddings[:, :n_source], mask)
        states: Tensor = self._fed(
            self.base,
            self.embedding,
            embeddings[:, n_source:],
            attention_mask=None if attention_mask is None else attention_mask[:, n_source:],
            encoder_hidden_states=encoded,
            encoder_attention_mask=mask,
            use_cache=False,
            **options,
        ).last_hidden_state
        return states

    def encode(self, embeddings: Tensor, attention_mask: Tensor | None = None, **options: Any) -> Tensor:
        """Last hidden states (B, S, D) of the encoder."""
        encoded: Tensor = self._fed(
            self.encoder, self.source_embedding, embeddings, attention_mask=attention_mask, **options
        ).last_hidden_state
        return encoded

    def logits(self, states: Tensor) -> Tensor:
        """Logits (..., V) of the decoder's last hidden states (..., D)."""
        rows = states.reshape(1, -1, states.shape[-1])
        base_output = self.base_output(last_hidden_state=rows)
        with forward_replaced(self.base, lambda *_, **__: base_output):
            output = self.model(
                encoder_outputs=BaseModelOutput(last_hidden_state=rows[:, :1]),
                decoder_inputs_embeds=rows.new_zeros(1, rows.shape[1], self.input_width),
                use_cache=False,
                return_dict=True,
            )
        logits: Tensor = output.logits
        return logits.reshape(*states.shape[:-1], logits.shape[-1])


@dataclass(frozen=True)
class Classifier(Architecture):
    """A sequence classifier. There is one prediction a text, so its "states" (B, 1, C) are the logits themselves.

    Attributes:
        labels: Names of the C classes.
        padding: Id of the padding token if the model leaves it out at the end of a text, else ``None``: decoders that
            classify look for the last other token, which they only can where they see ids.
    """

    labels: tuple[str, ...] = ()
    padding: int | None = None

    def states(
        self, embeddings: Tensor, attention_mask: Tensor | None = None, *, n_source: int = 0, **options: Any
    ) -> Tensor:
        """Logits of the classes, (B, 1, C)."""
        del n_source
        if self.model.config.pad_token_id is None and len(embeddings) > 1:
            # Without a padding token some classifiers refuse several texts, since they look for each one's last token.
            return torch.cat([self.states(row[None], **options) for row in embeddings])
        logits: Tensor = self._fed(
            self.model, self.embedding, embeddings, attention_mask=attention_mask, **options
        ).logits
        return logits[:, None]

    def states_by_segment(self, embeddings: Tensor, ends: list[int], *, n_source: int = 0) -> list[Tensor]:
        """One segment: classes have no order."""
        del ends
        return [self.states(embeddings, n_source=n_source)]

    def logits(self, states: Tensor) -> Tensor:
        """The states themselves."""
        return states


def close(actual: Tensor, expected: Tensor) -> bool:
    """Whether two computations of the same numbers agree, within what their precision allows."""
    if not bool(torch.isfinite(expected).all()):
        return True  # a broken checkpoint is reported where it is used, with the place of the first non-finite value
    scale = max(1.0, float(expected.abs().max()))
    tolerance = _TOLERANCE.get(expected.dtype, _HALF_TOLERANCE)
    return float((actual - expected).abs().max()) <= tolerance * scale
