"""Adapters made with PEFT: loaded from a folder, taken out of their wrapper, refused where they can't be explained."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

import ecco_widgets as ecco
from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models import adapters
from ecco_widgets.models.adapters import adapter_config, is_replaced, kind_of_adapter, without_wrapper
from tests.support.tiny_models import LABELS, padded_tokenizer, tiny_model, tiny_tokenizer

TEXT = "The keys to the cabinet"


def write_adapter(folder: Path, **config: Any) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


# ------------------------------------------------------------------------------------------------------- without PEFT


def test_without_peft_an_adapter_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapters, "is_peft_available", lambda: False)
    folder = write_adapter(tmp_path / "adapter", peft_type="LORA", base_model_name_or_path="distilgpt2")
    with pytest.raises(UnsupportedModel, match=r"is an adapter, which needs the package peft.*pip install peft"):
        ecco.from_pretrained(folder)


def test_an_adapter_must_name_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapters, "is_peft_available", lambda: True)
    with pytest.raises(InvalidInput, match=r"does not say which model it belongs to.*base_model_name_or_path"):
        adapter_config(write_adapter(tmp_path / "adapter", peft_type="LORA"))


def test_adapters_that_add_positions_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapters, "is_peft_available", lambda: True)
    folder = write_adapter(tmp_path / "adapter", peft_type="PREFIX_TUNING", base_model_name_or_path="distilgpt2")
    with pytest.raises(UnsupportedModel, match=r"of type PREFIX_TUNING: it adds trained positions.*LoRA"):
        adapter_config(folder)


def test_a_wrapper_whose_adapters_add_positions_is_refused() -> None:
    class Wrapper(nn.Module):
        peft_config: ClassVar = {"default": SimpleNamespace(is_prompt_learning=True, peft_type="PROMPT_TUNING")}

        def get_base_model(self) -> nn.Module:
            return tiny_model("gpt2")

    with pytest.raises(UnsupportedModel, match=r"Wrapper carries an adapter of type PROMPT_TUNING"):
        ecco.from_model(Wrapper(), tiny_tokenizer())


def test_what_is_no_wrapper_stays_as_it_is() -> None:
    model = tiny_model("gpt2")
    assert without_wrapper(model) is model
    assert without_wrapper("distilgpt2") == "distilgpt2"
    assert isinstance(without_wrapper(nn.Linear(2, 2)), nn.Linear)
    assert not is_replaced(model, "lm_head.weight")
    assert not is_replaced(model, "no.such.weight")


def test_an_adapter_says_what_it_was_trained_for() -> None:
    assert kind_of_adapter({"task_type": "CAUSAL_LM"}) == "causal"
    assert kind_of_adapter({"task_type": None}) is None
    assert kind_of_adapter({}) is None


# --------------------------------------------------------------------------------------------------------- with PEFT


@pytest.fixture
def peft() -> Any:
    return pytest.importorskip("peft", reason="peft is not installed: pip install peft accelerate")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    tiny_model("gpt2").save_pretrained(tmp_path / "base")
    padded_tokenizer().save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def adapted(peft: Any, base: Path, task: str, **more: Any) -> Any:
    import transformers

    auto = transformers.AutoModelForCausalLM if task == "CAUSAL_LM" else transformers.AutoModelForSequenceClassification
    config = peft.LoraConfig(
        task_type=task, r=2, target_modules=["c_attn", "c_proj"], init_lora_weights=False, fan_in_fan_out=True
    )
    torch.manual_seed(0)
    return peft.get_peft_model(auto.from_pretrained(base, **more), config).eval()


def test_an_adapters_folder_loads_with_its_model(peft: Any, base: Path, tmp_path: Path) -> None:
    model = adapted(peft, base, "CAUSAL_LM")
    model.save_pretrained(tmp_path / "adapter")
    lm = ecco.from_pretrained(tmp_path / "adapter")
    ids = torch.tensor([lm.encode(TEXT)])
    assert (lm.kind, lm.n_layers, lm.name) == ("causal", 3, "adapter")
    with torch.no_grad():
        torch.testing.assert_close(lm.model(ids).logits, model(ids).logits)
        assert float((lm.model(ids).logits - tiny_model("gpt2")(ids).logits).abs().max()) > 0.1
    torch.testing.assert_close(lm(TEXT).logits([3]), lm.model(ids).logits[0, [2]])


def test_an_adapter_of_a_classifier_brings_its_head(peft: Any, base: Path, tmp_path: Path) -> None:
    model = adapted(peft, base, "SEQ_CLS", num_labels=len(LABELS), pad_token_id=1)
    model.save_pretrained(tmp_path / "adapter")
    lm = ecco.from_pretrained(tmp_path / "adapter", num_labels=len(LABELS), pad_token_id=1)
    ids = torch.tensor([lm.encode(TEXT)])
    assert lm.kind == "classification"
    torch.testing.assert_close(lm.model(ids).logits, model(ids).logits.detach())
    with pytest.raises(UnsupportedModel, match=r"have other shapes than its configuration asks for.*num_labels"):
        ecco.from_pretrained(tmp_path / "adapter", pad_token_id=1)


def test_a_wrapped_model_is_used_with_its_adapters(peft: Any, base: Path) -> None:
    model = adapted(peft, base, "CAUSAL_LM")
    lm = ecco.from_model(model, tiny_tokenizer())
    ids = torch.tensor([lm.encode(TEXT)])
    with torch.no_grad():
        torch.testing.assert_close(lm.model(ids).logits, model(ids).logits, rtol=0, atol=0)
    shares = ecco.analysis.attribute(lm.generate(TEXT, generate=2)).scores
    with model.disable_adapter():
        other = ecco.analysis.attribute(lm.generate(TEXT, generate=2)).scores
    assert abs(shares[0, :5] - other[0, :5]).max() > 1e-3


def test_a_wrapped_prompt_is_refused(peft: Any, base: Path, tmp_path: Path) -> None:
    model = peft.get_peft_model(
        tiny_model("gpt2"), peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    )
    with pytest.raises(UnsupportedModel, match=r"adapter of type PROMPT_TUNING"):
        ecco.from_model(model, tiny_tokenizer())
    model.peft_config["default"].base_model_name_or_path = str(base)
    model.save_pretrained(tmp_path / "adapter")
    with pytest.raises(UnsupportedModel, match=r"adapter of type PROMPT_TUNING"):
        ecco.from_pretrained(tmp_path / "adapter")
