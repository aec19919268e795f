"""The widget of watched tokens through its comm: its ranks are what ``analysis.watched`` computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecco_widgets.analysis import watched
from ecco_widgets.errors import InvalidInput
from ecco_widgets.models import LanguageModel, Trace
from ecco_widgets.widgets import RankingsWatchWidget
from tests.comm.lens import Open, ask, data_in, equal, kept, page_of
from tests.comm.toy import FakeComm
from tests.support.tiny_models import tiny_lm

WATCH = [" 1", " the", ","]


def is_ranks(ranks: dict[str, Any], trace: Trace, watch: Any, position: int, **reading: Any) -> None:
    expected = watched(trace, list(watch), position, **reading)
    assert ranks["position"] == position
    assert ranks["ids"] == expected.ids.tolist()
    equal(ranks["ranks"], expected.ranks)
    equal(ranks["probabilities"], expected.probabilities)


def test_the_first_picture_is_computed_and_kept_at_construction(
    open_widget: Open, trace: Trace, lm: LanguageModel
) -> None:
    widget = open_widget(RankingsWatchWidget, watch=WATCH)
    ids = [lm.token_id(text) for text in WATCH]
    ranks = kept(page_of(widget), "_ranks")
    is_ranks(ranks, trace, WATCH, trace.n_tokens - 1)
    assert ranks["spec"] == f"{trace.id}|{trace.n_tokens - 1}|1|block|{','.join(map(str, ids))}"
    assert widget.watch == ids
    assert widget._watched == [{"id": token, "text": text} for token, text in zip(ids, WATCH, strict=True)]
    assert widget.watched.texts == WATCH
    equal(widget.ranks, watched(trace, WATCH).ranks)


def test_every_control_recomputes(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(RankingsWatchWidget, watch=WATCH)
    page = page_of(widget)
    steps: list[dict[str, Any]] = [
        {"position": 3},
        {"final_norm": False},
        {"watch": [5, " the"]},
        {"site": "attention_out"},
        {"site": "block", "position": 13, "watch": [7]},
    ]
    for number, step in enumerate(steps, start=1):
        ranks = data_in(page, ask(page, number, step))["ranks"]
        reading = {"final_norm": widget.final_norm, "site": widget.site}
        is_ranks(ranks, trace, widget.watch, widget.position, **reading)
        assert ranks["spec"] == (
            f"{trace.id}|{widget.position}|{int(widget.final_norm)}|{widget.site}|{','.join(map(str, widget.watch))}"
        )


def test_texts_and_ids_and_arrays_can_be_watched_each_once(open_widget: Open, lm: LanguageModel) -> None:
    one = lm.token_id(" 1")
    widget = open_widget(RankingsWatchWidget, watch=(" 1", one, 7))
    assert widget.watch == [one, 7]
    widget.watch = np.array([7, 9])
    assert widget.watch == [7, 9]
    page = page_of(widget)
    ask(page, 1, {"watch": [" 1", " 1"]})
    assert {"watch": [one]} in page.states()  # it came out otherwise than asked


def test_adding_and_removing_tokens_is_answered_with_list_and_ranks(open_widget: Open, trace: Trace) -> None:
    widget = open_widget(RankingsWatchWidget, watch=[5])
    page = page_of(widget)
    data = data_in(page, ask(page, 1, {"id": 9, "on": True}, name="watch"))
    assert data["state"] == {"watch": [5, 9], "_watched": widget._watched}
    is_ranks(data["ranks"], trace, [5, 9], widget.position)
    assert {"watch": [5, 9]} in page.states()
    data = data_in(page, ask(page, 2, {"id": 9, "on": True}, name="watch"))  # again: no mistake
    assert data["state"]["watch"] == [5, 9]
    data = data_in(page, ask(page, 3, {"id": 5, "on": False}, name="watch"))
    is_ranks(data["ranks"], trace, [9], widget.position)
    data = data_in(page, ask(page, 4, {"id": 9, "on": False}, name="watch"))
    assert data == {"state": {"watch": [], "_watched": []}}
    assert (widget.ranks, widget.watched) == (None, None)


def test_what_was_shown_before_is_at_hand(open_widget: Open) -> None:
    page = page_of(open_widget(RankingsWatchWidget, watch=[5]))
    ask(page, 1, {"position": 3})
    ask(page, 2, {"position": 4})
    assert ask(page, 3, {"position": 3})["elapsed_ms"] == 0


def test_without_generated_tokens_it_shows_what_comes_next(open_widget: Open, lm: LanguageModel) -> None:
    trace = lm("one two three")
    widget = open_widget(RankingsWatchWidget, trace, watch=WATCH)
    assert widget.position == trace.n_tokens
    is_ranks(kept(page_of(widget), "_ranks"), trace, WATCH, trace.n_tokens)


def test_the_view_style_needs_no_computing(open_widget: Open) -> None:
    page = page_of(open_widget(RankingsWatchWidget, watch=[5]))
    assert ask(page, 1, {"view_style": "lines", "layer_order": "bottom"}, channel="view")["data"] == {}


def test_classes_can_be_watched(open_widget: Open) -> None:
    trace = tiny_lm("bert_classifier")("one two three")
    widget = open_widget(RankingsWatchWidget, trace, watch=["negative", 2])
    assert [token["text"] for token in widget._watched] == ["negative", "positive"]
    is_ranks(kept(page_of(widget), "_ranks"), trace, [0, 2], trace.n_tokens - 1)


# ---------------------------------------------------------------------------------------------------------- vocabulary


def complete(page: FakeComm, number: int, text: str) -> dict[str, Any]:
    answer = ask(page, number, {"text": text}, name="complete", channel="complete")
    data: dict[str, Any] = data_in(page, answer)
    assert data["text"] == text
    return data


def test_a_typed_text_is_completed_from_the_vocabulary(open_widget: Open, lm: LanguageModel) -> None:
    page = page_of(open_widget(RankingsWatchWidget, watch=[5]))
    found = complete(page, 1, "th")
    texts = [token["text"] for token in found["tokens"]]
    assert " the" in texts
    assert found["tokens"] == [{"id": lm.token_id(text), "text": text} for text in texts]
    assert complete(page, 2, "THE")["tokens"][0]["text"] == " the"  # whatever the case
    assert complete(page, 3, "")["tokens"] == []


def test_an_exact_token_comes_first_and_one_with_a_space_before_it_counts(open_widget: Open, lm: LanguageModel) -> None:
    page = page_of(open_widget(RankingsWatchWidget, watch=[5]))
    found = complete(page, 1, ",")
    assert found["exact"] == found["tokens"][0] == {"id": lm.token_id(","), "text": ","}
    assert (found["pieces"], found["problem"]) == ([","], "")
    found = complete(page, 2, "the")
    assert found["exact"] == {"id": lm.token_id(" the"), "text": " the"}
    assert found["problem"] == ""


def test_a_text_that_is_not_one_token_is_told_how_it_tokenises(open_widget: Open) -> None:
    page = page_of(open_widget(RankingsWatchWidget, watch=[5]))
    found = complete(page, 1, " 1, 2")
    assert found["exact"] is None
    assert found["pieces"] == [" 1", ",", " 2"]
    assert found["problem"].startswith("' 1, 2' is not one token, it makes 3: ' 1', ',', ' 2'.")
    assert complete(page, 2, "\ud7a3\x00zz")["tokens"] == []


def test_typing_fast_is_answered_for_the_last_letter(open_widget: Open) -> None:
    page = page_of(open_widget(RankingsWatchWidget, watch=[5]))
    for number in range(1, 8):
        text = "cabinet"[:number]
        page.request({"id": number, "channel": "complete", "name": "complete", "params": {"text": text}})
    assert data_in(page, page.answer(7))["text"] == "cabinet"
    assert {page.answer(number)["kind"] for number in range(1, 7)} <= {"result", "superseded"}


# -------------------------------------------------------------------------------------------------------------- trouble


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"watch": " is"}, "watch must be a list of tokens, got ' is'"),
        ({"watch": None}, "watch must be a list of tokens, got None"),
        ({"watch": {"a": 1}}, "watch must be a list of tokens"),
        ({"watch": [" 1, 2"]}, "' 1, 2' is not one token, it makes 3: ' 1', ',', ' 2'"),
        ({"watch": [5, 320]}, "token id must be in 0..319, got 320"),
        ({"watch": [5, 2.5]}, "a token must be given as non-empty text or as its id, got 2.5"),
        ({"watch": [[5]]}, "a token must be given as non-empty text or as its id, got [5]"),
        ({"watch": [""]}, "a token must be given as non-empty text"),
        ({"watch": list(range(30))}, "at most 24 tokens can be watched, got 30. Remove some"),
        ({"position": 14, "watch": [7]}, "position must be in 1..12, got 14"),
        ({"view_style": "bars"}, "view_style must be one of 'columns', 'lines', got 'bars'"),
        ({"_ranks": {}}, "is set by the kernel only"),
        ({"topk": 3}, "trait 'topk' does not exist"),
    ],
)
def test_what_a_view_may_not_ask_is_refused_and_nothing_changes(
    open_widget: Open, params: dict[str, Any], message: str
) -> None:
    widget = open_widget(RankingsWatchWidget, watch=[5, 6], position=4)
    page = page_of(widget)
    names = ["watch", "_watched", "position", "final_norm", "site", "view_style", "layer_order"]
    before = widget.get_state(names)
    answer = ask(page, 1, params)
    assert answer["kind"] == "error"
    assert message in f"{answer['error']['message']} {answer['error']['hint']}"
    assert widget.get_state(names) == before
    assert ask(page, 2, {"position": 7})["kind"] == "result"


def test_the_twenty_fifth_token_is_refused(open_widget: Open) -> None:
    widget = open_widget(RankingsWatchWidget, watch=list(range(24)))
    answer = ask(page_of(widget), 1, {"id": 99, "on": True}, name="watch")
    assert "at most 24 tokens can be watched, got 25" in answer["error"]["message"]
    assert len(widget.watch) == 24


def test_unknown_token_text_says_how_it_tokenises(open_widget: Open) -> None:
    with pytest.raises(InvalidInput, match=r"' 1, 2' is not one token, it makes 3: ' 1', ',', ' 2'\."):
        open_widget(RankingsWatchWidget, watch=[" 1, 2"])
    with pytest.raises(InvalidInput, match=r"watch must be a list of tokens, got ' 1'. For example \[' is', ' are'\]"):
        open_widget(RankingsWatchWidget, watch=" 1")
