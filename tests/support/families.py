"""Configurations of tiny random models: every family of Hugging Face models that the tests cover.

Each entry builds a model of width 32 with a given number of layers, from classes of transformers only. Weights are as
transformers initialises them; ``tiny_models.tiny_model`` spreads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import transformers as hf
from torch import nn
from transformers import PreTrainedModel

VOCABULARY = 320
CONTEXT = 128
WIDTH = 32
LABELS = ("negative", "neutral", "positive")

# Ids of the tokenizers in ``tiny_models``.
_CAUSAL_IDS = {"bos_token_id": 0, "eos_token_id": 0}
_ENCODER_IDS = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
_SEQ2SEQ_IDS = {"pad_token_id": 0, "eos_token_id": 1}


@dataclass(frozen=True)
class Family:
    """One family of models.

    Attributes:
        kind: "causal", "masked", "seq2seq" or "classification".
        model: Class of the model, a name in transformers.
        config: Class of its configuration, likewise.
        settings: The configuration for a number of layers.
        n_layers: Layers by default.
        tokens: Which tokenizer suits it: "causal", "encoder" or "seq2seq".
        untied: Whether to part the unembedding from the embedding though the configuration ties them.
    """

    kind: str
    model: str
    config: str
    settings: Callable[[int], dict[str, Any]]
    n_layers: int = 3
    tokens: str = "causal"
    untied: bool = False

    def __call__(self, n_layers: int | None = None) -> PreTrainedModel:
        """A new model in training mode, as transformers makes it."""
        config = getattr(hf, self.config)(**self.settings(self.n_layers if n_layers is None else n_layers))
        model: PreTrainedModel = getattr(hf, self.model)(config)
        if self.untied:
            head = model.get_output_embeddings()
            head.weight = nn.Parameter(head.weight.detach().clone())
        return model

    def classifier(self, model: str, **more: Any) -> Family:
        """The sequence classifier of three labels built on this family."""
        labels = {
            "id2label": dict(enumerate(LABELS)),
            "label2id": {label: c for c, label in enumerate(LABELS)},
        }

        def settings(n_layers: int) -> dict[str, Any]:
            return self.settings(n_layers) | labels | more

        return Family("classification", model, self.config, settings, self.n_layers, self.tokens)


def _causal(model: str, config: str, n_layers: int = 3, **settings: Any) -> Family:
    return Family("causal", model, config, lambda n: {**_CAUSAL_IDS, **_gpt_names(config, n), **settings}, n_layers)


def _gpt_names(config: str, n: int) -> dict[str, Any]:
    """Size of a model, under the names that its configuration uses."""
    if config in ("GPT2Config", "GPTJConfig"):
        return {"n_layer": n, "n_embd": WIDTH, "n_head": 4, "vocab_size": VOCABULARY, "n_positions": CONTEXT}
    if config == "MptConfig":
        return {"n_layers": n, "d_model": WIDTH, "n_heads": 4, "vocab_size": VOCABULARY, "max_seq_len": CONTEXT}
    if config == "BloomConfig":  # relative positions: no longest sequence
        return {"n_layer": n, "hidden_size": WIDTH, "n_head": 4, "vocab_size": VOCABULARY}
    return {
        "num_hidden_layers": n,
        "hidden_size": WIDTH,
        "num_attention_heads": 4,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": CONTEXT,
    }


_GATED = {"intermediate_size": 48, "num_key_value_heads": 2}
_PLAIN = {"intermediate_size": 64}


def _gpt_neo(n: int) -> dict[str, Any]:
    attention = [[["global", "local"], n // 2]] + ([[["global"], 1]] if n % 2 else [])
    return {
        "num_layers": n,
        "attention_types": attention,
        "window_size": 6,
        "hidden_size": WIDTH,
        "num_heads": 4,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": CONTEXT,
        **_CAUSAL_IDS,
    }


def _gemma3(n: int) -> dict[str, Any]:
    return {
        **_CAUSAL_IDS,
        **_gpt_names("Gemma3TextConfig", n),
        **_GATED,
        "head_dim": 8,
        "query_pre_attn_scalar": 8,
        "sliding_window": 6,
        "layer_types": [("full_attention", "sliding_attention")[i % 2] for i in range(n)],
        "pad_token_id": None,
    }


_OPT = {"ffn_dim": 64, "pad_token_id": 1}
_CAUSAL_FAMILIES: dict[str, Family] = {
    "gpt2": _causal("GPT2LMHeadModel", "GPT2Config"),
    "gpt_neo": Family("causal", "GPTNeoForCausalLM", "GPTNeoConfig", _gpt_neo, n_layers=4),
    "gptj": _causal("GPTJForCausalLM", "GPTJConfig", rotary_dim=4),
    "gpt_neox": _causal("GPTNeoXForCausalLM", "GPTNeoXConfig", **_PLAIN),
    "opt": _causal("OPTForCausalLM", "OPTConfig", **_OPT, word_embed_proj_dim=WIDTH),
    # As OPT-350m: narrower embeddings, norms after each half of a block, none at the end.
    "opt_post_norm": _causal("OPTForCausalLM", "OPTConfig", **_OPT, word_embed_proj_dim=16, do_layer_norm_before=False),
    "bloom": _causal("BloomForCausalLM", "BloomConfig"),
    "llama": _causal("LlamaForCausalLM", "LlamaConfig", **_GATED),
    "mistral": _causal("MistralForCausalLM", "MistralConfig", **_GATED, head_dim=8, sliding_window=6),
    "mixtral": _causal("MixtralForCausalLM", "MixtralConfig", **_GATED, num_local_experts=4, num_experts_per_tok=2),
    "qwen2": _causal("Qwen2ForCausalLM", "Qwen2Config", **_GATED),
    "qwen3": _causal("Qwen3ForCausalLM", "Qwen3Config", **_GATED, head_dim=8),
    "gemma2": _causal("Gemma2ForCausalLM", "Gemma2Config", **_GATED, head_dim=8, sliding_window=6),
    "gemma3_text": Family("causal", "Gemma3ForCausalLM", "Gemma3TextConfig", _gemma3),
    "phi": _causal("PhiForCausalLM", "PhiConfig", **_PLAIN),
    "phi3": _causal("Phi3ForCausalLM", "Phi3Config", **_GATED, pad_token_id=None),
    "falcon": _causal("FalconForCausalLM", "FalconConfig"),
    "mpt": _causal("MptForCausalLM", "MptConfig"),
    "olmo2": _causal("Olmo2ForCausalLM", "Olmo2Config", **_GATED, pad_token_id=None),
    "stablelm": _causal("StableLmForCausalLM", "StableLmConfig", **_GATED),
    "starcoder2": _causal("Starcoder2ForCausalLM", "Starcoder2Config", **_GATED),
}


def _t5(n: int) -> dict[str, Any]:
    return {
        "d_model": WIDTH,
        "d_kv": 8,
        "d_ff": 64,
        "num_layers": n + 1,  # encoder and decoder differ, so that mixing them up shows
        "num_decoder_layers": n,
        "num_heads": 4,
        "relative_attention_num_buckets": 8,
        "relative_attention_max_distance": 16,
        "vocab_size": VOCABULARY,
        "decoder_start_token_id": 0,
        **_SEQ2SEQ_IDS,
    }


def _t5_v1_1(n: int) -> dict[str, Any]:
    # "Untied" only switches the scaling of the decoder's states off; transformers parts the weights when it loads both.
    return _t5(n) | {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}


def _bart(n: int) -> dict[str, Any]:
    return {
        "d_model": WIDTH,
        "encoder_layers": n + 1,
        "decoder_layers": n,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "encoder_ffn_dim": 48,
        "decoder_ffn_dim": 64,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": CONTEXT,
        "bos_token_id": 2,
        "decoder_start_token_id": 1,
        "forced_eos_token_id": None,  # it would hide what the model predicts at the end
        **_SEQ2SEQ_IDS,
    }


def _pegasus(n: int) -> dict[str, Any]:
    return _bart(n) | {"scale_embedding": True, "decoder_start_token_id": 0, "bos_token_id": None}


def _seq2seq(model: str, config: str, settings: Callable[[int], dict[str, Any]], *, untied: bool = False) -> Family:
    return Family("seq2seq", model, config, settings, n_layers=2, tokens="seq2seq", untied=untied)


_SEQ2SEQ_FAMILIES: dict[str, Family] = {
    "t5": _seq2seq("T5ForConditionalGeneration", "T5Config", _t5),
    "t5_v1_1": _seq2seq("T5ForConditionalGeneration", "T5Config", _t5_v1_1, untied=True),
    "bart": _seq2seq("BartForConditionalGeneration", "BartConfig", _bart),
    "pegasus": _seq2seq("PegasusForConditionalGeneration", "PegasusConfig", _pegasus),
}


def _masked(model: str, config: str, positions: int = CONTEXT, **settings: Any) -> Family:
    def of_layers(n: int) -> dict[str, Any]:
        if config == "DistilBertConfig":
            size = {
                "n_layers": n,
                "dim": WIDTH,
                "n_heads": 4,
                "hidden_dim": 64,
                "vocab_size": VOCABULARY,
                "max_position_embeddings": positions,
            }
        else:
            size = _gpt_names(config, n) | _PLAIN | {"max_position_embeddings": positions}
        return {**_ENCODER_IDS, **size, **settings}

    return Family("masked", model, config, of_layers, tokens="encoder")


def _modernbert(n: int) -> dict[str, Any]:
    return {
        **_ENCODER_IDS,
        **_gpt_names("ModernBertConfig", n),
        "intermediate_size": 48,
        "local_attention": 8,
        "layer_types": [("full_attention", "sliding_attention")[i % 2] for i in range(n)],
        "cls_token_id": 0,
        "sep_token_id": 2,
    }


_DEBERTA = {
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "position_buckets": 8,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "max_relative_positions": -1,
}
_MASKED_FAMILIES: dict[str, Family] = {
    "bert": _masked("BertForMaskedLM", "BertConfig"),
    "roberta": _masked("RobertaForMaskedLM", "RobertaConfig", CONTEXT + 2),  # positions begin after the padding's id
    "distilbert": _masked("DistilBertForMaskedLM", "DistilBertConfig"),
    # Narrower embeddings, and one block that runs n_layers times.
    "albert": _masked("AlbertForMaskedLM", "AlbertConfig", embedding_size=16),
    "electra": _masked("ElectraForMaskedLM", "ElectraConfig", embedding_size=16),
    "deberta_v2": _masked("DebertaV2ForMaskedLM", "DebertaV2Config", **_DEBERTA),
    "modernbert": Family("masked", "ModernBertForMaskedLM", "ModernBertConfig", _modernbert, tokens="encoder"),
}

# Decoders classify by the state of the last token that is no padding, so theirs need a padding token.
_PADDED = {"pad_token_id": 1}
_CLASSIFIERS: dict[str, Family] = {
    "gpt2_classifier": _CAUSAL_FAMILIES["gpt2"].classifier("GPT2ForSequenceClassification", **_PADDED),
    "llama_classifier": _CAUSAL_FAMILIES["llama"].classifier("LlamaForSequenceClassification", **_PADDED),
    "bert_classifier": _MASKED_FAMILIES["bert"].classifier("BertForSequenceClassification"),
    "roberta_classifier": _MASKED_FAMILIES["roberta"].classifier("RobertaForSequenceClassification"),
    "distilbert_classifier": _MASKED_FAMILIES["distilbert"].classifier("DistilBertForSequenceClassification"),
    "deberta_v2_classifier": _MASKED_FAMILIES["deberta_v2"].classifier("DebertaV2ForSequenceClassification"),
    "bart_classifier": _SEQ2SEQ_FAMILIES["bart"].classifier("BartForSequenceClassification"),
    "t5_classifier": _SEQ2SEQ_FAMILIES["t5"].classifier("T5ForSequenceClassification"),
}

FAMILIES: Mapping[str, Family] = MappingProxyType(
    _CAUSAL_FAMILIES | _SEQ2SEQ_FAMILIES | _MASKED_FAMILIES | _CLASSIFIERS
)
KINDS: Mapping[str, str] = MappingProxyType({name: family.kind for name, family in FAMILIES.items()})
CAUSAL = tuple(_CAUSAL_FAMILIES)
SEQ2SEQ = tuple(_SEQ2SEQ_FAMILIES)
MASKED = tuple(_MASKED_FAMILIES)
CLASSIFIERS = tuple(_CLASSIFIERS)
# One of each way in which decoders differ where attributions and the lens can tell: learned or rotary positions, local
# attention, gated FFNN, soft cap. For tests that would take long on all.
DIVERSE_CAUSAL = ("gpt2", "gpt_neo", "llama", "qwen2", "gemma2")
