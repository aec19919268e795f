"""Whatever a page sends to a lens widget: one answer, all or nothing, and what is shown is what was computed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecco_widgets.analysis import lens_statistics, top_tokens, watched
from ecco_widgets.models import LanguageModel, Trace
from ecco_widgets.widgets import LayerPredictionsWidget, RankingsWatchWidget, RankingsWidget
from tests.comm.lens import ask, data_in, equal, page_of
from tests.comm.toy import install

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "position": st.none() | st.integers(-2, 15),
    "marked": st.none() | st.integers(-2, 15),
    "topk": st.integers(0, 60),
    "final_norm": st.booleans(),
    "site": st.sampled_from(["block", "attention_out", "ffn_out", "x"]),
    "layer_order": st.sampled_from(["top", "bottom", "left"]),
    "layers": st.none() | st.lists(st.integers(-4, 4), max_size=4),
    "watch": st.lists(st.integers(-1, 330) | st.sampled_from([" 1", " the", ",", " 1, 2"]), max_size=4),
    "measure": st.sampled_from(["rank", "log_probability", "entropy", "kl", "x"]),
    "scope": st.sampled_from(["generated", "all", "none"]),
    "view_style": st.sampled_from(["columns", "lines", ""]),
    "_top": st.just({}),
    "_tokens": st.just({}),
}
PARAMS = st.dictionaries(st.sampled_from(sorted(LIKELY)), st.none(), min_size=1, max_size=4).flatmap(
    lambda names: st.fixed_dictionaries({name: st.one_of(LIKELY[name], LIKELY[name], JSON) for name in names})
)
KINDS = [LayerPredictionsWidget, RankingsWidget, RankingsWatchWidget]
FINAL = ("result", "error", "superseded", "cancelled")


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.__name__)
def widget(request: pytest.FixtureRequest, lm: LanguageModel) -> Iterator[Any]:
    trace = lm.generate("one two three", generate=8, min_new_tokens=8)
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        made = request.param(trace)
        made.number = itertools.count(1)
        yield made
        made.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(params=PARAMS)
def test_any_set_request_is_answered_once_and_all_or_nothing(widget: Any, params: dict[str, Any]) -> None:
    page, number = page_of(widget), next(widget.number)
    names = sorted(widget._settable - {"_view_count"} | {"_watched"})
    before = widget.get_state(names)
    answer = ask(page, number, params)
    after = widget.get_state(names)
    if answer["kind"] == "error":
        assert after == before
        assert answer["error"]["message"]
        assert answer["state"] == {name: before[name] for name in params if name in widget._settable}
    else:
        assert set(params) <= widget._settable
        assert {name: after[name] for name in before if name not in params} == {
            name: before[name] for name in before if name not in params and name != "_watched"
        } | ({"_watched": after["_watched"]})
        assert [token["id"] for token in after["_watched"]] == after["watch"]
        is_true(widget, data_in(page, answer))
    assert [message["kind"] in FINAL for message in page.customs() if message["id"] == number].count(True) == 1
    with page.arrived:
        page.published.clear()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["watch", "complete", "contrast", "cancel", "hello"]), params=st.dictionaries(
    st.sampled_from(["id", "on", "text", "position"]), JSON, max_size=4
))  # fmt: skip
def test_any_other_request_is_answered_once(widget: Any, name: str, params: dict[str, Any]) -> None:
    page, number = page_of(widget), next(widget.number)
    before = widget.get_state(["watch", "position"])
    answer = ask(page, number, params, name=name, channel="other")
    if answer["kind"] == "error":
        assert answer["error"]["kind"] == "invalid_input"
        assert widget.get_state(["watch", "position"]) == before
    with page.arrived:
        page.published.clear()


def is_true(widget: Any, data: dict[str, Any]) -> None:
    """What came is what the widget's values say now."""
    trace: Trace = widget.trace
    reading = {"final_norm": widget.final_norm, "site": widget.site}
    if "top" in data:
        expected = top_tokens(trace, widget.position, widget.topk, **reading)
        equal(data["top"]["ids"], expected.ids)
        equal(data["top"]["probabilities"], expected.probabilities)
    if "grid" in data:
        statistics = lens_statistics(trace, widget.positions, **reading)
        equal(data["grid"]["rank"], statistics.rank)
        np.testing.assert_allclose(data["grid"]["kl"], statistics.kl, rtol=1e-4, atol=1e-6)
    if "ranks" in data:
        found = watched(trace, widget.watch, widget.position, **reading)
        equal(data["ranks"]["ranks"], found.ranks)
        equal(data["ranks"]["probabilities"], found.probabilities)
