"""Pictures go into the state when nobody waits for the worker, for saved notebooks and pages that are loaded again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ecco_widgets.live import Listener, Request, codec
from ecco_widgets.widgets import _lens_rows as lens_rows
from ecco_widgets.widgets._live_widget import LiveWidget


class Keeping(LiveWidget):
    """A widget that keeps what it has computed last in traits."""

    def __init__(self, *args: Any, **traits: Any) -> None:
        self._worth_keeping: dict[str, Any] = {}
        self._keeping = False
        super().__init__(*args, **traits)

    def _keep(self, name: str, value: Mapping[str, Any]) -> None:
        """Put arrays and plain values into a trait when the worker is idle; called under the lock."""
        if self._closed:
            return
        self._worth_keeping[name] = value
        if self._keeping:
            return
        self._keeping = True
        listener = Listener(on_result=lambda _: self._keep_now(), on_error=self._not_kept, on_cancelled=self._not_kept)
        self._background("keep").submit(Request(lens_rows.IDLE, None, {}, cacheable=False), listener)

    def _keep_nothing(self) -> None:
        """What waits is not worth it any more; called under the lock, after the channels have moved."""
        self._worth_keeping, self._keeping = {}, False

    def _keep_now(self) -> None:
        with self._lock, self.hold_sync():
            self._keeping = False
            waiting, self._worth_keeping = self._worth_keeping, {}
            if not self._closed:
                for name, value in waiting.items():
                    self.set_trait(name, deep_trait(value))

    def _not_kept(self, _: object = None) -> None:
        with self._lock:
            self._keeping = False


def as_trait(value: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays and plain values as a trait's value."""
    return {name: codec.encode_trait(item) if isinstance(item, np.ndarray) else item for name, item in value.items()}


def deep_trait(value: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays of an object, and of objects in it, as a trait's value."""
    return as_trait({name: deep_trait(item) if isinstance(item, Mapping) else item for name, item in value.items()})
