"""Adapters made with PEFT: folders that hold only what was trained, and models that carry them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import nn
from transformers import PreTrainedModel
from transformers.utils import is_peft_available
from transformers.utils.peft_utils import find_adapter_config_file

from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.architecture import Kind

# PEFT's names of what an adapter was trained for.
_TASKS: dict[str, Kind] = {"CAUSAL_LM": "causal", "SEQ_2_SEQ_LM": "seq2seq", "SEQ_CLS": "classification"}
# They put trained vectors before the text or beside its keys and values: positions that no token stands at.
_PROMPT_LEARNING = ("PROMPT_TUNING", "MULTITASK_PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "CPT", "ADAPTION_PROMPT")


def adapter_config(model_id: str | Path, **hub: Any) -> dict[str, Any] | None:
    """What an adapter's configuration says, or ``None`` if there is no adapter under this name.

    Args:
        model_id: Hub id or folder.
        **hub: ``revision``, ``token``, ``cache_dir``, ``local_files_only``.

    Returns:
        The content of ``adapter_config.json``.

    Raises:
        UnsupportedModel: If PEFT is not installed, or the adapter is of a kind that cannot be explained.
        InvalidInput: If the adapter does not say which model it belongs to.
    """
    found = find_adapter_config_file(str(model_id), **hub)
    if found is None:
        return None
    config: dict[str, Any] = json.loads(Path(found).read_text(encoding="utf-8"))
    if not is_peft_available():
        raise UnsupportedModel(
            f"{str(model_id)!r} is an adapter, which needs the package peft, and that is not installed.",
            hint="Run: pip install peft accelerate",
        )
    _check_kind(str(model_id), str(config.get("peft_type", "")))
    if not config.get("base_model_name_or_path"):
        raise InvalidInput(
            f"{str(model_id)!r} is an adapter that does not say which model it belongs to.",
            hint="Set base_model_name_or_path in its adapter_config.json.",
        )
    return config


def kind_of_adapter(config: dict[str, Any]) -> Kind | None:
    """The kind of model an adapter was trained as, ``None`` if it does not say.

    Example:
        >>> kind_of_adapter({"task_type": "SEQ_CLS"})
        'classification'
    """
    return _TASKS.get(str(config.get("task_type")))


def without_wrapper(model: Any) -> Any:
    """The model inside a ``PeftModel``, its adapters still active; anything else as it is.

    Args:
        model: What a user passes as a model.

    Raises:
        UnsupportedModel: If its adapters live in the wrapper, so that the model inside would be without them.
    """
    configs = getattr(model, "peft_config", None)
    if isinstance(model, PreTrainedModel) or not isinstance(model, nn.Module) or not isinstance(configs, dict):
        return model
    inside: Any = getattr(model, "get_base_model", None)
    if not callable(inside):
        return model
    for config in configs.values():
        if getattr(config, "is_prompt_learning", False):
            _check_kind(type(model).__name__, str(getattr(config.peft_type, "value", config.peft_type)))
    return inside()


def is_replaced(model: nn.Module, parameter: str) -> bool:
    """Whether an adapter brings its own trained copy of the module that a parameter belongs to.

    Args:
        model: A model with adapters.
        parameter: Name of the parameter in the model without them, e.g. "score.weight".
    """
    owner = dict(model.named_modules()).get(parameter.rpartition(".")[0])
    return hasattr(owner, "modules_to_save")


def _check_kind(name: str, peft_type: str) -> None:
    if peft_type in _PROMPT_LEARNING:
        raise UnsupportedModel(
            f"{name} carries an adapter of type {peft_type}: it adds trained positions where no token stands, so "
            "shares of the tokens would be incomplete.",
            hint="Adapters that change weights (LoRA, IA3, DoRA ...) can be explained.",
        )
