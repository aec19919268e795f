"""One training run: model, optimizers, data position and clock, and how all of it is saved and taken up again."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from ecco_widgets.models.demo.batches import Batches, NaturalPosition
from ecco_widgets.models.demo.loss import chunked_cross_entropy
from ecco_widgets.models.demo.patterns import GENERATORS
from ecco_widgets.models.demo.recipe import Recipe, build_model

__all__ = ["Budget", "Run"]

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"


@dataclass(frozen=True)
class Budget:
    """When training ends; exactly one of the two is given.

    Attributes:
        tokens: After so many tokens in all.
        deadline: At this time of the clock (`time.time`).
    """

    tokens: int | None = None
    deadline: float | None = None

    def __post_init__(self) -> None:
        if (self.tokens is None) == (self.deadline is None):
            raise ValueError(
                "a budget must be either tokens or a deadline, got both or neither. "
                "Pass --tokens, --minutes or --finish-by."
            )

    def remaining(self, tokens: int, started: float) -> float:
        """Share of the budget that is left, from 1 to 0.

        Args:
            tokens: Tokens seen so far.
            started: When this run, or the earliest part of it that was resumed, would have started on the clock.
        """
        if self.deadline is None:
            return max(0.0, 1 - tokens / (self.tokens or 1))
        return max(0.0, (self.deadline - time.time()) / max(self.deadline - started, 1e-9))


def _mixture(step: int) -> dict[str, Any]:
    """What the generated documents consist of from this step on; a run may be resumed with another mixture."""
    return {"from_step": step, "shares": {name: share for name, (_, share) in GENERATORS.items()}}


class Run:
    """A training run that can be stopped and resumed at any step.

    Args:
        recipe: Shape and hyperparameters.
        tokenizer: The demo model's tokenizer.
        natural: Token ids of each natural training text.
        folder: Where checkpoints and the log go.
    """

    def __init__(
        self, recipe: Recipe, tokenizer: PreTrainedTokenizerFast, natural: Sequence[NDArray[np.int64]], folder: Path
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.folder = folder
        self.batches = Batches(tokenizer, natural, recipe.tokens_per_step, recipe.seed)
        self.model = build_model(recipe).train()
        self.step = 0
        self.tokens = 0
        self.seconds = 0.0
        self.history: list[dict[str, Any]] = [_mixture(0)]
        named = list(self.model.named_parameters())
        matrices = [weight for name, weight in named if weight.ndim == 2 and ".h." in name]
        others = [weight for name, weight in named if not (weight.ndim == 2 and ".h." in name)]
        self.optimizers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(
                matrices, lr=recipe.matrix_rate, weight_decay=recipe.weight_decay, adjust_lr_fn="match_rms_adamw"
            ),
            torch.optim.AdamW(others, lr=recipe.other_rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
        ]
        self._rates = [recipe.matrix_rate, recipe.other_rate]

    def advance(self, remaining: float) -> dict[str, float]:
        """Makes one optimizer step.

        Args:
            remaining: Share of the budget that is left; decides the learning rate together with the warm-up.

        Returns:
            What the log says of the step.
        """
        began = time.perf_counter()
        factor = min(1.0, (self.step + 1) / self.recipe.warmup_steps) * min(1.0, remaining / self.recipe.decay_share)
        for optimizer, rate in zip(self.optimizers, self._rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
        ids = self.batches.batch(self.step)
        loss = self.loss(ids)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        self.tokens += ids.numel()
        self.seconds += time.perf_counter() - began
        return {
            "step": self.step,
            "tokens": self.tokens,
            "loss": loss.item(),
            "row": ids.shape[1],
            "norm": norm.item(),
            "rate": factor,
        }

    def loss(self, ids: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of the next token, in bfloat16 arithmetic with float32 weights.

        Args:
            ids: Token ids, (B, T).

        Returns:
            The loss in nats, a scalar.
        """
        with torch.autocast("cpu", torch.bfloat16):
            hidden = self.model.transformer(input_ids=ids, use_cache=False).last_hidden_state
        states = hidden[:, :-1].reshape(-1, hidden.shape[-1]).to(torch.bfloat16)
        return chunked_cross_entropy(states, self.model.transformer.wte.weight, ids[:, 1:].reshape(-1))

    @torch.no_grad()
    def held_out_loss(self, held_out: NDArray[np.int64], rows: int = 48, length: int = 256) -> float:
        """Loss on evenly spaced stretches of held-out natural text, for the log; `evaluate` measures all of it."""
        starts = np.linspace(0, len(held_out) - length, rows).astype(int)
        return self.loss(torch.from_numpy(np.stack([held_out[start : start + length] for start in starts]))).item()

    def save(self) -> None:
        """Writes the checkpoint; a crash on the way leaves the older one whole."""
        state: dict[str, Any] = {
            "recipe": asdict(self.recipe),
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "history": self.history,
            "position": asdict(self.batches.position),
            "torch_random": torch.get_rng_state(),
            "python_random": random.getstate(),
        }
        target = self.folder / CHECKPOINT
        torch.save(state, target.with_suffix(".new"))
        target.with_suffix(".new").replace(target)

    def resume(self) -> bool:
        """Takes up the folder's checkpoint.

        Returns:
            Whether there was one.

        Raises:
            ValueError: It was made with another recipe.
        """
        target = self.folder / CHECKPOINT
        if not target.exists():
            return False
        state = torch.load(target, weights_only=False)
        shape = ("vocabulary", "context", "width", "layers", "heads", "seed")
        wrong = [name for name in shape if state["recipe"][name] != getattr(self.recipe, name)]
        if wrong:
            raise ValueError(
                f"the checkpoint in {self.folder} was made with another {', '.join(wrong)}. Use an empty --out folder."
            )
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.tokens, self.seconds = state["step"], state["tokens"], state["seconds"]
        self.history = state["history"]
        if self.history[-1]["shares"] != _mixture(self.step)["shares"]:
            self.history.append(_mixture(self.step))
        self.batches.position = NaturalPosition(**state["position"])
        torch.set_rng_state(state["torch_random"])
        random.setstate(state["python_random"])
        return True

    def log(self, record: dict[str, float]) -> None:
        """Appends a line to the log."""
        with (self.folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps({name: round(value, 5) for name, value in record.items()}) + "\n")
