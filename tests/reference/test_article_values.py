"""Values printed in Ecco's articles, against the real models; only where a model hub can be reached.

    python -m pytest tests/reference -m model -rs

Source: "Interfaces for Explaining Transformer Language Models" (Alammar 2020), input saliency.
"""

from __future__ import annotations

import numpy as np
import pytest

import ecco_widgets as ecco
from ecco_widgets.analysis import attribute
from ecco_widgets.errors import ModelNotFound

pytestmark = pytest.mark.model


def load(model_id: str) -> ecco.LanguageModel:
    try:
        return ecco.from_pretrained(model_id)
    except ModelNotFound as error:
        pytest.skip(f"{model_id} is neither in the cache nor within reach: {error.message}")


@pytest.mark.timeout(1800)
def test_gradient_x_input_of_gpt2_xl_is_as_in_the_article() -> None:
    lm = load("gpt2-xl")
    out = lm.score(" 1, 1, 1,", " 1")
    scores = attribute(out, "grad_x_input", "logit", "l2").scores[0]
    np.testing.assert_allclose(scores[:6], [0.2601, 0.1608, 0.1966, 0.1020, 0.1930, 0.0874], atol=2e-3)
