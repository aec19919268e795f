from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ecco_widgets.errors import InvalidInput
from ecco_widgets.live.codec import (
    DTYPES,
    decode_array,
    decode_data,
    decode_trait,
    encode_array,
    encode_data,
    encode_trait,
)

arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
)


def same(one: Any, other: Any) -> bool:
    return bool(
        one.dtype == other.dtype
        and one.shape == other.shape
        and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    )


@given(arrays)
@settings(deadline=None)
def test_every_array_comes_back_as_it_was(array: Any) -> None:
    description, data = encode_array(array)
    assert same(decode_array(json.loads(json.dumps(description)), bytes(data)), array)
    assert same(decode_trait(encode_trait(array)), array)
    content, buffers = encode_data({"a": [array, {"b": array}]})
    decoded = decode_data(json.loads(json.dumps(content)), [bytes(buffer) for buffer in buffers])
    assert same(decoded["a"][0], array)
    assert same(decoded["a"][1]["b"], array)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24, dtype=np.float32).reshape(4, 6).T,
        np.arange(24, dtype=np.float32).reshape(4, 6)[::2, ::-1],
        np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
        np.arange(6, dtype=">f4").reshape(2, 3),
        np.arange(6, dtype=">i4"),
        np.broadcast_to(np.float32(2), (3, 4)),
        np.zeros((0, 5), np.float32),
        np.zeros((5, 0, 2), np.int32),
        np.float32(3.5).reshape(()),
        np.array([True, False])[::-1],
        np.arange(4, dtype=np.uint8).view(np.uint8)[1:],
    ],
)
def test_any_memory_layout_and_byte_order_travels_little_endian_in_c_order(array: Any) -> None:
    description, data = encode_array(array)
    expected = array.astype(array.dtype.newbyteorder("<")).tobytes(order="C")
    assert bytes(data) == expected
    assert description["shape"] == list(array.shape)
    assert np.array_equal(decode_array(description, data), array)


def test_encoding_a_contiguous_array_copies_nothing() -> None:
    array = np.zeros(10, np.float32)
    _, data = encode_array(array)
    array[0] = 1
    assert bytes(data[:4]) == np.float32(1).tobytes()


def test_a_trait_holds_bytes_that_do_not_follow_the_array() -> None:
    array = np.zeros(2, np.float32)
    value = encode_trait(array)
    array[0] = 1
    assert value == {"dtype": "float32", "shape": [2], "data": bytes(8)}


def test_read_only_arrays_can_be_encoded() -> None:
    array = np.zeros(2, np.float32)
    array.setflags(write=False)
    assert len(encode_array(array)[1]) == 8


@pytest.mark.parametrize("dtype", ["int64", "float16", "complex64", "U3", "object", "datetime64[s]"])
def test_other_types_are_refused_rather_than_converted(dtype: str) -> None:
    with pytest.raises(InvalidInput, match=r"must have one of the types float32, .* got .*Convert it with \.astype"):
        encode_array(np.zeros(2, dtype))


def test_decoded_arrays_are_read_only() -> None:
    array = decode_array({"dtype": "float32", "shape": [2]}, bytearray(8))
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_a_byte_that_is_neither_zero_nor_one_is_true() -> None:
    assert decode_array({"dtype": "bool", "shape": [3]}, bytes([0, 1, 7])).tolist() == [False, True, True]


def test_numpy_scalars_become_numbers() -> None:
    content, buffers = encode_data({"a": np.float32(1.5), "b": np.int64(3), "c": np.bool_(True), "d": (1, None, "x")})
    assert content == {"a": 1.5, "b": 3, "c": True, "d": [1, None, "x"]}
    assert json.loads(json.dumps(content)) == content
    assert buffers == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": float("nan")}, r"data\.a is nan, which JSON cannot carry\. Put it into an array, or use None\."),
        ({"a": [np.float32(np.inf)]}, r"data\.a\[0\] is inf"),
        ({"a": {3: 1}}, r"the keys of data\.a must be strings, got 3"),
        ({"a": {1, 2}}, r"data\.a must be plain data or a numpy array, got set"),
        ({"a": b"x"}, r"data\.a must be plain data or a numpy array, got bytes"),
        ([object()], r"data\[0\] must be plain data or a numpy array, got object"),
    ],
)
def test_what_a_message_cannot_carry_is_named(value: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        encode_data(value)


@pytest.mark.parametrize(
    ("description", "data", "message"),
    [
        (None, b"", "an array must be an object with dtype and shape, got NoneType"),
        ([1], b"", "an array must be an object with dtype and shape, got list"),
        ({}, b"", "dtype must be one of float32, float64, int32, uint8, bool, got None"),
        ({"dtype": "object", "shape": []}, b"", "dtype must be one of .*got 'object'"),
        ({"dtype": ["float32"], "shape": []}, b"", "dtype must be one of"),
        ({"dtype": "x" * 10_000, "shape": []}, b"", r"got 'x+\.\.\."),
        ({"dtype": "float32"}, b"", "shape must be a list of at most 8 non-negative integers, got None"),
        ({"dtype": "float32", "shape": [-1]}, b"", "shape must be"),
        ({"dtype": "float32", "shape": [1.0]}, bytes(4), "shape must be"),
        ({"dtype": "float32", "shape": [True]}, bytes(4), "shape must be"),
        ({"dtype": "float32", "shape": ["2"]}, b"", "shape must be"),
        ({"dtype": "float32", "shape": [1] * 9}, bytes(4), "shape must be"),
        ({"dtype": "float32", "shape": [2**60]}, b"", "shape must be"),
        ({"dtype": "float32", "shape": [2**30, 2**30]}, b"", r"has \d+ bytes, got 0"),
        ({"dtype": "float32", "shape": [2]}, bytes(7), r"an array of float32 with shape \[2\] has 8 bytes, got 7"),
        ({"dtype": "float64", "shape": [0]}, bytes(8), "has 0 bytes, got 8"),
        ({"dtype": "float32", "shape": [2]}, [0] * 8, "the data of an array must be a binary buffer, got list"),
        ({"dtype": "float32", "shape": [2]}, None, "must be a binary buffer, got NoneType"),
        ({"dtype": "float32", "shape": [2]}, "12345678", "must be a binary buffer, got str"),
    ],
)
def test_malformed_arrays_are_refused(description: Any, data: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        decode_array(description, data)


@pytest.mark.parametrize("index", [-1, 1, 0.0, "0", None, True, [0]])
def test_a_reference_to_a_buffer_that_is_not_there_is_refused(index: Any) -> None:
    with pytest.raises(InvalidInput, match=r"\$array must be the index of one of 1 buffers"):
        decode_data({"$array": index, "dtype": "float32", "shape": [1]}, [bytes(4)])


@pytest.mark.parametrize("value", [None, 3, [], {"dtype": "float32", "shape": [0]}])
def test_malformed_array_traits_are_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match="an array trait must be an object with dtype, shape and data"):
        decode_trait(value)
