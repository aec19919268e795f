"""What would each layer have said? The logit lens: every layer's state through the final norm and the head.

Source: nostalgebraist 2020, "interpreting GPT: the logit lens"; Alammar 2020/2021 (rankings, layer predictions).

Unlike in Ecco, the final norm, and whatever else the model does between its last block and its logits, is applied to
every layer's state; ``final_norm=False`` leaves the norm out and gives Ecco's figures.

All functions take these:

- ``site``: which states are looked at. "block" (what leaves each block), "attention_out" (the residual stream between
  attention and FFNN of each block), "ffn_out" (what each FFNN adds to it).
- ``progress``: called with (done, total, label) between steps; raise in it to cancel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecco_widgets.analysis._lens_pass import Progress, Wanted, look
from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.class_trace import ClassTrace
from ecco_widgets.models.sites import SITES
from ecco_widgets.models.trace import Trace

__all__ = [
    "SITES",
    "LensStatistics",
    "TopTokens",
    "Watched",
    "lens_statistics",
    "token_ranks",
    "top_tokens",
    "watched",
    "watched_ranks",
]

_DEFAULT_TOP = 10


@dataclass(frozen=True)
class TopTokens:
    """The best tokens (or classes) of each layer at one position.

    Attributes:
        position: The predicted position.
        ids: Token ids, best first, shape (L, k).
        probabilities: Their probabilities, shape (L, k).
        texts: Their texts, L lists of k strings.
    """

    position: int
    ids: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    texts: list[list[str]]


@dataclass(frozen=True)
class Watched:
    """How each layer ranks W tokens (or classes) at one position.

    Attributes:
        position: The predicted position.
        ids: Their ids, shape (W,).
        texts: Their texts.
        ranks: 1 is best, shape (L, W).
        probabilities: Under each layer's softmax, shape (L, W).
    """

    position: int
    ids: NDArray[np.int64]
    texts: list[str]
    ranks: NDArray[np.int32]
    probabilities: NDArray[np.float32]


@dataclass(frozen=True)
class LensStatistics:
    """How each layer's prediction of each position compares with the final one.

    Attributes:
        positions: P predicted positions.
        rank: Rank of the token that stands there, 1 is best, shape (L, P).
        log_probability: Its log-probability in nats, shape (L, P).
        entropy: Entropy of the layer's prediction in nats, shape (L, P).
        kl: Kullback-Leibler divergence of the model's final prediction from the layer's, sum of p_final log(p_final /
            p_layer), in nats, shape (L, P). Zero in the last row for what leaves the block, with the final norm.
        top_ids: Ids of the best tokens, best first, shape (L, P, top).
        top_probabilities: Their probabilities, shape (L, P, top).
    """

    positions: NDArray[np.int64]
    rank: NDArray[np.int32]
    log_probability: NDArray[np.float32]
    entropy: NDArray[np.float32]
    kl: NDArray[np.float32]
    top_ids: NDArray[np.int64]
    top_probabilities: NDArray[np.float32]


def token_ranks(
    trace: Trace,
    tokens: Sequence[int | str] | None = None,
    *,
    positions: Sequence[int] | None = None,
    final_norm: bool = True,
    site: str = "block",
    progress: Progress | None = None,
) -> NDArray[np.int32]:
    """How does each layer rank the token at each position?

    Args:
        trace: The run.
        tokens: P tokens (ids or texts) to rank, one for each position; those that stand there by default.
        positions: P predicted positions; ``trace.output_positions`` by default: what was generated, or all where
            nothing was.
        final_norm: ``False`` gives Ecco's figures.
        site: "block", "attention_out" or "ffn_out".
        progress: Called between steps.

    Returns:
        Shape (L, P): 1 + the number of tokens with a strictly larger logit. Row l is the state of block l.

    Raises:
        InvalidInput: If a position has no prediction, or a text is not one token.
        NonFinite: If a logit is NaN or infinite.
        UnsupportedModel: If the model's blocks, or the place in them, can't be found.

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo().generate(" 1, 2, 3,", generate=4)
        >>> token_ranks(out)[-1].tolist()
        [1, 1, 1, 1]
    """
    _check_options(trace, site)
    rows = _positions(trace, positions, allow_next=tokens is not None)
    chosen = _own_ids(trace, rows) if tokens is None else _ids(trace, tokens, len(rows))
    wanted = Wanted(rows, chosen[:, None], final_norm=final_norm, site=site, softmax=False)
    return look(trace, wanted, progress).rank[:, :, 0]


def watched(
    trace: Trace,
    watch: Sequence[int | str],
    position: int = -1,
    *,
    final_norm: bool = True,
    site: str = "block",
    progress: Progress | None = None,
) -> Watched:
    """How does each layer rank some tokens at one position, and how probable does it find them?

    Args:
        trace: The run.
        watch: W tokens, as texts (with their leading space) or ids; of a classifier, names or indices of classes.
        position: The predicted position; the last token's by default. ``trace.next_position`` is the one after it.
        final_norm: ``False`` gives Ecco's figures.
        site: "block", "attention_out" or "ffn_out".
        progress: Called between steps.

    Returns:
        Ranks and probabilities, shape (L, W).

    Raises:
        InvalidInput: If nothing is watched, the position has no prediction, or a text is not one token.
        NonFinite: If a logit is NaN or infinite.
        UnsupportedModel: If the model's blocks, or the place in them, can't be found.

    Example:
        >>> import ecco_widgets as ecco
        >>> found = watched(ecco.load_demo()("The keys to the cabinet"), [" is", " are"], position=5)
        >>> found.texts, found.probabilities.shape == (ecco.load_demo().n_layers, 2)
        ([' is', ' are'], True)
    """
    found, index, ids = _watched(trace, watch, position, site, progress, final_norm=final_norm, softmax=True)
    return Watched(
        position=index,
        ids=ids.numpy(),
        texts=[trace.lm.token_text(token) for token in ids.tolist()],
        ranks=found[0],
        probabilities=found[1],
    )


def watched_ranks(
    trace: Trace,
    watch: Sequence[int | str],
    position: int = -1,
    *,
    final_norm: bool = True,
    site: str = "block",
    progress: Progress | None = None,
) -> NDArray[np.int32]:
    """How does each layer rank some tokens at one position? The ranks of ``watched``, shape (L, W).

    Arguments and errors are the same.

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo().generate("The keys to the cabinet", generate=1)
        >>> is_, are = watched_ranks(out, [" is", " are"])[-1]
        >>> bool(are < is_)
        True
    """
    return _watched(trace, watch, position, site, progress, final_norm=final_norm, softmax=False)[0][0]


def top_tokens(
    trace: Trace,
    position: int = -1,
    k: int | None = None,
    *,
    final_norm: bool = True,
    site: str = "block",
    progress: Progress | None = None,
) -> TopTokens:
    """Which tokens would each layer have predicted?

    Args:
        trace: The run.
        position: The predicted position; the last token's by default. ``trace.next_position`` is the one after it.
        k: How many tokens; 10 by default, or all where there are fewer.
        final_norm: ``False`` gives Ecco's figures.
        site: "block", "attention_out" or "ffn_out".
        progress: Called between steps.

    Returns:
        The k best tokens of each layer with their probabilities under that layer's softmax.

    Raises:
        InvalidInput: If the position has no prediction, or k is not in 1..V.
        NonFinite: If a logit is NaN or infinite.
        UnsupportedModel: If the model's blocks, or the place in them, can't be found.

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo()(" 1, 2, 3,")
        >>> top_tokens(out, position=out.next_position, k=3).texts[-1][0]
        ' 4'
    """
    _check_options(trace, site)
    k = min(_DEFAULT_TOP, trace.lm.vocabulary) if k is None else _check_count("k", k, 1, trace)
    index = trace.check_position(position, allow_next=True)
    found = look(trace, Wanted([index], final_norm=final_norm, site=site, top=k), progress)
    ids = found.top_ids[:, 0]
    return TopTokens(
        position=index,
        ids=ids,
        probabilities=np.exp(found.top_log_probability[:, 0]),
        texts=[[trace.lm.token_text(token) for token in row] for row in ids.tolist()],
    )


def lens_statistics(
    trace: Trace,
    positions: Sequence[int] | None = None,
    *,
    final_norm: bool = True,
    site: str = "block",
    top: int = 0,
    progress: Progress | None = None,
) -> LensStatistics:
    """When did the model decide? Rank, log-probability, entropy and divergence from the final prediction.

    Args:
        trace: The run.
        positions: P predicted positions; as for ``token_ranks`` by default.
        final_norm: ``False`` leaves the final norm out of the layers' predictions, not of the final one.
        site: "block", "attention_out" or "ffn_out".
        top: How many best tokens to tell for each layer and position, too.
        progress: Called between steps.

    Returns:
        Arrays of shape (L, P), or (L, P, top).

    Raises:
        InvalidInput: If a position has no prediction, or ``top`` is not in 0..V.
        NonFinite: If a logit is NaN or infinite.
        UnsupportedModel: If the model's blocks, or the place in them, can't be found.

    Example:
        >>> import ecco_widgets as ecco
        >>> found = lens_statistics(ecco.load_demo().generate(" 1, 2, 3,", generate=4))
        >>> found.kl[-1].tolist()
        [0.0, 0.0, 0.0, 0.0]
    """
    _check_options(trace, site)
    _check_count("top", top, 0, trace)
    rows = _positions(trace, positions)
    wanted = Wanted(
        rows, _own_ids(trace, rows)[:, None], final_norm=final_norm, site=site, top=top, softmax=True, spread=True
    )
    found = look(trace, wanted, progress)
    return LensStatistics(
        positions=np.array(rows, dtype=np.int64),
        rank=found.rank[:, :, 0],
        log_probability=found.log_probability[:, :, 0],
        entropy=found.entropy,
        kl=found.kl,
        top_ids=found.top_ids,
        top_probabilities=np.exp(found.top_log_probability),
    )


def _watched(
    trace: Trace,
    watch: Sequence[int | str],
    position: int,
    site: str,
    progress: Progress | None,
    *,
    final_norm: bool,
    softmax: bool,
) -> tuple[tuple[NDArray[np.int32], NDArray[np.float32]], int, Tensor]:
    """Ranks and probabilities (L, W), the position, the tokens' ids."""
    _check_options(trace, site)
    if isinstance(watch, (str, bytes)) or not isinstance(watch, Sequence | np.ndarray) or not len(watch):
        raise InvalidInput(f"watch must be a list of tokens, got {watch!r}.", hint="For example watch=[' is', ' are'].")
    index = trace.check_position(position, allow_next=True)
    ids = _ids(trace, watch, len(watch))
    found = look(trace, Wanted([index], ids[None], final_norm=final_norm, site=site, softmax=softmax), progress)
    return (found.rank[:, 0], np.exp(found.log_probability[:, 0])), index, ids


