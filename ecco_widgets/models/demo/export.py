"""Turns a training run into the folder that ships: ``python -m ecco_widgets.models.demo.export RUN [WEIGHTS]``.

Writes the model in half precision, the tokenizer and a thinned record of the training; `evaluate` and `card` add
their files.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from transformers import GenerationConfig, PreTrainedTokenizerFast

from ecco_widgets.models.demo import WEIGHTS
from ecco_widgets.models.demo.recipe import Recipe, build_model
from ecco_widgets.models.demo.training import CHECKPOINT, LOG

__all__ = ["export", "main", "thin"]

_RECORD_LINES = 250


def thin(lines: list[str], keep: int = _RECORD_LINES) -> list[str]:
    """Keeps about so many lines, evenly spaced; the last line and those with a held-out loss always stay.

    Example:
        >>> thin([str(n) for n in range(10)], keep=5)
        ['0', '2', '4', '6', '8', '9']
    """
    step = max(1, len(lines) // keep)
    return [line for n, line in enumerate(lines) if n % step == 0 or n == len(lines) - 1 or "held_out_loss" in line]


def export(run: Path, weights: Path) -> None:
    """Writes the shipped files of a run.

    Args:
        run: Folder of a training run with a checkpoint.
        weights: Folder to write; files of the same name are replaced.
    """
    state = torch.load(run / CHECKPOINT, map_location="cpu", weights_only=False)
    model = build_model(Recipe(**state["recipe"]))
    model.load_state_dict(state["model"])
    weights.mkdir(parents=True, exist_ok=True)
    model.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=0, pad_token_id=0)
    model.half().save_pretrained(weights)
    # safetensors makes its file private; a package is for everybody.
    (weights / "model.safetensors").chmod(0o644)
    # Stored in half precision, loaded in single: half is slow on CPUs and too coarse for gradients.
    _edit(weights / "config.json", {"dtype": "float32"})
    PreTrainedTokenizerFast.from_pretrained(run / "tokenizer").save_pretrained(weights)
    # Named as transformers 4 and 5 both know it, and without what only tells how it was loaded here. GPT-2 takes no
    # token types: older versions would pass them along and `generate` would refuse them.
    _edit(
        weights / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": ["input_ids", "attention_mask"]},
        drop=("backend", "is_local", "local_files_only"),
    )
    training = {
        "recipe": state["recipe"],
        "history": state["history"],
        "steps": state["step"],
        "tokens": state["tokens"],
        "minutes": round(state["seconds"] / 60, 1),
    }
    (weights / "training.json").write_text(json.dumps(training, indent=2) + "\n", encoding="utf-8")
    lines = (run / LOG).read_text(encoding="utf-8").splitlines()
    # A run that was cut off logged steps that its checkpoint does not hold, and logs them again when resumed.
    latest = {json.loads(line)["step"]: line for line in lines}
    kept = [line for step, line in sorted(latest.items()) if step <= state["step"]]
    (weights / "training_record.jsonl").write_text("\n".join(thin(kept)) + "\n", encoding="utf-8")


def _edit(file: Path, changes: dict[str, object], drop: tuple[str, ...] = ()) -> None:
    """Changes and drops entries of a JSON file."""
    content = {**json.loads(file.read_text(encoding="utf-8")), **changes}
    kept = {name: value for name, value in content.items() if name not in drop}
    file.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ecco_widgets.models.demo.export", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of the training run")
    parser.add_argument(
        "weights", type=Path, nargs="?", default=WEIGHTS, help="folder to write (default: the embedded model's)"
    )
    options = parser.parse_args(arguments)
    export(options.run, options.weights)
    size = sum(file.stat().st_size for file in options.weights.iterdir()) / 1e6
    print(f"{options.weights}: {size:.1f} MB")


if __name__ == "__main__":
    main()
