from __future__ import annotations

from collections.abc import Iterator

import pytest

from ecco_widgets.live import Engine
from tests.unit.live.recording import Log, echo


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine with its thread, closed at the end."""
    engine = Engine("test")
    engine.register("echo", echo)
    yield engine
    engine.close(timeout=20)
