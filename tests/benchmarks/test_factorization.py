"""Factors against scikit-learn's NMF in the same process, one thread each; warm starts, first picture, memory.

`make bench` prints the ratios of CPU seconds. Random-weight models shaped like GPT-2 stand for real ones.
"""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.decomposition import NMF
from threadpoolctl import threadpool_limits
from transformers import GPT2Config, GPT2LMHeadModel

import ecco_widgets as ecco
from ecco_widgets.analysis.factor_matching import matched_pairs
from ecco_widgets.analysis.factorization import Factors, factorize
from tests.support.neurons_by_hand import neurons_by_hand

pytestmark = pytest.mark.benchmark

HELD_RATIO, HELD_WARM, HELD_MEMORY = 20.0, 0.3, 3.0
K = 10


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


@cache
def gpt2_shape(n_tokens: int) -> NDArray[np.float32]:
    """Neurons of all 12 layers of a random GPT-2: (n_tokens, 36,864), negative ones set to zero."""
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(n_layer=12)).eval()
    ids = torch.randint(0, model.config.vocab_size, (n_tokens,))
    return np.maximum(torch.cat(neurons_by_hand(model, ids), dim=1).numpy(), 0)


def timed(*args, **options) -> tuple[Factors, float]:
    before = time.process_time()
    factors = factorize(*args, **options)
    return factors, time.process_time() - before


def least_time(*args, **options) -> tuple[Factors, float]:
    """The least of three, since other programs on the machine only add to it."""
    factors, seconds = timed(*args, **options)
    return factors, min(seconds, *(timed(*args, **options)[1] for _ in range(2)))


def scikit_learn(activations: NDArray[np.float32], n_components: int = K, **options) -> tuple[float, int, float]:
    """Relative error, iterations and CPU seconds of the call that Ecco makes."""
    before = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = NMF(n_components, init="random", random_state=0, max_iter=500, **options).fit(activations)
    elapsed = time.process_time() - before
    return model.reconstruction_err_ / np.linalg.norm(activations.astype(np.float64)), model.n_iter_, elapsed


def test_faster_than_scikit_learn_at_no_larger_error() -> None:
    activations = gpt2_shape(82)
    timed(activations[:, :4_096], K)  # warm up
    own, seconds = least_time(activations, K)
    full_error, full_iterations, full_seconds = scikit_learn(activations, tol=0)
    ecco_error, ecco_iterations, ecco_seconds = scikit_learn(activations)
    print(f"\n82 tokens x 36,864 neurons, 10 factors: own {seconds:.3f} s CPU, {own.iterations} iterations from start ")
    print(f"  {own.start!r}, error {own.relative_error:.6f}")
    for name, error, iterations, elapsed in (
        ("500 iterations", full_error, full_iterations, full_seconds),
        ("as Ecco calls it", ecco_error, ecco_iterations, ecco_seconds),
    ):
        print(
            f"  scikit-learn, {name}: {elapsed:.2f} s CPU, {iterations} iterations, error {error:.6f}: own is "
            f"{elapsed / seconds:.1f} times faster, its error {own.relative_error / error:.5f} times as large"
        )
    assert own.relative_error <= full_error
    assert own.relative_error <= ecco_error
    assert full_seconds / seconds >= HELD_RATIO


def test_every_number_of_factors_on_the_demo_model() -> None:
    ratios = []
    for text, n_generated in ((" 1, 2, 3,", 30), ("The keys to the cabinet", 60)):
        trace = ecco.load_demo().generate(text, generate=n_generated)
        activations = np.maximum(torch.cat(trace.activations(), dim=1).float().numpy(), 0)
        for k in range(1, trace.n_tokens):
            error, _, _ = scikit_learn(activations, k)
            ratios.append(factorize(activations, k).relative_error / error)
    print(
        f"\ndemo model, two texts, every number of factors: error {np.median(ratios):.4f} times scikit-learn's in the "
        f"median, {min(ratios):.4f} to {max(ratios):.4f}; {sum(r <= 1.001 for r in ratios)} of {len(ratios)} at most "
        "1.001"
    )
    assert np.median(ratios) <= 1.0
    assert np.mean(np.array(ratios) <= 1.001) >= 0.95


