"""Measures, in a process of its own, how far its memory rises while the lens looks: prints mebibytes as JSON.

python -m tests.benchmarks.lens_memory gpt2 50257 768 12
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import transformers

from ecco_widgets.analysis.lens import lens_statistics, token_ranks, top_tokens, watched
from ecco_widgets.models import LanguageModel
from tests.support.families import CONTEXT, FAMILIES, WIDTH
from tests.support.tiny_models import tokenizer_for

N_TOKENS = 100


class Adapted(torch.nn.Linear):
    """Stands for an adapter or a quantised layer: its weights alone do not make its output."""


def model_of(family: str, vocabulary: int, width: int, n_layers: int) -> transformers.PreTrainedModel:
    """A model of a family with another vocabulary and width; "adapted" is GPT-2 with such an unembedding."""
    if family == "adapted":
        model = model_of("gpt2", vocabulary, width, n_layers)
        model.set_output_embeddings(Adapted(width, vocabulary, bias=False))
        return model
    settings = FAMILIES[family].settings(n_layers)
    for name, value in settings.items():
        if name == "vocab_size":
            settings[name] = vocabulary
        elif name in {"n_embd", "hidden_size", "d_model", "dim"} and value == WIDTH:
            settings[name] = width
        elif value == CONTEXT:
            settings[name] = 2 * N_TOKENS
    config = getattr(transformers, FAMILIES[family].config)(**settings)
    return getattr(transformers, FAMILIES[family].model)(config).eval()


def memory(field: str) -> int:
    """Kibibytes of this process: ``VmRSS`` now, ``VmHWM`` at most since the last reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def rise(call: Callable[[], object]) -> float:
    """Mebibytes by which the peak exceeds what was held before."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # or memory that was freed would be used again unseen
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    call()
    return round((memory("VmHWM") - before) / 1024, 1)


def main() -> None:
    """Measure the four functions at all positions."""
    family, *sizes = sys.argv[1:]
    torch.manual_seed(0)
    torch.set_num_threads(1)
    tokenizer = tokenizer_for("gpt2" if family == "adapted" else family)
    lm = LanguageModel(model_of(family, *map(int, sizes)), tokenizer, name=family)
    trace = lm({"input_ids": torch.randint(5, 300, (N_TOKENS,)).tolist()})
    positions = list(trace.explainable)
    assert trace.hidden_states is not None
    if trace.kind == "masked":
        trace.stream(positions[:2])  # which of a masked model's states are held is not the lens's affair
        positions = positions[:10]
    calls = {
        "top_tokens": lambda: top_tokens(trace, positions[-1], 50),
        "watched": lambda: watched(trace, [1, 2, 3], positions[-1]),
        "token_ranks": lambda: token_ranks(trace, positions=positions),
        "lens_statistics": lambda: lens_statistics(trace, positions, top=5),
    }
    peaks: dict[str, float] = {}
    for _ in range(2):  # the first time, libraries set up what they keep
        for name, call in calls.items():
            peaks[name] = max(peaks.get(name, 0.0), rise(call))
    print(json.dumps(peaks))


if __name__ == "__main__":
    main()
