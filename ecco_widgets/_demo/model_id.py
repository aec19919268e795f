"""Finds out, before anything starts, whether a model given on the command line can be loaded."""

from __future__ import annotations

import re
from pathlib import Path

from ecco_widgets.errors import ModelNotFound

_TIMEOUT_S = 10.0
_INSTEAD = "Give a folder that holds a saved model, or leave --model out for the embedded demo model."


def check_model(model: str) -> None:
    """Check that a model id or folder exists, without loading it and without importing torch.

    Args:
        model: Id on the Hugging Face hub, or a local folder.

    Raises:
        ModelNotFound: The folder is missing or holds no model, the hub has no such model or cannot be reached.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelNotFound(f"The folder {model} holds no config.json, so it is no saved model.", hint=_INSTEAD)
    elif path.is_absolute() or re.match(r"[.~]|[A-Za-z]:|.*\\", model) or model.count("/") > 1:
        raise ModelNotFound(f"There is no folder {model}.", hint=_INSTEAD)
    else:
        _check_hub(model)


def _check_hub(model: str) -> None:
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    try:
        if isinstance(try_to_load_from_cache(model, "config.json"), str):
            return  # downloaded before: loads without a network
        HfApi().model_info(model, timeout=_TIMEOUT_S)
    except (HFValidationError, RepositoryNotFoundError) as error:
        raise ModelNotFound(f"There is no folder and no model on the hub named {model!r}.", hint=_INSTEAD) from error
    except Exception as error:  # any of several HTTP libraries' errors, by version of huggingface_hub
        reason = f"{type(error).__name__}: {error}".strip(": ")
        raise ModelNotFound(f"The hub could not be asked for {model!r} ({reason}).", hint=_INSTEAD) from error
