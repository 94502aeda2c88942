"""Tool calls in pieces: every fragment finds its call, and the fragments add up (contract 3.2, D19)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from conformance.checks.api import Case, Reads, check
from conformance.checks.arguments import Kind, kind_of
from conformance.checks.calling import NEIGHBOURS, calling_views
from conformance.checks.select import ids, valid
from conformance.checks.tools_calls import call_failure, calls_check, each_call, unfinished
from conformance.checks.values import show
from conformance.model import Finding
from conformance.toolcalls import Call, Piece, calls_of, pieces_of
from conformance.views import Form, View

STREAMED_CALLS: Final = valid("calls", streamed=True)


def _each_piece(case: Case, wrong: Callable[[Piece], str], expected: str, member: str) -> Iterator[Finding]:
    pieces = list(pieces_of(case.view))
    for piece in pieces:
        if saw := wrong(piece):
            pointer = piece.pointer + member
            yield case.fail(saw, expected, examined=len(pieces), frame=piece.frame, pointer=pointer)
            return
    yield case.ok(len(pieces))


@calls_check("tools.stream-index-present", on=STREAMED_CALLS, reads=Reads.STREAM)
def index_present(case: Case) -> Iterator[Finding]:
    """Without it no client knows which call a fragment belongs to."""
    yield from _each_piece(
        case,
        lambda piece: "" if piece.index is not None else f"index is {show(piece.value, 'index')}",
        "an integer",
        "/index",
    )


@calls_check("tools.stream-index-distinct", on=STREAMED_CALLS, reads=Reads.STREAM)
def index_distinct(case: Case) -> Iterator[Finding]:
    """Helpers join what has the same index."""
    calls = calls_of(case.view)
    merged = next((call for call in calls if call.merged), None)
    if merged is not None:
        saw = f"{len(merged.ids)} calls ({', '.join(map(str, merged.ids))}) share index {merged.first.index}"
        yield call_failure(case, merged, saw[:160], "an index of its own for each call", "/index")
    elif len(calls) > 1:
        yield case.ok(len(calls))
    else:
        yield case.skip("one call: there is nothing to tell apart")


@calls_check("tools.stream-index-from-zero", on=STREAMED_CALLS, reads=Reads.STREAM)
def index_from_zero(case: Case) -> Iterator[Finding]:
    """Clients that keep an array get no holes."""
    for choice in {call.choice for call in calls_of(case.view)}:
        mine = [call for call in calls_of(case.view) if call.choice == choice]
        indexes = [call.first.index for call in mine]
        if None in indexes:
            yield case.skip("a piece has no index; tools.stream-index-present judges that")
            return
        if indexes != list(range(len(indexes))):
            saw = f"the indexes are {indexes!r}, in the order in which the calls begin"
            yield call_failure(case, mine[0], saw[:120], f"0 to {len(indexes) - 1}, in order", "/index")
            return
    yield case.ok(len(calls_of(case.view)))


@calls_check("tools.stream-index-once", on=STREAMED_CALLS, reads=Reads.STREAM)
def index_once(case: Case) -> Iterator[Finding]:
    """One delta, one piece of a call, not several."""
    calls = [call for call in calls_of(case.view) if not call.merged and call.first.index is not None]
    for call in calls:
        frame, times = Counter(piece.frame for piece in call.pieces).most_common(1)[0]
        if times > 1:
            saw = f"{times} elements with index {call.first.index} in one delta"
            yield case.fail(saw, "each index once in a delta", examined=len(call.pieces), frame=frame)
            return
    if calls:
        yield case.ok(sum(len(call.pieces) for call in calls))
    else:
        yield case.skip("calls have no index of their own; other requirements judge that")


@calls_check("tools.stream-call-opening", on=STREAMED_CALLS, reads=Reads.STREAM)
def call_opening(case: Case) -> Iterator[Finding]:
    """First of all a call says which call it is, and of what."""

    def wrong(call: Call) -> str:
        first = call.first
        missing = [
            name
            for name, value in (
                ("id", first.id),
                ("type", first.value.get("type")),
                ("function.name", first.name),
            )
            if value is None
        ]
        if first.id is None and first.function.get("id"):
            return "the id stands in function, not beside it"
        return f"the delta that opens the call lacks {', '.join(missing)}" if missing else ""

    yield from each_call(case, wrong, "id, type and function.name in the first delta of a call")


@calls_check("tools.call-id-stable", on=STREAMED_CALLS, reads=Reads.STREAM)
def call_id_stable(case: Case) -> Iterator[Finding]:
    """One call, one id; an empty one in later deltas is legal."""
    calls = calls_of(case.view)
    for call in calls:
        if len(call.ids) > 1 and not call.merged:
            yield call_failure(
                case, call, f"one call has the ids {', '.join(call.ids)}"[:160], "one id a call", "/id"
            )
            return
    later = [piece for call in calls for piece in call.pieces[1:]]
    empty = sum(piece.value.get("id") == "" for piece in later)
    yield case.ok(len(later) + len(calls), saw=f"{empty} later deltas have an empty id" if empty else "")


def _repeated(case: Case, what: str, given: Callable[[Piece], object], member: str) -> Iterator[Finding]:
    calls = [call for call in calls_of(case.view) if not call.merged]
    for call in calls:
        told = [piece for piece in call.pieces if given(piece) is not None]
        if len({str(given(piece)) for piece in told}) > 1 and what == "id":
            yield case.skip("the id changes; tools.call-id-stable judges that")
            return
        if len(told) > 1:
            again = told[1]
            yield case.fail(
                f"{what} {given(again)!r} again in {len(told) - 1} of {len(call.pieces) - 1} later deltas"[
                    :160
                ],
                f"{what} in the first delta of a call only",
                examined=len(call.pieces),
                frame=again.frame,
                pointer=again.pointer + member,
            )
            return
    if calls:
        yield case.ok(sum(len(call.pieces) for call in calls))
    else:
        yield case.skip("calls share an index; tools.stream-index-distinct judges that")


@calls_check("tools.stream-id-once", on=STREAMED_CALLS, reads=Reads.STREAM)
def id_once(case: Case) -> Iterator[Finding]:
    """One SDK's helper joins repeated ids as it joins text."""
    yield from _repeated(case, "id", lambda piece: piece.id, "/id")


