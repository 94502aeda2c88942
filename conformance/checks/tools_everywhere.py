"""What holds of tool calls in every answer, also where no call was asked for, or no tool was offered (D19).

An answer that is only text shows nothing of calls, so most checks here pass none: they find what is wrong, or they
do not apply. What is asked for a call is judged by the checks of calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from conformance.checks.api import Case, Reads, check
from conformance.checks.select import either, ids, valid, without
from conformance.checks.values import show, unread
from conformance.model import Finding
from conformance.toolcalls import bearers_of, calls_of, misplaced, old_call_of
from conformance.views import Form

SAYS_CALLED: Final = frozenset({"tool_calls", "function_call"})
"""Words for why an answer ended that send clients to its calls."""

_STRUCTURED: Final = ids(
    *(f"structured.json-{form}" for form in ("object", "schema", "schema-stream", "schema-strict"))
)
_NO_TOOLS: Final = without(either(valid("text"), _STRUCTURED), "tools")
_CALL_OR_TEXT: Final = either(
    _NO_TOOLS,
    *(valid(trait) for trait in ("none", "none-stream", "at-hand", "strict", "cut", "history", "return")),
)
_ANY: Final = either(_CALL_OR_TEXT, valid("calls"))


@check("tools.finish-reason", on=either(_CALL_OR_TEXT, valid("named")), reads=Reads.TEXT)
def finish_without_call(case: Case) -> Iterator[Finding]:
    """No answer says that it ends with calls and has none: agents then run nothing, and wait."""
    view = case.view
    if view.finish_reason not in SAYS_CALLED:
        yield case.skip("the answer does not say that it ends with calls")
    elif calls_of(view) or misplaced(view):
        yield case.skip("there is a call; other cases judge how such answers end")
    elif view.cut or unread(view):
        yield case.skip("the call may stand in what cannot be read; other requirements judge that")
    else:
        frame = view.stream.choice(0).finishes[0][0] if view.form is Form.STREAM else None
        saw = f"finish_reason is {view.finish_reason!r}, and there is no call"
        yield case.fail(saw, '"stop" after text', frame=frame, pointer="/choices/0/finish_reason")


@check("tools.calls-array", on=_CALL_OR_TEXT, reads=Reads.TEXT)
def calls_array_in_text(case: Case) -> Iterator[Finding]:
    """Where there is no call, ``tool_calls`` is null, absent or an array, and no other word for nothing."""
    for frame, pointer, bearer in bearers_of(case.view):
        value = bearer.get("tool_calls")
        if value is not None and not (
            isinstance(value, list) and all(isinstance(item, dict) for item in value)
        ):
            saw = f"tool_calls is {show(bearer, 'tool_calls')}"
            yield case.fail(
                saw, "an array of objects, null, or no member", frame=frame, pointer=f"{pointer}/tool_calls"
            )
            return
    yield case.skip("the answer need not have a call; the arrays of those that have one are judged")


@check("tools.calls-offered", on=_NO_TOOLS, reads=Reads.TEXT)
def calls_offered(case: Case) -> Iterator[Finding]:
    """Who offers no tool is handed no call: neither one for the format of the text nor one of the server's own."""
    calls, old = calls_of(case.view), old_call_of(case.view)
    expected = "text, and no call: the request has no tools"
    if calls:
        first = calls[0].first
        saw = f"{len(calls)} calls, of {calls[0].name!r}"[:120]
        yield case.fail(saw, expected, examined=len(calls), frame=first.frame, pointer=first.pointer)
    elif old:
        yield case.fail(f"a call in function_call: {old!r}"[:120], expected)
    elif case.view.text.strip():
        yield case.ok()
    else:
        yield case.skip("the answer has neither text nor a call")


@check("tools.old-call-named", on=_ANY, reads=Reads.TEXT)
def old_call_named(case: Case) -> Iterator[Finding]:
    """``function_call`` is left out or null where there is no call in it: clients take its presence for one."""
    bearers = list(bearers_of(case.view))
    given = [found for found in bearers if found[2].get("function_call") is not None]
    named = old_call_of(case.view)
    if given and not named:
        frame, pointer, bearer = given[0]
        saw = f"function_call is {show(bearer, 'function_call')}"
        yield case.fail(
            saw,
            "a call with a name, null, or no member",
            examined=len(bearers),
            frame=frame,
            pointer=f"{pointer}/function_call",
        )
    elif named:
        yield case.skip("a call stands in function_call; other requirements judge that")
    elif case.view.text.strip() or calls_of(case.view):
        yield case.ok(len(bearers))
    else:
        yield case.skip("the answer has neither text nor a call")


_NOTHING: Final = re.compile(r"(None|null|undefined|nil|<nil>|<null>)(?:\s*\1)*")
"""What programming languages write for nothing, once or for each delta without text."""


@check("tools.text-beside-calls", on=valid("calls"), reads=Reads.TEXT)
def text_beside_calls(case: Case) -> Iterator[Finding]:
    """Beside a call nothing is null or an empty text, and not a word for it: users see that word."""
    if not calls_of(case.view):
        yield case.skip("no call in this answer")
        return
    said = case.view.text.strip()
    if _NOTHING.fullmatch(said):
        yield case.fail(f"the whole text beside the call is {said[:80]!r}", "text, an empty one, or null")
    else:
        yield case.ok(len(calls_of(case.view)))
