"""Numbers, token names and segments read as in the front end (``js/test/charts/format.test.ts``, ``ui/segments``)."""

from __future__ import annotations

import pytest

from ecco_widgets.export.format import format_probability, format_share, quote_token
from ecco_widgets.export.segments import layout_token
from tests.unit.export.rows import shares_of


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.187, "19%"),
        (0.0994, "9.9%"),
        (0.0995, "10%"),
        (0.0004, "<0.1%"),
        (0, "0%"),
        (-0.118, "−12%"),
        (float("nan"), "–"),
    ],
)
def test_shares_read_as_percentages(share: float, text: str):
    assert format_share(share) == text


def test_tiny_probabilities_read_as_powers_of_ten():
    assert [format_probability(p) for p in (0.71, 0.003, 4.2e-6, 0.0)] == ["71%", "0.3%", "4×10⁻⁶", "0%"]


def test_quoted_tokens_hide_nothing_and_scramble_nothing():
    assert quote_token(" a\n\t\u202e\x00\ud800") == '" a↵→U+202EU+0000U+D800"'


def kinds(text: str, previous: str = "") -> tuple[list[str], list[str], bool]:
    layout = layout_token(text, previous)
    return [s.kind for s in layout.before], [s.kind for s in layout.inside], layout.breaks


@pytest.mark.parametrize(
    ("text", "previous", "expected"),
    [
        (" Denmark", "", (["text"], ["text"], False)),
        (" Denmark", "x ", (["space"], ["text"], False)),
        ("  two", "", (["space", "space"], ["text"], False)),
        ("a b", "", ([], ["text"], False)),
        ("   ", "", ([], ["space"] * 3, False)),
        ("\n", "", ([], ["newline"], True)),
        ("\r\n\n", "", ([], ["newline", "break", "newline"], True)),
        ("\t\u200bx", "", ([], ["tab", "code", "text"], False)),
        ("", "", ([], [], False)),
    ],
)
def test_white_space_that_matters_is_marked(text: str, previous: str, expected: tuple[list[str], list[str], bool]):
    assert kinds(text, previous) == expected


def test_a_part_of_a_character_is_named_by_the_whole():
    shares = shares_of(["a", " 🙂", "", "b"], fragments=[(1, 2)])
    assert shares.name(2) == 'piece 2 of 2 of " 🙂"'


def test_a_row_reads_as_a_sentence():
    shares = shares_of(["The", " keys", " are"])
    first, second = (f"{shares.name(i)} {format_share(shares.share(i))}" for i in shares.strongest())
    assert shares.summary() == f'" are" (position 2, rank 3, p = 71%) is attributed to {first}, {second}.'