@calls_check("tools.stream-name-once", on=STREAMED_CALLS, reads=Reads.STREAM)
def name_once(case: Case) -> Iterator[Finding]:
    """One SDK's helper joins repeated names as it joins text."""
    yield from _repeated(case, "name", lambda piece: piece.name, "/function/name")


@calls_check("tools.stream-type-kept", on=STREAMED_CALLS, reads=Reads.STREAM)
def type_kept(case: Case) -> Iterator[Finding]:
    """One SDK's helper keeps the last type that it is told, null too, and stops where that is no function."""
    calls = [call for call in calls_of(case.view) if not call.merged]
    if any(call.type != "function" for call in calls):
        yield case.skip("a call is of another type or of none; other requirements judge that")
        return
    later = [piece for call in calls for piece in call.pieces[1:]]
    other = [piece for piece in later if piece.value.get("type", "function") != "function"]
    if other:
        yield case.fail(
            f"type is {show(other[0].value, 'type')} in {len(other)} of {len(later)} later deltas",
            'no type there, or "function"',
            examined=len(later),
            frame=other[0].frame,
            pointer=f"{other[0].pointer}/type",
        )
    elif later:
        yield case.ok(len(later))
    else:
        yield case.skip("each call came in one delta")


@calls_check("tools.stream-empty-id", on=STREAMED_CALLS, reads=Reads.STREAM)
def empty_id(case: Case) -> Iterator[Finding]:
    """Nothing is left out, not sent empty: legal both, but who overwrites loses what came first (T02)."""
    later = [piece for call in calls_of(case.view) if not call.merged for piece in call.pieces[1:]]
    empty = [piece for piece in later if "" in (piece.value.get("id"), piece.function.get("name"))]
    if empty:
        yield case.fail(
            f"an empty id or name in {len(empty)} of {len(later)} later deltas",
            "no id and no name there",
            examined=len(later),
            frame=empty[0].frame,
            pointer=empty[0].pointer,
        )
    elif later:
        yield case.ok(len(later))
    else:
        yield case.skip("each call came in one delta")


@calls_check("tools.stream-function-object", on=STREAMED_CALLS, reads=Reads.STREAM)
def function_object(case: Case) -> Iterator[Finding]:
    """Where ``function`` is given it is an object, and ``arguments`` in it not null."""

    def wrong(piece: Piece) -> str:
        if "function" in piece.value and not isinstance(piece.value["function"], dict):
            return f"function is {show(piece.value, 'function')}"
        given = "arguments" in piece.function and piece.arguments is None
        return "arguments is null" if given else ""

    yield from _each_piece(case, wrong, "an object with arguments as a string, or no member", "/function")


