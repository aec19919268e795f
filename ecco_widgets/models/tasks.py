"""Which kind of model a checkpoint is: what it was saved as, what its family offers, what the user asks for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, get_args

from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
)

from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.architecture import Kind

_AUTO: dict[Kind, tuple[Any, Any]] = {
    "causal": (AutoModelForCausalLM, MODEL_FOR_CAUSAL_LM_MAPPING),
    "masked": (AutoModelForMaskedLM, MODEL_FOR_MASKED_LM_MAPPING),
    "seq2seq": (AutoModelForSeq2SeqLM, MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING),
    "classification": (AutoModelForSequenceClassification, MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING),
}
# transformers' names of pipelines that do the same.
_PIPELINES: dict[str, Kind] = {
    "text-generation": "causal",
    "fill-mask": "masked",
    "text2text-generation": "seq2seq",
    "translation": "seq2seq",
    "summarization": "seq2seq",
    "text-classification": "classification",
    "sentiment-analysis": "classification",
}
# How the names of classes end, in checkpoints whose class transformers does not have (any more).
_ENDINGS: dict[str, Kind] = {
    "ForSequenceClassification": "classification",
    "ForMaskedLM": "masked",
    "ForConditionalGeneration": "seq2seq",
    "ForCausalLM": "causal",
    "LMHeadModel": "causal",
}


def kind_of_task(task: str) -> Kind:
    """The kind of model that a task asks for.

    Args:
        task: A kind ("causal", "masked", "seq2seq", "classification") or a name of one of transformers' pipelines, such
            as "text-generation", "fill-mask", "translation_en_to_de" or "sentiment-analysis".

    Raises:
        InvalidInput: If there is no such task; a near miss is suggested.

    Example:
        >>> kind_of_task("fill-mask"), kind_of_task("translation_en_to_de"), kind_of_task("causal")
        ('masked', 'seq2seq', 'causal')
    """
    known: dict[str, Kind] = {kind: kind for kind in get_args(Kind)} | _PIPELINES
    name = "translation" if isinstance(task, str) and task.startswith("translation_") else task
    if isinstance(name, str) and name in known:
        return known[name]
    raise InvalidInput(
        f"no task is called {task!r}.", hint=near_miss(str(task), known) or f"Tasks: {', '.join(known)}."
    )


def kind_of_checkpoint(config: Any) -> Kind:
    """The kind a checkpoint was saved as, by its configuration.

    What ``architectures`` names counts. Where it names none of the four kinds (a base model such as ``BertModel``, or
    nothing), the kind its family is made for: sequence to sequence for an encoder with a decoder, masked for an
    encoder, else causal. The order matters, since transformers offers BERT and BART as decoders too.

    Args:
        config: A ``PreTrainedConfig``.

    Raises:
        UnsupportedModel: If the family has no such model.

    Example:
        >>> from transformers import BertConfig, GPT2Config, T5Config
        >>> [kind_of_checkpoint(config()) for config in (BertConfig, GPT2Config, T5Config)]
        ['masked', 'causal', 'seq2seq']
        >>> kind_of_checkpoint(BertConfig(architectures=["BertForSequenceClassification"]))
        'classification'
    """
    offered = _offered(config)
    if not offered:
        raise UnsupportedModel(
            f"{type(config).__name__} describes no language model: transformers has none of this kind.",
            hint="Use one that predicts tokens or classes of a text, such as GPT-2, Llama, BERT or T5.",
        )
    usual = _usual_order(config)
    for name in getattr(config, "architectures", None) or ():
        by_class = [kind for kind in ("classification", *usual) if offered.get(kind) == name]
        by_ending = [kind for ending, kind in _ENDINGS.items() if name.endswith(ending) and kind in offered]
        if by_class or by_ending:
            return (by_class or by_ending)[0]
    return next(kind for kind in (*usual, "classification") if kind in offered)


def check_offered(config: Any, kind: Kind) -> None:
    """Refuse a kind that a family does not have, or that would make nonsense of its weights.

    Args:
        config: A ``PreTrainedConfig``.
        kind: What is asked for.

    Raises:
        UnsupportedModel: The message says what the family offers.
    """
    offered = _offered(config)
    family = getattr(config, "model_type", "") or type(config).__name__
    others = " or ".join(repr(other) for other in offered if other != kind)
    if kind not in offered:
        raise UnsupportedModel(
            f"models of type {family!r} have no {kind} form in transformers.",
            hint=f"Use task={others}." if others else "",
        )
    if kind == "causal" and "masked" in offered and not _decodes(config) and not config.is_encoder_decoder:
        raise UnsupportedModel(
            f"models of type {family!r} read their text in both directions, so they predict no next token.",
            hint="Use task='masked', or is_decoder=True for weights that were trained as a decoder.",
        )


def auto_class(kind: Kind) -> Any:
    """Transformers' class that loads models of a kind.

    Example:
        >>> auto_class("masked").__name__
        'AutoModelForMaskedLM'
    """
    return _AUTO[kind][0]


def near_miss(name: str, known: Iterable[str]) -> str:
    """``Did you mean ...?`` for a name that is nearly one of the known ones, else "".

    Example:
        >>> near_miss("flaot16", ["float16", "float32"])
        "Did you mean 'float16'?"
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"Did you mean {near[0]!r}?" if near else ""


def _offered(config: Any) -> dict[Kind, str]:
    """Kinds that transformers or the checkpoint's own code has for a configuration, with the name of the class."""
    own = getattr(config, "auto_map", None) or {}
    offered: dict[Kind, str] = {}
    for kind, (auto, mapping) in _AUTO.items():
        if auto.__name__ in own:
            offered[kind] = str(own[auto.__name__]).rsplit(".", 1)[-1]
        elif type(config) in mapping:
            model = mapping[type(config)]
            offered[kind] = (model[0] if isinstance(model, tuple) else model).__name__
    if offered.get("masked") == offered.get("seq2seq"):  # BART fills masks as it answers: with its decoder
        offered.pop("masked", None)
    return offered


def _usual_order(config: Any) -> tuple[Kind, ...]:
    if getattr(config, "is_encoder_decoder", False):
        return ("seq2seq", "causal", "masked")
    return ("causal", "masked", "seq2seq") if _decodes(config) else ("masked", "causal", "seq2seq")


def _decodes(config: Any) -> bool:
    return bool(getattr(config, "is_decoder", False))
