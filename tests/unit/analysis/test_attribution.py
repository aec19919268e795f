"""Attributions equal plain Captum, one call a target, on several families."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import GuidedBackprop
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from ecco_widgets.analysis import attribute
from ecco_widgets.analysis import shared_forward as shared_forward_module
from ecco_widgets.analysis.attribution import AGGREGATIONS, normalise
from ecco_widgets.analysis.methods import METHODS
from ecco_widgets.analysis.shared_forward import SharedForward
from ecco_widgets.analysis.targets import TARGETS
from ecco_widgets.errors import Cancelled, InvalidInput, NonFinite, UnsupportedMethod
from ecco_widgets.models import LanguageModel, Trace
from ecco_widgets.models.architecture import Architecture
from tests.reference.naive_attribution import explained_scalar, naive, prefix_embeddings
from tests.support.tiny_models import CONTEXT, DIVERSE_CAUSAL, VOCABULARY, tiny_lm, tiny_tokenizer

TEXT = "The keys to the cabinet are on the table"
TOLERANCE = 1e-5


@pytest.fixture(scope="module", params=DIVERSE_CAUSAL)
def trace(request: pytest.FixtureRequest) -> Trace:
    return tiny_lm(request.param).generate(TEXT, generate=6, min_new_tokens=6)


@pytest.fixture(scope="module")
def gpt2_trace() -> Trace:
    return tiny_lm("gpt2").generate(TEXT, generate=6, min_new_tokens=6)


def difference(actual: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference relative to the largest expected value."""
    return float(np.abs(actual - expected).max() / np.abs(expected).max())


def aggregated(attributions: torch.Tensor, aggregation: str) -> np.ndarray:
    by_hand = {
        "l2": lambda a: np.sqrt((a**2).sum(-1)),
        "l1": lambda a: np.abs(a).sum(-1),
        "sum": lambda a: a.sum(-1),
        "max": lambda a: np.abs(a).max(-1),
    }
    return by_hand[aggregation](attributions.detach().numpy().astype(np.float64))


@pytest.mark.parametrize("target", [target.name for target in TARGETS])
@pytest.mark.parametrize("method", ["grad_x_input", "gradient"])
def test_shared_forward_equals_captum_one_call_a_target(trace: Trace, method: str, target: str) -> None:
    foil = 7 if target == "contrast" else None
    results = {name: attribute(trace, method, target, name, foil=foil) for name in AGGREGATIONS}
    for r, position in enumerate(trace.output_positions):
        expected = naive(trace, position, method, target, foil)
        for name, result in results.items():
            by_hand = aggregated(expected, name)
            # The rounding error of a sum is relative to the size of its terms, which may cancel.
            size = aggregated(expected, "l1" if name == "sum" else name)
            assert np.abs(result.raw[r, :position] - by_hand).max() <= TOLERANCE * np.abs(size).max()


@pytest.mark.parametrize("family", DIVERSE_CAUSAL)
def test_in_double_precision_signed_sums_agree_too(family: str) -> None:
    lm = tiny_lm(family)
    lm.model.double()
    trace = lm.generate(TEXT, generate=3, min_new_tokens=3)
    for target in ("logit", "entropy"):
        result = attribute(trace, target=target, aggregation="sum")
        for r, position in enumerate(trace.output_positions):
            expected = aggregated(naive(trace, position, "grad_x_input", target), "sum")
            assert difference(result.raw[r, :position], expected) <= 1e-6  # results are stored in float32


def test_a_sum_that_is_zero_but_for_rounding_is_zero() -> None:
    # GPT-2 begins with a LayerNorm: shifting all dimensions of an embedding changes nothing.
    result = attribute(tiny_lm("gpt2")(TEXT), "gradient", aggregation="sum", positions=5)
    assert result.scores[0, :5].tolist() == [0.0] * 5


