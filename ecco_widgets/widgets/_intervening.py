"""What the widgets of factors and neurons ask of the worker when neurons are changed, and how a page may ask for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ecco_widgets.analysis.interventions import Intervened, intervene
from ecco_widgets.analysis.targets import check_choice
from ecco_widgets.errors import InvalidInput
from ecco_widgets.live import Job
from ecco_widgets.live.messages import InvalidMessage
from ecco_widgets.models.trace import Trace
from ecco_widgets.widgets._shown_states import ShownStates

N_RANDOM = 10
TOP = 5


def unavailable(shown: ShownStates) -> str:
    """Why neurons can't be changed here, or ""."""
    return "only the decoder's neurons can be changed." if shown.stack == "encoder" else ""


def check_action(params: Mapping[str, Any], actions: Sequence[str]) -> tuple[str, float | None]:
    """Action and value of a request.

    Raises:
        InvalidInput: If the action is unknown, or its value missing or of no use.
        InvalidMessage: If they are of the wrong type.
    """
    action, value = params.get("action", "zero"), params.get("value")
    if not isinstance(action, str):
        raise InvalidMessage("action must be a string.")
    action = check_choice("action", action, list(actions))
    if action not in {"scale", "set"}:
        if value is not None:
            raise InvalidInput(f"action {action!r} takes no value, got {value!r}.", hint="Use 'scale' with a factor.")
        return action, None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidInput(f"action {action!r} needs a number as its value, got {value!r}.")
    return action, float(value)


def changed(
    job: Job, shown: ShownStates, text: int, neurons: Mapping[int, Sequence[int]], params: Mapping[str, Any]
) -> dict[str, Any]:
    """Run one text with its neurons changed; what the answer says of it (``_schema_factors.Ablation``).

    Args:
        job: Is told how far it is, and whether it goes on.
        shown: The run.
        text: Which text of a batch.
        neurons: Indices by layer.
        params: "action", "value".
    """
    result = intervene(
        shown.traces[text],
        neurons,
        params["action"],
        value=params["value"],
        topk=min(TOP, shown.lm.vocabulary),
        n_random=N_RANDOM,
        progress=job.progress,
    )
    return {
        "action": result.action,
        "value": result.value,
        "n_neurons": result.n_neurons,
        "n_random": len(result.random_log_probability),
        "random_overlap": result.random_overlap,
        "text": text,
        "n_prompt": result.before.n_prompt,
        "before": _tokens(result.before),
        "after": None if result.after is None else _tokens(result.after),
        "first_changed": result.first_changed,
        "log_p": _changes(result, shown.starts[text]),
        "position": shown.starts[text] + result.position,
        "top_before": _best(result.top),
        "top_after": _best(result.changed_top),
    }


def _tokens(trace: Trace) -> dict[str, Any]:
    return {"texts": list(trace.pieces.texts), "ids": trace.token_ids.tolist()}


def _changes(result: Intervened, start: int) -> list[dict[str, Any]]:
    random = result.random_log_probability
    return [
        {
            "position": start + position,
            "before": float(result.log_probability[p]),
            "after": float(result.changed_log_probability[p]),
            "random_mean": float(random[:, p].mean()) if len(random) else None,
            "random_spread": float(random[:, p].std()) if len(random) else None,
        }
        for p, position in enumerate(result.positions.tolist())
    ]


def _best(top: Any) -> list[dict[str, Any]]:
    return [{"text": text, "p": float(p)} for text, p in zip(top.texts[0], top.probabilities[0], strict=True)]
