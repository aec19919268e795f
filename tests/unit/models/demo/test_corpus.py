"""Natural text is cleaned, and the end of every file is kept from training."""

from __future__ import annotations

import pytest

from ecco_widgets.models.demo.corpus import HELD_OUT_SHARE, clean, read_corpus


def test_sentences_with_unknown_words_are_dropped():
    assert clean("He came in 2000. There <unk> was. She left.") == "He came in 2000. She left."


def test_headings_and_credits_are_dropped():
    assert clean("Produced by Judith Boss\n= = Career = =\n\nIt was night.") == "It was night."


def test_quotes_of_wikitext_lose_their_spaces():
    assert (
        clean('He played " Craig " in it. "Yes," he said, "yes."') == 'He played "Craig" in it. "Yes," he said, "yes."'
    )


def test_the_end_of_every_file_is_held_out(tmp_path):
    lines = [f"This is sentence number {number} of a book." for number in range(400)]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    (tmp_path / "b.txt").write_text("\n".join(reversed(lines)))
    text = read_corpus(tmp_path)
    assert text.names == ("a.txt", "b.txt")
    for train, held_out in zip(text.train, text.held_out, strict=True):
        assert not set(train.split("\n")) & set(held_out.split("\n"))
        assert len(held_out) / (len(train) + len(held_out)) == pytest.approx(HELD_OUT_SHARE, abs=0.01)
    assert text.train[0] + "\n" + text.held_out[0] == "\n".join(lines)


def test_a_folder_without_texts_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must be a folder of \.txt files.*Pass --corpus FOLDER"):
        read_corpus(tmp_path)
