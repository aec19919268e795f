"""Widgets of one run share watched tokens, the position that is pointed at, and a contrast; others don't."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from ecco_widgets.analysis import attribute, watched
from ecco_widgets.models import LanguageModel, Trace
from ecco_widgets.widgets import AttributionWidget, LayerPredictionsWidget, RankingsWatchWidget, RankingsWidget
from ecco_widgets.widgets._selection import selection_of
from tests.comm.lens import Open, ask, data_in, equal, page_of
from tests.support.tiny_models import tiny_lm


@pytest.fixture
def run(lm: LanguageModel) -> Trace:
    """A run that no other test's widget shows."""
    return lm.generate("one two three", generate=5, min_new_tokens=5)


def test_a_token_that_is_added_in_one_is_added_in_the_others(open_widget: Open, run: Trace) -> None:
    predictions, rankings = open_widget(LayerPredictionsWidget, run), open_widget(RankingsWidget, run)
    ranks = open_widget(RankingsWatchWidget, run, watch=[5])
    data = data_in(page_of(predictions), ask(page_of(predictions), 1, {"id": 9, "on": True}, name="watch"))
    assert data == {"state": {"watch": [9], "_watched": [{"id": 9, "text": run.lm.token_text(9)}]}}
    assert (rankings.watch, ranks.watch) == ([9], [5, 9])
    page = page_of(ranks)
    news = page.wait(lambda m: m["kind"] == "result" and m["id"] is None and "5,9" in str(m["data"]))
    equal(data_in(page, news)["ranks"]["ranks"], watched(run, [5, 9]).ranks)
    assert {"watch": [5, 9]} in page.states()
    ask(page, 1, {"watch": [9]})
    assert (predictions.watch, rankings.watch, ranks.watch) == ([9], [9], [9])
    ranks.watch = [9, " 1"]
    assert predictions.watch == rankings.watch == ranks.watch


def test_figures_that_were_made_with_different_tokens_stay_different(open_widget: Open, run: Trace) -> None:
    first = open_widget(RankingsWatchWidget, run, watch=[5, 6])
    second = open_widget(RankingsWatchWidget, run, watch=[7])
    assert (first.watch, second.watch) == ([5, 6], [7])
    assert open_widget(LayerPredictionsWidget, run).watch == [7]  # a new one begins with what was watched last


def test_a_full_list_takes_no_more_from_others(open_widget: Open, run: Trace) -> None:
    full, other = (
        open_widget(RankingsWatchWidget, run, watch=list(range(24))),
        open_widget(LayerPredictionsWidget, run, watch=[]),
    )
    other.watch = [100, 101]
    assert full.watch == list(range(24))
    assert other.watch == [100, 101]


def test_pointing_in_one_marks_it_in_the_others(open_widget: Open, run: Trace) -> None:
    predictions, rankings = open_widget(LayerPredictionsWidget, run), open_widget(RankingsWidget, run)
    attribution = open_widget(AttributionWidget, run)
    assert [w.marked for w in (predictions, rankings, attribution)] == [None] * 3  # being made is not pointing
    answer = ask(page_of(rankings), 1, {"marked": 4}, channel="mark")
    assert (answer["kind"], answer["data"]) == ("result", {})
    assert (predictions.marked, attribution.marked, predictions.position) == (4, 4, run.n_prompt)
    assert {"marked": 4} in page_of(predictions).states()
    ask(page_of(attribution), 1, {"position": 5})
    assert (predictions.marked, rankings.marked) == (5, 5)
    predictions.position = 7
    assert (attribution.marked, rankings.marked, attribution.position) == (7, 7, 5)
    ask(page_of(rankings), 2, {"marked": None}, channel="mark")
    assert (predictions.marked, attribution.marked) == (None, None)


@pytest.mark.parametrize("position", [4, None])
def test_a_candidate_becomes_the_foil_of_the_attributions(open_widget: Open, run: Trace, position: int | None) -> None:
    predictions, attribution = open_widget(LayerPredictionsWidget, run, position=6), open_widget(AttributionWidget, run)
    foil = run.lm.token_id(" 1")
    params = {"id": foil} if position is None else {"id": foil, "position": position}
    page = page_of(predictions)
    assert data_in(page, ask(page, 1, params, name="contrast")) == {"contrasted": 1}
    shown = 6 if position is None else position
    assert (attribution.foil, attribution.target, attribution.position) == (" 1", "contrast", shown)
    assert {"foil": " 1"} in page_of(attribution).states()
    other = page_of(attribution)
    news = other.wait(lambda m: m["kind"] == "result" and m["id"] is None and "contrast| 1" in str(m["data"]))
    expected = attribute(run, target="contrast", foil=" 1", positions=shown)
    equal(data_in(other, news)["rows"]["values"], expected.scores)


