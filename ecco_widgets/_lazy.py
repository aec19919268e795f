"""Names that are imported when first used, so that ``import ecco_widgets`` stays cheap (no torch, no transformers)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(module: str, sources: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make a module's ``__getattr__`` and ``__dir__`` (PEP 562) for names defined elsewhere.

    Args:
        module: Name of the module that offers the names.
        sources: For each name, the module that defines it; a name equal to the last part of its source is that module.

    Returns:
        ``__getattr__`` and ``__dir__`` to be assigned in the module.

    Example:
        >>> get, names = lazy_names("ecco_widgets.errors", {"sqrt": "math"})
        >>> get("sqrt")(4.0)
        2.0
    """

    def get(name: str) -> Any:
        if name not in sources:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        source = importlib.import_module(sources[name])
        value = source if sources[name] == f"{module}.{name}" else getattr(source, name)
        setattr(sys.modules[module], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[module]), *sources})

    return get, names
