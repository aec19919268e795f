"""Tiny random models of every family, and byte-level tokenizers for them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from tests.support.families import (
    CAUSAL,
    CLASSIFIERS,
    CONTEXT,
    DIVERSE_CAUSAL,
    FAMILIES,
    KINDS,
    LABELS,
    MASKED,
    SEQ2SEQ,
    VOCABULARY,
    WIDTH,
)

if TYPE_CHECKING:
    from ecco_widgets.models import LanguageModel

__all__ = [
    "CAUSAL",
    "CLASSIFIERS",
    "CONTEXT",
    "DIVERSE_CAUSAL",
    "FAMILIES",
    "KINDS",
    "LABELS",
    "MASKED",
    "SEQ2SEQ",
    "VOCABULARY",
    "WIDTH",
    "encoder_tokenizer",
    "padded_tokenizer",
    "seq2seq_tokenizer",
    "tiny_lm",
    "tiny_model",
    "tiny_tokenizer",
    "tokenizer_for",
]

_TEXTS = ["The keys to the cabinet are on the table .", " 1, 2, 3, 4, 5, 6", "one two three four five six seven"]
_SPREAD = 0.15


def _byte_level_bpe(special: list[str]) -> Tokenizer:
    """A byte-level BPE of about 300 pieces, the special tokens first: every text tokenises, emoji split into bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_TEXTS * 4, trainer)
    return tokenizer


@cache
def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """For decoders, as GPT-2's: no special token is added, none for padding."""
    return PreTrainedTokenizerFast(
        tokenizer_object=_byte_level_bpe(["<|endoftext|>"]),
        bos_token="<|endoftext|>",
        eos_token="<|endoftext|>",
        clean_up_tokenization_spaces=False,
    )


@cache
def padded_tokenizer() -> PreTrainedTokenizerFast:
    """For decoders that classify: as ``tiny_tokenizer``, with padding (id 1)."""
    return PreTrainedTokenizerFast(
        tokenizer_object=_byte_level_bpe(["<|endoftext|>", "[PAD]"]),
        bos_token="<|endoftext|>",
        eos_token="<|endoftext|>",
        pad_token="[PAD]",
        clean_up_tokenization_spaces=False,
    )


@cache
def encoder_tokenizer() -> PreTrainedTokenizerFast:
    """For encoders: "[CLS] text [SEP]", ids 0 and 2; padding 1, mask 3."""
    tokenizer = _byte_level_bpe(["[CLS]", "[PAD]", "[SEP]", "[MASK]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 0), ("[SEP]", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        cls_token="[CLS]",
        pad_token="[PAD]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        clean_up_tokenization_spaces=False,
    )


@cache
def seq2seq_tokenizer() -> PreTrainedTokenizerFast:
    """For encoder-decoder models: "text</s>"; padding 0, end 1, start of BART's texts 2."""
    tokenizer = _byte_level_bpe(["<pad>", "</s>", "<s>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        clean_up_tokenization_spaces=False,
    )


def tokenizer_for(family: str) -> PreTrainedTokenizerFast:
    """The tokenizer that suits a family."""
    tokens = FAMILIES[family].tokens
    if tokens == "encoder":
        return encoder_tokenizer()
    if tokens == "seq2seq":
        return seq2seq_tokenizer()
    return padded_tokenizer() if KINDS[family] == "classification" else tiny_tokenizer()


def tiny_model(family: str = "gpt2", seed: int = 0, *, n_layers: int | None = None) -> PreTrainedModel:
    """A random model of one family, its weights spread enough that predictions differ between positions.

    Norms are no identity and biases are not zero, so that leaving one out shows.

    Args:
        family: A key of ``FAMILIES``.
        seed: Of the weights.
        n_layers: Blocks (of the decoder, where there are two stacks; its encoder has one more); few by default.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = FAMILIES[family](n_layers).eval()
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.data.normal_(0.0, _SPREAD)
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.data.add_(torch.randn_like(parameter), alpha=_SPREAD)
        for name, buffer in model.named_buffers():
            if name == "final_logits_bias":  # BART's and Pegasus' bias of the logits is a buffer, zero in new models
                buffer.normal_(0.0, 1.0)
        return model


def tiny_lm(family: str = "gpt2", seed: int = 0, *, n_layers: int | None = None) -> LanguageModel:
    """A ``LanguageModel`` around ``tiny_model`` and the tokenizer that suits it."""
    from ecco_widgets.models import LanguageModel  # late: a test of a part must not need the whole

    return LanguageModel(tiny_model(family, seed, n_layers=n_layers), tokenizer_for(family), name=f"tiny-{family}")
