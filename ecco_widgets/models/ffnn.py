"""Finds the feed-forward network (FFNN) of each block by what depends on what, not by names.

One forward pass in which the output of every projection inside a block is replaced by a leaf of the autograd graph
with the same numbers. So each projection's input, and each block's output, depends only on the projections nearest to
it. What reaches the block's output are then the output projections: of attention, whose input mixes tokens, and of the
FFNN, whose input at a token depends on other projections at that token alone.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.experts import ExpertsProjection, Product, expert_parameters, products_seen
from ecco_widgets.models.passes import LayerCalls, first_tensor, here, hooked, states_of, with_states
from ecco_widgets.models.projections import OutputProjection, is_projection

Run = Callable[[], Any]
"""One forward pass of a stack on a short input of at least three tokens, without a cache of keys and values."""


@dataclass(frozen=True)
class Ffnn:
    """The feed-forward network of one block.

    Attributes:
        outputs: Its output projections: one, or the experts and those that every token passes beside them.
        first: The projection that feeds them (the first one, where a gate does too); experts feed themselves.
    """

    outputs: tuple[OutputProjection, ...]
    first: nn.Module

    @property
    def width(self) -> int:
        """N, number of neurons."""
        return sum(output.width for output in self.outputs)


@dataclass
class _Call:
    """A projection at work in the traced pass."""

    name: str
    module: nn.Module
    given: Tensor
    leaf: Tensor
    down: Product | None = None


@dataclass
class _Block:
    """What was seen of one block."""

    calls: list[_Call] = field(default_factory=list)
    output: Tensor | None = None


@torch.enable_grad()
def find_ffnns(base: nn.Module, blocks: Sequence[nn.Module], run: Run, name: str | None = None) -> list[Ffnn]:
    """Find the output projection of each block's FFNN.

    Args:
        base: The stack.
        blocks: Its L blocks in the order of their calls.
        run: One forward pass of at least three tokens.
        name: Named by hand instead: dotted name of the projection (or of the experts' module) within a block, or a
            regular expression of it.

    Returns:
        L feed-forward networks.

    Raises:
        UnsupportedModel: If a block has none, or none that can be told from others.
        InvalidInput: If the name is no regular expression.
    """
    seen = _Trace(base, blocks).run(run)
    return [_ffnn(block, module, layer, name) for layer, (block, module) in enumerate(zip(seen, blocks, strict=True))]


class _Trace:
    """One pass in which every projection of every block gives leaves, and nothing before a block is looked at."""

    def __init__(self, base: nn.Module, blocks: Sequence[nn.Module]) -> None:
        self._calls = LayerCalls(base, blocks)
        self._modules = tuple(dict.fromkeys(blocks))
        self._downs: dict[nn.Module, Product] = {}
        self.blocks = [_Block() for _ in blocks]

    def run(self, run: Run) -> list[_Block]:
        with contextlib.ExitStack() as stack:
            for block in self._modules:
                stack.enter_context(hooked(self._handles(block)))
                for _, module in _outermost(block):
                    if names := expert_parameters(module):
                        stack.enter_context(products_seen(module, names, partial(self._note_product, module)))
            stack.enter_context(self._calls.following())  # last, so that a block's own hooks still know its layer
            run()
        return self.blocks

    def _handles(self, block: nn.Module) -> Iterator[Any]:
        yield block.register_forward_pre_hook(here(self._enter), with_kwargs=True)
        yield block.register_forward_hook(here(self._leave))
        for name, module in _outermost(block):
            yield module.register_forward_hook(here(partial(self._cut, name)), with_kwargs=True)

    def _enter(self, _block: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        return with_states(args, kwargs, states_of(args, kwargs).detach())

    def _leave(self, _block: nn.Module, _args: Any, output: Any) -> None:
        if self._calls.now is not None:
            self.blocks[self._calls.now.layer].output = first_tensor(output)

    def _note_product(self, module: nn.Module, product: Product) -> None:
        self._downs[module] = product  # the last one is that with the down-projection

    def _cut(self, name: str, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Any:
        given = args[0] if args else next(iter(kwargs.values()), None)
        if self._calls.now is None or not isinstance(given, Tensor) or not isinstance(output, Tensor):
            return None
        if not (given.is_floating_point() and output.is_floating_point()):
            return None
        down = self._downs.pop(module, None)
        if down is None and not is_projection(module):
            return None  # parameters of three dimensions, but no experts
        leaf = output.detach().requires_grad_()
        self.blocks[self._calls.now.layer].calls.append(_Call(name, module, given, leaf, down))
        return leaf.clone()  # may be changed in place


def _outermost(block: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Projections and experts in a block; what is inside of one (an adapter, for example) is part of it."""
    for name, module in block.named_children():
        linear = is_projection(module)
        if linear or expert_parameters(module):
            yield prefix + name, module
        if not linear:
            yield from _outermost(module, f"{prefix}{name}.")


def _ffnn(seen: _Block, block: nn.Module, layer: int, name: str | None) -> Ffnn:
    candidates = _candidates(seen) if name is None else _named(seen, name)
    chosen = _chosen(candidates) if name is None else candidates
    if not chosen:
        raise _not_found(seen, block, layer, candidates, name)
    first = min((_feeders(seen, call) or [call] for call in chosen), key=lambda calls: seen.calls.index(calls[0]))[0]
    return Ffnn(tuple(_projection(call) for call in chosen), first.module)


def _named(seen: _Block, name: str) -> list[_Call]:
    """Projections of this name, or of names that match it; a part of a name, as in Ecco's recipes, if it is one's."""
    exact = [call for call in seen.calls if call.name == name]
    if exact:
        return exact
    try:
        whole = [call for call in seen.calls if re.fullmatch(name, call.name)]
        part = [call for call in seen.calls if re.search(name, call.name)]
    except re.error as error:
        raise InvalidInput(
            f"parts['neurons'] is neither the name of a projection nor a regular expression: {name!r} ({error}).",
            hint="For example parts={'neurons': 'mlp.c_proj'}.",
        ) from None
    if not whole and len(part) > 1:
        several = ", ".join(repr(call.name) for call in part)
        raise UnsupportedModel(
            f"parts['neurons'] = {name!r} fits several projections of a block: {several}.",
            hint="Name one of them whole.",
        )
    return whole or part


def _candidates(seen: _Block) -> list[_Call]:
    """Projections that reach the block's output, as wide as it, and do not mix tokens."""
    output = seen.output
    if output is None or not output.requires_grad:
        return []
    width = output.shape[-1]
    reaching = _dependence(output, [call.leaf for call in seen.calls])
    return [
        call
        for call, gradient in zip(seen.calls, reaching, strict=True)
        if gradient is not None
        and call.leaf.shape[-1] == width
        and (call.down is not None or (_n_rows(call.given) == _n_rows(output) and _is_tokenwise(seen, call)))
    ]


def _n_rows(values: Tensor) -> int:
    return values.shape[:-1].numel()


def _is_tokenwise(seen: _Block, call: _Call) -> bool:
    """Whether a projection's input depends on others token by token, and not linearly."""
    leaves = [other.leaf for other in _before(seen, call)]
    rows = call.given.reshape(-1, call.given.shape[-1])
    feeding = [g.reshape(-1, g.shape[-1]) for g in _gradients(rows[-1:], leaves) if g is not None]
    if not feeding or any(g.shape[0] != rows.shape[0] or bool(g[:-1].any()) for g in feeding):
        return False
    # Row r of the gradient of all rows is then the slope at token r: the same everywhere only if nothing is bent.
    slopes = [g.reshape(-1, g.shape[-1]) for g in _gradients(rows, leaves) if g is not None]
    return any(bool((g != g[:1]).any()) for g in slopes)


def _feeders(seen: _Block, call: _Call) -> list[_Call]:
    """Projections that a projection's input depends on; experts hold theirs themselves."""
    if call.down is not None:
        return []
    before = _before(seen, call)
    gradients = _dependence(call.given, [other.leaf for other in before])
    return [other for other, gradient in zip(before, gradients, strict=True) if gradient is not None]


def _before(seen: _Block, call: _Call) -> list[_Call]:
    return seen.calls[: next(n for n, other in enumerate(seen.calls) if other is call)]


def _dependence(values: Tensor, leaves: list[Tensor]) -> list[Tensor | None]:
    """Gradient at the last token with respect to each leaf, ``None`` where it does not depend on it."""
    return _gradients(values.reshape(-1, values.shape[-1])[-1:], leaves)


def _gradients(rows: Tensor, leaves: list[Tensor]) -> list[Tensor | None]:
    """Gradient of a random sum, the same in each row, of rows (R, I)."""
    if not rows.requires_grad or not leaves:
        return [None] * len(leaves)
    weights = torch.randn(rows.shape[-1], generator=torch.Generator().manual_seed(0)).to(rows.device, rows.dtype)
    gradients = torch.autograd.grad((rows * weights).sum(), leaves, retain_graph=True, allow_unused=True)
    return [None if gradient is None or not bool(gradient.any()) else gradient for gradient in gradients]


def _chosen(candidates: list[_Call]) -> list[_Call]:
    """All where there are experts (some models let every token pass others beside them), or else the widest."""
    if any(call.down is not None for call in candidates):
        return candidates
    widest = max((call.given.shape[-1] for call in candidates), default=0)
    best = [call for call in candidates if call.given.shape[-1] == widest]
    return best if len(best) == 1 else []


def _projection(call: _Call) -> OutputProjection:
    down = call.down
    if down is None:
        return OutputProjection(call.name, call.module, call.given.shape[-1])
    n_experts = getattr(call.module, down.parameter).shape[0]
    width = n_experts * down.left.shape[-1]
    return ExpertsProjection(call.name, call.module, width, down.parameter, n_experts, down.transposed)


def _not_found(
    seen: _Block, block: nn.Module, layer: int, candidates: list[_Call], name: str | None
) -> UnsupportedModel:
    names = ", ".join(repr(call.name) for call in seen.calls) or "none"
    if name:
        problem = f"no projection in layer {layer} ({type(block).__name__}) is called {name!r}"
    elif candidates:
        several = ", ".join(repr(call.name) for call in candidates)
        problem = f"layer {layer} ({type(block).__name__}) has several that could be it: {several}"
    else:
        problem = f"layer {layer} ({type(block).__name__}) has none that was recognised"
    return UnsupportedModel(
        f"neurons are the input of the feed-forward network's output projection, and {problem}.",
        hint="Name it by hand, relative to a block: parts={'neurons': 'mlp.c_proj'} (a dotted name or a regular "
        f"expression). Projections of that layer: {names}.",
    )
