"""The lens looks at the vocabulary a piece at a time: that changes no number, and memory stays bounded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ecco_widgets.analysis import _lens_head, _lens_pass
from ecco_widgets.analysis._lens_head import Head
from ecco_widgets.analysis._lens_sums import Best, Finals, Ranking, Sums
from ecco_widgets.analysis.lens import LensStatistics, lens_statistics, token_ranks, top_tokens, watched, watched_ranks
from ecco_widgets.errors import Cancelled
from ecco_widgets.models import LanguageModel, Trace
from tests.reference.naive_lens import naive_logits
from tests.support.tiny_models import FAMILIES, MASKED, VOCABULARY, WIDTH, tiny_lm, tokenizer_for

TEXT = "The keys to the cabinet are on the table"
# One of each way in which a head is cut: a product alone, after something else, with a bias behind it, with a soft cap.
DIVERSE = ("gpt2", "t5", "bert", "bart", "gemma2")
WAYS = {"gpt2": "linear", "t5": "linear", "bert": "linear", "bart": "linear", "gemma2": "columns"}


def trace_of(family: str) -> Trace:
    lm = tiny_lm(family)
    return lm(TEXT) if family in MASKED else lm.generate(TEXT, generate=4, min_new_tokens=4)


def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 entries of the vocabulary at a time (which do not divide it), 5 states, 2 positions."""
    monkeypatch.setattr(_lens_head, "_MOST_COLUMNS", 70)
    monkeypatch.setattr(_lens_pass, "_LOGIT_BYTES", 5 * 70 * 4)
    monkeypatch.setattr(_lens_pass, "_STATE_BYTES", 2 * 4 * WIDTH * 4)
    monkeypatch.setattr(_lens_pass, "_FINISH_BYTES", 3 * WIDTH * 4)


