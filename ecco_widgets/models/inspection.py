"""Finds the parts of any language model by structure, and proves on a short input that they are the right ones.

No table of families: the kind of a model is read off what its logits depend on, its parts off what it says it is made
of (``base_model``, ``get_encoder`` ...) or what the user names, and each is accepted only if it gives the model's own
logits.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.architecture import Architecture, Classifier, EncoderDecoder, Kind, close

_LARGE_LOGIT = 300.0
# Tokens of the input on which parts are proved.
_LENGTH = 7
# What may be named by hand.
PART_NAMES = ("base", "embedding", "blocks", "final_norm", "neurons")


def inspect_model(model: PreTrainedModel, names: Mapping[str, str] | None = None) -> Architecture:
    """Find the parts of a language model and prove them on a short input.

    Args:
        model: A loaded Hugging Face model in evaluation mode.
        names: Parts named by hand, dotted names inside the model; here "base" and "embedding" count.

    Returns:
        The parts. ``cache_argument`` is "" where going through the cache does not give the same states.

    Raises:
        UnsupportedModel: If a part is missing, or head(base(embeddings)) does not equal the model's logits.
        InvalidInput: If a part named by hand is not in the model.

    Example:
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> config = GPT2Config(n_layer=2, n_embd=8, n_head=2, vocab_size=11, n_positions=16)
        >>> parts = inspect_model(GPT2LMHeadModel(config).eval())
        >>> (parts.kind, parts.n_layers, parts.width, parts.vocabulary, parts.context)
        ('causal', 2, 8, 11, 16)
    """
    names = check_part_names(model, names)
    _check_usable(model)
    embedding = _embedding(model, names)
    with torch.no_grad():
        if getattr(model.config, "is_encoder_decoder", False):
            return _encoder_decoder(model, names)
        ids = short_input(model, embedding)
        logits = _own_logits(model, ids)
        if logits.dim() == 2:
            return _classifier(model, embedding, ids, logits)
        kind: Kind = "causal" if _is_causal(model, ids, logits) else "masked"
        return _first_proved(
            partial(_language_model, model, base, embedding, kind, ids, logits, fed_by_stub=fed_by_stub)
            for base in _bases(model, names)
            for fed_by_stub in (False, True)
        )


def check_part_names(model: PreTrainedModel, names: Mapping[str, str] | None) -> dict[str, str]:
    """Parts named by hand, if the names of parts are known and the modules exist.

    Raises:
        InvalidInput: If not; the message says which parts can be named.
    """
    if names is None:
        return {}
    if not isinstance(names, Mapping):
        raise InvalidInput(
            f"parts must map names of parts to names of modules, got {names!r}.",
            hint="For example parts={'blocks': 'transformer.h'}.",
        )
    modules = dict(model.named_modules())
    for part, name in names.items():
        if part not in PART_NAMES:
            raise InvalidInput(f"no part is called {part!r}.", hint=f"Parts: {', '.join(PART_NAMES)}.")
        if part != "neurons" and name not in modules:  # those are named relative to a block
            near = ", ".join(repr(known) for known in modules if known and known.count(".") < 2)
            raise InvalidInput(
                f"parts[{part!r}]: {type(model).__name__} has no module {name!r}.", hint=f"It has, for one: {near}."
            )
    return dict(names)


def _check_usable(model: PreTrainedModel) -> None:
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


def _embedding(model: PreTrainedModel, names: Mapping[str, str]) -> nn.Module:
    if "embedding" in names:
        named: nn.Module = model.get_submodule(names["embedding"])
        return named
    embedding: nn.Module | None = model.get_input_embeddings()
    if not isinstance(embedding, nn.Module):
        raise UnsupportedModel(
            f"{type(model).__name__} has no input embedding module.",
            hint="Use a model that reads token ids, or name the module: parts={'embedding': ...}.",
        )
    return embedding


def short_input(model: PreTrainedModel, embedding: nn.Module) -> Tensor:
    """Ids (1, T) of a few different tokens, none of them padding, to prove parts on."""
    context = _context(model)
    length = min(_LENGTH, context or _LENGTH)
    weight = getattr(embedding, "weight", None)
    rows = int(weight.shape[0]) if isinstance(weight, Tensor) else model.config.get_text_config().vocab_size
    pad = getattr(model.config, "pad_token_id", None)
    usable = [token for token in range(min(rows, length + 4)) if token != pad] or [0]
    ids = [usable[(n + 1) % len(usable)] for n in range(length)]
    return torch.tensor(ids, device=_device(embedding, model))[None]


def _own_logits(model: PreTrainedModel, ids: Tensor, **more: Any) -> Tensor:
    logits = getattr(model(input_ids=ids, return_dict=True, **more), "logits", None)
    if not isinstance(logits, Tensor) or (logits.dim() == 3 and model.get_output_embeddings() is None):
        raise UnsupportedModel(
            f"{type(model).__name__} makes no logits of tokens or of classes, so there is nothing to explain.",
            hint="Load the model with its head: from_pretrained(id, task='causal', 'masked', 'seq2seq' or "
            "'classification').",
        )
    return logits


def _is_causal(model: PreTrainedModel, ids: Tensor, logits: Tensor) -> bool:
    """Whether predictions leave later tokens out: then they don't change with the last token."""
    if ids.shape[1] < 2:
        return True
    changed = ids.clone()
    changed[0, -1] = ids[0, 0] if ids[0, 0] != ids[0, -1] else ids[0, 1]
    other = _own_logits(model, changed)
    difference = float((other[:, :-1] - logits[:, :-1]).abs().max())
    return difference <= 1e-6 * max(1.0, float(logits.abs().max()))


