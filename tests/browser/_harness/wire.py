"""Listens to what a JupyterLab page and its kernel say to one another about widgets."""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page, WebSocket

ENDS = ("result", "error", "superseded", "cancelled")


@dataclass
class Wire:
    """The custom messages of all widgets of a page, in the order in which they passed.

    Attributes:
        requests: What pages asked: id, channel, name, params.
        answers: What the kernel said: id, channel, kind, ...
    """

    requests: list[dict[str, Any]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        """Hear what passes on sockets that the page opens from now on."""
        page.on("websocket", self._hear)

    def forget(self) -> None:
        """Begin anew."""
        self.requests.clear()
        self.answers.clear()

    def sets(self, channel: str) -> list[dict[str, Any]]:
        """The traits that were set on a channel, one for each request."""
        return [r["params"] for r in self.requests if r["name"] == "set" and r["channel"] == channel]

    def unanswered(self) -> list[int]:
        """Requests that have not come to an end."""
        ended = {answer["id"] for answer in self.answers if answer["kind"] in ENDS}
        return [request["id"] for request in self.requests if request["id"] not in ended]

    def ends(self) -> Counter[str]:
        """How many requests ended in which way."""
        asked = {request["id"] for request in self.requests}
        return Counter(a["kind"] for a in self.answers if a["id"] in asked and a["kind"] in ENDS)

    def _hear(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda payload: self._take(payload, self.requests, "name"))
        socket.on("framereceived", lambda payload: self._take(payload, self.answers, "kind"))

    def _take(self, payload: str | bytes, into: list[dict[str, Any]], mark: str) -> None:
        for header, content in _messages(payload):
            data = content.get("data", {}) if header.get("msg_type") == "comm_msg" else {}
            message = data.get("content") if data.get("method") == "custom" else None
            if isinstance(message, dict) and mark in message and "channel" in message:
                into.append(message)


def _messages(payload: str | bytes) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Header and content of a frame, of the older protocol (JSON) or of ``v1.kernel.websocket.jupyter.org``."""
    if isinstance(payload, str):
        message = json.loads(payload)
        if isinstance(message, dict) and "header" in message:
            yield message["header"], message["content"]
        return
    (count,) = struct.unpack_from("<Q", payload)
    offsets = struct.unpack_from(f"<{count}Q", payload, 8)
    # Channel, header, parent header, metadata, content, buffers.
    parts = [payload[a:b] for a, b in zip(offsets, [*offsets[1:], len(payload)], strict=True)]
    yield json.loads(parts[1]), json.loads(parts[4])
