"""Asks a model the test instances: does it continue each prompt as it must?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoTokenizer, GPT2LMHeadModel, PreTrainedTokenizerFast

from ecco_widgets.models.demo.patterns import Probe

__all__ = ["Scorer", "Verdict"]


@dataclass(frozen=True)
class Verdict:
    """What the model made of one instance.

    Attributes:
        probe: The instance.
        right: Whether the answer came first (or before its foil).
        said: The token the model would have put first.
    """

    probe: Probe
    right: bool
    said: str


class Scorer:
    """A model and its tokenizer, ready to answer.

    Args:
        folder: A folder with both, as `export` writes it.
    """

    def __init__(self, folder: Path) -> None:
        self.tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(folder)
        self.model: GPT2LMHeadModel = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).eval()

    def ids(self, text: str) -> list[int]:
        """Token ids of a text, none added."""
        ids: list[int] = self.tokenizer.backend_tokenizer.encode(text).ids
        return ids

    @torch.no_grad()
    def log_probabilities(self, rows: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        """Log-probabilities of the next token after each token of each row.

        Args:
            rows: Token ids; rows may differ in length.

        Returns:
            One tensor (T, V) a row.
        """
        longest = max(map(len, rows))
        # Filled up on the right, where a causal model's earlier positions can't see it.
        batch = torch.zeros((len(rows), longest), dtype=torch.long)
        for index, row in enumerate(rows):
            batch[index, : len(row)] = torch.tensor(row)
        logits = self.model(batch, attention_mask=torch.ones_like(batch), use_cache=False).logits
        return [logits[index, : len(row)].log_softmax(-1) for index, row in enumerate(rows)]

    def judge(self, probes: Sequence[Probe], prefix: str = "", batch: int = 64) -> list[Verdict]:
        """Judges test instances.

        Args:
            probes: The instances.
            prefix: Text put before every prompt, such as the end-of-text token.
            batch: Instances in one forward pass.

        Returns:
            A verdict for each, in the same order.
        """
        verdicts: dict[int, Verdict] = {}
        order = sorted(range(len(probes)), key=lambda index: len(probes[index].prompt))
        for start in range(0, len(order), batch):
            part = order[start : start + batch]
            prompts = [self.ids(prefix + probes[index].prompt) for index in part]
            answers = [self.ids(probes[index].answer) for index in part]
            rows = self.log_probabilities([prompt + answer for prompt, answer in zip(prompts, answers, strict=True)])
            for index, prompt, answer, row in zip(part, prompts, answers, rows, strict=True):
                verdicts[index] = self._verdict(probes[index], row[len(prompt) - 1 :], answer)
        return [verdicts[index] for index in range(len(probes))]

    def _verdict(self, probe: Probe, row: torch.Tensor, answer: list[int]) -> Verdict:
        said = self.tokenizer.decode([int(row[0].argmax())])
        if probe.foil is None:
            right = row[: len(answer)].argmax(-1).tolist() == answer
        else:
            # The two forms of a verb may share their first pieces; the first token that differs decides.
            foil = self.ids(probe.foil)
            split = next(index for index, (mine, other) in enumerate(zip(answer, foil, strict=False)) if mine != other)
            right = bool(row[split, answer[split]] > row[split, foil[split]])
        return Verdict(probe, right, said)

    def alternation(self, texts: Sequence[str]) -> tuple[int, int]:
        """How often a comma is expected after a number and a number after a comma, from each text's first comma on.

        Args:
            texts: Runs of numbers with commas between them.

        Returns:
            How often it was right, and how often it was asked.
        """
        rows = [self.ids(text) for text in texts]
        right = asked = 0
        for row, scores in zip(rows, self.log_probabilities(rows), strict=True):
            kinds = [self._kind(token) for token in row]
            said = [self._kind(int(token)) for token in scores.argmax(-1)]
            first = kinds.index("comma")
            for position in range(first, len(row) - 1):
                asked += 1
                right += said[position] == kinds[position + 1]
        return right, asked

    def _kind(self, token: int) -> str:
        text = self.tokenizer.decode([token]).strip()
        return "number" if text.isdigit() else "comma" if text == "," else "other"

    def top(self, prompt: str, count: int = 5) -> list[tuple[str, float]]:
        """The likeliest next tokens of a prompt with their probabilities."""
        values, tokens = self.log_probabilities([self.ids(prompt)])[0][-1].exp().topk(count)
        return [
            (self.tokenizer.decode([int(token)]), float(value)) for token, value in zip(tokens, values, strict=True)
        ]

    def sample(self, prompt: str, tokens: int, seed: int, temperature: float = 0.8, top_k: int = 40) -> str:
        """Continues a prompt by sampling; the prompt is part of what is returned."""
        torch.manual_seed(seed)
        ids = torch.tensor([self.ids(prompt)])
        output = self.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=tokens,
            do_sample=True,
            temperature=temperature,
            top_k=top_k,
            pad_token_id=0,
        )
        text: str = self.tokenizer.decode(output[0], skip_special_tokens=True)
        return text
