"""scikit-learn's NMF, called as Ecco calls it: the reference, and what ``solver="sklearn"`` runs."""

from __future__ import annotations

import math
import warnings

import torch
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from ecco_widgets.analysis.nmf.solution import OnStep, Solution, Step
from ecco_widgets.analysis.nmf.solver import Limits
from ecco_widgets.analysis.nmf.sweeps import energies, residual_squares

# Names that scikit-learn knows for where to begin.
SKLEARN_STARTS = ("random", "nndsvd", "nndsvda", "nndsvdar")


def solve_with_sklearn(
    values: Tensor,
    n_components: int,
    *,
    start: str = "random",
    seed: int = 0,
    limits: Limits | None = None,
    on_step: OnStep | None = None,
) -> Solution:
    """Factorize a non-negative matrix with scikit-learn's coordinate descent.

    One call that can't be interrupted: ``on_step`` is called before and after it.

    Args:
        values: A (T, N), float32, finite, >= 0.
        n_components: K.
        start: One of ``SKLEARN_STARTS``.
        seed: scikit-learn's ``random_state``.
        limits: ``max_iter`` and ``tol`` (scikit-learn's own measure); 500 and 1e-4 by default, as in Ecco.
        on_step: See above.

    Returns:
        The solution.
    """
    limits = limits or Limits(500, 1e-4)
    if on_step:
        on_step(Step(0, 1.0))
    model = NMF(n_components, init=start, random_state=seed, max_iter=limits.max_iterations, tol=limits.tol)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said by ``converged``
        w = torch.from_numpy(model.fit_transform(values.cpu().numpy()).T.copy()).double()
    h = torch.from_numpy(model.components_).to(values)
    total = energies(values).total
    error = math.sqrt(residual_squares(values, w, h) / total) if total else 0.0
    if on_step:
        on_step(Step(model.n_iter_, error, w, h))
    return Solution(w, h, error, model.n_iter_, model.n_iter_ < limits.max_iterations, start)
