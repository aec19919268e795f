"""The built wheel, and an environment in which the package comes from it alone.

Installing torch and Jupyter anew for each run would take minutes. The environment is therefore a venv without packages,
into which pip installs the wheel without dependencies, plus a ``.pth`` file that appends the testing environment's
site-packages to the path. Path files are not followed from there, so the editable installation of the working tree,
itself a path file, stays out: ``ecco_widgets`` can only come from the wheel, and a test asserts that it does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.wheel)


def build(source: Path, kind: str, out: Path, **variables: str) -> Path:
    """Build a distribution with the build tools of this environment and return its path."""
    command = [sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", str(out), str(source)]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it."""

    folder: Path

    @property
    def scripts(self) -> Path:
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    @property
    def variables(self) -> dict[str, str]:
        """Jupyter's own files are beside the testing environment's packages, not in the new one."""
        inherited = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
        data = Path(sys.prefix) / "share" / "jupyter"
        return {**inherited, "JUPYTER_PATH": str(data), "JUPYTERLAB_DIR": str(data / "lab"), "HF_HUB_OFFLINE": "1"}

    def python(self, code: str, cwd: Path) -> str:
        """Run code in the environment, from another folder, and return what it printed."""
        command = [str(self.scripts / "python"), "-c", code]
        done = subprocess.run(command, cwd=cwd, env=self.variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    environment = Installed(folder)
    python = str(environment.scripts / "python")
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(command, check=True)
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    (Path(site) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment
