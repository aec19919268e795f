"""What goes wrong while transformers loads a model, said in terms of what the user passed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from ecco_widgets.errors import EccoError, InvalidInput, ModelNotFound, UnsupportedModel
from ecco_widgets.models.tasks import near_miss

# For near misses only; which options there are, transformers decides.
_OPTIONS = (
    "activations", "attention", "attn_implementation", "cache_dir", "code_revision", "config", "device", "device_map",
    "dtype", "force_download", "gguf_file", "gpu", "ignore_mismatched_sizes", "local_files_only", "max_memory",
    "model_config", "num_labels", "offload_folder", "parts", "quantization_config", "revision", "subfolder", "task",
    "token", "trust_remote_code", "use_safetensors", "variant", "verbose",
)  # fmt: skip
_DTYPES = ("float32", "float64", "float16", "bfloat16")


def first_line(error: BaseException) -> str:
    r"""The first line of an error's message; its class where it has none.

    Example:
        >>> first_line(ValueError("no such file\nsee the documentation")), first_line(KeyError())
        ('no such file', 'KeyError')
    """
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def check_dtype(options: Mapping[str, Any]) -> None:
    """Refuse a number type that a model can't be loaded in.

    Args:
        options: What is passed to the loader; ``dtype`` or, as it was called, ``torch_dtype`` counts.

    Raises:
        InvalidInput: If it is neither a floating-point type of torch, nor the name of one, nor "auto".

    Example:
        >>> check_dtype({"dtype": "bfloat16"})
    """
    for option in ("dtype", "torch_dtype"):
        given = options.get(option)
        named = getattr(torch, given, None) if isinstance(given, str) else given
        if given in (None, "auto") or isinstance(given, dict):
            continue
        if not isinstance(named, torch.dtype) or not named.is_floating_point:
            raise InvalidInput(
                f"{option} must be a floating-point type of torch or 'auto', got {given!r}.",
                hint=near_miss(str(given), _DTYPES) or f"For example {', '.join(map(repr, _DTYPES))}.",
            )


@contextlib.contextmanager
def explained(model_id: str | Path) -> Iterator[None]:
    """Turns what transformers raises while it loads a model into errors that say how to go on.

    Args:
        model_id: What was asked for.

    Raises:
        ModelNotFound: If there is no such model, it can't be reached, or its files can't be read.
        InvalidInput: If an option is unknown or has a value that can't be used.
        UnsupportedModel: If transformers does not know the family, or a package is missing.
    """
    name = repr(str(model_id))
    try:
        yield
    except EccoError:
        raise
    except OSError as error:
        raise _not_found(name, error) from error
    except SafetensorError as error:
        raise ModelNotFound(
            f"the weights of {name} can't be read: {first_line(error)}.",
            hint="The file is damaged or incomplete: download it anew, force_download=True, or copy it again.",
        ) from error
    except StrictDataclassError as error:
        raise ModelNotFound(
            f"the config.json of {name} is not valid: {' '.join(str(error).split())}", hint="Correct the file."
        ) from error
    except ImportError as error:
        raise UnsupportedModel(
            f"{name} needs a package that is not installed: {first_line(error)}", hint="Install it, then load again."
        ) from error
    except (TypeError, ValueError, RuntimeError) as error:
        known = _refused(name, Path(model_id), error)
        if known is None:
            raise
        raise known from error


def _not_found(name: str, error: Exception) -> ModelNotFound:
    return ModelNotFound(
        f"could not load a model from {name}: {first_line(error)}",
        hint="Check the id and the network. Without one, pass a folder that holds config.json, the weights and the "
        "tokenizer, or use the embedded model: ecco_widgets.load_demo().",
    )


def _refused(name: str, folder: Path, error: Exception) -> EccoError | None:
    """The error to raise for one that can have several causes, told apart by transformers' messages."""
    message = str(error)
    unknown = re.search(r"unexpected keyword argument '(\w+)'", message)
    if unknown:
        option = unknown.group(1)
        return InvalidInput(
            f"from_pretrained() has no option {option!r}, and the model's configuration has none of this name.",
            hint=near_miss(option, _OPTIONS),
        )
    if "ignore_mismatched_sizes" in message:
        return UnsupportedModel(
            f"the weights of {name} have other shapes than its configuration asks for.",
            hint="An option may have changed the configuration (num_labels=, for one), or config.json belongs to "
            "another checkpoint.",
        )
    if "Unrecognized model" in message and folder.is_dir() and not (folder / "config.json").exists():
        return _not_found(name, FileNotFoundError("the folder has no config.json."))
    if "does not recognize this architecture" in message or "Unrecognized model" in message:
        return UnsupportedModel(
            f"{name} is of a type that this version of transformers does not know: {first_line(error)}",
            hint="Update transformers, or pass trust_remote_code=True if the checkpoint brings code that you trust.",
        )
    if isinstance(error, ValueError):
        return InvalidInput(f"{name} can't be loaded like this: {first_line(error)}")
    return None
