"""Whatever a page sends to the widgets of factors and neurons: one answer, all or nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecco_widgets.models import LanguageModel
from ecco_widgets.widgets import FactorsWidget, NeuronsWidget
from tests.comm.lens import ask, data_in, page_of
from tests.comm.test_lens_fuzz import JSON
from tests.comm.toy import install

LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "n_components": st.integers(-1, 15),
    "layers": st.none() | st.lists(st.integers(-1, 4), max_size=4),
    "method": st.sampled_from(["nmf", "pca", "ica", "svd"]),
    "seed": st.integers(-1, 2),
    "normalize": st.booleans(),
    "pinned": st.lists(st.integers(-1, 6), max_size=3),
    "focus": st.none() | st.integers(-1, 6),
    "card": st.none() | st.integers(-1, 6),
    "marked": st.none() | st.integers(-2, 15),
    "layer": st.integers(-1, 4),
    "n_clusters": st.integers(-1, 24),
    "order": st.sampled_from(["cluster", "activity", "index", "x"]),
    "n_shown": st.integers(5, 60),
    "selected": st.none() | st.integers(-2, 140),
    "_factors": st.just({}),
}
PARAMS = st.dictionaries(st.sampled_from(sorted(LIKELY)), st.none(), min_size=1, max_size=4).flatmap(
    lambda names: st.fixed_dictionaries({name: st.one_of(LIKELY[name], LIKELY[name], JSON) for name in names})
)
FINAL = ("result", "error", "superseded", "cancelled")
# What the kernel itself takes out when a factor is gone, or another layer is shown.
GIVES_WAY = {"pinned", "focus", "card", "selected"}


@pytest.fixture(scope="module", params=[FactorsWidget, NeuronsWidget], ids=lambda kind: kind.__name__)
def widget(request: pytest.FixtureRequest, lm: LanguageModel) -> Iterator[Any]:
    trace = lm.generate("one two three", generate=6, min_new_tokens=6)
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        made = request.param(trace)
        made.number = itertools.count(1)
        yield made
        made.close()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(params=PARAMS)
def test_any_set_request_is_answered_once_and_all_or_nothing(widget: Any, params: dict[str, Any]) -> None:
    page, number = page_of(widget), next(widget.number)
    names = sorted(widget._settable - {"_view_count"})
    before = widget.get_state(names)
    answer = ask(page, number, params)
    after = widget.get_state(names)
    if answer["kind"] == "error":
        assert answer["error"]["kind"] in {"invalid_input", "unsupported_method"}, answer
        assert after == before
        assert answer["state"] == {name: before[name] for name in params if name in widget._settable}
    else:
        assert set(params) <= widget._settable
        kept = set(names) - set(params) - GIVES_WAY
        assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
        is_true(widget, data_in(page, answer))
    assert [message["kind"] in FINAL for message in page.customs() if message["id"] == number].count(True) == 1
    with page.arrived:
        page.published.clear()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["card", "ablate", "neuron", "intervene", "cancel", "hello"]),
    params=st.dictionaries(
        st.sampled_from(["id", "top", "action", "value", "text", "layer", "index"]), JSON, max_size=4
    ),
)
def test_any_other_request_is_answered_once(widget: Any, name: str, params: dict[str, Any]) -> None:
    page, number = page_of(widget), next(widget.number)
    names = sorted(widget._settable - {"_view_count"})
    before = widget.get_state(names)
    answer = ask(page, number, params, name=name, channel="other")
    if answer["kind"] == "error":
        assert answer["error"]["kind"] == "invalid_input", answer
    assert widget.get_state(names) == before
    with page.arrived:
        page.published.clear()


def is_true(widget: Any, data: dict[str, Any]) -> None:
    """What came is what the widget's values say now."""
    if "factors" in data:
        assert data["factors"]["spec"] == widget._spec
        assert data["factors"]["loadings"].shape == (widget.n_components, widget._shown.n_tokens)
        assert np.isfinite(data["factors"]["loadings"]).all()
        assert len(set(data["factors"]["ids"])) == widget.n_components
    if "map" in data:
        assert data["map"]["spec"] == widget._spec
        assert len(set(data["map"]["neurons"].tolist())) == min(widget.n_shown, 128)
    if "card" in data:
        assert data["card"]["id"] == widget.card
