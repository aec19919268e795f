"""The residual stream inside a block: between attention and feed-forward network (FFNN), and what the FFNN adds.

Nothing is assumed about where a family puts its norms. On a short input each block is searched for a module whose
input, and a later one whose output, add up to what leaves the block: the stream between attention and FFNN, and what
the FFNN adds (after its own norm, in Gemma 2 and OLMo 2). Blocks that normalise the sum (BERT) are recognised by a norm
that takes the sum and gives the block's output. In parallel blocks no module takes the stream with attention's share;
there it is the block's output less what the FFNN adds, which is checked by leaving the FFNN out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.block_watch import BlockWatch, Point, Watched
from ecco_widgets.models.ffnn import Ffnn, Run
from ecco_widgets.models.neurons import Neurons

SITES = ("block", "attention_out", "ffn_out")
"""Where the lens can look: after the block, between attention and FFNN, at what the FFNN adds."""

# Roundings of a sum that may differ between two orders of adding.
_ROUNDINGS = 16


@dataclass(frozen=True)
class Reading:
    """Where one block's states are read.

    Attributes:
        between: Module whose input is the stream between attention and FFNN; ``None`` where none takes it (in parallel
            blocks, for one), then it is the block's output less ``added``.
        added: Module whose output is what the FFNN adds; ``None`` where none gives it (it is scaled before it is added,
            for one), then it is the block's output less ``between``.
        normed: Whether the block normalises their sum.
    """

    between: Point | None
    added: Point | None
    normed: bool


@dataclass(frozen=True)
class Sites:
    """The sites of one stack of blocks.

    Attributes:
        neurons: The stack, its blocks and their FFNNs.
        readings: One for each block; empty where a site is not defined.
        unavailable: Why the sites inside blocks are not defined, "" where they are.
    """

    neurons: Neurons
    readings: tuple[Reading, ...]
    unavailable: str

    @property
    def parallel(self) -> bool:
        """Whether attention and FFNN read the same stream in some block: none passes from one to the other there."""
        return any(reading.between is None for reading in self.readings)

    @property
    def normed(self) -> bool:
        """Whether blocks normalise the sum of the two sites, so that it is not what leaves the block."""
        return any(reading.normed for reading in self.readings)

    def record(self, run: Run) -> dict[str, Tensor]:
        """States of one forward pass at each site.

        Args:
            run: Runs the stack once. Grad mode is its own.

        Returns:
            Each of ``SITES`` as (L, B, T, D), on the first block's device: what leaves each block, the stream between
            attention and FFNN, what the FFNN adds.

        Raises:
            UnsupportedModel: If the sites inside blocks are not defined.
        """
        self.check("ffn_out")
        names = [{point.module for point in (r.between, r.added) if point is not None} for r in self.readings]
        seen = BlockWatch(self.neurons.base, self.neurons.blocks, names).run(run)
        read: dict[str, list[Tensor]] = {site: [] for site in SITES}
        for block, reading in zip(seen, self.readings, strict=True):
            for site, states in zip(SITES, _states(block, reading), strict=True):
                read[site].append(states if not read[site] else states.to(read[site][0].device))
        return {site: torch.stack(states) for site, states in read.items()}

    def check(self, site: str) -> str:
        """The site, if there is one of this name and it is defined for this model.

        Raises:
            InvalidInput: If there is none.
            UnsupportedModel: If it is not defined.
        """
        if site not in SITES:
            raise InvalidInput(f"site must be one of {', '.join(map(repr, SITES))}, got {site!r}.")
        if site != "block" and self.unavailable:
            raise UnsupportedModel(f"site {site!r}: {self.unavailable}", hint="Site 'block' works.")
        return site


def find_sites(neurons: Neurons, run: Run) -> Sites:
    """Find where the states inside blocks are read, and prove it on a short input.

    Args:
        neurons: The stack.
        run: One forward pass on a short input, without a cache of keys and values.

    Returns:
        The sites; where one block has none, the reason instead.

    Example:
        >>> from transformers import GPT2Config, GPT2Model
        >>> from ecco_widgets.models.neurons import find_neurons
        >>> config = GPT2Config(n_layer=2, n_embd=8, n_head=2, vocab_size=11, n_positions=16, eos_token_id=0)
        >>> model = GPT2Model(config).eval()
        >>> run = lambda: model(torch.arange(5)[None], use_cache=False)
        >>> sites = find_sites(find_neurons(model, list(model.h), run), run)
        >>> states = sites.record(run)
        >>> torch.allclose(states["attention_out"] + states["ffn_out"], states["block"])
        True
    """
    silenced = [[output.module for output in ffnn.outputs] for ffnn in neurons.ffnns]
    with torch.no_grad():
        seen = BlockWatch(neurons.base, neurons.blocks, silenced=silenced).run(run)
    readings: list[Reading] = []
    for layer, (block, watched) in enumerate(zip(neurons.blocks, seen, strict=True)):
        reading = _reading(watched, block, neurons.ffnns[layer])
        if reading is None:
            kind = type(block).__name__
            reason = f"nothing in layer {layer} ({kind}) was found to be the stream between attention and FFNN."
            return Sites(neurons, (), reason)
        readings.append(reading)
    return Sites(neurons, tuple(readings), "")


def _states(block: Watched, reading: Reading) -> tuple[Tensor, Tensor, Tensor]:
    output = block.output
    between = None if reading.between is None else block.inputs[reading.between].reshape_as(output)
    added = None if reading.added is None else block.outputs[reading.added].reshape_as(output)
    if between is None:
        between = output if added is None else output - added
    return output, between, output - between if added is None else added


def _reading(seen: Watched, block: nn.Module, ffnn: Ffnn) -> Reading | None:
    """Where a block is read, ``None`` if nothing adds up."""
    output = seen.output
    names = {module: name for name, module in block.named_modules()}
    first = next(point for point in seen.entered if point.module == names[ffnn.first])
    last = [point for point in seen.left if point.module in {projection.name for projection in ffnn.outputs}][-1]
    before = [p for p in seen.entered[: seen.entered.index(first) + 1] if _fits(seen.inputs.get(p), output)]
    after = [p for p in seen.left[seen.left.index(last) :] if _fits(seen.outputs.get(p), output)]
    for between in before:
        for added in after:
            if _adds_up(seen.inputs[between], seen.outputs[added], output):
                return Reading(between, added, normed=False)
    for added in after:  # attention and FFNN side by side
        if seen.without is not None and _adds_up(seen.without, seen.outputs[added], output):
            return Reading(None, added, normed=False)
    for between in before:  # what the FFNN gives is scaled or summed before it is added
        if seen.without is not None and _adds_up(seen.inputs[between], torch.zeros_like(output), seen.without):
            return Reading(between, None, normed=False)
    for added in after:
        if first in before and _is_normed(seen, seen.inputs[first], seen.outputs[added], output):
            return Reading(first, added, normed=True)
    return None


def _fits(states: Tensor | None, output: Tensor) -> bool:
    """Whether these are states of the same tokens, flattened or not."""
    return states is not None and states.numel() == output.numel() and states.shape[-1] == output.shape[-1]


def _is_normed(seen: Watched, between: Tensor, added: Tensor, output: Tensor) -> bool:
    """Whether some module takes the sum and gives the block's output."""
    return any(
        _adds_up(between, added, seen.inputs[point]) and _adds_up(torch.zeros_like(output), seen.outputs[point], output)
        for point in seen.left
        if _fits(seen.inputs.get(point), output) and _fits(seen.outputs.get(point), output)
    )


def _adds_up(between: Tensor, added: Tensor, total: Tensor) -> bool:
    """Whether two tensors add up to a third, to within what the order of adding changes.

    By element: some dimensions of a residual stream are a thousand times as large as others.
    """
    eps = torch.finfo(total.dtype).eps
    between, added, total = (
        states.reshape(-1).to(torch.promote_types(states.dtype, torch.float32)) for states in (between, added, total)
    )
    allowed = _ROUNDINGS * eps * (between.abs() + added.abs() + total.abs())
    return bool(((between + added - total).abs() <= allowed).all())
