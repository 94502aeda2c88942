"""What tools, tool_choice and parallel_tool_calls bring about, and what becomes of a cut call (C15-C18).

Models are random: what needs one to cooperate is tried several times and told as a rate. A call that never
comes is *dropped* only with proof, from a neighbouring answer or from the token counts; else nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.checks.api import Case, Reads, check
from conformance.checks.arguments import Kind, departures, kind_of
from conformance.checks.calling import (
    CALLING,
    NEIGHBOURS,
    able,
    called_rate,
    ignored,
    names_one_of,
    nothing,
    seen,
)
from conformance.checks.markup import Leak, is_own_call, leak_of, sign_in
from conformance.checks.outcomes import CLEAR, conclude
from conformance.checks.select import ids, valid
from conformance.checks.tools_accepted import TOOL_WORDS, wanted
from conformance.checks.values import broke_off, counts_of, withheld
from conformance.model import Finding, Outcome
from conformance.probes.tools import TRUNCATED_AT
from conformance.toolcalls import Call, calls_of, is_offered, offered
from conformance.views import Form, View


@check("tools.call-made", on=ids("tools.auto", "tools.single"), reads=Reads.TEXT, beside=NEIGHBOURS)
def call_made(case: Case) -> Iterator[Finding]:
    """Asked plainly, the model calls the tool in one of the tries."""
    if calls_of(case.view):
        yield case.ok(saw=f"called in {called_rate(case)} tries", outcome=Outcome.APPLIED)
    elif seen(case):
        yield case.skip("no call in this answer; there is one in another")
    else:
        yield ignored(case, "a question that needs the tool", "a call")


@check("tools.choice-required-effect", on=valid("required"), reads=Reads.TEXT, beside=NEIGHBOURS)
def choice_required_effect(case: Case) -> Iterator[Finding]:
    """One call or more: ``required`` is no suggestion."""
    if calls := calls_of(case.view):
        yield case.ok(len(calls), saw=f"called in {called_rate(case)} tries", outcome=Outcome.APPLIED)
    else:
        yield ignored(case, "tool_choice required", "one call or more")


@check(
    "tools.choice-none-effect", on=ids("tools.none", "tools.none-stream"), reads=Reads.TEXT, beside=NEIGHBOURS
)
def choice_none_effect(case: Case) -> Iterator[Finding]:
    """``none`` is no suggestion either: text, and no call in it."""
    calls = calls_of(case.view)
    if calls:
        yield case.fail(
            f"{len(calls)} calls, of {calls[0].name!r}"[:120],
            "no call",
            frame=calls[0].first.frame,
            pointer=calls[0].first.pointer,
            outcome=Outcome.DROPPED,
        )
    elif not able(case):
        yield case.unsure("the model does not call tools reliably with another tool_choice either")
    elif leak_of(case.view) is not Leak.NONE:
        yield case.fail(f"a call written out as text: {sign_in(case.view)!r}", "text without a call in it")
    else:
        yield case.ok(outcome=Outcome.APPLIED)


@check("tools.choice-named", on=valid("named"), reads=Reads.ANSWER, beside=NEIGHBOURS)
def choice_named(case: Case) -> Iterator[Finding]:
    """Either the named function is called, or the form is refused for what it is (C17)."""
    view = case.view
    if view.form is Form.REFUSED and view.status in CLEAR and names_one_of(view, TOOL_WORDS):
        yield case.ok(saw=f"refused with {view.status}", outcome=Outcome.REJECTED_CLEAN)
        return
    if not view.succeeded:
        yield conclude(case, wanted("tool_choice with a function's name"))
        return
    calls, choice = calls_of(view), view.asked.get("tool_choice")
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    other = next((call for call in calls if call.name != name), None)
    if not calls:
        yield ignored(case, f"tool_choice naming {name!r}", f"a call of {name!r}")
    elif other is None:
        yield case.ok(len(calls), saw=f"called in {called_rate(case)} tries", outcome=Outcome.APPLIED)
    elif is_offered(other, view):
        saw = f"a call of {other.name!r}, where {name!r} was named"
        where = other.first
        yield case.fail(
            saw, f"a call of {name!r}", frame=where.frame, pointer=where.pointer, outcome=Outcome.DROPPED
        )
    else:
        yield case.skip("the name was not offered; tools.call-name judges that")


@check("tools.parallel-off-effect", on=ids("tools.single"), reads=Reads.TEXT, beside=NEIGHBOURS)
def parallel_off_effect(case: Case) -> Iterator[Finding]:
    """With parallel_tool_calls false an answer has one call at most."""
    calls = [call for call in calls_of(case.view) if call.choice == 0]
    if len(calls) > 1:
        yield case.fail(
            f"{len(calls)} calls with parallel_tool_calls false",
            "one call at most",
            examined=len(calls),
            frame=calls[1].first.frame,
            pointer=calls[1].first.pointer,
            outcome=Outcome.DROPPED,
        )
    elif calls:
        yield case.ok(outcome=Outcome.APPLIED)
    else:
        yield nothing(case)


@check("tools.no-markup", on=valid("calls"), reads=Reads.TEXT, beside=NEIGHBOURS)
def no_markup(case: Case) -> Iterator[Finding]:
    """No raw call in the text, neither beside the one in tool_calls nor in its place."""
    calls, leak = calls_of(case.view), leak_of(case.view)
    expected = "calls in tool_calls, and none in the text"
    if leak is Leak.WHOLE and (able(case) or _leaks_elsewhere(case)):
        yield case.fail(f"a whole call in the text: {sign_in(case.view)!r}", expected)
    elif calls and is_own_call(case.view):
        yield case.fail(f"the call once more in the text: {case.view.text.strip()[:100]!r}", expected)
    elif leak is not Leak.NONE and calls:
        yield case.fail(f"marks of a call in the text beside the call: {sign_in(case.view)!r}", expected)
    elif leak is not Leak.NONE:
        yield case.unsure(f"the model may only imitate a call: {sign_in(case.view)!r}")
    elif calls:
        yield case.ok(len(calls))
    else:
        yield nothing(case)


def _leaks_elsewhere(case: Case) -> bool:
    mine = case.view.exchange.id
    others = (view for name, view in case.others.items() if name in CALLING and view.exchange.id != mine)
    return any(leak_of(view) is Leak.WHOLE for view in others)


@check("tools.truncated-call", on=valid("cut"), reads=Reads.TEXT, beside=NEIGHBOURS)
def truncated_call(case: Case) -> Iterator[Finding]:
    """Half a call is not reported as a whole one, and its raw beginning does not stand in the text."""
    view = case.view
    finish, calls = view.finish_reason, calls_of(view)
    broken = next((call for call in calls if not _whole(view, call)), None)
    if leak_of(view) is not Leak.NONE:
        said = f"the raw beginning of a call in the text: {sign_in(view)!r}"
        yield (
            case.fail(said, "no markup in the text")
            if able(case)
            else case.unsure(f"{said}; perhaps imitated")
        )
    elif finish == "length" and (calls or able(case)):
        yield case.ok(1 + len(calls))
    elif broke_off(view):
        yield case.unsure("the answer broke off; another requirement judges that")
    elif finish is None:
        yield case.unsure("there is no finish_reason that can be told; another requirement judges that")
    elif broken is not None and (kind_of(broken) is not Kind.OBJECT or _spent(view)):
        yield case.fail(
            f"finish_reason {finish!r}, and the call breaks off: {str(broken.arguments)[-80:]!r}",
            f'finish_reason "length": the limit was {TRUNCATED_AT} tokens',
            examined=len(calls),
            frame=broken.first.frame,
            pointer=broken.first.pointer,
        )
    elif calls:
        yield case.unsure("the call was whole before the limit")
    else:
        yield case.unsure("the model began no call")


def _whole(view: View, call: Call) -> bool:
    schema = offered(view).get(str(call.name), {})
    return call.object is not None and not any(departures(call.object, schema))


def _spent(view: View) -> bool:
    """Whether the answer says that it used up its limit."""
    count = counts_of(view).get("completion_tokens")
    return isinstance(count, int) and count >= TRUNCATED_AT


_TURNS: Final = valid("return")


@check("tools.round-trip", on=_TURNS, reads=Reads.ANSWER)
def round_trip(case: Case) -> Iterator[Finding]:
    """In go the assistant's message and the results, and text comes out."""
    view = case.view
    if not view.succeeded:
        yield conclude(
            case, wanted("the second turn, with the assistant's message as it came and the results", ())
        )
    elif view.text.strip():
        yield case.ok(outcome=Outcome.APPLIED)
    elif calls_of(view):
        yield case.unsure("the model called a tool again")
    elif not case.final or withheld(view):
        yield case.unsure(withheld(view) or "no text in this try")
    else:
        yield case.fail(f"no text in {len(case.tries)} tries after the tool's result", "a text answer")


