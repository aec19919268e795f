"""What a user gets: the wheel holds all it needs, and works where the repository is not."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.wheel.conftest import ROOT, Installed, build

pytestmark = pytest.mark.timeout(300)
LIMIT_MB = 25


@pytest.fixture(scope="session")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize(
    "name",
    [
        "ecco_widgets/static/attribution.js",
        "ecco_widgets/static/attribution.css",
        "ecco_widgets/_demo/demo.ipynb",
        "ecco_widgets/_demo/share/jupyter/voila/templates/ecco/conf.json",
        "ecco_widgets/_demo/share/jupyter/voila/templates/ecco/index.html.j2",
        "ecco_widgets/py.typed",
    ],
)
def test_the_wheel_holds(name, names):
    assert name in names


def test_the_wheel_holds_the_demo_model(names):
    from ecco_widgets.models.demo import WEIGHTS

    folder = Path(WEIGHTS).relative_to(ROOT).as_posix()
    assert {f"{folder}/{name}" for name in ("config.json", "model.safetensors", "tokenizer.json")} <= names


def test_the_wheel_holds_the_package_alone(names):
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"ecco_widgets"}
    assert [name for name in names if name.endswith((".pyc", ".map", ".ts", ".tsx"))] == []


def test_the_wheel_is_small(wheel):
    assert wheel.stat().st_size < LIMIT_MB * 1e6


def test_a_source_archive_builds_the_same_wheel_without_node(names, tmp_path):
    archive = build(ROOT, "sdist", tmp_path / "sdist")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("ecco_widgets-*")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "npm").write_text("#!/bin/sh\necho npm must not be needed >&2; exit 1\n")
    (tmp_path / "bin" / "npm").chmod(0o755)
    wheel = build(source, "wheel", tmp_path / "wheel", PATH=f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    with zipfile.ZipFile(wheel) as packed:
        assert set(packed.namelist()) == names


def test_the_package_comes_from_the_wheel_and_imports_without_torch(installed: Installed, tmp_path):
    code = "import sys, ecco_widgets; print(ecco_widgets.__file__, 'torch' in sys.modules)"
    path, torch = installed.python(code, tmp_path).rsplit(" ", 1)
    assert Path(path).is_relative_to(installed.folder)
    assert torch == "False"


def test_the_embedded_model_works_from_the_wheel(installed: Installed, tmp_path):
    code = "import ecco_widgets as ecco; print(ecco.load_demo().generate(' 1, 2, 3,', generate=2).n_tokens > 2)"
    assert installed.python(code, tmp_path) == "True"


@pytest.mark.skipif(sys.platform == "win32", reason="asks for POSIX signals")
def test_the_demo_serves_its_page_from_the_wheel_and_cleans_up(installed: Installed, tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    demo = subprocess.Popen(
        [installed.scripts / "ecco-widgets", "demo", "--no-browser"],
        cwd=tmp_path,
        env={**installed.variables, "HOME": str(tmp_path), "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert demo.stdout is not None
        said = demo.stdout.readline()
        address = re.match(r"Open (http://127\.0\.0\.1:\d+/)$", said)
        assert address is not None, said + demo.stdout.read()
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address[1], timeout=120) as answer:
            page = answer.read().decode()
    finally:
        demo.send_signal(signal.SIGINT)
        rest = demo.communicate(timeout=60)[0]
    assert "application/vnd.jupyter.widget-view+json" in page
    assert "Traceback" not in page
    assert re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"'](?:https?:)?//[^\"']+", page) == []
    assert demo.returncode == 130
    assert "Stopped." in rest
    assert list(temporary.glob("ecco-widgets-demo-*")) == []
