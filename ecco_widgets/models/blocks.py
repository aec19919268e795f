"""The blocks of a model in order, what they leave in the residual stream, and what the model does after the last one.

Found by structure: the outermost list of modules whose members run one after the other and each return states of every
token. What follows the last block (a final norm, a projection) is not looked for by name: it is the stack's own forward
pass with every block replaced, for one call, by a stub that returns given states.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.architecture import Architecture, Classifier, EncoderDecoder, close
from ecco_widgets.models.patching import forward_replaced, on_this_thread

# Rows that go through what follows the blocks together: their attention mask is square in them.
_ROWS_TOGETHER = 256
_LENGTH = 5


@dataclass(frozen=True)
class Blocks:
    """The residual stream of one stack (a decoder, or an encoder).

    Attributes:
        parts: The model.
        stack: The module from embeddings to last hidden states.
        modules: The L blocks in the order in which they run; a model that shares weights between layers has the same
            module several times.
        rest: What a block returns beside its states.
        returns_tuple: Whether a block returns its states as the first of several values.
        final_norm: The norm after the last block, ``None`` where there is none.
        longest: Most rows that ``finish`` may take together.
    """

    parts: Architecture
    stack: nn.Module
    modules: tuple[nn.Module, ...]
    rest: tuple[Any, ...]
    returns_tuple: bool
    final_norm: nn.Module | None
    longest: int

    @property
    def n_layers(self) -> int:
        """L."""
        return len(self.modules)

    def check_layer(self, layer: int) -> int:
        """The layer, if there is one of this index.

        Raises:
            InvalidInput: If not; the message says which there are.
        """
        if isinstance(layer, bool) or not isinstance(layer, (int, np.integer)) or not 0 <= layer < self.n_layers:
            raise InvalidInput(f"layer must be an integer in 0..{self.n_layers - 1}, got {layer!r}.")
        return int(layer)

    def states(self, run: Callable[[], object]) -> Tensor:
        """Residual stream (L + 1, B, T, D) while ``run`` runs the stack: what enters the first block, what leaves each.

        Raises:
            UnsupportedModel: If the stack did not run its blocks once each.
        """
        seen: list[Tensor] = []

        def keep_input(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if not seen:
                seen.append(_first_states(args, kwargs))

        def keep_output(_module: nn.Module, _args: Any, output: Any) -> None:
            seen.append(states_in(output))

        with contextlib.ExitStack() as stack:
            handles = [self.modules[0].register_forward_pre_hook(on_this_thread(keep_input), with_kwargs=True)]
            handles += [m.register_forward_hook(on_this_thread(keep_output)) for m in dict.fromkeys(self.modules)]
            for handle in handles:
                stack.callback(handle.remove)
            run()
        if len(seen) != self.n_layers + 1:
            raise UnsupportedModel(
                f"{type(self.parts.model).__name__} ran {len(seen) - 1} of its {self.n_layers} blocks.",
                hint="Layers that are skipped at random (layerdrop) or by length can't be explained; please report it.",
            )
        return torch.stack([states.to(seen[0].device) for states in seen])

    def finish(self, states: Tensor, *, final_norm: bool = True) -> Tensor:
        """What the stack makes of states (R, D) that leave its last block.

        Args:
            states: From any block.
            final_norm: ``False`` skips the final norm, as Ecco does.

        Returns:
            Last hidden states (R, D'), which the head turns into logits.
        """
        pieces = []
        for chunk in states.split(min(_ROWS_TOGETHER, self.longest)):
            with self._blocks_return(chunk[None]), self._norm_skipped(skip=not final_norm):
                ids = torch.full((1, len(chunk)), self.parts.filler, dtype=torch.long, device=states.device)
                pieces.append(self._run(self.stack, ids).last_hidden_state[0])
        return torch.cat(pieces)

    def classify(self, states: Tensor, *, final_norm: bool = True) -> Tensor:
        """What a classifier makes of states (B, T, D) that leave a block: logits (B, C)."""
        found = []
        for text in states:  # one by one: some classifiers take no batch without a padding token
            with self._blocks_return(text[None]), self._norm_skipped(skip=not final_norm):
                ids = torch.full((1, states.shape[1]), self.parts.filler, dtype=torch.long, device=states.device)
                found.append(self.parts.model(input_ids=ids, return_dict=True).logits[0])
        return torch.stack(found)

    def _run(self, stack: nn.Module, ids: Tensor) -> Any:
        return stack(input_ids=ids, return_dict=True, **extra_inputs(self.parts, stack, ids))

    @contextlib.contextmanager
    def _blocks_return(self, states: Tensor) -> Iterator[None]:
        def output_of(module: nn.Module) -> Any:
            moved = states.to(_device_of(module, states.device))
            return (moved, *self.rest) if self.returns_tuple else moved

        with contextlib.ExitStack() as stack:
            for module in dict.fromkeys(self.modules):
                output = output_of(module)
                stack.enter_context(forward_replaced(module, lambda *_, output=output, **__: output))
            yield

    @contextlib.contextmanager
    def _norm_skipped(self, *, skip: bool) -> Iterator[None]:
        if not skip or self.final_norm is None:
            yield
            return
        with forward_replaced(self.final_norm, lambda states, *_, **__: states):
            yield


def extra_inputs(parts: Architecture, stack: nn.Module, ids: Tensor) -> dict[str, Any]:
    """What a stack needs beside token ids (B, T) when it runs alone: a decoder some encoder states."""
    if isinstance(parts, EncoderDecoder) and stack is parts.base:
        dtype = next(stack.parameters()).dtype
        return {
            "encoder_hidden_states": torch.zeros(ids.shape[0], 1, parts.width, dtype=dtype, device=ids.device),
            "use_cache": False,
        }
    takes_cache = parts.kind in {"causal", "classification"} and "use_cache" in _parameters(stack)
    return {"use_cache": False} if takes_cache else {}


def find_blocks(parts: Architecture, names: Mapping[str, str] | None = None, *, encoder: bool = False) -> Blocks:
    """Find the blocks of a model and prove that what follows them gives the model's last hidden states.

    Args:
        parts: The model taken apart.
        names: Parts named by hand; here "blocks" and "final_norm" count.
        encoder: Take the encoder's of an encoder-decoder model.

    Returns:
        The blocks.

    Raises:
        UnsupportedModel: If no list of modules has members that run in order, or the proof fails.

    Example:
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> from ecco_widgets.models.inspection import inspect_model
        >>> config = GPT2Config(n_layer=2, n_embd=8, n_head=2, vocab_size=11, n_positions=16, eos_token_id=0)
        >>> blocks = find_blocks(inspect_model(GPT2LMHeadModel(config).eval()))
        >>> len(blocks.modules), type(blocks.final_norm).__name__
        (2, 'LayerNorm')
    """
    names = names or {}
    stack = parts.encoder if encoder and isinstance(parts, EncoderDecoder) else parts.base
    longest = parts.context or _ROWS_TOGETHER
    device = next(parts.embedding.parameters()).device
    pad = getattr(parts.model.config, "pad_token_id", None)
    usable = [token for token in range(min(_LENGTH + 1, parts.n_ids)) if token != pad]
    ids = torch.tensor([(usable * _LENGTH)[: min(_LENGTH, longest)]], device=device)
    tried = False
    with torch.no_grad():
        for modules in _candidates(parts, stack, names):
            ran = _calls_in_order(parts, stack, modules, ids)
            if ran is None:
                continue
            tried = True
            last = ran[-1][1]
            rest = tuple(last[1:]) if isinstance(last, tuple) else ()
            called = tuple(module for module, _ in ran)
            blocks = Blocks(parts, stack, called, rest, isinstance(last, tuple), None, longest)
            if not _proved(blocks, ids, states_in(last)):
                break
            if "final_norm" in names:
                return replace(blocks, final_norm=parts.model.get_submodule(names["final_norm"]))
            return replace(blocks, final_norm=_norm_after(blocks, states_in(last)[0]))
    what = "replacing its blocks does not give its last states" if tried else "its blocks could not be found"
    raise UnsupportedModel(
        f"{type(parts.model).__name__}: {what}.",
        hint="Lens, factors and neurons need them; attributions work without. Name the list of blocks: "
        "parts={'blocks': 'transformer.h'}; or please report the model's class.",
    )


def _candidates(
    parts: Architecture, stack: nn.Module, names: Mapping[str, str]
) -> Iterator[nn.ModuleList | nn.Sequential]:
    if "blocks" in names:
        named = parts.model.get_submodule(names["blocks"])
        if isinstance(named, (nn.ModuleList, nn.Sequential)):
            yield named
        return
    for module in stack.modules():  # outermost first
        if isinstance(module, nn.ModuleList) and len(module):
            yield module


def _proved(blocks: Blocks, ids: Tensor, states: Tensor) -> bool:
    parts, stack = blocks.parts, blocks.stack
    if isinstance(parts, Classifier):
        return close(blocks.classify(states), parts.model(input_ids=ids, return_dict=True).logits)
    expected = stack(input_ids=ids, return_dict=True, **extra_inputs(parts, stack, ids)).last_hidden_state[0]
    return close(blocks.finish(states[0]), expected)


def _calls_in_order(
    parts: Architecture, stack: nn.Module, modules: nn.ModuleList | nn.Sequential, ids: Tensor
) -> list[tuple[nn.Module, Any]] | None:
    """Which module returned what, if all ran, in order, and made states for every token.

    A module may run several times in a row (weights shared between layers).
    """
    ran: list[tuple[nn.Module, Any]] = []
    handles = [module.register_forward_hook(lambda m, _args, out: ran.append((m, out))) for module in modules]
    try:
        stack(input_ids=ids, return_dict=True, **extra_inputs(parts, stack, ids))
    finally:
        for handle in handles:
            handle.remove()
    order = {id(module): n for n, module in enumerate(modules)}
    indices = [order[id(module)] for module, _ in ran]
    in_order = indices == sorted(indices) and set(indices) == set(range(len(modules)))
    whole = in_order and all(_is_states(output, ids.shape[1]) for _, output in ran)
    return ran if whole else None


def _norm_after(blocks: Blocks, states: Tensor) -> nn.Module | None:
    """The first module after the last block that has a weight for each dimension and keeps the shape."""
    after: list[nn.Module] = []
    left = len(blocks.modules)

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1

    def note(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        weight = getattr(module, "weight", None)
        states = args[0] if args else None
        same_shape = isinstance(output, Tensor) and isinstance(states, Tensor) and states.shape == output.shape
        if left <= 0 and same_shape and isinstance(weight, Tensor) and weight.shape == output.shape[-1:]:
            after.append(module)

    inside = {m for block in blocks.modules for m in block.modules()}
    handles = [module.register_forward_hook(count) for module in dict.fromkeys(blocks.modules)]
    handles += [m.register_forward_hook(note) for m in blocks.stack.modules() if m not in inside]
    try:
        if isinstance(blocks.parts, Classifier):
            blocks.classify(states[None])
        else:
            blocks.finish(states)
    finally:
        for handle in handles:
            handle.remove()
    return after[0] if after else None


def states_in(output: Any) -> Tensor:
    """The states in what a block returned."""
    states: Tensor = output[0] if isinstance(output, tuple) else output
    return states


def _first_states(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensor:
    """The first tensor (B, T, D) among a block's arguments."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor) and value.dim() == 3:
            return value
    raise AssertionError("a block was called without states")


def _is_states(output: Any, length: int) -> bool:
    first = output[0] if isinstance(output, tuple) and output else output
    return isinstance(first, Tensor) and first.dim() == 3 and first.shape[:2] == (1, length)


def _device_of(module: nn.Module, default: torch.device) -> torch.device:
    return next((p.device for p in module.parameters()), default)


def _parameters(module: nn.Module) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(module.forward).parameters