_KNOWN: Final = frozenset({"role", "content", "refusal", "name", "audio", "tool_calls", "function_call"})
"""The members that OpenAI's description has for an assistant message in a request."""
_KNOWN_CALL: Final = frozenset({"id", "type", "function"})


@check("tools.round-trip-unchanged", on=_TURNS, reads=Reads.ANSWER)
def round_trip_unchanged(case: Case) -> Iterator[Finding]:
    """Members that the documents do not name come back to where they came from without harm (K16)."""
    extras = _extras(case.view)
    if not extras:
        yield case.skip("the message with the call had no member that the documents do not name")
    elif case.view.succeeded:
        yield case.ok(len(extras), saw=f"with {', '.join(extras)}"[:120], outcome=Outcome.ACCEPTED)
    else:
        yield conclude(case, wanted(f"an assistant message sent back with {', '.join(extras)}"[:120], ()))


def _extras(view: View) -> list[str]:
    """Return the unknown members of the assistant message that was sent back."""
    messages = view.asked.get("messages")
    said = [one for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
    last = next((one for one in reversed(said) if one.get("role") == "assistant"), {})
    calls = last.get("tool_calls")
    inner = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    found = [name for name in last if name not in _KNOWN]
    return found + [f"tool_calls.{name}" for call in inner for name in call if name not in _KNOWN_CALL]
