"""Ranks of 50 tokens at every layer against an argsort for each (layer, position), in the same process.

`make bench` prints the ratios of CPU seconds.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from ecco_widgets.analysis.lens import token_ranks
from ecco_widgets.models import LanguageModel, Trace
from tests.support.tiny_models import tiny_tokenizer

pytestmark = pytest.mark.benchmark

N_PROMPT, N_TOKENS = 32, 82
HELD = 8.0


@pytest.mark.parametrize("n_layers", [6, 12])
def test_ranks_of_fifty_tokens_at_every_layer(n_layers: int) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
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

    before = time.process_time()
    ranks = token_ranks(trace)
    ours = time.process_time() - before
    torch.set_num_threads(threads)
    assert (np.abs(ranks - expected) <= 1).mean() == 1.0  # rounding may swap two logits that are equal but for it
    assert (ranks == expected).mean() > 0.97
    print(f"\nranks, {n_layers} layers: sort {naive:.2f} s, lens {ours:.2f} s CPU: {naive / ours:.1f} times faster")
    assert naive / ours >= HELD
