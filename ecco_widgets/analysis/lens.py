"""What would each layer have said? The logit lens: every layer's state through the final norm and the head.

Source: nostalgebraist 2020, "interpreting GPT: the logit lens"; Alammar 2020/2021 (rankings, layer predictions).

Unlike in Ecco, the final norm, and whatever else the model does between its last block and its logits, is applied to
every layer's state; ``final_norm=False`` leaves the norm out and gives Ecco's figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecco_widgets.errors import InvalidInput
from ecco_widgets.models.trace import Trace, at_least_single, check_logits

# Logits of one chunk of states, and what is made of them, may take this many bytes together.
_LOGIT_BYTES = 56 << 20
# Bytes for each logit: itself and a comparison; itself, three softmaxes and their products.
_TO_COUNT, _TO_MEASURE = 5, 28


@dataclass(frozen=True)
class TopTokens:
    """The best tokens of each layer at one position.

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
class LensStatistics:
    """How each layer's prediction of each position compares with the final one.

    Attributes:
        positions: P predicted positions.
        rank: Rank of the token that stands there, 1 is best, shape (L, P).
        log_probability: Its log-probability in nats, shape (L, P).
        entropy: Entropy of the layer's prediction in nats, shape (L, P).
        kl: Kullback-Leibler divergence of the final prediction from the layer's, sum of p_final log(p_final / p_layer),
            in nats, shape (L, P); zero in the last row.
    """

    positions: NDArray[np.int64]
    rank: NDArray[np.int32]
    log_probability: NDArray[np.float32]
    entropy: NDArray[np.float32]
    kl: NDArray[np.float32]


def token_ranks(
    trace: Trace,
    tokens: Sequence[int | str] | None = None,
    *,
    positions: Sequence[int] | None = None,
    final_norm: bool = True,
) -> NDArray[np.int32]:
    """How does each layer rank the token at each position?

    Args:
        trace: The run.
        tokens: P tokens (ids or texts) to rank, one for each position; those that stand there by default.
        positions: P predicted positions; the generated tokens by default, or all where nothing was generated.
        final_norm: ``False`` gives Ecco's figures.

    Returns:
        Shape (L, P): 1 + the number of tokens with a strictly larger logit. Row l is the state after block l.

    Raises:
        InvalidInput: If a position has no prediction, or a text is not one token.
        NonFinite: If a logit is NaN or infinite.
        UnsupportedModel: If the model's blocks can't be found.

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo().generate(" 1, 2, 3,", generate=4)
        >>> token_ranks(out)[-1].tolist()
        [1, 1, 1, 1]
    """
    rows = _positions(trace, positions)
    chosen = trace.ids_at(rows) if tokens is None else _ids(trace, tokens, len(rows))
    n_layers = trace.lm.n_layers
    ranks = np.empty((n_layers, len(rows)), dtype=np.int32)

    def count(logits: Tensor, cells: slice) -> None:
        own = chosen.repeat(n_layers)[cells]
        ranks.reshape(-1)[cells] = _ranks(logits, own)

    _each_chunk(trace, rows, count, final_norm=final_norm)
    return ranks


def watched_ranks(
    trace: Trace, watch: Sequence[int | str], position: int = -1, *, final_norm: bool = True
) -> NDArray[np.int32]:
    """How does each layer rank some tokens at one position?

    Args:
        trace: The run.
        watch: W tokens, as texts (with their leading space) or ids.
        position: The predicted position; the last token's by default.
        final_norm: ``False`` gives Ecco's figures.

    Returns:
        Shape (L, W).

    Raises:
        InvalidInput: If nothing is watched, the position has no prediction, or a text is not one token.

    Example:
        >>> import ecco_widgets as ecco
        >>> out = ecco.load_demo().generate("The keys to the cabinet", generate=1)
        >>> is_, are = watched_ranks(out, [" is", " are"])[-1]
        >>> bool(are < is_)
        True
    """
    if not watch or isinstance(watch, str):
        raise InvalidInput(f"watch must be a list of tokens, got {watch!r}.", hint="For example watch=[' is', ' are'].")
    row = [trace.check_position(position)]
    chosen = _ids(trace, watch, len(watch))
    ranks = np.empty((trace.lm.n_layers, len(watch)), dtype=np.int32)

    def count(logits: Tensor, cells: slice) -> None:
        for column, token in enumerate(chosen):
            ranks[cells, column] = _ranks(logits, token.expand(len(logits)))

    _each_chunk(trace, row, count, final_norm=final_norm)
    return ranks


