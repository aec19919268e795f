"""Installs the pinned torch into the running environment, as a build for the CPU where there is a choice.

torch comes before everything that depends on it: pip would otherwise be free to resolve another version first. On Linux
the package index serves a build with CUDA (some gigabytes) under the plain version; the CPU build carries the local
version ``+cpu`` and lives in an index of its own. Set ``TORCH_INDEX`` to take torch from elsewhere, for example a CUDA
index; set it empty to ask no extra index.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

CONSTRAINTS = Path(__file__).parent.parent / "requirements" / "constraints.txt"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def pip(*args: str) -> subprocess.CompletedProcess[str]:
    """Run pip of this interpreter and return what it printed."""
    return subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *args],
        text=True,
        check=False,
        stdout=subprocess.PIPE,
    )


def pinned() -> str:
    """Return the requirement of torch, as in ``torch==2.13.0``."""
    match = re.search(r"^torch==\S+", CONSTRAINTS.read_text(), re.MULTILINE)
    if match is None:
        sys.exit(f"[ecco_widgets] expected a line torch==VERSION in {CONSTRAINTS}")
    return match.group()


def installed() -> str:
    """Return the installed version of torch without its local part, or an empty string."""
    shown = pip("list", "--format=json").stdout or "[]"
    versions = {entry["name"]: entry["version"] for entry in json.loads(shown)}
    return str(versions.get("torch", "")).partition("+")[0]


def default_is_small(requirement: str) -> bool:
    """Ask pip which build the configured package sources would give: not the one with CUDA?"""
    if sys.platform != "linux":
        return True
    report = pip("install", "-qq", "--dry-run", "--ignore-installed", "--no-deps", "--report", "-", requirement)
    if report.returncode:
        return False
    return any("+cpu" in item["metadata"]["version"] for item in json.loads(report.stdout)["install"])


def main() -> int:
    """Install torch unless the pinned version is there already."""
    requirement = pinned()
    if installed() == requirement.partition("==")[2]:
        return 0
    install = ["install", "-qq", "--constraint", str(CONSTRAINTS), requirement]
    index = os.environ.get("TORCH_INDEX")
    if index is None and not default_is_small(requirement):
        index = CPU_INDEX
    if index and pip(*install, "--extra-index-url", index).returncode == 0:
        return 0
    return pip(*install).returncode


if __name__ == "__main__":
    sys.exit(main())
