from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecco_widgets.errors import InvalidInput
from ecco_widgets.live import ErrorInfo, Progress, messages
from ecco_widgets.live.messages import InvalidMessage, Reply, address_of, parse_request

GOOD = {"id": 17, "channel": "row", "name": "set", "params": {"position": 31}}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def test_a_request_is_parsed() -> None:
    request = parse_request(GOOD, None)
    assert request.reply == Reply(17, "row", "set")
    assert request.params == {"position": 31}
    assert parse_request({"id": 2**53 - 1, "channel": "c", "name": "hello"}, []).params == {}


def test_params_at_the_bounds_are_accepted() -> None:
    parse_request({**GOOD, "params": nested(8)}, [])
    room = 64 * 1024 - len('{"a":""}')
    parse_request({**GOOD, "params": {"a": "x" * room}}, [])
    with pytest.raises(InvalidMessage, match=r"params must be at most 64 KiB of JSON, got 64 KiB"):
        parse_request({**GOOD, "params": {"a": "x" * (room + 1)}}, [])


def test_buffers_are_accepted_where_the_operation_asks_for_them() -> None:
    assert parse_request({**GOOD, "name": "upload"}, [b"12"], allow_buffers=["upload"]).buffers == (b"12",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "a request must be an object, got null"),
        ([], "a request must be an object, got a list"),
        ("hello", "a request must be an object, got a string"),
        (True, "a request must be an object, got a boolean"),
        ({}, r"id must be an integer from 1 to 2\^53-1, got None"),
        ({**GOOD, "id": 0}, "id must be an integer .* got 0"),
        ({**GOOD, "id": -1}, "id must be an integer"),
        ({**GOOD, "id": 2**53}, "id must be an integer .* got a larger one"),
        ({**GOOD, "id": 10**5000}, "id must be an integer .* got a larger one"),
        ({**GOOD, "id": 1.0}, "id must be an integer"),
        ({**GOOD, "id": True}, "id must be an integer"),
        ({**GOOD, "id": "17"}, "id must be an integer .* got '17'"),
        ({**GOOD, "id": [17]}, "id must be an integer .* got a list"),
        ({**GOOD, "channel": None}, "channel must be a string of 1 to 64 printable characters, got None"),
        ({**GOOD, "channel": ""}, "channel must be a string"),
        ({**GOOD, "channel": "x" * 65}, "channel must be a string"),
        ({**GOOD, "channel": "a\nb"}, "channel must be a string"),
        ({**GOOD, "channel": "\ud800"}, "channel must be a string"),
        ({**GOOD, "channel": {"a": 1}}, "channel must be a string"),
        ({**GOOD, "name": 3}, "name must be a string .* got 3"),
        ({**GOOD, "name": ""}, "name must be a string"),
        ({**GOOD, "name": "x" * 10**6}, "name must be a string"),
        ({**GOOD, "extra": 1}, r"a request has the fields id, channel, name and params, got also 'extra'"),
        ({**GOOD, "\ud800": 1}, r"got also '\\ud800'"),
        ({**GOOD, "params": None}, "params must be an object, got null"),
        ({**GOOD, "params": [1]}, "params must be an object, got a list"),
        ({**GOOD, "params": {"a": float("nan")}}, "params must not contain nan: JSON has no such number"),
        ({**GOOD, "params": {"a": [float("inf")]}}, "params must not contain inf"),
        ({**GOOD, "params": {"a": 2**53}}, r"params must not contain integers beyond 2\^53-1"),
        ({**GOOD, "params": {"a": 10**5000}}, r"params must not contain integers beyond"),
        ({**GOOD, "params": {"a": "\ud800"}}, "params must be valid Unicode, got half of a surrogate pair"),
        ({**GOOD, "params": {"\udfff": 1}}, "params must be valid Unicode"),
        ({**GOOD, "params": {1: 1}}, "the keys in params must be strings"),
        ({**GOOD, "params": {"a": b"x"}}, "params must be plain JSON, got bytes"),
        ({**GOOD, "params": {"a": memoryview(b"x")}}, "params must be plain JSON, got memoryview"),
        ({**GOOD, "params": {"a": {1, 2}}}, "params must be plain JSON, got set"),
        ({**GOOD, "params": nested(9)}, "params must not be nested deeper than 8"),
        ({**GOOD, "params": nested(50_000)}, "params must not be nested deeper than 8"),
        ({**GOOD, "params": {"a": [0] * 70_000}}, "params must be at most 64 KiB of JSON, got more"),
        ({**GOOD, "params": {"a": "x" * 10**6}}, "params must be at most 64 KiB of JSON, got 977 KiB"),
        ({**GOOD, "params": {"a": "é" * 40_000}}, "params must be at most 64 KiB of JSON, got 78 KiB"),
    ],
)
def test_malformed_requests_are_refused_with_the_rule_they_break(content: Any, message: str) -> None:
    with pytest.raises(InvalidMessage, match=message):
        parse_request(content, [])


