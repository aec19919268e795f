"""Decides by content which instances of a pattern are kept from training, and what a test instance looks like."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

__all__ = ["Probe", "is_held_out"]


@dataclass(frozen=True)
class Probe:
    """One test instance: a prompt and what must follow it.

    Attributes:
        task: Name of the accuracy it counts towards.
        prompt: Text given to the model, from the start of a document.
        answer: Text that must follow. Without a foil each of its tokens has to be the model's first choice.
        foil: Where given, the answer has to be likelier than this text; other continuations do not matter.
    """

    task: str
    prompt: str
    answer: str
    foil: str | None = None


def is_held_out(*content: object, one_in: int = 8) -> bool:
    """Says whether the instance with this content is kept from training.

    The answer depends on the content alone, so no seed, run or order of generation can let a held-out instance slip
    into the training data.

    Args:
        content: What identifies the instance; anything with a stable `repr`.
        one_in: One of so many instances is held out.

    Returns:
        True for about one in `one_in` contents.

    Example:
        >>> is_held_out("births", "Nobody", 3) == is_held_out("births", "Nobody", 3)
        True
    """
    digest = hashlib.blake2b(repr(content).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % one_in == 0
