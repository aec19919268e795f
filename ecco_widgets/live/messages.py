"""The messages between a widget and its front end: parsing what comes (untrusted), building what goes.

The wire format is described in ``docs/explanation/messages.md``; this module is where it is enforced.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecco_widgets.errors import InvalidInput
from ecco_widgets.live.codec import Buffer, encode_data
from ecco_widgets.live.error_info import ErrorInfo
from ecco_widgets.live.jobs import Progress

MAX_ID = 2**53 - 1
MAX_NAME = 64
MAX_BYTES = 64 << 10
MAX_DEPTH = 8

#: A message ready to be sent: its content and its binary buffers.
Message = tuple[dict[str, Any], list[memoryview]]


class InvalidMessage(InvalidInput):
    """A message from the front end does not follow the protocol."""


@dataclass(frozen=True)
class Reply:
    """The address of an answer.

    Args:
        id: The request's id; None if nobody asked (a change from Python, background work).
        channel: The request's channel.
        name: The request's operation.
    """

    id: int | None = None
    channel: str = ""
    name: str = ""


@dataclass(frozen=True)
class Envelope:
    """A request whose form is valid; what its ``params`` mean is for the operation to judge."""

    reply: Reply
    params: dict[str, Any] = field(default_factory=dict)
    buffers: Sequence[Buffer] = ()


def parse_request(content: Any, buffers: Sequence[Buffer] | None, *, allow_buffers: Sequence[str] = ()) -> Envelope:
    """Check a custom message from the front end.

    Args:
        content: Its content, as JSON was parsed; anything at all.
        buffers: Its binary buffers.
        allow_buffers: Names of the operations that take some.

    Returns:
        The request.

    Raises:
        InvalidMessage: Says which rule it breaks. Answer it to :func:`address_of` the message.

    Example:
        >>> parse_request({"id": 1, "channel": "row", "name": "set", "params": {"position": 31}}, []).params
        {'position': 31}
    """
    if not isinstance(content, Mapping):
        raise InvalidMessage(f"a request must be an object, got {_type(content)}.")
    unknown = [_short(key) for key in content if key not in ("id", "channel", "name", "params")]
    if unknown:
        raise InvalidMessage(
            f"a request has the fields id, channel, name and params, got also {', '.join(unknown[:5])}."
        )
    number = content.get("id")
    if not _is_id(number):
        raise InvalidMessage(f"id must be an integer from 1 to 2^53-1, got {_short(number)}.")
    channel, name = content.get("channel"), content.get("name")
    for label, value in (("channel", channel), ("name", name)):
        if not _is_name(value):
            raise InvalidMessage(
                f"{label} must be a string of 1 to {MAX_NAME} printable characters, got {_short(value)}."
            )
    params = content.get("params", {})
    check_object(params, "params")
    if buffers and name not in allow_buffers:
        raise InvalidMessage(f"operation {name!r} takes no binary buffers, got {len(buffers)}.")
    return Envelope(Reply(number, str(channel), str(name)), dict(params), tuple(buffers or ()))


def address_of(content: Any) -> Reply:
    """Where to send the complaint about a message, however malformed: the parts of its address that are usable."""
    if not isinstance(content, Mapping):
        return Reply()
    number, channel, name = content.get("id"), content.get("channel"), content.get("name")
    return Reply(
        number if _is_id(number) else None,
        str(channel) if _is_name(channel) else "",
        str(name) if _is_name(name) else "",
    )


def check_object(value: Any, label: str) -> None:
    """Refuse what is no JSON object, or breaks a rule of :func:`check_json`."""
    if not isinstance(value, Mapping):
        raise InvalidMessage(f"{label} must be an object, got {_type(value)}.")
    check_json(value, label)


def check_json(value: Any, label: str) -> None:
    """Refuse what is too deep, too large or no JSON.

    Args:
        value: Anything.
        label: What it is called in the message.

    Raises:
        InvalidMessage: Says which bound it breaks.
    """
    # Depth first, without recursion and with a bound on the number of items, before json.dumps may recurse into it.
    level, count = [value], 0
    for depth in range(MAX_DEPTH + 1):
        if depth == MAX_DEPTH and any(isinstance(item, (Mapping, list, tuple)) for item in level):
            raise InvalidMessage(f"{label} must not be nested deeper than {MAX_DEPTH}.")
        below: list[Any] = []
        for item in level:
            below.extend(_children(item, label))
        count += len(below)
        if count > MAX_BYTES:
            raise InvalidMessage(f"{label} must be at most {MAX_BYTES >> 10} KiB of JSON, got more.")
        level = below
    try:
        size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    except UnicodeEncodeError:
        raise InvalidMessage(f"{label} must be valid Unicode, got half of a surrogate pair.") from None
    if size > MAX_BYTES:
        raise InvalidMessage(f"{label} must be at most {MAX_BYTES >> 10} KiB of JSON, got {size / 1024:.0f} KiB.")


# --------------------------------------------------------------------------------------------- from kernel to front end


def result(reply: Reply, data: Mapping[str, Any], *, elapsed_ms: float = 0.0, source: str = "computed") -> Message:
    """The answer to a request, or news that nobody asked for (``reply.id`` None)."""
    encoded, buffers = encode_data(dict(data))
    content = _to(reply, "result", name=reply.name, data=encoded, elapsed_ms=round(float(elapsed_ms), 3), source=source)
    return content, buffers


def progress(reply: Reply, value: Progress) -> Message:
    """How far a computation is."""
    return _to(reply, "progress", done=int(value.done), total=int(value.total), label=value.label), []


def error(reply: Reply, info: ErrorInfo, state: Mapping[str, Any] | None = None) -> Message:
    """Why a request was refused or failed, with the kernel's values of the traits that it named."""
    encoded, buffers = encode_data(dict(state or {}))
    return _to(reply, "error", error=info.as_dict(), state=encoded), buffers


def superseded(reply: Reply) -> Message:
    """A newer request of the same channel has replaced this one."""
    return _to(reply, "superseded"), []


def cancelled(reply: Reply) -> Message:
    """This one was given up."""
    return _to(reply, "cancelled"), []


def computing(reply: Reply) -> Message:
    """Work has begun that no view asked for: Python set a trait."""
    return _to(reply, "computing"), []


def _to(reply: Reply, kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "id": reply.id, "channel": reply.channel, **fields}


def _children(item: Any, label: str) -> list[Any]:
    if isinstance(item, Mapping):
        if not all(isinstance(key, str) for key in item):
            raise InvalidMessage(f"the keys in {label} must be strings.")
        return list(item.values())
    if isinstance(item, (list, tuple)):
        return list(item)
    if item is None or isinstance(item, (bool, str)):
        return []
    if isinstance(item, int):
        if abs(item) > MAX_ID:
            raise InvalidMessage(f"{label} must not contain integers beyond 2^53-1.")
        return []
    if isinstance(item, float):
        if not math.isfinite(item):
            raise InvalidMessage(f"{label} must not contain {item}: JSON has no such number.")
        return []
    raise InvalidMessage(f"{label} must be plain JSON, got {_type(item)}.")


def _is_id(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MAX_ID


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= MAX_NAME and value.isprintable()


def _type(value: Any) -> str:
    return {"NoneType": "null", "list": "a list", "str": "a string", "bool": "a boolean"}.get(
        type(value).__name__, type(value).__name__
    )


def _short(value: Any) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        return _type(value)
    if isinstance(value, int) and abs(value) > MAX_ID:
        return "a larger one"
    text = ascii(value if not isinstance(value, str) else value[:80])
    return text if len(text) <= 80 else text[:77] + "..."
