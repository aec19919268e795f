"""Transformers' eager implementations in place of fused ones, for a moment and on one thread only.

Fused attention makes no attention weights, fused experts no neurons. Which implementation runs is read from the model's
configuration at each call, so it is enough that the configuration says "eager" to the thread that asks. Setting it
would change what runs on other threads, in the middle of their passes.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from torch import nn

_NAMES = ("_attn_implementation", "_experts_implementation")
_lock = threading.Lock()
# Configurations by identity, with the threads that asked for eager; as often as they did.
_asked: dict[int, list[int]] = {}
_listening: dict[type, type] = {}


@contextlib.contextmanager
def eager_here(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Inside the context these modules compute eagerly on this thread; elsewhere and afterwards as before.

    Args:
        modules: Those whose ``config`` is asked, e.g. ``model.modules()``.
    """
    configs = {id(config): config for config in (getattr(m, "config", None) for m in modules) if _chooses(config)}
    with contextlib.ExitStack() as stack:
        for config in configs.values():
            _listen(config)
            stack.callback(_stop_listening, config)
        yield


def _chooses(config: Any) -> bool:
    return any(isinstance(getattr(type(config), name, None), property) for name in _NAMES)


def _listen(config: Any) -> None:
    with _lock:
        threads = _asked.setdefault(id(config), [])
        threads.append(threading.get_ident())
        if len(threads) == 1:
            config.__class__ = _listening_class(type(config))


def _stop_listening(config: Any) -> None:
    with _lock:
        threads = _asked[id(config)]
        threads.remove(threading.get_ident())
        if not threads:
            del _asked[id(config)]
            config.__class__ = type(config).__bases__[0]


def _listening_class(own: type) -> type:
    """A class of the same name, whose instances say "eager" to threads inside ``eager_here``."""
    if own not in _listening:
        _listening[own] = type(
            own.__name__,
            (own,),
            {
                "__module__": own.__module__,
                **{name: _eager_when_asked(getattr(own, name)) for name in _NAMES if hasattr(own, name)},
            },
        )
    return _listening[own]


def _eager_when_asked(original: property) -> property:
    def read(config: Any) -> Any:
        asked = threading.get_ident() in _asked.get(id(config), ())
        return "eager" if asked else original.__get__(config)

    return property(read, original.fset)
