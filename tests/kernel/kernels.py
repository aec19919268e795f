"""A real kernel of a given ipykernel version, driven as a notebook's front end drives it, without a browser."""

from __future__ import annotations

import os
import queue
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[2]
TIMEOUT = 60.0
QUIET = 5.0

Message = dict[str, Any]


class Kernel:
    """Starts a kernel; ``folder`` comes first on its path.

    Args:
        folder: Holds the ipykernel to run.
        scratch: A folder of the test's own.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self.manager = KernelManager(connection_file=str(scratch / "connection.json"))
        self.manager._kernel_spec = KernelSpec(argv=argv, display_name="test", language="python")
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
            "IPYTHONDIR": str(scratch / "ipython"),
            "JUPYTER_RUNTIME_DIR": str(scratch),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        self.manager.start_kernel(env=env, cwd=str(scratch))
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=TIMEOUT)
        # ipykernel 7.0 to 7.3 answers on the shell socket behind the back of the stream that reads it, and may so miss
        # that a request has come (its issue 1554; fixed in 7.4 by its pull request 1529). It lies there until the next
        # connection. Whether a silence seen here was that is not proved, so that each one shows as a warning.
        self.may_strand_a_request = folder.name.startswith(("7.0", "7.1", "7.2", "7.3"))
        self.folder = folder
        self.scratch = scratch
        self.published: list[Message] = []

    def close(self) -> None:
        """Stop it."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    # ---------------------------------------------------------------------------------------------------------- sending

    def start_cell(self, code: str) -> str:
        """Run a cell; returns its id without waiting for it."""
        return str(self.client.execute(code, store_history=False))

    def run_cell(self, code: str) -> str:
        """Run a cell to its end and return what it printed."""
        cell = self.start_cell(code)
        self.wait_idle(cell)
        mine = [message for message in self.published if message["parent_header"].get("msg_id") == cell]
        errors = [message["content"] for message in mine if message["msg_type"] == "error"]
        assert not errors, "\n".join(errors[0]["traceback"])
        return "".join(message["content"]["text"] for message in mine if message["msg_type"] == "stream")

    def start_waiting_cell(self, before: str = "") -> tuple[str, Path]:
        """Run a cell that does ``before``, then waits until the returned file exists."""
        flag = self.scratch / f"flag-{len(self.published)}-{time.monotonic_ns()}"
        cell = self.start_cell(
            f"import os, time\n{before}\nprint('cell runs', flush=True)\n"
            f"while not os.path.exists({str(flag)!r}): time.sleep(0.01)"
        )
        self.wait_for(lambda message: message["msg_type"] == "stream" and message["parent_header"]["msg_id"] == cell)
        return cell, flag

    def create_subshell(self) -> str | None:
        """A new subshell's id; None for a kernel without subshells."""
        information = self.ask("kernel_info_request")["content"]
        if "kernel subshells" not in information.get("supported_features", []):
            return None
        return str(self.ask("create_subshell_request")["content"]["subshell_id"])

    def ask(self, msg_type: str) -> Message:
        """Send a request on the control channel and return the reply."""
        message = self.client.session.msg(msg_type, {})
        self.client.control_channel.send(message)
        while True:
            reply: Message = self.client.get_control_msg(timeout=TIMEOUT)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return reply

    def send_request(self, comm_id: str, content: Any, subshell: str | None) -> str:
        """Send a widget's custom message as JupyterLab does; returns the message's id."""
        message = self.client.session.msg(
            "comm_msg", {"comm_id": comm_id, "data": {"method": "custom", "content": content}}
        )
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    # -------------------------------------------------------------------------------------------------------- receiving

    def wait_for(self, condition: Callable[[Message], bool]) -> int:
        """Index in ``published`` of the first message that meets ``condition``, received already or to come."""
        seen, deadline = 0, time.monotonic() + TIMEOUT
        while True:
            while seen < len(self.published):
                if condition(self.published[seen]):
                    return seen
                seen += 1
            assert time.monotonic() < deadline, [summary(message) for message in self.published[-20:]]
            try:
                self.published.append(self.client.get_iopub_msg(timeout=QUIET))
            except queue.Empty:
                if self.may_strand_a_request:
                    warnings.warn(f"{self.folder.name}: silent for {QUIET} s, connecting once more", stacklevel=2)
                    self.connect_once_more()

    def connect_once_more(self) -> None:
        """A further connection to the shell port, as when a page reconnects: the kernel then reads what lay there."""
        client = self.manager.client()
        client.start_channels(iopub=False, stdin=False, hb=False, control=False)
        client.kernel_info()
        client.stop_channels()

    def wait_idle(self, parent: str) -> int:
        """Index of the message that says that ``parent`` has been dealt with."""
        return self.wait_for(
            lambda message: (
                message["msg_type"] == "status"
                and message["content"]["execution_state"] == "idle"
                and message["parent_header"].get("msg_id") == parent
            )
        )

    def wait_answer(self, comm_id: str, number: int | None, kind: str = "result") -> int:
        """Index of the answer to request ``number`` of a widget."""

        def is_it(message: Message) -> bool:
            content = message["content"].get("data", {}).get("content", {}) if message["msg_type"] == "comm_msg" else {}
            return (
                message["content"].get("comm_id") == comm_id
                and content.get("kind") == kind
                and content.get("id") == number
            )

        return self.wait_for(is_it)


def summary(message: Message) -> str:
    """One line about a message, for failures."""
    return f"{message['msg_type']} {str(message['content'])[:200]}"
