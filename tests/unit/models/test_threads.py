"""Narrow models run on one thread, and nobody else notices."""

from __future__ import annotations

import subprocess
import sys

import pytest

# In a process of its own: how many threads torch uses is decided for each thread when it first asks.
LIMITED = """
import threading, torch
from ecco_widgets.models.threads import suited_threads

torch.set_num_threads(3)

def fresh_thread():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start(); thread.join()
    return seen[0]

with suited_threads({width}, torch.device("cpu")):
    print(torch.get_num_threads(), fresh_thread())
print(torch.get_num_threads(), fresh_thread())
"""


@pytest.mark.parametrize(("width", "inside"), [(256, 1), (768, 3)])
def test_only_the_calling_thread_is_limited_and_only_for_narrow_models(width: int, inside: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED.format(width=width)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(inside), "3", "3", "3"]
