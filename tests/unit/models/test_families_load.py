"""Every family can be built small, saved, and loaded again as what it was saved as."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

import ecco_widgets as ecco
from ecco_widgets.errors import UnsupportedModel
from ecco_widgets.models.tasks import kind_of_checkpoint
from tests.support.tiny_models import (
    CAUSAL,
    CONTEXT,
    FAMILIES,
    KINDS,
    LABELS,
    MASKED,
    SEQ2SEQ,
    VOCABULARY,
    WIDTH,
    tiny_model,
    tokenizer_for,
)

TEXT = "The keys to the cabinet are on the table"
# Their text goes through encoder and decoder, and no embeddings can be given to them.
READ_TWICE = ("bart_classifier", "t5_classifier")


def logits_of(model: PreTrainedModel, family: str) -> Tensor:
    inputs = tokenizer_for(family)(TEXT, return_tensors="pt", return_token_type_ids=False)
    if KINDS[family] == "seq2seq":
        inputs["decoder_input_ids"] = torch.tensor([[model.config.decoder_start_token_id, 20, 30, 40]])
    with torch.no_grad():
        return model(**inputs).logits


# ------------------------------------------------------------------------------------------------------ the tiny models


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tiny_model_is_the_same_each_time_and_tells_positions_apart(family: str) -> None:
    model = tiny_model(family)
    logits = logits_of(model, family)
    torch.testing.assert_close(logits_of(tiny_model(family), family), logits, rtol=0, atol=0)
    assert float((logits_of(tiny_model(family, seed=1), family) - logits).abs().max()) > 0.01
    assert logits.shape[-1] == (len(LABELS) if KINDS[family] == "classification" else VOCABULARY)
    if logits.dim() == 3:
        assert float(logits.std(1).mean()) > 0.05
    assert not model.training


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tiny_model_has_the_width_and_the_layers_asked_for(family: str) -> None:
    config = tiny_model(family, n_layers=13).config
    assert config.hidden_size == WIDTH
    if family.startswith("t5"):
        assert (config.num_layers, config.num_decoder_layers) == (14, 13)
    elif config.is_encoder_decoder:
        assert (config.encoder_layers, config.decoder_layers) == (14, 13)
    else:
        assert config.num_hidden_layers == 13


@pytest.mark.parametrize("family", FAMILIES)
def test_norms_are_no_identity_and_biases_are_not_zero(family: str) -> None:
    model = tiny_model(family)
    vectors = {name: parameter.detach() for name, parameter in model.named_parameters() if parameter.dim() == 1}
    assert all(float(vector.std()) > 0.02 for vector in vectors.values() if len(vector) > 1), vectors.keys()
    for name, buffer in model.named_buffers():
        if name == "final_logits_bias":
            assert float(buffer.std()) > 0.5


def test_tokenizers_add_what_their_kind_adds() -> None:
    texts = {family: tokenizer_for(family).decode(tokenizer_for(family)(" 1, 2").input_ids) for family in FAMILIES}
    assert texts["gpt2"] == " 1, 2"
    assert texts["bert"] == texts["bert_classifier"] == "[CLS] 1, 2[SEP]"
    assert texts["t5"] == " 1, 2</s>"
    assert texts["gpt2_classifier"] == " 1, 2"
    assert tokenizer_for("gpt2").pad_token is None
    for family, of_model in (("bert", "pad_token_id"), ("t5", "pad_token_id"), ("gpt2_classifier", "pad_token_id")):
        assert tokenizer_for(family).pad_token_id == getattr(tiny_model(family).config, of_model)
    assert tokenizer_for("t5").eos_token_id == tiny_model("bart").config.eos_token_id
    assert tokenizer_for("bert").mask_token_id == 3


# ------------------------------------------------------------------------------------------------------------ loading


@pytest.mark.parametrize("family", [family for family in FAMILIES if family not in READ_TWICE])
def test_a_saved_model_of_any_family_loads_as_what_it_was_saved_as(family: str, tmp_path: Path) -> None:
    model = tiny_model(family)
    model.save_pretrained(tmp_path)
    tokenizer_for(family).save_pretrained(tmp_path)
    lm = ecco.from_pretrained(tmp_path)
    assert lm.kind == KINDS[family]
    assert type(lm.model) is type(model)
    assert (lm.vocabulary, lm.parts.width) == (
        len(LABELS) if lm.kind == "classification" else VOCABULARY,
        WIDTH,
    )
    torch.testing.assert_close(logits_of(lm.model, family), logits_of(model, family), rtol=0, atol=1e-6)
    assert not any(parameter.requires_grad for parameter in lm.model.parameters())
    assert lm.tokenizer(TEXT).input_ids == tokenizer_for(family)(TEXT).input_ids
    if family not in ("bloom", "t5", "t5_v1_1"):  # relative positions: no limit
        assert CONTEXT <= (lm.context or 0) <= CONTEXT + 2


@pytest.mark.parametrize("family", [*CAUSAL, *MASKED, *SEQ2SEQ])
def test_without_architectures_a_family_counts_as_what_it_is_made_for(family: str) -> None:
    config = tiny_model(family).config
    config.architectures = None
    assert kind_of_checkpoint(config) == KINDS[family]


@pytest.mark.parametrize("family", READ_TWICE)
def test_classifiers_that_read_their_text_twice_are_refused(family: str, tmp_path: Path) -> None:
    tiny_model(family).save_pretrained(tmp_path)
    tokenizer_for(family).save_pretrained(tmp_path)
    with pytest.raises(UnsupportedModel, match=r"ForSequenceClassification is an encoder-decoder .*task='seq2seq'"):
        ecco.from_pretrained(tmp_path)
