"""Finds the parts of a causal language model by structure, and proves that they are the right ones.

A causal language model is split in two: a *base* that turns embeddings into last hidden states, and a *head* that turns
a hidden state into logits. The head is the model's own forward pass with the base replaced, for one call, by a stub
that returns given states. So whatever a family does after its last norm (bias, scaling, soft cap, another projection)
is included without being named here.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from ecco_widgets.errors import UnsupportedModel
from ecco_widgets.models.patching import forward_replaced

# A proof compares two float32 computations of the same logits; half precision is compared more loosely.
_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-6}
_HALF_TOLERANCE = 5e-2
_LARGE_LOGIT = 300.0


@dataclass(frozen=True)
class Architecture:
    """The parts of one causal language model.

    Attributes:
        model: The whole model.
        base: The part from embeddings to last hidden states (after the final norm).
        embedding: The input embedding; its output for token i is x_i of an attribution.
        n_layers: L, number of blocks.
        width: D, width of the hidden states.
        vocabulary: V, number of logits.
        context: Longest sequence the model takes, or ``None`` if it states no limit.
        cache_argument: Name under which the base takes the keys and values of earlier tokens, "" if it takes none.
        base_output: Class of what the base returns.
        affine_head: Whether the output embeddings alone, with their bias, make the logits (no soft cap, for one).
    """

    model: PreTrainedModel
    base: nn.Module
    embedding: nn.Module
    n_layers: int
    width: int
    vocabulary: int
    context: int | None
    cache_argument: str
    base_output: type[ModelOutput]
    affine_head: bool = False

    @property
    def unembedding(self) -> Tensor | None:
        """Weights (V, D) of an affine head, so that the gradient of a logit is one of their rows; else ``None``."""
        output = self.model.get_output_embeddings()
        # Looked at each time: an adapter may have been put around it since.
        return output.weight.detach() if self.affine_head and type(output) is nn.Linear else None

    def embed(self, token_ids: Tensor) -> Tensor:
        """Input embeddings (..., T, D) of token ids (..., T), detached."""
        with torch.no_grad():
            output: Tensor = self.embedding(token_ids)
        return output.detach()

    def states(self, embeddings: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Last hidden states (B, T, D) of input embeddings (B, T, D); grad mode is the caller's."""
        output = self.base(inputs_embeds=embeddings, attention_mask=attention_mask, use_cache=False, return_dict=True)
        states: Tensor = output.last_hidden_state
        return states

    def states_by_segment(self, embeddings: Tensor, ends: list[int]) -> list[Tensor]:
        """Last hidden states, computed segment after segment through the cache of keys and values.

        Equal to ``states`` cut at ``ends``, but as separate nodes of the autograd graph: the gradient of a state in one
        segment never visits later segments, nor the last block of earlier ones beyond their keys and values.

        Args:
            embeddings: Shape (1, T, D).
            ends: Ascending ends of the segments; the last is T.

        Returns:
            One tensor (1, segment, D) for each segment.
        """
        if not self.cache_argument or len(ends) == 1:
            return list(torch.tensor_split(self.states(embeddings), ends[:-1], dim=1))
        cache: Any = None
        pieces: list[Tensor] = []
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            output = self.base(
                inputs_embeds=embeddings[:, start:end],
                use_cache=True,
                return_dict=True,
                **({} if cache is None else {self.cache_argument: cache}),
            )
            cache = getattr(output, self.cache_argument)
            pieces.append(output.last_hidden_state)
        return pieces

    def logits(self, states: Tensor) -> Tensor:
        """Logits (..., V) of last hidden states (..., D), through everything the model does after its base."""
        rows = states.reshape(1, -1, states.shape[-1])
        base_output = self.base_output(last_hidden_state=rows)
        with forward_replaced(self.base, lambda *_, **__: base_output):
            output = self.model(inputs_embeds=rows, use_cache=False, return_dict=True)
        logits: Tensor = output.logits
        return logits.reshape(*states.shape[:-1], logits.shape[-1])


