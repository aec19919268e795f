"""What goes into and comes out of the modules inside blocks during one pass."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ecco_widgets.errors import UnsupportedModel
from ecco_widgets.models.passes import LayerCalls, first_tensor, here, hooked


@dataclass(frozen=True)
class Point:
    """A call of a module inside a block.

    Attributes:
        module: Dotted name within the block.
        call: Which of its calls in one pass of the block.
    """

    module: str
    call: int


@dataclass
class Watched:
    """One block in one pass.

    Attributes:
        output: What left the block, shape (B, T, D); empty until then.
        without: The same with its silenced modules giving zeros; ``None`` where that was not asked for.
        entered: Calls of modules, in order of their beginnings.
        left: The same calls, in order of their ends.
        inputs: First tensor that each call was given.
        outputs: First tensor that it gave.
    """

    output: Tensor = field(default_factory=lambda: torch.empty(0))
    without: Tensor | None = None
    entered: list[Point] = field(default_factory=list)
    left: list[Point] = field(default_factory=list)
    inputs: dict[Point, Tensor] = field(default_factory=dict)
    outputs: dict[Point, Tensor] = field(default_factory=dict)
    open: list[Point] = field(default_factory=list)


class BlockWatch:
    """Watches the blocks of a stack on this thread.

    Args:
        base: The stack.
        blocks: Its L blocks in the order of their calls.
        names: For each block the modules to watch; all by default.
        silenced: For each block modules for a second run of the block in which they give zeros.
    """

    def __init__(
        self,
        base: nn.Module,
        blocks: Sequence[nn.Module],
        names: Sequence[set[str]] | None = None,
        silenced: Sequence[Sequence[nn.Module]] | None = None,
    ) -> None:
        self._blocks = blocks
        self._names = names
        self._silenced = silenced
        self._calls = LayerCalls(base, blocks)
        self._again = False
        self._seen = [Watched() for _ in blocks]

    def run(self, run: Callable[[], Any]) -> list[Watched]:
        """What was seen while ``run`` ran the stack once.

        Raises:
            UnsupportedModel: If a block did not run, or gave no states.
        """
        # The blocks' own hooks first: they must see a block's layer before it is left.
        with hooked(self._handles()), self._calls.following():
            run()
        for layer, watched in enumerate(self._seen):
            if watched.output.numel() == 0:
                raise UnsupportedModel(
                    f"layer {layer} did not run, or gave no states.", hint="Please report the model's class."
                )
        return self._seen

    def _handles(self) -> Iterator[Any]:
        wanted: set[str] | None = None if self._names is None else set().union(*self._names)
        for block in dict.fromkeys(self._blocks):
            yield block.register_forward_hook(here(self._leave_block), with_kwargs=True)
            for name, module in block.named_modules():
                if name and (wanted is None or name in wanted):
                    yield module.register_forward_pre_hook(here(partial(self._enter, name)), with_kwargs=True)
                    yield module.register_forward_hook(here(partial(self._leave, name)))

    def _block_of(self, name: str) -> Watched | None:
        now = self._calls.now
        if now is None or self._again or (self._names is not None and name not in self._names[now.layer]):
            return None
        return self._seen[now.layer]

    def _enter(self, name: str, _module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        block = self._block_of(name)
        if block is None:
            return
        point = Point(name, sum(other.module == name for other in block.entered))
        block.open.append(point)
        block.entered.append(point)
        given = first_tensor([*args, *kwargs.values()])
        if given is not None:
            block.inputs[point] = given.clone()  # models add to tensors in place

    def _leave(self, name: str, _module: nn.Module, _args: Any, output: Any) -> None:
        block = self._block_of(name)
        if block is None:
            return
        point = block.open.pop()
        block.left.append(point)
        given = first_tensor(output)
        if given is not None:
            block.outputs[point] = given.clone()

    def _leave_block(self, block: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> None:
        states = first_tensor(output)
        if self._calls.now is None or self._again or states is None:
            return
        layer = self._calls.now.layer
        self._seen[layer].output = states.clone()
        if self._silenced is None:
            return
        self._again = True
        try:
            with _giving_zeros(self._silenced[layer]):
                self._seen[layer].without = first_tensor(block.forward(*args, **kwargs))
        finally:
            self._again = False


@contextlib.contextmanager
def _giving_zeros(modules: Sequence[nn.Module]) -> Iterator[None]:
    def zeros(_module: nn.Module, _args: Any, output: Any) -> Any:
        return torch.zeros_like(output) if isinstance(output, Tensor) else None

    with hooked(module.register_forward_hook(here(zeros)) for module in modules):
        yield
