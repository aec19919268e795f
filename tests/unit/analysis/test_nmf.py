"""The own solver: no larger error than scikit-learn's, never NaN, cancelled at once, going on from earlier factors."""

from __future__ import annotations

import math
import warnings
from functools import cache

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls
from sklearn.decomposition import NMF
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

import ecco_widgets as ecco
from ecco_widgets.analysis.nmf import STARTS, Solution, Step, solve, solve_with_sklearn
from ecco_widgets.analysis.nmf.solver import Limits
from ecco_widgets.analysis.nmf.starts import Sample, leading_directions, sampled
from ecco_widgets.analysis.nmf.sweeps import energies, gram_squares, residual_squares, sweep, sweep_few
from tests.support.neurons_by_hand import neurons_by_hand


def matrix(n_tokens: int, n_neurons: int, seed: int = 0) -> Tensor:
    """Positive parts of Gaussian entries."""
    return torch.randn(n_tokens, n_neurons, generator=torch.Generator().manual_seed(seed)).clamp(min=0)


def planted(n_tokens: int, n_neurons: int, rank: int, noise: float = 0.0, seed: int = 0) -> Tensor:
    """A product of two sparse non-negative matrices, and some noise."""
    w, h = matrix(n_tokens, rank, seed), matrix(rank, n_neurons, seed + 1)
    return (w @ h + noise * matrix(n_tokens, n_neurons, seed + 2)).contiguous()


@cache
def demo_activations(text: str = " 1, 2, 3,", n_generated: int = 30) -> Tensor:
    trace = ecco.load_demo().generate(text, generate=n_generated)
    return torch.cat(neurons_by_hand(trace.lm.model, torch.tensor(trace.token_ids)), dim=1).clamp(min=0)


@cache
def gpt2_shape() -> Tensor:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(n_layer=6)).eval()
    return torch.cat(neurons_by_hand(model, torch.randint(0, 50_257, (82,))), dim=1).clamp(min=0)


def with_a_zero_layer() -> Tensor:
    values = demo_activations().clone()
    values[:, 1_024:2_048] = 0.0
    return values


def scikit_learns_error(values: Tensor, n_components: int, init: str | None = "random") -> float:
    array = values.numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = NMF(n_components, init=init, random_state=0, max_iter=500, tol=0)
        w = model.fit_transform(array).astype(np.float64)
    return float(np.linalg.norm(array - w @ model.components_) / np.linalg.norm(array.astype(np.float64)))


def true_error(values: Tensor, found: Solution) -> float:
    a, w, h = values.double(), found.token_loadings, found.neuron_loadings.double()
    return float((a - w.T @ h).norm() / a.norm())


def assert_sound(values: Tensor, found: Solution, n_components: int) -> None:
    assert found.token_loadings.shape == (n_components, values.shape[0])
    assert found.neuron_loadings.shape == (n_components, values.shape[1])
    for loadings in (found.token_loadings, found.neuron_loadings):
        assert bool(loadings.isfinite().all())
        assert bool((loadings >= 0).all())
    assert math.isfinite(found.relative_error)


# ---------------------------------------- against scikit-learn

CASES = {
    "demo model, 2 factors": (demo_activations, 2),
    "demo model, 10 factors": (demo_activations, 10),
    "demo model, 25 factors": (demo_activations, 25),
    "demo model, other text": (lambda: demo_activations("The keys to the cabinet", 60), 10),
    "random six layers": (gpt2_shape, 10),
    "planted, exact": (lambda: planted(60, 3_000, 6), 6),
    "planted, with noise": (lambda: planted(60, 3_000, 6, noise=0.3), 6),
    "planted, fewer factors": (lambda: planted(60, 3_000, 8), 5),
    "planted, more factors": (lambda: planted(60, 3_000, 4), 7),
    "an all-zero layer": (with_a_zero_layer, 10),
    "a single token": (lambda: matrix(1, 500), 1),
    "as many factors as tokens": (lambda: matrix(12, 500), 12),
    "one factor": (lambda: matrix(20, 500), 1),
    "many tokens, few neurons": (lambda: planted(700, 40, 5, noise=0.1), 5),
}


@pytest.mark.parametrize("case", list(CASES))
def test_the_error_is_no_larger_than_that_of_500_iterations_of_scikit_learn(case: str) -> None:
    make, n_components = CASES[case]
    values = make()
    found = solve(values, n_components)
    assert_sound(values, found, n_components)
    assert found.relative_error == pytest.approx(true_error(values, found), rel=1e-4, abs=1e-7)
    # What float32 leaves of an exact solution is not worth comparing.
    assert found.relative_error <= 1.001 * scikit_learns_error(values, n_components) + 1e-6


