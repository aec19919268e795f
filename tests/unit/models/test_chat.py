"""Conversations: ids as the template gives them, who said each token, and what is said when a template can't."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from transformers import PreTrainedTokenizerBase

from ecco_widgets.errors import InvalidInput, UnsupportedModel
from ecco_widgets.models.chat import chat_ids
from tests.support.tiny_models import tiny_lm, tiny_tokenizer

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Trims contents; begins with a system message of its own where there is none.
DEFAULT_SYSTEM = (
    "{{ bos_token }}{% if messages[0]['role'] != 'system' %}<system>You are helpful.</system>{% endif %}"
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] | trim }}</{{ m['role'] }}>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
# The system message stands inside the first user's turn; turns must alternate.
INSTRUCT = (
    "{% if messages[0]['role'] == 'system' %}{% set system = '<<SYS>>' + messages[0]['content'] + '<</SYS>> ' %}"
    "{% set turns = messages[1:] %}{% else %}{% set system = '' %}{% set turns = messages %}{% endif %}"
    "{% for m in turns %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if m['role'] == 'user' %}[INST] {{ (system if loop.index0 == 0 else '') + m['content'] }} [/INST]"
    "{% else %} {{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
# Takes the thoughts out of answers given before the last question.
THINKING = (
    "{% for m in messages %}<{{ m['role'] }}>"
    "{{ m['content'].split('</think>')[-1] if m['role'] == 'assistant' and not loop.last else m['content'] }}\n"
    "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
UPPER = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] | upper }}\n{% endfor %}"
IGNORES_SYSTEM = "{% for m in messages %}{% if m['role'] != 'system' %}{{ m['content'] }}\n{% endif %}{% endfor %}"

SYSTEM = {"role": "system", "content": "Be brief."}
ASK = {"role": "user", "content": "The keys to the cabinet?"}
ANSWER = {"role": "assistant", "content": "are on the table"}
AGAIN = {"role": "user", "content": "one two three"}


def with_template(template: Any) -> PreTrainedTokenizerBase:
    tokenizer = copy.deepcopy(tiny_tokenizer())
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.chat_template = template
    return tokenizer


def said(tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Runs of tokens with the same role, as (role, text)."""
    ids, roles = chat_ids(tokenizer, messages)
    assert len(ids) == len(roles)
    runs: list[tuple[str, list[int]]] = []
    for token, role in zip(ids, roles, strict=True):
        if not runs or runs[-1][0] != role:
            runs.append((role, []))
        runs[-1][1].append(token)
    return [(role, tokenizer.decode(tokens)) for role, tokens in runs]


# ------------------------------------------------------------------------------------------------------------- tokens


@pytest.mark.parametrize("template", [CHATML, DEFAULT_SYSTEM, INSTRUCT, THINKING])
@pytest.mark.parametrize("messages", [[ASK], [SYSTEM, ASK], [ASK, ANSWER, AGAIN], [SYSTEM, ASK, ANSWER, AGAIN]])
def test_ids_are_those_that_the_template_gives(template: str, messages: list[dict[str, str]]) -> None:
    tokenizer = with_template(template)
    ids, _ = chat_ids(tokenizer, messages)
    assert ids == tokenizer.apply_chat_template(messages, add_generation_prompt=True)["input_ids"]


@pytest.mark.parametrize("template", [CHATML, DEFAULT_SYSTEM, INSTRUCT, THINKING])
def test_each_token_of_a_message_has_its_role_and_no_other_has_one(template: str) -> None:
    runs = said(with_template(template), [SYSTEM, ASK, ANSWER, AGAIN])
    assert [(role, text.strip()) for role, text in runs if role] == [
        ("system", "Be brief."),
        ("user", "The keys to the cabinet?"),
        ("assistant", "are on the table"),
        ("user", "one two three"),
    ]


def test_what_the_template_adds_by_itself_was_said_by_nobody() -> None:
    runs = said(with_template(DEFAULT_SYSTEM), [{"role": "user", "content": "  one two  "}])
    assert runs == [
        ("", "<|endoftext|><system>You are helpful.</system><user>"),
        ("user", "one two"),
        ("", "</user><assistant>"),
    ]


def test_a_message_that_looks_like_the_template_is_told_apart_from_it() -> None:
    runs = said(
        with_template(CHATML), [{"role": "user", "content": "user"}, {"role": "assistant", "content": "a"}, ASK]
    )
    assert [run for run in runs if run[0]] == [("user", "user"), ("assistant", "a"), ("user", ASK["content"])]


def test_repeated_and_empty_messages_keep_their_places() -> None:
    runs = said(with_template(CHATML), [AGAIN, {"role": "assistant", "content": ""}, AGAIN])
    assert [run for run in runs if run[0]] == [("user", "one two three"), ("user", "one two three")]


def test_an_answer_at_the_end_is_left_open() -> None:
    runs = said(with_template(CHATML), [ASK, ANSWER])
    assert runs[-1] == ("assistant", "are on the table")
    assert runs[-2] == ("", "<|im_end|>\n<|im_start|>assistant\n")


