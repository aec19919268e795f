from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from ecco_widgets.live import Engine
from tests.comm.toy import FakeComm, Toy, install

if TYPE_CHECKING:
    from ecco_widgets.models import LanguageModel, Trace


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


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    from tests.support.tiny_models import tiny_lm  # late: the tests of the toy need no model

    return tiny_lm("gpt2")


@pytest.fixture(scope="module")
def trace(lm: LanguageModel) -> Trace:
    return lm.generate("The keys to the cabinet", generate=8, min_new_tokens=8)


@pytest.fixture
def open_widget(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Makes widgets of a class with fake comms and closes them at the end."""
    install(monkeypatch)
    made: list[Any] = []

    def open_one(kind: type, shown: Trace = trace, **traits: Any) -> Any:
        made.append(kind(shown, **traits))
        return made[-1]

    yield open_one
    for widget in made:
        widget.close()
