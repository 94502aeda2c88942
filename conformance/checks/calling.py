"""What checks of tool calls share: did the model call, did tools arrive, is a defect the rule or a slip.

Models are random, and small ones write nonsense. So a missing call says nothing by itself: a neighbouring
answer in which the same model did call, or token counts that are the same with tools and without, show whose
doing it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from conformance.checks.api import Case
from conformance.checks.errortext import error_words
from conformance.checks.values import prompt_tokens, texts_of
from conformance.model import Finding, Outcome
from conformance.rates import rate
from conformance.toolcalls import Call, calls_of, misplaced
from conformance.views import Form, View

CALLING: Final = (
    "tools.auto",
    "tools.single",
    "tools.named",
    "tools.no-parameters",
    "tools.required-stream",
    "tools.named-stream",
    "tools.parallel-stream",
)
"""The probes that ask for a call."""

PAIRS: Final = (("tools.at-hand", "stream.usage"), ("tools.strict", "chat.basic"))
"""Probes that say the same, with tools and without."""

NEIGHBOURS: Final = (*CALLING, *(name for pair in PAIRS for name in pair))

SYSTEMATIC: Final = 3
"""In how many answers, and in no fewer than all, a slip is the server's and not the model's."""


def calling_views(case: Case) -> list[View]:
    """Return the answers of this run that have calls: this one first, then its neighbours."""
    others = (view for name, view in case.others.items() if name in CALLING)
    views = {view.exchange.id: view for view in (case.view, *others)}
    return [view for view in views.values() if calls_of(view)]


def seen(case: Case, *, streamed: bool = False) -> bool:
    """Whether the model called a tool anywhere, or (``streamed``) in any stream."""
    return any(view.form is Form.STREAM or not streamed for view in calling_views(case))


def able(case: Case) -> bool:
    """Whether the model calls tools reliably: in at least half of the other answers that were to have a call.

    A small model hits upon a call now and then; that it does not elsewhere is no proof against the server.
    """
    mine = case.view.probe.id.split("~")[0]
    others = [
        view for name, view in case.others.items() if name in CALLING and name != mine and view.succeeded
    ]
    calling = sum(bool(calls_of(view)) for view in others)
    return calling >= _ABLE and calling * 2 >= len(others)


_ABLE: Final = 2


def reached(case: Case) -> bool | None:
    """Whether tools reach the model, by the prompt tokens they cost; None when that cannot be told."""
    known = [
        (_prompt(case.others[tools]), _prompt(case.others[plain]))
        for tools, plain in PAIRS
        if tools in case.others and plain in case.others
    ]
    counts = [(with_, without) for with_, without in known if with_ and without]
    return any(with_ != without for with_, without in counts) if counts else None


def token_counts(case: Case) -> str:
    """Say how many tokens the prompt has with tools and without."""
    for tools, plain in PAIRS:
        if tools in case.others and plain in case.others and (count := _prompt(case.others[tools])):
            return f"{count} prompt tokens with tools, {_prompt(case.others[plain])} without"
    return ""


def _prompt(view: View) -> int:
    return (prompt_tokens(view) or 0) if view.succeeded else 0


def called_rate(case: Case) -> str:
    """Say in how many of the tries so far the model called, with the interval."""
    return rate(sum(bool(calls_of(view)) for view in case.tries), max(1, len(case.tries)))


def nothing(case: Case, *, streamed: bool = False) -> Finding:
    """Say that the answer has no call to look at: no matter where a neighbour has one, else no opinion.

    With ``streamed`` only streams are neighbours.
    """
    if misplaced(case.view):
        return case.skip("the call does not stand where calls do; tools.calls-array judges that")
    if seen(case, streamed=streamed):
        return case.skip("no call in this answer; those of other answers are judged")
    if reached(case) is False:
        return case.unsure(f"no call: the tools did not reach the model ({token_counts(case)})")
    return case.unsure(f"the model called no tool, {called_rate(case)} tries")


def ignored(case: Case, what: str, expected: str) -> Finding:
    """Judge an answer without the call that was demanded: dropped when there is proof, else no opinion."""
    if misplaced(case.view):
        return case.skip("the call does not stand where calls do; tools.calls-array judges that")
    if not case.final:
        return case.unsure("no call in this try")
    if case.view.finish_reason in {"length", "content_filter"} or case.view.cut:
        return case.unsure(f"the answer ended before a call, with finish_reason {case.view.finish_reason!r}")
    if not texts_of(case.view):
        return case.unsure(
            "the answer has neither a call nor text that can be read; other requirements judge that"
        )
    saw = f"{what}: called in {called_rate(case)} tries"
    if reached(case) is False and not seen(case):
        saw += f"; the tools did not reach the model ({token_counts(case)})"
    elif not able(case):
        return case.unsure(f"{saw}; the model does not call tools reliably, so it may not be able to")
    else:
        saw += ", though the same model does call tools here"
    return case.fail(saw, expected, examined=len(case.tries), outcome=Outcome.DROPPED)


def systematic(case: Case, wrong: Callable[[View, Call], bool | None]) -> bool:
    """Whether calls are wrong in the same way in so many answers that it is no slip of the model.

    Either all of them are, or all that came in the form of this answer and none in the other form: whether an answer
    is streamed makes no difference to a model. A call of which ``wrong`` says None cannot be wrong in this way.
    """
    views = calling_views(case)
    mine, others = (
        [
            found
            for view in views
            if (view.form is case.view.form) is same
            for call in calls_of(view)
            if (found := wrong(view, call)) is not None
        ]
        for same in (True, False)
    )
    if all(mine) and all(others):
        return len(views) >= SYSTEMATIC
    return all(mine) and not any(others) and len(mine) >= SYSTEMATIC <= len(others)


def names_one_of(view: View, words: tuple[str, ...]) -> bool:
    """Whether an error has one of the words, compared without case."""
    told = error_words(view).casefold()
    return any(word in told for word in words)
