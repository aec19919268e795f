"""Ecco's ``model_config``, which names a model's parts by hand, put into the terms used here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecco_widgets.errors import InvalidInput
from ecco_widgets.models.architecture import Kind
from ecco_widgets.models.tasks import near_miss

_TYPES: dict[str, Kind] = {"causal": "causal", "mlm": "masked", "enc-dec": "seq2seq"}
# What is read off the tokenizer and the tensors instead; accepted and not needed.
_NOT_NEEDED = ("token_prefix", "partial_token_prefix", "tokenizer_config")


def parts_and_kind(model_config: Mapping[str, Any]) -> tuple[dict[str, str], Kind | None]:
    r"""Parts named by hand and the kind of model, from a dictionary as Ecco takes it.

    Args:
        model_config: ``embedding``: dotted name of the embedding module or its weight. ``activations``: regular
            expressions that find the modules whose input are the neurons. ``type``: "causal", "mlm" or "enc-dec".
            ``token_prefix`` and ``partial_token_prefix`` are accepted and not needed.

    Returns:
        What ``LanguageModel(parts=...)`` takes, and the kind, ``None`` if not given.

    Raises:
        InvalidInput: If a key is unknown (a near miss is suggested) or a value is of the wrong type.

    Example:
        >>> parts_and_kind({"embedding": "transformer.wte.weight", "type": "causal", "activations": [r"mlp\.c_proj"]})
        ({'embedding': 'transformer.wte', 'neurons': 'mlp\\.c_proj'}, 'causal')
    """
    if not isinstance(model_config, Mapping):
        raise InvalidInput(
            f"model_config must be a dictionary as Ecco takes it, got {model_config!r}.",
            hint="For example {'embedding': 'transformer.wte.weight', 'activations': ['mlp\\\\.c_proj']}.",
        )
    known = ("embedding", "type", "activations", *_NOT_NEEDED)
    parts: dict[str, str] = {}
    kind: Kind | None = None
    for key, value in model_config.items():
        if key not in known:
            raise InvalidInput(
                f"model_config has no key {key!r}.", hint=near_miss(str(key), known) or f"Keys: {', '.join(known)}."
            )
        if key == "embedding":
            parts["embedding"] = _text(key, value).removesuffix(".weight")
        elif key == "activations":
            parts["neurons"] = _expressions(value)
        elif key == "type":
            if value not in _TYPES:
                raise InvalidInput(
                    f"model_config['type'] must be one of {', '.join(map(repr, _TYPES))}, got {value!r}.",
                    hint="Or leave it out and give task=.",
                )
            kind = _TYPES[value]
    return parts, kind


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"model_config[{key!r}] must be the name of a module, got {value!r}.")
    return value


def _expressions(value: Any) -> str:
    expressions = [value] if isinstance(value, str) else value
    if (
        not isinstance(expressions, (list, tuple))
        or not expressions
        or not all(isinstance(e, str) for e in expressions)
    ):
        raise InvalidInput(
            f"model_config['activations'] must be a list of regular expressions, got {value!r}.",
            hint="For example ['mlp\\\\.c_proj'].",
        )
    return expressions[0] if len(expressions) == 1 else "|".join(f"(?:{expression})" for expression in expressions)
