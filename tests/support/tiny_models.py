"""Tiny random decoder-only models of several families, and a byte-level tokenizer for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoConfig,
    GPTNeoForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from ecco_widgets.models import LanguageModel

VOCABULARY = 320
CONTEXT = 128
_TEXTS = ["The keys to the cabinet are on the table .", " 1, 2, 3, 4, 5, 6", "one two three four five six seven"]


@cache
def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE of about 300 pieces: every text tokenises, emoji split into bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_TEXTS * 4, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|endoftext|>",
        eos_token="<|endoftext|>",
        clean_up_tokenization_spaces=False,
    )


_GATED = {
    "num_hidden_layers": 3,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": CONTEXT,
    "bos_token_id": 0,
    "eos_token_id": 0,
}

FAMILIES: dict[str, Callable[[], PreTrainedModel]] = {
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(
            n_layer=3, n_embd=32, n_head=4, vocab_size=VOCABULARY, n_positions=CONTEXT, bos_token_id=0, eos_token_id=0
        )
    ),
    "gpt_neo": lambda: GPTNeoForCausalLM(
        GPTNeoConfig(
            num_layers=4,
            attention_types=[[["global", "local"], 2]],
            window_size=6,
            hidden_size=32,
            num_heads=4,
            vocab_size=VOCABULARY,
            max_position_embeddings=CONTEXT,
            bos_token_id=0,
            eos_token_id=0,
        )
    ),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**_GATED)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**_GATED)),
    "gemma2": lambda: Gemma2ForCausalLM(Gemma2Config(**_GATED, head_dim=8, sliding_window=6)),
}


def tiny_model(family: str = "gpt2", seed: int = 0) -> PreTrainedModel:
    """A random model of one family; weights are spread enough that predictions differ between positions."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = FAMILIES[family]().eval()
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.data.normal_(0.0, 0.15)
        return model


def tiny_lm(family: str = "gpt2", seed: int = 0) -> LanguageModel:
    """A ``LanguageModel`` around ``tiny_model`` and ``tiny_tokenizer``."""
    return LanguageModel(tiny_model(family, seed), tiny_tokenizer(), name=f"tiny-{family}")