def test_many_targets_in_segments_equal_captum(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_forward_module, "_MANY_TARGETS", 2)
    monkeypatch.setattr(shared_forward_module, "_SHORTEST_SEGMENT", 4)
    positions = list(range(1, trace.n_tokens))
    ends: list[list[int]] = []
    by_segment = Architecture.states_by_segment
    monkeypatch.setattr(
        Architecture, "states_by_segment", lambda self, x, e, **_: (ends.append(e), by_segment(self, x, e))[1]
    )
    result = attribute(trace, positions=positions)
    assert trace.lm.parts.cache_argument
    assert len(ends[0]) >= 3
    for r, position in enumerate(positions):
        expected = aggregated(naive(trace, position, "grad_x_input", "logit"), "l2")
        assert difference(result.raw[r, :position], expected) <= TOLERANCE


def test_a_graph_too_large_to_keep_gives_the_same_numbers(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = attribute(trace).raw
    monkeypatch.setattr(shared_forward_module, "_GRAPH_BYTES", 0)
    shared = SharedForward(trace)
    assert difference(*np.nan_to_num([attribute(trace, shared=shared).raw, expected])) <= TOLERANCE
    assert shared._graph is None


def test_integrated_gradients_equal_captum_and_report_their_gap(trace: Trace) -> None:
    result = attribute(trace, "integrated_gradients", aggregation="sum", n_steps=24)
    for r, position in enumerate(trace.output_positions):
        expected = naive(trace, position, "integrated_gradients", "logit", n_steps=24)
        assert difference(result.raw[r, :position], aggregated(expected, "sum")) <= 1e-4
        scalar, inputs = explained_scalar(trace, position, "logit"), prefix_embeddings(trace, position)
        change = float((scalar(inputs) - scalar(torch.zeros_like(inputs))).detach())
        by_hand = abs(float(expected.detach().sum()) - change) / abs(change)
        assert result.completeness_gap[r] == pytest.approx(by_hand, rel=1e-2, abs=3e-5)


def test_more_steps_close_the_completeness_gap(gpt2_trace: Trace) -> None:
    gaps = [attribute(gpt2_trace, "ig", n_steps=n).completeness_gap.max() for n in (4, 256)]
    assert gaps[1] < gaps[0]
    assert gaps[1] < 0.02


def test_methods_without_completeness_report_no_gap(gpt2_trace: Trace) -> None:
    assert np.isnan(attribute(gpt2_trace).completeness_gap).all()


def test_occlusion_is_the_change_when_one_embedding_is_zero(trace: Trace) -> None:
    position = trace.n_tokens - 1
    result = attribute(trace, "occlusion", "log_probability", "sum", positions=position)
    scalar, inputs = explained_scalar(trace, position, "log_probability"), prefix_embeddings(trace, position)
    with torch.no_grad():
        for token in range(position):
            without = inputs.clone()
            without[:, token] = 0
            change = float(scalar(inputs) - scalar(without))
            assert result.raw[0, token] == pytest.approx(change, rel=1e-3, abs=1e-5)


def test_gradient_shap_repeats_for_a_seed_and_leaves_global_generators_alone(gpt2_trace: Trace) -> None:
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002 - the generator that Captum uses
    expected = (torch.rand(1).item(), np.random.rand())  # noqa: NPY002
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    first, again, other = (attribute(gpt2_trace, "gradient_shap", seed=seed).raw for seed in (0, 0, 1))
    assert (torch.rand(1).item(), np.random.rand()) == expected  # noqa: NPY002
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(np.nan_to_num(first), np.nan_to_num(other))


def test_gradient_shap_sums_to_the_expected_change(gpt2_trace: Trace) -> None:
    # Completeness in expectation: the attributions add up to f(x) - E[f(baseline)], which lies within f's range.
    position = gpt2_trace.n_tokens - 1
    sums = [
        np.nansum(attribute(gpt2_trace, "gradient_shap", aggregation="sum", positions=position, n_steps=64, seed=s).raw)
        for s in range(3)
    ]
    spread = float(np.std(sums))
    assert spread < abs(float(np.mean(sums)))


def relu_lm() -> LanguageModel:
    torch.manual_seed(0)
    config = GPT2Config(
        n_layer=2,
        n_embd=32,
        n_head=4,
        vocab_size=VOCABULARY,
        n_positions=CONTEXT,
        activation_function="relu",
        bos_token_id=0,
        eos_token_id=0,
    )
    return LanguageModel(GPT2LMHeadModel(config), tiny_tokenizer(), name="relu")


def test_guided_backprop_equals_captum_on_a_relu_model() -> None:
    trace = relu_lm()(TEXT)
    position = 8
    result = attribute(trace, "guided_backprop", positions=position)

    class Scalar(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = trace.lm.model

        def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
            return self.model(inputs_embeds=embeddings).logits[:, -1, int(trace.token_ids[position])]

    expected = GuidedBackprop(Scalar()).attribute(prefix_embeddings(trace, position))[0]
    assert difference(result.raw[0, :position], aggregated(expected, "l2")) <= TOLERANCE
    plain = attribute(trace, "gradient", positions=position)
    assert difference(result.raw[0, :position], plain.raw[0, :position]) > 0.01


def test_deconvolution_differs_from_guided_backprop_on_a_relu_model() -> None:
    trace = relu_lm()(TEXT)
    guided, deconvolved = (attribute(trace, name, positions=8).raw[0, :8] for name in ("gb", "deconv"))
    assert difference(deconvolved, guided) > 0.01


@pytest.mark.parametrize("name", ["guided_backprop", "deconvolution"])
def test_relu_methods_say_why_not_without_relu(gpt2_trace: Trace, name: str) -> None:
    with pytest.raises(UnsupportedMethod, match=r"not defined for GPT2LMHeadModel: .* has none.*use 'gradient'"):
        attribute(gpt2_trace, name)


@pytest.mark.parametrize("name", ["deep_lift", "dl", "deep_lift_shap", "guided_gradcam", "layer_relevance_propagation"])
def test_methods_that_are_not_sound_on_a_transformer_say_why(gpt2_trace: Trace, name: str) -> None:
    with pytest.raises(UnsupportedMethod, match=r"not defined for GPT2LMHeadModel: .*use '"):
        attribute(gpt2_trace, name)


def test_every_usable_method_gives_normalised_finite_rows(gpt2_trace: Trace) -> None:
    usable = [method.name for method in METHODS if not method.reason(gpt2_trace.lm.parts)]
    assert len(usable) >= 5
    for name in usable:
        result = attribute(gpt2_trace, name, n_steps=4)
        for r, position in enumerate(result.positions):
            assert np.isfinite(result.scores[r, :position]).all()
            assert np.isnan(result.scores[r, position:]).all()
            assert np.abs(result.scores[r, :position]).sum() == pytest.approx(1.0, abs=1e-5)


def test_contrast_without_a_foil_takes_the_best_other_token(gpt2_trace: Trace) -> None:
    result = attribute(gpt2_trace, target="contrast")
    assert result.foils is not None
    for r, position in enumerate(result.positions):
        logits = gpt2_trace.lm.model(torch.tensor(gpt2_trace.token_ids[:position])[None]).logits[0, -1].detach()
        order = [int(i) for i in logits.argsort(descending=True) if int(i) != gpt2_trace.token_ids[position]]
        assert result.foils[r] == order[0]


def test_probability_and_rank_are_those_of_the_models_own_softmax(trace: Trace) -> None:
    positions = list(range(1, trace.n_tokens))
    result = attribute(trace, positions=positions)
    logits = trace.lm.model(torch.tensor(trace.token_ids)[None]).logits[0].detach().float()
    for r, position in enumerate(positions):
        token = int(trace.token_ids[position])
        p = torch.softmax(logits[position - 1], dim=-1)
        assert result.probability[r] == pytest.approx(float(p[token]), rel=1e-4)
        order = logits[position - 1].argsort(descending=True).tolist()
        assert result.rank[r] == order.index(token) + 1


def test_ignored_tokens_are_left_out_and_the_rest_renormalised(gpt2_trace: Trace) -> None:
    everything = attribute(gpt2_trace, positions=10)
    without = attribute(gpt2_trace, positions=10, ignore_tokens=[0, 3])
    assert np.isnan(without.scores[0, [0, 3]]).all()
    assert np.nansum(without.scores) == pytest.approx(1.0, abs=1e-6)
    kept = [1, 2, 4, 5, 6, 7, 8, 9]
    np.testing.assert_allclose(without.raw[0, kept], everything.raw[0, kept], rtol=1e-6)
    assert attribute(gpt2_trace, positions=10).scores[0, 0] == everything.scores[0, 0]  # nothing was overwritten


def test_a_row_without_any_influence_stays_zero() -> None:
    assert normalise(np.zeros((1, 3), dtype=np.float32)).tolist() == [[0.0, 0.0, 0.0]]


def test_negative_positions_count_from_the_end(gpt2_trace: Trace) -> None:
    assert attribute(gpt2_trace, positions=-1).positions.tolist() == [gpt2_trace.n_tokens - 1]


def test_to_frame_has_a_row_for_each_output_and_input(gpt2_trace: Trace) -> None:
    result = attribute(gpt2_trace)
    frame = result.to_frame()
    assert len(frame) == sum(result.positions)
    first = frame[(frame.position == result.positions[0]) & (frame["index"] == 2)].iloc[0]
    assert first.score == result.scores[0, 2]
    assert first.input == gpt2_trace.tokens[2]


def test_progress_that_raises_cancels_and_leaves_the_model_usable(gpt2_trace: Trace) -> None:
    def stop(_done: int, _total: int, _label: str) -> None:
        raise Cancelled("enough")

    parameter = next(gpt2_trace.lm.model.parameters())
    parameter.requires_grad_(True)
    for method in ("grad_x_input", "integrated_gradients", "occlusion"):
        with pytest.raises(Cancelled):
            attribute(gpt2_trace, method, progress=stop)
    assert np.isfinite(attribute(gpt2_trace).raw[0, 0])


@pytest.mark.parametrize("method", ["grad_x_input", "integrated_gradients", "occlusion"])
def test_a_cell_can_train_the_model_meanwhile(gpt2_trace: Trace, method: str) -> None:
    parameters = list(gpt2_trace.lm.model.parameters())
    wanted = [True, False, *[True] * (len(parameters) - 2)]
    for parameter, wants in zip(parameters, wanted, strict=True):
        parameter.requires_grad_(wants)
    seen: list[list[bool]] = []
    attribute(gpt2_trace, method, progress=lambda *_: seen.append([p.requires_grad for p in parameters]))
    assert seen
    assert all(now == wanted for now in seen)


def test_progress_reaches_its_total(gpt2_trace: Trace) -> None:
    seen: list[tuple[int, int]] = []
    attribute(gpt2_trace, progress=lambda done, total, _label: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] == gpt2_trace.n_generated


def test_bfloat16_models_are_close_to_float32() -> None:
    exact = tiny_lm("llama").generate(TEXT, generate=3, min_new_tokens=3)
    half_lm = tiny_lm("llama")
    half_lm.model.to(torch.bfloat16)
    half = Trace(half_lm, exact.token_ids, exact.n_prompt)
    correlation = np.corrcoef(
        np.nan_to_num(attribute(half).scores).ravel(), np.nan_to_num(attribute(exact).scores).ravel()
    )
    assert correlation[0, 1] > 0.99


def test_the_vocabulary_does_not_decide_the_memory_of_foils(gpt2_trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = attribute(gpt2_trace, target="contrast").foils
    monkeypatch.setattr("ecco_widgets.analysis.targets._LOGIT_BYTES", 3 * VOCABULARY * 16)
    rows: list[int] = []
    logits = Trace.logits
    monkeypatch.setattr(Trace, "logits", lambda self, p: rows.append(len(p)) or logits(self, p))
    assert attribute(gpt2_trace, target="contrast").foils.tolist() == expected.tolist()
    assert max(rows) == 3


@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_shap", "occlusion", "gradient"])
@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_every_method_takes_half_precision(family: str, method: str) -> None:
    lm = tiny_lm(family)
    lm.model.to(torch.bfloat16)
    result = attribute(lm(TEXT), method, positions=[3, 4], n_steps=4)
    np.testing.assert_allclose(np.nansum(result.scores, axis=1), 1.0, rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "gradxinput"}, r"method must be one of .*got 'gradxinput'. Did you mean 'grad_x_input'\?"),
        ({"target": "logits"}, r"target must be one of .*got 'logits'. Did you mean 'logit'\?"),
        ({"aggregation": "l3"}, r"aggregation must be one of 'l2', 'l1', 'sum', 'max', got 'l3'"),
        ({"positions": 0}, r"position must be in 1\.\.\d+, got 0: the first token has no prediction"),
        ({"positions": 999}, r"position must be in 1\.\.\d+, got 999; the trace has \d+ tokens"),
        ({"positions": -999}, r"got -999"),
        ({"positions": []}, r"positions is empty. Leave it out"),
        ({"positions": 1.5}, r"positions must be an integer or a list of integers, got 1.5"),
        ({"positions": [True]}, r"position must be an integer"),
        ({"positions": True}, r"position must be an integer"),
        ({"ignore_tokens": 0}, r"ignore_tokens must hold token indices in 0\.\.\d+, got 0. Pass a list, e.g. \[0\]"),
        ({"ignore_tokens": None}, r"ignore_tokens must hold token indices in 0\.\.\d+, got None"),
        ({"seed": "a"}, r"seed must be an integer from 0 to 2\^63-1, got 'a'"),
        ({"target": "contrast", "foil": "keys to"}, r"'keys to' is not one token, it makes \d+: "),
        ({"target": "contrast", "foil": ""}, r"a token must be given as non-empty text or as its id, got ''"),
        ({"target": "contrast", "foil": 10**6}, r"token id must be in 0\.\.319, got 1000000"),
        ({"ignore_tokens": [10**6]}, r"ignore_tokens must hold token indices in 0\.\.\d+, got 1000000"),
        ({"n_steps": 0}, r"n_steps must be an integer in 1\.\.1000, got 0"),
    ],
)
def test_bad_arguments_say_what_was_expected_and_how_to_fix_it(
    gpt2_trace: Trace, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        attribute(gpt2_trace, **arguments)


def test_a_trace_is_expected() -> None:
    with pytest.raises(InvalidInput, match=r"expected a trace, got str. Make one with lm.generate"):
        attribute("The keys")


@pytest.mark.parametrize("target", ["logit", "probability", "log_probability", "contrast", "entropy"])
def test_non_finite_logits_are_named(target: str) -> None:
    lm = tiny_lm("gpt2")
    trace = lm(TEXT)
    lm.model.lm_head.weight.data[5] = float("nan")
    with pytest.raises(NonFinite, match=r"logits for position 4 contain NaN or infinity .*float32"):
        attribute(trace, target=target, positions=4)


def test_non_finite_gradients_are_named(gpt2_trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        SharedForward, "gradients", lambda self, p, s, _: torch.full((1, self._trace.n_tokens, 32), torch.inf)
    )
    with pytest.raises(NonFinite, match=r"grad_x_input: the attribution of token 0 to position 5 is NaN or infinite"):
        attribute(gpt2_trace, positions=5)