def test_templates_that_change_messages_are_followed() -> None:
    thought = {"role": "assistant", "content": "<think>hm</think>are on the table"}
    runs = said(with_template(THINKING), [ASK, thought, AGAIN])
    assert ("user", "The keys to the cabinet?") in runs
    assert ("user", "one two three") in runs
    assert ("assistant", "are on the table") in runs
    assert said(with_template(UPPER), [ASK, ANSWER, AGAIN]) == [
        ("", "user: "),
        ("user", "THE KEYS TO THE CABINET?"),
        ("", "\nassistant: "),
        ("assistant", "ARE ON THE TABLE"),
        ("", "\nuser: "),
        ("user", "ONE TWO THREE"),
        ("", "\n"),
    ]


def test_where_one_message_changes_what_surrounds_another_each_has_what_it_adds() -> None:
    # The head of the conversation depends on all of it, so nothing can be read off marks.
    counted = "{{ messages[0]['content'] | length }} {{ messages[-1]['content'] | length }}\n" + CHATML
    assert [run for run in said(with_template(counted), [ASK, ANSWER, ASK]) if run[0]] == [
        ("user", ASK["content"]),
        ("assistant", ANSWER["content"]),
        ("user", ASK["content"]),
    ]


def test_nobody_is_said_to_have_said_what_cannot_be_told_apart() -> None:
    shouted = "{{ messages | map(attribute='content') | join | length }}\n" + UPPER
    _, roles = chat_ids(with_template(shouted), [ASK, ANSWER, AGAIN])
    assert set(roles) == {""}


def test_tokenizers_without_offsets_count_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = with_template(CHATML)
    expected = said(tokenizer, [SYSTEM, ASK, ANSWER, AGAIN])
    monkeypatch.setattr(type(tokenizer), "is_fast", False)
    assert said(tokenizer, [SYSTEM, ASK, ANSWER, AGAIN]) == expected


def test_emoji_belong_whole_to_who_said_them() -> None:
    tokenizer = with_template(CHATML)
    ids, roles = chat_ids(tokenizer, [{"role": "user", "content": "a👩‍🚀b"}])
    assert tokenizer.decode([i for i, role in zip(ids, roles, strict=True) if role == "user"]) == "a👩‍🚀b"


# ------------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ("Hello", r"a conversation must be a list of messages, got 'Hello'\. For example \[\{'role': 'user'"),
        (ASK, r"must be a list of messages, got \{'role'"),
        ([], r"must be a list of messages, got \[\]"),
        (None, r"must be a list of messages, got None"),
        (["Hello"], r"messages\[0\] must have a 'role' and a 'content', got 'Hello'"),
        ([ASK, {"role": "user"}], r"messages\[1\] must have a 'role' and a 'content'"),
        ([{"role": "asistant", "content": "x"}], r"messages\[0\] has an unknown role: 'asistant'\. Did you mean 'assi"),
        ([{"role": "x", "content": "x"}], r"unknown role: 'x'\. Roles: system, user, assistant, tool, developer"),
        ([{"role": ["user"], "content": "x"}], r"unknown role: \['user'\]"),
        ([{"role": "user", "content": ["x"]}], r"messages\[0\]\['content'\] must be a text, got \['x'\]"),
        ([{"role": "user", "content": None}], r"messages\[0\]\['content'\] must be a text, got None"),
    ],
)
def test_messages_of_another_shape_are_refused(messages: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        chat_ids(with_template(CHATML), messages)


def test_a_tokenizer_without_a_template_is_explained() -> None:
    with pytest.raises(InvalidInput, match=r"has no chat template.*lm\.generate\(text\).*chat_template"):
        chat_ids(tiny_tokenizer(), [ASK])


def test_what_a_template_refuses_is_passed_on() -> None:
    with pytest.raises(InvalidInput, match=r"refuses this conversation: Conversation roles must alternate.*take turns"):
        chat_ids(with_template(INSTRUCT), [ASK, AGAIN])
    with pytest.raises(InvalidInput, match=r"refuses this conversation: .*take turns"):
        chat_ids(with_template("{% for m in messages %}{{ m.nothing.at.all }}{% endfor %}"), [ASK])
    with pytest.raises(InvalidInput, match=r"refuses this conversation: .*set but the final message does not appear"):
        chat_ids(with_template(UPPER), [ASK, ANSWER])
    with pytest.raises(InvalidInput, match=r"refuses this conversation: "):
        chat_ids(with_template("{% for m in messages %}{{ m['content'] }"), [ASK])


def test_a_message_that_the_template_leaves_out_is_noticed() -> None:
    with pytest.raises(InvalidInput, match=r"leaves out messages\[0\] \(role 'system'\)\. Put its text into a user's"):
        chat_ids(with_template(IGNORES_SYSTEM), [SYSTEM, ASK])


def test_without_jinja_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = with_template(CHATML)

    def missing(*_: Any, **__: Any) -> None:
        raise ImportError("apply_chat_template requires jinja2 to be installed.")

    monkeypatch.setattr(tokenizer, "apply_chat_template", missing)
    with pytest.raises(UnsupportedModel, match=r"chat templates can't be read: .*pip install jinja2"):
        chat_ids(tokenizer, [ASK])


# ------------------------------------------------------------------------------------------------------ through a model


def test_a_model_answers_and_its_trace_says_who_said_what() -> None:
    lm = tiny_lm("gpt2")
    lm.tokenizer = with_template(UPPER.replace(" | upper", ""))
    trace = lm.chat([ASK, ANSWER, AGAIN], generate=3)
    assert len(trace.roles) == trace.n_tokens
    assert trace.roles[-3:] == ("assistant",) * 3
    assert {"user", "assistant", ""} == set(trace.roles)
