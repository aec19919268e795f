"""The lens against an argsort for each (layer, position) in the same process, and how much memory it takes.

`make bench` prints the ratios of CPU seconds, and the memory.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from ecco_widgets.analysis.lens import lens_statistics, token_ranks, top_tokens, watched
from ecco_widgets.models import LanguageModel, Trace
from tests.support.tiny_models import tiny_tokenizer

pytestmark = pytest.mark.benchmark

N_PROMPT, N_TOKENS = 32, 82
HELD = 20.0
MEBIBYTES = 64
REPEATS = 5


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def seconds(call: Callable[[], object]) -> float:
    """CPU seconds, the median of some repeats."""
    taken = []
    for _ in range(REPEATS):
        before = time.process_time()
        call()
        taken.append(time.process_time() - before)
    return statistics.median(taken)


@pytest.mark.parametrize("n_layers", [6, 12])
def test_ranks_of_fifty_tokens_at_every_layer(n_layers: int) -> None:
    torch.manual_seed(0)
    lm = LanguageModel(GPT2LMHeadModel(GPT2Config(n_layer=n_layers)), tiny_tokenizer(), name="gpt2-shape")
    trace = Trace(lm, torch.randint(1, 300, (N_TOKENS,)).tolist(), N_PROMPT)
    states = trace.hidden_states  # both begin with the states
    token_ranks(trace, positions=[40])  # warm up: the blocks are found and proved

    before = time.process_time()
    expected = np.empty((n_layers, N_TOKENS - N_PROMPT), dtype=np.int64)
    with torch.no_grad():
        for layer in range(n_layers):
            for column, position in enumerate(range(N_PROMPT, N_TOKENS)):
                state = lm.model.transformer.ln_f(states[layer + 1, position - 1])
                order = torch.argsort(lm.model.lm_head(state), descending=True)
                expected[layer, column] = int((order == int(trace.token_ids[position])).nonzero()) + 1
    naive = time.process_time() - before

    ours = seconds(lambda: token_ranks(trace))
    ranks = token_ranks(trace)
    assert (np.abs(ranks - expected) <= 1).mean() == 1.0  # rounding may swap two logits that are equal but for it
    assert (ranks == expected).mean() > 0.97
    position = N_TOKENS - 1
    others = {
        "statistics of all": seconds(lambda: lens_statistics(trace, top=5)),
        "one position: best 10": seconds(lambda: top_tokens(trace, position)),
        "one position: 5 watched": seconds(lambda: watched(trace, [1, 2, 3, 4, 5], position)),
    }
    print(f"\nranks, {n_layers} layers: sort {naive:.2f} s, lens {ours:.3f} s CPU: {naive / ours:.1f} times faster")
    print("; ".join(f"{name} {1000 * taken:.0f} ms" for name, taken in others.items()))
    assert naive / ours >= HELD


# One of each way in which a head is cut; vocabularies of GPT-2 and of Gemma.
@pytest.mark.parametrize(
    ("family", "vocabulary", "width", "n_layers"),
    [
        ("gpt2", 50_257, 768, 12),
        ("llama", 256_000, 256, 6),
        ("gemma2", 256_000, 128, 26),
        ("bert", 120_000, 256, 12),
        ("adapted", 256_000, 128, 3),
    ],
)
def test_memory_above_the_states_is_bounded(family: str, vocabulary: int, width: int, n_layers: int) -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("the peak of a process can be reset on Linux only")
    script = [sys.executable, "-m", "tests.benchmarks.lens_memory", family, *map(str, (vocabulary, width, n_layers))]
    answer = subprocess.run(script, check=False, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    peaks = json.loads(answer.stdout.splitlines()[-1])
    print(f"\n{family}, {vocabulary:,} tokens, {width} wide, {n_layers} layers: {peaks} MiB above the states")
    assert set(peaks) == {"top_tokens", "watched", "token_ranks", "lens_statistics"}
    assert max(peaks.values()) <= MEBIBYTES
