"""The front end's types of the synced traits are generated, up to date, and true."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Literal, TypedDict, get_type_hints

import anywidget
import pytest

from ecco_widgets.widgets import (
    AttributionWidget,
    FactorsWidget,
    LayerPredictionsWidget,
    NeuronsWidget,
    RankingsWatchWidget,
    RankingsWidget,
    _schema,
    codegen,
)


class Inner(TypedDict):
    """A part."""

    size: int


class OuterTraits(TypedDict):
    """Says what it is.

    In two paragraphs.
    """

    inner: list[Inner]
    name: str | None


def test_generated_files_are_up_to_date():
    assert codegen.stale_files() == {}, "run `python -m ecco_widgets.widgets.codegen` and commit the result"


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, "number"),
        (float, "number"),
        (str | None, "string | null"),
        (list[tuple[int, int]], "ReadonlyArray<readonly [number, number]>"),
        (dict[str, list[bool]], "Readonly<Record<string, ReadonlyArray<boolean>>>"),
        (Literal["a", "b"], '"a" | "b"'),
        (Inner, "Inner"),
    ],
)
def test_python_types_have_counterparts(annotation, expected):
    assert codegen.type_to_typescript(annotation) == expected


def test_type_without_counterpart_is_refused():
    with pytest.raises(TypeError, match=r"no TypeScript counterpart for <class 'bytes'>; use scalars"):
        codegen.type_to_typescript(bytes)


def test_parts_come_before_what_uses_them():
    source = codegen.generate(OuterTraits)
    assert source.index("export interface Inner {") < source.index("export interface OuterTraits {")
    assert "/** A part. */" in source
    assert " * In two paragraphs." in source
    assert "readonly inner: ReadonlyArray<Inner>;" in source
    assert 'export const outerTraitNames = [\n  "inner",\n  "name",\n] as const;' in source


def test_check_fails_on_a_stale_file_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert codegen.main(["--folder", str(tmp_path)]) == 0
    path = tmp_path / "attribution.ts"
    path.write_text(path.read_text("utf-8").replace("number", "string", 1), "utf-8")
    before = path.read_text("utf-8")
    assert codegen.main(["--check", "--folder", str(tmp_path)]) == 1
    assert path.read_text("utf-8") == before
    assert "stale: run `python -m ecco_widgets.widgets.codegen`" in capsys.readouterr().err


def test_generating_needs_no_torch():
    script = "import sys, ecco_widgets.widgets.codegen; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_every_schema_names_exactly_the_synced_traits_of_its_widget():
    kinds = {
        "attribution": AttributionWidget,
        "layer_predictions": LayerPredictionsWidget,
        "rankings": RankingsWidget,
        "rankings_watch": RankingsWatchWidget,
        "factors": FactorsWidget,
        "neurons": NeuronsWidget,
    }
    assert set(kinds) == set(_schema.WIDGETS)
    for name, kind in kinds.items():
        own = set(kind.class_trait_names(sync=True)) - set(anywidget.AnyWidget.class_trait_names(sync=True))
        assert set(get_type_hints(_schema.WIDGETS[name])) == own, name


def test_what_several_widgets_share_is_defined_once():
    files = codegen.generate_all()
    definitions = [line for text in files.values() for line in text.splitlines() if line.startswith("export interface")]
    assert len(definitions) == len(set(definitions))
    assert "export interface Tokens {" in files["shared.ts"]
    assert "export interface Completions {" in files["shared.ts"]
    # A view finds all types of its widget in one file.
    assert "  Tokens,\n" in files["rankings.ts"].split('} from "./shared"')[1]


class Other(TypedDict):
    """Has a part in common with ``OuterTraits``."""

    inner: Inner | None


def test_shared_parts_are_imported_where_they_are_used_and_exported_again():
    shared = codegen.shared_parts([OuterTraits, Other])
    assert shared == [Inner]
    source = codegen.generate(OuterTraits, shared)
    assert 'import type {\n  Inner,\n} from "./shared";\nexport type {\n  Inner,\n} from "./shared";' in source
    assert "export interface Inner" not in source
