"""Conversations as token ids, through the chat template that comes with a tokenizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PreTrainedTokenizerBase

from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.loading_errors import first_line
from ecco_widgets.models.tasks import near_miss

ROLES = ("system", "user", "assistant", "tool", "developer")
"""Who can say something; which of them a template knows, it decides itself."""

Message = Mapping[str, Any]
Span = tuple[int, int, str]


def chat_ids(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> tuple[list[int], list[str]]:
    """Token ids of a conversation as the model was trained to read it, and who said each token.

    The template's beginning of an answer is added, unless the last message is the assistant's: that is left open then,
    for the model to go on with.

    Args:
        tokenizer: With a chat template.
        messages: Each with a "role" and its "content", in order.

    Returns:
        T ids, and T roles: the one whose message a token belongs to, "" for what the template puts around messages.

    Raises:
        InvalidInput: If there is no template, if messages are of another shape, if a role is unknown, if the template
            refuses the conversation or leaves a message out.
        UnsupportedModel: If the package that reads templates is missing.

    Example:
        >>> import ecco_widgets as ecco
        >>> tokenizer = ecco.load_demo().tokenizer
        >>> tokenizer.chat_template = "{% for m in messages %}{{ m.role }}:{{ m.content }}. {% endfor %}assistant:"
        >>> ids, roles = chat_ids(tokenizer, [{"role": "user", "content": " the old man"}])
        >>> [tokenizer.decode(i) for i, role in zip(ids, roles, strict=True) if role == "user"]
        [' the', ' old', ' man']
        >>> tokenizer.chat_template = None
    """
    _check_messages(messages)
    if not getattr(tokenizer, "chat_template", None):
        raise InvalidInput(
            "the tokenizer has no chat template: the model was not made for conversations, or was saved without.",
            hint="Use lm.generate(text), or set lm.tokenizer.chat_template to the template it was trained with.",
        )
    text = _rendered(tokenizer, messages)
    spans = _spans_by_marks(tokenizer, messages, text)
    return _tokens(tokenizer, text, _spans_by_prefixes(tokenizer, messages, text) if spans is None else spans)


def _check_messages(messages: Any) -> None:
    example = "For example [{'role': 'user', 'content': 'Hello'}]."
    if isinstance(messages, (str, Mapping)) or not isinstance(messages, Sequence) or not messages:
        raise InvalidInput(f"a conversation must be a list of messages, got {messages!r}.", hint=example)
    for i, message in enumerate(messages):
        if not isinstance(message, Mapping) or not {"role", "content"} <= message.keys():
            raise InvalidInput(f"messages[{i}] must have a 'role' and a 'content', got {message!r}.", hint=example)
        role, content = message["role"], message["content"]
        if role not in ROLES:
            raise InvalidInput(
                f"messages[{i}] has an unknown role: {role!r}.",
                hint=near_miss(str(role), ROLES) or f"Roles: {', '.join(ROLES)}.",
            )
        if not isinstance(content, str):
            raise InvalidInput(f"messages[{i}]['content'] must be a text, got {content!r}.", hint=example)


def _rendered(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> str:
    """The conversation as text, as the model is to read it."""
    try:
        return _render(tokenizer, messages, open_ended=True)
    except ImportError as error:
        raise UnsupportedModel(f"chat templates can't be read: {error}", hint="Run: pip install jinja2") from error
    except Exception as error:  # a template raises what it likes
        raise InvalidInput(
            f"the tokenizer's chat template refuses this conversation: {first_line(error)}",
            hint="Many templates want user and assistant to take turns, and some know no system message.",
        ) from error


def _render(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], *, open_ended: bool) -> str:
    goes_on = messages[-1]["role"] == "assistant"
    text: str = tokenizer.apply_chat_template(
        [dict(message) for message in messages],
        tokenize=False,
        add_generation_prompt=open_ended and not goes_on,
        continue_final_message=open_ended and goes_on,
    )
    return text


def _try_render(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], *, open_ended: bool) -> str | None:
    """As ``_render``; ``None`` where the template refuses what is no whole conversation, or such contents."""
    try:
        return _render(tokenizer, messages, open_ended=open_ended)
    except Exception:  # noqa: BLE001 - a template raises what it likes
        return None


# ------------------------------------------------------------------------------------------------------- who says what


def _spans_by_marks(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], text: str) -> list[Span] | None:
    """Where the content of each message stands in ``text``, whatever the template makes of it (trimmed, shortened).

    Rendered with marks in place of all contents, the conversation shows what the template puts around them; with marks
    in place of all but one, what it makes of that one. ``None`` if these do not add up to ``text``.
    """
    marks = [f"70{i:06}07" for i in range(len(messages))]  # digits: nothing that changes case touches them
    everywhere = [{**message, "content": mark} for message, mark in zip(messages, marks, strict=True)]
    marked = _try_render(tokenizer, everywhere, open_ended=True)
    if marked is None:
        return None
    for i, mark in enumerate(marks):
        if mark not in marked and messages[i]["content"].strip():
            raise InvalidInput(
                f"the tokenizer's chat template leaves out messages[{i}] (role {messages[i]['role']!r}).",
                hint="Put its text into a user's message.",
            )
    spans: list[Span] = []
    position = end = 0  # in the text, in the marked text
    for i, mark in enumerate(marks):
        start = marked.find(mark, end)
        if start < 0:
            return None
        before, after = marked[:start], marked[start + len(mark) :]
        position += start - end
        end = start + len(mark)
        one = _try_render(tokenizer, [*everywhere[:i], messages[i], *everywhere[i + 1 :]], open_ended=True)
        if one is None or not (one.startswith(before) and one.endswith(after)):
            return None
        length = len(one) - len(before) - len(after)
        if length < 0 or text[position : position + length] != one[len(before) : len(before) + length]:
            return None
        spans.append((position, position + length, messages[i]["role"]))
        position += length
    return spans if text[position:] == marked[end:] else None


def _spans_by_prefixes(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], text: str) -> list[Span]:
    """The part of ``text`` that each message adds to those before it, for templates that change contents.

    Where it holds the content as it is, once, that alone is the message's. Nobody is said to have said what no message
    alone adds.
    """
    spans: list[Span] = []
    start, waiting = 0, []
    for n, message in enumerate(messages, start=1):
        waiting.append(message)
        shown = _try_render(tokenizer, messages[:n], open_ended=False)
        end = start if shown is None else _shared_length(text, shown)
        if end <= start:
            continue
        added = text[start:end]
        for one in waiting:
            content = one["content"].strip()
            if content and added.count(content) == 1:
                first = start + added.index(content)
                spans.append((first, first + len(content), one["role"]))
            elif len(waiting) == 1:
                spans.append((start, end, one["role"]))
        start, waiting = end, []
    return spans


def _shared_length(a: str, b: str) -> int:
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


# -------------------------------------------------------------------------------------------------------------- tokens


def _tokens(tokenizer: PreTrainedTokenizerBase, text: str, spans: Sequence[Span]) -> tuple[list[int], list[str]]:
    # The template has put in whatever special tokens there are to be.
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=tokenizer.is_fast, verbose=False)
    ids = [int(token) for token in encoding["input_ids"]]
    roles = [""] * len(ids)
    if tokenizer.is_fast:
        for i, (start, end) in enumerate(encoding["offset_mapping"]):
            piece = text[start:end]
            position = start + len(piece) - len(piece.lstrip()) if piece.strip() else start
            roles[i] = next((role for first, last, role in spans if first <= position < last), "")
        return ids, roles
    for first, last, role in spans:  # no offsets: by the number of tokens that come before
        begin, stop = (len(tokenizer(text[:at], add_special_tokens=False)["input_ids"]) for at in (first, last))
        roles[begin:stop] = [role] * (min(stop, len(ids)) - begin)
    return ids, roles
