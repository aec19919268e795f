"""The lens widgets in JupyterLab: whatever a hand chooses, what is painted is what `analysis` computes there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.browser._harness.lens import LayerPredictionsView, RankingsView, RankingsWatchView, check_percent
from tests.browser._harness.lens_lab import LensLab, lens_lab
from tests.browser._harness.server import JupyterServer

pytestmark = pytest.mark.timeout(240)

MEASURES = ["log_probability", "entropy", "kl"]
SITES = ["attention_out", "ffn_out"]


@pytest.fixture(scope="module")
def opened(lab: JupyterServer, browser: Browser) -> Iterator[LensLab]:
    with lens_lab(lab, browser, "lens.ipynb") as notebook:
        yield notebook


@pytest.fixture
def lens(opened: LensLab) -> Iterator[LensLab]:
    yield opened
    opened.run("ipywidgets.Widget.close_all()")


# --------------------------------------------------------------------------------------------------- layer predictions


@pytest.fixture
def predictions(lens: LensLab) -> LayerPredictionsView:
    return lens.show(LayerPredictionsView, "run.layer_predictions()", run="counting()")


def test_the_first_generated_token_is_shown_at_once(lens, predictions):
    table = predictions.table()
    table.check(**lens.top(6))
    assert table.texts == lens.texts(6)
    assert table.layers == [f"layer {layer}" for layer in range(lens.value("lm.n_layers"))]


def test_hovering_a_token_shows_what_each_layer_would_have_said_there(lens, predictions):
    for position in (11, 2, 25):
        predictions.hover(position)
        predictions.expect_painted(f"10|1|block@{position}")
        predictions.table().check(**lens.top(position))
    lens.wait_until("w.position == 25")


def test_the_arrow_keys_walk_to_the_token_that_would_come_next(lens, predictions):
    predictions.token(24).click()
    predictions.expect_painted("10|1|block@24")
    predictions.page.keyboard.press("ArrowRight")
    predictions.expect_painted("10|1|block@25")
    predictions.page.keyboard.press("ArrowRight")
    predictions.expect_painted("10|1|block@26")
    table = predictions.table()
    assert table.ranks == []  # nothing stands there yet
    table.check(**lens.top(26))
    predictions.page.keyboard.press("Home")
    predictions.expect_painted("10|1|block@1")
    predictions.table().check(**lens.top(1))
    lens.wait_until("w.position == 1")


def test_more_and_fewer_tokens_can_be_asked_for(lens, predictions):
    predictions.topk_field.fill("24")
    predictions.expect_painted("24|1|block@6")
    predictions.table().check(**lens.top(6, 24))
    predictions.topk_field.press("ArrowDown")
    predictions.expect_painted("23|1|block@6")
    predictions.topk_field.fill("3")
    predictions.expect_painted("3|1|block@6")
    predictions.table().check(**lens.top(6, 3))
    lens.wait_until("w.topk == 3")


def test_without_the_final_norm_the_layers_say_something_else(lens, predictions):
    with_norm = predictions.table().ids
    predictions.press("final_norm")
    predictions.expect_painted("10|0|block@6")
    table = predictions.table()
    table.check(**lens.top(6, final_norm=False))
    assert (table.ids != with_norm).any()
    predictions.press("final_norm")
    predictions.expect_painted("10|1|block@6")
    predictions.table().check(**lens.top(6))


@pytest.mark.parametrize("site", SITES)
def test_another_site_of_the_layers_can_be_read(lens, predictions, site):
    predictions.choose_site(site)
    predictions.expect_painted(f"10|1|{site}@6")
    predictions.table().check(**lens.top(6, site=site))
    lens.wait_until(f"w.site == {site!r}")


def test_turning_the_layers_around_turns_the_rows(lens, predictions):
    upright = predictions.table()
    predictions.press("layer_order")
    lens.wait_until("w.layer_order == 'bottom'")
    turned = predictions.table()
    assert turned.layers == upright.layers[::-1]
    np.testing.assert_array_equal(turned.ids, upright.ids[::-1])
    assert turned.ranks == upright.ranks[::-1]


def test_the_model_s_next_token_is_a_list_of_bars(lens):
    view = lens.show(LayerPredictionsView, "lm.predict_token('The keys to the cabinet', topk=5)", run="counting()")
    lens.run("run = w.trace")
    expected = lens.top(5, 5)
    table = view.table()
    np.testing.assert_array_equal(table.ids, np.array(expected["ids"])[-1:])
    np.testing.assert_allclose(table.bars[0], expected["probabilities"][-1], rtol=0, atol=1e-4)
    assert table.texts[0][0] == " are"


# ------------------------------------------------------------------------------------------------------------ rankings


@pytest.fixture
def rankings(lens: LensLab) -> RankingsView:
    return lens.show(RankingsView, "run.rankings()", run="countries()")


def check_ranks(shown, expected):
    """Positions that are computed together differ by rounding from others: what all but ties may change places."""
    assert np.shape(shown) == np.shape(expected)
    assert np.abs(np.asarray(shown) - expected).max() <= 1
    assert (np.asarray(shown) == expected).mean() > 0.98


def test_the_map_shows_the_rank_of_each_generated_token(lens, rankings):
    rankings.expect_grid("generated|1|block")
    expected = lens.statistics("rank")
    assert expected.shape == (lens.value("lm.n_layers"), lens.value("run.n_generated"))
    check_ranks(rankings.values(), expected)
    expect(rankings.root.locator(".ew-map table td").first).to_be_attached()
    check_ranks(np.array(rankings.numbers(), float), expected)


@pytest.mark.parametrize("measure", MEASURES)
def test_another_measure_can_be_shown(lens, rankings, measure):
    rankings.press(measure)
    rankings.expect_grid("generated|1|block", measure)
    np.testing.assert_allclose(rankings.values(), lens.statistics(measure), rtol=1e-4, atol=2e-5)
    lens.wait_until(f"w.measure == {measure!r}")


def test_tokens_of_the_prompt_are_shown_on_request(lens, rankings):
    rankings.press("all")
    rankings.expect_grid("all|1|block")
    expected = lens.statistics("rank", "list(run.explainable)")
    assert expected.shape[1] == lens.value("run.n_tokens - 1") > lens.value("run.n_generated")
    check_ranks(rankings.values(), expected)
    rankings.press("generated")
    rankings.expect_grid("generated|1|block")
    check_ranks(rankings.values(), lens.statistics("rank"))


def test_the_map_without_the_final_norm(lens, rankings):
    before = rankings.values()
    rankings.press("final_norm")
    rankings.expect_grid("generated|0|block")
    check_ranks(rankings.values(), lens.statistics("rank", final_norm=False))
    assert (rankings.values() != before).any()


@pytest.mark.parametrize("site", SITES)
def test_the_map_of_another_site(lens, rankings, site):
    rankings.choose_site(site)
    rankings.expect_grid(f"generated|1|{site}")
    check_ranks(rankings.values(), lens.statistics("rank", site=site))


def test_turning_the_layers_around_turns_the_map(lens, rankings):
    before = rankings.values()
    rankings.press("layer_order")
    lens.wait_until("w.layer_order == 'bottom'")
    np.testing.assert_array_equal(rankings.values(), before[::-1])


def test_pointing_at_a_cell_lists_what_the_layer_would_have_said(lens, rankings):
    column, layer = 1, 2
    position = lens.value(f"run.output_positions[{column}]")
    rankings.point(layer, column)
    expect(rankings.tooltip).to_be_visible()
    texts = rankings.tooltip.locator(".ew-candidate-text").all_text_contents()
    # A line break is drawn by the style sheet.
    assert texts == [text.replace("\n", "") for text in lens.texts(position, 5)[layer]]
    shares = rankings.tooltip.locator(".ew-candidate-share").all_inner_texts()
    for shown, expected in zip(shares, lens.top(position, 5)["probabilities"][layer], strict=True):
        check_percent(shown, expected)


def test_clicking_a_column_opens_its_layer_predictions(lens, rankings):
    column = 4
    position = lens.value(f"run.output_positions[{column}]")
    rankings.click(1, column)
    rankings.expect_opened(position)
    rankings.table().check(**lens.top(position))
    lens.wait_until(f"w.position == {position}")


def test_the_map_is_walked_and_opened_with_keys(lens, rankings):
    rankings.map.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowRight"):
        rankings.page.keyboard.press(key)
    expect(rankings.map).to_have_attribute("data-pointed", "1,2")
    expect(rankings.tooltip).to_be_visible()
    rankings.page.keyboard.press("Enter")
    position = lens.value("run.output_positions[2]")
    rankings.expect_opened(position)
    rankings.table().check(**lens.top(position))
    rankings.page.keyboard.press("Escape")
    expect(rankings.panel).to_have_count(0)
    lens.wait_until("w.position is None")


def test_the_opened_position_follows_the_controls_and_closes(lens, rankings):
    position = lens.value("run.output_positions[2]")
    rankings.click(0, 2)
    rankings.expect_opened(position)
    rankings.topk_field.fill("4")
    lens.wait_until("w.topk == 4")
    rankings.expect_opened(position)
    rankings.table().check(**lens.top(position, 4))
    rankings.press("final_norm")
    rankings.expect_grid("generated|0|block")
    check_ranks(rankings.values(), lens.statistics("rank", final_norm=False))
    rankings.table().check(**lens.top(position, 4, final_norm=False))
    rankings.click(3, 2)
    expect(rankings.panel).to_have_count(0)
    lens.wait_until("w.position is None")


# ------------------------------------------------------------------------------------------------------ watched tokens


@pytest.fixture
def pair(opened: LensLab) -> list[int]:
    return opened.ids(" is", " are")


@pytest.fixture
def watching(lens: LensLab) -> RankingsWatchView:
    run = "lm('The keys to the cabinet are on the table')"
    return lens.show(RankingsWatchView, "run.rankings_watch(watch=[' is', ' are'], position=5)", run=run)


def check_columns(view, lens, ids, position, **how):
    layers, shown, ranks = view.columns()
    expected = lens.watched(ids, position, **how)
    assert shown == ids
    assert layers == [f"layer {layer}" for layer in range(len(ranks))]
    np.testing.assert_array_equal(ranks, expected["ranks"])
    for said, shares in zip(view.probabilities(), expected["probabilities"], strict=True):
        for percent, share in zip(said, shares, strict=True):
            check_percent(percent, share)


def test_a_column_of_ranks_for_each_watched_token(lens, watching, pair):
    watching.expect_ranks(pair, 5)
    check_columns(watching, lens, pair, 5)


def test_hovering_another_token_ranks_there(lens, watching, pair):
    for position in (2, 8):
        watching.hover(position)
        watching.expect_ranks(pair, position)
        check_columns(watching, lens, pair, position)
    watching.token(8).click()
    watching.page.keyboard.press("ArrowRight")
    watching.expect_ranks(pair, 9)
    check_columns(watching, lens, pair, 9)
    assert lens.value("run.next_position") == 9
    lens.wait_until("w.position == 9")


def test_a_token_is_typed_completed_and_added(lens, watching, pair):
    (were,) = lens.ids(" were")
    watching.type("wer")
    expect(watching.offer(were)).to_be_visible()
    watching.offer(were).click()
    watching.expect_ranks([*pair, were], 5)
    check_columns(watching, lens, [*pair, were], 5)
    assert watching.watched() == [*pair, were]
    expect(watching.field).to_have_value("")
    lens.wait_until(f"w.watch == {[*pair, were]}")


def test_a_whole_token_is_added_with_enter(lens, watching, pair):
    (was,) = lens.ids(" was")
    watching.type("was")
    expect(watching.offer(was)).to_have_attribute("aria-selected", "true")
    watching.field.press("Enter")
    watching.expect_ranks([*pair, was], 5)
    check_columns(watching, lens, [*pair, was], 5)


def test_tokens_are_removed(lens, watching, pair):
    watching.remove(pair[0])
    watching.expect_ranks(pair[1:], 5)
    check_columns(watching, lens, pair[1:], 5)
    watching.remove(pair[1])
    watching.expect_painted("1|block|@5")
    expect(watching.root.locator(".ew-nothing")).to_be_visible()
    lens.wait_until("w.watch == []")


def test_watched_tokens_as_lines(lens, watching, pair):
    watching.press("lines")
    expect(watching.root).to_have_attribute("data-style", "lines")
    expected = lens.watched(pair, 5)["ranks"]
    for layer in (0, 3, len(expected) - 1):
        assert list(watching.line_ranks(layer).values()) == sorted(expected[layer].tolist())
    lens.wait_until("w.view_style == 'lines'")
    watching.hover(7)
    watching.expect_ranks(pair, 7)
    watching.press("columns")
    check_columns(watching, lens, pair, 7)


def test_watched_tokens_without_the_final_norm(lens, watching, pair):
    watching.press("final_norm")
    watching.expect_ranks(pair, 5, "0|block")
    check_columns(watching, lens, pair, 5, final_norm=False)


@pytest.mark.parametrize("site", SITES)
def test_watched_tokens_at_another_site(lens, watching, pair, site):
    watching.choose_site(site)
    watching.expect_ranks(pair, 5, f"1|{site}")
    check_columns(watching, lens, pair, 5, site=site)


def test_turning_the_layers_around_turns_the_columns(lens, watching):
    layers, ids, ranks = watching.columns()
    watching.press("layer_order")
    lens.wait_until("w.layer_order == 'bottom'")
    turned = watching.columns()
    assert turned[0] == layers[::-1]
    assert turned[1] == ids
    np.testing.assert_array_equal(turned[2], ranks[::-1])


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [("The keys to the cabinet", " are", " is"), ("The key to the cabinets", " is", " are")],
)
def test_the_articles_agreement_figure_ends_with_the_right_verb(lens, text, right, wrong):
    view = lens.show(
        RankingsWatchView, "run.rankings_watch(watch=[' is', ' are'], position=run.n_tokens)", run=f"lm({text!r})"
    )
    pair = lens.ids(" is", " are")
    view.expect_ranks(pair, lens.value("run.n_tokens"))
    _, ids, ranks = view.columns()
    last = dict(zip(ids, ranks[-1].tolist(), strict=True))
    right_id, wrong_id = lens.ids(right, wrong)
    assert last[right_id] < last[wrong_id]
    assert view.preferred()[-1] == right_id
    check_columns(view, lens, pair, lens.value("run.n_tokens"))
