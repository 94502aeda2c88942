"""What a tool call has to be, streamed or not: id, type, name, arguments, and the end of its answer (D19)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from conformance.checks.api import Case, Judge, Reads, Selector, check
from conformance.checks.arguments import Kind, departures, kind_of
from conformance.checks.calling import NEIGHBOURS, nothing, systematic
from conformance.checks.select import valid, without
from conformance.checks.tools_everywhere import SAYS_CALLED
from conformance.checks.values import broke_off, show
from conformance.model import Finding, Json
from conformance.toolcalls import Call, bearers_of, calls_of, is_offered, misplaced, offered, old_call_of
from conformance.views import Form, View

CALLS: Final = valid("calls")
FREE: Final = without(CALLS, "named")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UNFINISHED: Final = frozenset({"length", "content_filter"})


def calls_check(
    requirement: str, *, on: Selector = CALLS, reads: Reads = Reads.TEXT
) -> Callable[[Judge], Judge]:
    """Bind a judge of calls; an answer without any is no matter where a neighbour has some."""

    def bind(judge: Judge) -> Judge:
        def judged(case: Case) -> Iterator[Finding]:
            if calls_of(case.view):
                yield from judge(case)
            else:
                yield nothing(case, streamed=reads is Reads.STREAM)

        judged.__name__, judged.__doc__ = judge.__name__, judge.__doc__
        check(requirement, on=on, reads=reads, beside=NEIGHBOURS)(judged)
        return judged

    return bind


def each_call(case: Case, wrong: Callable[[Call], str], expected: str, member: str = "") -> Iterator[Finding]:
    """Pass when nothing is wrong with any call, fail at the first with which something is."""
    calls = calls_of(case.view)
    for call in calls:
        if saw := wrong(call):
            yield call_failure(case, call, saw, expected, member)
            return
    yield case.ok(len(calls))


def call_failure(case: Case, call: Call, saw: str, expected: str, member: str = "") -> Finding:
    """Fail at the place where a call begins."""
    return case.fail(
        saw,
        expected,
        examined=len(calls_of(case.view)),
        frame=call.first.frame,
        pointer=call.first.pointer + member,
    )


@check("tools.calls-array", on=CALLS, reads=Reads.TEXT, beside=NEIGHBOURS)
def calls_array(case: Case) -> Iterator[Finding]:
    """``tool_calls`` is an array of objects, and it is where calls stand."""
    given = 0
    for frame, pointer, bearer in bearers_of(case.view):
        value = bearer.get("tool_calls")
        if value is None:
            continue
        given += 1
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            saw = f"tool_calls is {show(bearer, 'tool_calls')}"
            yield case.fail(saw, "an array of objects", frame=frame, pointer=f"{pointer}/tool_calls")
            return
    legacy = old_call_of(case.view)
    if legacy and not calls_of(case.view):
        yield case.fail(f"the call stands in function_call: {legacy!r}"[:120], "a call in tool_calls")
    elif calls_of(case.view):
        yield case.ok(given)
    else:
        yield nothing(case)


@calls_check("tools.call-id")
def call_id(case: Case) -> Iterator[Finding]:
    """Results are matched to calls by it: a string, and one of its own for each call of the answer."""
    streamed = case.view.form is Form.STREAM
    ids: set[str] = set()
    for call in calls_of(case.view):
        if call.id is None and streamed:
            yield case.skip("a call has no id; tools.stream-call-opening judges that")
            return
        if not isinstance(call.id, str) or not call.id.strip():
            saw = f"id is {show(call.first.value, 'id')}"
            yield call_failure(case, call, saw, "a non-empty string", "/id")
            return
        if call.id in ids:
            saw = f"two calls have the id {call.id!r}"
            yield call_failure(case, call, saw, "an id of its own for each call", "/id")
            return
        ids.add(call.id)
    yield case.ok(len(ids))


@calls_check("tools.call-type")
def call_type(case: Case) -> Iterator[Finding]:
    """Clients choose by it."""

    def wrong(call: Call) -> str:
        if call.type is None and case.view.form is Form.STREAM:
            return ""
        return "" if call.type == "function" else f"type is {show(call.first.value, 'type')}"

    yield from each_call(case, wrong, '"function"', "/type")


@calls_check("tools.call-name")
def call_name(case: Case) -> Iterator[Finding]:
    """Nobody can run a tool that was not offered; one that the model made up is not the server's doing."""
    for call in calls_of(case.view):
        known = offered(case.view)
        if is_offered(call, case.view):
            continue
        if call.name is None and case.view.form is Form.STREAM:
            yield case.skip("a call has no name; tools.stream-call-opening judges that")
        elif _altered(call.name, known) or systematic(case, lambda view, each: not is_offered(each, view)):
            yield call_failure(
                case,
                call,
                f"the name is {call.name!r}"[:120],
                "one of " + ", ".join(map(repr, known)),
                "/function/name",
            )
        else:
            yield case.unsure(f"the model made up a tool: {str(call.name)[:60]!r}")
        return
    yield case.ok(len(calls_of(case.view)))


