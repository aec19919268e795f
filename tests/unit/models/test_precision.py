"""Half precision: nothing assumes float32, sums are done in float32, and the numbers are those of the same weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ecco_widgets.analysis.attribution import attribute
from ecco_widgets.analysis.lens import lens_statistics
from ecco_widgets.models import LanguageModel, Trace
from tests.support.runs import ANSWER, REFUSED, TEXT
from tests.support.tiny_models import FAMILIES, tiny_model, tokenizer_for


def _run(family: str, stored: torch.dtype, dtype: torch.dtype) -> Trace:
    """A run of weights that were rounded to ``stored``, computed in ``dtype``."""
    model = tiny_model(family).to(stored).to(dtype)
    lm = LanguageModel(model, tokenizer_for(family), name=family)
    return lm.score(TEXT, ANSWER) if lm.kind in {"causal", "seq2seq"} else lm(TEXT)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family not in REFUSED])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_gives_the_numbers_of_the_same_weights(family: str, dtype: torch.dtype) -> None:
    half, single = _run(family, dtype, dtype), _run(family, dtype, torch.float32)
    found, expected = attribute(half), attribute(single)
    assert found.scores.dtype == np.float32
    assert half.logits(half.output_positions[:1]).dtype == torch.float32
    for row, other in zip(found.scores, expected.scores, strict=True):
        row, other = row[np.isfinite(other)], other[np.isfinite(other)]  # noqa: PLW2901
        assert row @ other / (np.linalg.norm(row) * np.linalg.norm(other)) > 0.97
        assert np.abs(row).sum() == pytest.approx(1.0, abs=1e-4)
    if half.kind != "classification":
        lens, exact = lens_statistics(half), lens_statistics(single)
        assert np.abs(lens.log_probability - exact.log_probability).mean() < 0.2
        assert (lens.kl > -1e-3).all()