def test_errors_over_several_seeds_are_those_of_scikit_learn() -> None:
    activations = gpt2_shape(82)
    own = [factorize(activations, K, seed=seed).relative_error for seed in range(6)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = [
            NMF(K, init="random", random_state=seed, max_iter=500).fit(activations).reconstruction_err_
            for seed in range(3)
        ] / np.linalg.norm(activations.astype(np.float64))
    print(f"\nown, 6 seeds: {np.mean(own):.6f} ({min(own):.6f} to {max(own):.6f}); ", end="")
    print(f"scikit-learn, 3 seeds: {np.mean(theirs):.6f} ({min(theirs):.6f} to {max(theirs):.6f})")
    assert np.mean(own) <= 1.001 * np.mean(theirs)


@pytest.mark.parametrize(("n_tokens", "numbers"), [(82, (8, 9, 10, 11, 12)), (1_000, (10,))])
def test_one_factor_more_from_those_there_are(n_tokens: int, numbers: tuple[int, ...]) -> None:
    activations = gpt2_shape(n_tokens)
    ratios = []
    print()
    for k in numbers:
        before = factorize(activations, k)
        cold, cold_seconds = least_time(activations, k + 1)
        for n_iterations in (1, 2, 3):
            warm, warm_seconds = least_time(activations, k + 1, warm_start=before, max_iterations=n_iterations)
            if warm.relative_error <= 1.001 * cold.relative_error:
                break
        assert warm.relative_error <= 1.001 * cold.relative_error
        ratios.append(warm_seconds / cold_seconds)
        print(
            f"{n_tokens} tokens, {k} -> {k + 1} factors: cold {cold_seconds:.3f} s CPU, {cold.iterations} iterations; "
            f"warm {warm_seconds:.3f} s, {n_iterations} iterations: {ratios[-1]:.2f} of a cold start, error "
            f"{warm.relative_error / cold.relative_error:.5f} times as large"
        )
    assert np.median(ratios) <= HELD_WARM


def test_a_thousand_tokens_show_a_first_picture_early_and_stop_at_once() -> None:
    activations = gpt2_shape(1_000)
    seen: list[tuple[int, float]] = []
    snapshots: list[tuple[float, Factors]] = []
    begin = time.process_time()
    final = factorize(
        activations,
        K,
        callback=lambda iteration, _: seen.append((iteration, time.process_time() - begin)),
        on_snapshot=lambda factors: snapshots.append((time.process_time() - begin, factors)),
        snapshot_at=(1,),
    )
    total = time.process_time() - begin
    passes = [now for iteration, now in seen if iteration > 1]
    iteration = (passes[-1] - passes[0]) / (len(passes) - 1)
    gaps = np.diff([now for _, now in seen])
    first, picture = snapshots[0]
    similar = matched_pairs(picture.token_loadings, final.token_loadings)[2]
    print(
        f"\n1,000 tokens x 36,864 neurons: {total:.2f} s CPU, {iteration * 1e3:.0f} ms an iteration; first picture "
        f"after {first:.2f} s = {first / iteration:.1f} iterations' time, error {picture.relative_error:.5f} (final "
        f"{final.relative_error:.5f}), least cosine to the final loadings {similar.min():.4f}; longest time between "
        f"two looks at whether to stop {gaps.max() * 1e3:.0f} ms = {gaps.max() / iteration:.1f} iterations"
    )
    assert first <= 20 * iteration
    assert gaps.max() <= 2 * iteration
    assert picture.relative_error <= 1.005 * final.relative_error

    class Stop(Exception):
        pass

    def cancel(iteration: int, _: float) -> None:
        if iteration == 2:
            raise Stop

    begin = time.process_time()
    with pytest.raises(Stop):
        factorize(activations, K, callback=cancel)
    assert time.process_time() - begin < total


_MEASURE = """
import pathlib, sys
import torch
torch.set_num_threads(1)
from ecco_widgets.analysis.factorization import factorize

def status(name):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

n_tokens, n_components = int(sys.argv[1]), int(sys.argv[2])
factorize(torch.rand(30, 9_000), 10)  # what is allocated once for all
activations = [torch.rand(n_tokens, 3_072) - 0.3 for _ in range(12)]
size = sum(layer.nbytes for layer in activations)
pathlib.Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
factorize(activations, n_components, max_iterations=10)
print((status("VmHWM") - before) / size + 1)
"""


@pytest.mark.parametrize(("n_tokens", "n_components"), [(82, 10), (1_000, 10), (1_000, 50)])
def test_peak_memory_is_at_most_three_times_the_activations(n_tokens: int, n_components: int) -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("needs Linux's /proc to read peak memory")
    command = [sys.executable, "-c", _MEASURE, str(n_tokens), str(n_components)]
    ratio = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(f"\n{n_tokens} tokens x 36,864 neurons, {n_components} factors: peak {ratio:.2f} times the activations")
    assert ratio <= HELD_MEMORY
