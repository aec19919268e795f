"""Files are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecco_widgets.export import CannotSave, write


def test_a_file_that_is_there_is_replaced(tmp_path: Path):
    path = tmp_path / "a.json"
    path.write_text("old")
    assert write(path, "new é") == path
    assert path.read_bytes() == "new é".encode()
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(CannotSave, match=r"a.json' can't be written: No space left on device\. Save elsewhere\."):
        write(path, b"new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(CannotSave, match=r"the folder '.*nowhere' does not exist\. Create it"):
        write(tmp_path / "nowhere" / "a.svg", "")


def test_a_folder_is_not_overwritten(tmp_path: Path):
    with pytest.raises(CannotSave, match="is a folder"):
        write(tmp_path, "")


def test_new_files_get_the_usual_permissions(tmp_path: Path):
    (tmp_path / "usual").touch()
    path = write(tmp_path / "ours", "")
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_link_stays_a_link(tmp_path: Path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    write(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"
