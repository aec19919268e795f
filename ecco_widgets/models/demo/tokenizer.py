"""The demo model's tokenizer: byte-level BPE, trained so that numbers, years, countries and names are single tokens."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from ecco_widgets.models.demo import patterns
from ecco_widgets.models.demo.lexicon.facts import AIRPORTS, CAPITALS, LANDMARKS
from ecco_widgets.models.demo.lexicon.nouns import NOUNS, UNSEEN_NOUNS, VERBS
from ecco_widgets.models.demo.lexicon.people import FIRST_NAMES, SURNAMES
from ecco_widgets.models.demo.lexicon.places import CITIES, COUNTRIES, OTHER_LISTS

__all__ = ["END_OF_TEXT", "train_tokenizer"]

END_OF_TEXT = "<|endoftext|>"
_BOOST = 1500
"""How often a word that should be one token is shown besides the text: more often than the rarest merges occur."""


def _single_tokens() -> Iterator[str]:
    """Words that figures show as one token, with the space that belongs to them."""
    yield from (f" {number}" for number in range(201))
    yield from (f" {year}" for year in range(1800, 2011))
    yield from (str(number) for number in range(101))
    for items in (
        *COUNTRIES.values(),
        *CITIES.values(),
        *OTHER_LISTS.values(),
        CAPITALS.values(),
        AIRPORTS.values(),
        LANDMARKS.values(),
    ):
        yield from (f" {word}" for item in items for word in item.split())
    for name in (*FIRST_NAMES, *SURNAMES):
        yield f" {name}"
    yield from FIRST_NAMES
    for nouns in (NOUNS, UNSEEN_NOUNS):
        yield from (f" {noun}" for pair in nouns.items() for noun in pair)
    yield from (f" {form}" for pair in VERBS.values() for form in pair)


def _texts(natural: Sequence[str], seed: int) -> Iterator[str]:
    yield from natural
    rng = random.Random(seed)
    yield from (patterns.document(rng) for _ in range(20_000))
    for word in dict.fromkeys(_single_tokens()):
        # The full stop keeps a word without its own space from merging with the copy before it.
        yield (word + ".") * _BOOST


def train_tokenizer(natural: Sequence[str], vocabulary: int, seed: int) -> PreTrainedTokenizerFast:
    """Trains the tokenizer on the training text, generated documents and a list of words that should be single tokens.

    Args:
        natural: Training texts (never the held-out ones).
        vocabulary: Number of tokens, the end-of-text token included.
        seed: Seed of the generated documents.

    Returns:
        A tokenizer that writes and reads ``tokenizer.json``; it adds no token of its own to a text.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(natural, seed), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TEXT,
        unk_token=END_OF_TEXT,
        clean_up_tokenization_spaces=False,
        model_max_length=512,
    )
