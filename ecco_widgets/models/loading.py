"""Ways to get a language model: the embedded demo model, the hub or a folder, or one that is loaded already."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

from ecco_widgets.errors import InvalidInput, ModelNotFound, UnsupportedModel
from ecco_widgets.models.demo import WEIGHTS
from ecco_widgets.models.language_model import LanguageModel

# Of what is passed to the model's loader, what concerns the tokenizer's too.
_TOKENIZER_OPTIONS = ("revision", "token", "trust_remote_code", "cache_dir", "local_files_only")


def load_demo() -> LanguageModel:
    """The embedded demo model: a small GPT-2, no network needed.

    It was trained on a few novels and on generated patterns; see its model card. It shows the articles' effects, it is
    no source of facts.

    Returns:
        The model in float32 on the CPU.

    Example:
        >>> import ecco_widgets as ecco
        >>> ecco.load_demo().n_layers
        6
    """
    with _no_progress_bar():
        model = AutoModelForCausalLM.from_pretrained(WEIGHTS, dtype=torch.float32)
    model.requires_grad_(False)  # only inputs need gradients
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS)
    return LanguageModel(model, tokenizer, name="demo-gpt2")


def from_pretrained(
    model_id: str | Path,
    *,
    device: str | torch.device | None = None,
    gpu: bool | None = None,
    activations: bool = False,  # noqa: ARG001 - Ecco's; states are recorded when first asked for
    attention: bool = False,  # noqa: ARG001 - likewise
    hidden_states: bool = True,  # noqa: ARG001 - likewise
    activations_layer_nums: list[int] | None = None,  # noqa: ARG001 - likewise
    verbose: bool = True,  # noqa: ARG001 - likewise
    **options: Any,
) -> LanguageModel:
    """Load a causal language model from the hub or from a folder.

    Args:
        model_id: Hub id such as "distilgpt2", or a folder with a saved model and tokenizer.
        device: Where to put it, e.g. "cuda" or "mps"; the CPU by default. Use ``device_map=`` for several devices.
        gpu: Ecco's switch: ``True`` takes CUDA where there is one.
        activations: Accepted as in Ecco; nothing needs to be announced, states are recorded when first asked for.
        attention: Likewise.
        hidden_states: Likewise.
        activations_layer_nums: Likewise.
        verbose: Likewise.
        **options: Passed on to ``AutoModelForCausalLM.from_pretrained``: ``dtype``, ``device_map``, ``revision``,
            ``token``, ``trust_remote_code``, ...

    Returns:
        The model in evaluation mode.

    Raises:
        ModelNotFound: If there is no such model, or it can't be reached.
        InvalidInput: If both ``device`` and ``device_map`` are given, or there is no such device.
        UnsupportedModel: If it is no causal language model.
    """
    if not isinstance(model_id, (str, os.PathLike)):
        raise InvalidInput(f"model_id must be a hub id or a folder, got {model_id!r}.")
    if device is not None and "device_map" in options:
        raise InvalidInput(f"give device or device_map, not both (got {device!r} and {options['device_map']!r}).")
    shared = {name: options[name] for name in _TOKENIZER_OPTIONS if name in options}
    if "local_files_only" not in options and not Path(model_id).exists() and _hub_is_out_of_reach():
        # Answers at once from the cache, where the hub's client would retry for a minute and then do the same.
        shared["local_files_only"] = options["local_files_only"] = True
    try:
        tokenizer = AutoTokenizer.from_pretrained(model_id, **shared)
        model = AutoModelForCausalLM.from_pretrained(model_id, **options)
    except (OSError, ValueError) as error:
        if "Unrecognized configuration class" in str(error):  # there is such a model, and it is no language model
            raise UnsupportedModel(
                f"{str(model_id)!r} is no causal language model: transformers has none of this kind.",
                hint="Use a decoder-only model such as GPT-2, Llama, Qwen or Gemma.",
            ) from error
        raise ModelNotFound(
            f"could not load a causal language model from {str(model_id)!r}: {_first_line(error)}",
            hint="Check the id and the network. Without one, pass a folder that holds config.json, the weights and the "
            "tokenizer, or use the embedded model: ecco_widgets.load_demo().",
        ) from error
    if device is None and gpu and torch.cuda.is_available():
        device = "cuda"
    if device is not None:
        model = _moved(model, device)
    model.requires_grad_(False)  # only inputs need gradients
    return LanguageModel(model, tokenizer, name=_short_name(model_id))


def from_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, name: str | None = None) -> LanguageModel:
    """Use a model that is loaded already; it is put into evaluation mode and otherwise left as it is.

    Args:
        model: A Hugging Face causal language model.
        tokenizer: Its tokenizer.
        name: Shown in widgets.

    Returns:
        The model, ready to be explained.

    Raises:
        InvalidInput: If either is of another kind.
        UnsupportedModel: If the model's parts can't be found.
    """
    if not isinstance(model, PreTrainedModel):
        raise InvalidInput(
            f"model must be a transformers PreTrainedModel, got {type(model).__name__}.",
            hint="Load it with AutoModelForCausalLM.from_pretrained(...), or use ecco_widgets.from_pretrained(id).",
        )
    if not isinstance(tokenizer, PreTrainedTokenizerBase):
        raise InvalidInput(
            f"tokenizer must be a transformers tokenizer, got {type(tokenizer).__name__}.",
            hint="Load it with AutoTokenizer.from_pretrained(...).",
        )
    return LanguageModel(model, tokenizer, name=name)


def _moved(model: PreTrainedModel, device: str | torch.device) -> PreTrainedModel:
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:  # of these kinds is all that torch says of devices
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise InvalidInput(
            f"the model can't be put on device {str(device)!r}: {_first_line(error)}",
            hint="Leave device out for the CPU; torch.cuda.is_available() says whether there is a GPU.",
        ) from error


@contextlib.contextmanager
def _no_progress_bar() -> Iterator[None]:
    """Loading 13 MB is over before a bar could be read."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _hub_is_out_of_reach() -> bool:
    """Whether the hub's name cannot be resolved. Behind a proxy only the proxy can tell, so it counts as in reach."""
    endpoint = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    if getproxies().get(endpoint.scheme):
        return False
    try:
        socket.getaddrinfo(endpoint.hostname, None)
    except OSError:
        return True
    return False


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _short_name(model_id: str | Path) -> str:
    return Path(model_id).name if Path(model_id).exists() else str(model_id)
