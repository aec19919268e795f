"""Ways to get a language model: the embedded demo model, the hub or a folder, or one that is loaded already."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

from ecco_widgets.errors import InvalidInput, ModelNotFound, UnsupportedModel
from ecco_widgets.models.adapters import adapter_config, is_replaced, kind_of_adapter, without_wrapper
from ecco_widgets.models.architecture import Kind
from ecco_widgets.models.demo import WEIGHTS
from ecco_widgets.models.ecco_config import parts_and_kind
from ecco_widgets.models.language_model import LanguageModel
from ecco_widgets.models.loading_errors import check_dtype, explained, first_line
from ecco_widgets.models.tasks import auto_class, check_offered, kind_of_checkpoint, kind_of_task

# Of what is passed to the model's loader, what concerns the configuration's too, and the tokenizer's.
_HUB_OPTIONS = ("revision", "token", "cache_dir", "local_files_only")
_TOKENIZER_OPTIONS = (*_HUB_OPTIONS, "trust_remote_code")
_CONFIG_OPTIONS = (*_TOKENIZER_OPTIONS, "subfolder", "code_revision", "gguf_file", "is_decoder")


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
    task: str | None = None,
    device: str | torch.device | None = None,
    gpu: bool | None = None,
    parts: Mapping[str, str] | None = None,
    model_config: Mapping[str, Any] | None = None,
    activations: bool = False,  # noqa: ARG001 - Ecco's; states are recorded when first asked for
    attention: bool = False,  # noqa: ARG001 - likewise
    hidden_states: bool = True,  # noqa: ARG001 - likewise
    activations_layer_nums: list[int] | None = None,  # noqa: ARG001 - likewise
    verbose: bool = True,  # noqa: ARG001 - likewise
    **options: Any,
) -> LanguageModel:
    """Load a language model of any kind from the hub or from a folder.

    Args:
        model_id: Hub id such as "distilgpt2", or a folder with a saved model and its tokenizer. Either may be an
            adapter made with PEFT.
        task: "causal", "masked", "seq2seq" or "classification", or one of transformers' names such as "fill-mask"; by
            default what the checkpoint was saved as.
        device: Where to put it, e.g. "cuda" or "mps"; the CPU by default. Use ``device_map=`` for several devices.
        gpu: Ecco's switch: ``True`` takes CUDA where there is one.
        parts: Names of modules for parts that structure does not give away: "base", "embedding", "blocks",
            "final_norm" and, relative to a block, "neurons".
        model_config: The same as Ecco takes it, with the keys "embedding", "type" and "activations".
        activations: Accepted as in Ecco; nothing needs to be announced, states are recorded when first asked for.
        attention: Likewise.
        hidden_states: Likewise.
        activations_layer_nums: Likewise.
        verbose: Likewise.
        **options: Passed on to transformers' ``from_pretrained``: ``dtype``, ``device_map``, ``quantization_config``,
            ``revision``, ``token``, ``trust_remote_code``, ...

    Returns:
        The model in evaluation mode.

    Raises:
        ModelNotFound: If there is no such model, or it can't be reached or read.
        InvalidInput: If an option is unknown or has a value that can't be used, if both ``device`` and ``device_map``
            are given, or there is no such device.
        UnsupportedModel: If it is no language model of this kind, if its checkpoint has no weights for its
            predictions, or a package it needs is missing.

    Example:
        >>> import tempfile
        >>> import ecco_widgets as ecco
        >>> demo = ecco.load_demo()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     demo.model.save_pretrained(folder)
        ...     files = demo.tokenizer.save_pretrained(folder)
        ...     ecco.from_pretrained(folder, task="text-generation").kind
        'causal'
    """
    if not isinstance(model_id, (str, os.PathLike)):
        raise InvalidInput(f"model_id must be a hub id or a folder, got {model_id!r}.")
    if device is not None and "device_map" in options:
        raise InvalidInput(f"give device or device_map, not both (got {device!r} and {options['device_map']!r}).")
    check_dtype(options)
    named, kind = _named_by_hand(parts, model_config)
    if task is not None:
        kind = kind_of_task(task)
    if "local_files_only" not in options and not Path(model_id).exists() and _hub_is_out_of_reach():
        # Answers at once from the cache, where the hub's client would retry for a minute and then do the same.
        options["local_files_only"] = True
    with explained(model_id):
        adapter = adapter_config(model_id, **_among(options, _HUB_OPTIONS))
        base_id = str(model_id) if adapter is None else str(adapter["base_model_name_or_path"])
        config = AutoConfig.from_pretrained(base_id, **_among(options, _CONFIG_OPTIONS))
        if kind is None:
            kind = (kind_of_adapter(adapter) if adapter else None) or kind_of_checkpoint(config)
        check_offered(config, kind)
        tokenizer = _tokenizer(model_id, base_id, **_among(options, _TOKENIZER_OPTIONS))
        model = _model(model_id, kind, options)
    if device is None and gpu and "device_map" not in options and torch.cuda.is_available():
        device = "cuda"
    if device is not None:
        model = _moved(model, device)
    model.requires_grad_(False)  # only inputs need gradients
    return LanguageModel(model, tokenizer, name=_short_name(model_id), parts=named)


def from_model(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    name: str | None = None,
    parts: Mapping[str, str] | None = None,
    model_config: Mapping[str, Any] | None = None,
) -> LanguageModel:
    """Use a model that is loaded already; it is put into evaluation mode and otherwise left as it is.

    Args:
        model: A Hugging Face model that predicts tokens or classes, or a ``PeftModel`` around one: its adapters stay
            active.
        tokenizer: Its tokenizer.
        name: Shown in widgets.
        parts: Names of modules for parts that structure does not give away; see ``from_pretrained``.
        model_config: The same as Ecco takes it.

    Returns:
        The model, ready to be explained.

    Raises:
        InvalidInput: If either is of another kind.
        UnsupportedModel: If the model's parts can't be found.

    Example:
        >>> import ecco_widgets as ecco
        >>> demo = ecco.load_demo()
        >>> ecco.from_model(demo.model, demo.tokenizer, name="mine").name
        'mine'
    """
    model = without_wrapper(model)
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
    named, _ = _named_by_hand(parts, model_config)
    return LanguageModel(model, tokenizer, name=name, parts=named)


def _named_by_hand(
    parts: Mapping[str, str] | None, model_config: Mapping[str, Any] | None
) -> tuple[Mapping[str, str] | None, Kind | None]:
    if model_config is None:
        return parts, None
    named, kind = parts_and_kind(model_config)
    return {**named, **(parts or {})} or None, kind


def _tokenizer(model_id: str | Path, base_id: str, **options: Any) -> PreTrainedTokenizerBase:
    """The tokenizer saved with the model; an adapter without one has its model's."""
    failure: Exception | None = None
    for where in dict.fromkeys((str(model_id), base_id)):
        try:
            tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(where, **options)
        except (OSError, ValueError, ImportError) as error:
            failure = error
            continue
        # Without files, transformers makes one from the configuration that knows its special tokens only.
        if len(set(tokenizer.get_vocab().values()) - set(tokenizer.all_special_ids)) > 1:
            return tokenizer
    why = f": {first_line(failure)}" if failure else ", or one without a vocabulary."
    raise ModelNotFound(
        f"{str(model_id)!r} is a model without a tokenizer that could be loaded{why}",
        hint="Save it beside the model, tokenizer.save_pretrained(folder), or load it from elsewhere and use "
        "ecco_widgets.from_model(model, tokenizer).",
    ) from failure


