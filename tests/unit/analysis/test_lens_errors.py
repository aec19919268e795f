"""What the lens says when it cannot answer: what was expected, what was given, how to fix it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2Model

from ecco_widgets.analysis import attribute
from ecco_widgets.analysis.lens import lens_statistics, token_ranks, top_tokens, watched, watched_ranks
from ecco_widgets.errors import InvalidInput, NonFinite, UnsupportedModel
from ecco_widgets.models import LanguageModel, Trace
from tests.support.tiny_models import VOCABULARY, tiny_lm, tiny_model, tiny_tokenizer

TEXT = "The keys to the cabinet are on the table"
Call = Callable[[Trace], Any]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: token_ranks(t, positions=[0]), "got 0: the first token has no prediction"),
        (lambda t: token_ranks(t, positions=[]), "positions is empty"),
        (lambda t: token_ranks(t, positions=3), r"positions must be a list of integers, got 3. Pass \[3\]"),
        (lambda t: token_ranks(t, positions=[t.n_tokens]), r"position must be in 1\.\.8, got 9"),
        (lambda t: token_ranks(t, tokens=[5], positions=[3, 4]), "one token for each of 2 positions, got 1"),
        (
            lambda t: token_ranks(t, site="middle"),
            "site must be one of 'block', 'attention_out', 'ffn_out', got 'middle'",
        ),
        (lambda t: token_ranks("text"), r"expected a trace, got str\. Make one with lm\.generate"),
        (lambda t: watched_ranks(t, []), r"watch must be a list of tokens, got \[\]"),
        (lambda t: watched_ranks(t, 7), "watch must be a list of tokens, got 7"),
        (
            lambda t: watched(t, " is"),
            r"watch must be a list of tokens, got ' is'\. For example watch=\[' is', ' are'\]",
        ),
        (lambda t: watched(t, [" 1, 2"]), "' 1, 2' is not one token, it makes 3: ' 1', ',', ' 2'"),
        (lambda t: watched(t, ["cabinet"]), "'cabinet' is not one token.* With a leading space, ' cabinet', it is one"),
        (lambda t: watched(t, [VOCABULARY]), r"token id must be in 0\.\.319, got 320"),
        (lambda t: watched(t, [1], position=99), r"position must be in 1\.\.8, got 99"),
        (lambda t: top_tokens(t, k=0), r"k must be an integer in 1\.\.320"),
        (lambda t: top_tokens(t, k=2.0), r"k must be an integer in 1\.\.320 \(the vocabulary\), got 2\.0"),
        (lambda t: top_tokens(t, k=10**6), r"k must be an integer in 1\.\.320 \(the vocabulary\), got 1000000"),
        (lambda t: top_tokens(t, position=99), r"position must be in 1\.\.8, got 99"),
        (lambda t: lens_statistics(t, top=-1), r"top must be an integer in 0\.\.320"),
    ],
)
def test_bad_arguments_are_explained(call: Call, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        call(tiny_lm("gpt2")(TEXT))


@pytest.mark.parametrize(
    ("family", "position", "message"),
    [
        ("t5", 0, "it is a token of the source. Only the decoder's tokens after its first are predicted"),
        ("bert", 0, r"position 0 is the special token '\[CLS\]', which is not predicted"),
        ("bert_classifier", 0, "this model predicts classes, not tokens"),
    ],
)
def test_positions_without_a_prediction_are_explained_for_each_kind(family: str, position: int, message: str) -> None:
    lm = tiny_lm(family)
    trace = lm.generate(TEXT, generate=2, min_new_tokens=2) if family == "t5" else lm(TEXT)
    for call in (lambda: top_tokens(trace, position), lambda: lens_statistics(trace, [position])):
        with pytest.raises(InvalidInput, match=message):
            call()


@pytest.mark.parametrize("family", ["bert", "bert_classifier"])
def test_what_continues_no_text_has_no_next_position(family: str) -> None:
    trace = tiny_lm(family)(TEXT)
    with pytest.raises(InvalidInput, match="position must be in"):
        top_tokens(trace, trace.n_tokens)


def test_classes_are_asked_for_by_name_or_index() -> None:
    trace = tiny_lm("bert_classifier")(TEXT)
    with pytest.raises(InvalidInput, match=r"no class 'good'\. Classes: 'negative', 'neutral', 'positive'"):
        watched(trace, ["good"], trace.n_prompt)
    with pytest.raises(InvalidInput, match=r"k must be an integer in 1\.\.3 \(the number of classes\), got 4"):
        top_tokens(trace, trace.n_prompt, k=4)
    with pytest.raises(UnsupportedModel, match=r"is a classifier.*site='ffn_out' is for models that predict tokens"):
        top_tokens(trace, trace.n_prompt, k=1, site="ffn_out")


def test_a_token_without_a_logit_is_named() -> None:
    lm = tiny_lm("t5_v1_1")
    lm.model.lm_head = torch.nn.Linear(32, 300, bias=False)
    lm = LanguageModel(lm.model, lm.tokenizer, name="narrow")
    trace = lm.score(TEXT, " x")
    trace = type(trace)(lm, [*trace.token_ids[:-1].tolist(), 310], trace.n_prompt, n_source=trace.n_source)
    with pytest.raises(InvalidInput, match="has the id 310, but the model has logits for 300 tokens only"):
        token_ranks(trace)
    assert top_tokens(trace, k=300).ids.max() == 299


def test_a_model_without_unembedding_is_told_how_to_load_it() -> None:
    config = GPT2Config(n_layer=2, n_embd=32, n_head=4, vocab_size=VOCABULARY, n_positions=64)
    with pytest.raises(
        UnsupportedModel, match=r"makes no logits of tokens or of classes.*Load the model with its head"
    ):
        LanguageModel(GPT2Model(config), tiny_tokenizer(), name="headless")


def test_a_model_whose_blocks_are_not_found_says_what_still_works() -> None:
    model = tiny_model("gpt2")
    model.transformer.h = torch.nn.Sequential(*model.transformer.h)
    trace = LanguageModel(model, tiny_tokenizer(), name="odd")(TEXT)
    for call in (token_ranks, top_tokens, lens_statistics, lambda t: watched(t, [3])):
        with pytest.raises(UnsupportedModel, match=r"GPT2LMHeadModel: its blocks could not.*attributions work"):
            call(trace)
    scores = attribute(trace, positions=[4]).scores[0]
    assert np.nansum(scores) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_logits_that_are_not_finite_are_named_with_layer_and_position(value: float) -> None:
    lm = tiny_lm("gpt2")
    trace = lm(TEXT)
    assert len(trace.hidden_states) == 4
    trace.hidden_states[2, 2, 0] = value  # what leaves block 1 at token 2 predicts token 3
    message = "logits of layer 1 for position 3 contain NaN or infinity. Load the weights in float32"
    for call in (lambda: token_ranks(trace), lambda: lens_statistics(trace), lambda: watched_ranks(trace, [3], 3)):
        with pytest.raises(NonFinite, match=message):
            call()
    assert token_ranks(trace, positions=[2, 4]).shape == (3, 2)


def test_a_broken_unembedding_is_noticed_wherever_it_is() -> None:
    lm = tiny_lm("gpt2")
    trace = lm(TEXT)
    lm.model.lm_head.weight.data[319] = torch.nan
    with pytest.raises(NonFinite, match="logits of layer 0 for position 3 contain NaN or infinity"):
        token_ranks(trace, positions=[3])