def test_unasked_buffers_are_refused() -> None:
    with pytest.raises(InvalidMessage, match="operation 'set' takes no binary buffers, got 2"):
        parse_request(GOOD, [b"", b"1"], allow_buffers=["upload"])


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "channel", "name", "params", "x"]) | st.text(max_size=3), inner, max_size=5
        )
    ),
    max_leaves=20,
)


@given(anything, st.lists(st.binary(max_size=4), max_size=2))
@settings(deadline=None, max_examples=300)
def test_whatever_comes_is_parsed_or_refused_and_the_refusal_can_be_sent(content: Any, buffers: list[bytes]) -> None:
    try:
        request = parse_request(content, buffers)
    except InvalidMessage as error:
        message, _ = messages.error(address_of(content), ErrorInfo.from_exception(error))
        json.dumps(message, allow_nan=False, ensure_ascii=False).encode()
        assert message["error"]["kind"] == "invalid_input"
    else:
        json.dumps(request.params, allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("content", "reply"),
    [
        (None, Reply(None, "", "")),
        ({"id": 3, "channel": "row", "name": "set"}, Reply(3, "row", "set")),
        ({"id": 3.5, "channel": "row"}, Reply(None, "row", "")),
        ({"id": 3, "channel": 4, "name": "\n"}, Reply(3, "", "")),
    ],
)
def test_a_complaint_goes_to_what_is_usable_of_the_address(content: Any, reply: Reply) -> None:
    assert address_of(content) == reply


# -------------------------------------------------------------------------------------------------- kernel to front end


def test_messages_to_the_front_end_are_as_documented() -> None:
    to = Reply(17, "row", "set")
    assert messages.result(to, {"x": 1}, elapsed_ms=38.21234, source="cache") == (
        {
            "kind": "result",
            "id": 17,
            "channel": "row",
            "name": "set",
            "data": {"x": 1},
            "elapsed_ms": 38.212,
            "source": "cache",
        },
        [],
    )
    assert messages.progress(to, Progress(3, 20, "integration step"))[0] == {
        "kind": "progress", "id": 17, "channel": "row", "done": 3, "total": 20, "label": "integration step",
    }  # fmt: skip
    assert messages.error(to, ErrorInfo("invalid_input", "no.", "do."), {"position": None})[0] == {
        "kind": "error", "id": 17, "channel": "row",
        "error": {"kind": "invalid_input", "message": "no.", "hint": "do."}, "state": {"position": None},
    }  # fmt: skip
    assert messages.superseded(to)[0] == {"kind": "superseded", "id": 17, "channel": "row"}
    assert messages.cancelled(to)[0] == {"kind": "cancelled", "id": 17, "channel": "row"}
    assert messages.computing(Reply(None, "row"))[0] == {"kind": "computing", "id": None, "channel": "row"}


def test_arrays_of_a_result_travel_as_buffers() -> None:
    content, buffers = messages.result(
        Reply(1, "row", "set"), {"rows": {"values": np.full((2, 3), np.nan, np.float32)}}
    )
    assert content["data"] == {"rows": {"values": {"$array": 0, "dtype": "float32", "shape": [2, 3]}}}
    assert np.isnan(np.frombuffer(buffers[0], np.float32)).all()
    json.dumps(content, allow_nan=False)


def test_a_result_that_cannot_travel_is_refused_where_it_is_made() -> None:
    with pytest.raises(InvalidInput, match=r"data\.gap is nan"):
        messages.result(Reply(), {"gap": float("nan")})