_TOLD_BY_VALUE: Final = frozenset({Kind.EMPTY, Kind.DOUBLE, Kind.NULL, Kind.NOT_TEXT})


@calls_check("tools.stream-arguments-fragments", on=STREAMED_CALLS, reads=Reads.STREAM)
def arguments_fragments(case: Case) -> Iterator[Finding]:
    """Nothing is lost and nothing comes twice: joined, the fragments are the arguments."""
    examined, slip = 0, ""
    for call in calls_of(case.view):
        kind = kind_of(call)
        if call.merged or kind in _TOLD_BY_VALUE:
            continue
        examined += 1
        if kind is Kind.OBJECT:
            continue
        if reason := unfinished(case.view):
            yield case.unsure(reason)
            return
        text = str(call.arguments)
        if kind is Kind.GARBLED and not _by_streaming(case):
            slip = f"the model wrote no JSON object: {text[:80]!r}"
            continue
        shown = text if len(text) < 120 else f"{text[:60]}…{text[-50:]}"  # noqa: PLR2004
        yield call_failure(
            case,
            call,
            f"the {len(call.pieces)} fragments add up to {kind}: {shown!r}",
            "fragments that join to one JSON object",
            "/function/arguments",
        )
        return
    if slip:
        yield case.unsure(slip)
    elif examined:
        yield case.ok(examined)
    else:
        yield case.skip("no arguments to join; another requirement judges that")


def _by_streaming(case: Case) -> bool:
    """Whether there are garbled arguments in every stream and in no complete answer."""
    streamed: list[bool] = []
    complete: list[bool] = []
    for view in calling_views(case):
        kinds = [kind_of(call) for call in calls_of(view) if len(str(call.arguments)) > len("{}")]
        if kinds:
            (streamed if view.form is Form.STREAM else complete).append(Kind.GARBLED in kinds)
    return len(streamed) > 1 and all(streamed) and bool(complete) and not any(complete)


@check("tools.stream-same-call", on=ids("tools.required-stream"), reads=Reads.STREAM, beside=NEIGHBOURS)
def same_call(case: Case) -> Iterator[Finding]:
    """Streamed or not, a call of the same tool has the same name, the same members and the same end."""
    mine = calls_of(case.view)
    others = [view for view in calling_views(case) if view.probe.id.split("~")[0] in _COMPLETE]
    if not mine or not others or any(_unsettled(view) for view in (case.view, others[0])):
        yield case.skip("there are not both, a streamed and a complete call; other requirements judge that")
        return
    if any(calls_of(view)[0].object is None for view in (others[0], case.view)):
        yield case.skip("arguments are no object; other requirements judge that")
        return
    there, here = _shape(others[0]), _shape(case.view)
    if there == here:
        yield case.ok(2)
    else:
        yield case.fail(
            f"streamed: {here}",
            f"as in the complete answer: {there}",
            examined=2,
            frame=mine[0].first.frame,
            also=(others[0].where(),),
        )


def _unsettled(view: View) -> bool:
    return bool(unfinished(view)) or view.finish_reason is None


_COMPLETE: Final = frozenset({"tools.auto", "tools.single"})


def _shape(view: View) -> str:
    call = calls_of(view)[0]
    return f"{call.type} {call.name} with {sorted(call.object or ())}, finish_reason {view.finish_reason}"[
        :200
    ]


@check("tools.stream-not-held-back", on=ids("tools.at-hand"), reads=Reads.STREAM, needs=("stream.usage",))
def not_held_back(case: Case) -> Iterator[Finding]:
    """Text still comes piece by piece when tools are at hand, as it does for the question without tools."""
    twin = case.other("stream.usage")
    parts, plain = case.view.stream.choice(0).content_parts, twin.stream.choice(0).content_parts
    words = len(case.view.text.split())
    if calls_of(case.view):
        yield case.skip("the model called a tool; there is no text")
    elif words < _WORDS or len(plain) < _WORDS:
        yield case.unsure("too little text to tell")
    elif len(parts) == 1:
        yield case.fail(
            f"{words} words in one delta; without tools {len(plain)} deltas",
            "text in several deltas",
            examined=len(parts),
            frame=parts[0][0],
            also=(twin.where(),),
        )
    else:
        yield case.ok(len(parts))


_WORDS: Final = 3
"""Words and deltas that an answer needs for one delta to be odd."""
