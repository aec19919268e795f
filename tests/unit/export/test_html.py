"""Pages and previews: text stays text, and nothing is fetched."""

from __future__ import annotations

import base64
import json
from html.parser import HTMLParser

import numpy as np
import pytest

from ecco_widgets.export import to_page, to_preview
from ecco_widgets.export.html import json_in_html, saved_state
from tests.unit.export.rows import ATTACKS, COUNTRIES, shares_of


class Elements(HTMLParser):
    """All elements of a document with their attributes, and the text inside each kind."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._open = tag
        self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open][-1] += data


def page_of(texts: list[str]) -> str:
    return to_page(
        title=" ".join(texts),
        widget="export default () => '</script>'; // <!-- ",
        css=".a { color: red } /* </style> */",
        host="export function mount() {}",
        state={
            "_tokens": {"texts": texts},
            "_rows": {"values": {"dtype": "uint8", "shape": [3], "data": b"\x00\xff<"}},
        },
        preview=to_preview(shares_of(texts)),
        note=" ".join(texts),
    )


def test_token_text_opens_and_closes_no_element_of_the_page():
    harmless, attacked = Elements(page_of(COUNTRIES)), Elements(page_of([*ATTACKS, "end"]))
    assert [tag for tag, _ in attacked.found if tag == "script"] == ["script"] * 3
    page_wide = ("html", "head", "meta", "title", "style", "body", "link", "footer", "noscript", "script")
    for tag in page_wide:
        assert [t for t, _ in attacked.found].count(tag) == [t for t, _ in harmless.found].count(tag)
    assert not [name for _, attributes in attacked.found for name in attributes if name.startswith("on")]


def test_state_and_modules_come_back_unchanged():
    texts = [*ATTACKS, "end"]
    _state, _modules, _script = Elements(page_of(texts)).texts["script"]
    state = json.loads(_state)
    assert state["state"]["_tokens"]["texts"] == texts
    assert state["buffers"] == [
        {"path": ["_rows", "values", "data"], "data": base64.b64encode(b"\x00\xff<").decode(), "encoding": "base64"}
    ]
    assert json.loads(_modules)["widget"] == "export default () => '</script>'; // <!-- "


def test_the_page_names_no_address_and_forbids_the_network():
    page = page_of(COUNTRIES)
    assert "http:" not in page
    assert "https:" not in page
    assert "default-src 'none'" in page


def test_json_in_a_script_element_has_no_dangerous_character():
    text = json_in_html(ATTACKS)
    assert not set(text) & set("<>&\u2028\u2029\x00")
    assert json.loads(text) == ATTACKS


def test_buffers_are_taken_out_of_mappings_and_lists():
    saved = saved_state({"a": [1, {"data": b"x"}], "b": memoryview(b"y")})
    assert [buffer["path"] for buffer in saved["buffers"]] == [["a", 1, "data"], ["b"]]
    assert saved["state"] == {"a": [1, {"data": None}], "b": None}


def test_a_preview_is_plain_html_with_inline_styles_only():
    preview = Elements(to_preview(shares_of([*ATTACKS, "end"]), note="<script>"))
    assert {tag for tag, _ in preview.found} <= {"div", "span", "br", "small"}
    assert {name for _, attributes in preview.found for name in attributes} <= {"style", "title"}


def test_a_preview_says_in_words_what_the_colours_say():
    shares = shares_of(COUNTRIES)
    assert shares.name(shares.strongest(1)[0]).strip('"') in to_preview(shares)
    assert "is attributed to" in to_preview(shares)


@pytest.mark.parametrize("position", [3, 1500, 1999])
def test_a_preview_of_a_long_text_shows_what_is_around_the_explained_token(position: int):
    preview = to_preview(shares_of([f" w{i}" for i in range(2000)], position))
    assert f">w{position}<" in preview
    assert preview.count("title=") <= 400
    assert len(preview) < 100_000


def test_a_row_that_is_not_there_yet_gives_a_preview_without_colours():
    shares = shares_of(COUNTRIES)
    preview = to_preview(type(shares)(shares.texts, shares.n_prompt, position=3))
    assert "Austria" in preview
    assert "not computed yet" in preview


def test_nan_shares_have_no_colour():
    values = np.full(len(COUNTRIES), np.nan, np.float32)
    shares = shares_of(COUNTRIES)
    assert "title=" not in to_preview(type(shares)(shares.texts, 3, position=0, values=values))
