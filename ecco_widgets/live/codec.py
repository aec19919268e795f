"""Arrays in messages and traits: binary, little endian, C order, never lists of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecco_widgets.errors import InvalidInput

#: Types that both sides know. Others are refused rather than converted: silent rounding is hard to find later.
DTYPES = ("float32", "float64", "int32", "uint8", "bool")
MAX_DIMENSIONS = 8

Buffer = bytes | bytearray | memoryview


def encode_array(array: NDArray[Any]) -> tuple[dict[str, Any], memoryview]:
    """The description and the bytes of one array.

    Args:
        array: Any shape and memory layout, either byte order; dtype one of :data:`DTYPES`.

    Returns:
        ``{"dtype", "shape"}`` and its data, little endian in C order.

    Raises:
        InvalidInput: For a dtype the front end does not know.
    """
    name = array.dtype.newbyteorder("=").name
    if name not in DTYPES:
        raise InvalidInput(
            f"an array in a message must have one of the types {', '.join(DTYPES)}, got {array.dtype}.",
            hint="Convert it with .astype(...) where it is made.",
        )
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    # ascontiguousarray makes a scalar array one-dimensional: the shape is the given array's. A view of one byte per
    # item is taken of a flat copy-free reshape, since memoryview.cast refuses shapes with a zero.
    data = memoryview(little.reshape(-1).view(np.uint8).data) if little.size else memoryview(b"")
    return {"dtype": name, "shape": list(array.shape)}, data


def decode_array(description: Any, data: Buffer) -> NDArray[Any]:
    """The array that :func:`encode_array` (here or in TypeScript) described.

    Args:
        description: ``{"dtype", "shape", ...}`` from an untrusted front end.
        data: Its bytes.

    Returns:
        A read-only array in native byte order. It shares the memory of ``data``.

    Raises:
        InvalidInput: Unknown dtype, malformed shape, or a number of bytes that does not fit them.
    """
    if not isinstance(description, Mapping):
        raise InvalidInput(f"an array must be an object with dtype and shape, got {type(description).__name__}.")
    dtype = description.get("dtype")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise InvalidInput(f"dtype must be one of {', '.join(DTYPES)}, got {_short(dtype)}.")
    shape = _shape(description.get("shape"))
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise InvalidInput(f"the data of an array must be a binary buffer, got {type(data).__name__}.")
    view = memoryview(data)
    expected = math.prod(shape) * np.dtype(dtype).itemsize
    if view.nbytes != expected:
        raise InvalidInput(f"an array of {dtype} with shape {shape} has {expected} bytes, got {view.nbytes}.")
    if expected == 0:
        return np.zeros(shape, dtype)
    raw = np.frombuffer(view, np.uint8)
    if dtype == "bool":
        array: NDArray[Any] = raw != 0  # a byte other than 0 or 1 is no valid bool in memory
    else:
        array = raw.view(np.dtype(dtype).newbyteorder("<")).astype(dtype, copy=False)
    array = array.reshape(shape)
    array.setflags(write=False)
    return array


def encode_data(value: Any) -> tuple[Any, list[memoryview]]:
    """Plain data for a message: every array inside becomes ``{"$array": i, "dtype", "shape"}`` and buffer ``i``.

    Args:
        value: Nested mappings, lists and tuples of strings, numbers, booleans, None, numpy scalars and arrays.

    Returns:
        The same structure without arrays, and the buffers in order.

    Raises:
        InvalidInput: For anything that has no JSON form, incl. NaN and infinity outside arrays (JSON has neither).

    Example:
        >>> data, buffers = encode_data({"row": np.zeros((2, 3), np.float32), "n": 3})
        >>> data["row"], len(buffers[0])
        ({'$array': 0, 'dtype': 'float32', 'shape': [2, 3]}, 24)
    """
    buffers: list[memoryview] = []
    return _encode(value, buffers, "data"), buffers


def decode_data(value: Any, buffers: Sequence[Buffer]) -> Any:
    """The inverse of :func:`encode_data`.

    Raises:
        InvalidInput: For a reference to a buffer that is not there, or a malformed array.
    """
    if isinstance(value, Mapping):
        if "$array" in value:
            index = value["$array"]
            if type(index) is not int or not 0 <= index < len(buffers):
                raise InvalidInput(f"$array must be the index of one of {len(buffers)} buffers, got {_short(index)}.")
            return decode_array(value, buffers[index])
        return {key: decode_data(item, buffers) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [decode_data(item, buffers) for item in value]
    return value


def encode_trait(array: NDArray[Any]) -> dict[str, Any]:
    """An array for a synced trait: ``{"dtype", "shape", "data"}``; the widget protocol moves ``data`` out of the JSON.

    ``data`` is ``bytes``: traits are compared, saved into notebooks and exported, for which a live view is no good.
    """
    description, data = encode_array(array)
    return {**description, "data": data.tobytes()}


def decode_trait(value: Any) -> NDArray[Any]:
    """The inverse of :func:`encode_trait`.

    Raises:
        InvalidInput: For a malformed value.
    """
    if not isinstance(value, Mapping) or "data" not in value:
        raise InvalidInput(f"an array trait must be an object with dtype, shape and data, got {_short(value)}.")
    return decode_array(value, value["data"])


def _encode(value: Any, buffers: list[memoryview], path: str) -> Any:
    if isinstance(value, np.ndarray):
        description, data = encode_array(value)
        buffers.append(data)
        return {"$array": len(buffers) - 1, **description}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidInput(
                f"{path} is {value}, which JSON cannot carry.", hint="Put it into an array, or use None."
            )
        return value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise InvalidInput(f"the keys of {path} must be strings, got {_short(key)}.")
        return {key: _encode(item, buffers, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode(item, buffers, f"{path}[{index}]") for index, item in enumerate(value)]
    raise InvalidInput(f"{path} must be plain data or a numpy array, got {type(value).__name__}.")


def _shape(value: Any) -> list[int]:
    if (
        isinstance(value, (list, tuple))
        and len(value) <= MAX_DIMENSIONS
        and all(type(size) is int and 0 <= size < 2**53 for size in value)
    ):
        return list(value)
    raise InvalidInput(f"shape must be a list of at most {MAX_DIMENSIONS} non-negative integers, got {_short(value)}.")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
