"""What a widget's worker does inside a model stays on its thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from ecco_widgets.models.blocks import find_blocks
from ecco_widgets.models.inspection import inspect_model
from ecco_widgets.models.patching import forward_replaced
from tests.support.tiny_models import tiny_model

Result = TypeVar("Result")


def elsewhere(work: Callable[[], Result]) -> Result:
    """The result of some work on another thread."""
    results: list[Result] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def test_a_replaced_forward_is_replaced_on_this_thread_only() -> None:
    module = nn.Linear(2, 2)
    x = torch.ones(1, 2)
    expected = module(x)
    with forward_replaced(module, lambda *_: torch.zeros(1, 2)):
        assert not module(x).any()
        assert torch.equal(elsewhere(lambda: module(x)), expected)
    assert torch.equal(module(x), expected)


def test_a_cell_may_run_the_model_while_the_head_runs_alone() -> None:
    model = tiny_model("gpt2")
    parts = inspect_model(model)
    ids = torch.arange(7)[None]
    expected = model(ids).logits
    begun: list[bool] = []
    seen: list[torch.Tensor] = []

    def run_elsewhere(*_: object) -> None:
        if not begun:
            begun.append(True)
            seen.append(elsewhere(lambda: model(ids).logits))

    model.lm_head.register_forward_pre_hook(run_elsewhere)
    parts.logits(torch.zeros(3, 32))
    assert torch.allclose(seen[0], expected)


def test_what_a_cell_runs_meanwhile_is_not_recorded() -> None:
    model = tiny_model("gpt2")
    blocks = find_blocks(inspect_model(model))
    ids = torch.arange(7)[None]
    expected = blocks.states(lambda: model(ids))
    begun: list[bool] = []

    def run_elsewhere(*_: object) -> None:
        if not begun:
            begun.append(True)
            elsewhere(lambda: model(torch.zeros(1, 3, dtype=torch.long)))

    model.transformer.h[1].register_forward_pre_hook(run_elsewhere)
    assert torch.equal(blocks.states(lambda: model(ids)), expected)
