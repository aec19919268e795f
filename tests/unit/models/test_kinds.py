"""Masked, sequence-to-sequence and classifying models: what their traces hold and mean."""

from __future__ import annotations

import pytest
import torch

import ecco_widgets as ecco
from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models import LanguageModel, Trace
from ecco_widgets.models.batch import Batch
from tests.reference.naive_gradients import whole_model
from tests.support.runs import ANSWER, REFUSED, TEXT, run_of
from tests.support.tiny_models import (
    CAUSAL,
    CLASSIFIERS,
    FAMILIES,
    KINDS,
    LABELS,
    MASKED,
    SEQ2SEQ,
    encoder_tokenizer,
    seq2seq_tokenizer,
    tiny_lm,
    tiny_model,
    tiny_tokenizer,
)

COVERED = [family for family in FAMILIES if family not in REFUSED]


@pytest.mark.parametrize("family", COVERED)
def test_kind_and_layers_are_found_by_structure(family: str) -> None:
    lm = tiny_lm(family)
    assert lm.kind == KINDS[family]
    assert lm.n_layers == len(lm.blocks.modules)
    assert tiny_lm(family, n_layers=2).n_layers == 2


@pytest.mark.parametrize("family", COVERED)
def test_logits_at_every_position_are_the_whole_models(family: str) -> None:
    trace = run_of(family)
    positions = list(trace.explainable)
    expected = torch.stack([whole_model(trace, position)[0] for position in positions]).detach()
    torch.testing.assert_close(trace.logits(positions), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", [*CAUSAL, *SEQ2SEQ])
def test_the_next_token_has_a_prediction(family: str) -> None:
    trace = run_of(family)
    expected = whole_model(trace, trace.n_tokens)[0].detach()
    torch.testing.assert_close(trace.logits([trace.n_tokens])[0], expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(InvalidInput, match="position must be in"):
        trace.check_position(trace.n_tokens)


@pytest.mark.parametrize("family", [f for f in COVERED if KINDS[f] != "classification"])
def test_the_stream_put_through_the_rest_gives_the_predicting_states(family: str) -> None:
    trace = run_of(family)
    positions = list(trace.output_positions)
    stream = trace.stream(positions)
    assert stream.shape == (trace.lm.n_layers + 1, len(positions), trace.lm.parts.width)
    with torch.no_grad():
        finished = trace.lm.blocks.finish(stream[-1])
    torch.testing.assert_close(finished, trace.predicting_states(positions), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_small_bias_after_the_output_embeddings_is_seen(dtype: torch.dtype) -> None:
    model = tiny_model("bart").to(dtype)
    model.final_logits_bias.fill_(0.0)
    assert LanguageModel(model, seq2seq_tokenizer()).parts.affine_head
    model.final_logits_bias.fill_(0.01)
    assert not LanguageModel(model, seq2seq_tokenizer()).parts.affine_head


def test_an_encoder_decoder_classifier_is_refused_with_the_reason() -> None:
    with pytest.raises(UnsupportedModel, match=r"an encoder-decoder model without output embeddings.*read twice"):
        tiny_lm("bart_classifier")


def test_a_part_can_be_named_by_hand() -> None:
    model = tiny_model("opt")
    lm = ecco.LanguageModel(model, tiny_tokenizer(), parts={"base": "model.decoder", "blocks": "model.decoder.layers"})
    assert lm.n_layers == 3
    with pytest.raises(InvalidInput, match=r"parts\['blocks'\]: OPTForCausalLM has no module 'model.h'"):
        ecco.LanguageModel(model, tiny_tokenizer(), parts={"blocks": "model.h"})
    with pytest.raises(InvalidInput, match=r"no part is called 'block'. Parts: base, embedding"):
        ecco.LanguageModel(model, tiny_tokenizer(), parts={"block": "model.decoder.layers"})
    with pytest.raises(InvalidInput, match="parts must map names of parts"):
        ecco.LanguageModel(model, tiny_tokenizer(), parts=["blocks"])


def test_blocks_that_cannot_be_found_leave_attributions(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("gpt2")
    model.transformer.h = torch.nn.Sequential(*model.transformer.h)
    lm = ecco.LanguageModel(model, tiny_tokenizer(), name="odd")
    assert ecco.analysis.attribute(lm(TEXT), positions=3).scores.shape[0] == 1
    for _ in range(2):
        with pytest.raises(UnsupportedModel, match=r"its blocks could not be found.*parts=\{'blocks'"):
            lm.blocks  # noqa: B018
    named = ecco.LanguageModel(model, tiny_tokenizer(), parts={"blocks": "transformer.h"})
    assert named.n_layers == 3


# -------------------------------------------------------------------------------------------------------------- masked


@pytest.mark.parametrize("family", MASKED)
def test_a_token_is_predicted_with_itself_masked(family: str) -> None:
    trace = tiny_lm(family)(TEXT)
    assert trace.kind == "masked"
    assert trace.tokens[0] == "[CLS]"
    assert list(trace.explainable) == list(range(1, trace.n_tokens - 1))
    assert list(trace.output_positions) == list(trace.explainable)
    assert trace.ids_at([3]).tolist() == [trace.token_ids[3]]
    with pytest.raises(InvalidInput, match=r"position 0 is the special token '\[CLS\]'"):
        trace.check_position(0)
    with pytest.raises(InvalidInput, match="position must be in 1"):
        trace.check_position(99)


def test_a_mask_in_the_text_is_what_is_explained_by_default() -> None:
    trace = tiny_lm("bert")("The keys to the [MASK] are")
    (position,) = trace.output_positions
    assert trace.tokens[position] == "[MASK]"
    assert trace.ids_at([position]).tolist() == [int(trace.logits([position]).argmax())]


def test_negative_positions_of_a_masked_text_count_what_is_explained() -> None:
    lm = tiny_lm("bert")
    masks = lm("The [MASK] to the [MASK] are")
    assert [masks.check_position(-1), masks.check_position(-2)] == [list(masks.output_positions)[i] for i in (-1, -2)]
    assert lm(TEXT).check_position(-1) == lm(TEXT).n_tokens - 2
    assert masks.rankings_watch([5]).position == masks.output_positions[-1]


def test_an_encoder_does_not_generate() -> None:
    lm = tiny_lm("bert")
    with pytest.raises(InvalidInput, match=r"lm.generate\(...\) needs a model that continues text.*\[MASK\] where"):
        lm.generate(TEXT)
    with pytest.raises(InvalidInput, match=r"lm.score\(...\) needs a model that continues text; .* predicts masked"):
        lm.score(TEXT, " is")
    with pytest.raises(InvalidInput, match=r"lm.chat\(...\) needs"):
        lm.chat([{"role": "user", "content": "hi"}])


def test_without_a_mask_token_nothing_can_be_masked() -> None:
    lm = LanguageModel(tiny_model("bert"), tiny_tokenizer(), name="bert")
    with pytest.raises(InvalidInput, match="the tokenizer of bert has no mask token"):
        lm(TEXT)


def test_a_text_without_a_mask_predicts_no_token() -> None:
    with pytest.raises(InvalidInput, match=r"the text has no mask token.*Put \[MASK\] where a token is missing"):
        tiny_lm("bert").predict_token(TEXT)


# ------------------------------------------------------------------------------------------------- sequence to sequence


@pytest.mark.parametrize("family", SEQ2SEQ)
def test_source_and_answer_stand_in_a_row_and_their_states_apart(family: str) -> None:
    lm = tiny_lm(family)
    trace = lm.generate(TEXT, generate=4, min_new_tokens=4)
    source = lm.encode(TEXT)
    assert trace.n_source == len(source)
    assert trace.token_ids[: trace.n_source].tolist() == source
    assert [segment.name for segment in trace.segments] == ["source", "output"]
    answer = lm.model.generate(torch.tensor([source]), max_new_tokens=4, min_new_tokens=4, do_sample=False)[0]
    assert trace.token_ids[trace.n_source :].tolist() == answer.tolist()
    assert list(trace.output_positions) == list(range(len(source) + 1, len(source) + 5))
    own = lm.model(input_ids=torch.tensor([source]), decoder_input_ids=answer[None], output_hidden_states=True)
    torch.testing.assert_close(trace.hidden_states[0], own.decoder_hidden_states[0][0].detach())
    torch.testing.assert_close(trace.encoder_states[0], own.encoder_hidden_states[0][0].detach())
    assert trace.hidden_states.shape == (lm.n_layers + 1, 5, 32)
    assert trace.encoder_states.shape == (lm.encoder_blocks.n_layers + 1, len(source), 32)
    assert lm.encoder_blocks.n_layers == 3


def test_a_given_answer_is_scored() -> None:
    trace = tiny_lm("t5").score(TEXT, ANSWER)
    assert trace.output_text == ANSWER
    with pytest.raises(InvalidInput, match=r"position must be in \d+..\d+, got 2: it is a token of the source"):
        trace.check_position(2)
    with pytest.raises(InvalidInput, match="has no answer yet, only a source"):
        tiny_lm("t5")(TEXT).check_position(2)


def test_a_decoder_only_model_has_no_encoder() -> None:
    with pytest.raises(UnsupportedModel, match="has one stack of blocks, no encoder"):
        tiny_lm("gpt2").encoder_blocks  # noqa: B018


# ---------------------------------------------------------------------------------------------------------- classifiers


@pytest.mark.parametrize("family", [family for family in CLASSIFIERS if family not in REFUSED])
def test_classes_stand_after_the_text(family: str) -> None:
    lm = tiny_lm(family)
    trace = lm(TEXT)
    assert trace.tokens[-3:] == list(LABELS)
    assert trace.ids_at(trace.output_positions).tolist() == [0, 1, 2]
    assert trace.class_position("neutral") == trace.n_prompt + 1
    assert trace.predicted == int(lm.model(torch.tensor([lm.encode(TEXT)])).logits.argmax())
    assert lm.token_id("positive") == 2
    with torch.no_grad():
        logits = lm.blocks.classify(trace.hidden_states[-1:])
    torch.testing.assert_close(logits[0], trace.logits([trace.n_prompt])[0], rtol=1e-4, atol=1e-4)
    with pytest.raises(InvalidInput, match=r"no class 'joy'. Classes: 'negative', 'neutral', 'positive'"):
        trace.class_position("joy")
    with pytest.raises(InvalidInput, match="this model predicts classes, not tokens"):
        trace.check_position(1)


# Not RoBERTa: it numbers positions by ids, and gives a padding token that no mask hides a position of its own.
@pytest.mark.parametrize("family", [f for f in CLASSIFIERS if f not in (*REFUSED, "roberta_classifier")])
def test_padding_at_the_end_is_read_as_the_model_reads_it(family: str) -> None:
    lm = tiny_lm(family)
    ids = [*lm.encode("one two"), lm.tokenizer.pad_token_id, lm.tokenizer.pad_token_id]
    trace = lm({"input_ids": ids})
    with torch.no_grad():
        own = lm.model(torch.tensor([ids])).logits[0]
    torch.testing.assert_close(trace.logits([trace.n_prompt])[0], own, rtol=1e-4, atol=1e-4)
    assert (trace.n_prompt < len(ids)) == (family in {"gpt2_classifier", "llama_classifier"})


def test_a_text_of_padding_is_refused() -> None:
    lm = tiny_lm("gpt2_classifier")
    with pytest.raises(InvalidInput, match="the text has only padding tokens"):
        lm({"input_ids": [lm.tokenizer.pad_token_id]})


# -------------------------------------------------------------------------------------------------------------- batches

TEXTS = [TEXT, "one two", " 1, 2, 3, 4, 5", "The"]


@pytest.mark.parametrize("family", [*CAUSAL, *MASKED])
def test_padding_enters_no_state_of_a_batch(family: str) -> None:
    lm = tiny_lm(family)
    batch = lm(TEXTS)
    assert isinstance(batch, Batch)
    assert len(batch) == 4
    for text, trace in zip(TEXTS, batch, strict=True):
        alone = lm(text)
        assert trace.token_ids.tolist() == alone.token_ids.tolist()
        torch.testing.assert_close(trace.hidden_states, alone.hidden_states, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(trace.last_states, alone.last_states, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", ["gpt2", "bert", "t5", "bert_classifier"])
def test_one_pass_records_a_whole_batch(family: str) -> None:
    batch = tiny_lm(family)(TEXTS)
    expected = [trace.hidden_states.clone() for trace in map(tiny_lm(family), TEXTS)]
    for trace, states in zip(batch, expected, strict=True):
        torch.testing.assert_close(trace.hidden_states, states, rtol=1e-4, atol=1e-4)


def test_a_batch_records_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = tiny_lm("gpt2")(TEXTS)
    _ = batch[0].hidden_states
    assert all("hidden_states" in trace._states for trace in batch)
    assert batch[1:3] == [batch[1], batch[2]]
    assert "4 texts" in repr(batch)


def test_eccos_batch_from_the_tokenizer_loses_its_padding() -> None:
    lm = tiny_lm("bert")
    encoding = encoder_tokenizer()(TEXTS, padding=True, return_tensors="pt")
    batch = lm(encoding)
    assert [trace.token_ids.tolist() for trace in batch] == [lm.encode(text) for text in TEXTS]


def test_beam_search_gives_the_winning_beams_own_states() -> None:
    lm = tiny_lm("gpt2")
    trace = lm.generate(TEXT, generate=6, beam_size=4)
    expected = lm.model.generate(
        torch.tensor([lm.encode(TEXT)]), max_new_tokens=6, num_beams=4, do_sample=False, pad_token_id=0
    )[0]
    assert trace.token_ids.tolist() == expected.tolist()
    again: Trace = lm({"input_ids": expected})
    torch.testing.assert_close(trace.hidden_states, again.hidden_states)
