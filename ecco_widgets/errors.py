"""Errors a user can meet: each says what was expected, what was given and how to fix it.

Every error carries a machine-readable ``kind`` and an optional ``hint`` so that it can travel to a front end as data
(see ``live.messages``) and be shown there the way it reads in Python.
"""

from __future__ import annotations

from typing import ClassVar


class EccoError(Exception):
    """Base of all errors raised on purpose by this package.

    Args:
        message: What was expected and what was given.
        hint: How to fix it; appended to the message in Python, shown apart in a widget.

    Example:
        >>> str(EccoError("text is empty.", hint="Pass at least one character."))
        'text is empty. Pass at least one character.'
    """

    kind: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message} {hint}".strip())


class InvalidInput(EccoError, ValueError):
    """An argument, trait or message has a value that cannot be used."""

    kind: ClassVar[str] = "invalid_input"


class TextTooLong(InvalidInput):
    """The text has more tokens than the model's context."""

    kind: ClassVar[str] = "text_too_long"


class UnsupportedMethod(InvalidInput):
    """The method is not defined, or not sound, for this model."""

    kind: ClassVar[str] = "unsupported_method"


class UnsupportedModel(EccoError, TypeError):
    """The model lacks a part that the request needs."""

    kind: ClassVar[str] = "unsupported_model"


class ModelNotFound(EccoError, OSError):
    """No model could be loaded under the given name or path."""

    kind: ClassVar[str] = "model_not_found"


class NonFinite(EccoError, ArithmeticError):
    """Logits, gradients or activations contain NaN or infinity."""

    kind: ClassVar[str] = "non_finite"


class OutOfMemory(EccoError, MemoryError):
    """The computation did not fit in memory; caches have been dropped."""

    kind: ClassVar[str] = "out_of_memory"


class ModelClosed(EccoError, RuntimeError):
    """The model or trace behind a request was closed, replaced or deleted."""

    kind: ClassVar[str] = "model_closed"


class ModelChanged(EccoError, RuntimeError):
    """The model is no longer what it was when the trace was made, or is not in evaluation mode."""

    kind: ClassVar[str] = "model_changed"


class Cancelled(EccoError):
    """The computation was cancelled or superseded by a newer request; not a failure."""

    kind: ClassVar[str] = "cancelled"