@pytest.mark.parametrize("n_components", [2, 10])
def test_on_the_demo_model_also_than_with_scikit_learns_own_start(n_components: int) -> None:
    values = demo_activations()
    assert solve(values, n_components).relative_error <= 1.001 * scikit_learns_error(values, n_components, init=None)


def test_solver_sklearn_is_scikit_learn_called_as_ecco_does() -> None:
    values = demo_activations()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = NMF(3, init="random", random_state=0, max_iter=500)
        expected = model.fit_transform(values.numpy())
    steps: list[Step] = []
    found = solve_with_sklearn(values, 3, on_step=steps.append)
    np.testing.assert_allclose(found.token_loadings.numpy(), expected.T, rtol=1e-5, atol=1e-5)
    assert found.iterations == model.n_iter_
    assert [step.iteration for step in steps] == [0, model.n_iter_]


# ---------------------------------------- edge cases


def test_a_matrix_of_zeros_has_zero_factors_and_no_error() -> None:
    found = solve(torch.zeros(5, 40), 3)
    assert_sound(torch.zeros(5, 40), found, 3)
    assert found.relative_error == 0.0
    assert float(found.neuron_loadings.abs().sum()) == 0.0


def test_no_more_tokens_than_factors_is_solved_exactly() -> None:
    values = matrix(6, 300)
    values[[1, 4]] = 0.0  # four tokens are left
    for n_components in (4, 5, 6):
        found = solve(values, n_components)
        assert_sound(values, found, n_components)
        assert true_error(values, found) < 1e-7
        assert found.relative_error == 0.0


def test_no_more_neurons_than_factors_is_solved_exactly() -> None:
    values = torch.zeros(30, 100)
    values[:, [3, 50, 99]] = matrix(30, 3)
    found = solve(values, 3)
    assert_sound(values, found, 3)
    assert true_error(values, found) < 1e-7


@pytest.mark.parametrize("n_components", [3, 5, 8])
def test_equal_tokens_make_no_nan(n_components: int) -> None:
    values = matrix(3, 400).repeat(4, 1)
    found = solve(values, n_components)
    assert_sound(values, found, n_components)
    assert true_error(values, found) < 1e-3


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e4])
def test_the_unit_of_the_activations_does_not_matter(scale: float) -> None:
    values = planted(40, 800, 5, noise=0.3)
    assert solve(values * scale, 5).relative_error == pytest.approx(solve(values, 5).relative_error, rel=1e-3)


def test_a_token_that_outweighs_all_others_makes_no_nan() -> None:
    values = matrix(30, 600)
    values[0] *= 1e4
    found = solve(values, 4)
    assert_sound(values, found, 4)
    assert found.relative_error < 0.01


@pytest.mark.parametrize("start", list(STARTS))
@pytest.mark.parametrize("shape", [(40, 900), (300, 2_500)])
def test_every_start_leads_to_a_sound_solution(start: str, shape: tuple[int, int]) -> None:
    values = planted(*shape, 4, noise=0.2)
    found = solve(values, 6, start=start)
    assert_sound(values, found, 6)
    assert found.start == start
    assert found.relative_error < 0.3


def test_more_tokens_than_can_be_clustered() -> None:
    values = planted(2_100, 60, 4, noise=0.2)
    found = solve(values, 4)
    assert_sound(values, found, 4)
    assert found.start == "nndsvd"
    assert found.relative_error <= 1.001 * scikit_learns_error(values, 4)


# ---------------------------------------- determinism, steps, cancelling


def test_equal_seeds_give_equal_factors() -> None:
    values = gpt2_shape()
    first, second = solve(values, 5, seed=3), solve(values, 5, seed=3)
    assert torch.equal(first.token_loadings, second.token_loadings)
    assert torch.equal(first.neuron_loadings, second.neuron_loadings)


def test_the_matrix_is_left_as_it_is() -> None:
    values = planted(30, 500, 4, noise=0.2)
    before = values.clone()
    solve(values, 4)
    assert torch.equal(values, before)


