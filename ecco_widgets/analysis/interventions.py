"""What does the model do without some neurons? Change them, run again, and see beside it what random neurons do.

A change of the output alone says little: whatever is taken away from a model changes it. So the effect of as many
random neurons of the same layers stands beside each number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ecco_widgets.analysis.attribution import check_trace
from ecco_widgets.analysis.lens import TopTokens
from ecco_widgets.errors import InvalidInput
from ecco_widgets.models.generation import check_seed
from ecco_widgets.models.interventions import Action
from ecco_widgets.models.neurons import Neurons
from ecco_widgets.models.trace import Trace

Progress = Callable[[int, int, str], None]
"""Called with (done, total, label) between runs; raising inside cancels."""

_MOST_RANDOM = 1_000
# Logits of one chunk of positions may take this many bytes.
_LOGIT_BYTES = 64 << 20


@dataclass(frozen=True)
class Intervened:
    """A run with some neurons changed, beside the run as it was.

    Attributes:
        neurons: The changed neurons, indices by layer.
        action: "zero", "scale", "set" or "mean".
        value: Factor or value, ``None`` where the action takes none.
        before: The run as it was.
        after: Generated again with the change; ``None`` where the model continues no text or none was asked for.
        positions: P output positions of ``before``.
        log_probability: Log-probability of the tokens of ``before`` at these positions, in nats, shape (P,).
        changed_log_probability: The same tokens' with the change, shape (P,).
        random_log_probability: The same with as many random neurons of the same layers changed, shape (n_random, P).
        random_overlap: Share of the random neurons that had to be taken from the changed ones, because a layer has not
            enough others; at 1 they are the same neurons and say nothing.
        position: Position whose best tokens are shown.
        top: Best tokens there without the change, as one row of ``TopTokens``.
        changed_top: Best tokens there with it.
    """

    neurons: Mapping[int, tuple[int, ...]]
    action: str
    value: float | None
    before: Trace
    after: Trace | None
    positions: NDArray[np.int64]
    log_probability: NDArray[np.float32]
    changed_log_probability: NDArray[np.float32]
    random_log_probability: NDArray[np.float32]
    random_overlap: float
    position: int
    top: TopTokens
    changed_top: TopTokens

    @property
    def n_neurons(self) -> int:
        """How many neurons were changed."""
        return sum(len(indices) for indices in self.neurons.values())

    @property
    def effect(self) -> NDArray[np.float32]:
        """Change of the log-probabilities, shape (P,); below zero, the tokens became less likely."""
        return self.changed_log_probability - self.log_probability

    @property
    def random_effect(self) -> NDArray[np.float32]:
        """Change of the log-probabilities by random neurons, shape (n_random, P)."""
        return self.random_log_probability - self.log_probability

    @property
    def first_changed(self) -> int | None:
        """First position at which the regenerated text differs, ``None`` if it does not or there is none."""
        if self.after is None:
            return None
        old, new = self.before.token_ids, self.after.token_ids
        n = min(len(old), len(new))
        differs = np.flatnonzero(old[:n] != new[:n])
        if len(differs):
            return int(differs[0])
        return None if len(old) == len(new) else n


def intervene(
    trace: Trace,
    neurons: Mapping[int, Sequence[int] | int],
    action: Action = "zero",
    *,
    value: float | None = None,
    means: Sequence[Any] | Mapping[int, Any] | None = None,
    regenerate: bool = True,
    generate: int | None = None,
    position: int | None = None,
    topk: int = 5,
    n_random: int = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> Intervened:
    """What does the model do when some neurons are changed?

    The tokens of the trace are scored again with the change (each given the original text before it), and the text is
    generated again from the prompt with the options and the seed it had.

    Args:
        trace: The run.
        neurons: Indices of neurons by layer, e.g. ``{2: [7, 8]}``; ``factor_neurons(factors, k, top=200)`` gives a
            factor's.
        action: "zero" (ablate), "scale" (by ``value``), "set" (to ``value``) or "mean" (hold at the mean).
        value: The factor or the value.
        means: For "mean": recorded neurons or means by layer; the mean over this trace's tokens by default.
        regenerate: Whether to generate again, where the model continues text and the trace has an output.
        generate: Number of tokens to generate; as many as the trace has by default.
        position: Whose best tokens to show; the first output position by default.
        topk: How many; of a classifier's classes, all.
        n_random: How many sets of as many random neurons of the same layers to compare with; none of those chosen, as
            long as the layer has enough others (see ``random_overlap``).
        seed: Draws the random neurons.
        progress: Called between runs; raise in it to cancel.

    Returns:
        Both runs side by side.

    Raises:
        InvalidInput: If a layer, an index or another argument is out of range.
        UnsupportedModel: If the model's neurons can't be found.

    Source:
        Zero and mean ablation as in Wang et al. 2022 (arXiv 2211.00593); random neurons as the control.

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo().generate(" 1, 2, 3,", generate=4)
        >>> result = intervene(out, {5: range(1024)}, n_random=2)
        >>> result.effect.shape, result.random_effect.shape
        ((4,), (2, 4))
    """
    check_trace(trace)
    lm = trace.lm
    if lm.kind == "classification":  # few classes: all of them
        topk = lm.vocabulary
    for name, given, least, most in (("topk", topk, 1, lm.vocabulary), ("n_random", n_random, 0, _MOST_RANDOM)):
        if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
            raise InvalidInput(f"{name} must be an integer in {least}..{most}, got {given!r}.")
    check_seed(seed)
    positions = [trace.check_position(p) for p in trace.output_positions]
    if not positions:
        raise InvalidInput("the trace has no predicted token.", hint="Use a longer text, or lm.generate(...).")
    shown = positions[0] if position is None else trace.check_position(position)
    if action == "mean" and means is None:
        means = [layer.float() for layer in trace.activations()]
    again = regenerate and lm.kind in {"causal", "seq2seq"} and (trace.n_generated > 0 or generate is not None)
    total = 1 + n_random + int(again)
    report = progress or (lambda _done, _total, _label: None)
    report(0, total, "changed run")
    tokens = trace.ids_at(positions)
    with lm.under(trace.interventions):
        with lm.intervene(neurons, action, value=value, means=means):
            changed, chosen = trace.rerun(), _chosen(lm.interventions)
        random = np.empty((n_random, len(positions)), dtype=np.float32)
        generator = np.random.default_rng(seed)
        # Means given for the chosen neurons only say nothing of others, which are held at their own.
        own = [layer.float() for layer in trace.activations()] if action == "mean" and n_random else None
        for n in range(n_random):
            report(1 + n, total, "random neurons")
            with lm.intervene(_draw(generator, lm.neurons, chosen), action, value=value, means=own):
                random[n] = _log_probability(trace.rerun(), positions, tokens)
        after = None
        if again:
            with lm.intervene(neurons, action, value=value, means=means):
                after = lm.regenerate(trace, generate, on_token=lambda _: report(1 + n_random, total, "generating"))
    report(total, total, "done")
    return Intervened(
        neurons=chosen,
        action=action,
        value=value,
        before=trace,
        after=after,
        positions=np.array(positions),
        log_probability=_log_probability(trace, positions, tokens),
        changed_log_probability=_log_probability(changed, positions, tokens),
        random_log_probability=random,
        random_overlap=_overlap(lm.neurons, chosen),
        position=shown,
        top=_top(trace, shown, topk),
        changed_top=_top(changed, shown, topk),
    )


def _chosen(interventions: Any) -> dict[int, tuple[int, ...]]:
    if interventions is None or not interventions.changes:
        raise InvalidInput("no neurons were given.", hint="Pass indices by layer, e.g. {2: [7, 8]}.")
    return {layer: tuple(indices) for layer, indices in interventions.changes[-1].neurons.items()}


def _draw(
    generator: np.random.Generator, neurons: Neurons, chosen: Mapping[int, tuple[int, ...]]
) -> dict[int, list[int]]:
    """As many neurons of each layer: others than the chosen ones, and of these as few as it takes."""
    drawn: dict[int, list[int]] = {}
    for layer, indices in chosen.items():
        others = generator.permutation(np.setdiff1d(np.arange(neurons.widths[layer]), indices))
        few = generator.permutation(np.asarray(indices))
        drawn[layer] = sorted(np.concatenate([others, few])[: len(indices)].tolist())
    return drawn


def _overlap(neurons: Neurons, chosen: Mapping[int, tuple[int, ...]]) -> float:
    """Share of the neurons that ``_draw`` has to take from the chosen ones."""
    again = sum(max(0, 2 * len(indices) - neurons.widths[layer]) for layer, indices in chosen.items())
    return again / sum(len(indices) for indices in chosen.values())


def _log_probability(trace: Trace, positions: Sequence[int], tokens: torch.Tensor) -> NDArray[np.float32]:
    """Log-probability of these tokens at these positions, shape (P,)."""
    size = max(1, _LOGIT_BYTES // (trace.lm.vocabulary * 8))
    found = np.empty(len(positions), dtype=np.float32)
    for start in range(0, len(positions), size):
        rows = slice(start, start + size)
        log_p = torch.log_softmax(trace.logits(positions[rows]), dim=-1)
        found[rows] = log_p.gather(1, tokens[rows, None].to(log_p.device))[:, 0].float().cpu().numpy()
    return found


def _top(trace: Trace, position: int, k: int) -> TopTokens:
    p = torch.softmax(trace.logits([position])[0], dim=-1)
    best = p.topk(k)
    ids = best.indices.cpu().numpy()[None]
    return TopTokens(
        position=position,
        ids=ids,
        probabilities=best.values.float().cpu().numpy()[None],
        texts=[[trace.lm.token_text(int(token)) for token in ids[0]]],
    )
