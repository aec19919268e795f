"""Generation through transformers: unusual arguments, and whose error is whose."""

from __future__ import annotations

import numpy as np
import pytest

import ecco_widgets as ecco
from ecco_widgets.errors import NonFinite
from tests.support.tiny_models import tiny_lm

TEXT = "The keys to the cabinet"


@pytest.fixture(scope="module")
def lm() -> ecco.LanguageModel:
    return tiny_lm("gpt2")


@pytest.mark.parametrize(
    "arguments",
    [
        {"generate": np.int64(3)},
        {"generate": 3, "return_dict_in_generate": True, "output_scores": True},
        {"generate": 3, "stop_strings": ["there is no such text"]},
    ],
)
def test_unusual_generation_arguments_give_a_trace(lm: ecco.LanguageModel, arguments: dict[str, object]) -> None:
    assert lm.generate(TEXT, min_new_tokens=3, **arguments).n_generated == 3


@pytest.mark.parametrize("error", [ValueError("mine"), TypeError("mine"), RuntimeError("mine")])
def test_errors_of_the_callback_are_the_callers(lm: ecco.LanguageModel, error: Exception) -> None:
    def fail(_token: int) -> None:
        raise error

    with pytest.raises(type(error), match=r"^mine$") as caught:
        lm.generate(TEXT, on_token=fail)
    assert caught.value is error


def test_sampling_from_nothing_finite_is_explained() -> None:
    lm = tiny_lm("gpt2")
    lm.model.lm_head.weight.data.fill_(float("nan"))
    with pytest.raises(NonFinite, match=r"logits contain NaN or infinity, so no token can be sampled. .*float32"):
        lm.generate(TEXT, do_sample=True)
