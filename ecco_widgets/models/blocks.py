"""The blocks of a model in order, what they leave in the residual stream, and what the model does after the last one.

Found by structure: the list of modules that is as long as the configuration says and whose members run once each, in
order. What follows the last block (a final norm, a projection) is not looked for by name: it is the base's own forward
pass with every block replaced, for one call, by a stub that returns given states.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ecco_widgets.errors import UnsupportedModel
from ecco_widgets.models.architecture import Architecture, close
from ecco_widgets.models.patching import forward_replaced, on_this_thread

# Rows that go through what follows the blocks together: their attention mask is square in them.
_ROWS_TOGETHER = 256


@dataclass(frozen=True)
class Blocks:
    """The residual stream of one base.

    Attributes:
        base: The part from embeddings to last hidden states.
        modules: The L blocks in the order in which they run.
        returns_tuple: Whether a block returns its states as the first of several values.
        final_norm: The norm after the last block, ``None`` where there is none.
        longest: Most rows that ``finish`` may take together.
    """

    base: nn.Module
    modules: tuple[nn.Module, ...]
    returns_tuple: bool
    final_norm: nn.Module | None
    longest: int

    def states(self, token_ids: Tensor) -> Tensor:
        """Residual stream (L + 1, T, D) of ids (1, T): what enters the first block, then what leaves each block."""
        seen: list[Tensor] = []

        def keep_input(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            seen.append((args[0] if args else kwargs["hidden_states"])[0])

        def keep_output(_module: nn.Module, _args: Any, output: Any) -> None:
            seen.append(_states_in(output)[0])

        with contextlib.ExitStack() as stack:
            handles = [self.modules[0].register_forward_pre_hook(on_this_thread(keep_input), with_kwargs=True)]
            handles += [module.register_forward_hook(on_this_thread(keep_output)) for module in self.modules]
            for handle in handles:
                stack.callback(handle.remove)
            self.base(input_ids=token_ids, use_cache=False, return_dict=True)
        return torch.stack(seen)

    def finish(self, states: Tensor, *, final_norm: bool = True) -> Tensor:
        """What the base makes of states (R, D) that leave its last block.

        Args:
            states: From any block.
            final_norm: ``False`` skips the final norm, as Ecco does.

        Returns:
            Last hidden states (R, D'), which the head turns into logits.
        """
        pieces = []
        for chunk in states.split(min(_ROWS_TOGETHER, self.longest)):
            with self._blocks_return(chunk[None]), self._norm_skipped(skip=not final_norm):
                ids = torch.zeros(1, len(chunk), dtype=torch.long, device=states.device)
                pieces.append(self.base(input_ids=ids, use_cache=False, return_dict=True).last_hidden_state[0])
        return torch.cat(pieces)

    @contextlib.contextmanager
    def _blocks_return(self, states: Tensor) -> Iterator[None]:
        output = (states,) if self.returns_tuple else states
        with contextlib.ExitStack() as stack:
            for module in self.modules:
                stack.enter_context(forward_replaced(module, lambda *_, **__: output))
            yield

    @contextlib.contextmanager
    def _norm_skipped(self, *, skip: bool) -> Iterator[None]:
        if not skip or self.final_norm is None:
            yield
            return
        with forward_replaced(self.final_norm, lambda states, *_, **__: states):
            yield


@torch.no_grad()
def find_blocks(parts: Architecture) -> Blocks:
    """Find the blocks of a model and prove that what follows them gives the model's last hidden states.

    Args:
        parts: The model taken apart.

    Returns:
        The blocks.

    Raises:
        UnsupportedModel: If no list of modules has the right length and order, or the proof fails.

    Example:
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> from ecco_widgets.models.architecture import inspect_model
        >>> config = GPT2Config(n_layer=2, n_embd=8, n_head=2, vocab_size=11, n_positions=16, eos_token_id=0)
        >>> blocks = find_blocks(inspect_model(GPT2LMHeadModel(config).eval()))
        >>> len(blocks.modules), type(blocks.final_norm).__name__
        (2, 'LayerNorm')
    """
    name = type(parts.model).__name__
    longest = parts.context or _ROWS_TOGETHER
    length = min(5, longest)
    ids = torch.arange(length, device=parts.model.device)[None] % parts.vocabulary
    for modules in parts.base.modules():
        if not isinstance(modules, nn.ModuleList) or len(modules) != parts.n_layers:
            continue
        outputs = _outputs_in_order(parts.base, tuple(modules), ids)
        if outputs is None:
            continue
        blocks = Blocks(parts.base, tuple(modules), isinstance(outputs[-1], tuple), None, longest)
        expected = parts.states(parts.embed(ids))[0]
        if not close(blocks.finish(_states_in(outputs[-1])[0]), expected):
            break
        return replace(blocks, final_norm=_norm_after(blocks, _states_in(outputs[-1])[0]))
    raise UnsupportedModel(
        f"{name}: its {parts.n_layers} blocks could not be found, or replacing them does not give its last states.",
        hint="The lens needs them; attributions work without. Please report the model's class.",
    )


def _outputs_in_order(base: nn.Module, modules: tuple[nn.Module, ...], ids: Tensor) -> list[Any] | None:
    """What each module returned, if each ran once, in order, and made states for every token."""
    ran: list[tuple[nn.Module, Any]] = []
    handles = [module.register_forward_hook(lambda m, _args, out: ran.append((m, out))) for module in modules]
    try:
        base(input_ids=ids, use_cache=False, return_dict=True)
    finally:
        for handle in handles:
            handle.remove()
    outputs = [output for _, output in ran]
    in_order = [id(module) for module, _ in ran] == [id(module) for module in modules]
    whole = in_order and all(_is_states(output, ids.shape[1]) for output in outputs)
    return outputs if whole else None


def _norm_after(blocks: Blocks, states: Tensor) -> nn.Module | None:
    """The first module after the last block that has a weight for each dimension and keeps the shape."""
    after: list[nn.Module] = []
    reached = False

    def mark(*_: Any) -> None:
        nonlocal reached
        reached = True

    def note(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        weight = getattr(module, "weight", None)
        same_shape = isinstance(output, Tensor) and bool(args) and args[0].shape == output.shape
        if reached and same_shape and isinstance(weight, Tensor) and weight.shape == output.shape[-1:]:
            after.append(module)

    inside = {m for block in blocks.modules for m in block.modules()}
    handles = [blocks.modules[-1].register_forward_hook(mark)]
    handles += [m.register_forward_hook(note) for m in blocks.base.modules() if m not in inside]
    try:
        blocks.finish(states)
    finally:
        for handle in handles:
            handle.remove()
    return after[0] if after else None


def _states_in(output: Any) -> Tensor:
    states: Tensor = output[0] if isinstance(output, tuple) else output
    return states


def _is_states(output: Any, length: int) -> bool:
    first = output[0] if isinstance(output, tuple) and output else output
    return isinstance(first, Tensor) and first.dim() == 3 and first.shape[:2] == (1, length)
