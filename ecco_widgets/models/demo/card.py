"""Writes the model card from what was measured: ``python -m ecco_widgets.models.demo.card [DIR]``.

Every number in it comes from evaluation.json, training.json and the files themselves; none is typed here.
"""

from __future__ import annotations

import argparse
import json
from math import exp, log
from pathlib import Path
from typing import Any

from ecco_widgets.models.demo import WEIGHTS
from ecco_widgets.models.demo.corpus import HELD_OUT_SHARE
from ecco_widgets.models.demo.evaluate import BOUNDS

__all__ = ["card", "main"]

_TASKS: dict[str, str] = {
    "counting_next": "Next number; this start with this separator is never the start of a training document",
    "counting_next_band": "Next number among numbers that are never counted with this separator in training",
    "repetition_next": "One number repeated; training never repeats this number with this separator",
    "alternation": "Comma after number, number after comma (each position of held-out runs)",
    "country_next": "Next country of an alphabetical list; list, heading, form and first item held out in combination",
    "city_next": "Next city, held out likewise",
    "other_list_next": "Next month, weekday, planet, colour or state, held out likewise",
    "agreement_plain": "Verb agrees with its subject; noun and verb held out in combination",
    "agreement_attractor": "The same across a noun of the other number; the two nouns held out in combination",
    "agreement_unseen_noun": "The same for nouns that no generated document contains",
    "agreement_unseen_noun_attractor": "Such nouns across a noun of the other number",
    "birth_year": "Year of birth of an invented person; person and phrasing held out in combination",
    "closing_tag": "Name of the closing tag in XML; which tag is nested in which held out",
    "fact": "City of an airport or a landmark, capital of a country; fact and phrasing held out in combination",
    "article": "Prompts of the articles (below)",
}

_MODELS = {"model": "this model", "trigram": "trigram", "unigram": "unigram"}
_TEMPLATE = Path(__file__).parent / "card_template.md"


def _percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def _shown(text: str) -> str:
    return "`" + text.replace("\n", "\\n").replace("|", "\\|") + "`"


def _choices(top: list[list[Any]]) -> str:
    return ", ".join(f"{_shown(token)} {_percent(probability)}" for token, probability in top)


def _accuracy_row(task: str, report: dict[str, Any]) -> str:
    result, after = report["accuracy"][task], report["accuracy_after_end_of_text"][task]
    cells = [
        f"`{task}`",
        _TASKS[task],
        f"{result['right']}/{result['asked']}",
        _percent(result["accuracy"]),
        f">= {_percent(BOUNDS[task])}" if task in BOUNDS else "",
        _percent(after["accuracy"]),
    ]
    return "| " + " | ".join(cells) + " |"


def _loss_row(label: str, loss: float, bytes_per_token: float) -> str:
    return f"| {label} | {loss:.3f} | {exp(loss):.1f} | {loss / log(2) / bytes_per_token:.3f} |"


def _article_row(entry: dict[str, Any]) -> str:
    expected = _shown(entry["expected"]) + (f" above {_shown(entry['foil'])}" if entry["foil"] else "")
    return f"| {_shown(entry['prompt'])} | {expected} | {_choices(entry['top'][:3])} |"


def _mixture_row(entry: dict[str, Any], patterns: list[str]) -> str:
    shares = (f"{entry['shares'][name]:.0%}" for name in patterns)
    return " | ".join((f"| {entry['from_step']:,}", *shares, f"{entry.get('note', '')} |"))


def card(folder: Path) -> str:
    """The model card of a model that was exported and evaluated with its corpus.

    Args:
        folder: Where the model, ``evaluation.json`` and ``training.json`` are.

    Returns:
        Markdown.

    Raises:
        ValueError: The evaluation lacks the loss on natural text.
    """
    report = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    training = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    recipe, natural = training["recipe"], report["natural_text"]
    if natural is None:
        raise ValueError(
            f"{folder / 'evaluation.json'} lacks the loss on natural text. Run evaluate with --corpus first."
        )
    losses = [_loss_row(label, natural[name], natural["bytes_per_token"]) for name, label in _MODELS.items()]
    articles = [_article_row(entry) for entry in report["article_prompts"]]
    samples = [
        f"Prompt {_shown(sample['prompt'])}, seed {sample['seed']}:\n\n```text\n{sample['text']}\n```"
        for sample in report["samples"]
    ]
    patterns = list(training["history"][0]["shares"])
    mixtures = [
        " | ".join(("| from step", *patterns, "besides |")),
        "|---" * (len(patterns) + 2) + "|",
        *(_mixture_row(entry, patterns) for entry in training["history"]),
    ]
    shares = {"decay_share": _percent(recipe["decay_share"]), "held_out_share": _percent(HELD_OUT_SHARE)}
    return _TEMPLATE.read_text(encoding="utf-8").format(
        **{**recipe, **shares},
        parameters=f"{report['parameters'] / 1e6:.1f} million",
        megabytes=f"{(folder / 'model.safetensors').stat().st_size / 1e6:.1f}",
        seen=f"{training['tokens'] / 1e6:.1f} million",
        steps=f"{training['steps']:,}",
        minutes=f"{training['minutes']:.0f}",
        tokens=f"{natural['tokens']:,}",
        bytes_per_token=f"{natural['bytes_per_token']:.2f}",
        mixtures="\n".join(mixtures),
        losses="\n".join(losses),
        accuracies="\n".join(_accuracy_row(task, report) for task in _TASKS),
        articles="\n".join(articles),
        open="\n".join(f"| {_shown(entry['prompt'])} | {_choices(entry['top'])} |" for entry in report["open_prompts"]),
        samples="\n\n".join(samples),
    )


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ecco_widgets.models.demo.card", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=WEIGHTS, help="the model (default: the embedded one)")
    options = parser.parse_args(arguments)
    target = options.folder / "MODEL_CARD.md"
    target.write_text(card(options.folder), encoding="utf-8")
    print(f"written to {target}")


if __name__ == "__main__":
    main()
