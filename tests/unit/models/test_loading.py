"""Loading from a folder: which kind, which options, which parts named by hand; and what is said when it can't be."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import BartConfig, BertConfig, GPT2Config, GPT2Model, PreTrainedModel, TorchAoConfig, ViTConfig

import ecco_widgets as ecco
from ecco_widgets.errors import InvalidInput, ModelNotFound, UnsupportedModel
from ecco_widgets.models.ecco_config import parts_and_kind
from ecco_widgets.models.tasks import check_offered, kind_of_checkpoint, kind_of_task
from tests.support.tiny_models import tiny_lm, tiny_model, tiny_tokenizer, tokenizer_for

TEXT = "The keys to the cabinet"
Save = Callable[..., Path]


@pytest.fixture(scope="module")
def lm() -> ecco.LanguageModel:
    return tiny_lm("gpt2")


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def saved(family: str, *, change: Callable[[PreTrainedModel], PreTrainedModel] = lambda model: model) -> Path:
        folder = tmp_path / family
        change(tiny_model(family)).save_pretrained(folder)
        tokenizer_for(family).save_pretrained(folder)
        return folder

    return saved


def edit_config(folder: Path, **changes: object) -> Path:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    return folder


# ------------------------------------------------------------------------------------------------------------- the kind


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        ("causal", "causal"),
        ("masked", "masked"),
        ("seq2seq", "seq2seq"),
        ("classification", "classification"),
        ("text-generation", "causal"),
        ("fill-mask", "masked"),
        ("text2text-generation", "seq2seq"),
        ("summarization", "seq2seq"),
        ("translation", "seq2seq"),
        ("translation_en_to_fr", "seq2seq"),
        ("text-classification", "classification"),
        ("sentiment-analysis", "classification"),
    ],
)
def test_tasks_have_our_names_and_those_of_transformers(task: str, kind: str) -> None:
    assert kind_of_task(task) == kind


def test_an_unknown_task_is_answered_with_a_near_miss_or_with_all(save: Save) -> None:
    with pytest.raises(InvalidInput, match=r"no task is called 'fillmask'\. Did you mean 'fill-mask'\?"):
        ecco.from_pretrained(save("gpt2"), task="fillmask")
    with pytest.raises(
        InvalidInput, match=r"no task is called 7\. Tasks: causal, masked, seq2seq, classification, text-"
    ):
        kind_of_task(7)


@pytest.mark.parametrize(
    ("architectures", "kind"),
    [
        (["BertForMaskedLM"], "masked"),
        (["BertForPreTraining"], "masked"),
        (["BertModel"], "masked"),
        (["BertForSequenceClassification"], "classification"),
        (["BertForQuestionAnswering"], "masked"),
        (["BertLMHeadModel"], "causal"),
        (None, "masked"),
    ],
)
def test_what_a_checkpoint_was_saved_as_decides(architectures: list[str] | None, kind: str) -> None:
    assert kind_of_checkpoint(BertConfig(architectures=architectures)) == kind


def test_a_family_with_several_kinds_counts_as_what_it_is_made_for() -> None:
    assert kind_of_checkpoint(BertConfig(is_decoder=True)) == "causal"
    assert kind_of_checkpoint(BartConfig()) == "seq2seq"
    assert kind_of_checkpoint(BartConfig(architectures=["BartForCausalLM"])) == "causal"
    assert kind_of_checkpoint(GPT2Config(architectures=["GPT2ForTokenClassification"])) == "causal"


def test_code_that_comes_with_a_checkpoint_says_what_it_offers() -> None:
    config = ViTConfig(auto_map={"AutoModelForMaskedLM": "modeling_own.OwnForMaskedLM"})
    assert kind_of_checkpoint(config) == "masked"


def test_a_task_overrides_what_the_checkpoint_was_saved_as(save: Save) -> None:
    folder = save("gpt2_classifier")
    assert ecco.from_pretrained(folder).kind == "classification"
    assert ecco.from_pretrained(folder, task="text-generation").kind == "causal"  # its head is its embedding


def test_an_encoder_trained_as_a_decoder_is_causal(save: Save) -> None:
    folder = save("bert")
    with pytest.raises(
        UnsupportedModel, match=r"'bert' read their text in both directions.*task='masked'.*is_decoder="
    ):
        ecco.from_pretrained(folder, task="causal")
    assert ecco.from_pretrained(folder, task="causal", is_decoder=True).kind == "causal"


def test_a_task_that_a_family_does_not_have_is_refused_with_what_it_has(save: Save) -> None:
    with pytest.raises(UnsupportedModel, match=r"type 'gpt2' have no masked form.*task='causal' or 'classification'"):
        ecco.from_pretrained(save("gpt2"), task="fill-mask")
    with pytest.raises(UnsupportedModel, match=r"type 'bart' have no masked form"):
        check_offered(BartConfig(), "masked")


def test_a_model_that_is_no_language_model_is_refused(tmp_path: Path) -> None:
    ViTConfig().save_pretrained(tmp_path)
    with pytest.raises(UnsupportedModel, match=r"ViTConfig describes no language model.*GPT-2, Llama, BERT or T5"):
        ecco.from_pretrained(tmp_path)


# -------------------------------------------------------------------------------------------- weights made up at random


@pytest.mark.parametrize("family", ["bert", "roberta", "modernbert", "distilbert", "llama"])
def test_a_checkpoint_without_its_head_is_refused(save: Save, family: str) -> None:
    folder = save(family, change=lambda model: model.base_model)
    assert json.loads((folder / "config.json").read_text())["architectures"][0].endswith("Model")
    with pytest.raises(
        UnsupportedModel, match=r"has no weights for \d+ parameters? of .*made them up at random.*task="
    ):
        ecco.from_pretrained(folder)


def test_a_decoder_is_not_cut_out_of_a_checkpoint_that_names_its_weights_otherwise(save: Save) -> None:
    with pytest.raises(
        UnsupportedModel, match=r"BartForCausalLM \(lm_head\.weight, model\.decoder\.embed_tokens\.weight\)"
    ):
        ecco.from_pretrained(save("bart"), task="causal")


def test_a_language_model_is_no_classifier(save: Save) -> None:
    with pytest.raises(UnsupportedModel, match=r"1 parameters? of GPT2ForSequenceClassification \(score\.weight\)"):
        ecco.from_pretrained(save("gpt2"), task="classification", pad_token_id=0)


def test_a_base_model_whose_head_is_its_embedding_loads(save: Save) -> None:
    folder = save("gpt2", change=lambda model: model.base_model)
    expected = tiny_lm("gpt2")(TEXT).logits([3])
    torch.testing.assert_close(ecco.from_pretrained(folder)(TEXT).logits([3]), expected)


def test_weights_of_another_shape_are_refused(save: Save) -> None:
    with pytest.raises(UnsupportedModel, match=r"have other shapes than its configuration asks for.*num_labels"):
        ecco.from_pretrained(save("bert_classifier"), num_labels=5)
    with pytest.raises(UnsupportedModel, match=r"made them up at random"):
        ecco.from_pretrained(save("gpt2_classifier"), num_labels=5, ignore_mismatched_sizes=True)


# -------------------------------------------------------------------------------------------------------------- options


def test_a_saved_folder_loads_and_gives_the_same_logits(tmp_path: Path, lm: ecco.LanguageModel) -> None:
    lm.model.save_pretrained(tmp_path)
    lm.tokenizer.save_pretrained(tmp_path)
    loaded = ecco.from_pretrained(
        tmp_path, activations=True, hidden_states=True, attention=True, verbose=False, gpu=False
    )
    torch.testing.assert_close(loaded(TEXT).logits([3]), lm(TEXT).logits([3]))
    assert loaded.name == tmp_path.name


@pytest.mark.parametrize("where", ["no/such-model-xyz", "/no/such/folder", "distilgpt2-that-nobody-made"])
def test_without_a_network_a_missing_model_says_at_once_how_to_go_on(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.invalid")  # a name that never resolves (RFC 2606)
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("a retry"))
    with pytest.raises(ModelNotFound, match=r"could not load a model from .*folder.*load_demo\(\)"):
        ecco.from_pretrained(where)


def test_device_and_device_map_exclude_each_other() -> None:
    with pytest.raises(InvalidInput, match="give device or device_map, not both"):
        ecco.from_pretrained("x", device="cpu", device_map="auto")


def test_a_device_that_is_not_there_is_explained(tmp_path: Path, lm: ecco.LanguageModel) -> None:
    lm.model.save_pretrained(tmp_path)
    lm.tokenizer.save_pretrained(tmp_path)
    with pytest.raises(InvalidInput, match=r"the model can't be put on device 'nonsense': .*Leave device out"):
        ecco.from_pretrained(tmp_path, device="nonsense")


def test_a_model_id_is_a_text_or_a_path() -> None:
    with pytest.raises(InvalidInput, match=r"model_id must be a hub id or a folder, got None"):
        ecco.from_pretrained(None)


def test_number_types_pass_through(save: Save) -> None:
    folder = save("gpt2")
    assert ecco.from_pretrained(folder, dtype="bfloat16").model.dtype == torch.bfloat16
    assert ecco.from_pretrained(folder, dtype=torch.float64).model.dtype == torch.float64
    assert ecco.from_pretrained(folder, dtype="auto").model.dtype == torch.float32


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        ("floaty", r"dtype must be a floating-point type of torch or 'auto', got 'floaty'\. Did you mean 'float64'\?"),
        ("double precision", r"got 'double precision'\. For example 'float32', 'float64', 'float16', 'bfloat16'\."),
        ("flaot16", r"got 'flaot16'\. Did you mean 'float16'\?"),
        ("int8", r"must be a floating-point type of torch or 'auto', got 'int8'"),
        (torch.int8, r"got torch\.int8"),
        (16, r"got 16"),
    ],
)
def test_what_is_no_number_type_is_refused(save: Save, dtype: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        ecco.from_pretrained(save("gpt2"), dtype=dtype)
    with pytest.raises(InvalidInput, match="torch_dtype must be"):
        ecco.from_pretrained(save("gpt2"), torch_dtype=dtype)


def test_an_unknown_option_is_answered_with_a_near_miss(save: Save) -> None:
    with pytest.raises(InvalidInput, match=r"no option 'devise'.*Did you mean 'device'\?"):
        ecco.from_pretrained(save("gpt2"), devise="cpu")
    with pytest.raises(InvalidInput, match=r"no option 'zzz', and the model's configuration has none of this name\.$"):
        ecco.from_pretrained(save("gpt2"), zzz=1)


def test_an_option_of_the_configuration_changes_it(save: Save) -> None:
    assert ecco.from_pretrained(save("gpt2"), attn_implementation="eager").model.config._attn_implementation == "eager"
    assert ecco.from_pretrained(save("gpt2"), layer_norm_epsilon=0.5).model.config.layer_norm_epsilon == 0.5


def test_a_value_that_transformers_refuses_is_explained(save: Save) -> None:
    with pytest.raises(InvalidInput, match=r"can't be loaded like this: .*attn_implementation=\"nope\""):
        ecco.from_pretrained(save("gpt2"), attn_implementation="nope")
    with pytest.raises(InvalidInput, match=r"can't be loaded like this: Unknown quantization type"):
        ecco.from_pretrained(save("gpt2"), quantization_config={"quant_method": "nope"})


def test_device_map_places_the_model_where_accelerate_is_installed(save: Save) -> None:
    folder = save("gpt2")
    if importlib.util.find_spec("accelerate") is None:
        with pytest.raises(InvalidInput, match=r"can't be loaded like this: .*device_map.*pip install accelerate"):
            ecco.from_pretrained(folder, device_map="cpu")
    else:
        mapped = ecco.from_pretrained(folder, device_map="cpu")
        torch.testing.assert_close(mapped(TEXT).logits([3]), tiny_lm("gpt2")(TEXT).logits([3]))


def test_quantised_weights_are_explained_like_others(save: Save) -> None:
    quantization = pytest.importorskip("torchao.quantization", reason="torchao is not installed: pip install torchao")
    config = TorchAoConfig(quantization.Int8WeightOnlyConfig())
    lm = ecco.from_pretrained(save("llama"), quantization_config=config, dtype="float32")
    assert type(lm.model.model.layers[0].mlp.down_proj.weight).__module__.startswith("torchao")
    trace, plain = lm.score(TEXT, " are"), tiny_lm("llama").score(TEXT, " are")
    difference = ecco.analysis.attribute(trace).scores - ecco.analysis.attribute(plain).scores
    assert abs(difference[0, : trace.output_positions[0]]).max() < 0.02


def test_gpu_takes_none_where_there_is_none(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert ecco.from_pretrained(save("gpt2"), gpu=True).device.type == "cpu"


# --------------------------------------------------------------------------------------------------- broken checkpoints


def test_a_folder_without_a_model_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(
        ModelNotFound, match=r"could not load a model from .*the folder has no config\.json\..*load_demo"
    ):
        ecco.from_pretrained(tmp_path)


def test_a_type_that_transformers_does_not_know_is_refused(save: Save) -> None:
    with pytest.raises(
        UnsupportedModel, match=r"a type that this version of transformers does not know.*trust_remote_code"
    ):
        ecco.from_pretrained(edit_config(save("gpt2"), model_type="xyzzy"))


def test_a_configuration_that_is_not_valid_is_explained(save: Save) -> None:
    with pytest.raises(ModelNotFound, match=r"config\.json of .* is not valid: .*'vocab_size' expected int, got str"):
        ecco.from_pretrained(edit_config(save("gpt2"), vocab_size="many"))
    folder = save("bert")
    (folder / "config.json").write_text("{nope")
    with pytest.raises(ModelNotFound, match=r"could not load a model from .*not a valid JSON file"):
        ecco.from_pretrained(folder)


@pytest.mark.parametrize("keep", [0, 5, 2000])
def test_damaged_weights_are_explained(save: Save, keep: int) -> None:
    folder = save("gpt2")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(ModelNotFound, match=r"the weights of .* can't be read: .*force_download=True"):
        ecco.from_pretrained(folder)


def test_missing_weights_are_explained(save: Save) -> None:
    folder = save("gpt2")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelNotFound, match=r"could not load a model from .*no file named model\.safetensors"):
        ecco.from_pretrained(folder)


@pytest.mark.parametrize("family", ["gpt2", "bert", "t5", "llama"])
def test_a_model_without_a_tokenizer_is_explained(tmp_path: Path, family: str) -> None:
    tiny_model(family).save_pretrained(tmp_path)
    with pytest.raises(ModelNotFound, match=r"a model without a tokenizer.*save_pretrained\(folder\).*from_model"):
        ecco.from_pretrained(tmp_path)


# -------------------------------------------------------------------------------------------------------- parts by hand


def test_parts_can_be_named_by_hand(save: Save) -> None:
    folder = save("gpt2")
    parts = {"embedding": "transformer.wte", "blocks": "transformer.h", "final_norm": "transformer.ln_f"}
    lm = ecco.from_pretrained(folder, parts=parts)
    assert lm.parts.embedding is lm.model.transformer.wte
    with pytest.raises(InvalidInput, match=r"has no module 'transformer\.wtf'"):
        ecco.from_pretrained(folder, parts={"embedding": "transformer.wtf"})
    assert ecco.from_model(lm.model, lm.tokenizer, parts=parts).n_layers == 3


def test_eccos_model_config_names_parts_and_kind(save: Save) -> None:
    config = {
        "embedding": "bert.embeddings.word_embeddings",
        "type": "mlm",
        "activations": [r"intermediate\.dense"],
        "token_prefix": "",
        "partial_token_prefix": "##",
    }
    assert parts_and_kind(config) == (
        {"embedding": "bert.embeddings.word_embeddings", "neurons": r"intermediate\.dense"},
        "masked",
    )
    folder = save("bert")
    named = {"embedding": "bert.embeddings.word_embeddings.weight", "type": "mlm"}
    assert ecco.from_pretrained(folder, model_config=named).kind == "masked"
    gpt2 = {"embedding": "transformer.wte.weight", "type": "causal", "token_prefix": "Ġ", "partial_token_prefix": ""}
    assert ecco.from_model(tiny_model("gpt2"), tiny_tokenizer(), model_config=gpt2).kind == "causal"


def test_parts_outrank_model_config_and_a_task_outranks_its_type(save: Save) -> None:
    folder = save("gpt2")
    config = {"embedding": "nowhere", "type": "mlm"}
    lm = ecco.from_pretrained(folder, model_config=config, parts={"embedding": "transformer.wte"}, task="causal")
    assert lm.kind == "causal"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"embeding": "x"}, r"model_config has no key 'embeding'\. Did you mean 'embedding'\?"),
        ({"zzz": 1}, r"no key 'zzz'\. Keys: embedding, type, activations, token_prefix"),
        ({"embedding": 3}, r"model_config\['embedding'\] must be the name of a module, got 3"),
        ({"type": "encoder"}, r"must be one of 'causal', 'mlm', 'enc-dec', got 'encoder'.*task="),
        ({"activations": 3}, r"model_config\['activations'\] must be a list of regular expressions, got 3"),
        ({"activations": []}, r"must be a list of regular expressions, got \[\]"),
        (["embedding"], r"model_config must be a dictionary as Ecco takes it"),
    ],
)
def test_a_wrong_model_config_is_explained(config: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        ecco.from_model(tiny_model("gpt2"), tiny_tokenizer(), model_config=config)


def test_several_expressions_for_neurons_become_one() -> None:
    assert parts_and_kind({"activations": ["fc1", r"mlp\.c_proj"]})[0] == {"neurons": r"(?:fc1)|(?:mlp\.c_proj)"}
    assert parts_and_kind({"activations": "c_proj"})[0] == {"neurons": "c_proj"}


# ------------------------------------------------------------------------------------------------------- loaded already


def test_a_model_without_a_head_is_refused_when_it_is_loaded_already() -> None:
    model = GPT2Model(GPT2Config(n_layer=1, n_embd=8, n_head=2, vocab_size=320, n_positions=16))
    with pytest.raises(UnsupportedModel, match=r"GPT2Model makes no logits.*Load the model with its head"):
        ecco.from_model(model, tiny_tokenizer())


def test_from_model_checks_what_it_is_given(lm: ecco.LanguageModel) -> None:
    with pytest.raises(InvalidInput, match=r"model must be a transformers PreTrainedModel, got str"):
        ecco.from_model("distilgpt2", lm.tokenizer)
    with pytest.raises(InvalidInput, match=r"tokenizer must be a transformers tokenizer, got NoneType"):
        ecco.from_model(lm.model, None)
    assert ecco.from_model(lm.model, lm.tokenizer, name="mine").name == "mine"


def test_dropout_is_off() -> None:
    model = tiny_model("gpt2").train()
    assert not ecco.from_model(model, tiny_tokenizer()).model.training
