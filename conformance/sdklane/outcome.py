"""Turns what a use of the SDK came to into a row: compared with the bytes, said in one sentence. Pure.

What is compared is the suite's own reading of the same bytes (:mod:`conformance.chatstream`), and only where
that reading is beyond doubt. A refusal is all right when it becomes the documented exception: a subclass of
``APIStatusError`` that repeats the target's words, for a request that had to be refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from conformance.chatstream import FrameKind
from conformance.model import Intent
from conformance.report.safe import visible
from conformance.sdkresults import Call, Result, SdkRow
from conformance.toolcalls import Call as ToolCall
from conformance.toolcalls import calls_of
from conformance.views import Form, View
from conformance.words import counted

OUT_OF_MEMORY: Final = "MemoryError"

_MESSAGE: Final = 140
_SAMPLE: Final = 24
_DOUBTFUL: Final = frozenset({FrameKind.BROKEN, FrameKind.FUSED, FrameKind.SPILT, FrameKind.OTHER})
_CONTENT: Final = {
    Call.CREATE: "completion.choices[0].message.content",
    Call.README_LOOP: "chunk.choices[0].delta.content",
    Call.HELPER: "the helper's completion",
}


def row_of(facts: Mapping[str, Any], view: View, sdk: str) -> SdkRow | None:
    """Return the row of one use; None when the documented loop is not meant for the request.

    It never asks for a usage chunk or several choices, so it may break on an answer that has them.
    """
    call = Call(facts["call"])
    if call is Call.README_LOOP and view.probe.traits & {"include-usage", "several"}:
        return None
    result, sees = _failure(facts, view, call) if facts["error"] else _success(facts, view, call)
    return SdkRow(view.exchange.id, sdk, call, result, sees)


def _failure(facts: Mapping[str, Any], view: View, call: Call) -> tuple[Result, str]:
    error, chunks = facts["error"], facts["chunks"]
    name = _short(error["class"], 60)
    place = {
        "call": "from .stream()" if call is Call.HELPER else "from create()",
        "iteration": f"while iterating, after {counted(chunks, 'chunk')}",
        "content": f"at {_CONTENT.get(call, 'a chunk')}" + (f", in chunk {chunks}" if chunks else ""),
    }[error["at"]]
    said = _short(error["text"], _MESSAGE)
    sees = f"{name} {place}" + (f": {said}" if said.strip() else "")
    if error["timeout"]:
        return Result.HANGS, f"{sees} (it waits until its timeout, 600 s unless set)"
    return (Result.OK if _as_documented(error, view) else Result.RAISES), sees


def _as_documented(error: Mapping[str, Any], view: View) -> bool:
    """Whether an invalid request became the exception of a fitting status, with the target's words."""
    defect = view.probe.defect
    if view.probe.intent is not Intent.INVALID or defect is None:
        return False
    status = error["status"]
    return status in defect.statuses and str(error["text"]).strip() != f"Error code: {status}"


def _success(facts: Mapping[str, Any], view: View, call: Call) -> tuple[Result, str]:
    text, expected = facts["text"], _expected(view)
    made = f"{counted(facts['chunks'], 'chunk')}, " if call in {Call.ITERATE, Call.README_LOOP} else ""
    if wrong := _wrong(facts, view, call, expected):
        return Result.WRONG, wrong
    if text:
        return Result.OK, f"{made}{counted(len(text), 'character')} of text"
    if expected:
        return Result.SILENT, f"{made}no text, and no exception, where the bytes hold {_quoted(expected)}"
    if facts["rest"]:
        return Result.OK, f"{made}no text, and something else or a reason for that in the answer"
    return Result.SILENT, f"{made}no text, and no exception"


def _wrong(facts: Mapping[str, Any], view: View, call: Call, expected: str) -> str:
    """Say what the user has that the bytes do not hold; empty when nothing."""
    text = facts["text"]
    if facts["kind"]:
        return f"content is a {_short(facts['kind'], 40)}, not text"
    if text and expected and text != expected:
        return _difference(text, expected)
    return _damage(facts, view) if call is Call.HELPER else ""


def _expected(view: View) -> str:
    """Return the text of the first choice, empty where there is none or the suite's reading is in doubt."""
    if view.form is Form.STREAM and any(frame.kind in _DOUBTFUL for frame in view.stream.frames):
        return ""
    return view.text


def _difference(text: str, expected: str) -> str:
    pairs = enumerate(zip(text, expected, strict=False))
    start = max(0, next((at for at, (a, b) in pairs if a != b), min(len(text), len(expected))) - 4)
    return f"{_quoted(text[start:])} where the bytes hold {_quoted(expected[start:])}"


def _damage(facts: Mapping[str, Any], view: View) -> str:
    """Say what the helper put together wrongly beside the text; empty when nothing."""
    choice = view.stream.choice(0)
    role = facts["role"]
    if len(choice.roles) > 1 and isinstance(role, str) and role != choice.roles[0][1]:
        return f"the helper's message has the role {_quoted(role)}"
    return next((bad for known, made in _calls(view, facts) if (bad := _spoilt(known, made))), "")


def _calls(view: View, facts: Mapping[str, Any]) -> list[tuple[ToolCall, list[Any]]]:
    """Return the calls of the first choice, each with what the helper made of it."""
    made = facts["tools"]
    known = [(call.first.index, call) for call in calls_of(view) if call.choice == 0]
    return [(call, made[index]) for index, call in known if index is not None and 0 <= index < len(made)]


def _spoilt(known: ToolCall, made: list[Any]) -> str:
    """Say which member of a call was glued together from repetitions."""
    ids = [piece.id for piece in known.pieces if isinstance(piece.id, str)]
    names = [piece.name for piece in known.pieces if isinstance(piece.name, str)]
    for name, parts, value in (("id", ids, made[0]), ("name", names, made[1])):
        repeated = len(parts) > 1 and len(set(parts)) == 1
        if repeated and value == "".join(parts):
            return f"the helper's tool call has the {name} {_quoted(value)}"
    if not isinstance(made[2], str | None):
        return f"the helper's tool call has arguments that are no text: {_quoted(json.dumps(made[2]))}"
    return ""


def _quoted(text: str) -> str:
    return f"“{_short(text, _SAMPLE)}”"


def _short(text: str, most: int) -> str:
    line = visible(text)
    return line if len(line) <= most else f"{line[:most]}…"
