"""Which neurons fire together, and on which tokens? Factors of the activations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecco_widgets.analysis._factor_building import build_factors, normalised
from ecco_widgets.analysis.activation_matrix import Layers, Source, Stack, TextRows, read_activations
from ecco_widgets.analysis.decompositions import CAVEATS, independent_components, principal_components
from ecco_widgets.analysis.factor_matching import matched_pairs
from ecco_widgets.analysis.nmf import STARTS, Solution, Step, solve, solve_with_sklearn
from ecco_widgets.analysis.nmf.reference import SKLEARN_STARTS
from ecco_widgets.analysis.nmf.solver import Limits
from ecco_widgets.analysis.targets import check_choice
from ecco_widgets.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd

Method = Literal["nmf", "pca", "ica"]
Solver = Literal["hals", "sklearn"]
Normalise = Literal["tokens", "neurons", "layers"]
Callback = Callable[[int, float], object]
"""Called with (iteration, relative error); raising in it ends the computation within one iteration."""

_NORMALISATIONS = ("tokens", "neurons", "layers")
_SOLVER_NAMES = {"pca": "svd", "ica": "fastica"}
_MOST_ITERATIONS = 100_000


@dataclass(frozen=True)
class Stability:
    """How much of the factors other random starts find again.

    Attributes:
        seeds: R seeds.
        cosines: Cosine of token loadings of each factor and the one it is matched with, (R, K).
        relative_errors: Errors of those factorizations, (R,).
    """

    seeds: tuple[int, ...]
    cosines: NDArray[np.float32]
    relative_errors: NDArray[np.float32]

    @property
    def mean(self) -> NDArray[np.float32]:
        """Mean matched cosine of each factor, (K,); 1 is a factor that every start finds."""
        mean: NDArray[np.float32] = self.cosines.mean(axis=0, dtype=np.float32)
        return mean


@dataclass(frozen=True)
class Factors:
    """Activations A (T, N) as the sum of K factors: A ~ token_loadings^T neuron_loadings.

    Factors are in order of their explained share, largest first. Neuron loadings of a factor have norm 1, so that
    ``token_loadings[k, t]`` is the norm of what factor k adds to the activations of token t.

    Attributes:
        token_loadings: Shape (K, T), float32. Rows of all texts, one text below the other; see ``of_text``.
        neuron_loadings: Shape (K, N), float32.
        layers: The layers, in numeric order.
        layer: Layer of each neuron, (N,).
        index: Index of each neuron in its layer, (N,).
        texts: Rows of each text, and which row each of its positions shows.
        relative_error: ||A - W H|| / ||A|| of what was factorized (after ``normalise``); with PCA and ICA the neurons'
            means count as explained. 0.0 where A is zero.
        explained: Each factor's part of ||A||^2, (K,); with NMF they add up to 1 - relative_error^2.
        iterations: How many it took.
        converged: Whether it stopped because the error no longer fell.
        method: "nmf", "pca" or "ica".
        solver: "hals" or "sklearn" (NMF), else "svd" or "fastica".
        start: Where it began.
        seed: The seed.
        normalise: What had equal weight, see ``factorize``.
        positive_share: Squared positive activations over all squared activations: what the factors are about.
        offset: Means (N,) of the neurons, which PCA and ICA subtract first; else ``None``.
        stability: What other seeds find, where it was asked for.
    """

    token_loadings: NDArray[np.float32]
    neuron_loadings: NDArray[np.float32]
    layers: tuple[int, ...]
    layer: NDArray[np.int32]
    index: NDArray[np.int32]
    texts: tuple[TextRows, ...]
    relative_error: float
    explained: NDArray[np.float32]
    iterations: int
    converged: bool
    method: Method
    solver: str
    start: str
    seed: int
    normalise: Normalise | None
    positive_share: float
    offset: NDArray[np.float32] | None = None
    stability: Stability | None = None

    @property
    def n_components(self) -> int:
        """K."""
        return len(self.token_loadings)

    @property
    def caveat(self) -> str:
        """How not to read these factors."""
        return CAVEATS[self.method]

    def of_text(self, text: int = 0) -> NDArray[np.float32]:
        """Token loadings of the states of one text, (K, T_i).

        Raises:
            InvalidInput: If there is no such text.
        """
        rows = self._text(text)
        return self.token_loadings[:, rows.start : rows.stop]

    def shown(self, text: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """What to show at each token of one text.

        A prompt token shows the loadings of its own state, a generated token those of the state that produced it, which
        is the one of the token before.

        Args:
            text: Which text.

        Returns:
            Positions (P,) in the trace, ascending, and loadings (K, P).

        Raises:
            InvalidInput: If there is no such text.
        """
        rows = self._text(text)
        return rows.positions, self.token_loadings[:, rows.start + rows.rows]

    def to_frame(self) -> pd.DataFrame:
        """One row for each (factor, token) pair, as a pandas DataFrame.

        Raises:
            ImportError: If pandas is not installed (``pip install "ecco-widgets[frame]"``).
        """
        import pandas as pd

        counts = [text.stop - text.start for text in self.texts]
        texts = np.repeat(np.arange(len(counts)), counts)
        rows = np.concatenate([np.arange(count) for count in counts])
        k, t = np.indices(self.token_loadings.shape)
        return pd.DataFrame(
            {
                "factor": k.ravel(),
                "text": texts[t.ravel()],
                "row": rows[t.ravel()],
                "loading": self.token_loadings.ravel(),
            }
        )

    def _text(self, text: int) -> TextRows:
        if isinstance(text, bool) or not isinstance(text, (int, np.integer)) or not 0 <= text < len(self.texts):
            raise InvalidInput(f"text must be an index in 0..{len(self.texts) - 1}, got {text!r}.")
        return self.texts[text]


def factorize(
    source: Source,
    n_components: int = 10,
    layers: Layers = None,
    *,
    method: Method = "nmf",
    solver: Solver = "hals",
    seed: int = 0,
    init: str | None = None,
    warm_start: Factors | None = None,
    normalise: Normalise | None = None,
    stack: Stack = "decoder",
    from_layer: int | None = None,
    to_layer: int | None = None,
    stability_seeds: Sequence[int] = (),
    tol: float | None = None,
    max_iterations: int | None = None,
    callback: Callback | None = None,
    on_snapshot: Callable[[Factors], object] | None = None,
    snapshot_at: Collection[int] | Callable[[int, float], bool] = (1, 5, 20),
) -> Factors:
    """Which neurons fire together, and on which tokens?

    The activations of the FFNN neurons of some layers, negative ones set to zero, are written as a sum of K factors,
    each a pattern over the tokens times a pattern over the neurons, none of them negative: A ~ W H, with the least
    squared error that the solver finds.

    Args:
        source: A trace, several (a batch: one factorization over all texts), an array (tokens, neurons), or a list with
            such an array for each layer.
        n_components: K, 1 to the number of tokens.
        layers: Layers, any of them, also with gaps; all by default.
        method: "nmf"; "pca" or "ica" for what else could be done, with ``Factors.caveat``.
        solver: "hals", the own one, or "sklearn": scikit-learn's as Ecco calls it, which can't be cancelled.
        seed: For what is drawn. Equal seeds give equal factors on the same machine.
        init: Name of a start: "clusters", "nndsvd", "anchors", "tokens" or "random" (see ``analysis.nmf.starts``), for
            ``solver="sklearn"`` "random" (the default), "nndsvd", "nndsvda" or "nndsvdar".
        warm_start: Factors of the same tokens to go on from, with another K or other layers. Faster, and may end in
            another minimum than without.
        normalise: What gets equal weight in the error: "tokens" (each token's activations have norm 1), "neurons" (each
            neuron over the tokens) or "layers" (each layer as a whole). Neuron loadings are in units of activations all
            the same; token loadings are of the tokens as they were factorized.
        stack: Of a sequence-to-sequence model: "decoder" or "encoder".
        from_layer: Ecco's way to choose layers: the first.
        to_layer: And the one after the last, as in ``range``.
        stability_seeds: Other seeds to start from at random, for ``Factors.stability``.
        tol: Relative fall of the error per iteration at which to stop (2e-5; scikit-learn's own measure, 1e-4).
        max_iterations: Most iterations (200; for ``solver="sklearn"`` 500).
        callback: Called with (iteration, relative error) after each pass over the activations, and with iteration 0
            while the start is made. Raise in it to cancel.
        on_snapshot: Called with the factors as they are after some iterations, to be shown until the last ones come.
        snapshot_at: After which iterations; or a function of (iteration, relative error) that says whether now.

    Returns:
        The factors.

    Raises:
        InvalidInput: If an argument is unknown or out of range, or there are no activations.
        NonFinite: If an activation is NaN or infinite.
        UnsupportedModel: If the model's neurons can't be found.

    Source:
        Lee and Seung 1999; Alammar 2020 (activations of language models). Solver: see ``analysis.nmf``.

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo().generate(" 1, 2, 3,", generate=6)
        >>> factors = factorize(out, 2, layers=range(2, 6))
        >>> factors.token_loadings.shape == (2, out.n_tokens)
        True
    """
    _check_arguments(method, solver, init, warm_start, normalise, seed, stability_seeds)
    limits = _limits(solver, tol, max_iterations)
    matrix = read_activations(source, layers, stack=stack, from_layer=from_layer, to_layer=to_layer)
    n_tokens, n_neurons = matrix.values.shape
    _check_n_components(n_components, n_tokens, n_neurons)
    if warm_start is not None and warm_start.token_loadings.shape[1] != n_tokens:
        raise InvalidInput(
            f"warm_start has factors of {warm_start.token_loadings.shape[1]} tokens, the activations have {n_tokens}.",
            hint="Go on from factors of the same text, or leave warm_start out.",
        )
    scale = normalised(matrix, normalise)

    facts: dict[str, Any] = {"method": method, "solver": _SOLVER_NAMES.get(method, solver)}
    facts |= {"seed": seed, "normalise": normalise}

    def built(found: Solution, **more: Any) -> Factors:
        return Factors(**build_factors(matrix, found, scale, method), **facts, **more)

    on_step = _told(callback, on_snapshot, _due(snapshot_at), built)
    if method != "nmf":
        work = principal_components if method == "pca" else independent_components
        found, means = work(matrix.values, n_components, seed=seed, on_step=on_step)
        return built(found, offset=(means if scale is None else means * scale).cpu().numpy())
    if solver == "sklearn":
        found = solve_with_sklearn(
            matrix.values, n_components, start=init or "random", seed=seed, limits=limits, on_step=on_step
        )
    else:
        previous = None if warm_start is None else torch.tensor(warm_start.token_loadings)
        found = solve(
            matrix.values, n_components, start=init, previous=previous, seed=seed, limits=limits, on_step=on_step
        )
    factors = built(found)
    del found
    if not stability_seeds:
        return factors
    return replace(factors, stability=_stability(matrix.values, factors, stability_seeds, limits, callback))


def _told(
    callback: Callback | None,
    on_snapshot: Callable[[Factors], object] | None,
    due: Callable[[int, float], bool],
    built: Callable[[Solution], Factors],
) -> Callable[[Step], None]:
    """Passes on what a solver tells. A snapshot that is due while a step is taken back comes with the next good one."""

    def on_step(step: Step) -> None:
        if callback:
            callback(step.iteration, step.relative_error)
        if not on_snapshot or step.token_loadings is None or step.neuron_loadings is None:
            return
        if not due(step.iteration, step.relative_error):
            return
        w, h = step.token_loadings.clone(), step.neuron_loadings.clone()
        on_snapshot(built(Solution(w, h, step.relative_error, step.iteration, converged=False, start="")))

    return on_step


def _due(snapshot_at: Collection[int] | Callable[[int, float], bool]) -> Callable[[int, float], bool]:
    if callable(snapshot_at):
        return snapshot_at
    left = sorted(snapshot_at)

    def due(iteration: int, _error: float) -> bool:
        passed = sum(at <= iteration for at in left)
        del left[:passed]
        return passed > 0

    return due


def _stability(
    values: Tensor, factors: Factors, seeds: Sequence[int], limits: Limits, callback: Callback | None
) -> Stability:
    def on_step(step: Step) -> None:
        if callback:
            callback(step.iteration, step.relative_error)

    cosines = np.zeros((len(seeds), factors.n_components), dtype=np.float32)
    errors = np.zeros(len(seeds), dtype=np.float32)
    for run, seed in enumerate(seeds):
        found = solve(values, factors.n_components, start="random", seed=seed, limits=limits, on_step=on_step)
        # Scales do not matter to cosines, so that loadings as they come from the solver will do.
        rows, _, cosine = matched_pairs(factors.token_loadings, found.token_loadings.numpy())
        cosines[run, rows] = cosine
        errors[run] = found.relative_error
    return Stability(tuple(seeds), cosines, errors)


def _check_arguments(
    method: str,
    solver: str,
    init: str | None,
    warm_start: Factors | None,
    normalise: str | None,
    seed: int,
    stability_seeds: Sequence[int],
) -> None:
    check_choice("method", method, list(CAVEATS))
    check_choice("solver", solver, ["hals", "sklearn"])
    if normalise is not None:
        check_choice("normalise", normalise, list(_NORMALISATIONS))
    if init is not None:
        check_choice("init", init, list(SKLEARN_STARTS if solver == "sklearn" else STARTS))
    for one in (seed, *stability_seeds):
        if isinstance(one, bool) or not isinstance(one, (int, np.integer)) or not 0 <= one < 2**32:
            raise InvalidInput(f"a seed must be an integer from 0 to 2^32-1, got {one!r}.")
    own = method == "nmf" and solver == "hals"
    given = {"init": init is not None and method != "nmf", "warm_start": warm_start is not None and not own}
    given["stability_seeds"] = bool(stability_seeds) and not own
    for name, unusable in given.items():
        if unusable:
            raise InvalidInput(f"{name} is for method='nmf' with solver='hals'.", hint="Leave it out.")
    if warm_start is not None:
        _check_warm_start(warm_start, init)


def _check_warm_start(warm_start: object, init: str | None) -> None:
    if not isinstance(warm_start, Factors):
        raise InvalidInput(f"warm_start must be factors, got {type(warm_start).__name__}.")
    if warm_start.method != "nmf":
        raise InvalidInput(f"warm_start must be of method='nmf', got method={warm_start.method!r}.")
    if init is not None:
        raise InvalidInput("init and warm_start were both given.", hint="Give one of them.")


def _limits(solver: str, tol: float | None, max_iterations: int | None) -> Limits:
    default = Limits(500, 1e-4) if solver == "sklearn" else Limits()
    tol = default.tol if tol is None else tol
    most = default.max_iterations if max_iterations is None else max_iterations
    if isinstance(tol, bool) or not isinstance(tol, (int, float, np.floating)) or not 0 <= tol < 1:
        raise InvalidInput(f"tol must be a number from 0 to below 1, got {tol!r}.")
    if isinstance(most, bool) or not isinstance(most, (int, np.integer)) or not 1 <= most <= _MOST_ITERATIONS:
        raise InvalidInput(f"max_iterations must be an integer in 1..{_MOST_ITERATIONS:,}, got {most!r}.")
    return Limits(int(most), float(tol))


def _check_n_components(n_components: int, n_tokens: int, n_neurons: int) -> None:
    most = min(n_tokens, n_neurons)
    what = "tokens" if n_tokens <= n_neurons else "neurons"
    if (
        isinstance(n_components, bool)
        or not isinstance(n_components, (int, np.integer))
        or not 1 <= n_components <= most
    ):
        raise InvalidInput(
            f"n_components must be an integer in 1..{most} (the number of {what}), got {n_components!r}.",
            hint="There can't be more factors than that; take fewer, or a longer text." if what == "tokens" else "",
        )
