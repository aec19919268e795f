"""Loss on held-out natural text, of the model and of n-gram models fitted on the same training tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ecco_widgets.models.demo.baselines import KneserNeyTrigram, Unigram
from ecco_widgets.models.demo.batches import encode_natural
from ecco_widgets.models.demo.corpus import read_corpus
from ecco_widgets.models.demo.scoring import Scorer

__all__ = ["natural_losses"]


def natural_losses(scorer: Scorer, corpus: Path, stride: int = 256) -> dict[str, float]:
    """Measures the loss on the held-out end of every file of the corpus.

    Args:
        scorer: The model.
        corpus: Folder of the corpus.
        stride: Tokens scored in one window; those before them in the window, up to the context's length, are context.

    Returns:
        ``tokens`` (number scored), ``bytes_per_token``, and in nats a token ``model``, ``unigram``, ``trigram``.
    """
    text = read_corpus(corpus)
    training = encode_natural(scorer.tokenizer, text.train)
    held_out = encode_natural(scorer.tokenizer, text.held_out)
    vocabulary = scorer.model.config.vocab_size
    unigram, trigram = Unigram(training, vocabulary), KneserNeyTrigram(training, vocabulary)
    tokens = sum(len(ids) - 1 for ids in held_out)
    return {
        "tokens": tokens,
        "bytes_per_token": sum(len(part.encode()) for part in text.held_out) / sum(map(len, held_out)),
        "model": sum(_model_loss(scorer, ids, stride) for ids in held_out) / tokens,
        "unigram": -sum(float(unigram.log_probabilities(ids).sum()) for ids in held_out) / tokens,
        "trigram": -sum(float(trigram.log_probabilities(ids).sum()) for ids in held_out) / tokens,
    }


@torch.no_grad()
def _model_loss(scorer: Scorer, ids: NDArray[np.int64], stride: int) -> float:
    """Sum of the losses of all tokens but the first."""
    context = scorer.model.config.n_positions
    total = 0.0
    for start in range(0, len(ids) - 1, stride):
        stop = min(start + stride, len(ids) - 1)
        begin = max(0, stop - context)
        window = torch.from_numpy(ids[begin : stop + 1])
        logits = scorer.model(window[None, :-1], use_cache=False).logits[0, start - begin :]
        total += float(torch.nn.functional.cross_entropy(logits, window[start - begin + 1 :], reduction="sum"))
    return total
