"""JSON and CSV come back as what was written."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecco_widgets.errors import InvalidInput
from ecco_widgets.export import to_csv, to_json
from tests.unit.export.rows import ATTACKS


def test_arrays_become_lists_and_nan_becomes_null():
    value = {
        "a": np.array([[0.5, np.nan], [np.inf, -1]], np.float32),
        "b": np.int32(3),
        "c": np.zeros((0, 2)),
        "d": True,
    }
    assert json.loads(to_json(value)) == {"a": [[0.5, None], [None, -1.0]], "b": 3, "c": [], "d": True}


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20))
def test_float32_comes_back_unchanged(values: list[float]):
    array = np.array(values, np.float32)
    np.testing.assert_array_equal(np.array(json.loads(to_json(array)), np.float32), array)
    written = list(csv.DictReader(io.StringIO(to_csv({"x": array}))))
    np.testing.assert_array_equal(np.array([row["x"] for row in written], np.float32), array)


def test_tokens_come_back_unchanged():
    texts = [text for text in ATTACKS if "\r" not in text and "\x00" not in text]
    rows = list(csv.reader(io.StringIO(to_csv({"input": texts, "n": range(len(texts))}), newline="")))
    assert [row[0] for row in rows[1:]] == texts
    assert json.loads(to_json(ATTACKS)) == ATTACKS


def test_columns_of_different_length_are_refused():
    with pytest.raises(InvalidInput, match="equally long"):
        to_csv({"a": [1], "b": []})