def test_errors_fall_and_each_step_tells_its_own() -> None:
    values = gpt2_shape()
    seen: list[Step] = []

    def look(step: Step) -> None:
        seen.append(step)
        if step.token_loadings is not None and step.iteration % 5 == 1:
            now = Solution(step.token_loadings, step.neuron_loadings, 0.0, 0, converged=False, start="")
            assert step.relative_error == pytest.approx(true_error(values, now), rel=1e-5)

    found = solve(values, 6, on_step=look)
    assert seen[0] == Step(0, 1.0)
    passes = [step for step in seen if step.iteration]
    assert [step.iteration for step in passes] == list(range(1, found.iterations + 1))
    errors = [step.relative_error for step in passes]
    assert errors == sorted(errors, reverse=True)
    assert found.converged
    assert found.relative_error <= errors[-1] * (1 + 1e-5)


def test_small_errors_are_computed_from_the_residual() -> None:
    values = planted(40, 800, 4)
    errors = []
    solve(values, 4, limits=Limits(60, 0.0), on_step=lambda step: errors.append(step.relative_error))
    assert errors[-1] < 1e-3  # where products in float32 would give noise


class Stop(Exception):
    pass


@pytest.mark.parametrize("last", [0, 1, 4])
def test_raising_in_a_step_ends_the_work_within_one_iteration(last: int) -> None:
    seen: list[int] = []

    def stop(step: Step) -> None:
        seen.append(step.iteration)
        if step.iteration == last:
            raise Stop

    with pytest.raises(Stop):
        solve(gpt2_shape(), 6, on_step=stop)
    assert max(seen) == last


def test_iterations_are_limited() -> None:
    found = solve(gpt2_shape(), 6, limits=Limits(3, 0.0))
    assert found.iterations == 3
    assert not found.converged
    assert found.relative_error == pytest.approx(true_error(gpt2_shape(), found), rel=1e-5)


def test_two_factors_that_share_what_one_explains_give_way() -> None:
    # From this start two factors end on the first block and none on the third; the error would be 0.267.
    values = torch.from_numpy(np.kron(np.diag([3.0, 2.0, 1.0]), np.ones((4, 30))).astype(np.float32))
    w = torch.zeros(3, 12, dtype=torch.float64)
    w[0, :4], w[1, 4:8], w[2, :4] = torch.tensor([1.0, 0.9, 1.0, 0.95]), 1.0, torch.tensor([1.0, 1.05, 1.0, 1.0])
    steps: list[Step] = []
    found = solve(values, 3, start=w, on_step=steps.append)
    assert found.relative_error < 1e-5
    assert [step.iteration for step in steps if step.iteration] == list(range(1, found.iterations + 1))


# ---------------------------------------- warm starts


@pytest.mark.parametrize(("from_k", "to_k"), [(5, 6), (6, 5), (5, 8), (8, 3), (5, 5)])
def test_going_on_with_another_number_of_factors(from_k: int, to_k: int) -> None:
    values = gpt2_shape()
    cold = solve(values, to_k)
    warm = solve(values, to_k, previous=solve(values, from_k).token_loadings)
    assert_sound(values, warm, to_k)
    assert warm.start == "previous"
    assert warm.relative_error <= 1.002 * cold.relative_error


def test_going_on_takes_few_iterations_to_the_same_error() -> None:
    values = gpt2_shape()
    cold = solve(values, 11)
    warm = solve(values, 11, previous=solve(values, 10).token_loadings, limits=Limits(2))
    assert warm.relative_error <= 1.001 * cold.relative_error


def test_going_on_with_other_layers() -> None:
    values = gpt2_shape()
    earlier = solve(values[:, :9_216].contiguous(), 5)
    later = values[:, 6_144:].contiguous()
    warm = solve(later, 5, previous=earlier.token_loadings)
    assert_sound(later, warm, 5)
    assert warm.relative_error <= 1.002 * solve(later, 5).relative_error


def test_going_on_from_factors_that_are_zero() -> None:
    values = planted(30, 500, 4, noise=0.1)
    earlier = torch.zeros(4, 30, dtype=torch.float64)
    earlier[0] = 1.0
    warm = solve(values, 4, previous=earlier)
    assert_sound(values, warm, 4)
    assert warm.relative_error <= 1.01 * solve(values, 4).relative_error


# ---------------------------------------- pieces


def test_sweeps_end_at_the_least_squares_solution_of_each_column() -> None:
    w, a = matrix(5, 30), matrix(30, 8, seed=1)  # W (K, T)
    gram, target = (w @ w.T).double()[None], (w @ a).double()[None]
    x = sweep(torch.zeros_like(target), gram, target.clone(), 400)[0]
    for column in range(8):
        expected, _ = nnls(w.T.double().numpy(), a[:, column].double().numpy())
        np.testing.assert_allclose(x[:, column], expected, atol=1e-6)


