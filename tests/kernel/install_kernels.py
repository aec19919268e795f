"""Installs the ipykernel versions that the kernel tests run on, beside the environment's own.

Each goes into ``.cache/kernels/<version>`` with nothing but itself and what the environment lacks; a kernel that has
this folder first on its PYTHONPATH runs that version.

    python tests/kernel/install_kernels.py [version ...]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".cache" / "kernels"

#: version -> what it needs and a current environment may not have. 6.31 has no subshells, 7.3 dispatches each comm
#: message to the shell its sender names, 7.4 to the shell on which the kernel last published.
VERSIONS = {
    "6.31.0": ["nest_asyncio==1.6.0"],
    "7.3.0": ["nest_asyncio2==1.7.4"],
    "7.4.0": ["nest_asyncio2==1.7.4"],
}


def folder_of(version: str) -> Path:
    """Where ``version`` is, or would be."""
    return FOLDER / version


def is_installed(version: str) -> bool:
    """Whether ``version`` is there, complete."""
    return (folder_of(version) / f"ipykernel-{version}.dist-info" / "RECORD").exists()


def install(version: str) -> None:
    """Install ``version`` unless it is there."""
    if is_installed(version):
        print(f"ipykernel {version} is in {folder_of(version)}")
        return
    shutil.rmtree(folder_of(version), ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run(
        [*command, "--target", str(folder_of(version)), f"ipykernel=={version}", *VERSIONS[version]], check=True
    )
    print(f"ipykernel {version} installed in {folder_of(version)}")


def main(versions: list[str]) -> None:
    """Install what is named, or all."""
    unknown = [version for version in versions if version not in VERSIONS]
    if unknown:
        sys.exit(f"unknown versions {', '.join(unknown)}; known: {', '.join(VERSIONS)}")
    for version in versions or VERSIONS:
        install(version)


if __name__ == "__main__":
    main(sys.argv[1:])
