"""Loading, tokenising, running, generating, scoring, closing; and what each says when it can't."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

import ecco_widgets as ecco
from ecco_widgets.errors import InvalidInput, ModelClosed, NonFinite, TextTooLong, UnsupportedModel
from ecco_widgets.models.inspection import inspect_model
from tests.support.tiny_models import CONTEXT, DIVERSE_CAUSAL, VOCABULARY, tiny_lm, tiny_model

TEXT = "The keys to the cabinet"


@pytest.fixture(scope="module")
def lm() -> ecco.LanguageModel:
    return tiny_lm("gpt2")


# ------------------------------------------------------------------------------------------------------------ loading


def test_importing_the_package_imports_neither_torch_nor_transformers() -> None:
    code = (
        "import sys, ecco_widgets; "
        "print(sorted(m for m in ('torch', 'transformers', 'captum', 'anywidget', 'numpy') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_can_be_had() -> None:
    for name in ecco.__all__:
        assert getattr(ecco, name) is not None
    assert set(ecco.__all__) <= set(dir(ecco))


def test_a_wrong_name_raises_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'from_pretraind'"):
        ecco.from_pretraind  # noqa: B018


@pytest.mark.parametrize("family", DIVERSE_CAUSAL)
def test_parts_reproduce_the_models_logits(family: str) -> None:
    model = tiny_model(family)
    parts = inspect_model(model)
    ids = torch.randint(VOCABULARY, (1, 20), generator=torch.Generator().manual_seed(0))
    embeddings = parts.embed(ids)
    with torch.no_grad():
        expected = model(ids).logits
        states = parts.states(embeddings)
        torch.testing.assert_close(parts.logits(states), expected, rtol=1e-4, atol=1e-4)
        segments = parts.states_by_segment(embeddings, [3, 11, 20])
    assert [piece.shape[1] for piece in segments] == [3, 8, 9]
    torch.testing.assert_close(torch.cat(segments, dim=1), states, rtol=1e-4, atol=1e-4)
    assert (parts.n_layers, parts.width, parts.vocabulary, parts.context) == (
        4 if family == "gpt_neo" else 3,
        32,
        VOCABULARY,
        CONTEXT,
    )


def test_a_soft_cap_is_seen_however_small_the_logits_are() -> None:
    model = tiny_model("gemma2")
    model.lm_head.weight.data *= 1e-3
    assert inspect_model(model).unembedding is None


def test_the_soft_cap_is_seen() -> None:
    assert inspect_model(tiny_model("gemma2")).unembedding is None
    assert inspect_model(tiny_model("gpt2")).unembedding is not None


def test_inspection_leaves_the_model_as_it_was() -> None:
    model = tiny_model("gpt2")
    inspect_model(model).logits(torch.zeros(1, 32))
    assert "forward" not in vars(model.base_model)


def test_the_base_is_put_back_when_the_head_fails() -> None:
    model = tiny_model("gpt2")
    parts = inspect_model(model)
    model.lm_head = torch.nn.Linear(31, 5)
    with pytest.raises(RuntimeError):
        parts.logits(torch.zeros(1, 32))
    assert "forward" not in vars(model.base_model)


def test_a_model_whose_head_cannot_be_isolated_is_refused() -> None:
    class Odd(type(tiny_model("gpt2"))):
        def forward(self, *args: object, **kwargs: object) -> object:
            output = super().forward(*args, **kwargs)
            if kwargs.get("input_ids") is not None:
                output.logits = output.logits + 1
            return output

    model = tiny_model("gpt2")
    model.__class__ = Odd
    with pytest.raises(
        UnsupportedModel, match=r"Odd: logits recomputed .* differ from the model's own \(largest .* 1\)"
    ):
        inspect_model(model)


def test_a_model_without_logits_is_refused() -> None:
    with pytest.raises(UnsupportedModel, match=r"BertModel makes no logits.*Load the model with its head"):
        inspect_model(BertModel(BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, vocab_size=50)))


def test_a_model_without_numbers_is_refused() -> None:
    with pytest.raises(UnsupportedModel, match=r"GPT2LMHeadModel is on the meta device.*Load it with its weights"):
        inspect_model(tiny_model("gpt2").to("meta"))


# --------------------------------------------------------------------------------------------------------------- runs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"text is empty. Pass at least one character"),
        (None, r"expected a text, several, or the tokenizer's output, got NoneType"),
        (5, r"expected a text, several, or the tokenizer's output, got int"),
        ([], r"the list of texts is empty"),
        (["a", ""], r"text is empty"),
        (["a", None], r"text must be a string, got NoneType"),
        ({"input_ids": [[1, 2], []]}, r"expected input_ids with at least one token a text"),
        ({"input_ids": [[1, 2]], "attention_mask": [[0, 0]]}, r"expected input_ids with at least one token a text"),
        ({"input_ids": []}, r"expected input_ids with at least one token a text"),
        ({"input_ids": [[5, 10**6]]}, r"token ids must be in 0\.\.319"),
        ({"input_ids": [[0.5, 1.7]]}, r"token ids must be integers, got \[\[0.5, 1.7\]\]"),
        ({"input_ids": ["a"]}, r"token ids must be integers, got \['a'\]"),
        ({"input_ids": None}, r"input_ids must be lists or a tensor of token ids, got None"),
        ({"input_ids": [[1, 2]], "attention_mask": [[1]]}, r"attention_mask must have the shape of input_ids"),
        ("half an emoji: \ud83d", r"text must be valid Unicode, got half of a surrogate pair"),
    ],
)
def test_what_is_no_text_is_refused(lm: ecco.LanguageModel, text: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        lm(text)


def test_a_text_longer_than_the_context_is_refused(lm: ecco.LanguageModel) -> None:
    with pytest.raises(TextTooLong, match=rf"text has \d+ tokens; tiny-gpt2 takes at most {CONTEXT}. Shorten the text"):
        lm("one " * 500)
    with pytest.raises(TextTooLong, match=rf"text has \d+ tokens and {CONTEXT} to generate; tiny-gpt2 takes at most"):
        lm.generate(TEXT, generate=CONTEXT)


def test_eccos_call_with_the_tokenizers_output_works(lm: ecco.LanguageModel) -> None:
    trace = lm(lm.tokenizer(TEXT, return_tensors="pt"))
    assert trace.text == TEXT
    assert trace.n_generated == 0


def test_traces_share_no_array_and_do_not_change_when_the_model_runs_again(lm: ecco.LanguageModel) -> None:
    first, second = lm(TEXT), lm(TEXT)
    before = first.hidden_states.clone()
    lm.generate("one two three", generate=5)
    assert torch.equal(first.hidden_states, before)
    assert first.hidden_states.data_ptr() != second.hidden_states.data_ptr()
    assert not np.shares_memory(first.token_ids, second.token_ids)
    with pytest.raises(ValueError, match="read-only"):
        first.token_ids[0] = 1


def test_a_trace_records_when_asked_and_says_what_it_holds(lm: ecco.LanguageModel) -> None:
    trace = lm(TEXT)
    bare = trace.nbytes
    hidden = trace.hidden_states
    assert hidden.shape == (lm.n_layers + 1, trace.n_tokens, lm.parts.width)
    assert trace.nbytes == bare + hidden.numel() * 4
    assert "holds 0.00 MiB" in repr(trace)
    trace.release()
    assert trace.nbytes == bare


def test_hidden_states_are_the_models_own(lm: ecco.LanguageModel) -> None:
    trace = lm(TEXT)
    own = lm.model(torch.tensor(trace.token_ids)[None], output_hidden_states=True).hidden_states
    torch.testing.assert_close(trace.hidden_states[:-1], torch.stack([state[0] for state in own[:-1]]).detach())
    # Ours ends before the final norm, like all others; transformers' last one is after it.
    torch.testing.assert_close(lm.model.transformer.ln_f(trace.hidden_states[-1]).detach(), own[-1][0].detach())
    torch.testing.assert_close(trace.last_states, own[-1][0].detach())


def test_infinite_logits_are_named(lm: ecco.LanguageModel) -> None:
    broken = tiny_lm("gpt2")
    broken.model.lm_head.weight.data[3] = float("inf")
    with pytest.raises(NonFinite, match=r"logits for position 2 contain NaN or infinity"):
        broken(TEXT).logits([2])


# --------------------------------------------------------------------------------------------------------- generation


def test_greedy_generation_equals_transformers(lm: ecco.LanguageModel) -> None:
    ids = torch.tensor(lm.encode(TEXT))[None]
    expected = lm.model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=6, do_sample=False, pad_token_id=0
    )
    assert lm.generate(TEXT, generate=6).token_ids.tolist() == expected[0].tolist()


def test_sampling_repeats_for_a_seed_and_leaves_the_global_generator_alone(lm: ecco.LanguageModel) -> None:
    torch.manual_seed(11)
    expected = torch.rand(1)
    torch.manual_seed(11)
    runs = [lm.generate(TEXT, generate=8, do_sample=True, temperature=2.0, seed=seed).token_ids for seed in (1, 1, 2)]
    assert torch.equal(torch.rand(1), expected)
    assert runs[0].tolist() == runs[1].tolist()
    assert runs[0].tolist() != runs[2].tolist()


def test_tokens_are_reported_as_they_are_chosen_and_can_end_the_generation(lm: ecco.LanguageModel) -> None:
    seen: list[int] = []
    trace = lm.generate(TEXT, generate=6, min_new_tokens=6, on_token=seen.append)
    assert seen == trace.token_ids[trace.n_prompt :].tolist()
    stopped: list[int] = []
    trace = lm.generate(TEXT, generate=6, on_token=lambda token: stopped.append(token) or len(stopped) < 2)
    assert trace.n_generated == len(stopped) == 2


def test_beam_search_shows_the_winning_beam(lm: ecco.LanguageModel) -> None:
    ids = torch.tensor(lm.encode(TEXT))[None]
    expected = lm.model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=5, num_beams=3, do_sample=False, pad_token_id=0
    )
    trace = lm.generate(TEXT, generate=5, beam_size=3)
    assert trace.token_ids.tolist() == expected[0].tolist()
    own = lm.model(expected).logits[0, trace.n_prompt - 1].detach()
    torch.testing.assert_close(trace.logits([trace.n_prompt])[0], own)


def test_any_generation_argument_passes_through(lm: ecco.LanguageModel) -> None:
    plain = lm.generate(TEXT, generate=4).token_ids[-4:]
    banned = lm.generate(TEXT, generate=4, suppress_tokens=[int(plain[0])]).token_ids[-4:]
    assert int(plain[0]) not in banned.tolist()


def test_max_length_counts_the_prompt_as_in_ecco(lm: ecco.LanguageModel) -> None:
    prompt = len(lm.encode(TEXT))
    assert lm.generate(TEXT, max_length=prompt + 3, min_new_tokens=3).n_tokens == prompt + 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temprature": 1.0}, r"generate\(\) has no argument 'temprature'. Did you mean 'temperature'\?"),
        ({"generate": 0}, r"generate must be a positive integer, got 0"),
        ({"generate": True}, r"generate must be a positive integer, got True"),
        ({"generate": 5, "max_length": 9}, r"give generate or max_length, not both"),
        ({"max_length": 1}, r"max_length must be an integer above the prompt's \d+ tokens, got 1"),
        ({"attribution": ["grad"]}, r"method must be one of .*got 'grad'"),
        ({"do_sample": True, "temperature": -1.0}, r"these generation arguments cannot be used: .*temperature"),
        ({"num_return_sequences": 2}, r"these generation arguments cannot be used: .*num_return_sequences"),
        ({"num_return_sequences": 2, "num_beams": 2}, r"num_return_sequences must be 1, got 2: a trace holds one run"),
        ({"num_beams": 0}, r"these generation arguments cannot be used"),
        ({"beam_size": "a"}, r"these generation arguments cannot be used"),
        ({"cache_implementation": "nope"}, r"these generation arguments cannot be used: .*cache_implementation"),
        ({"seed": -1}, r"seed must be an integer from 0 to 2\^63-1, got -1"),
        ({"seed": "a"}, r"seed must be an integer from 0 to 2\^63-1, got 'a'"),
    ],
)
def test_bad_generation_arguments_are_explained(
    lm: ecco.LanguageModel, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        lm.generate(TEXT, **arguments)


def test_score_takes_a_given_continuation(lm: ecco.LanguageModel) -> None:
    trace = lm.score(TEXT, " one two")
    assert trace.text == f"{TEXT} one two"
    assert trace.output_text == " one two"
    assert trace.output_positions.start == len(lm.encode(TEXT))


@pytest.mark.parametrize("continuation", ["", None])
def test_score_needs_a_continuation(lm: ecco.LanguageModel, continuation: object) -> None:
    with pytest.raises(InvalidInput, match=r"continuation must be a non-empty string"):
        lm.score(TEXT, continuation)


# --------------------------------------------------------------------------------------------------------------- life


def test_a_closed_model_says_so_and_closing_twice_is_harmless() -> None:
    lm = tiny_lm("gpt2")
    trace = lm(TEXT)
    told: list[str] = []
    lm.on_close(lambda: told.append("closed"))
    lm.close()
    lm.close()
    lm.on_close(lambda: told.append("late"))
    assert told == ["closed", "late"]
    assert "closed" in repr(lm)
    with pytest.raises(ModelClosed, match=r"tiny-gpt2 was closed. Load it again"):
        trace.logits([2])
    with pytest.raises(ModelClosed):
        lm.generate(TEXT)
    assert trace.text == TEXT  # the user's data survive


def test_closing_stops_what_runs_before_it_waits_for_it() -> None:
    lm = tiny_lm("gpt2")
    running, told = threading.Event(), threading.Event()

    def run() -> None:
        with lm.running():
            running.set()
            assert told.wait(20)

    worker = threading.Thread(target=run)
    worker.start()
    assert running.wait(20)
    lm.on_close(told.set)
    lm.close()
    worker.join()
    assert not lm.is_open
