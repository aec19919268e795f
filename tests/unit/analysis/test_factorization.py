"""Factors of traces and arrays: the right layers and rows, units and shares, and a message for every wrong argument."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import NMF, PCA, FastICA
from transformers import GPT2Config, GPT2LMHeadModel

import ecco_widgets as ecco
from ecco_widgets.analysis.activation_matrix import read_activations
from ecco_widgets.analysis.factor_matching import matched_pairs
from ecco_widgets.analysis.factorization import Factors, factorize
from ecco_widgets.errors import EccoError, InvalidInput, NonFinite
from ecco_widgets.models import LanguageModel, Trace
from tests.support.neurons_by_hand import neurons_by_hand
from tests.support.tiny_models import CONTEXT, VOCABULARY, tiny_lm, tiny_tokenizer

TEXT = "The keys to the cabinet are on the table"


def layers_of(n_layers: int = 3, n_tokens: int = 12, width: int = 40, seed: int = 0) -> list[np.ndarray]:
    chance = np.random.default_rng(seed)
    return [chance.standard_normal((n_tokens, width)).astype(np.float32) for _ in range(n_layers)]


@pytest.fixture(scope="module")
def thirteen() -> Trace:
    """A run of a model with thirteen layers, so that 10 does not come after 1."""
    torch.manual_seed(0)
    config = GPT2Config(n_layer=13, n_embd=16, n_head=2, vocab_size=VOCABULARY, n_positions=CONTEXT)
    lm = LanguageModel(GPT2LMHeadModel(config).eval(), tiny_tokenizer(), name="thirteen-layers")
    return lm(TEXT)


@pytest.fixture(scope="module")
def counting() -> Trace:
    return ecco.load_demo().generate(" 1, 2, 3,", generate=30)


# ---------------------------------------- which activations


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"layers": 11},
        {"layers": [12, 2, 10]},
        {"layers": range(9, 12)},
        {"layers": {1, 10}},
        {"layers": np.array([10, 3, 3])},
        {"from_layer": 3, "to_layer": 11},
        {"from_layer": 10},
        {"to_layer": 2},
    ],
)
def test_layers_of_a_model_with_thirteen_are_the_ones_hooks_see(thirteen: Trace, choice: dict[str, Any]) -> None:
    by_hand = neurons_by_hand(thirteen.lm.model, torch.tensor(thirteen.token_ids))
    first, stop = choice.get("from_layer", 0), choice.get("to_layer", 13)
    asked = choice.get("layers", range(first, stop))
    expected = sorted({int(layer) for layer in ([asked] if isinstance(asked, int) else asked)})
    read = read_activations(thirteen, **choice)
    assert read.layers == tuple(expected)
    hooked = torch.cat([by_hand[layer] for layer in expected], dim=1)
    torch.testing.assert_close(read.values, hooked.clamp(min=0), rtol=1e-5, atol=1e-6)
    width = by_hand[0].shape[1]
    assert read.layer.tolist() == np.repeat(expected, width).tolist()
    assert read.index.tolist() == list(range(width)) * len(expected)


def test_factors_name_layer_and_index_of_each_neuron() -> None:
    layers = layers_of()
    factors = factorize(layers, 3, layers=[2, 0])
    assert factors.layers == (0, 2)
    assert factors.neuron_loadings.shape == (3, 80)
    assert factors.layer.tolist() == [0] * 40 + [2] * 40
    rebuilt = factors.token_loadings.T @ factors.neuron_loadings
    positive = np.maximum(np.concatenate([layers[0], layers[2]], axis=1), 0)
    error = np.linalg.norm(positive - rebuilt) / np.linalg.norm(positive)
    assert error == pytest.approx(factors.relative_error, rel=1e-4)


@pytest.mark.parametrize("kind", ["list", "three dimensions", "tensors", "half precision", "double"])
def test_arrays_of_any_kind(kind: str) -> None:
    layers = layers_of()
    sources: dict[str, Any] = {
        "list": layers,
        "three dimensions": np.stack(layers),
        "tensors": tuple(torch.from_numpy(layer) for layer in layers),
        "half precision": [torch.from_numpy(layer).half() for layer in layers],
        "double": [layer.astype(np.float64) for layer in layers],
    }
    factors = factorize(sources[kind], 4)
    expected = factorize(np.concatenate(layers, axis=1), 4)
    tolerance = 1e-2 if kind == "half precision" else 1e-5
    np.testing.assert_allclose(factors.token_loadings, expected.token_loadings, atol=tolerance, rtol=tolerance)
    assert factors.token_loadings.dtype == factors.neuron_loadings.dtype == np.float32


def test_sources_are_left_as_they_are(counting: Trace) -> None:
    layers = layers_of()
    before = [layer.copy() for layer in layers]
    recorded = [layer.clone() for layer in counting.activations()]
    for normalise in (None, "neurons"):
        factorize(layers, 3, normalise=normalise)
        factorize(layers, 3, method="pca", normalise=normalise)
        factorize(counting, 3, normalise=normalise)
    for layer, copy in zip(layers, before, strict=True):
        np.testing.assert_array_equal(layer, copy)
    for layer, copy in zip(counting.activations(), recorded, strict=True):
        assert torch.equal(layer, copy)


def test_a_batch_is_one_factorization_without_padding() -> None:
    lm = tiny_lm("gpt2")
    texts = ["one two three", TEXT, "one"]
    batch = lm(texts)
    factors = factorize(batch, 3)
    each = [read_activations(lm(text)).values for text in texts]
    torch.testing.assert_close(read_activations(batch).values, torch.cat(each), rtol=1e-4, atol=1e-5)
    assert [factors.of_text(text).shape for text in range(3)] == [(3, trace.n_tokens) for trace in batch]
    np.testing.assert_array_equal(
        np.concatenate([factors.of_text(text) for text in range(3)], axis=1), factors.token_loadings
    )
    frame = factors.to_frame()
    assert len(frame) == factors.token_loadings.size
    assert frame["text"].nunique() == 3


def test_a_generated_token_shows_the_state_that_produced_it(counting: Trace) -> None:
    factors = factorize(counting, 2)
    positions, shown = factors.shown()
    first = counting.n_prompt
    assert positions.tolist() == list(range(counting.n_tokens))
    np.testing.assert_array_equal(shown[:, :first], factors.token_loadings[:, :first])
    np.testing.assert_array_equal(shown[:, first:], factors.token_loadings[:, first - 1 : -1])


@pytest.mark.parametrize("family", ["t5", "bart"])
def test_encoder_and_decoder_are_not_mixed(family: str) -> None:
    out = tiny_lm(family).generate(TEXT, generate=4, min_new_tokens=4)
    n_source = out.n_source
    decoder, encoder = factorize(out, 2), factorize(out, 2, stack="encoder")
    assert decoder.token_loadings.shape[1] == out.n_tokens - n_source
    assert encoder.token_loadings.shape[1] == n_source
    assert encoder.shown()[0].tolist() == list(range(n_source))
    positions, shown = decoder.shown()
    assert positions.tolist() == list(range(n_source, out.n_tokens))
    np.testing.assert_array_equal(shown[:, 0], decoder.token_loadings[:, 0])
    np.testing.assert_array_equal(shown[:, 1:], decoder.token_loadings[:, :-1])


def test_a_masked_models_tokens_show_their_own_states() -> None:
    trace = tiny_lm("bert")(TEXT)
    positions, shown = factorize(trace, 2).shown()
    assert positions.tolist() == list(range(trace.n_tokens))
    np.testing.assert_array_equal(shown, factorize(trace, 2).token_loadings)


# ---------------------------------------- what the numbers mean


def test_on_a_counting_prompt_two_factors_tell_numbers_from_commas(counting: Trace) -> None:
    factors = factorize(counting, 2)
    strongest = factors.of_text().argmax(axis=0)
    tokens = counting.tokens
    numbers = {int(strongest[t]) for t in range(2, len(tokens)) if tokens[t].strip().isdigit()}
    commas = {int(strongest[t]) for t in range(2, len(tokens)) if tokens[t] == ","}
    assert len(numbers) == len(commas) == 1
    assert numbers != commas


def test_neuron_loadings_have_norm_one_and_shares_add_up(counting: Trace) -> None:
    factors = factorize(counting, 6)
    np.testing.assert_allclose(np.linalg.norm(factors.neuron_loadings, axis=1), 1.0, rtol=1e-5)
    assert factors.explained.tolist() == sorted(factors.explained.tolist(), reverse=True)
    assert factors.explained.sum() == pytest.approx(1 - factors.relative_error**2, rel=1e-5)
    assert (factors.explained >= 0).all()


def test_the_share_of_positive_activations_is_told() -> None:
    layers = layers_of()
    positive, everything = (sum(float((f(layer) ** 2).sum()) for layer in layers) for f in (lambda a: a.clip(0), abs))
    assert factorize(layers, 2).positive_share == pytest.approx(positive / everything, rel=1e-5)


def test_zero_activations_make_zero_factors() -> None:
    factors = factorize(np.zeros((5, 20), dtype=np.float32), 2)
    assert factors.relative_error == 0.0
    for values in (factors.token_loadings, factors.neuron_loadings, factors.explained):
        np.testing.assert_array_equal(values, 0.0)


@pytest.mark.parametrize("method", ["nmf", "pca", "ica"])
def test_nothing_is_nan_with_a_single_token_or_as_many_factors_as_tokens(method: Any) -> None:
    for n_tokens, n_components in ((1, 1), (6, 6)):
        factors = factorize(layers_of(n_tokens=n_tokens), n_components, method=method)
        for values in (factors.token_loadings, factors.neuron_loadings, factors.explained):
            assert np.isfinite(values).all()
        assert factors.relative_error == pytest.approx(0.0, abs=1e-5)


def test_normalising_tokens_gives_each_the_same_weight() -> None:
    layers = layers_of(n_tokens=10)
    layers = [layer * np.geomspace(0.01, 100, 10, dtype=np.float32)[:, None] for layer in layers]
    factors = factorize(layers, 4, normalise="tokens")
    even = [np.maximum(np.concatenate(layers, axis=1), 0)]
    even[0] /= np.linalg.norm(even[0], axis=1, keepdims=True)
    np.testing.assert_allclose(factors.token_loadings, factorize(even, 4).token_loadings, atol=5e-3)
    assert factors.token_loadings.max() < 1.5


@pytest.mark.parametrize("what", ["neurons", "layers"])
def test_normalising_neurons_or_layers_keeps_loadings_in_units_of_activations(what: Any) -> None:
    layers = layers_of()
    layers[1] *= 50.0
    layers[2][:, 7] *= 30.0
    positive = np.maximum(np.concatenate(layers, axis=1), 0)
    if what == "neurons":
        scale = np.linalg.norm(positive, axis=0)
    else:
        scale = np.repeat([np.linalg.norm(positive[:, start : start + 40]) for start in (0, 40, 80)], 40)
    factors = factorize(layers, 5, normalise=what)
    rebuilt = factors.token_loadings.T @ factors.neuron_loadings
    error = np.linalg.norm((positive - rebuilt) / scale) / np.linalg.norm(positive / scale)
    assert error == pytest.approx(factors.relative_error, rel=1e-4)
    np.testing.assert_allclose(np.linalg.norm(factors.neuron_loadings, axis=1), 1.0, rtol=1e-5)


def test_stability_is_one_where_every_start_finds_the_same() -> None:
    blocks = np.kron(np.diag([3.0, 2.0, 1.0]), np.ones((4, 30)))
    stable = factorize(blocks, 3, stability_seeds=(1, 2, 5))
    assert stable.stability is not None
    assert stable.stability.seeds == (1, 2, 5)
    assert stable.stability.cosines.shape == (3, 3)
    np.testing.assert_allclose(stable.stability.mean, 1.0, atol=1e-3)
    noise = factorize(np.random.default_rng(0).random((40, 300)), 8, stability_seeds=(1, 2, 5))
    assert noise.stability is not None
    assert noise.stability.mean.max() < 0.97
    assert np.isfinite(noise.stability.relative_errors).all()


def test_solver_sklearn_finds_what_ecco_found(counting: Trace) -> None:
    positive = np.maximum(np.concatenate([layer.numpy() for layer in counting.activations()], axis=1), 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = NMF(4, init="random", random_state=0, max_iter=500).fit_transform(positive).T
    factors = factorize(counting, 4, solver="sklearn")
    assert factors.solver == "sklearn"
    _, _, cosines = matched_pairs(factors.token_loadings, expected)
    np.testing.assert_allclose(cosines, 1.0, atol=1e-5)


# ---------------------------------------- other decompositions


def test_pca_is_that_of_scikit_learn(counting: Trace) -> None:
    positive = np.maximum(np.concatenate([layer.numpy() for layer in counting.activations()], axis=1), 0)
    factors = factorize(counting, 4, method="pca")
    expected = PCA(4, svd_solver="full").fit(positive.astype(np.float64))
    np.testing.assert_allclose(np.abs((factors.neuron_loadings * expected.components_).sum(1)), 1.0, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(factors.token_loadings, axis=1), expected.singular_values_, rtol=1e-4)
    assert factors.offset is not None
    rebuilt = factors.token_loadings.T @ factors.neuron_loadings + factors.offset
    assert np.linalg.norm(positive - rebuilt) / np.linalg.norm(positive) == pytest.approx(
        factors.relative_error, rel=1e-4
    )
    assert (factors.token_loadings.max(axis=1) >= -factors.token_loadings.min(axis=1)).all()


def test_ica_turns_the_principal_components_and_finds_planted_sources() -> None:
    chance = np.random.default_rng(0)
    sources = chance.laplace(size=(3, 4_000)) * (chance.random((3, 4_000)) < 0.2)
    mixed = chance.standard_normal((15, 3)) @ sources
    # Shifted so that nothing is negative: the means of neurons over tokens do not matter to PCA and ICA.
    factors = factorize((mixed - mixed.min()).astype(np.float32), 3, method="ica")
    assert factors.converged
    found = np.abs(np.corrcoef(np.concatenate([factors.neuron_loadings, sources]))[:3, 3:])
    pca = factorize((mixed - mixed.min()).astype(np.float32), 3, method="pca")
    turned = np.abs(np.corrcoef(np.concatenate([pca.neuron_loadings, sources]))[:3, 3:])
    assert found.max(axis=1).min() > 0.99
    assert turned.max(axis=1).min() < 0.95
    assert factors.relative_error == pytest.approx(pca.relative_error, rel=1e-5)
    rebuilt = [one.token_loadings.T @ one.neuron_loadings for one in (factors, pca)]
    np.testing.assert_allclose(rebuilt[0], rebuilt[1], atol=1e-3 * np.abs(rebuilt[1]).max())
    skew = ((factors.neuron_loadings - factors.neuron_loadings.mean(1, keepdims=True)) ** 3).mean(1)
    assert (skew >= 0).all()


def test_ica_agrees_with_scikit_learns_fastica(counting: Trace) -> None:
    factors = factorize(counting, 4, method="ica")
    pca = factorize(counting, 4, method="pca")
    theirs = FastICA(4, random_state=0, max_iter=1_000, tol=1e-8, whiten="unit-variance").fit_transform(
        pca.neuron_loadings.T.astype(np.float64)
    )
    correlation = np.abs(np.corrcoef(np.concatenate([factors.neuron_loadings, theirs.T]))[:4, 4:])
    assert correlation.max(axis=1).min() > 0.99


def test_every_method_says_how_not_to_read_it(counting: Trace) -> None:
    caveats = {factorize(counting, 2, method=method).caveat for method in ("nmf", "pca", "ica")}
    assert len(caveats) == 3
    assert all(len(caveat) > 40 for caveat in caveats)


# ---------------------------------------- going on, telling, cancelling


def test_going_on_from_factors_with_another_number_and_other_layers(counting: Trace) -> None:
    before = factorize(counting, 4)
    more = factorize(counting, 5, warm_start=before)
    assert more.start == "previous"
    assert more.relative_error < before.relative_error
    fewer = factorize(counting, 3, layers=[1, 4], warm_start=more)
    assert fewer.layers == (1, 4)
    assert fewer.relative_error <= 1.05 * factorize(counting, 3, layers=[1, 4]).relative_error


def test_equal_arguments_give_equal_factors(counting: Trace) -> None:
    first, second = factorize(counting, 5, seed=1), factorize(counting, 5, seed=1)
    np.testing.assert_array_equal(first.token_loadings, second.token_loadings)
    np.testing.assert_array_equal(first.neuron_loadings, second.neuron_loadings)
    # Looking on changes nothing.
    watched = factorize(counting, 5, seed=1, callback=lambda *_: None, on_snapshot=lambda _: None)
    np.testing.assert_array_equal(first.token_loadings, watched.token_loadings)


def test_progress_and_snapshots(counting: Trace) -> None:
    told: list[tuple[int, float]] = []
    snapshots: list[Factors] = []
    factors = factorize(
        counting, 12, callback=lambda *step: told.append(step), on_snapshot=snapshots.append, snapshot_at=(1, 4)
    )
    assert told[0] == (0, 1.0)
    iterations = [iteration for iteration, _ in told if iteration]
    assert iterations == list(range(1, factors.iterations + 1))
    assert len(snapshots) == 2
    assert [snapshot.iterations for snapshot in snapshots] == sorted(snapshot.iterations for snapshot in snapshots)
    for snapshot in snapshots:
        assert snapshot.token_loadings.shape == factors.token_loadings.shape
        assert snapshot.relative_error >= factors.relative_error * (1 - 1e-6)
        assert not snapshot.converged


def test_snapshots_when_a_function_says_so(counting: Trace) -> None:
    asked: list[tuple[int, float]] = []

    def due(iteration: int, error: float) -> bool:
        asked.append((iteration, error))
        return iteration == 2

    snapshots: list[Factors] = []
    factorize(counting, 12, on_snapshot=snapshots.append, snapshot_at=due)
    assert [snapshot.iterations for snapshot in snapshots] == [2]
    assert all(0 < error < 1 for _, error in asked)


class Stop(Exception):
    pass


@pytest.mark.parametrize("options", [{}, {"solver": "sklearn"}, {"method": "pca"}, {"method": "ica"}])
def test_an_error_raised_while_it_works_comes_through(counting: Trace, options: dict[str, Any]) -> None:
    def stop(iteration: int, _: float) -> None:
        raise Stop(iteration)

    with pytest.raises(Stop):
        factorize(counting, 3, callback=stop, **options)
    assert factorize(counting, 3, **options).n_components == 3  # and nothing is left behind


def test_cancelling_leaves_earlier_factors_as_they_were(counting: Trace) -> None:
    before = factorize(counting, 4)
    kept = before.token_loadings.copy()

    def stop(iteration: int, _: float) -> None:
        if iteration == 2:
            raise Stop

    with pytest.raises(Stop):
        factorize(counting, 5, warm_start=before, callback=stop)
    np.testing.assert_array_equal(before.token_loadings, kept)


# ---------------------------------------- messages

A = np.abs(np.random.default_rng(0).standard_normal((6, 20))).astype(np.float32)
NAN, INFINITE, HUGE = A.copy(), A.copy(), A.astype(np.float64)
NAN[2, 3], INFINITE[1, 0], HUGE[4, 5] = np.nan, np.inf, 1e300

WRONG: dict[str, tuple[Any, dict[str, Any], type[EccoError], str]] = {
    "nothing": ([], {}, InvalidInput, r"no activations: the list of layers is empty"),
    "no tokens": (np.zeros((0, 4)), {}, InvalidInput, r"with at least one of each, got \(0, 4\)"),
    "no neurons": (np.zeros((4, 0)), {}, InvalidInput, r"with at least one of each, got \(4, 0\)"),
    "a vector": (
        np.ones(4),
        {},
        InvalidInput,
        r"shape \(tokens, neurons\), got \(4,\)\. For several layers pass a list",
    ),
    "a text": ("a text", {}, InvalidInput, r"expected a trace, several, or arrays of activations, got str"),
    "texts": (["a", "b"], {}, InvalidInput, r"the activations of layer 0 are no array of numbers"),
    "complex": (A.astype(complex), {}, InvalidInput, r"must be real numbers"),
    "unlike layers": ([A, A[:3]], {}, InvalidInput, r"all layers must have the same tokens, got 6, 3 tokens"),
    "NaN": (
        NAN,
        {},
        NonFinite,
        r"neuron 3 of layer 0 at token 2 is NaN or infinite \(1 of 120 are\)\. Load the weights",
    ),
    "infinity": ([A, INFINITE], {}, NonFinite, r"neuron 0 of layer 1 at token 1 is NaN or infinite"),
    "too large": (HUGE, {}, NonFinite, r"neuron 5 of layer 0 at token 4 is too large for float32"),
    "too large to square": (A * np.float32(1e30), {}, NonFinite, r"too large to be squared in float32"),
    "no factors": (
        A,
        {"n_components": 0},
        InvalidInput,
        r"n_components must be an integer in 1\.\.6 \(the number of tok",
    ),
    "too many": (A, {"n_components": 7}, InvalidInput, r"1\.\.6 .* got 7\. There can't be more factors than that"),
    "few neurons": (A.T, {"n_components": 7}, InvalidInput, r"1\.\.6 \(the number of neurons\), got 7"),
    "half a factor": (A, {"n_components": 2.5}, InvalidInput, r"n_components must be an integer"),
    "a boolean": (A, {"n_components": True}, InvalidInput, r"n_components must be an integer"),
    "empty layers": ([A] * 3, {"layers": []}, InvalidInput, r"layers is empty\. Choose at least one; there is 0\.\.2"),
    "missing layers": ([A] * 3, {"layers": [1, 3, 9]}, InvalidInput, r"layer 3, 9 does not exist; there is 0\.\.2"),
    "negative layer": ([A] * 3, {"layers": -1}, InvalidInput, r"layer -1 does not exist; there is 0\.\.2"),
    "one layer": (A, {"layers": 1}, InvalidInput, r"layer 1 does not exist; there is only layer 0"),
    "layers as text": ([A] * 3, {"layers": "1"}, InvalidInput, r"layers must be an integer or integers, got '1'"),
    "a range backwards": (
        [A] * 3,
        {"from_layer": 2, "to_layer": 2},
        InvalidInput,
        r"expected 0 <= from_layer < to_layer <= 3",
    ),
    "a range too far": (
        [A] * 3,
        {"from_layer": 1, "to_layer": 4},
        InvalidInput,
        r"to_layer is the layer after the last",
    ),
    "a range of text": ([A] * 3, {"from_layer": "1"}, InvalidInput, r"from_layer must be an integer, got '1'"),
    "layers twice": (
        [A] * 3,
        {"layers": 1, "from_layer": 0},
        InvalidInput,
        r"layers and from_layer/to_layer were both given",
    ),
    "method": (A, {"method": "nmg"}, InvalidInput, r"method.*nmg"),
    "solver": (A, {"solver": "mu"}, InvalidInput, r"solver.*mu"),
    "start": (A, {"init": "svd"}, InvalidInput, r"init.*svd"),
    "normalise": (A, {"normalise": "rows"}, InvalidInput, r"normalise.*rows"),
    "seed": (A, {"seed": -1}, InvalidInput, r"a seed must be an integer from 0 to 2\^32-1, got -1"),
    "other seeds": (A, {"stability_seeds": [0.5]}, InvalidInput, r"a seed must be an integer"),
    "tol": (A, {"tol": -1}, InvalidInput, r"tol must be a number from 0 to below 1, got -1"),
    "iterations": (A, {"max_iterations": 0}, InvalidInput, r"max_iterations must be an integer in 1\.\.100,000, got 0"),
    "start of PCA": (
        A,
        {"method": "pca", "init": "random"},
        InvalidInput,
        r"init is for method='nmf' with solver='hals'",
    ),
    "warm start of sklearn": (
        A,
        {"solver": "sklearn", "warm_start": factorize(A, 2)},
        InvalidInput,
        r"warm_start is for method='nmf' with solver='hals'",
    ),
    "stability of PCA": (
        A,
        {"method": "pca", "stability_seeds": [1]},
        InvalidInput,
        r"stability_seeds is for method='nmf'",
    ),
    "no factors to go on from": (A, {"warm_start": A}, InvalidInput, r"warm_start must be factors, got ndarray"),
    "components to go on from": (
        A,
        {"warm_start": factorize(A, 2, method="pca")},
        InvalidInput,
        r"warm_start must be of method='nmf', got method='pca'",
    ),
    "other tokens": (
        A,
        {"warm_start": factorize(A[:4], 2)},
        InvalidInput,
        r"factors of 4 tokens, the activations have 6",
    ),
    "two starts": (
        A,
        {"warm_start": factorize(A, 2), "init": "random"},
        InvalidInput,
        r"init and warm_start were both given",
    ),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_wrong_arguments_are_explained(name: str) -> None:
    source, options, kind, message = WRONG[name]
    with pytest.raises(kind, match=message):
        factorize(source, **{"n_components": 2, **options})


def test_wrong_uses_of_traces_are_explained(counting: Trace, thirteen: Trace) -> None:
    with pytest.raises(InvalidInput, match=r"layer 13 does not exist; there is 0\.\.12"):
        factorize(thirteen, 2, layers=13)
    with pytest.raises(InvalidInput, match=r"has no encoder beside a decoder"):
        factorize(thirteen, 2, stack="encoder")
    with pytest.raises(InvalidInput, match=r"stack must be 'decoder' or 'encoder', got 'both'"):
        factorize(thirteen, 2, stack="both")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"all traces must be of one model, got traces of 2"):
        factorize([thirteen, counting], 2)
    with pytest.raises(InvalidInput, match=r"expected traces or arrays, got both"):
        factorize([thirteen, A], 2)  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match=r"text must be an index in 0\.\.0, got 1"):
        factorize(counting, 2).shown(1)
