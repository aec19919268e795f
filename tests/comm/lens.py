"""What the tests of the three lens widgets share: the page at the other end of a comm, and what it received."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ecco_widgets.live.codec import decode_data, decode_trait
from tests.comm.toy import FakeComm

Open = Callable[..., Any]
"""Makes a widget of a class, of the run ``trace`` or another."""


def page_of(widget: Any) -> FakeComm:
    comm: FakeComm = widget.comm
    return comm


def ask(page: FakeComm, number: int, params: Any, name: str = "set", channel: str = "row") -> dict[str, Any]:
    """Send a request and wait for its answer."""
    page.request({"id": number, "channel": channel, "name": name, "params": params})
    return page.answer(number)


def data_in(page: FakeComm, answer: dict[str, Any]) -> dict[str, Any]:
    """The data of an answer, arrays decoded."""
    assert answer["kind"] == "result", answer
    buffers = next(buffers for _, data, buffers in page.published if data.get("content") == answer)
    data: dict[str, Any] = decode_data(answer["data"], buffers)
    return data


def kept(page: FakeComm, name: str, condition: Callable[[dict[str, Any]], bool] = bool) -> dict[str, Any]:
    """The value of a trait with arrays as it arrives in an ordinary update, decoded."""
    with page.arrived:

        def found() -> dict[str, Any] | None:
            values = (state[name] for state in reversed(page.states()) if name in state)
            return next((value for value in values if condition(value)), None)

        assert page.arrived.wait_for(lambda: found() is not None, 20), page.states()
        value = found() or {}
    return decoded(page, name, value)


def decoded(page: FakeComm, name: str, value: dict[str, Any]) -> dict[str, Any]:
    """A trait's value whose bytes travelled beside the JSON."""
    for _, data, buffers in page.published:
        if data.get("method") == "update" and data["state"].get(name) is value:
            paths = {tuple(path): buffer for path, buffer in zip(data["buffer_paths"], buffers, strict=True)}
            return {
                key: decode_trait({**item, "data": bytes(paths[name, key, "data"])})
                if isinstance(item, dict) and "dtype" in item
                else item
                for key, item in value.items()
            }
    raise AssertionError(f"{name} did not travel")


def equal(actual: Any, expected: Any) -> None:
    """Floats alike to 1e-5, everything else the same."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    if np.issubdtype(expected.dtype, np.floating):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-7)
    else:
        np.testing.assert_array_equal(actual, expected)
