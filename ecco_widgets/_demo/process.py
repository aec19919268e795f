"""A web server in a process of its own: start it, wait until it answers, stop it."""

from __future__ import annotations

import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from ecco_widgets.errors import EccoError

START_SECONDS = 120
STOP_SECONDS = 15


class ServerFailed(EccoError, RuntimeError):
    """A server could not be started, or ended by itself."""


class ServerProcess:
    """One server process.

    Args:
        command: Program and arguments.
        folder: Where it runs.
        environment: All of its environment variables.
        log: File that takes what it prints.

    Raises:
        OSError: The program does not exist.
    """

    def __init__(self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            # A session of its own: Ctrl-C reaches this process alone, which then stops the server in order.
            self._process = subprocess.Popen(
                list(command),
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for_answer(self, url: str, *, seconds: float = START_SECONDS) -> None:
        """Wait until something answers at an address, with whatever status.

        Raises:
            ServerFailed: The server ended, or did not answer in time; the message holds its last words.
        """
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy does not know this machine
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (status := self._process.poll()) is not None:
                raise ServerFailed(f"The server ended with status {status} while starting. {self.last_words()}")
            try:
                opener.open(url, timeout=5).close()
            except urllib.error.HTTPError:
                return  # an answer, if not a page
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise ServerFailed(f"The server did not answer within {seconds:.0f} s. {self.last_words()}")

    def wait(self) -> int:
        """Wait until the server ends by itself and return its exit status."""
        return self._process.wait()

    def last_words(self, lines: int = 20) -> str:
        """Return the end of what the server printed."""
        text = self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""
        return "Its last words:\n" + "\n".join(text.splitlines()[-lines:])

    def stop(self) -> None:
        """Stop the server; Jupyter's applications stop their kernels first. Does nothing the second time."""
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
