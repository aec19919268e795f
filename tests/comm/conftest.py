from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ecco_widgets.live import Engine
from tests.comm.toy import FakeComm, Toy, install


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine("toy")
    yield engine
    engine.close(timeout=20)


@pytest.fixture
def make(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Toy]]:
    """Makes toy widgets with fake comms and closes them at the end."""
    install(monkeypatch)
    made: list[Toy] = []

    def make(kind: type[Toy] = Toy, **traits: Any) -> Toy:
        made.append(kind(engine, **traits))
        return made[-1]

    yield make
    for widget in made:
        widget.close()


@pytest.fixture
def widget(make: Callable[..., Toy]) -> Toy:
    return make()


@pytest.fixture
def page(widget: Toy) -> FakeComm:
    """The other end of the widget's comm."""
    comm: FakeComm = widget.comm
    return comm
