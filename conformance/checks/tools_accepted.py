"""Requests with tools, and conversations in which tools were called, are served (B09, B10, C14-C18).

An honest refusal (400, 404 or 422 that says what is not supported) is no failure where nobody claims tool
calls, of a part of them neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from conformance.checks.api import Case, Judge, Reads, Selector, check
from conformance.checks.calling import CALLING, names_one_of
from conformance.checks.errortext import error_words
from conformance.checks.outcomes import CLEAR, Wanted, allowed_of, conclude
from conformance.checks.select import ids, valid
from conformance.model import Finding, Outcome
from conformance.probes.tools import SERVER_TOOL_WORDS
from conformance.views import Form, View

TOOL_WORDS: Final = ("tool", "function", "工具", "函数")
PARALLEL_WORDS: Final = ("parallel",)
HISTORY_WORDS: Final = (*TOOL_WORDS, "role", "message", "content", "消息", "角色")
HISTORIES: Final = ("tools.history", "tools.history-empty", "tools.history-parts", "tools.history-parallel")
NULL_CONTENT: Final = ("tools.history", "tools.history-parts", "tools.history-parallel")
_RULED: Final = ("tools", "tool_choice", "echoed_message", "echoed_reasoning")
"""The parameters of model cards that speak of tool calls."""
ROUND_TRIP: Final = "tools.round-trip"
_ID: Final = re.compile(r"call[_ ]?ids?\b|\bids? of|\.id\b", re.IGNORECASE)
"""How errors speak of the id of a call."""
_SHOWN: Final = 120


def wanted(what: str, words: tuple[str, ...] = TOOL_WORDS) -> Wanted:
    """Return what is wanted of tool calls; an error that names the cause has one of ``words``."""
    return Wanted(what, words, _RULED)


def _bind(requirement: str, on: Selector, judge: Judge, beside: tuple[str, ...] = CALLING) -> None:
    check(requirement, on=on, reads=Reads.ANSWER, beside=beside, verb="accepts")(judge)


def _accepts(
    requirement: str,
    on: Selector,
    what: str,
    words: tuple[str, ...] = TOOL_WORDS,
    other: tuple[str, ...] = (),
) -> None:
    """Bind a check of acceptance; a refusal that speaks only of ``other`` things is judged elsewhere."""

    def judge(case: Case) -> Iterator[Finding]:
        told = error_words(case.view).casefold() if case.view.form is Form.REFUSED else ""
        spoken = [word for word in other if word in told]
        for word in spoken:
            told = told.replace(word, "")
        if spoken and not any(word in told for word in words):
            yield case.skip(f"it is refused for another member: {error_words(case.view).strip()[:_SHOWN]!r}")
        else:
            yield conclude(case, wanted(what, words))

    _bind(requirement, on, judge)


_accepts("tools.function-accepted", ids("tools.auto"), "a function tool", other=("tool_choice",))
_accepts("tools.choice-auto-accepted", ids("tools.auto"), "tool_choice auto")
_accepts("tools.choice-none-accepted", ids("tools.none", "tools.none-stream"), "tool_choice none")
_accepts(
    "tools.parallel-accepted",
    ids("tools.single", "tools.parallel-stream"),
    "parallel_tool_calls",
    (*PARALLEL_WORDS, *TOOL_WORDS),
    ("tool_choice",),
)
_accepts("tools.no-parameters", ids("tools.no-parameters"), "a function tool without parameters")


@check("tools.choice-required-accepted", on=valid("required"), reads=Reads.ANSWER, beside=CALLING)
def accepts_choice_required(case: Case) -> Iterator[Finding]:
    """Routers are known to refuse it for some models; where nobody claims it, saying so clearly will do."""
    if case.view.form is Form.REFUSED and names_one_of(case.view, PARALLEL_WORDS):
        yield case.skip("it is refused for parallel_tool_calls; tools.parallel-accepted judges that")
    else:
        yield conclude(case, wanted("tool_choice required"))


def _takes_or_refuses(requirement: str, on: Selector, what: str, words: tuple[str, ...]) -> None:
    def judge(case: Case) -> Iterator[Finding]:
        view = case.view
        others = [other for name, other in case.others.items() if name in CALLING]
        if view.form is not Form.REFUSED:
            yield conclude(case, wanted(what, words))
        elif view.status in CLEAR and names_one_of(view, words):
            yield case.ok(outcome=Outcome.REJECTED_CLEAN, saw=f"refused with {view.status}")
        elif others and not any(other.succeeded for other in others):
            yield case.skip("no tool is served at all; other requirements judge that")
        else:
            saw = f"status {view.status} to {what}: {error_words(view).strip()[:_SHOWN]!r}"
            yield case.fail(saw, "success, or 400 or 422 with the cause")

    _bind(requirement, on, judge)


_takes_or_refuses(
    "tools.strict-accepted", ids("tools.strict"), "a function tool with strict", ("strict", "schema")
)
_takes_or_refuses(
    "tools.server-tool-accepted", ids("tools.server-tool"), "a tool that is no function", SERVER_TOOL_WORDS
)


def _served(case: Case, names: tuple[str, ...]) -> list[View]:
    """Return the histories among ``names`` that were served."""
    views = {**case.others, case.probe.id: case.view}
    return [view for name, view in views.items() if name in names and view.succeeded]


def _own_ids_only(case: Case, sought: Wanted) -> bool:
    """Whether a history is refused for its ids, while the target's own call comes back with its result."""
    own = case.others.get(ROUND_TRIP)
    return (
        case.view.form is Form.REFUSED
        and own is not None
        and own.succeeded
        and bool(_ID.search(error_words(case.view)))
        and Outcome.REJECTED_CLEAN not in allowed_of(case, sought)
    )