def in_whole_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five states at a time, the whole vocabulary of each."""
    monkeypatch.setattr(_lens_head.Head, "_way", lambda *_: "whole")
    monkeypatch.setattr(_lens_head, "_WHOLE_BYTES", 5 * VOCABULARY * 4 * _lens_head._COPIES)


def head_of(trace: Trace) -> Head:
    with torch.no_grad(), trace.running():
        states = trace.lm.blocks.finish(trace.stream(list(trace.explainable))[-1])
        return Head(trace.lm.parts, states)


@pytest.mark.parametrize("cut", [small_pieces, in_whole_rows])
@pytest.mark.parametrize("family", DIVERSE)
def test_pieces_do_not_change_the_numbers(family: str, cut: object, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = trace_of(family)
    position = trace.explainable[-1]
    for options in ({}, {"final_norm": False}):
        with monkeypatch.context() as patch:
            at_once = lens_statistics(trace, top=80, **options)
            watched_at_once = watched(trace, [3, 317], position, **options)
            cut(patch)
            in_pieces = lens_statistics(trace, top=80, **options)
            watched_in_pieces = watched(trace, [3, 317], position, **options)
            best = top_tokens(trace, position, k=VOCABULARY, **options)
        same_statistics(in_pieces, at_once)
        np.testing.assert_array_equal(watched_in_pieces.ranks, watched_at_once.ranks)
        np.testing.assert_allclose(watched_in_pieces.probabilities, watched_at_once.probabilities, rtol=1e-5)
        assert (np.sort(best.ids) == np.arange(VOCABULARY)).all()
        assert (np.diff(best.probabilities) <= 0).all()
        np.testing.assert_allclose(best.probabilities.sum(-1), 1.0, rtol=1e-5)


def same_statistics(found: LensStatistics, expected: LensStatistics) -> None:
    np.testing.assert_array_equal(found.rank, expected.rank)
    np.testing.assert_array_equal(found.top_ids, expected.top_ids)
    np.testing.assert_allclose(found.log_probability, expected.log_probability, rtol=1e-5)
    np.testing.assert_allclose(found.entropy, expected.entropy, rtol=1e-5)
    np.testing.assert_allclose(found.kl, expected.kl, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.top_probabilities, expected.top_probabilities, rtol=1e-5)


@pytest.mark.parametrize("family", DIVERSE)
def test_each_head_is_cut_in_the_cheapest_way(family: str) -> None:
    assert head_of(trace_of(family)).way == WAYS[family]


def test_a_head_that_mixes_the_vocabulary_is_not_cut() -> None:
    trace = tiny_lm("gpt2")(TEXT)

    class Mixing(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, states: Tensor) -> Tensor:
            return self.inner(states).log_softmax(-1)

    expected = token_ranks(trace)
    trace.lm.model.lm_head = Mixing(trace.lm.model.lm_head)
    trace.lm.model.get_output_embeddings = lambda: trace.lm.model.lm_head.inner
    object.__setattr__(trace.lm.parts, "affine_head", False)
    trace._weights_version = trace.lm.weights_version
    assert head_of(trace).way == "whole"
    np.testing.assert_array_equal(token_ranks(trace), expected)


def test_an_adapter_around_the_unembedding_is_not_passed_by() -> None:
    lm = tiny_lm("gpt2")

    class Adapted(nn.Linear):
        def forward(self, states: Tensor) -> Tensor:
            return super().forward(states).flip(-1)

    trace = lm(TEXT)
    before = token_ranks(trace, [5], positions=[3])
    adapted = Adapted(WIDTH, VOCABULARY, bias=False)
    adapted.weight = lm.model.lm_head.weight
    lm.model.lm_head = adapted
    np.testing.assert_array_equal(token_ranks(trace, [VOCABULARY - 1 - 5], positions=[3]), before)


# ---------------------------------------------------------------- ties, and a token beating itself


@pytest.mark.parametrize("cut", [lambda _: None, small_pieces, in_whole_rows])
def test_ranks_count_ties_as_in_competition_ranking(cut: object, monkeypatch: pytest.MonkeyPatch) -> None:
    lm = tiny_lm("gpt2")
    weights = lm.model.lm_head.weight.data
    weights[4] = weights[150] = weights[319] = weights[200]
    cut(monkeypatch)
    trace = lm(TEXT)
    ranks = watched_ranks(trace, [4, 150, 200, 319], position=5)
    assert (ranks == ranks[:, :1]).all()
    for layer in range(lm.n_layers):
        logits = naive_logits(trace, "gpt2", layer, 5)
        assert ranks[layer, 0] == 1 + int((logits.double() > logits[4].double() + 1e-6).sum())


def test_a_token_s_logit_that_comes_out_differently_in_two_products_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = trace_of("gemma2")
    positions = list(trace.explainable)
    expected = token_ranks(trace, positions=positions)
    small_pieces(monkeypatch)
    of_tokens = Head.of_tokens

    def disturbed(self: Head, ids: Tensor) -> object:
        for columns in of_tokens(self, ids):
            multiply = columns.multiply
            yield _lens_head.Columns(-1, lambda rows, multiply=multiply: multiply(rows) - 1e-2)

    monkeypatch.setattr(Head, "of_tokens", disturbed)
    recounted: list[int] = []
    correct = Ranking.correct
    monkeypatch.setattr(
        Ranking, "correct", lambda self, rows, by: (recounted.append(len(rows)), correct(self, rows, by))[1]
    )
    np.testing.assert_array_equal(token_ranks(trace, positions=positions), expected)
    assert sum(recounted) == expected.size


# ---------------------------------------------------------------- the sums


@pytest.mark.parametrize("size", [1, 7, 100, 320])
def test_sums_over_pieces_equal_those_over_the_whole(size: int) -> None:
    torch.manual_seed(0)
    logits = torch.randn(6, 320) * 8 + torch.linspace(-300, 300, 320)  # the largest keeps rising
    final = torch.randn(2, 320) * 8
    logits[:, 11] = -torch.inf
    final[:, 11:13] = -torch.inf
    of_row = torch.tensor([0, 0, 0, 1, 1, 1])
    sums, best = Sums(6, logits.device), Best(6, 9, logits.device)
    for start in range(0, 320, size):
        piece = slice(start, min(start + size, 320))
        for rows in (slice(0, 3), slice(3, 6)):
            finals = Finals(
                final[of_row[rows.start], piece][None].clone(), torch.zeros(3, dtype=torch.long), torch.tensor([0])
            )
            best.take(rows, start, logits[rows, piece])
            sums.take(rows, logits[rows, piece].clone(), finals)
    p, log_p = logits.double().softmax(-1), logits.double().log_softmax(-1)
    f, log_f = final.double().softmax(-1)[of_row], final.double().log_softmax(-1)[of_row]
    torch.testing.assert_close(sums.log_sum, logits.double().logsumexp(-1))
    torch.testing.assert_close(sums.entropy, -torch.where(p > 0, p * log_p, 0).sum(-1), rtol=1e-5, atol=1e-6)
    expected = torch.where(f > 0, f * (log_f - log_p), 0).sum(-1)
    torch.testing.assert_close(sums.divergence, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(best.logits, logits.double().topk(9).values)


def test_divergence_is_infinite_where_a_layer_excludes_what_the_model_predicts() -> None:
    logits, final = torch.tensor([[1.0, -torch.inf]]), torch.tensor([[0.0, 0.0]])
    sums = Sums(1, logits.device)
    sums.take(slice(0, 1), logits, Finals(final, torch.tensor([0]), torch.tensor([0])))
    assert sums.divergence.tolist() == [float("inf")]
    assert sums.entropy.tolist() == [0.0]


def test_tokens_that_the_model_masks_with_minus_infinity_have_no_probability() -> None:
    lm = tiny_lm("phi")
    lm.model.lm_head.bias.data[[3, 9]] = -torch.inf
    trace = lm(TEXT)
    found = watched(trace, [3, 9, 4], 5)
    assert (found.probabilities[:, :2] == 0).all()
    assert (found.ranks[:, 0] == VOCABULARY - 1).all()
    assert (found.ranks[:, :1] == found.ranks[:, 1:2]).all()
    statistics = lens_statistics(trace)
    assert np.isfinite(statistics.kl).all()
    assert np.isfinite(statistics.entropy).all()


# ---------------------------------------------------------------- memory and progress


class LargestTensor(TorchDispatchMode):
    """Bytes of the largest tensor that any operation returned."""

    def __init__(self) -> None:
        super().__init__()
        self.nbytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(value, Tensor):
                self.nbytes = max(self.nbytes, value.numel() * value.element_size())
        return result


@pytest.mark.parametrize("family", DIVERSE)
def test_no_tensor_grows_with_states_and_vocabulary(family: str) -> None:
    vocabulary, width = 100_000, 32
    model = FAMILIES[family](6).eval()
    model.resize_token_embeddings(vocabulary, mean_resizing=False)
    lm = LanguageModel(model, tokenizer_for(family), name="wide")
    text = "one two three four five six seven " * 3
    trace = lm(text) if family in MASKED else lm.score(text, text)
    positions = list(trace.explainable)[-40:]
    # A head's product sees the weights as a whole, as a view; else there are pieces of 4 MiB.
    bound = 4 * vocabulary * width
    assert 4 * len(positions) * lm.n_layers * vocabulary > 2 * bound  # if the logits were made at once
    trace.stream(positions)
    for call in (token_ranks, lens_statistics):
        with LargestTensor() as largest:
            call(trace, positions=positions)
        assert largest.nbytes <= bound


# ---------------------------------------------------------------- progress


@pytest.mark.parametrize("cut", [lambda _: None, small_pieces, in_whole_rows])
def test_progress_rises_to_the_end_and_can_stop_it(cut: object, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = trace_of("gpt2")
    trace.hidden_states  # noqa: B018 - recorded beforehand
    cut(monkeypatch)
    seen: list[tuple[int, int, str]] = []
    positions = list(trace.explainable)
    lens_statistics(trace, positions, progress=lambda *step: seen.append(step))
    done = [step[0] for step in seen]
    assert done == sorted(done)
    assert seen[-1] == (len(positions), len(positions), "positions")
    assert len(seen) > 2

    def stop(done: int, total: int, _label: str) -> None:
        if done > 0 or total < 1:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        token_ranks(trace, positions=positions, progress=stop)
    assert token_ranks(trace, positions=positions).shape == (3, len(positions))


def test_looking_leaves_no_hook_and_no_patch_behind() -> None:
    for family in ("gemma2", "bert"):
        trace = trace_of(family)
        lens_statistics(trace, final_norm=False)
        for module in trace.lm.model.modules():
            assert not module._forward_hooks
            assert not module._forward_pre_hooks
            assert "forward" not in vars(module)


def test_half_precision_is_ranked_by_the_models_own_logits() -> None:
    lm = tiny_lm("gpt2")
    lm.model.bfloat16()
    trace = lm(TEXT)
    ranks = token_ranks(trace)[-1]
    for position, rank in zip(trace.output_positions, ranks, strict=True):
        with torch.no_grad():
            logits = lm.model(torch.tensor(trace.token_ids)[None]).logits[0, position - 1].float()
        own = logits[int(trace.token_ids[position])]
        assert 1 + int((logits > own).sum()) == rank
    found = lens_statistics(trace)
    assert np.isfinite(found.kl).all()
    assert found.kl.dtype == np.float32