def _model(model_id: str | Path, kind: Kind, options: dict[str, Any]) -> PreTrainedModel:
    """The model in evaluation mode, if the checkpoint has weights for all of it."""
    loaded = auto_class(kind).from_pretrained(model_id, **{**options, "output_loading_info": True})
    model: PreTrainedModel = loaded[0]
    # A mismatched key stands there with both shapes.
    lacking = [
        key if isinstance(key, str) else key[0] for key in (*loaded[1]["missing_keys"], *loaded[1]["mismatched_keys"])
    ]
    lacking = sorted(key for key in lacking if not is_replaced(model, key))
    if not lacking:
        return model
    shown = ", ".join(lacking[:3]) + (", ..." if len(lacking) > 3 else "")
    raise UnsupportedModel(
        f"{str(model_id)!r} has no weights for {_counted(len(lacking))} of {type(model).__name__} ({shown}): "
        "transformers made them up at random, and its predictions with them.",
        hint="It may have been saved without its head, or for another task: try task=, or load a checkpoint saved as "
        f"{type(model).__name__}. Its states and neurons are its own all the same: to see those, use "
        f"ecco_widgets.from_model({auto_class(kind).__name__}.from_pretrained(...), tokenizer).",
    )


def _moved(model: PreTrainedModel, device: str | torch.device) -> PreTrainedModel:
    try:
        return model.to(device)
    except (RuntimeError, AssertionError, ValueError) as error:  # torch's of devices, transformers' of quantised models
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise InvalidInput(
            f"the model can't be put on device {str(device)!r}: {first_line(error)}",
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


def _among(options: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: options[name] for name in names if name in options}


def _counted(n: int) -> str:
    return f"{n} parameter" + ("s" if n > 1 else "")


def _short_name(model_id: str | Path) -> str:
    return Path(model_id).name if Path(model_id).exists() else str(model_id)