def _bases(model: PreTrainedModel, names: Mapping[str, str]) -> list[nn.Module]:
    if "base" in names:
        return [model.get_submodule(names["base"])]
    candidates = (model.base_model, getattr(model, "get_decoder", lambda: None)())
    bases = [module for module in candidates if isinstance(module, nn.Module) and module is not model]
    if not bases:
        raise UnsupportedModel(
            f"{type(model).__name__} does not tell its base model apart from its head (no base_model_prefix).",
            hint="Name it: parts={'base': 'model'}.",
        )
    return bases


def _language_model(
    model: PreTrainedModel,
    base: nn.Module,
    embedding: nn.Module,
    kind: Kind,
    ids: Tensor,
    own: Tensor,
    *,
    fed_by_stub: bool,
) -> Architecture:
    output = base(input_ids=ids, return_dict=True)
    parts = Architecture(
        kind=kind,
        model=model,
        base=base,
        embedding=embedding,
        n_layers=_n_layers(model),
        width=int(model.config.get_text_config(decoder=True).hidden_size),
        input_width=_width_of(embedding, ids),
        vocabulary=int(own.shape[-1]),
        context=_context(model),
        cache_argument=_cache_argument(base) if kind == "causal" else "",
        base_output=type(output),
        fed_by_stub=fed_by_stub,
    )
    return _prove(parts, ids, own, 0)


def _first_proved(attempts: Iterable[Callable[[], Architecture]]) -> Architecture:
    """The first candidate that passes its proof; the first one's failure if none does."""
    failures: list[UnsupportedModel] = []
    for attempt in attempts:
        try:
            return attempt()
        except UnsupportedModel as failure:  # noqa: PERF203 - a handful, once a model
            failures.append(failure)
    raise failures[0]


def _encoder_decoder(model: PreTrainedModel, names: Mapping[str, str]) -> Architecture:
    name = type(model).__name__
    if model.get_output_embeddings() is None:
        raise UnsupportedModel(
            f"{name} is an encoder-decoder model without output embeddings (a classifier, for one); its text is read "
            "twice, so no share of a token would be complete.",
            hint="Load it with its language-model head: from_pretrained(id, task='seq2seq').",
        )
    encoder, decoder = model.get_encoder(), model.get_decoder()
    source_embedding = encoder.get_input_embeddings()
    embedding = decoder.get_input_embeddings() if "embedding" not in names else _embedding(model, names)
    ids = short_input(model, source_embedding)
    start = 3
    own = _own_logits(model, ids[:, :start], decoder_input_ids=ids[:, start:])
    config = model.config
    output = decoder(
        input_ids=ids[:, start:],
        encoder_hidden_states=encoder(input_ids=ids[:, :start], return_dict=True).last_hidden_state,
        return_dict=True,
    )
    widths = _width_of(source_embedding, ids), _width_of(embedding, ids)
    if widths[0] != widths[1]:
        raise UnsupportedModel(
            f"{name}: encoder and decoder embed tokens in different widths ({widths[0]} and {widths[1]}).",
            hint="Please report the model's class.",
        )

    def attempt(*, fed_by_stub: bool) -> Architecture:
        parts = EncoderDecoder(
            kind="seq2seq",
            model=model,
            base=decoder,
            embedding=embedding,
            n_layers=_n_layers(model),
            width=int(config.hidden_size),
            input_width=widths[1],
            vocabulary=int(own.shape[-1]),
            context=_context(model),
            base_output=type(output),
            fed_by_stub=fed_by_stub,
            encoder=encoder,
            source_embedding=source_embedding,
            source_context=_context(model),
        )
        return _prove(parts, ids, own, start)

    return _first_proved(partial(attempt, fed_by_stub=by_stub) for by_stub in (False, True))


