"""Asks the kernel behind a page, and hears what it says to anybody: a second client beside the page.

It speaks to the kernel's own sockets, since Voila's web socket refuses to run code.
"""

from __future__ import annotations

import json
import queue
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.session import Session

TIMEOUT_SECONDS = 60.0


class KernelError(AssertionError):
    """Code that a test ran in a kernel raised an exception; the message is its traceback."""

    def __init__(self, traceback: list[str]) -> None:
        super().__init__(_plain("\n".join(traceback)))


class Kernel:
    """A client of a running kernel.

    Args:
        connection_file: Where the kernel's server wrote down its ports.
    """

    def __init__(self, connection_file: Path) -> None:
        ports = json.loads(connection_file.read_text())
        self._key = ports["key"].encode()
        self._session = Session(key=self._key)
        self._messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self._heard: list[str] = []
        self._shell: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self._shell.setsockopt(zmq.LINGER, 0)
        self._shell.connect(f"{ports['transport']}://{ports['ip']}:{ports['shell_port']}")
        listening = threading.Event()
        address = f"{ports['transport']}://{ports['ip']}:{ports['iopub_port']}"
        threading.Thread(target=self._listen, args=(address, listening), daemon=True).start()
        while not listening.wait(0.1):  # what is published before the subscription has reached the kernel is lost
            self._session.send(self._shell, "kernel_info_request", {})

    def heard(self) -> str:
        """Return the errors that the kernel reported to anybody: tracebacks, and what it wrote to standard error."""
        return _plain("".join(self._heard))

    def run(self, code: str, *, timeout: float = TIMEOUT_SECONDS) -> str:
        """Run code in the kernel and return what it printed.

        Raises:
            KernelError: The code raised an exception.
            TimeoutError: The kernel did not get to it in time.
        """
        printed: list[str] = []
        request = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
        for message in self._answers(self._send("execute_request", request), timeout):
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "stream":
                printed.append(content["text"])
            elif kind == "error":
                raise KernelError(content["traceback"])
            elif kind == "status" and content["execution_state"] == "idle":
                break
        return "".join(printed)

    def value(self, expression: str) -> Any:
        """Return the value of an expression, which must be JSON-like; not-a-numbers come back as ``nan``."""
        return json.loads(self.run(f"import json as _json\nprint(_json.dumps({expression}))").splitlines()[-1])

    def wait_until(self, expression: str, *, timeout: float = 20.0) -> None:
        """Wait until an expression is true in the kernel, which goes on with its other work meanwhile.

        Raises:
            TimeoutError: It did not become true in time.
        """
        deadline = time.monotonic() + timeout
        while not self.value(f"bool({expression})"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout:.0f} s: {expression}")
            time.sleep(0.05)

    def send_to_widget(self, model_id: str, data: object) -> None:
        """Send a message on a widget's comm, as a page can: trait updates, custom messages, nonsense."""
        self._send("comm_msg", {"comm_id": model_id, "data": data})

    def _send(self, kind: str, content: dict[str, Any]) -> str:
        message = self._session.msg(kind, content)
        self._session.send(self._shell, message)
        return str(message["header"]["msg_id"])

    def _answers(self, message_id: str, timeout: float) -> Iterator[dict[str, Any]]:
        deadline = time.monotonic() + timeout
        while True:
            try:
                message = self._messages.get(timeout=max(deadline - time.monotonic(), 0.001))
            except queue.Empty:
                raise TimeoutError(
                    f"The kernel did not answer within {timeout:.0f} s. It said:\n{self.heard()}"
                ) from None
            if message["parent_header"].get("msg_id") == message_id:
                yield message

    def _listen(self, address: str, listening: threading.Event) -> None:
        """Collect what the kernel publishes, until the process ends; its sockets belong to this thread."""
        session = Session(key=self._key)
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        socket.setsockopt(zmq.LINGER, 0)
        socket.subscribe(b"")
        socket.connect(address)
        while True:
            _, frames = session.feed_identities(socket.recv_multipart())
            message = session.deserialize(frames)
            listening.set()
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "error":
                self._heard.append("\n".join(content["traceback"]) + "\n")
            elif kind == "stream" and content["name"] == "stderr":
                self._heard.append(content["text"])
            self._messages.put(message)


def _plain(text: str) -> str:
    """Return text without the codes that colour it on a terminal."""
    return re.sub(r"\x1b\[[\d;]*m", "", text)