def inspect_model(model: PreTrainedModel) -> Architecture:
    """Find the parts of a causal language model and prove them on a short input.

    Args:
        model: A loaded Hugging Face causal language model in evaluation mode.

    Returns:
        The parts. ``cache_argument`` is "" where going through the cache does not give the same states.

    Raises:
        UnsupportedModel: If a part is missing, or head(base(embeddings)) does not equal the model's logits.

    Example:
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> config = GPT2Config(n_layer=2, n_embd=8, n_head=2, vocab_size=11, n_positions=16)
        >>> parts = inspect_model(GPT2LMHeadModel(config).eval())
        >>> (parts.n_layers, parts.width, parts.vocabulary, parts.context)
        (2, 8, 11, 16)
    """
    name = type(model).__name__
    if model.device.type == "meta" and not hasattr(model, "hf_device_map"):  # accelerate fetches offloaded weights
        raise UnsupportedModel(
            f"{name} is on the meta device, where parameters hold no numbers.", hint="Load it with its weights."
        )
    if any(parameter.is_inference() for parameter in model.parameters()):
        raise UnsupportedModel(
            f"{name} was loaded inside torch.inference_mode(), so no gradient can be taken through it.",
            hint="Load it outside.",
        )
    embedding = model.get_input_embeddings()
    if not isinstance(embedding, nn.Module):
        raise UnsupportedModel(f"{name} has no input embedding module.", hint="Use a model that reads token ids.")
    if model.get_output_embeddings() is None:
        raise UnsupportedModel(
            f"{name} has no output embeddings, so it makes no next-token logits.",
            hint="Load a causal language model, e.g. with AutoModelForCausalLM.",
        )
    config = model.config.get_text_config(decoder=True)
    if getattr(model.config, "is_encoder_decoder", False):
        raise UnsupportedModel(
            f"{name} is an encoder-decoder model; this version explains decoder-only models.",
            hint="Load a causal language model such as GPT-2, Llama, Qwen or Gemma.",
        )
    base = _find_base(model)
    candidate = Architecture(
        model=model,
        base=base,
        embedding=embedding,
        n_layers=int(config.num_hidden_layers),
        width=int(config.hidden_size),
        vocabulary=int(config.vocab_size),
        context=_context(config),
        cache_argument=_cache_argument(base),
        base_output=_base_output(base, embedding, model.device),
    )
    return _prove(candidate)


def _find_base(model: PreTrainedModel) -> nn.Module:
    for candidate in (model.base_model, getattr(model, "get_decoder", lambda: None)()):
        if isinstance(candidate, nn.Module) and candidate is not model:
            return candidate
    raise UnsupportedModel(
        f"{type(model).__name__} does not tell its base model apart from its head (no base_model_prefix).",
        hint="Load it through AutoModelForCausalLM.",
    )


def _context(config: Any) -> int | None:
    """Longest sequence: learned positions or what the config states; relative positions state none."""
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"):
        value = getattr(config, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return None


@torch.no_grad()
def _base_output(base: nn.Module, embedding: nn.Module, device: torch.device) -> type[ModelOutput]:
    output = base(inputs_embeds=embedding(torch.zeros(1, 1, dtype=torch.long, device=device)), return_dict=True)
    return type(output)


def _cache_argument(base: nn.Module) -> str:
    parameters = inspect.signature(base.forward).parameters
    # transformers renamed the argument; both names are in use across the versions we accept.
    return next((name for name in ("cache", "past_key_values") if name in parameters), "")


@torch.no_grad()
def _prove(parts: Architecture) -> Architecture:
    name = type(parts.model).__name__
    device = parts.model.device
    length = min(7, parts.context or 7)
    ids = torch.arange(length, device=device)[None] % parts.vocabulary
    expected = parts.model(input_ids=ids, use_cache=False, return_dict=True).logits
    embeddings = parts.embed(ids)
    states = parts.states(embeddings)
    actual = parts.logits(states)
    if not close(actual, expected):
        raise UnsupportedModel(
            f"{name}: logits recomputed from input embeddings and last hidden states differ from the model's own "
            f"(largest difference {float((actual - expected).abs().max()):.3g}).",
            hint="This family does something between its base and its logits that could not be isolated; "
            "please report it.",
        )
    if parts.cache_argument and length > 2:
        split = torch.cat(parts.states_by_segment(embeddings, [2, length]), dim=1)
        if not close(split, states):
            parts = replace(parts, cache_argument="")
    return replace(parts, affine_head=_is_affine(parts, states, actual))


def _is_affine(parts: Architecture, states: Tensor, logits: Tensor) -> bool:
    output = parts.model.get_output_embeddings()
    # Exactly Linear: a quantised layer has no usable weight, and an adapter's output is more than its weight's.
    if type(output) is not nn.Linear or output.in_features != states.shape[-1]:
        return False
    # A soft cap is nearly linear for small logits: look where they are large.
    large = states * (_LARGE_LOGIT / logits.abs().max().clamp_min(torch.finfo(logits.dtype).tiny))
    return close(parts.logits(large), output(large))


def close(actual: Tensor, expected: Tensor) -> bool:
    """Whether two computations of the same numbers agree, within what their precision allows."""
    if not bool(torch.isfinite(expected).all()):
        return True  # a broken checkpoint is reported where it is used, with the place of the first non-finite value
    scale = max(1.0, float(expected.abs().max()))
    tolerance = _TOLERANCE.get(expected.dtype, _HALF_TOLERANCE)
    return float((actual - expected).abs().max()) <= tolerance * scale