def _check_options(trace: object, site: str) -> None:
    if not isinstance(trace, Trace):
        raise InvalidInput(
            f"expected a trace, got {type(trace).__name__}.",
            hint="Make one with lm.generate(...), lm.score(...) or lm(text).",
        )
    if site not in SITES:
        raise InvalidInput(f"site must be one of {', '.join(map(repr, SITES))}, got {site!r}.")
    if site != "block" and isinstance(trace, ClassTrace):
        raise UnsupportedModel(
            f"{trace.lm.name} is a classifier, which reads the states of all tokens; site={site!r} is for models that "
            "predict tokens.",
            hint="Leave site out.",
        )


def _check_count(name: str, value: object, least: int, trace: Trace) -> int:
    n = trace.lm.vocabulary
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not least <= value <= n:
        what = "number of classes" if isinstance(trace, ClassTrace) else "vocabulary"
        raise InvalidInput(f"{name} must be an integer in {least}..{n} (the {what}), got {value!r}.")
    return int(value)


def _positions(trace: Trace, positions: Sequence[int] | None, *, allow_next: bool = False) -> list[int]:
    if positions is None:
        return list(trace.output_positions) or [trace.check_position(trace.first_position)]
    if isinstance(positions, (int, np.integer)):
        raise InvalidInput(f"positions must be a list of integers, got {positions!r}.", hint=f"Pass [{positions}].")
    if not len(positions):
        raise InvalidInput("positions is empty.", hint="Leave it out to take all generated tokens.")
    return [trace.check_position(position, allow_next=allow_next) for position in positions]


def _own_ids(trace: Trace, positions: Sequence[int]) -> Tensor:
    """Ids (P,) of the tokens that stand at the positions."""
    ids = trace.ids_at(positions).cpu()
    for position, token in zip(positions, ids.tolist(), strict=True):
        _check_has_logit(trace, token, f"the token at position {position}")
    return ids


def _ids(trace: Trace, tokens: Sequence[int | str], expected: int) -> Tensor:
    if isinstance(tokens, str) or len(tokens) != expected:
        raise InvalidInput(f"tokens must hold one token for each of {expected} positions, got {len(tokens)}.")
    ids = [trace.lm.token_id(token) for token in tokens]
    for token, given in zip(ids, tokens, strict=True):
        _check_has_logit(trace, token, f"token {given!r}")
    return torch.tensor(ids)


def _check_has_logit(trace: Trace, token: int, what: str) -> None:
    # Tokenizers may have entries, added ones for example, that the unembedding has no row for.
    if token >= trace.lm.vocabulary:
        raise InvalidInput(
            f"{what} has the id {token}, but the model has logits for {trace.lm.vocabulary} tokens only.",
            hint="It cannot be predicted, so it has no rank.",
        )
