"""Several texts run together. Padding is seen by the model only: each trace holds its own tokens and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import torch
from torch import Tensor

from ecco_widgets.errors import InvalidInput
from ecco_widgets.models.trace import Trace

if TYPE_CHECKING:
    from ecco_widgets.models.language_model import LanguageModel
    from ecco_widgets.widgets import NMF

# Tokens, padding counted, that run together.
_TOKENS_TOGETHER = 8_192
_RECORDED = ("last_states", "hidden_states")


class Batch(Sequence[Trace]):
    """Traces of several texts. Their states are recorded together, with padding at the end and a mask over it.

    Args:
        lm: The model.
        traces: One for each text.

    Example:
        >>> import ecco_widgets as ecco
        >>> batch = ecco.load_demo()(["One text.", "Another, longer text."])
        >>> [trace.n_tokens for trace in batch] == [len(trace.last_states) for trace in batch]
        True
    """

    def __init__(self, lm: LanguageModel, traces: Sequence[Trace]) -> None:
        self.lm = lm
        self._traces = list(traces)
        if any(trace.lm is not lm for trace in self._traces):
            raise InvalidInput("all traces of a batch must be of its model.", hint="Make one batch for each model.")
        for trace in self._traces:
            trace._batch = self  # noqa: SLF001 - a trace asks its batch to record

    def __len__(self) -> int:
        """Number of texts."""
        return len(self._traces)

    @overload
    def __getitem__(self, index: int) -> Trace: ...

    @overload
    def __getitem__(self, index: slice) -> list[Trace]: ...

    def __getitem__(self, index: int | slice) -> Trace | list[Trace]:
        """One trace, or several."""
        return self._traces[index]

    def __iter__(self) -> Iterator[Trace]:
        """Each trace."""
        return iter(self._traces)

    def record(self, name: str) -> None:
        """Record states for all traces that miss them; called by a trace, inside ``running``.

        Args:
            name: "last_states" or "hidden_states"; others are recorded one by one.
        """
        if name not in _RECORDED or self.lm.kind not in {"causal", "masked"}:
            return
        missing = [
            trace
            for trace in self._traces
            if name not in trace._states and not trace.interventions  # noqa: SLF001
        ]
        missing.sort(key=lambda trace: trace.n_tokens)  # texts of like length need little padding
        while missing:
            size = max(1, _TOKENS_TOGETHER // missing[-1].n_tokens)
            group, missing = missing[-size:], missing[:-size]
            for trace, states in zip(group, self._run(group, name), strict=True):
                trace._states[name] = states.detach().clone()  # noqa: SLF001

    def _run(self, traces: Sequence[Trace], name: str) -> list[Tensor]:
        lm, longest = self.lm, max(trace.n_tokens for trace in traces)
        ids = torch.full((len(traces), longest), lm.parts.filler, dtype=torch.long, device=lm.device)
        mask = torch.zeros_like(ids)
        for row, trace in enumerate(traces):
            ids[row, : trace.n_tokens] = torch.tensor(trace.token_ids, device=lm.device)
            mask[row, : trace.n_tokens] = 1
        embeddings = lm.parts.embed(ids)
        if name == "last_states":
            states = lm.parts.states(embeddings, mask)
            return [states[row, : trace.n_tokens] for row, trace in enumerate(traces)]
        stream = lm.blocks.states(lambda: lm.parts.states(embeddings, mask))
        return [stream[:, row, : trace.n_tokens] for row, trace in enumerate(traces)]

    def run_nmf(
        self,
        n_components: int | None = None,
        from_layer: int | None = None,
        to_layer: int | None = None,
        layers: Sequence[int] | int | None = None,
        **options: Any,
    ) -> NMF:
        """Which neurons fire together in these texts? One factorization of all their tokens, without padding.

        Args:
            n_components: Number of factors; 10, or as many as there are tokens, by default.
            from_layer: First layer whose neurons are taken; 0 by default.
            to_layer: The layer after the last one.
            layers: Instead of both: any layers.
            **options: Further arguments of ``ecco.NMF``: method, seed, normalize, stack, solver.

        Returns:
            The factors; ``.explore()`` shows each text with its own tokens.

        Example:
            >>> import ecco_widgets as ecco
            >>> batch = ecco.load_demo()(["One text.", "Another, longer text."])
            >>> batch.run_nmf(n_components=2).token_loadings.shape[1] == sum(trace.n_tokens for trace in batch)
            True
        """
        import ecco_widgets as ecco  # the widget room depends on this one, so it is reached late

        return ecco.NMF(self, n_components, from_layer=from_layer, to_layer=to_layer, layers=layers, **options)

    def __repr__(self) -> str:
        return f"<Batch of {len(self)} texts, {sum(trace.n_tokens for trace in self._traces)} tokens>"
