"""What an attribution method is given: a run, the outputs to explain, and the scalar to explain them by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from ecco_widgets.analysis.shared_forward import Progress, SharedForward
from ecco_widgets.analysis.targets import Readings, target_values
from ecco_widgets.models.architecture import Architecture
from ecco_widgets.models.logits import at_least_single
from ecco_widgets.models.trace import Trace


@dataclass(frozen=True)
class Problem:
    """R outputs of one trace to be explained by one target.

    Attributes:
        trace: The run.
        positions: R explained positions.
        target: Name of the target.
        foils: For a contrast: the tokens that could have come instead, shape (R,).
        shared: The forward pass that all outputs share.
        readings: Values and seeds of the R targets.
        n_steps: Points on the path of path methods, and samples of sampling ones.
        seed: For sampling methods.
        progress: Called between steps.
    """

    trace: Trace
    positions: Sequence[int]
    target: str
    foils: Tensor | None
    shared: SharedForward
    readings: Readings
    n_steps: int
    seed: int
    progress: Progress | None

    @property
    def parts(self) -> Architecture:
        """The model."""
        return self.trace.lm.parts

    def function(self, r: int, report: Callable[[int], None] | None = None) -> Callable[[Tensor], Tensor]:
        """The explained scalar of one output as a function of the embeddings of the tokens that can have led to it.

        Args:
            r: Which of the R outputs; n tokens can have led to it.
            report: Called with the number of rows of each evaluation.

        Returns:
            A function from embeddings (B, n, E) to values (B,), differentiable. Only the state that predicts goes
            through the head.
        """
        position = self.positions[r]
        token = self.trace.ids_at([position])
        foil = None if self.foils is None else self.foils[r : r + 1]
        dtype = self.shared.inputs.dtype

        def value(embeddings: Tensor) -> Tensor:
            if report:
                report(len(embeddings))
            # Points on Captum's paths are float32.
            states = self.trace.state_from(embeddings.to(dtype), position)
            logits = at_least_single(self.parts.logits(states))
            rows = len(embeddings)
            return target_values(self.target, logits, token.expand(rows), None if foil is None else foil.expand(rows))

        return value

    def report_steps(self, total: int, label: str) -> Callable[[int], None]:
        """Turns row counts of evaluations into progress of the whole problem."""
        done = 0

        def report(rows: int) -> None:
            nonlocal done
            if self.progress:
                self.progress(min(done, total), total, label)
            done += rows

        return report
