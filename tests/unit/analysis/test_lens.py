"""The lens equals the obvious loop: each family's own norm and head, a full sort for each layer and position."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

import ecco_widgets as ecco
from ecco_widgets.analysis.lens import lens_statistics, token_ranks, top_tokens, watched, watched_ranks
from ecco_widgets.models import LanguageModel, Trace
from tests.reference.naive_lens import (
    INSIDE,
    after_the_blocks,
    naive_logits,
    naive_rank,
    naive_site,
    own_logits,
)
from tests.support.tiny_models import (
    CAUSAL,
    CLASSIFIERS,
    CONTEXT,
    LABELS,
    MASKED,
    SEQ2SEQ,
    VOCABULARY,
    tiny_lm,
    tiny_tokenizer,
)

TEXT = "The keys to the cabinet are on the table"
Run = tuple[str, Trace]
# These read their text twice, so they are refused when they are loaded.
ENCODER_DECODER = ("bart_classifier", "t5_classifier")


def run_of(family: str, n_layers: int | None = None) -> Run:
    lm = tiny_lm(family, n_layers=n_layers)
    trace = lm(f"{TEXT} [MASK]") if family in MASKED else lm.generate(TEXT, generate=4, min_new_tokens=4)
    return family, trace


@pytest.fixture(scope="module", params=[*CAUSAL, *SEQ2SEQ, *MASKED])
def run(request: pytest.FixtureRequest) -> Run:
    return run_of(request.param)


@pytest.fixture(scope="module", params=[name for name in CLASSIFIERS if name not in ENCODER_DECODER])
def classified(request: pytest.FixtureRequest) -> Run:
    return request.param, tiny_lm(request.param)(TEXT)


def positions_of(trace: Trace) -> list[int]:
    """The last three that have a prediction."""
    return list(trace.explainable)[-3:]


def ids_of(trace: Trace, positions: list[int]) -> list[int]:
    return trace.ids_at(positions).tolist()


def test_the_last_layer_gives_the_models_own_logits(run: Run) -> None:
    family, trace = run
    positions = positions_of(trace)
    with torch.no_grad(), trace.running():
        lens = trace.lm.parts.logits(trace.lm.blocks.finish(trace.stream(positions)[-1]))
    own = torch.stack([own_logits(trace, family, position) for position in positions])
    torch.testing.assert_close(lens, own, rtol=1e-4, atol=1e-4)
    top = top_tokens(trace, positions[-1], k=VOCABULARY)
    np.testing.assert_allclose(top.probabilities[-1], own[-1].softmax(-1)[top.ids[-1]], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("final_norm", [True, False])
def test_ranks_equal_a_full_sort_of_every_layer_and_position(run: Run, final_norm: bool) -> None:
    family, trace = run
    positions = positions_of(trace)
    ranks = token_ranks(trace, positions=positions, final_norm=final_norm)
    assert ranks.shape == (trace.lm.n_layers, 3)
    for layer in range(trace.lm.n_layers):
        for column, (position, token) in enumerate(zip(positions, ids_of(trace, positions), strict=True)):
            logits = naive_logits(trace, family, layer, position, final_norm=final_norm)
            assert ranks[layer, column] == naive_rank(logits, token)


def test_by_default_the_output_is_ranked(run: Run) -> None:
    _, trace = run
    expected = token_ranks(trace, positions=list(trace.output_positions))
    np.testing.assert_array_equal(token_ranks(trace), expected)


def test_given_tokens_are_ranked_instead_of_those_that_stand_there(run: Run) -> None:
    family, trace = run
    positions, tokens = positions_of(trace)[-2:], [17, 300]
    ranks = token_ranks(trace, tokens, positions=positions)
    for layer in range(trace.lm.n_layers):
        logits = [naive_logits(trace, family, layer, position) for position in positions]
        assert ranks[layer].tolist() == [naive_rank(each, token) for each, token in zip(logits, tokens, strict=True)]


def test_watched_tokens_equal_a_full_sort_and_softmax(run: Run) -> None:
    family, trace = run
    position = positions_of(trace)[1]
    found = watched(trace, [" 1", 17, 300], position)
    ids = [trace.lm.token_id(" 1"), 17, 300]
    assert found.position == position
    assert found.ids.tolist() == ids
    assert found.texts == [trace.lm.token_text(token) for token in ids]
    for layer in range(trace.lm.n_layers):
        logits = naive_logits(trace, family, layer, position)
        assert found.ranks[layer].tolist() == [naive_rank(logits, token) for token in ids]
        np.testing.assert_allclose(found.probabilities[layer], logits.softmax(-1)[ids], rtol=1e-4)
    np.testing.assert_array_equal(watched_ranks(trace, [" 1", 17, 300], position), found.ranks)


def test_top_tokens_are_the_sorted_softmax(run: Run) -> None:
    family, trace = run
    position = positions_of(trace)[-1]
    top = top_tokens(trace, position, k=6)
    for layer in range(trace.lm.n_layers):
        p = torch.softmax(naive_logits(trace, family, layer, position), dim=-1)
        values, ids = p.sort(descending=True)
        assert top.ids[layer].tolist() == ids[:6].tolist()
        np.testing.assert_allclose(top.probabilities[layer], values[:6], rtol=1e-4)
        assert top.texts[layer] == [trace.lm.token_text(token) for token in ids[:6].tolist()]


@pytest.mark.parametrize("final_norm", [True, False])
def test_statistics_equal_their_definitions(run: Run, final_norm: bool) -> None:
    family, trace = run
    positions = positions_of(trace)
    found = lens_statistics(trace, positions, final_norm=final_norm, top=2)
    for column, (position, token) in enumerate(zip(positions, ids_of(trace, positions), strict=True)):
        final = own_logits(trace, family, position).double().softmax(-1)
        for layer in range(trace.lm.n_layers):
            logits = naive_logits(trace, family, layer, position, final_norm=final_norm)
            p = logits.double().softmax(-1)
            assert found.rank[layer, column] == naive_rank(logits, token)
            assert found.log_probability[layer, column] == pytest.approx(float(p[token].log()), rel=1e-4)
            assert found.entropy[layer, column] == pytest.approx(float(-(p * p.log()).sum()), rel=1e-4)
            kl = float((final * (final / p).log()).sum())
            assert found.kl[layer, column] == pytest.approx(kl, rel=1e-3, abs=1e-5)
            assert found.top_ids[layer, column].tolist() == p.argsort(descending=True)[:2].tolist()
            np.testing.assert_allclose(found.top_probabilities[layer, column], p.sort().values.flip(0)[:2], rtol=1e-4)
    if final_norm:
        assert (found.kl[-1] == 0.0).all()


@pytest.mark.parametrize("family", ["gpt2", "gemma2", "t5", "bart"])
def test_the_token_that_would_come_next_can_be_looked_at(family: str) -> None:
    _, trace = run_of(family)
    assert trace.next_position is not None
    top = top_tokens(trace, trace.next_position, k=3)
    ranks = watched_ranks(trace, [40], trace.next_position)
    np.testing.assert_array_equal(token_ranks(trace, [40], positions=[trace.next_position]), ranks)
    for layer in range(trace.lm.n_layers):
        logits = naive_logits(trace, family, layer, trace.next_position)
        assert top.ids[layer].tolist() == logits.argsort(descending=True)[:3].tolist()
        assert ranks[layer, 0] == naive_rank(logits, 40)


@pytest.mark.parametrize("family", ["gpt2", "llama", "t5", "bart", "bert", "albert"])
def test_thirteen_layers_stay_in_numeric_order(family: str) -> None:
    _, trace = run_of(family, n_layers=13)
    position = positions_of(trace)[-1]
    found = lens_statistics(trace, [position], top=1)
    assert len(found.rank) == 13
    for layer in range(13):
        logits = naive_logits(trace, family, layer, position)
        assert found.rank[layer, 0] == naive_rank(logits, ids_of(trace, [position])[0])
        assert found.top_ids[layer, 0, 0] == int(logits.argmax())
        assert found.top_probabilities[layer, 0, 0] == pytest.approx(float(logits.softmax(-1).max()), rel=1e-4)


def test_rows_are_blocks_in_numeric_order_however_many_there_are() -> None:
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
    # Without a norm, and with an unembedding that reads nothing else, a token's log-odds are that dimension.
    model.lm_head.weight = torch.nn.Parameter(torch.zeros(VOCABULARY, 16))
    model.lm_head.weight.data[7, 0] = 0.1
    trace = LanguageModel(model, tiny_tokenizer(), name="13")(TEXT)
    p = watched(trace, [7], 4, final_norm=False).probabilities[:, 0].astype(np.float64)
    log_odds = np.log(p / (1 - p) * (VOCABULARY - 1))
    np.testing.assert_allclose(np.diff(log_odds), 0.1 * np.arange(2, 14), atol=0.01)


# ---------------------------------------------------------------- classes


def test_classes_are_ranked_by_what_the_classifier_makes_of_each_layer(classified: Run) -> None:
    family, trace = classified
    n = trace.n_prompt
    found = lens_statistics(trace, top=3)
    assert found.positions.tolist() == [n, n + 1, n + 2]
    final = own_logits(trace, family, n).double().softmax(-1)
    for layer in range(trace.lm.n_layers):
        logits = naive_logits(trace, family, layer, n)
        p = logits.double().softmax(-1)
        assert found.rank[layer].tolist() == [naive_rank(logits, c) for c in range(3)]
        np.testing.assert_allclose(found.log_probability[layer], p.log(), rtol=1e-4)
        np.testing.assert_allclose(found.entropy[layer], -(p * p.log()).sum(), rtol=1e-4)
        np.testing.assert_allclose(found.kl[layer], (final * (final / p).log()).sum(), rtol=1e-3, atol=1e-6)
        assert found.top_ids[layer].tolist() == [logits.argsort(descending=True).tolist()] * 3


def test_classes_without_the_final_norm(classified: Run) -> None:
    family, trace = classified
    ranks = token_ranks(trace, final_norm=False)
    found = lens_statistics(trace, final_norm=False)
    final = own_logits(trace, family, trace.n_prompt).double().softmax(-1)
    for layer in range(trace.lm.n_layers):
        logits = naive_logits(trace, family, layer, trace.n_prompt, final_norm=False)
        assert ranks[layer].tolist() == [naive_rank(logits, c) for c in range(3)]
        p = logits.double().softmax(-1)
        np.testing.assert_allclose(found.kl[layer], (final * (final / p).log()).sum(), rtol=1e-3, atol=1e-6)


def test_classes_are_named(classified: Run) -> None:
    family, trace = classified
    top = top_tokens(trace, trace.n_prompt, k=3)
    found = watched(trace, ["positive", 0], trace.n_prompt)
    assert found.texts == ["positive", "negative"]
    for layer in range(trace.lm.n_layers):
        logits = naive_logits(trace, family, layer, trace.n_prompt)
        assert top.texts[layer] == [LABELS[c] for c in logits.argsort(descending=True)]
        assert found.ranks[layer].tolist() == [naive_rank(logits, 2), naive_rank(logits, 0)]
        np.testing.assert_allclose(found.probabilities[layer], logits.softmax(-1)[[2, 0]], rtol=1e-4)


# ---------------------------------------------------------------- places inside blocks


@pytest.mark.parametrize("site", ["attention_out", "ffn_out"])
@pytest.mark.parametrize("family", sorted(INSIDE))
def test_places_inside_blocks_are_looked_at_like_what_leaves_them(family: str, site: str) -> None:
    _, trace = run_of(family)
    positions = positions_of(trace)
    found = lens_statistics(trace, positions, site=site, top=1)
    np.testing.assert_array_equal(token_ranks(trace, positions=positions, site=site), found.rank)
    for column, (position, token) in enumerate(zip(positions, ids_of(trace, positions), strict=True)):
        final = own_logits(trace, family, position).double().softmax(-1)
        logits = after_the_blocks(trace, family, naive_site(trace, family, site, position))
        for layer in range(trace.lm.n_layers):
            assert found.rank[layer, column] == naive_rank(logits[layer], token)
            p = logits[layer].double().softmax(-1)
            kl = float((final * (final / p).log()).sum())
            assert found.kl[layer, column] == pytest.approx(kl, rel=1e-3, abs=1e-5)
            assert found.top_ids[layer, column, 0] == int(p.argmax())
    last = positions[-1]
    np.testing.assert_array_equal(top_tokens(trace, last, k=1, site=site).ids, found.top_ids[:, -1])
    watch = ids_of(trace, positions)[-1:]
    np.testing.assert_array_equal(watched_ranks(trace, watch, last, site=site), found.rank[:, -1:])


@pytest.mark.parametrize("site", ["attention_out", "ffn_out"])
def test_places_inside_blocks_are_there_for_every_family(run: Run, site: str) -> None:
    family, trace = run
    positions = positions_of(trace)
    ranks = token_ranks(trace, positions=positions, site=site)
    states = trace.stream(positions, site=site)
    assert len(states) == trace.lm.n_layers
    for column, token in enumerate(ids_of(trace, positions)):
        logits = after_the_blocks(trace, family, states[:, column])
        assert ranks[:, column].tolist() == [naive_rank(each, token) for each in logits]


# ---------------------------------------------------------------- the trained model


def test_the_article_s_agreement_figure_comes_out_on_the_demo_model() -> None:
    lm = ecco.load_demo()
    trace = lm("The keys to the cabinet")
    found = watched(trace, [" is", " are"], trace.next_position)
    is_, are = found.ranks[-1]
    assert are < is_
    assert found.probabilities[-1, 1] > found.probabilities[-1, 0]
    trace = lm("The key to the cabinets")
    is_, are = watched_ranks(trace, [" is", " are"], trace.next_position)[-1]
    assert is_ < are
