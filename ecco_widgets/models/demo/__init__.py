"""The embedded demo model: a small GPT-2 trained by this package, its recipe and its evidence.

Public here: `WEIGHTS`, the folder with the model and its tokenizer. Importing this room loads no torch;
`train`, `evaluate` and `card` are commands (``python -m ecco_widgets.models.demo.train --help``).
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["WEIGHTS"]

WEIGHTS: Path = Path(__file__).parent / "weights"
"""Folder that `transformers.GPT2LMHeadModel.from_pretrained` and `AutoTokenizer.from_pretrained` load offline."""
