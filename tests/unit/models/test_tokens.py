"""Tokens given as text or id, and what is said of those that are neither."""

from __future__ import annotations

import pytest

import ecco_widgets as ecco
from ecco_widgets.errors import InvalidInput
from tests.support.tiny_models import tiny_lm


@pytest.fixture(scope="module")
def lm() -> ecco.LanguageModel:
    return tiny_lm("gpt2")


def test_a_token_is_given_as_text_or_id(lm: ecco.LanguageModel) -> None:
    assert lm.token_id(" 1") == lm.encode(" 1")[0]
    assert lm.token_id(7) == 7
    assert lm.token_text(lm.token_id(" 1")) == " 1"


def test_a_text_of_several_tokens_is_taken_apart_in_the_message(lm: ecco.LanguageModel) -> None:
    with pytest.raises(InvalidInput, match=r"' 1, 2' is not one token, it makes 3: ' 1', ',', ' 2'"):
        lm.token_id(" 1, 2")


def test_a_missing_leading_space_is_suggested(lm: ecco.LanguageModel) -> None:
    with pytest.raises(InvalidInput, match=r"With a leading space, ' keys', it is one token"):
        lm.token_id("keys")
