"""Gradient x Input on one shared forward pass against plain Captum, one call a target, in the same process.

`make bench` prints the ratios of CPU seconds, which hardly depend on what else the machine does.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import pytest
import torch
from captum.attr import InputXGradient
from transformers import GPT2Config, GPT2LMHeadModel

from ecco_widgets.analysis import attribute
from ecco_widgets.analysis.shared_forward import SharedForward
from ecco_widgets.models import LanguageModel, Trace
from tests.support.tiny_models import tiny_tokenizer

pytestmark = pytest.mark.benchmark

Result = TypeVar("Result")
N_PROMPT, N_TOKENS = 32, 82
HELD_ALL, HELD_HOVER = 3.5, 3.0


@pytest.fixture(scope="module")
def trace() -> Iterator[Trace]:
    """A random model shaped like DistilGPT2, 32 prompt and 50 output tokens, one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(n_layer=6)).requires_grad_(False)  # as from_pretrained does
    lm = LanguageModel(model, tiny_tokenizer(), name="distilgpt2-shape")
    # Ids that the small tokenizer knows: the numbers do not depend on which tokens they are.
    yield Trace(lm, torch.randint(1, 300, (N_TOKENS,)).tolist(), N_PROMPT)
    torch.set_num_threads(threads)


def captum_one_call(trace: Trace, position: int) -> np.ndarray:
    """Plain Captum: a forward and a backward pass of the whole model over the prefix."""
    model = trace.lm.model
    ids = torch.tensor(trace.token_ids[:position])[None]
    inputs = model.get_input_embeddings()(ids).detach().requires_grad_()
    captum = InputXGradient(lambda embeddings: model(inputs_embeds=embeddings).logits[:, -1])
    return captum.attribute(inputs, target=int(trace.token_ids[position])).norm(dim=-1)[0].detach().numpy()


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What the work returns and the CPU seconds it took."""
    before = time.process_time()
    result = work()
    return result, time.process_time() - before


def test_all_targets(trace: Trace) -> None:
    with trace.lm.running():
        captum_one_call(trace, N_TOKENS - 1)  # warm up
        attribute(trace, positions=[N_TOKENS - 1, N_TOKENS - 2])
        expected, naive = timed(lambda: [captum_one_call(trace, position) for position in range(N_PROMPT, N_TOKENS)])
        result, ours = timed(lambda: attribute(trace))
    for r, position in enumerate(result.positions):
        assert np.abs(result.raw[r, :position] - expected[r]).max() <= 1e-5 * expected[r].max()
    print(f"\nall 50 targets: Captum {naive:.2f} s, shared forward {ours:.2f} s CPU: {naive / ours:.2f} times faster")
    assert naive / ours >= HELD_ALL


def test_hover_one_more_token(trace: Trace) -> None:
    shared = SharedForward(trace)
    attribute(trace, positions=N_TOKENS - 1, shared=shared)  # the graph is kept from the first one
    positions = [N_TOKENS - 1 - i for i in range(6)]
    with trace.lm.running():
        _, naive = timed(lambda: [captum_one_call(trace, position) for position in positions])
    _, ours = timed(lambda: [attribute(trace, positions=position, shared=shared) for position in positions])
    naive, ours = naive / len(positions), ours / len(positions)
    print(f"\nhover: Captum {naive * 1e3:.0f} ms, kept graph {ours * 1e3:.0f} ms CPU: {naive / ours:.2f} times faster")
    assert naive / ours >= HELD_HOVER


def test_import(capsys: pytest.CaptureFixture[str]) -> None:
    code = "import time; a = time.perf_counter(); import ecco_widgets; print(time.perf_counter() - a)"
    runs = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(5)
    ]
    with capsys.disabled():
        print(f"\nimport ecco_widgets: {sorted(runs)[2] * 1e3:.0f} ms (median of 5)")
    assert min(runs) < 0.3
