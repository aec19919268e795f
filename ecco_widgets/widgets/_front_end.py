"""The built front end: one self-contained module and one style sheet per widget, in ``static/``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ecco_widgets.errors import EccoError

STATIC = Path(__file__).parent.parent / "static"


class FrontEndMissing(EccoError, FileNotFoundError):
    """The front end was not built (a source checkout before ``make setup``)."""

    kind = "front_end_missing"


@cache
def bundle(name: str) -> tuple[str, str]:
    """JavaScript module and style sheet of a widget.

    Raises:
        FrontEndMissing: If it was not built.
    """
    return _read(f"{name}.js"), _read(f"{name}.css")


@cache
def host_module() -> str:
    """JavaScript module that mounts a widget in a page without Jupyter.

    Raises:
        FrontEndMissing: If it was not built.
    """
    return _read("standalone.js")


def _read(file: str) -> str:
    try:
        return (STATIC / file).read_text("utf-8")
    except FileNotFoundError as error:
        raise FrontEndMissing(
            f"the front end is not built ({error.filename} is missing).",
            hint="In a source checkout run `make setup` (or `npm ci && npm run build` in js/); wheels contain it.",
        ) from None
