"""Generation on top of transformers: arguments checked, each token reported as it is chosen, seeds that stay local."""

from __future__ import annotations

import contextlib
import copy
import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    StoppingCriteria,
    StoppingCriteriaList,
)

from ecco_widgets.errors import EccoError, InvalidInput, NonFinite

OnToken = Callable[[int], "bool | None"]
"""Called with the id of each new token; ``False`` ends generation."""

_DEFAULT_TOKENS = 20


def generation_config(
    model: PreTrainedModel,
    n_prompt: int,
    generate: int | None,
    max_length: int | None,
    options: Mapping[str, Any],
) -> tuple[GenerationConfig, int]:
    """The model's own generation settings with what the user asked for, greedy unless said otherwise.

    Args:
        model: The model whose defaults apply.
        n_prompt: Number of prompt tokens.
        generate: Number of new tokens, or ``None``.
        max_length: Total number of tokens, or ``None``.
        options: Arguments of ``GenerationConfig``.

    Returns:
        The configuration and the most tokens it adds.

    Raises:
        InvalidInput: If an option is unknown (a near miss is suggested) or a number is out of range.
    """
    _check_names(options)
    n_new = _tokens_to_add(n_prompt, generate, max_length, options)
    config = copy.deepcopy(model.generation_config or GenerationConfig())
    if "do_sample" not in options:
        # Checkpoints often ask for sampling; an explanation begins with the model's first choice.
        config.do_sample = False
        for name in ("temperature", "top_k", "top_p"):
            if name not in options:
                setattr(config, name, getattr(GenerationConfig(), name))
    with _explained():
        config.update(**options)
    if (config.num_return_sequences or 1) != 1:
        raise InvalidInput(
            f"num_return_sequences must be 1, got {config.num_return_sequences!r}: a trace holds one run.",
            hint="Call generate again, with another seed, for another one.",
        )
    config.max_length, config.max_new_tokens = None, n_new
    if config.pad_token_id is None:
        end = config.eos_token_id
        config.pad_token_id = end[0] if isinstance(end, list) else end
    return config, n_new


def _check_names(options: Mapping[str, Any]) -> None:
    known = {name for name in vars(GenerationConfig()) if not name.startswith("_")}
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1)
            hint = f"Did you mean {near[0]!r}?" if near else "See transformers' GenerationConfig for all arguments."
            raise InvalidInput(f"generate() has no argument {name!r}.", hint=hint)


def _tokens_to_add(n_prompt: int, generate: int | None, max_length: int | None, options: Mapping[str, Any]) -> int:
    if generate is not None and max_length is not None:
        raise InvalidInput(f"give generate or max_length, not both (got {generate} and {max_length}).")
    if max_length is not None:
        if not isinstance(max_length, (int, np.integer)) or max_length <= n_prompt:
            raise InvalidInput(
                f"max_length must be an integer above the prompt's {n_prompt} tokens, got {max_length!r}.",
                hint="Or say generate=..., the number of new tokens.",
            )
        return int(max_length) - n_prompt
    n_new = options.get("max_new_tokens", _DEFAULT_TOKENS) if generate is None else generate
    if not isinstance(n_new, (int, np.integer)) or isinstance(n_new, bool) or n_new < 1:
        raise InvalidInput(f"generate must be a positive integer, got {n_new!r}.")
    return int(n_new)


def generate_ids(
    model: PreTrainedModel,
    prompt: list[int],
    config: GenerationConfig,
    *,
    seed: int | None,
    on_token: OnToken | None,
    device: torch.device,
    tokenizer: PreTrainedTokenizerBase | None = None,
) -> list[int]:
    """Ids of prompt and output.

    Raises:
        InvalidInput: If transformers refuses the configuration.
        NonFinite: If there is nothing to sample from, because logits are not finite.
    """
    check_seed(seed)
    ids = torch.tensor(prompt, device=device)[None]
    each = _EachToken(on_token) if on_token is not None and config.num_beams in {None, 1} else None
    with torch.no_grad(), _seeded(seed, device), _explained(each):
        output = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            generation_config=config,
            stopping_criteria=StoppingCriteriaList([each] if each else []),
            tokenizer=tokenizer,  # for stop_strings
        )
    sequences = getattr(output, "sequences", output)  # with return_dict_in_generate
    return [int(token) for token in sequences[0]]


def check_seed(seed: int | None) -> None:
    """Refuse what torch's generators can't be seeded with.

    Raises:
        InvalidInput: If it is neither ``None`` nor an integer from 0 to 2^63-1.
    """
    integer = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if seed is not None and not (integer and 0 <= seed < 2**63):
        raise InvalidInput(f"seed must be an integer from 0 to 2^63-1, got {seed!r}.")


@contextlib.contextmanager
def _explained(each: _EachToken | None = None) -> Iterator[None]:
    """Errors that transformers raises for its arguments, as ours; those of the user's callback as they are."""
    try:
        yield
    except (ValueError, TypeError, ZeroDivisionError, RuntimeError) as error:
        if (each and each.error is error) or isinstance(error, EccoError):
            raise
        if isinstance(error, RuntimeError):
            if "probability tensor contains" not in str(error):
                raise
            raise NonFinite(
                "the model's logits contain NaN or infinity, so no token can be sampled.",
                hint="Load the weights in float32 (dtype='float32'), or check the checkpoint.",
            ) from error
        raise InvalidInput(f"these generation arguments cannot be used: {error}") from error


class _EachToken(StoppingCriteria):
    """Reports each new token; asked after every step, so it is also where generation can be ended."""

    def __init__(self, on_token: OnToken) -> None:
        self._on_token = on_token
        self.error: Exception | None = None

    def __call__(self, input_ids: Tensor, _scores: Any, **_: Any) -> Tensor:
        try:
            stop = self._on_token(int(input_ids[0, -1])) is False
        except Exception as error:
            self.error = error
            raise
        return torch.full((input_ids.shape[0],), stop, dtype=torch.bool, device=input_ids.device)


@contextlib.contextmanager
def _seeded(seed: int | None, device: torch.device) -> Iterator[None]:
    if seed is None:
        yield
        return
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
