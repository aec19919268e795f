"""Numbers for other programs: JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ecco_widgets.errors import InvalidInput


def to_json(value: Any) -> str:
    """Plain data with numpy arrays as JSON text.

    Arrays become lists; NaN and infinity, which JSON does not have, become ``null``. float32 is written with as many
    digits as it needs to come back unchanged.

    Args:
        value: Mappings, sequences, strings, numbers, arrays.

    Example:
        >>> print(to_json({"scores": np.array([0.1, np.nan], dtype=np.float32)}))
        {"scores": [0.1, null]}
    """
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """The same without numpy: lists, and None for what is not finite."""
    if isinstance(value, np.ndarray):
        return [plain(item) for item in (value if value.ndim > 1 else list(value))] if value.ndim else plain(value[()])
    if isinstance(value, (float, np.floating)):
        # str: the shortest digits of a float32, where float() would give those of the float64 next to it.
        return float(str(value)) if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [plain(item) for item in value]
    return value


def to_csv(columns: Mapping[str, Sequence[Any]]) -> str:
    """Columns as CSV text (RFC 4180): quoted where needed, so that tokens may hold commas, quotes and line breaks.

    Args:
        columns: Equally long columns by name, in order. What is not finite becomes an empty field.

    Raises:
        InvalidInput: If the columns have different lengths.

    Example:
        >>> print(to_csv({"input": [" a", ","], "score": [0.25, -0.75]}))
        input,score
         a,0.25
        ",",-0.75
        <BLANKLINE>
    """
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InvalidInput(f"columns must be equally long, got {lengths}.")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(plain(list(column)) for column in columns.values()), strict=True))
    return text.getvalue()
