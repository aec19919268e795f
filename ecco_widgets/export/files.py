"""Writes files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from ecco_widgets.errors import EccoError


class CannotSave(EccoError, OSError):
    """The file can't be written where it should be."""

    kind = "cannot_save"


def write(path: str | os.PathLike[str], content: str | bytes) -> Path:
    """Write a file; one that is there is replaced when the new one is complete.

    Args:
        path: Where; ``~`` is the home folder.
        content: Bytes, or text for UTF-8.

    Returns:
        The path.

    Raises:
        CannotSave: If the folder is missing or can't be written to, or the path is a folder.
    """
    given = Path(path).expanduser()
    target = given.resolve()  # a link stays a link
    if not target.parent.is_dir():
        raise CannotSave(f"the folder {str(target.parent)!r} does not exist.", hint="Create it, or save elsewhere.")
    if target.is_dir():
        raise CannotSave(f"{str(given)!r} is a folder.", hint="Name a file in it.")
    # A lone surrogate becomes an escape, which is what JSON and JavaScript write for it too.
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    unfinished = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}")
    try:
        with unfinished.open("xb") as file:
            file.write(data)
        unfinished.replace(target)
    except OSError as error:
        raise CannotSave(
            f"{str(given)!r} can't be written: {error.strerror or error}.", hint="Save elsewhere."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
    return given
