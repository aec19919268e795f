"""Measures the demo model: ``python -m ecco_widgets.models.demo.evaluate [DIR]``.

Prints the figures and writes DIR/evaluation.json: accuracies on held-out instances of each generated pattern, the loss
on the held-out end of every text of the corpus, and samples.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from ecco_widgets.models.demo import WEIGHTS
from ecco_widgets.models.demo.articles import ARTICLE_PROBES
from ecco_widgets.models.demo.natural import natural_losses
from ecco_widgets.models.demo.patterns import take_probes
from ecco_widgets.models.demo.scoring import Scorer, Verdict

__all__ = ["BOUNDS", "accuracies", "main"]

BOUNDS: dict[str, float] = {
    "counting_next": 0.98,
    "counting_next_band": 0.98,
    "repetition_next": 0.98,
    "alternation": 0.99,
    "country_next": 0.95,
    "agreement_plain": 0.98,
    "agreement_attractor": 0.95,
    "agreement_unseen_noun": 0.80,
    "birth_year": 0.95,
    "closing_tag": 0.95,
    "article": 1.0,
}
"""Task -> accuracy that the shipped model promises. Tasks without a bound are reported all the same."""

SAMPLES: tuple[tuple[str, int], ...] = (
    ("It was a dark night, and the captain", 1),
    ("The old house stood", 2),
    ('"I do not know," said', 3),
    ("The President of the United States", 4),
    ("In 1998, the film", 5),
    (" 1, 2, 3,", 6),
)
"""Prompt and seed of each sample in the model card, chosen before any was drawn."""


def accuracies(
    scorer: Scorer, per_task: int, seed: int = 41, prefix: str = ""
) -> tuple[dict[str, dict[str, float]], list[Verdict]]:
    """Accuracy of each task on held-out instances.

    Args:
        scorer: The model.
        per_task: Instances of each task.
        seed: Seed that draws them.
        prefix: Text put before every prompt, such as the end-of-text token.

    Returns:
        Task -> ``right``, ``asked`` and ``accuracy``; and the verdicts that were wrong.
    """
    groups = {**take_probes(per_task, seed), "article": list(ARTICLE_PROBES)}
    results: dict[str, dict[str, float]] = {}
    wrong: list[Verdict] = []
    for task, probes in groups.items():
        verdicts = scorer.judge(probes, prefix)
        results[task] = _share(sum(verdict.right for verdict in verdicts), len(verdicts))
        wrong.extend(verdict for verdict in verdicts if not verdict.right)
    runs = [
        prefix + probe.prompt + probe.answer
        for task in ("counting_next", "repetition_next")
        for probe in groups[task]
        if probe.prompt.endswith(",") and probe.answer.startswith(" ")
    ]
    results["alternation"] = _share(*scorer.alternation(runs))
    return results, wrong


def _share(right: int, asked: int) -> dict[str, float]:
    return {"right": right, "asked": asked, "accuracy": round(right / asked, 4)}


def evaluate(folder: Path, corpus: Path | None, per_task: int) -> tuple[dict[str, Any], list[Verdict]]:
    """Everything that the model card reports of a model.

    Args:
        folder: The model.
        corpus: Folder of the corpus; the loss on natural text is left out if None.
        per_task: Instances of each task.

    Returns:
        What evaluation.json holds; and the verdicts that were wrong.
    """
    scorer = Scorer(folder)
    results, wrong = accuracies(scorer, per_task)
    after, _ = accuracies(scorer, per_task // 4, seed=42, prefix=str(scorer.tokenizer.eos_token))
    report: dict[str, Any] = {
        "parameters": sum(weight.numel() for weight in scorer.model.parameters()),
        "accuracy": results,
        "accuracy_after_end_of_text": after,
        "article_prompts": [
            {
                "prompt": probe.prompt,
                "expected": probe.answer,
                "foil": probe.foil,
                "top": _rounded(scorer.top(probe.prompt)),
            }
            for probe in ARTICLE_PROBES
        ],
        "open_prompts": [
            {"prompt": prompt, "top": _rounded(scorer.top(prompt, 8))}
            for prompt in ("The doctor was a", "The nurse was a", "The old man", "She opened the")
        ],
        "natural_text": natural_losses(scorer, corpus) if corpus else None,
        "samples": [
            {"prompt": prompt, "seed": seed, "text": scorer.sample(prompt, 80, seed)} for prompt, seed in SAMPLES
        ],
    }
    return report, wrong


def _rounded(top: list[tuple[str, float]]) -> list[list[Any]]:
    return [[token, round(probability, 4)] for token, probability in top]


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ecco_widgets.models.demo.evaluate", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=WEIGHTS, help="the model (default: the embedded one)")
    parser.add_argument("--corpus", type=Path, help="corpus for the loss on natural text, which is left out without it")
    parser.add_argument("--per-task", type=int, default=400, help="instances of each task (default: 400)")
    parser.add_argument("--threads", type=int, default=2, help="threads of the arithmetic (default: 2)")
    parser.add_argument("--errors", type=int, default=0, help="print so many wrong answers of each task")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    report, wrong = evaluate(options.folder, options.corpus, options.per_task)
    for task, result in report["accuracy"].items():
        bound = BOUNDS.get(task)
        verdict = "" if bound is None else f"  bound {bound:.0%}: {'met' if result['accuracy'] >= bound else 'MISSED'}"
        print(f"{task:34} {result['accuracy']:7.2%}  {result['right']}/{result['asked']}{verdict}")
        for error in [error for error in wrong if error.probe.task == task][: options.errors]:
            print(f"    {error.probe.prompt!r} -> {error.said!r}, not {error.probe.answer!r}")
    print(json.dumps(report["natural_text"]))
    for entry in report["article_prompts"] + report["open_prompts"]:
        print(f"{entry['prompt'][-45:]!r:50} {entry['top'][:4]}")
    for sample in report["samples"]:
        print(f"--- {sample['text']}")
    target = options.folder / "evaluation.json"
    target.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written to {target}")


if __name__ == "__main__":
    main()