@pytest.mark.parametrize("n_columns", [30, 3_000])
def test_sweeps_of_few_columns_are_the_same(n_columns: int) -> None:
    gram, target = (
        matrix(4, 4) + 5 * torch.eye(4),
        torch.randn(4, n_columns, generator=torch.Generator().manual_seed(1)),
    )
    gram, target = (gram + gram.T).double(), target.double()
    gram[2] = gram[:, 2] = 0.0  # a factor without direction stays as it is
    start = matrix(4, n_columns, seed=2).double()
    expected = sweep(start.clone()[None], gram[None], target.clone()[None], 3)[0]
    kept = target.clone()
    torch.testing.assert_close(sweep_few(start.clone(), gram, target, 3), expected)
    assert torch.equal(target, kept)
    assert torch.equal(expected[2], start[2])


def test_the_two_ways_to_the_error_agree() -> None:
    values, w, h = matrix(20, 3_000), matrix(4, 20, seed=1).double(), matrix(4, 3_000, seed=2)
    exact = residual_squares(values, w, h)
    assert exact == pytest.approx(float((values.double() - w.T @ h.double()).square().sum()), rel=1e-6)
    products = (h @ values.T).double(), (h @ h.T).double()
    assert gram_squares(energies(values).total, w, *products) == pytest.approx(exact, rel=1e-5)


def test_energies_are_sums_of_squares() -> None:
    values = matrix(7, 70_000)
    found = energies(values)
    torch.testing.assert_close(found.tokens, values.double().square().sum(1), rtol=1e-5, atol=0.0)
    torch.testing.assert_close(found.neurons, values.double().square().sum(0), rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("n_tokens", [40, 400])
def test_leading_directions_are_those_of_the_singular_value_decomposition(n_tokens: int) -> None:
    values = planted(n_tokens, 900, 5, noise=0.05)
    left, strengths = leading_directions(values, 5, seed=0, n_powers=20)
    u, s, _ = np.linalg.svd(values.double().numpy(), full_matrices=False)
    np.testing.assert_allclose(strengths, s[:5], rtol=1e-4)
    np.testing.assert_allclose(np.abs((left.numpy() * u[:, :5]).sum(0)), 1.0, atol=1e-3)


def test_the_sample_has_the_products_of_all_on_average() -> None:
    values = matrix(20, 60_000) * torch.linspace(0.1, 3.0, 60_000)
    values[:, :10] *= 100.0  # so active that they are certain
    expected = values.double() @ values.double().T
    grams = []
    for seed in range(20):
        columns = sampled(values, energies(values).neurons, 4, seed)
        assert 14_000 <= columns.shape[1] <= 15_000
        grams.append(columns.double() @ columns.double().T)
        assert float((columns[:, :10] - values[:, :10]).abs().max()) == 0.0
    error = (torch.stack(grams).mean(0) - expected).norm() / expected.norm()
    assert float(error) < 0.003


def test_a_small_matrix_is_its_own_sample() -> None:
    values = matrix(20, 2_000)
    assert sampled(values, energies(values).neurons, 8, 0) is values


def test_silent_neurons_are_not_sampled() -> None:
    values = torch.zeros(100, 50_000)
    values[:, ::20] = matrix(100, 2_500)
    columns = sampled(values, energies(values).neurons, 8, 0)
    assert columns.shape[1] == 2_500


def test_clusters_put_tokens_of_one_direction_together() -> None:
    directions = matrix(3, 500)
    strengths = torch.tensor([1.0, 10.0, 0.3, 5.0])
    values = torch.cat([direction * strengths[:, None] for direction in directions])
    left, singular = leading_directions(values, 12, seed=0)
    loadings = STARTS["clusters"](Sample(values, left, singular, 0), 3)
    strongest: NDArray[np.int64] = loadings.argmax(dim=0).numpy()
    assert len({tuple(strongest[4 * group : 4 * group + 4]) for group in range(3)}) == 3
    assert all(len(set(strongest[4 * group : 4 * group + 4])) == 1 for group in range(3))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_same_on_a_gpu() -> None:
    values = gpt2_shape()
    found = solve(values.cuda(), 10)
    assert found.neuron_loadings.device.type == "cuda"
    assert found.relative_error == pytest.approx(solve(values, 10).relative_error, rel=1e-3)
