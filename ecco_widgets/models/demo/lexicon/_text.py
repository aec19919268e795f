"""Reads word lists written as text."""

from __future__ import annotations

__all__ = ["items", "words"]


def words(text: str) -> tuple[str, ...]:
    """The words of a text, each once, in their order.

    Example:
        >>> words("key door key")
        ('key', 'door')
    """
    return tuple(dict.fromkeys(text.split()))


def items(text: str) -> tuple[str, ...]:
    """What stands between commas, over line breaks.

    Example:
        >>> items("Malta, New Zealand")
        ('Malta', 'New Zealand')
    """
    return tuple(" ".join(part.split()) for part in text.split(","))
