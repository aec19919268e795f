"""What each token of a sequence reads as: its text in place, whole characters only.

A tokenizer's pieces are not text: byte-level pieces may hold a part of a character, SentencePiece marks spaces with its
own sign, and decoding a piece alone drops its leading space. Here the text of a token is what it adds to the decoded
sequence. A character split over several tokens is given to the first of them, and the run is reported, so that nothing
is ever shown as mojibake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

_SPACE_SIGN = "\N{LOWER ONE EIGHTH BLOCK}"  # SentencePiece's sign of a space
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# A UTF-8 character has at most four bytes, so a run that is still incomplete after four tokens never completes.
_LONGEST_RUN = 4
# Tokens of context that decoding needs to place spaces as in the whole sequence.
_CONTEXT = 4


class Segment(NamedTuple):
    """A part of a trace's tokens that is shown as a strip of its own.

    Attributes:
        name: "text", "source", "output" or "classes".
        start: Its first index.
        stop: Where the next one begins.
    """

    name: str
    start: int
    stop: int


@dataclass(frozen=True)
class Pieces:
    """The display text of T tokens.

    Attributes:
        texts: T strings; joined they are the decoded sequence. "" for the later tokens of a split character.
        fragments: Runs ``(start, length)`` of tokens that only together form one or more characters.
        special: Indices of special tokens (beginning or end of text, padding, ...).
    """

    texts: list[str]
    fragments: list[tuple[int, int]] = field(default_factory=list)
    special: list[int] = field(default_factory=list)


def pieces_of(tokenizer: PreTrainedTokenizerBase, token_ids: Sequence[int]) -> Pieces:
    r"""Text that each token adds to the sequence.

    Args:
        tokenizer: Any Hugging Face tokenizer.
        token_ids: T ids.

    Returns:
        The pieces. Bytes that form no character, as a model may generate, read as ``\xE2`` escapes.

    Example:
        >>> from ecco_widgets.models.loading import load_demo
        >>> tokenizer = load_demo().tokenizer
        >>> pieces_of(tokenizer, tokenizer(" 1, 2,")["input_ids"]).texts
        [' 1', ',', ' 2', ',']
    """
    specials = set(tokenizer.all_special_ids)
    texts: list[str] = []
    fragments: list[tuple[int, int]] = []
    special = [i for i, token in enumerate(token_ids) if token in specials]
    # Decoding needs what comes before, to place spaces; not special tokens, nor bytes of a broken character, with which
    # the next byte could merge.
    context: list[int] = []
    i = 0
    while i < len(token_ids):
        if token_ids[i] in specials:
            texts.append(str(tokenizer.convert_ids_to_tokens(int(token_ids[i]))))
            context = []
            i += 1
            continue
        length, text = _next_whole(tokenizer, context, token_ids[i : i + _LONGEST_RUN], specials)
        if text is None:
            texts.append(_escaped(tokenizer, int(token_ids[i])))
        else:
            texts.extend([text, *[""] * (length - 1)])
            context = [*context, *(int(token) for token in token_ids[i : i + length])][-_CONTEXT:]
        if length > 1:
            fragments.append((i, length))
        i += length
    return Pieces(texts=texts, fragments=fragments, special=special)


def piece_text(tokenizer: PreTrainedTokenizerBase, token: int) -> str:
    """Text of one token out of context; bytes that form no character read as escapes.

    The leading space is there where the tokenizer marks it.
    """
    text = _decode(tokenizer, [token])
    if not text.startswith(" ") and str(tokenizer.convert_ids_to_tokens(token)).startswith(_SPACE_SIGN):
        text = f" {text}"  # SentencePiece's decoders drop the space before what begins a text
    return _escaped(tokenizer, token) if _REPLACEMENT in text else text


def _next_whole(
    tokenizer: PreTrainedTokenizerBase, context: Sequence[int], ids: Sequence[int], specials: set[int]
) -> tuple[int, str | None]:
    """Length of the shortest beginning of ids that decodes to whole characters, and its text; else (1, None)."""
    before = _decode(tokenizer, context)
    for length in range(1, len(ids) + 1):
        if ids[length - 1] in specials:
            break
        added = _decode(tokenizer, [*context, *ids[:length]])[len(before) :]
        if _REPLACEMENT not in added or _is_text(tokenizer, ids[:length]):
            return length, added
        if not added.endswith(_REPLACEMENT):
            break  # what came next did not complete the character
    return 1, None


def _is_text(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> bool:
    """Whether the bytes of a run are text, so that a replacement sign in it stands for itself."""
    raw = [_raw_bytes(tokenizer, int(token)) for token in ids]
    try:
        return bool(b"".join(byte for byte in raw if byte is not None).decode("utf-8")) and None not in raw
    except UnicodeDecodeError:
        return False


def _decode(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    return str(
        tokenizer.decode(
            [int(token) for token in ids],
            skip_special_tokens=False,
            clean_up_tokenization_spaces=False,
        )
    )


def _escaped(tokenizer: PreTrainedTokenizerBase, token: int) -> str:
    """Readable form of a token whose bytes are no character: hexadecimal escapes of its bytes."""
    raw = _raw_bytes(tokenizer, token)
    if raw is None:
        return str(tokenizer.convert_ids_to_tokens(token))
    return raw.decode("utf-8", errors="backslashreplace")


def _raw_bytes(tokenizer: PreTrainedTokenizerBase, token: int) -> bytes | None:
    piece = str(tokenizer.convert_ids_to_tokens(token))
    if len(piece) == len("<0x00>") and piece.startswith("<0x"):  # SentencePiece's byte fallback
        return bytes([int(piece[3:5], 16)])
    table = _bytes_of_characters()
    return bytes(table[character] for character in piece) if all(character in table for character in piece) else None


@cache
def _bytes_of_characters() -> dict[str, int]:
    """The byte that each character stands for in byte-level BPE vocabularies (Radford et al. 2019).

    Printable bytes stand for themselves, the others are moved up from U+0100 in order.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {chr(byte): byte for byte in printable}
    others = [byte for byte in range(0x100) if byte not in set(printable)]
    table.update({chr(0x100 + n): byte for n, byte in enumerate(others)})
    return table
