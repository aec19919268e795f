"""Natural text: reads the corpus, cleans it, and keeps the end of every file from training."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["HELD_OUT_SHARE", "NaturalText", "clean", "read_corpus"]

HELD_OUT_SHARE = 0.04
"""Share of every file, counted in characters from its end, that training never sees."""

_SPACED_QUOTES = re.compile(r'(^| )" ([^"]+?) "')
_SENTENCE_END = re.compile(r"(?<=[.!?]) +(?=[A-Z\"'])")


@dataclass(frozen=True)
class NaturalText:
    """The corpus, split.

    Attributes:
        train: One cleaned text a file, without its last `HELD_OUT_SHARE`.
        held_out: The rest of each file, in the same order.
        names: The files' names.
    """

    train: tuple[str, ...]
    held_out: tuple[str, ...]
    names: tuple[str, ...]


def clean(text: str) -> str:
    """Drops what the demo model should not learn to write.

    That is: lines that credit transcribers, headings of WikiText (``= Title =``), and sentences with the mark
    ``<unk>``, which stands for words that somebody else's vocabulary lacked. WikiText's quotes lose the spaces inside
    them.

    Args:
        text: One paragraph a line.

    Returns:
        The text, one paragraph a line, without empty lines.
    """
    lines = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith(("Produced by ", "Transcribed from ", "= ")):
            continue
        if "<unk>" in stripped:
            stripped = " ".join(part for part in _SENTENCE_END.split(stripped) if "<unk>" not in part)
        if stripped:
            lines.append(_SPACED_QUOTES.sub(r'\1"\2"', re.sub(r" {2,}", " ", stripped)))
    return "\n".join(lines)


def read_corpus(folder: Path) -> NaturalText:
    """Reads every ``*.txt`` of a folder in the order of their names.

    Args:
        folder: The corpus; it is read and never copied.

    Returns:
        The split text.

    Raises:
        FileNotFoundError: The folder has no such file.
    """
    files = sorted(folder.glob("*.txt"))
    if not files:
        raise FileNotFoundError(
            f"the corpus must be a folder of .txt files, found none in {folder.resolve()}. Pass --corpus FOLDER."
        )
    train, held_out = [], []
    for file in files:
        text = clean(file.read_text(encoding="utf-8"))
        cut = text.index("\n", int(len(text) * (1 - HELD_OUT_SHARE)))
        train.append(text[:cut])
        held_out.append(text[cut + 1 :])
    return NaturalText(tuple(train), tuple(held_out), tuple(file.name for file in files))
