"""Which block of a model runs at this moment, on which tokens, seen from hooks of one thread.

A hook on a module inside a block has to know the block's layer (in ALBERT one module is every layer), how a flattened
batch is shaped, and, while text is generated with a cache of keys and values, which tokens of the sequence pass.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ecco_widgets.errors import UnsupportedModel


def here(hook: Callable[..., Any]) -> Callable[..., Any]:
    """A hook that may change what it sees, on the thread that made it only."""
    thread = threading.get_ident()

    def hook_here(*args: Any) -> Any:
        return hook(*args) if threading.get_ident() == thread else None

    return hook_here


@contextlib.contextmanager
def hooked(handles: Iterable[Any]) -> Iterator[None]:
    """Removes hooks when the context ends, however it ends; give handles as a generator that makes them."""
    with contextlib.ExitStack() as stack:
        for handle in handles:
            stack.callback(handle.remove)
        yield


@dataclass(frozen=True)
class Moment:
    """A block at work.

    Attributes:
        layer: Index of the block.
        batch: B.
        length: T, tokens of this call; with a cache only those that are new.
        offset: Index of the first of them in the sequence.
    """

    layer: int
    batch: int
    length: int
    offset: int

    def rows(self, values: Tensor) -> Tensor:
        """Values (B, T, ...) or already flattened ones as (B * T, ...).

        Raises:
            UnsupportedModel: If there are not as many rows as tokens.
        """
        rows = values.reshape(-1, values.shape[-1])
        if rows.shape[0] != self.batch * self.length:
            raise UnsupportedModel(
                f"layer {self.layer} works on {rows.shape[0]} rows where the run has {self.batch} x {self.length} "
                "tokens, so its values can't be told apart by token.",
                hint="Switch off what splits or packs tokens, e.g. model.config.chunk_size_feed_forward = 0.",
            )
        return rows

    def whole(self, rows: Tensor) -> Tensor:
        """Rows (B * T, ...) as (B, T, ...)."""
        return rows.reshape(self.batch, self.length, *rows.shape[1:])


class LayerCalls:
    """Follows the blocks of one stack while they run.

    Args:
        base: The stack, called once for each pass.
        blocks: Its L blocks in the order of their calls; a module may occur several times.
    """

    def __init__(self, base: nn.Module, blocks: Sequence[nn.Module]) -> None:
        self._base = base
        self._layers: dict[nn.Module, list[int]] = {}
        for layer, block in enumerate(blocks):
            self._layers.setdefault(block, []).append(layer)
        self._n_calls: dict[nn.Module, int] = {}
        self._offset_of_pass = self._offset = 0
        self.now: Moment | None = None

    @contextlib.contextmanager
    def following(self) -> Iterator[LayerCalls]:
        """Inside the context ``now`` is the block at work on this thread, ``None`` outside of blocks."""

        def handles() -> Iterator[Any]:
            yield self._base.register_forward_pre_hook(here(self._begin_pass), with_kwargs=True)
            for block in self._layers:
                yield block.register_forward_pre_hook(here(self._enter), with_kwargs=True)
                # Called after an exception too: the next pass begins afresh.
                yield block.register_forward_hook(here(self._leave), always_call=True)

        with hooked(handles()):
            yield self

    def _begin_pass(self, _base: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self._n_calls.clear()
        self._offset_of_pass = _cached_length([*args, *kwargs.values()]) or 0
        self.now = None

    def _enter(self, block: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        layers = self._layers[block]
        n_calls = self._n_calls.get(block, 0)
        self._n_calls[block] = n_calls + 1
        layer = layers[n_calls % len(layers)]
        if layer == 0:
            # OPT's model is passed by, only its decoder is called: the first block sees the cache before it grows.
            cached = _cached_length([*args, *kwargs.values()])
            self._offset = self._offset_of_pass if cached is None else cached
            self._offset_of_pass = 0
        states = states_of(args, kwargs)
        self.now = Moment(layer, states.shape[0], states.shape[1], self._offset)

    def _leave(self, *_: Any) -> None:
        self.now = None


def states_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensor:
    """The hidden states (B, T, D) among a block's arguments: the first of them, or the first named one."""
    states: Tensor = args[0] if args else kwargs[_first_name(kwargs)]
    return states


def with_states(args: tuple[Any, ...], kwargs: Mapping[str, Any], states: Tensor) -> tuple[tuple[Any, ...], Any]:
    """A block's arguments with other hidden states."""
    return ((states, *args[1:]), kwargs) if args else (args, {**kwargs, _first_name(kwargs): states})


def _first_name(kwargs: Mapping[str, Any]) -> str:
    names = ("hidden_states", *(name for name, value in kwargs.items() if isinstance(value, Tensor)))
    return next(name for name in names if name in kwargs)


def first_tensor(value: Any) -> Tensor | None:
    """A module's output, or the first of several."""
    first = value[0] if isinstance(value, (tuple, list)) and value else value
    return first if isinstance(first, Tensor) else None


def _cached_length(arguments: Iterable[Any]) -> int | None:
    """Tokens whose keys and values are in a cache among these arguments, ``None`` if there is no cache."""
    for argument in arguments:
        length = getattr(argument, "get_seq_length", None)
        if callable(length):
            return int(length())
    return None