def top_tokens(trace: Trace, position: int = -1, k: int = 10, *, final_norm: bool = True) -> TopTokens:
    """Which tokens would each layer have predicted?

    Args:
        trace: The run.
        position: The predicted position; the last token's by default.
        k: How many tokens.
        final_norm: ``False`` gives Ecco's figures.

    Returns:
        The k best tokens of each layer with their probabilities under that layer's softmax.

    Raises:
        InvalidInput: If the position has no prediction, or k is not in 1..V.
    """
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= trace.lm.vocabulary:
        raise InvalidInput(f"k must be an integer in 1..{trace.lm.vocabulary} (the vocabulary), got {k!r}.")
    index = trace.check_position(position)
    ids = np.empty((trace.lm.n_layers, k), dtype=np.int64)
    probabilities = np.empty((trace.lm.n_layers, k), dtype=np.float32)

    def best(logits: Tensor, cells: slice) -> None:
        top = logits.topk(k, dim=-1)
        ids[cells] = top.indices.cpu().numpy()
        probabilities[cells] = (top.values - logits.logsumexp(dim=-1, keepdim=True)).exp().float().cpu().numpy()

    _each_chunk(trace, [index], best, final_norm=final_norm)
    texts = [[trace.lm.token_text(int(token)) for token in row] for row in ids]
    return TopTokens(position=index, ids=ids, probabilities=probabilities, texts=texts)


def lens_statistics(trace: Trace, positions: Sequence[int] | None = None, *, final_norm: bool = True) -> LensStatistics:
    """When did the model decide? Rank, log-probability, entropy and divergence from the final prediction.

    Args:
        trace: The run.
        positions: P predicted positions; as for ``token_ranks`` by default.
        final_norm: ``False`` leaves the final norm out.

    Returns:
        Arrays of shape (L, P).

    Raises:
        InvalidInput: If a position has no prediction.
        NonFinite: If a logit is NaN or infinite.
    """
    rows = _positions(trace, positions)
    n_layers, n_rows = trace.lm.n_layers, len(rows)
    tokens = trace.ids_at(rows).repeat(n_layers)
    rank = np.empty((n_layers, n_rows), dtype=np.int32)
    columns = {name: np.empty((n_layers, n_rows), dtype=np.float32) for name in ("log_probability", "entropy", "kl")}

    def measure(logits: Tensor, cells: slice) -> None:
        own = tokens[cells]
        rank.reshape(-1)[cells] = _ranks(logits, own)
        log_p = torch.log_softmax(logits, dim=-1)
        final = [rows[cell % n_rows] for cell in range(cells.start, cells.start + len(logits))]
        log_final = torch.log_softmax(trace.logits(final), dim=-1)
        values = {
            "log_probability": log_p.gather(1, own[:, None])[:, 0],
            "entropy": -_expected(log_p, log_p),
            "kl": _expected(log_final, log_final - log_p),
        }
        for name, value in values.items():
            columns[name].reshape(-1)[cells] = value.float().cpu().numpy()

    _each_chunk(trace, rows, measure, final_norm=final_norm, bytes_each=_TO_MEASURE)
    return LensStatistics(positions=np.array(rows), rank=rank, **columns)


def _each_chunk(
    trace: Trace,
    positions: Sequence[int],
    use: Callable[[Tensor, slice], None],
    *,
    final_norm: bool,
    bytes_each: int = _TO_COUNT,
) -> None:
    """Give the logits of all (layer, position) pairs, layers outermost, to ``use``, a bounded number at a time."""
    states = trace.hidden_states[1:, [position - 1 for position in positions]]
    flat = states.reshape(-1, states.shape[-1])
    chunk = max(1, _LOGIT_BYTES // (trace.lm.vocabulary * bytes_each))
    with torch.no_grad(), trace.lm.running():
        for cells in _slices(len(flat), chunk):
            finished = trace.lm.blocks.finish(flat[cells], final_norm=final_norm)
            logits = at_least_single(trace.lm.parts.logits(finished))
            check_logits(logits, [positions[cell % len(positions)] for cell in range(cells.start, cells.stop)])
            use(logits, cells)


def _slices(total: int, size: int) -> Iterator[slice]:
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))


def _ranks(logits: Tensor, tokens: Tensor) -> NDArray[np.int32]:
    # The own logit is taken from the same matrix, so it can't beat itself by rounding.
    own = logits.gather(1, tokens[:, None])
    ranks: NDArray[np.int32] = (1 + (logits > own).sum(dim=-1)).cpu().numpy().astype(np.int32)
    return ranks


def _expected(log_p: Tensor, values: Tensor) -> Tensor:
    """Sum of p * value over the vocabulary; entries of probability zero count nothing, whatever their value."""
    return torch.where(torch.isneginf(log_p), 0.0, log_p.exp() * values).sum(dim=-1)


def _positions(trace: Trace, positions: Sequence[int] | None) -> list[int]:
    if positions is None:
        return list(trace.output_positions) or [trace.check_position(trace.first_position)]
    if not len(positions):
        raise InvalidInput("positions is empty.", hint="Leave it out to take all generated tokens.")
    return [trace.check_position(position) for position in positions]


def _ids(trace: Trace, tokens: Sequence[int | str], expected: int) -> Tensor:
    if len(tokens) != expected:
        raise InvalidInput(f"tokens must hold one token for each of {expected} positions, got {len(tokens)}.")
    return torch.tensor([trace.lm.token_id(token) for token in tokens], device=trace.lm.device)
