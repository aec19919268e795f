"""One forward pass whose graph serves the gradients of many targets.

Naively each target costs a forward and a backward pass over its prefix and the whole vocabulary projection. Here the
base runs once with the input embeddings as the only leaf; a target then costs one backward pass, seeded at its state
(see ``targets.read``), and several go backward together as one batched pass.

For many targets at once the forward runs in segments through the cache of keys and values: then a target's backward
pass never enters later tokens, and enters the last block of earlier segments only through their keys and values. For a
single target that does not pay, since each segment's small matrix products read all weights again; so the graph that is
kept between calls, for the next hover, has one segment. Measured in ``tests/benchmarks/attribution.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ecco_widgets.analysis.targets import Readings, read
from ecco_widgets.models.masked_trace import MaskedTrace
from ecco_widgets.models.trace import Trace

Progress = Callable[[int, int, str], None]
"""Called with (done, total, label) between steps; raising inside cancels the computation."""

# A graph larger than this is built for each call and dropped instead of being kept.
_GRAPH_BYTES = 1 << 30
# Shortest segment: below it, matrix products become too small to run at full speed.
_SHORTEST_SEGMENT = 12
_MOST_SEGMENTS = 8
# From this many targets on, building a segmented graph for one call pays.
_MANY_TARGETS = 24
# Tokens times targets that go backward together: enough for full speed, small enough for the caches (measured on a
# CPU).
_ROWS_TOGETHER = {"cpu": 2_560, "other": 16_384}


@dataclass
class _Graph:
    leaf: Tensor  # (1, T, E), requires grad
    segments: list[Tensor]  # (1, segment, D) each, last hidden states
    ends: list[int]


class SharedForward:
    """Gradients of any target of a trace with respect to its input embeddings.

    Keeps the graph of the forward pass between calls if it is small enough, so that one more target costs one backward
    pass. Not thread-safe: hold the model's lock.

    Args:
        trace: The run to explain.

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo()(" 1, 2, 3,")
        >>> shared = SharedForward(out)
        >>> readings = shared.read([5], "logit", foils=None)
        >>> tuple(shared.gradients([5], readings.seeds).shape) == (1, out.n_tokens, out.lm.parts.input_width)
        True
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._parts = trace.lm.parts
        self._graph: _Graph | None = None

    @property
    def inputs(self) -> Tensor:
        """Input embeddings (1, T, E), the leaf of the graph."""
        if self._graph is not None:
            return self._graph.leaf
        return self._trace.embeddings()

    def release(self) -> None:
        """Drop the kept graph."""
        self._graph = None

    def read(self, positions: Sequence[int], target: str, foils: Tensor | None) -> Readings:
        """Values and seeds of R targets, in the order of the positions; ``foils`` (R,) for a contrast."""
        tokens = self._trace.ids_at(positions)
        states = self._trace.predicting_states(positions)
        return read(self._parts, states, target, tokens, foils=foils, positions=positions)

    def gradients(self, positions: Sequence[int], seeds: Tensor, progress: Progress | None = None) -> Tensor:
        """Gradients of R targets with respect to the input embeddings.

        Args:
            positions: R explained positions.
            seeds: Gradient of each target with respect to the state that predicts it, shape (R, D).
            progress: Called between batches.

        Returns:
            Shape (R, N, E) for N tokens of the trace; zero where nothing can have led to a position.
        """
        trace = self._trace
        result = torch.zeros(
            len(positions), trace.n_tokens, self._parts.input_width, dtype=seeds.dtype, device=trace.lm.device
        )
        if isinstance(trace, MaskedTrace):
            return self._masked_gradients(trace, positions, seeds, result, progress)
        # Longest prefixes together: where the graph is not kept, each batch needs a forward pass over its longest one.
        waiting = sorted(((r, trace.row_of(p)) for r, p in enumerate(positions)), key=lambda member: -member[1])
        graph = self._graph_for(waiting)
        while waiting:
            batch_graph = graph or self._new_graph(waiting[0][1] + 1, segmented=False)
            segment, batch = _next_batch(batch_graph, waiting)
            targets = [target for target, _ in batch]
            gradients = _backward(batch_graph, segment, [row for _, row in batch], seeds[targets])
            result[targets, : gradients.shape[1]] = gradients.to(result.device)
            waiting = waiting[len(batch) :]
            if progress:
                progress(len(positions) - len(waiting), len(positions), "backward pass")
        return result

    def _masked_gradients(
        self,
        trace: MaskedTrace,
        positions: Sequence[int],
        seeds: Tensor,
        result: Tensor,
        progress: Progress | None,
    ) -> Tensor:
        """Each masked position has inputs of its own, so several are texts of one batch."""
        size = max(1, _ROWS_TOGETHER["cpu"] // trace.n_tokens)
        for start in range(0, len(positions), size):
            group = list(positions[start : start + size])
            leaf = trace.masked_embeddings(group).requires_grad_()
            with torch.enable_grad():
                states = self._parts.states(leaf)
                chosen = states[torch.arange(len(group)), group]
            (gradients,) = torch.autograd.grad(chosen, leaf, seeds[start : start + len(group)].to(chosen.device))
            result[start : start + len(group)] = gradients
            if progress:
                progress(start + len(group), len(positions), "backward pass")
        return result

    def _graph_for(self, waiting: list[tuple[int, int]]) -> _Graph | None:
        """A graph that serves all waiting targets, or ``None`` where it would be too large to hold."""
        trace = self._trace
        if self._graph_bytes(trace.n_tokens) > _GRAPH_BYTES:
            return None
        if len(waiting) >= _MANY_TARGETS and trace.kind == "causal":
            return self._new_graph(waiting[0][1] + 1, segmented=True)
        if self._graph is None:
            n_rows = 1 if trace.kind == "classification" else trace.n_tokens - trace.n_source
            self._graph = self._new_graph(n_rows, segmented=False)
        return self._graph

    def _new_graph(self, n_rows: int, *, segmented: bool) -> _Graph:
        trace = self._trace
        leaf = trace.embeddings(trace.columns_for(n_rows)).requires_grad_()
        size = max(_SHORTEST_SEGMENT, -(-n_rows // _MOST_SEGMENTS)) if segmented else n_rows
        ends = [*range(size, n_rows - size // 2, size), n_rows]
        with torch.enable_grad():
            segments = self._parts.states_by_segment(leaf, ends, n_source=trace.n_source)
        return _Graph(leaf, segments, ends)

    def _graph_bytes(self, n_tokens: int) -> int:
        """Estimate of the activations a graph keeps (Korthikanti et al. 2022, equation 1, in elements)."""
        config = self._parts.model.config.get_text_config(decoder=True)
        per_token = 17 * self._parts.width
        if getattr(config, "_attn_implementation", "eager") == "eager":  # keeps the attention matrices
            per_token += 5 * int(config.num_attention_heads) * n_tokens // 2
        return self._parts.n_layers * n_tokens * per_token * self._parts.embedding_bytes


def _next_batch(graph: _Graph, waiting: list[tuple[int, int]]) -> tuple[int, list[tuple[int, int]]]:
    """The segment of the first waiting (target, row), rows descending, and those that go backward with it."""
    starts = [0, *graph.ends[:-1]]
    segment = max(s for s, start in enumerate(starts) if start <= waiting[0][1])
    device = "cpu" if graph.leaf.device.type == "cpu" else "other"
    most = max(1, round(_ROWS_TOGETHER[device] / graph.ends[segment]))
    return segment, [member for member in waiting[:most] if member[1] >= starts[segment]]


def _backward(graph: _Graph, segment: int, rows: list[int], seeds: Tensor) -> Tensor:
    """Gradients (R, T, D) of the states at some rows of one segment, each weighed by its seed (D,)."""
    states = graph.segments[segment]
    start = graph.ends[segment] - states.shape[1]
    outer = torch.zeros(len(rows), *states.shape, dtype=states.dtype, device=states.device)
    for r, row in enumerate(rows):
        outer[r, 0, row - start] = seeds[r].to(states.device)
    if len(rows) == 1:
        (gradient,) = torch.autograd.grad(states, graph.leaf, outer[0], retain_graph=True)
        return gradient
    (gradients,) = torch.autograd.grad(states, graph.leaf, outer, retain_graph=True, is_grads_batched=True)
    batched: Tensor = gradients[:, 0]
    return batched
