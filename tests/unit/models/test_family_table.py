"""The docs' table of families says what is true now."""

from __future__ import annotations

from tests.support.family_table import PAGE, table


def test_the_table_of_families_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == table(), "run python -m tests.support.family_table"