def _classifier(model: PreTrainedModel, embedding: nn.Module, ids: Tensor, logits: Tensor) -> Architecture:
    config = model.config.get_text_config(decoder=True)
    n_classes = int(logits.shape[-1])
    names = getattr(model.config, "id2label", None) or {}
    if n_classes == 1:
        raise UnsupportedModel(
            f"{type(model).__name__} gives one number a text (a regression), not logits of classes.",
            hint="Use a classifier with at least two classes.",
        )

    def attempt(*, fed_by_stub: bool) -> Architecture:
        parts = Classifier(
            kind="classification",
            model=model,
            base=model.base_model,
            embedding=embedding,
            n_layers=_n_layers(model),
            width=int(config.hidden_size),
            input_width=_width_of(embedding, ids),
            vocabulary=n_classes,
            context=_context(model),
            fed_by_stub=fed_by_stub,
            labels=tuple(str(names.get(c, c)) for c in range(n_classes)),
            padding=_padding_left_out(model, ids),
        )
        actual = parts.states(embedding(ids))[:, 0]
        if not close(actual, logits):
            raise _proof_failed(parts, actual, logits)
        return parts

    return _first_proved(partial(attempt, fed_by_stub=by_stub) for by_stub in (False, True))


def _padding_left_out(model: PreTrainedModel, ids: Tensor) -> int | None:
    """Id of the padding token if one more at the end changes nothing."""
    pad = model.config.pad_token_id
    if pad is None:
        return None
    padded = torch.cat([ids[:, :-1], torch.full_like(ids[:, :1], pad)], dim=1)  # no longer than the context
    return int(pad) if close(_own_logits(model, padded), _own_logits(model, ids[:, :-1])) else None


def _width_of(embedding: nn.Module, ids: Tensor) -> int:
    return int(embedding(ids[:, :1]).shape[-1])


def _device(embedding: nn.Module, model: PreTrainedModel) -> torch.device:
    return next((p.device for p in embedding.parameters()), model.device)


def _n_layers(model: PreTrainedModel) -> int:
    """What the configuration says; the blocks, once found, are counted."""
    config = model.config
    for name in ("num_decoder_layers", "decoder_layers"):
        if getattr(config, "is_encoder_decoder", False) and isinstance(getattr(config, name, None), int):
            return int(getattr(config, name))
    return int(config.get_text_config(decoder=True).num_hidden_layers)


def _context(model: PreTrainedModel) -> int | None:
    """Longest sequence: learned positions or what the config states; relative positions state none."""
    config = model.config.get_text_config(decoder=True)
    stated = [getattr(config, n, None) for n in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")]
    context = next((value for value in stated if isinstance(value, int) and value > 0), None)
    for module in model.modules():
        # RoBERTa counts positions from the one after its padding's, so its table has entries for no token.
        if isinstance(module, nn.Embedding) and module.num_embeddings == context and module.padding_idx is not None:
            return context - module.padding_idx - 1
    return context


def _cache_argument(base: nn.Module) -> str:
    parameters = inspect.signature(base.forward).parameters
    # transformers renamed the argument; both names are in use across the versions we accept.
    return next((name for name in ("cache", "past_key_values") if name in parameters), "")


def _prove(parts: Architecture, ids: Tensor, own: Tensor, n_source: int) -> Architecture:
    embeddings = parts.embed(ids, n_source)
    states = parts.states(embeddings, n_source=n_source)
    actual = parts.logits(states)
    if not close(actual, own):
        raise _proof_failed(parts, actual, own)
    if parts.cache_argument and ids.shape[1] > 2:
        split = torch.cat(parts.states_by_segment(embeddings, [2, ids.shape[1]]), dim=1)
        if not close(split, states):
            parts = replace(parts, cache_argument="")
    return replace(parts, affine_head=_is_affine(parts, states, actual))


def _proof_failed(parts: Architecture, actual: Tensor, own: Tensor) -> UnsupportedModel:
    return UnsupportedModel(
        f"{type(parts.model).__name__}: logits recomputed from input embeddings and last hidden states differ from the "
        f"model's own (largest difference {float((actual - own).abs().max()):.3g}).",
        hint="Embedding or base may be others than was found: name them, e.g. parts={'embedding': "
        "'transformer.wte', 'base': 'transformer'}. If that does not help, please report the model's class.",
    )


def _is_affine(parts: Architecture, states: Tensor, logits: Tensor) -> bool:
    output = parts.model.get_output_embeddings()
    # Exactly Linear: a quantised layer has no usable weight, and an adapter's output is more than its weight's.
    if type(output) is not nn.Linear or output.in_features != states.shape[-1]:
        return False
    # A bias that is added after the output embeddings is lost among large logits: look where there is nothing else.
    nothing = torch.zeros_like(states[:, :1])
    if not torch.allclose(parts.logits(nothing), output(nothing), atol=1e-6):
        return False
    # A soft cap is nearly linear for small logits: look where they are large.
    large = states * (_LARGE_LOGIT / logits.abs().max().clamp_min(torch.finfo(logits.dtype).tiny))
    return close(parts.logits(large), output(large))
