"""Entries of a vocabulary that a typed text may mean, found on the worker."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from typing import Any

from ecco_widgets.errors import InvalidInput
from ecco_widgets.live import Job
from ecco_widgets.models.language_model import LanguageModel
from ecco_widgets.models.trace import Trace

COMPLETE = "vocabulary.complete"
LONGEST = 200
"""Longest text that is completed, in characters."""

_MOST = 12
_MOST_PIECES = 16
# Entries that are decoded between two looks at whether somebody waits.
_TOGETHER = 2_048
# Candidates among which the commonest are chosen.
_MOST_CANDIDATES = 4_000
_BETWEEN = "\x00"


class Completion:
    """The analysis "vocabulary.complete": {"text"} answered with entries that begin with it, then that contain it.

    The text of each entry is read once for each model, in steps: idle work that makes way and later goes on. Called on
    the worker's thread only.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._index: _Index | None = None

    def __call__(self, job: Job, trace: Trace, params: Mapping[str, Any]) -> dict[str, Any]:
        """The answer, as ``_schema.Completions``."""
        lm, text = trace.lm, params["text"]
        index = self._built(job, lm)
        ids = index.find(text) if text else []
        exact, problem = _exact(lm, text) if text else (None, "")
        if exact is not None:
            ids = [exact, *(token for token in ids if token != exact)][:_MOST]
        return {
            "text": text,
            "tokens": [{"id": token, "text": lm.token_text(token)} for token in ids],
            "exact": None if exact is None else {"id": exact, "text": lm.token_text(exact)},
            "pieces": _pieces(trace, text) if text else [],
            "problem": problem,
        }

    def _built(self, job: Job, lm: LanguageModel) -> _Index:
        if self._index is None:
            total = min(lm.vocabulary, len(lm.tokenizer))
            while len(self._texts) < total:
                job.progress(len(self._texts), total, "entries of the vocabulary")
                step = range(len(self._texts), min(len(self._texts) + _TOGETHER, total))
                self._texts += [lm.token_text(token) for token in step]
            job.check()
            self._index = _Index(self._texts)
        return self._index


class _Index:
    """The texts of V entries, sorted for beginnings and joined for parts."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self._plain = _Sorted(texts)
        self._lower = _Sorted([text.lower() for text in texts])

    def find(self, text: str) -> list[int]:
        """At most ``_MOST`` ids: those that begin with the text as it is or after a space, then others; common first.

        Vocabularies are written in the order in which their entries were found worth having, so a small id is common.
        """
        lower = text.lower()
        wanted = [text] if text[:1].isspace() else [f" {text}", text]
        folded = [lower] if lower[:1].isspace() else [f" {lower}", lower]
        found: dict[int, None] = {}
        tiers = (
            lambda: self._whole(wanted),
            lambda: self._plain.beginning(wanted),
            lambda: self._lower.beginning(folded),
            lambda: self._plain.containing(text),
            lambda: self._lower.containing(lower),
        )
        for tier in tiers:
            found.update(dict.fromkeys(tier()))
            if len(found) >= _MOST:
                break
        return list(found)[:_MOST]

    def _whole(self, texts: list[str]) -> Iterator[int]:
        for text in texts:
            yield from (token for token in self._plain.beginning([text]) if self.texts[token] == text)


class _Sorted:
    def __init__(self, texts: list[str]) -> None:
        self._order = sorted(range(len(texts)), key=texts.__getitem__)
        self._texts = [texts[token] for token in self._order]
        self._joined = _BETWEEN.join([*texts, ""])
        self._ends: list[int] = []
        end = 0
        for text in texts:
            end += len(text) + 1
            self._ends.append(end)

    def beginning(self, texts: list[str]) -> list[int]:
        found: list[int] = []
        for text in texts:
            start = bisect.bisect_left(self._texts, text)
            # The largest character ends the range of what begins with the text.
            stop = bisect.bisect_left(self._texts, text + "\U0010ffff", lo=start)
            found += self._order[start : min(stop, start + _MOST_CANDIDATES)]
        return sorted(found)

    def containing(self, text: str) -> list[int]:
        found: list[int] = []
        at = -1 if _BETWEEN in text else self._joined.find(text)
        while at >= 0 and len(found) < _MOST:
            token = bisect.bisect_right(self._ends, at)
            found.append(token)
            at = self._joined.find(text, self._ends[token])
        return found


def _exact(lm: LanguageModel, text: str) -> tuple[int | None, str]:
    """The token that reads so, or does with a space before it; else what is wrong with the text."""
    token, problem = _token(lm, text)
    if token is None and not text[:1].isspace():
        token, _ = _token(lm, f" {text}")
    return token, problem if token is None else ""


def _token(lm: LanguageModel, text: str) -> tuple[int | None, str]:
    try:
        return lm.token_id(lm.token_id(text)), ""  # of the id too: not every token of a tokenizer has a logit
    except InvalidInput as error:
        return None, f"{error.message} {error.hint}".strip()


def _pieces(trace: Trace, text: str) -> list[str]:
    """How the text tokenises."""
    if trace.kind == "classification":
        return []
    ids = trace.lm.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return [trace.lm.token_text(int(token)) for token in ids[:_MOST_PIECES]]