def _altered(name: Json, known: Mapping[str, object]) -> bool:
    """Whether a name is a server's doing: no name at all, or an offered one with something done to it."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return True
    plain = re.sub(r"[_-]", "", name.lower())
    offers = [re.sub(r"[_-]", "", each.lower()) for each in known]
    return any(offer in plain or (plain in offer and len(plain) > 3) for offer in offers)  # noqa: PLR2004


@calls_check("tools.arguments-json-string")
def arguments_json_string(case: Case) -> Iterator[Finding]:
    """JSON inside JSON: the wire has text."""
    streamed = case.view.form is Form.STREAM

    def wrong(call: Call) -> str:
        for piece in call.pieces:
            absent = piece.arguments is None and streamed
            if not absent and not isinstance(piece.arguments, str):
                return f"arguments is {show(piece.function, 'arguments')}"
        return ""

    yield from each_call(case, wrong, "a string that holds JSON", "/function/arguments")


_BY_VALUE: Final = frozenset({Kind.EMPTY, Kind.DOUBLE, Kind.NULL})
"""Kinds that are judged alike in streams: what was sent is whole, and still no object."""


def unfinished(view: View) -> str:
    """Say why the calls of an answer need not be whole, empty when they have to be."""
    finish = view.finish_reason
    if finish in _UNFINISHED:
        return f"the answer ended with finish_reason {finish!r} before its calls were whole"
    if broke_off(view):
        return "the answer broke off; another requirement judges that"
    return ""


@calls_check("tools.arguments-object")
def arguments_object(case: Case) -> Iterator[Finding]:
    """One JSON object in the string: ``{}`` where there are no arguments."""
    view = case.view
    slip = ""
    for call in calls_of(view):
        kind = kind_of(call)
        if kind in {Kind.OBJECT, Kind.NOT_TEXT} or call.merged:
            continue
        if view.form is Form.STREAM and kind not in _BY_VALUE:
            continue
        if reason := unfinished(view):
            yield case.unsure(reason)
            return
        if kind is Kind.GARBLED and not systematic(case, lambda _, each: kind_of(each) is Kind.GARBLED):
            slip = f"the model wrote no JSON object: {str(call.arguments)[:80]!r}"
            continue
        saw = f"arguments is {kind}: {str(call.arguments)[:100]!r}"
        yield call_failure(case, call, saw, "one JSON object, {} without arguments", "/function/arguments")
        return
    yield case.unsure(slip) if slip else case.ok(len(calls_of(view)))


@calls_check("tools.arguments-schema")
def arguments_schema(case: Case) -> Iterator[Finding]:
    """Values come in the types that the tool declares; what the model merely got wrong is no finding."""
    whole = [call for call in calls_of(case.view) if call.object is not None and is_offered(call, case.view)]
    if not whole:
        yield case.skip("no call of an offered tool has a JSON object; other requirements judge that")
        return
    slip = ""
    for call in whole:
        found = list(departures(call.object or {}, offered(case.view)[str(call.name)]))
        spoilt = next((each for each in found if each.spoilt), None)
        if found and (spoilt or systematic(case, _departs)):
            worst = spoilt or found[0]
            saw = f"at {worst.pointer or 'the root'}: {worst.says}, in {str(call.arguments)[:100]!r}"
            expected = "arguments that keep to the tool's parameters"
            yield call_failure(case, call, saw, expected, "/function/arguments")
            return
        slip = slip or (f"the model did not keep to the parameters: {found[0].says}" if found else "")
    yield case.unsure(slip) if slip else case.ok(len(whole))


def _departs(view: View, call: Call) -> bool | None:
    schema = offered(view).get(str(call.name))
    if not schema or not schema.get("required"):
        return None
    return call.object is not None and any(departures(call.object, schema))


@check("tools.finish-reason", on=FREE, reads=Reads.TEXT, beside=NEIGHBOURS)
def finish_reason(case: Case) -> Iterator[Finding]:
    """Agents decide by it whether to run tools. Where a function was named, OpenAI itself says stop."""
    finish, calls = case.view.finish_reason, calls_of(case.view)
    where = "/choices/0/finish_reason"
    if calls and finish == "tool_calls":
        yield case.ok(len(calls))
    elif not calls and finish in SAYS_CALLED and not misplaced(case.view):
        yield case.fail(f"finish_reason is {finish!r}, and there is no call", "the call", pointer=where)
    elif not calls:
        yield nothing(case)
    elif finish is None:
        yield case.skip("there is no finish_reason; another requirement judges that")
    elif reason := unfinished(case.view):
        yield case.unsure(reason)
    else:
        frame = case.view.stream.choice(0).finishes[0][0] if case.view.form is Form.STREAM else None
        yield case.fail(
            f"finish_reason is {finish!r} after {len(calls)} calls",
            '"tool_calls"',
            examined=len(calls),
            frame=frame,
            pointer=where,
        )
