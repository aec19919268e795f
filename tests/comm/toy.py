"""A small live widget and a comm that records what a front end would receive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import comm
import numpy as np
import traitlets as t
from comm.base_comm import BaseComm

from ecco_widgets.errors import InvalidInput
from ecco_widgets.live import Engine, Job, Outcome, Request, Ticket
from ecco_widgets.live.messages import Envelope, Reply
from ecco_widgets.widgets._live_widget import LiveWidget, operation

METHODS = ("grad_x_input", "gradient", "occlusion")


def row(job: Job, subject: object, params: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose first number says for which position it was made."""
    job.check()
    if params["position"] == 13:
        raise InvalidInput("position 13 has no prediction.", hint="Choose another.")
    if params["position"] == 14:
        raise ZeroDivisionError("14")
    return {"positions": [params["position"]], "values": np.full((1, 4), params["position"], np.float32)}


class Toy(LiveWidget):
    """Explains positions 0..99 of nothing."""

    position = t.Int(None, allow_none=True).tag(sync=True, front_end=True)
    attr_method = t.Unicode("grad_x_input").tag(sync=True, front_end=True)
    target = t.Unicode("logit").tag(sync=True, front_end=True)
    foil = t.Unicode(None, allow_none=True).tag(sync=True, front_end=True)
    pinned = t.Bool(False).tag(sync=True, front_end=True)
    _tokens = t.List(["a", "b"]).tag(sync=True)
    _rows = t.Dict().tag(sync=True)
    secret = t.Unicode("python only")

    def __init__(self, engine: Engine, **traits: Any) -> None:
        super().__init__(engine, **traits)
        engine.register("toy.row", row)
        self._retain(f"subject-{self._key}", self)

    @t.validate("position")
    def _check_position(self, proposal: Any) -> Any:
        if proposal["value"] is not None and not 0 <= proposal["value"] < 100:
            raise InvalidInput(f"position must be in 0..99, got {proposal['value']}.")
        return proposal["value"]

    @t.validate("attr_method")
    def _check_method(self, proposal: Any) -> str:
        value = str(proposal["value"]).lower()
        if value not in METHODS:
            raise t.TraitError(f"attr_method must be one of {', '.join(METHODS)}, got {value!r}.")
        return value

    @t.validate("target")
    def _check_target(self, proposal: Any) -> str:
        if proposal["value"] == "contrast" and self.foil is None:
            raise InvalidInput("target contrast needs a foil.")
        return str(proposal["value"])

    def _hello(self) -> Mapping[str, Any]:
        return {"rows": np.zeros((2, 3), np.float32)}

    def _after_set(self, names: frozenset[str], reply: Reply) -> Ticket | None:
        if self.position is None or not names & {"position", "attr_method", "target", "foil"}:
            return None
        params = {"position": self.position, "method": self.attr_method, "target": self.target, "foil": self.foil}
        request = Request("toy.row", f"subject-{self._key}", params)
        return self._submit(self._latest("row"), request, reply, self._to_data)

    def _to_data(self, outcome: Outcome) -> Mapping[str, Any]:
        return {"rows": outcome.result}

    @operation("upload", buffers=True)
    def _answer_upload(self, request: Envelope) -> Mapping[str, Any]:
        return {"bytes": sum(len(buffer) for buffer in request.buffers)}

    @operation("break")
    def _answer_break(self, request: Envelope) -> Mapping[str, Any]:
        raise ZeroDivisionError("on purpose")


class FakeComm(BaseComm):
    """Keeps what is published; ``receive`` plays the front end."""

    made: ClassVar[list[FakeComm]] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.published: list[tuple[str, dict[str, Any], list[Any]]] = []
        self.arrived = threading.Condition()  # reentrant
        self.made.append(self)
        super().__init__(*args, **kwargs)

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        with self.arrived:
            self.published.append((msg_type, data or {}, list(buffers or [])))
            self.arrived.notify_all()

    def receive(self, data: Any, buffers: Any = ()) -> None:
        """A comm message arrives from the page."""
        self.handle_msg({"content": {"comm_id": self.comm_id, "data": data}, "buffers": list(buffers)})

    def request(self, content: Any, buffers: Any = ()) -> None:
        """A custom message arrives from the page."""
        self.receive({"method": "custom", "content": content}, buffers)

    def customs(self) -> list[dict[str, Any]]:
        """Contents of the custom messages so far."""
        with self.arrived:
            return [data["content"] for _, data, _ in self.published if data.get("method") == "custom"]

    def states(self) -> list[dict[str, Any]]:
        """States of the ordinary trait updates so far, in order."""
        with self.arrived:
            return [data["state"] for _, data, _ in self.published if data.get("method") == "update"]

    def wait(self, condition: Callable[[dict[str, Any]], bool], timeout: float = 20.0) -> dict[str, Any]:
        """The first custom message that meets ``condition``."""
        deadline = time.monotonic() + timeout
        with self.arrived:
            while True:
                for content in self.customs():
                    if condition(content):
                        return content
                if not self.arrived.wait(max(0.0, deadline - time.monotonic())):
                    raise AssertionError(f"no such message; there were {self.customs()}")

    def answer(self, number: int) -> dict[str, Any]:
        """The final answer to request ``number``."""
        final = ("result", "error", "superseded", "cancelled")
        return self.wait(lambda content: content["id"] == number and content["kind"] in final)


def install(monkeypatch: Any) -> None:
    """Let widgets open fake comms."""
    FakeComm.made.clear()
    monkeypatch.setattr(comm, "create_comm", FakeComm)
