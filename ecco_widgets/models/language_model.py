"""A loaded language model: tokenise, run, generate, score."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ecco_widgets.errors import InvalidInput, ModelChanged, ModelClosed, TextTooLong
from ecco_widgets.models.architecture import Architecture, inspect_model
from ecco_widgets.models.blocks import Blocks, find_blocks
from ecco_widgets.models.generation import OnToken, generate_ids, generation_config
from ecco_widgets.models.pieces import piece_text
from ecco_widgets.models.threads import suited_threads
from ecco_widgets.models.trace import Trace


class LanguageModel:
    """A causal language model with its tokenizer, ready to be explained.

    Usually made by ``from_pretrained``, ``from_model`` or ``load_demo``. The model is put into evaluation mode:
    explanations with dropout would differ each time.

    Args:
        model: A Hugging Face causal language model.
        tokenizer: Its tokenizer.
        name: Shown in widgets; the model's own name or path by default.

    Raises:
        UnsupportedModel: If the model's parts can't be found or do not reproduce its logits.

    Example:
        >>> import ecco_widgets as ecco
        >>> lm = ecco.load_demo()
        >>> lm.generate(" 1, 2, 3,", generate=4).output_text
        ' 4, 5,'
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str | None = None) -> None:
        model.eval()
        self._parts: Architecture | None = inspect_model(model)
        self._blocks: Blocks | None = None
        self.tokenizer = tokenizer
        self.name = name or str(model.config.name_or_path or type(model).__name__)
        self.lock = threading.RLock()
        self._on_close: list[Callable[[], None]] = []

    # ---------------------------------------------------------------- the model

    @property
    def parts(self) -> Architecture:
        """The model taken apart; raises ``ModelClosed`` after ``close``."""
        if self._parts is None:
            raise self._closed()
        return self._parts

    @property
    def blocks(self) -> Blocks:
        """The model's blocks and what follows them; found and proved when first asked for.

        Raises:
            UnsupportedModel: If they can't be found. What does not need them still works.
        """
        parts = self.parts
        if self._blocks is None:
            with self.running():
                self._blocks = find_blocks(parts)
        return self._blocks

    @property
    def model(self) -> PreTrainedModel:
        """The Hugging Face model."""
        return self.parts.model

    @property
    def device(self) -> torch.device:
        """Device of the input embedding, where token ids go."""
        return next(self.parts.embedding.parameters()).device

    @property
    def n_layers(self) -> int:
        """L, number of blocks."""
        return self.parts.n_layers

    @property
    def vocabulary(self) -> int:
        """V, number of logits."""
        return self.parts.vocabulary

    @property
    def context(self) -> int | None:
        """Most tokens the model takes, ``None`` without a limit."""
        return self.parts.context

    @property
    def weights_version(self) -> int:
        """Changes when a parameter is replaced or changed in place (an optimizer's step, ``load_state_dict``).

        Changes through ``parameter.data`` are not seen: torch does not count them.
        """
        return hash(tuple((id(p), p._version) for p in self.model.parameters()))  # noqa: SLF001 - no public way

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Holds the lock, with as many threads as suit the model's size: for everything that runs the model.

        Nothing of the model is changed for it, neither its mode nor which parameters ask for gradients: a cell may be
        training it at this moment.

        Raises:
            ModelChanged: If the model was put into training mode.
        """
        parts = self.parts
        if parts.model.training:
            raise ModelChanged(
                f"{self.name} was put into training mode, where dropout makes every run different.",
                hint="Call lm.model.eval() first.",
            )
        with self.lock, _outside_inference_mode(), suited_threads(parts.width, self.device):
            yield

    # ---------------------------------------------------------------- text in

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
        self._check_length(len(ids))
        return ids

    def token_id(self, token: str | int) -> int:
        """Id of a single token given as its text (with its leading space) or as its id.

        Raises:
            InvalidInput: If the text is not exactly one token (the message says which tokens it makes) or the id is out
                of the vocabulary.
        """
        if isinstance(token, (int, np.integer)) and not isinstance(token, bool):
            if not 0 <= token < self.vocabulary:
                raise InvalidInput(f"token id must be in 0..{self.vocabulary - 1}, got {token}.")
            return int(token)
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
        return piece_text(self.tokenizer, token)

    def _ids_of_piece(self, text: str) -> list[int]:
        return self._tokenise(text, add_special_tokens=False)

    def _tokenise(self, text: str, **options: Any) -> list[int]:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidInput(
                "text must be valid Unicode, got half of a surrogate pair.", hint="Remove it, or decode the text anew."
            ) from None
        # Quiet about length: our own check says more than the tokenizer's warning.
        return [int(token) for token in self.tokenizer(text, verbose=False, **options)["input_ids"]]

    def _check_length(self, n_tokens: int, generate: int = 0) -> None:
        if self.context is not None and n_tokens + generate > self.context:
            more = f" and {generate} to generate" if generate else ""
            raise TextTooLong(
                f"text has {n_tokens} tokens{more}; {self.name} takes at most {self.context}.",
                hint="Shorten the text" + (" or generate fewer tokens." if generate else ", e.g. keep its end."),
            )

    # ---------------------------------------------------------------- runs

    def __call__(self, text: str | Mapping[str, Any]) -> Trace:
        """Run a text through the model without generating.

        Args:
            text: A text, or what ``lm.tokenizer(text)`` returns for one text (as in Ecco).

        Returns:
            Trace of the T tokens, all of them prompt.

        Raises:
            InvalidInput: If the text is empty or no text.
            TextTooLong: If it exceeds the model's context.
        """
        ids = self.encode(text) if isinstance(text, str) else self._ids_of_encoding(text)
        return Trace(self, ids, n_prompt=len(ids))

    def _ids_of_encoding(self, encoding: Mapping[str, Any]) -> list[int]:
        if not isinstance(encoding, Mapping) or "input_ids" not in encoding:
            raise InvalidInput(
                f"expected a text or the tokenizer's output for one text, got {type(encoding).__name__}.",
                hint="Pass a string, e.g. lm('The keys to the cabinet').",
            )
        try:
            ids = np.atleast_2d(np.asarray(encoding["input_ids"]))
        except ValueError:  # rows of different lengths
            raise InvalidInput("expected input_ids of one text, got several.", hint="Run one at a time.") from None
        if ids.shape[0] != 1 or ids.shape[1] == 0:
            raise InvalidInput(
                f"expected one text with at least one token, got input_ids of shape {tuple(ids.shape)}.",
                hint="Run texts one at a time.",
            )
        if not np.issubdtype(ids.dtype, np.integer):
            raise InvalidInput(f"token ids must be integers, got {encoding['input_ids']!r}.")
        if ids.min() < 0 or ids.max() >= self.vocabulary:
            raise InvalidInput(f"token ids must be in 0..{self.vocabulary - 1}, got {ids.min()}..{ids.max()}.")
        self._check_length(ids.shape[1])
        return [int(token) for token in ids[0]]

    def score(self, text: str, continuation: str) -> Trace:
        """Run a given continuation of a text: explains an answer that the model need not have chosen.

        Args:
            text: The prompt.
            continuation: What follows it, usually with a leading space.

        Returns:
            Trace in which the continuation's tokens are the output.

        Raises:
            InvalidInput: If either is empty.
            TextTooLong: If both together exceed the model's context.

        Example:
            >>> import ecco_widgets as ecco
            >>> ecco.load_demo().score("The keys to the cabinet", " is").output_text
            ' is'
        """
        prompt = self.encode(text)
        if not isinstance(continuation, str) or not continuation:
            raise InvalidInput(
                f"continuation must be a non-empty string, got {continuation!r}.",
                hint="Begin it with a space where a new word begins, e.g. ' are'.",
            )
        joint = self._tokenise(text + continuation)
        # Tokenised together where the border allows it, since some tokenizers place spaces by what comes before.
        ids = joint if joint[: len(prompt)] == prompt else prompt + self._ids_of_piece(continuation)
        if len(ids) == len(prompt):
            raise InvalidInput(f"continuation makes no token: {continuation!r}.")
        self._check_length(len(ids))
        return Trace(self, ids, n_prompt=len(prompt))

    def generate(
        self,
        text: str,
        generate: int | None = None,
        *,
        max_length: int | None = None,
        seed: int | None = None,
        on_token: OnToken | None = None,
        beam_size: int | None = None,
        attribution: Sequence[str] = (),
        **generation: Any,
    ) -> Trace:
        """Continue a text, token by token.

        Args:
            text: The prompt.
            generate: Number of tokens to generate (20 if neither this nor ``max_length`` is given).
            max_length: Instead: total number of tokens.
            seed: Makes sampling repeatable; torch's global generator is left as it was.
            on_token: Called with each new token's id as soon as it is chosen (not with beam search); generation ends
                early when it returns ``False``.
            beam_size: Ecco's name of ``num_beams``.
            attribution: Ecco's list of methods computed at generation time. Here attributions are computed when asked
                for, so the names are checked and nothing else.
            **generation: Any argument of transformers' ``GenerationConfig``: ``do_sample``, ``temperature``, ``top_k``,
                ``top_p``, ``num_beams``, ``repetition_penalty``, ...

        Returns:
            Trace of prompt and output; with beam search, of the winning beam.

        Raises:
            InvalidInput: If an argument is unknown or out of range, or the text is empty.
            NonFinite: If there is nothing to sample from.
            TextTooLong: If prompt and output together exceed the model's context.

        Example:
            >>> import ecco_widgets as ecco
            >>> ecco.load_demo().generate(" 1, 2, 3,", generate=4).output_text
            ' 4, 5,'
        """
        if attribution:
            import ecco_widgets as ecco  # analysis depends on this room, so it is reached through the package, late

            for name in attribution:
                ecco.analysis.method_named(name)
        ids = self.encode(text)
        if beam_size is not None:
            generation["num_beams"] = beam_size
        config, n_new = generation_config(self.model, len(ids), generate, max_length, generation)
        self._check_length(len(ids), n_new)
        with self.running():
            sequence = generate_ids(
                self.model,
                ids,
                config,
                seed=seed,
                on_token=on_token,
                device=self.device,
                tokenizer=self.tokenizer,
            )
        return Trace(self, sequence, n_prompt=len(ids))

    # ---------------------------------------------------------------- life

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call this when the model is closed (at once if it is)."""
        if self._parts is None:
            callback()
        else:
            self._on_close.append(callback)

    def close(self) -> None:
        """Let go of the model. Open widgets say so; calling it twice is harmless."""
        self._tell_closing()  # before waiting for the lock: it stops what runs and holds it
        with self.lock:
            self._parts, self._blocks = None, None
        self._tell_closing()  # who has come meanwhile

    def _tell_closing(self) -> None:
        callbacks, self._on_close = self._on_close, []
        for callback in callbacks:
            callback()

    @property
    def is_open(self) -> bool:
        """Whether ``close`` has not been called."""
        return self._parts is not None

    def check_open(self) -> None:
        """Raise ``ModelClosed`` after ``close``."""
        if self._parts is None:
            raise self._closed()

    def _closed(self) -> ModelClosed:
        return ModelClosed(f"{self.name} was closed.", hint="Load it again and make a new trace.")

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a LanguageModel cannot be copied or pickled. Save lm.model and lm.tokenizer, and load them again."
        )

    def __repr__(self) -> str:
        if self._parts is None:
            return f"<LanguageModel {self.name}, closed>"
        parts = self._parts
        return (
            f"<LanguageModel {self.name}: {type(parts.model).__name__}, {parts.n_layers} layers x {parts.width}, "
            f"{parts.vocabulary:,} tokens>"
        )


@contextlib.contextmanager
def _outside_inference_mode() -> Iterator[None]:
    """What is recorded in inference mode could take part in no gradient later; ``no_grad`` says the same otherwise."""
    if not torch.is_inference_mode_enabled():
        yield
        return
    with torch.inference_mode(mode=False), torch.no_grad():
        yield
