"""A language model and what one does with it: run a text, generate, score, chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, overload

from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.architecture import Classifier
from ecco_widgets.models.batch import Batch
from ecco_widgets.models.chat import chat_ids
from ecco_widgets.models.class_trace import ClassTrace
from ecco_widgets.models.generation import OnToken, generate_ids, generation_config
from ecco_widgets.models.loaded_model import LoadedModel
from ecco_widgets.models.masked_trace import MaskedTrace
from ecco_widgets.models.seq2seq_trace import Seq2SeqTrace
from ecco_widgets.models.trace import Trace

if TYPE_CHECKING:
    from ecco_widgets.widgets import LayerPredictionsWidget


class LanguageModel(LoadedModel):
    """A language model with its tokenizer, ready to be explained.

    Usually made by ``from_pretrained``, ``from_model`` or ``load_demo``. The model is put into evaluation mode:
    explanations with dropout would differ each time.

    Args:
        model: A Hugging Face model: causal, masked, sequence-to-sequence, or a sequence classifier.
        tokenizer: Its tokenizer.
        name: Shown in widgets; the model's own name or path by default.
        parts: Parts named by hand where structure does not give them away: names of modules for "base", "embedding",
            "blocks", "final_norm", and, relative to a block, "neurons".

    Raises:
        UnsupportedModel: If the model's parts can't be found or do not reproduce its logits.
        InvalidInput: If a part named by hand is not there.

    Example:
        >>> import ecco_widgets as ecco
        >>> lm = ecco.load_demo()
        >>> lm.generate(" 1, 2, 3,", generate=4).output_text
        ' 4, 5,'
    """

    # ---------------------------------------------------------------- runs

    @overload
    def __call__(self, text: str) -> Trace: ...

    @overload
    def __call__(self, text: list[str] | tuple[str, ...]) -> Batch: ...

    @overload
    def __call__(self, text: Mapping[str, Any]) -> Trace | Batch: ...

    def __call__(self, text: str | list[str] | tuple[str, ...] | Mapping[str, Any]) -> Trace | Batch:
        """Run a text, or several, through the model without generating.

        Args:
            text: A text, a list of texts, or what ``lm.tokenizer(...)`` returns for one or several (as in Ecco).

        Returns:
            Trace of the T tokens, all of them prompt; for several texts a ``Batch`` of traces. A sequence-to-sequence
            model's trace has the text as its source and an answer that has only begun.

        Raises:
            InvalidInput: If a text is empty or no text.
            TextTooLong: If one exceeds the model's context.

        Example:
            >>> import ecco_widgets as ecco
            >>> lm = ecco.load_demo()
            >>> lm("The keys to the cabinet").n_tokens, len(lm(["One.", "Two."]))
            (5, 2)
        """
        if isinstance(text, str):
            return self._trace(self.encode(text))
        if isinstance(text, (list, tuple)):
            if not text:
                raise InvalidInput("the list of texts is empty.", hint="Pass at least one text.")
            return Batch(self, [self._trace(self.encode(each)) for each in text])
        traces = [self._trace(ids) for ids in self._ids_of_encoding(text)]
        return traces[0] if len(traces) == 1 else Batch(self, traces)

    def _trace(self, ids: list[int]) -> Trace:
        if self.kind == "seq2seq":
            return Seq2SeqTrace(self, [*ids, self._start_id()], len(ids) + 1, n_source=len(ids))
        if isinstance(self.parts, Classifier):
            ids = self._without_padding(self.parts, ids)
        traces: dict[str, type[Trace]] = {"causal": Trace, "masked": MaskedTrace, "classification": ClassTrace}
        return traces[self.kind](self, ids, len(ids))

    def _without_padding(self, parts: Classifier, ids: list[int]) -> list[int]:
        """Ids without the padding at their end that the model leaves out itself."""
        end = len(ids)
        while end and ids[end - 1] == parts.padding:
            end -= 1
        if not end:
            raise InvalidInput("the text has only padding tokens.", hint="Use a text with at least one word.")
        return ids[:end]

    def score(self, text: str, continuation: str) -> Trace:
        """Run a given continuation of a text: explains an answer that the model need not have chosen.

        Args:
            text: The prompt; of a sequence-to-sequence model, the source.
            continuation: What follows it, usually with a leading space; or the answer.

        Returns:
            Trace in which the continuation's tokens are the output.

        Raises:
            InvalidInput: If either is empty, or the model continues no text.
            TextTooLong: If both together exceed the model's context.

        Example:
            >>> import ecco_widgets as ecco
            >>> ecco.load_demo().score("The keys to the cabinet", " is").output_text
            ' is'
        """
        self._check_generates("score")
        prompt = self.encode(text)
        if not isinstance(continuation, str) or not continuation:
            raise InvalidInput(
                f"continuation must be a non-empty string, got {continuation!r}.",
                hint="Begin it with a space where a new word begins, e.g. ' are'.",
            )
        if self.kind == "seq2seq":
            answer = self._tokenise(None, text_target=continuation)
            if answer and answer[-1] == self.tokenizer.eos_token_id:
                answer = answer[:-1]
            self._check_length(len(answer) + 1)
            return Seq2SeqTrace(self, [*prompt, self._start_id(), *answer], len(prompt) + 1, n_source=len(prompt))
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
        """Continue a text, or answer it, token by token.

        Args:
            text: The prompt; of a sequence-to-sequence model, the source.
            generate: Number of tokens to generate (20 if neither this nor ``max_length`` is given).
            max_length: Instead: total number of tokens (of the answer, for a sequence-to-sequence model).
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
            InvalidInput: If an argument is unknown or out of range, the text is empty, or the model continues no text.
            NonFinite: If there is nothing to sample from.
            TextTooLong: If prompt and output together exceed the model's context.

        Example:
            >>> import ecco_widgets as ecco
            >>> ecco.load_demo().generate(" 1, 2, 3,", generate=4).output_text
            ' 4, 5,'
        """
        self._check_generates("generate")
        if attribution:
            import ecco_widgets as ecco  # analysis depends on this room, so it is reached through the package, late

            for name in attribution:
                ecco.analysis.method_named(name)
        return self._generated(
            self.encode(text), generate, max_length, generation, seed=seed, on_token=on_token, beam_size=beam_size
        )

    def chat(
        self,
        messages: Sequence[Mapping[str, str]],
        generate: int | None = None,
        *,
        seed: int | None = None,
        on_token: OnToken | None = None,
        **generation: Any,
    ) -> Trace:
        """Answer a conversation through the tokenizer's chat template; ``trace.roles`` says who said each token.

        Args:
            messages: Each ``{"role": "user", "content": "..."}``, in order.
            generate: Number of tokens to generate (20 by default).
            seed: As for ``generate``.
            on_token: As for ``generate``.
            **generation: As for ``generate``.

        Returns:
            Trace of the conversation and the answer.

        Raises:
            InvalidInput: If the tokenizer has no chat template, or messages are of another shape.
            TextTooLong: If conversation and answer exceed the model's context.
        """
        self._check_generates("chat")
        ids, roles = chat_ids(self.tokenizer, messages)
        self._check_length(len(ids))
        return self._generated(ids, generate, None, generation, seed=seed, on_token=on_token, roles=roles)

    def _generated(
        self,
        ids: list[int],
        generate: int | None,
        max_length: int | None,
        generation: dict[str, Any],
        *,
        seed: int | None,
        on_token: OnToken | None,
        beam_size: int | None = None,
        roles: Sequence[str] = (),
    ) -> Trace:
        if beam_size is not None:
            generation["num_beams"] = beam_size
        seq2seq = self.kind == "seq2seq"
        config, n_new = generation_config(self.model, 1 if seq2seq else len(ids), generate, max_length, generation)
        self._check_length(1 if seq2seq else len(ids), n_new)
        with self.running(), self.intervened(self.interventions):
            sequence = generate_ids(
                self.model,
                ids,
                config,
                seed=seed,
                on_token=on_token,
                device=self.device,
                tokenizer=self.tokenizer,
            )
        trace: Trace
        if seq2seq:
            trace = Seq2SeqTrace(self, ids + sequence, len(ids) + 1, n_source=len(ids))
        else:
            said = [*roles, *["assistant"] * (len(sequence) - len(ids))] if roles else ()
            trace = Trace(self, sequence, n_prompt=len(ids), roles=said)
        trace.generation = {**generation, "seed": seed, "generate": n_new}
        return trace

    def regenerate(self, trace: Trace, generate: int | None = None, *, on_token: OnToken | None = None) -> Trace:
        """Generate from a trace's prompt again, with the options it was generated with; inside ``intervene``, changed.

        Args:
            trace: A trace of this model.
            generate: Number of tokens; as many as were asked for then by default.
            on_token: As for ``generate``.

        Returns:
            Another trace. Sampling is repeated exactly if the first one had a seed.

        Raises:
            InvalidInput: If the model continues no text, the trace is another model's, or it has no output and
                ``generate`` is not given.
            TextTooLong: If prompt and output exceed the model's context.

        Example:
            >>> import ecco_widgets as ecco
            >>> lm = ecco.load_demo()
            >>> out = lm.generate(" 1, 2, 3,", generate=4)
            >>> lm.regenerate(out).output_text == out.output_text
            True
        """
        self._check_generates("regenerate")
        if trace.lm is not self:
            raise InvalidInput(f"the trace is of {trace.lm.name}, not of {self.name}.", hint="Use trace.lm.")
        n_new = trace.generation.get("generate", trace.n_generated) if generate is None else generate
        options = {name: value for name, value in trace.generation.items() if name not in {"seed", "generate"}}
        prompt = [int(token) for token in trace.token_ids[: trace.n_source or trace.n_prompt]]
        seed = trace.generation.get("seed")
        roles = trace.roles[: trace.n_prompt]
        return self._generated(prompt, n_new, None, options, seed=seed, on_token=on_token, roles=roles)

    def _check_generates(self, call: str) -> None:
        if self.kind in {"causal", "seq2seq"}:
            return
        predicts = "masked tokens" if self.kind == "masked" else "classes"
        raise InvalidInput(
            f"lm.{call}(...) needs a model that continues text; {self.name} predicts {predicts}.",
            hint="Run a text with lm(text)"
            + (
                f", with {self.tokenizer.mask_token} where a token is to be predicted."
                if self.kind == "masked"
                else "."
            ),
        )

    def _start_id(self) -> int:
        """The token that a decoder's answer begins with."""
        for config in (self.model.generation_config, self.model.config):
            start = getattr(config, "decoder_start_token_id", None) if config is not None else None
            if start is not None:
                return int(start)
        raise UnsupportedModel(
            f"{self.name} does not say which token an answer begins with.",
            hint="Set model.generation_config.decoder_start_token_id.",
        )

    @property
    def mask_id(self) -> int:
        """Id of the token that stands for a masked one.

        Raises:
            InvalidInput: If the tokenizer has none.
        """
        mask = self.tokenizer.mask_token_id
        if mask is None:
            raise InvalidInput(
                f"the tokenizer of {self.name} has no mask token, so no token can be masked.",
                hint="Use the tokenizer that belongs to the model, or set tokenizer.mask_token.",
            )
        return int(mask)

    def predict_token(self, text: str, topk: int | None = None, **options: Any) -> LayerPredictionsWidget:
        """The model's best next tokens, as bars; of a masked model, its best for the mask in the text.

        Args:
            text: A text; for a masked model with its mask token.
            topk: How many tokens; 10 by default, or all classes where there are fewer.
            **options: Traits of ``LayerPredictionsWidget``.

        Returns:
            The widget, showing the last layer.

        Raises:
            InvalidInput: If the text is empty, or a masked model's text has no mask.

        Example:
            >>> import ecco_widgets as ecco
            >>> ecco.load_demo().predict_token(" 1, 2, 3,", topk=3).top.texts[-1][0]
            ' 4'
        """
        trace = self._trace(self.encode(text))
        position = trace.next_position
        if isinstance(trace, MaskedTrace):
            if not trace.masked_positions:
                raise InvalidInput(
                    f"the text has no mask token, so nothing is to be predicted: {text!r}.",
                    hint=f"Put {self.tokenizer.mask_token} where a token is missing.",
                )
            position = trace.masked_positions[0]
        elif isinstance(trace, ClassTrace):
            position = trace.first_position
        return trace.layer_predictions(position=position, topk=topk, layer=self.n_layers - 1, **options)

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
