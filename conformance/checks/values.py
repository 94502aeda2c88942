"""Small questions about JSON values that several areas of checks ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeGuard

from conformance.chatstream import FrameKind
from conformance.model import FaultKind, Json
from conformance.strictjson import is_integer
from conformance.views import Form, View

FINISH_REASONS: Final = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
"""The words that OpenAI's description has for why an answer ended (contract clause D11)."""


def is_text(value: Json) -> bool:
    """Whether a JSON value is a string that is not empty."""
    return isinstance(value, str) and bool(value)


def is_count(value: Json) -> TypeGuard[int]:
    """Whether a JSON value is an integer that can count something."""
    return is_integer(value) and value >= 0


def show(value: Mapping[str, Json], member: str) -> str:
    """Write a member for a finding, ``absent`` when it is not there."""
    return f"{value[member]!r}"[:80] if member in value else "absent"


def same_model(asked: Json, told: str) -> bool:
    """Whether an answer's model is the one asked for: equal, a dated snapshot, or without a vendor prefix (D06)."""
    if not isinstance(asked, str) or not told:
        return False
    names = [{name, name.rsplit("/", 1)[-1]} for name in (asked.lower(), told.lower())]
    return any(x.startswith(y) or y.startswith(x) for x in names[0] for y in names[1] if x and y)


def json_texts(view: View) -> Iterator[tuple[int | None, Mapping[str, Json]]]:
    """Yield every JSON object of an answer with its frame (None for a complete answer)."""
    if view.form is Form.STREAM:
        for frame in view.stream.frames:
            if frame.kind in {FrameKind.CHUNK, FrameKind.ERROR}:
                yield frame.index, frame.value
    elif view.form is Form.COMPLETION:
        yield None, view.object


def choices_of(view: View) -> list[Mapping[str, Json]]:
    """Return the choices of a complete answer that are objects."""
    choices = view.object.get("choices")
    return [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []


def broke_off(view: View) -> bool:
    """Whether an answer stops in the middle: cut, ended by an error, or a stream without ``[DONE]`` or any ending.

    What such an answer lacks came after its end; the requirements that ask for the end judge it.
    """
    if view.cut or view.form is not Form.STREAM:
        return view.cut
    stream = view.stream
    terminated = any(frame.kind in {FrameKind.DONE, FrameKind.NEAR_DONE} for frame in stream.frames)
    finished = any(choice.finishes for choice in stream.choices.values())
    return bool(stream.errors) or not (finished or (terminated and not unread(view)))


def refuses(view: View) -> bool:
    """Whether the model said no in the member that is meant for it."""
    if view.form is Form.STREAM:
        return any(delta.string("refusal") for delta in view.stream.deltas)
    return isinstance(view.message, dict) and bool(view.message.get("refusal"))


def withheld(view: View) -> str:
    """Say why an answer may rightly have no text: its limit was spent, a filter held it, or the model said no."""
    reasons = {"length": "the limit was spent before any text", "content_filter": "a filter held the text"}
    if refuses(view):
        return "the model refused to answer"
    return reasons.get(view.finish_reason or "", "")


_BREAKS: Final = {
    FaultKind.CLOSED_EARLY: "transport.complete-transfer",
    FaultKind.RESET: "transport.complete-transfer",
    FaultKind.DEADLINE: "transport.complete-transfer",
    FaultKind.MALFORMED: "transport.http-well-formed",
    FaultKind.LINGERING: "stream.closes-after-done",
}
"""The requirement that judges a body which ends in this way."""


def judges_of_break(view: View) -> tuple[str, ...]:
    """Return the requirements that judge how an answer broke off."""
    fault = view.exchange.fault
    if fault is not None:
        return (_BREAKS[fault.kind],) if fault.kind in _BREAKS else ()
    if view.form is not Form.STREAM:
        return ()
    if view.stream.errors:
        return ("stream.no-error-event",)
    if unread(view):
        return ("stream.event-json",)
    return () if view.stream.done else ("stream.done-terminator",)


def unread(view: View) -> bool:
    """Whether an event of a stream is no JSON object, so that what the stream lacks may stand in it."""
    return any(frame.kind in {FrameKind.BROKEN, FrameKind.OTHER} for frame in view.stream.frames)


def texts_of(view: View) -> list[str]:
    """Return what the model said: of each choice the text, and the reasoning where it is shown."""
    if view.form is Form.STREAM:
        said = [
            text for choice in view.stream.choices.values() for text in (choice.content, choice.reasoning)
        ]
        return [text for text in said if text]
    messages = [choice.get("message") for choice in choices_of(view)]
    found = [
        text
        for message in messages
        if isinstance(message, dict)
        for text in (message.get("content"), message.get("reasoning_content") or message.get("reasoning"))
    ]
    return [text for text in found if isinstance(text, str) and text]


def usage_of(view: View) -> tuple[int | None, Json] | None:
    """Return an answer's usage with its frame: of a complete answer, or the last of a stream; None without any."""
    if view.form is Form.COMPLETION:
        usage = view.object.get("usage")
        return None if usage is None else (None, usage)
    given = [frame for frame in view.stream.chunks if frame.value.get("usage") is not None]
    return (given[-1].index, given[-1].value["usage"]) if given else None


def counts_of(view: View) -> Mapping[str, Json]:
    """Return the members of an answer's usage, none when it has no usage that is an object."""
    found = usage_of(view)
    return found[1] if found and isinstance(found[1], dict) else {}


def prompt_tokens(view: View) -> int | None:
    """Return how many tokens the prompt had by the answer's usage, None when it does not tell."""
    value = counts_of(view).get("prompt_tokens")
    return value if is_count(value) else None
