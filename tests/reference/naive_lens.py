"""The logit lens the obvious way: states from transformers, each family's norm and head by name, a full sort a cell.

Nothing here uses the package: of a trace only its model, token ids and number of source tokens are read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ecco_widgets.models import Trace
from tests.support.tiny_models import KINDS

_LLAMA_LIKE = (
    *("gemma2", "gemma3_text", "llama", "mistral", "mixtral", "olmo2", "phi3", "qwen2", "qwen3", "stablelm"),
    *("starcoder2", "llama_classifier"),
)
FINAL_NORM = {
    **dict.fromkeys(_LLAMA_LIKE, "model.norm"),
    "gpt2": "transformer.ln_f",
    "gpt_neo": "transformer.ln_f",
    "gptj": "transformer.ln_f",
    "gpt_neox": "gpt_neox.final_layer_norm",
    "opt": "model.decoder.final_layer_norm",
    "bloom": "transformer.ln_f",
    "falcon": "transformer.ln_f",
    "mpt": "transformer.norm_f",
    "phi": "model.final_layernorm",
    "t5": "decoder.final_layer_norm",
    "t5_v1_1": "decoder.final_layer_norm",
    "pegasus": "model.decoder.layer_norm",
    "modernbert": "model.final_norm",
    "gpt2_classifier": "transformer.ln_f",
}
"""Families that have one."""

PROJECTION = {"opt_post_norm": "model.decoder.project_out"}
"""What follows the blocks of a family without a final norm, inside the base."""


def _gemma2(model: Any, states: Tensor) -> Tensor:
    cap = model.config.final_logit_softcapping
    return cap * torch.tanh(model.lm_head(states) / cap)


def _with_bias(model: Any, states: Tensor) -> Tensor:
    return model.lm_head(states) + model.final_logits_bias[0]


def _distilbert(model: Any, states: Tensor) -> Tensor:
    hidden = nn.functional.gelu(model.vocab_transform(states))
    return model.vocab_projector(model.vocab_layer_norm(hidden))


def _last_token(model: Any, states: Tensor) -> Tensor:
    return model.score(states[-1])


HEADS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "opt_post_norm": lambda m, s: m.lm_head(m.model.decoder.project_out(s)),
    "gemma2": _gemma2,
    "t5": lambda m, s: m.lm_head(s * m.config.d_model**-0.5),
    "bart": _with_bias,
    "pegasus": _with_bias,
    "bert": lambda m, s: m.cls(s[None])[0],
    "distilbert": _distilbert,
    "albert": lambda m, s: m.predictions(s[None])[0],
    "electra": lambda m, s: m.generator_lm_head(m.generator_predictions(s)),
    "deberta_v2": lambda m, s: m.cls(s[None])[0],
    "modernbert": lambda m, s: m.decoder(m.head(s)),
    "gpt2_classifier": _last_token,
    "llama_classifier": _last_token,
    "bert_classifier": lambda m, s: m.classifier(m.bert.pooler(s[None]))[0],
    "roberta_classifier": lambda m, s: m.classifier(s[None])[0],
    "distilbert_classifier": lambda m, s: m.classifier(m.pre_classifier(s[0]).relu()),
    "deberta_v2_classifier": lambda m, s: m.classifier(m.pooler(s[None]))[0],
}
"""From normed states (R, D) to logits (R, V), of a classifier from (T, D) to (C,); ``lm_head`` where it isn't said."""


@torch.no_grad()
def naive_logits(trace: Trace, family: str, layer: int, position: int, *, final_norm: bool = True) -> Tensor:
    """Logits (V,) that the state after one block gives for one position (which may be the next token's)."""
    model, kind = trace.lm.model, KINDS[family]
    after = FINAL_NORM.get(family) or PROJECTION.get(family)
    entering: list[Tensor] = []
    handle = (
        model.get_submodule(after).register_forward_pre_hook(lambda _m, args: entering.append(args[0][0]))
        if after
        else None
    )
    inputs, row = _inputs(trace, kind, position)
    try:
        output = model(**inputs, output_hidden_states=True, return_dict=True)
    finally:
        if handle:
            handle.remove()
    states = output.decoder_hidden_states if kind == "seq2seq" else output.hidden_states
    # The last of transformers' hidden states has been through what follows the blocks.
    chosen = entering[-1] if after and layer == len(states) - 2 else states[layer + 1][0]
    if kind != "classification":
        chosen = chosen[row][None]
    logits = after_the_blocks(trace, family, chosen, final_norm=final_norm)
    return logits if kind == "classification" else logits[0]


