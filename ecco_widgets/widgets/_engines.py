"""One engine per model: whichever widget comes first makes it, and closing the model closes it."""

from __future__ import annotations

import threading
import weakref

from ecco_widgets.live import Engine
from ecco_widgets.models.language_model import LanguageModel
from ecco_widgets.widgets import _factor_rows as factor_rows
from ecco_widgets.widgets import _lens_rows as lens_rows
from ecco_widgets.widgets import _neuron_rows as neuron_rows
from ecco_widgets.widgets._attribution_rows import AttributionRows
from ecco_widgets.widgets._vocabulary import COMPLETE, Completion

# Kept graphs go after this many seconds without a request.
_IDLE_SECONDS = 30.0

_lock = threading.Lock()
_engines: weakref.WeakKeyDictionary[LanguageModel, Engine] = weakref.WeakKeyDictionary()


def engine_of(lm: LanguageModel) -> Engine:
    """The engine that runs this model's analyses.

    Raises:
        ModelClosed: If the model was closed.
    """
    lm.check_open()
    with _lock:
        engine = _engines.get(lm)
        if engine is None:
            engine = Engine(lm.name)
            rows = AttributionRows()
            engine.register(AttributionRows.ANALYSIS, rows)
            lens_rows.register(engine)
            factor_rows.register(engine)
            neuron_rows.register(engine)
            engine.register(COMPLETE, Completion())
            engine.when_idle(rows.release, after=_IDLE_SECONDS)
            _engines[lm] = engine
            lm.on_close(engine.close)
        return engine