def _history(
    requirement: str,
    name: str,
    what: str,
    *,
    enough: tuple[str, ...] = (),
    needs_any: bool = True,
    any_id: bool = False,
) -> None:
    """Bind a check of a history.

    It is enough when one of the histories ``enough`` is served. With ``needs_any`` a target that serves no
    history at all is judged elsewhere (messages.tool-role). With ``any_id`` a target that takes no ids but
    its own is wrong: where tool calls are served, an id is a name that anybody may have given.
    """

    def judge(case: Case) -> Iterator[Finding]:
        if _served(case, enough):
            yield case.ok(outcome=Outcome.ACCEPTED)
        elif needs_any and case.view.form is Form.REFUSED and not _served(case, HISTORIES):
            yield case.skip("no history with a call is served; messages.tool-role judges that")
        elif any_id and _own_ids_only(case, wanted(what, HISTORY_WORDS)):
            saw = f"status {case.view.status} to {what}: {error_words(case.view).strip()[:_SHOWN]!r}"
            yield case.fail(
                f"{saw}, while a call of its own was served with its result",
                "the request served, whoever gave the id: conversations move from one model to another",
                also=(case.others[ROUND_TRIP].where(),),
            )
        else:
            yield conclude(case, wanted(what, HISTORY_WORDS))

    _bind(requirement, ids(name), judge, (*CALLING, *HISTORIES, *((ROUND_TRIP,) if any_id else ())))


_history(
    "messages.tool-role",
    "tools.history",
    "a tool message with tool_call_id",
    enough=HISTORIES,
    needs_any=False,
    any_id=True,
)
_history(
    "messages.assistant-tool-calls",
    "tools.history",
    "an assistant message with tool_calls and content null",
    enough=NULL_CONTENT,
    needs_any=False,
)
_history(
    "tools.arguments-in-history", "tools.history", "arguments with escapes and other scripts in the history"
)
_history(
    "tools.assistant-empty-content",
    "tools.history-empty",
    "an assistant message with calls and empty content",
)
_history(
    "tools.result-parts", "tools.history-parts", "a tool message whose content is an array of text parts"
)
_history("tools.parallel-results", "tools.history-parallel", "two calls and their two results in one turn")


@check(
    "tools.result-without-name", on=ids("tools.history"), reads=Reads.ANSWER, beside=(*CALLING, *HISTORIES)
)
def accepts_result_without_name(case: Case) -> Iterator[Finding]:
    """No history of ours has a name in its tool messages, as no SDK sends one."""
    if _served(case, HISTORIES):
        yield case.ok(outcome=Outcome.ACCEPTED)
    elif case.view.form is Form.REFUSED and names_one_of(case.view, ("name",)):
        yield conclude(case, wanted("a tool message without name", ("name",)))
    else:
        yield case.skip("no history with a call is served; messages.tool-role judges that")


@check("tools.invalid-choice-in-stream", on=ids("tools.required-alone"), reads=Reads.ANSWER)
def required_alone(case: Case) -> Iterator[Finding]:
    """Nothing could be called: the demand is refused, and before a stream begins (C16, G06)."""
    view = case.view
    if view.form is Form.REFUSED and view.status in CLEAR:
        yield case.ok(outcome=Outcome.REJECTED_CLEAN)
    elif view.form is Form.REFUSED:
        yield case.fail(f"status {view.status} to tool_choice required without tools", "400 or 422")
    elif view.form is Form.FAILED:
        yield case.skip("a server error; robustness.no-server-error judges that")
    elif words := error_words(view).strip() or _flat_error(view):
        frame = view.stream.frames[0].index if view.form is Form.STREAM and view.stream.frames else None
        yield case.fail(
            f"status {view.status} with an error inside: {words[:_SHOWN]!r}",
            "400 or 422 before the stream begins",
            frame=frame,
        )
    else:
        yield case.fail(
            f"status {view.status}: tool_choice required without tools was accepted",
            "400 or 422",
            outcome=Outcome.LENIENT,
        )


def _flat_error(view: View) -> str:
    """Return the message of an error that stands in an event of its own, without ``error`` around it."""
    for chunk in view.stream.chunks if view.form is Form.STREAM else ():
        if "choices" not in chunk.value and isinstance(chunk.value.get("message"), str):
            return str(chunk.value["message"])
    return ""
