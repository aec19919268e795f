"""The lens equals the obvious loop: each family's own norm and head, a full sort for each layer and position."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from ecco_widgets.analysis.lens import lens_statistics, token_ranks, top_tokens, watched_ranks
from ecco_widgets.errors import InvalidInput, NonFinite, UnsupportedModel
from ecco_widgets.models import LanguageModel, Trace
from ecco_widgets.models.blocks import find_blocks
from tests.reference.naive_lens import naive_logits, naive_rank
from tests.support.tiny_models import CONTEXT, FAMILIES, VOCABULARY, tiny_lm, tiny_tokenizer

TEXT = "The keys to the cabinet are on the table"
Run = tuple[str, Trace]


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def run(request: pytest.FixtureRequest) -> Run:
    return request.param, tiny_lm(request.param).generate(TEXT, generate=4, min_new_tokens=4)


def test_the_last_layer_gives_the_models_own_logits(run: Run) -> None:
    _, trace = run
    states = trace.hidden_states[-1]
    with torch.no_grad():
        own = trace.lm.model(torch.tensor(trace.token_ids)[None]).logits[0]
        lens = trace.lm.parts.logits(trace.lm.blocks.finish(states))
    torch.testing.assert_close(lens, own, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("final_norm", [True, False])
def test_ranks_equal_a_full_sort_of_every_layer_and_position(run: Run, final_norm: bool) -> None:
    family, trace = run
    ranks = token_ranks(trace, final_norm=final_norm)
    assert ranks.shape == (trace.lm.n_layers, 4)
    for layer in range(trace.lm.n_layers):
        for column, position in enumerate(trace.output_positions):
            logits = naive_logits(trace, family, layer, position, final_norm=final_norm)
            assert ranks[layer, column] == naive_rank(logits, int(trace.token_ids[position]))


def test_watched_ranks_equal_a_full_sort(run: Run) -> None:
    family, trace = run
    watch = [" 1", 17, 300]
    ranks = watched_ranks(trace, watch, position=7)
    for layer in range(trace.lm.n_layers):
        logits = naive_logits(trace, family, layer, 7)
        assert ranks[layer].tolist() == [naive_rank(logits, trace.lm.token_id(token)) for token in watch]


def test_top_tokens_are_the_sorted_softmax(run: Run) -> None:
    family, trace = run
    top = top_tokens(trace, position=-1, k=6)
    for layer in range(trace.lm.n_layers):
        p = torch.softmax(naive_logits(trace, family, layer, trace.n_tokens - 1), dim=-1)
        values, ids = p.sort(descending=True)
        assert top.ids[layer].tolist() == ids[:6].tolist()
        np.testing.assert_allclose(top.probabilities[layer], values[:6], rtol=1e-4)
        assert top.texts[layer] == [trace.lm.token_text(token) for token in ids[:6].tolist()]


def test_statistics_equal_their_definitions(run: Run) -> None:
    family, trace = run
    positions = [2, 9]
    found = lens_statistics(trace, positions)
    last = trace.lm.n_layers - 1
    for column, position in enumerate(positions):
        final = torch.softmax(naive_logits(trace, family, last, position).double(), dim=-1)
        for layer in range(trace.lm.n_layers):
            p = torch.softmax(naive_logits(trace, family, layer, position).double(), dim=-1)
            token = int(trace.token_ids[position])
            assert found.log_probability[layer, column] == pytest.approx(float(p[token].log()), rel=1e-4)
            assert found.entropy[layer, column] == pytest.approx(float(-(p * p.log()).sum()), rel=1e-4)
            kl = float((final * (final / p).log()).sum())
            assert found.kl[layer, column] == pytest.approx(kl, rel=1e-3, abs=1e-5)
    np.testing.assert_allclose(found.kl[-1], 0.0, atol=1e-5)
    np.testing.assert_array_equal(found.rank, token_ranks(trace, positions=positions))


def test_chunks_do_not_change_the_ranks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _, trace = run
    whole = token_ranks(trace, positions=range(1, trace.n_tokens))
    monkeypatch.setattr("ecco_widgets.analysis.lens._LOGIT_BYTES", VOCABULARY * 5 * 3)
    monkeypatch.setattr("ecco_widgets.models.blocks._ROWS_TOGETHER", 2)
    np.testing.assert_array_equal(token_ranks(trace, positions=range(1, trace.n_tokens)), whole)


def test_ranks_count_ties_as_in_competition_ranking() -> None:
    lm = tiny_lm("gpt2")
    weights = lm.model.lm_head.weight.data
    weights[40] = weights[41] = weights[42]
    trace = lm(TEXT)
    ranks = watched_ranks(trace, [40, 41, 42], position=5)
    assert (ranks == ranks[:, :1]).all()


def test_more_than_ten_layers_stay_in_numeric_order() -> None:
    torch.manual_seed(0)
    config = GPT2Config(
        n_layer=13, n_embd=16, n_head=2, vocab_size=VOCABULARY, n_positions=CONTEXT, bos_token_id=0, eos_token_id=0
    )
    model = GPT2LMHeadModel(config).eval()
    # Block l adds exactly l + 1 to the first dimension, so that the states say which block they come from.
    for layer, block in enumerate(model.transformer.h):
        for parameter in block.parameters():
            parameter.data.zero_()
        block.mlp.c_proj.bias.data[0] = layer + 1
    trace = LanguageModel(model, tiny_tokenizer(), name="13")(TEXT)
    steps = trace.hidden_states[1:, 3, 0] - trace.hidden_states[:-1, 3, 0]
    assert steps.round().tolist() == list(range(1, 14))


def test_a_model_without_a_list_of_blocks_says_what_still_works() -> None:
    lm = tiny_lm("gpt2")
    lm.model.transformer.h = torch.nn.Sequential(*lm.model.transformer.h)
    with pytest.raises(UnsupportedModel, match=r"GPT2LMHeadModel: its 3 blocks could not be found.*attributions work"):
        find_blocks(lm.parts)


def test_looking_leaves_no_hook_and_no_patch_behind() -> None:
    lm = tiny_lm("gemma2")
    token_ranks(lm(TEXT), final_norm=False)
    for module in lm.model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        assert "forward" not in vars(module)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: token_ranks(t, positions=[0]), "got 0: the first token has no prediction"),
        (lambda t: token_ranks(t, positions=[]), "positions is empty"),
        (lambda t: token_ranks(t, tokens=[5], positions=[3, 4]), "one token for each of 2 positions, got 1"),
        (lambda t: watched_ranks(t, []), r"watch must be a list of tokens, got \[\]"),
        (lambda t: watched_ranks(t, " is"), "watch must be a list of tokens, got ' is'"),
        (lambda t: watched_ranks(t, [" 1, 2"]), "is not one token, it makes 3"),
        (lambda t: top_tokens(t, k=0), r"k must be an integer in 1\.\.320"),
        (lambda t: top_tokens(t, k=10**6), r"k must be an integer in 1\.\.320 \(the vocabulary\), got 1000000"),
        (lambda t: top_tokens(t, position=99), r"position must be in 1\.\.8, got 99"),
    ],
)
def test_bad_arguments_are_explained(call: object, message: str) -> None:
    trace = tiny_lm("gpt2")(TEXT)
    with pytest.raises(InvalidInput, match=message):
        call(trace)


def test_non_finite_layers_are_named() -> None:
    lm = tiny_lm("gpt2")
    trace = lm(TEXT)
    assert trace.hidden_states is not None
    lm.model.lm_head.weight.data[9] = float("nan")
    with pytest.raises(NonFinite, match="logits for position 3 contain NaN"):
        token_ranks(trace, positions=[3])