@torch.no_grad()
def after_the_blocks(trace: Trace, family: str, states: Tensor, *, final_norm: bool = True) -> Tensor:
    """Logits (R, V) of states (R, D), of a classifier (C,) of (T, D)."""
    model: Any = trace.lm.model
    if family in FINAL_NORM and final_norm:
        states = model.get_submodule(FINAL_NORM[family])(states)
    return HEADS.get(family, lambda m, s: m.lm_head(s))(model, states)


INSIDE = {
    "gpt2": ("transformer.h", "ln_2", "mlp"),
    "gptj": ("transformer.h", "", "mlp"),
    "llama": ("model.layers", "post_attention_layernorm", "mlp"),
    "gemma2": ("model.layers", "pre_feedforward_layernorm", "post_feedforward_layernorm"),
    "t5": ("decoder.block", "layer.2.layer_norm", "layer.2.DenseReluDense"),
    "bart": ("model.decoder.layers", "fc1", "fc2"),
    "bert": ("bert.encoder.layer", "intermediate", "output.dense"),
}
"""List of blocks; in each, what takes the stream between attention and FFNN; what gives what the FFNN adds.

In GPT-J the two halves run side by side: there it is what leaves the block less what the FFNN adds.
"""


@torch.no_grad()
def naive_site(trace: Trace, family: str, site: str, position: int) -> Tensor:
    """States (L, D) at a place inside each block, for one position."""
    blocks, between, added = INSIDE[family]
    seen: dict[str, list[Tensor]] = {"between": [], "added": [], "out": []}
    handles = []
    for block in trace.lm.model.get_submodule(blocks):
        handles.append(block.register_forward_hook(lambda _m, _a, out: seen["out"].append(_first(out))))
        module = block.get_submodule(added)
        handles.append(module.register_forward_hook(lambda _m, _a, out: seen["added"].append(_first(out))))
        if between:
            module = block.get_submodule(between)
            handles.append(module.register_forward_pre_hook(lambda _m, args: seen["between"].append(args[0])))
    inputs, row = _inputs(trace, KINDS[family], position)
    trace.lm.model(**inputs)
    for handle in handles:
        handle.remove()
    added_states = torch.stack(seen["added"])[:, 0, row]
    if site == "ffn_out":
        return added_states
    return torch.stack(seen["between"])[:, 0, row] if between else torch.stack(seen["out"])[:, 0, row] - added_states


def _first(output: Any) -> Tensor:
    return output[0] if isinstance(output, tuple) else output


@torch.no_grad()
def own_logits(trace: Trace, family: str, position: int) -> Tensor:
    """The model's own logits (V,) for one position."""
    inputs, row = _inputs(trace, KINDS[family], position)
    return trace.lm.model(**inputs).logits[0 if row is None else (0, row)]


def _inputs(trace: Trace, kind: str, position: int) -> tuple[dict[str, Tensor], int | None]:
    """What the model is given, and which of its outputs predicts the position."""
    ids = torch.tensor(trace.token_ids)[None]
    if kind == "seq2seq":
        source = trace.n_source
        return {"input_ids": ids[:, :source], "decoder_input_ids": ids[:, source:]}, position - 1 - source
    if kind == "masked":
        ids[0, position] = trace.lm.tokenizer.mask_token_id
        return {"input_ids": ids}, position
    if kind == "classification":
        return {"input_ids": ids[:, : trace.n_prompt]}, None
    return {"input_ids": ids}, position - 1


def naive_rank(logits: Tensor, token: int) -> int:
    """Place of a token in the full sort, 1 is best."""
    return logits.argsort(descending=True).tolist().index(token) + 1
