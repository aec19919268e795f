"""An error as data: what travels to a front end instead of a traceback."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass

from ecco_widgets.errors import EccoError, OutOfMemory

logger = logging.getLogger("ecco_widgets")

#: Class names of the out-of-memory errors of array libraries, compared by name because ``live`` imports none of them.
_OUT_OF_MEMORY_CLASSES = frozenset({"OutOfMemoryError", "XlaRuntimeError"})
#: Older torch raises a plain RuntimeError when the CPU allocator fails.
_OUT_OF_MEMORY_TEXTS = ("out of memory", "can't allocate memory", "not enough memory")

_REDUCE = "Use a shorter text, fewer rows at once or a smaller model; other models in this kernel also hold memory."
_REPORT = "This is a bug in ecco_widgets or in a function it called: please report it with the traceback in the log."


@dataclass(frozen=True)
class ErrorInfo:
    """What went wrong and how to fix it, as plain text.

    Args:
        kind: Machine-readable: the ``kind`` of an :class:`~ecco_widgets.errors.EccoError`, or ``"internal"``.
        message: What was expected and what was given.
        hint: How to fix it; may be empty.

    Example:
        >>> from ecco_widgets.errors import InvalidInput
        >>> ErrorInfo.from_exception(InvalidInput("text is empty.", hint="Pass at least one character.")).hint
        'Pass at least one character.'
    """

    kind: str
    message: str
    hint: str = ""

    @classmethod
    def from_exception(cls, error: BaseException) -> ErrorInfo:
        """Describe ``error``; the traceback of an unexpected one goes to the ``ecco_widgets`` logger.

        Args:
            error: Any exception. Errors of this package keep their kind, message and hint.

        Returns:
            Its description as plain data. It holds no reference to the exception, whose frames may hold tensors.
        """
        if isinstance(error, EccoError):
            return cls(error.kind, error.message, error.hint)
        if is_out_of_memory(error):
            return cls(OutOfMemory.kind, f"The computation did not fit in memory ({_first_line(error)}).", _REDUCE)
        log_traceback("Unexpected error in a live computation", error)
        return cls("internal", f"{type(error).__name__}: {_first_line(error)}", _REPORT)

    def as_dict(self) -> dict[str, str]:
        """The error as it travels in a message."""
        return {"kind": self.kind, "message": self.message, "hint": self.hint}


def log_traceback(what: str, error: BaseException) -> None:
    """Log ``error`` as text: a log record with the exception itself would keep the arrays in its frames alive."""
    logger.error("%s\n%s", what, "".join(traceback.format_exception(type(error), error, error.__traceback__)))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out, on any device and without importing the library that raised it."""
    if isinstance(error, MemoryError):
        return True
    if any(kind.__name__ in _OUT_OF_MEMORY_CLASSES for kind in type(error).__mro__):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error).lower() for text in _OUT_OF_MEMORY_TEXTS)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:500] if lines else type(error).__name__
