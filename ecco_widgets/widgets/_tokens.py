"""What a view needs to know of a run: its tokens, the parts of its sequence, which positions can be chosen."""

from __future__ import annotations

from typing import Any

from ecco_widgets.models.trace import Trace


def describe_run(trace: Trace) -> dict[str, Any]:
    """Values of the traits ``_tokens`` and ``_model`` that every widget of a run has."""
    lm, pieces = trace.lm, trace.pieces
    return {
        "_tokens": {
            "run": trace.id,
            "texts": list(pieces.texts),
            "ids": trace.token_ids.tolist(),
            "n_prompt": trace.n_prompt,
            "special": list(pieces.special),
            "fragments": [list(run) for run in pieces.fragments],
            "first_position": trace.first_position,
            "kind": trace.kind,
            "n_source": trace.n_source,
            "segments": [{"name": part.name, "start": part.start, "stop": part.stop} for part in trace.segments],
            "explainable": list(trace.explainable),
        },
        "_model": {"name": lm.name, "layers": lm.n_layers, "vocabulary": lm.vocabulary, "context": lm.context or 0},
    }


def default_position(trace: Trace) -> int | None:
    """The first generated token; where nothing was generated, the one that would come next.

    Else (masked models) the first position that is explained by default; ``None`` where nothing can be.
    """
    if not trace.n_generated and trace.next_position is not None:
        return trace.next_position
    return next(iter(trace.output_positions), trace.next_position)
