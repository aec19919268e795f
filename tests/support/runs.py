"""A run of each tiny family that has something to explain."""

from __future__ import annotations

from ecco_widgets.models import Trace
from tests.support.tiny_models import tiny_lm

TEXT = "The keys to the cabinet are on the table"
ANSWER = " one two three"
# Read their text twice, with encoder and decoder: refused at load.
REFUSED = ("bart_classifier", "t5_classifier")


def run_of(family: str, seed: int = 0) -> Trace:
    """Causal: four forced tokens after a text. Seq2seq: a given answer. Masked, classifier: the text as it is."""
    lm = tiny_lm(family, seed)
    if lm.kind == "causal":
        return lm.score(TEXT, ANSWER)
    return lm.score(TEXT, ANSWER) if lm.kind == "seq2seq" else lm(TEXT)
