"""Whether something that was put beside the question reached the model: by its mark, and by the bill.

Two signs have to agree before anything is said to be dropped: the answer lacks the mark, and the prompt costs no more
than the words of its question would. Of a document that the run served there is a third: what was never fetched was
never read, so a bill that grows by the length of an address excuses nothing; what was fetched and billed was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from conformance.canaries import shown_in
from conformance.checks.api import Case
from conformance.checks.outcomes import Effect, Shown
from conformance.checks.values import prompt_tokens
from conformance.conditions import find
from conformance.model import Json
from conformance.served import marks_in
from conformance.views import View

PLAIN: Final = "chat.basic"
"""The request whose prompt is the measure of a bill without anything attached."""
TOKENS_A_WORD: Final = 2
"""More tokens than that for each word of a plain English question are not plausible."""

_NOTHING: Final = re.compile(
    r"(?:\b(?:no|not|cannot|unable|without)\b|n't\b)[^.\n]{0,60}\b(?:file|document|attach\w*|image|picture|pdf|stripes)\b|"
    r"(?:没有|未|无法)[^。\n]{0,30}(?:文件|附件|图片|文档)",
    re.IGNORECASE,
)


def growth(case: Case) -> int | None:
    """Return how many prompt tokens more than the plain request the answer reports, None when that is not told."""
    plain = case.others.get(PLAIN)
    mine = prompt_tokens(case.view)
    theirs = prompt_tokens(plain) if plain is not None and plain.succeeded else None
    return None if mine is None or theirs is None else mine - theirs


def least(case: Case) -> int:
    """Return the growth that the words of the question alone may have."""
    return TOKENS_A_WORD * sum(len(text.split()) for text in said(case.view))


def most(case: Case) -> int:
    """Return the growth above which more than the question was read, whatever the tokenizer."""
    return sum(len(text.encode()) for text in said(case.view))


def said(view: View) -> Iterator[str]:
    """Yield the texts of the question."""
    asked: Json = dict(view.asked)
    for pointer in (("messages", "*", "content"), ("messages", "*", "content", "*", "text")):
        yield from (text for text in find(asked, pointer) if isinstance(text, str))


def seen(case: Case) -> Shown:
    """Tell whether the model saw what was attached."""
    view = case.view
    marks = marks_in(view)
    if shown_in(view.text, marks):
        return Shown(Effect.SEEN, f"the answer names {' '.join(marks)}", examined=len(marks))
    grown, fetched = growth(case), view.exchange.fetched
    billed = grown is not None and grown > most(case)
    if fetched and billed:
        return Shown(Effect.SEEN, f"the target fetched the document, and prompt_tokens grow by {grown}")
    answer = f"the answer {view.text[:60]!r} does not name {' '.join(marks)}"
    expected = "an answer with what is attached, or a refusal with 400 or 422 and the cause"
    if fetched == 0 and not billed:
        return Shown(Effect.MISSING, f"{answer}, and the target never fetched the document", expected)
    if grown is not None and grown <= least(case):
        bill = f"prompt_tokens grow by {grown}, as the question alone would make them"
        return Shown(Effect.MISSING, f"{answer}, and {bill}", expected)
    if grown is None and _NOTHING.search(view.text):
        return Shown(Effect.MISSING, f"{answer} and says that nothing is attached", expected)
    return Shown(Effect.UNCLEAR, f"{answer}; the model may have seen it and not obliged")
