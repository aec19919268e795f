"""Language models and their runs: load, tokenise, generate, score, and keep what one run produced.

Others may use ``LanguageModel``, ``Trace``, ``from_pretrained``, ``from_model`` and ``load_demo``. Importing this room
does not import torch; the first use of a name does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecco_widgets._lazy import lazy_names

if TYPE_CHECKING:
    from ecco_widgets.models.language_model import LanguageModel
    from ecco_widgets.models.loading import from_model, from_pretrained, load_demo
    from ecco_widgets.models.trace import Trace

__all__ = ["LanguageModel", "Trace", "from_model", "from_pretrained", "load_demo"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "LanguageModel": "ecco_widgets.models.language_model",
        "Trace": "ecco_widgets.models.trace",
        "from_model": "ecco_widgets.models.loading",
        "from_pretrained": "ecco_widgets.models.loading",
        "load_demo": "ecco_widgets.models.loading",
    },
)
