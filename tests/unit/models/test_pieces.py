"""Token texts read as text: in place, whole characters, nothing stripped."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from ecco_widgets.models.pieces import piece_text, pieces_of
from tests.support.tiny_models import tiny_tokenizer


def encode(text: str) -> list[int]:
    return tiny_tokenizer()(text)["input_ids"]


@pytest.mark.parametrize(
    "text",
    [
        "The keys to the cabinet",
        "  two spaces, a\ttab\nand a newline\n\n",
        "naïve café — “quotes”",
        "日本語のテキスト",
        "👩‍👩‍👧‍👦 and 🎉",
        "#### heading #1",
        "<script>alert('x')</script> & <b>",
        "\N{REPLACEMENT CHARACTER} literal",
        "é" * 20,
    ],
)
def test_joined_pieces_are_the_text(text: str) -> None:
    pieces = pieces_of(tiny_tokenizer(), encode(text))
    assert "".join(pieces.texts) == text
    assert len(pieces.texts) == len(encode(text))


def test_a_character_split_over_tokens_is_whole_in_the_first_and_reported() -> None:
    ids = encode("a🎉b")
    pieces = pieces_of(tiny_tokenizer(), ids)
    assert len(ids) == 6
    assert pieces.texts == ["a", "🎉", "", "", "", "b"]
    assert pieces.fragments == [(1, 4)]


def test_bytes_that_form_no_character_read_as_escapes_not_as_mojibake() -> None:
    ids = encode("🎉")
    broken = [*ids[:2], *encode("x")]
    pieces = pieces_of(tiny_tokenizer(), broken)
    assert pieces.texts == ["\\xf0", "\\x9f", "x"]
    assert pieces.fragments == []


def test_special_tokens_are_named_and_marked() -> None:
    pieces = pieces_of(tiny_tokenizer(), [0, *encode("one"), 0])
    assert pieces.texts[0] == pieces.texts[-1] == "<|endoftext|>"
    assert pieces.special == [0, len(pieces.texts) - 1]


def test_a_split_character_never_reaches_over_a_special_token() -> None:
    ids = encode("🎉")
    pieces = pieces_of(tiny_tokenizer(), [ids[0], 0, *ids])
    assert pieces.texts == ["\\xf0", "<|endoftext|>", "🎉", "", "", ""]


def sentencepiece_like() -> PreTrainedTokenizerFast:
    """Spaces as a sign of their own and byte fallback, as in Llama 2 or Gemma."""
    words = ["▁The", "▁keys", "▁to", "s", "▁"]
    vocabulary = {"<s>": 0, "</s>": 1, "<unk>": 2, **{word: i + 3 for i, word in enumerate(words)}}
    vocabulary |= {f"<0x{byte:02X}>": len(vocabulary) + byte for byte in range(256)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def test_sentencepiece_spaces_stay_with_their_token() -> None:
    tokenizer = sentencepiece_like()
    ids = [tokenizer.convert_tokens_to_ids(word) for word in ("▁The", "▁keys", "▁to")]
    assert pieces_of(tokenizer, ids).texts == ["The", " keys", " to"]


def test_a_sentencepiece_token_alone_keeps_its_space() -> None:
    tokenizer = sentencepiece_like()
    texts = [piece_text(tokenizer, tokenizer.convert_tokens_to_ids(word)) for word in ("▁The", "s", "▁")]
    assert texts == [" The", "s", " "]


def test_sentencepiece_byte_fallback_forms_characters_and_escapes_the_rest() -> None:
    tokenizer = sentencepiece_like()
    byte = {b: tokenizer.convert_tokens_to_ids(f"<0x{b:02X}>") for b in "é".encode()}
    ids = [tokenizer.convert_tokens_to_ids("▁The"), *byte.values()]
    pieces = pieces_of(tokenizer, ids)
    assert pieces.texts == ["The", "é", ""]
    assert pieces.fragments == [(1, 2)]
    alone = pieces_of(tokenizer, [ids[0], ids[1], tokenizer.convert_tokens_to_ids("▁keys")])
    assert alone.texts == ["The", "\\xc3", " keys"]


def test_no_tokens_make_no_pieces() -> None:
    assert pieces_of(tiny_tokenizer(), []).texts == []
