"""Typed texts find the entries of the vocabulary that they may mean, the likeliest first, and the index makes way."""

from __future__ import annotations

import random
import string
import time
from typing import Any

import pytest

from ecco_widgets.live import Engine, Listener, Request
from ecco_widgets.widgets._vocabulary import COMPLETE, Completion, _Index
from tests.support.tiny_models import tiny_lm

TEXTS = ["<s>", " are", "are", " area", "Are", " care", "square", " is", "\n", " a", "", " ARE", "ß", "a\x00re"]


def found(text: str, texts: list[str] = TEXTS) -> list[str]:
    return [texts[token] for token in _Index(texts).find(text)]


def test_whole_tokens_come_first_then_beginnings_then_parts_each_as_typed_then_in_any_case():
    assert found("are") == [" are", "are", " area", "Are", " ARE", " care", "square"]


def test_a_leading_space_is_meant():
    assert found(" are") == [" are", " area", " ARE"]


def test_the_commonest_entries_of_many_come_first():
    texts = [f" a{n}" for n in range(500, 0, -1)]
    assert found(" a", texts) == texts[:12]


@pytest.mark.parametrize("text", ["zzz", "\x00", "<s>x", "\ud800", "\U0010ffff"])
def test_what_is_in_no_entry_finds_nothing(text: str):
    assert [hit for hit in found(text) if text not in hit] == []


def test_what_is_found_is_what_a_plain_search_finds():
    rng = random.Random(0)
    texts = ["".join(rng.choices("abAB ", k=rng.randint(1, 5))) for _ in range(300)]
    index = _Index(texts)
    for _ in range(200):
        text = "".join(rng.choices("abAB ", k=rng.randint(1, 3)))
        hits = index.find(text)
        plain = [n for n, entry in enumerate(texts) if text.lower() in entry.lower()]
        assert set(hits) <= set(plain)
        assert len(hits) == len(set(hits)) == min(12, len(plain))


def test_a_large_vocabulary_is_searched_within_a_frame():
    rng = random.Random(0)
    texts = ["".join(rng.choices(string.ascii_letters, k=rng.randint(1, 10))) for _ in range(128_000)]
    index = _Index(texts)
    began = time.process_time()
    for text in ("a", "the", " q", "zzzzzz", "ABC"):
        index.find(text)
    assert time.process_time() - began < 5 * 0.016


def test_the_vocabulary_is_read_once_in_steps_that_can_be_interrupted(monkeypatch: pytest.MonkeyPatch):
    lm = tiny_lm("gpt2")
    read: list[int] = []
    text_of = lm.token_text
    monkeypatch.setattr("ecco_widgets.widgets._vocabulary._TOGETHER", 50)
    monkeypatch.setattr(lm, "token_text", lambda token: read.append(token) or text_of(token))
    engine = Engine("vocabulary", manual=True)
    engine.register(COMPLETE, Completion())
    engine.register("other", lambda job, subject, params: None)
    engine.retain("trace", lm("one two"))
    channel, answers = engine.latest("complete"), []
    cancelled: list[Any] = []

    def stop_once(_: Any) -> None:
        if not cancelled:
            cancelled.append(first.cancel())

    first = channel.submit(Request(COMPLETE, "trace", {"text": "th"}), Listener(on_progress=stop_once))
    engine.run_until_idle()
    assert cancelled == [True]
    begun = len(read)
    assert begun < len(lm.tokenizer)
    channel.submit(
        Request(COMPLETE, "trace", {"text": "th"}), Listener(on_result=lambda outcome: answers.append(outcome.result))
    )
    engine.run_until_idle()
    assert sorted(set(read[: len(lm.tokenizer)])) == list(range(len(lm.tokenizer)))  # none of them twice
    assert answers[0]["tokens"][0]["text"] == " the"
    engine.close()