def test_at_the_next_position_a_contrast_leaves_the_attributions_where_they_are(open_widget: Open, run: Trace) -> None:
    predictions, attribution = open_widget(LayerPredictionsWidget, run), open_widget(AttributionWidget, run, position=5)
    predictions.position = run.n_tokens
    foil = run.lm.token_id(" 1")
    assert ask(page_of(predictions), 1, {"id": foil}, name="contrast")["data"] == {"contrasted": 1}
    assert (attribution.foil, attribution.position) == (" 1", 5)


def test_a_contrast_without_attributions_says_so(open_widget: Open, run: Trace) -> None:
    page = page_of(open_widget(LayerPredictionsWidget, run))
    foil = run.lm.token_id(" 1")
    assert ask(page, 1, {"id": foil}, name="contrast")["data"] == {"contrasted": 0}


def test_what_can_be_no_foil_is_refused(open_widget: Open, run: Trace) -> None:
    page, attribution = (
        page_of(open_widget(LayerPredictionsWidget, run, position=6)),
        open_widget(AttributionWidget, run),
    )
    answer = ask(page, 1, {"id": int(run.token_ids[6])}, name="contrast")
    assert "is the explained token itself" in answer["error"]["message"]
    part_of_a_character = run.lm.tokenizer.convert_tokens_to_ids("ð")
    answer = ask(page, 2, {"id": part_of_a_character}, name="contrast")
    assert "can't be written as a text of its own" in answer["error"]["message"]
    assert (attribution.foil, attribution.target) == (None, "logit")


def test_other_runs_are_left_alone(open_widget: Open, run: Trace, lm: LanguageModel) -> None:
    here, elsewhere = open_widget(LayerPredictionsWidget, run), open_widget(LayerPredictionsWidget, lm("one two three"))
    here.watch = [5]
    here.marked = 2
    assert (elsewhere.watch, elsewhere.marked) == ([], None)


def test_a_widget_that_shows_another_run_belongs_to_its_widgets(
    open_widget: Open, run: Trace, lm: LanguageModel
) -> None:
    other = lm("one two three")
    stays, moves, there = (
        open_widget(LayerPredictionsWidget, run),
        open_widget(LayerPredictionsWidget, run),
        open_widget(LayerPredictionsWidget, other),
    )
    attribution = open_widget(AttributionWidget, run)
    moves.show(other)
    attribution.show(other)
    moves.watch = [5]
    moves.marked = 2
    assert (stays.watch, there.watch) == ([], [5])
    assert (stays.marked, there.marked, attribution.marked) == (None, 2, 2)


def test_closed_widgets_and_closed_models_are_no_hindrance(open_widget: Open) -> None:
    lm = tiny_lm("gpt2", seed=4)
    run = lm("one two three")
    first, second = open_widget(LayerPredictionsWidget, run), open_widget(RankingsWatchWidget, run, watch=[5])
    third = open_widget(LayerPredictionsWidget, run)
    third.close()
    assert third not in selection_of(run)._members
    first.watch = [5, 7]
    assert (second.watch, third.watch) == ([5, 7], [5])
    lm.close()
    answer = ask(page_of(first), 1, {"marked": 2}, channel="mark")
    assert answer["kind"] == "result"


def test_many_threads_change_siblings_without_waiting_for_each_other_for_ever(open_widget: Open, run: Trace) -> None:
    widgets: list[Any] = [
        open_widget(LayerPredictionsWidget, run),
        open_widget(RankingsWatchWidget, run),
        open_widget(AttributionWidget, run),
    ]
    go = threading.Barrier(3)

    def work(n: int) -> None:
        go.wait(20)
        for step in range(40):
            if widgets[n].has_trait("watch"):
                widgets[n].watch = [(7 * step + n) % 50, (3 * step) % 50]
            widgets[n].position = 1 + (step * (n + 1)) % (run.n_tokens - 1)

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    widgets[0].watch = []
    widgets[0].watch = [1, 2]
    assert {1, 2} <= set(widgets[1].watch)
