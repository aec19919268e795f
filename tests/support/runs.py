"""A run of each tiny family that has something to explain."""

from __future__ import annotations

from ecco_widgets.models import LanguageModel, Trace
from tests.support.tiny_models import tiny_lm

TEXT = "The keys to the cabinet are on the table"
ANSWER = " one two three"
# Read their text twice, with encoder and decoder: refused at load.
REFUSED = ("bart_classifier", "t5_classifier")


def run_of(family: str, seed: int = 0) -> Trace:
    """A run of the family's tiny model."""
    return run_with(tiny_lm(family, seed))


def run_with(lm: LanguageModel) -> Trace:
    """Causal and seq2seq: a given continuation or answer. Masked, classifier: the text as it is."""
    return lm.score(TEXT, ANSWER) if lm.kind in {"causal", "seq2seq"} else lm(TEXT)
