"""Records what the lens sees in the demo model, for the stand-in kernel of the test page.

    python -m tests.browser.standalone.record_lens

Writes ``page/lens-data.json``: runs of the demo model, for each way of reading the best tokens of each layer and
position, and the ranks of some tokens to watch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import ecco_widgets as ecco
from ecco_widgets.analysis.lens import top_tokens, watched
from ecco_widgets.models.trace import Trace
from ecco_widgets.widgets._selection import token_ids
from ecco_widgets.widgets._tokens import describe_run

OUT = Path(__file__).parent / "page" / "lens-data.json"
TOP = 12
RUNS = {
    "numbers": (" 1, 2, 3,", 12, " 4| 5| 6| 7| 1|,| and"),
    "keys": ("The keys to the cabinet", 8, " is| are| was| were| has| have| in| of"),
    "countries": (
        "The countries of the European Union are:\n1. Austria\n2. Belgium\n3. Bulgaria\n4.",
        12,
        " France| Germany| Croatia| Cyprus| the|.",
    ),
}
READINGS = [(True, "block"), (False, "block"), (True, "attention_out"), (True, "ffn_out")]
"""Final norm and site; of long runs the first two only."""
LONG = 25


def _numbers(values: np.ndarray) -> list[Any]:
    """Three significant digits are enough to draw."""
    if values.dtype.kind == "i":
        return values.ravel().tolist()
    return [float(f"{value:.3g}") for value in values.ravel()]


def _reading(trace: Trace, tokens: list[int], *, final_norm: bool, site: str) -> dict[str, Any]:
    following = trace.next_position
    positions = [*trace.explainable, *([] if following is None else [following])]
    tops = {p: top_tokens(trace, p, TOP, final_norm=final_norm, site=site) for p in positions}
    ranks = {p: watched(trace, tokens, p, final_norm=final_norm, site=site) for p in positions}
    return {
        "top": {p: {"ids": _numbers(t.ids), "probabilities": _numbers(t.probabilities)} for p, t in tops.items()},
        "ranks": {
            p: {"ranks": _numbers(w.ranks), "probabilities": _numbers(w.probabilities)} for p, w in ranks.items()
        },
    }


def _run(lm: Any, prompt: str, new: int, watch: str) -> dict[str, Any]:
    trace = lm.generate(prompt, max_new_tokens=new)
    tokens = sorted({*token_ids(trace, watch.split("|")), *trace.token_ids.tolist()})
    readings = {
        f"{int(final_norm)}|{site}": _reading(trace, tokens, final_norm=final_norm, site=site)
        for final_norm, site in (READINGS[:2] if trace.n_tokens > LONG else READINGS)
    }
    ids = {i for reading in readings.values() for top in reading["top"].values() for i in top["ids"]} | set(tokens)
    return {
        **describe_run(trace),
        "layers": lm.n_layers,
        "most_top": TOP,
        "next_position": trace.next_position,
        "watchable": tokens,
        "texts": {i: lm.token_text(i) for i in sorted(ids)},
        "readings": readings,
    }


def main() -> None:
    """Write the file."""
    lm = ecco.load_demo()
    data = {name: _run(lm, *run) for name, run in RUNS.items()}
    OUT.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
