"""Text in: token ids of texts and of single tokens, checked before a model sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecco_widgets.errors import InvalidInput, TextTooLong
from ecco_widgets.models.architecture import Classifier
from ecco_widgets.models.pieces import piece_text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from ecco_widgets.models.architecture import Architecture


class Encoding:
    """What ``LanguageModel`` inherits: its tokenizer, with the model's limits.

    Attributes:
        name: The model's, for messages.
        tokenizer: Its tokenizer.
    """

    name: str
    tokenizer: PreTrainedTokenizerBase

    @property
    def parts(self) -> Architecture:
        """The model taken apart."""
        raise NotImplementedError

    @property
    def vocabulary(self) -> int:
        """V, number of logits: tokens, or classes of a classifier."""
        return self.parts.vocabulary

    @property
    def context(self) -> int | None:
        """Most tokens the model takes, ``None`` without a limit."""
        return self.parts.context

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, with the special tokens that the tokenizer adds by itself.

        Raises:
            InvalidInput: If the text is no string or empty.
            TextTooLong: If it has more tokens than the model's context.
        """
        if not isinstance(text, str):
            raise InvalidInput(
                f"text must be a string, got {type(text).__name__}.",
                hint="Pass one text, e.g. lm('The keys to the cabinet').",
            )
        if not text:
            raise InvalidInput("text is empty.", hint="Pass at least one character; a model continues something.")
        ids = self._tokenise(text)
        if not ids:
            raise InvalidInput(
                f"text makes no token with this tokenizer: {text!r}.", hint="Use characters that it knows."
            )
        if max(ids) >= self.parts.n_ids:
            raise InvalidInput(
                f"the tokenizer makes token {max(ids)}, but {self.name} embeds only {self.parts.n_ids} tokens.",
                hint="Use the tokenizer that belongs to the model.",
            )
        self._check_length(len(ids))
        return ids

    def token_id(self, token: str | int) -> int:
        """Id of a single token given as its text (with its leading space) or as its id; of a classifier, of a class.

        Raises:
            InvalidInput: If the text is not exactly one token (the message says which tokens it makes) or the id is out
                of the vocabulary.
        """
        if isinstance(token, (int, np.integer)) and not isinstance(token, bool):
            if not 0 <= token < self.vocabulary:
                raise InvalidInput(f"token id must be in 0..{self.vocabulary - 1}, got {token}.")
            return int(token)
        if isinstance(self.parts, Classifier):
            return self._class_id(token)
        if not isinstance(token, str) or not token:
            raise InvalidInput(
                f"a token must be given as non-empty text or as its id, got {token!r}.",
                hint="Most words are one token with their leading space, e.g. ' are'.",
            )
        ids = self._ids_of_piece(token)
        if len(ids) == 1:
            return ids[0]
        hint = "Give one of them, or an id."
        if not token.startswith(" ") and len(self._ids_of_piece(f" {token}")) == 1:
            hint = f"With a leading space, {' ' + token!r}, it is one token."
        pieces = ", ".join(repr(piece_text(self.tokenizer, piece)) for piece in ids) or "none"
        raise InvalidInput(f"{token!r} is not one token, it makes {len(ids)}: {pieces}.", hint=hint)

    def token_text(self, token: int) -> str:
        """Text of a single token out of context, with its leading space where the tokenizer's decoder keeps it."""
        if isinstance(self.parts, Classifier):
            return self.parts.labels[token]
        if token >= len(self.tokenizer):  # checkpoints often round their vocabulary up
            return f"<unused {token}>"
        return piece_text(self.tokenizer, token)

    def _class_id(self, label: object) -> int:
        labels = self.parts.labels if isinstance(self.parts, Classifier) else ()
        if label in labels:
            return labels.index(str(label))
        raise InvalidInput(f"no class {label!r}.", hint=f"Classes: {', '.join(map(repr, labels))}.")

    def _ids_of_piece(self, text: str) -> list[int]:
        return self._tokenise(text, add_special_tokens=False)

    def _tokenise(self, text: str | None, **options: Any) -> list[int]:
        try:
            (text or options.get("text_target", "")).encode()
        except UnicodeEncodeError:
            raise InvalidInput(
                "text must be valid Unicode, got half of a surrogate pair.", hint="Remove it, or decode the text anew."
            ) from None
        # Quiet about length: our own check says more than the tokenizer's warning.
        encoding = self.tokenizer(text, verbose=False, **options)
        return [int(token) for token in encoding["input_ids"]]

    def _check_length(self, n_tokens: int, generate: int = 0) -> None:
        if self.context is not None and n_tokens + generate > self.context:
            more = f" and {generate} to generate" if generate else ""
            raise TextTooLong(
                f"text has {n_tokens} tokens{more}; {self.name} takes at most {self.context}.",
                hint="Shorten the text" + (" or generate fewer tokens." if generate else ", e.g. keep its end."),
            )

    def _ids_of_encoding(self, encoding: Mapping[str, Any]) -> list[list[int]]:
        """Ids of each text in what a tokenizer returns, without padding."""
        if not isinstance(encoding, Mapping) or "input_ids" not in encoding:
            raise InvalidInput(
                f"expected a text, several, or the tokenizer's output, got {type(encoding).__name__}.",
                hint="Pass a string, e.g. lm('The keys to the cabinet').",
            )
        given = encoding["input_ids"]
        texts = _rows(given, "input_ids")
        masks = _rows(encoding["attention_mask"], "attention_mask") if "attention_mask" in encoding else None
        if masks is not None:
            if [len(mask) for mask in masks] != [len(ids) for ids in texts]:
                raise InvalidInput("attention_mask must have the shape of input_ids.", hint="Pass both as they come.")
            texts = [ids[mask.astype(bool)] for ids, mask in zip(texts, masks, strict=True)]
        return [self._checked_ids(ids, given) for ids in texts]

    def _checked_ids(self, ids: NDArray[Any], given: object) -> list[int]:
        if ids.ndim != 1 or not len(ids):
            raise InvalidInput(f"expected input_ids with at least one token a text, got {given!r}.")
        if not np.issubdtype(ids.dtype, np.integer):
            raise InvalidInput(f"token ids must be integers, got {given!r}.")
        most = self.parts.n_ids
        if ids.min() < 0 or ids.max() >= most:
            raise InvalidInput(f"token ids must be in 0..{most - 1}, got {ids.min()}..{ids.max()}.")
        self._check_length(len(ids))
        return [int(token) for token in ids]


def _rows(values: Any, name: str) -> list[NDArray[Any]]:
    """One array for each text, given one text or several, as lists or a tensor."""
    try:
        nested = len(values) > 0 and np.ndim(values[0]) > 0
        return [np.asarray(row) for row in (values if nested else [values])]
    except (TypeError, KeyError, ValueError):
        raise InvalidInput(f"{name} must be lists or a tensor of token ids, got {values!r}.") from None
