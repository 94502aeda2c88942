"""A stream of chat completion chunks, read the way a careful client reads it.

Theory of operation. The events of a stream are, in this order (OpenAI, ``CreateChatCompletionStreamResponse``):

    ( chunk of some choice )*   for each choice: role first, then deltas, then one finish_reason, then nothing
    ( usage chunk )?            ``choices: []``, only with ``stream_options.include_usage``
    [DONE]                      once, last

:func:`read_stream` classifies every event as one :class:`Frame` and assembles each choice from its deltas. It is
total: whatever a target sends becomes a frame; judging is left to the checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Final

from msgspec import Struct, field

from conformance import sse, strictjson
from conformance.model import Json

DONE: Final = "[DONE]"
"""The sentinel that ends a stream (contract clause E02)."""


class FrameKind(StrEnum):
    """What one event of the stream is."""

    CHUNK = "chunk"
    DONE = "done"
    ERROR = "error"
    EMPTY = "empty"
    BROKEN = "broken"
    """Data that is not JSON."""
    FUSED = "fused"
    """Several whole events in one block, for want of blank lines between them."""
    SPILT = "spilt"
    """Data whose JSON goes on in lines that have no ``data:`` in front."""
    NEAR_DONE = "near-done"
    """The terminator, but not spelled exactly."""
    OTHER = "other"
    """JSON that is no object."""


_LONGEST_TERMINATOR: Final = 64
_MOST_CHOICES: Final = 2**53


class Delta(Struct, frozen=True):
    """One entry of a chunk's ``choices``; ``value`` is the entry, ``delta`` its delta member if that is an object."""

    frame: int
    position: int
    value: Mapping[str, Json]
    index: Json
    delta: Mapping[str, Json]
    has_delta: bool

    @property
    def choice(self) -> int:
        """Which choice the index means, also where it is of a wrong type; the first when that cannot be told."""
        index = self.index
        if isinstance(index, bool | int | float):
            return int(index) if abs(index) < _MOST_CHOICES else 0
        return int(index) if isinstance(index, str) and len(index) == 1 and "0" <= index <= "9" else 0

    @property
    def finish_reason(self) -> Json:
        """The finish_reason, None when it is null or absent."""
        return self.value.get("finish_reason")

    def string(self, name: str) -> str:
        """Return a member of the delta that is a string, else an empty one."""
        value = self.delta.get(name)
        return value if isinstance(value, str) else ""


class Frame(Struct, frozen=True):
    """One event with its data read as JSON; of fused events ``value`` is the error among them, if there is one."""

    index: int
    kind: FrameKind
    event: sse.Event
    document: strictjson.Document | None
    value: Mapping[str, Json]
    deltas: tuple[Delta, ...]

    @property
    def usage(self) -> Mapping[str, Json] | None:
        """The usage object, None when it is null or absent."""
        usage = self.value.get("usage")
        return usage if isinstance(usage, dict) else None


class Choice(Struct):
    """What a client has of one choice when the stream ends."""

    index: Json
    roles: list[tuple[int, Json]] = field(default_factory=list)
    content_parts: list[tuple[int, str]] = field(default_factory=list)
    reasoning_parts: list[tuple[int, str]] = field(default_factory=list)
    finishes: list[tuple[int, Json]] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)

    @property
    def content(self) -> str:
        """The joined text."""
        return "".join(text for _, text in self.content_parts)

    @property
    def reasoning(self) -> str:
        """The joined reasoning text."""
        return "".join(text for _, text in self.reasoning_parts)

    @property
    def finish_reason(self) -> Json:
        """The finish_reason, None when none came, or several that contradict each other."""
        told = [reason for _, reason in self.finishes if reason != ""]
        return told[0] if told and all(reason == told[0] for reason in told) else None


class ChatStream(Struct, frozen=True, dict=True):
    """All frames of a stream, its framing, and what each choice adds up to."""

    framing: sse.EventStream
    frames: tuple[Frame, ...]
    choices: Mapping[int, Choice]

    @property
    def events(self) -> tuple[sse.Event, ...]:
        """The events in their order; a frame's index is its event's index."""
        return self.framing.events

    @cached_property
    def chunks(self) -> tuple[Frame, ...]:
        """The frames that are chunks."""
        return tuple(frame for frame in self.frames if frame.kind is FrameKind.CHUNK)

    @cached_property
    def errors(self) -> tuple[Frame, ...]:
        """The frames that carry an error, also one that is fused with another event."""
        return tuple(
            frame
            for frame in self.frames
            if frame.kind is FrameKind.ERROR or (frame.kind is FrameKind.FUSED and frame.value)
        )

    @cached_property
    def done(self) -> tuple[Frame, ...]:
        """The frames that are exactly the terminator."""
        return tuple(frame for frame in self.frames if frame.kind is FrameKind.DONE)

    @property
    def deltas(self) -> Iterator[Delta]:
        """Every choice entry of every chunk, in order."""
        return (delta for frame in self.chunks for delta in frame.deltas)

    @cached_property
    def usages(self) -> tuple[Frame, ...]:
        """The chunks that carry a usage object."""
        return tuple(frame for frame in self.chunks if frame.usage is not None)

    def choice(self, index: int) -> Choice:
        """Return what a choice adds up to, an empty one when it never came."""
        return self.choices.get(index) or Choice(index)


def read_stream(body: bytes) -> ChatStream:
    """Read a body as a stream of chunks; never raises."""
    framing = sse.parse(body)
    strays = [
        (note.start, note.end)
        for note in framing.notes
        if note.kind in {sse.NoteKind.NO_COLON, sse.NoteKind.UNKNOWN_FIELD}
    ]
    frames = tuple(_frame(event, strays) for event in framing.events)
    return ChatStream(framing, frames, _assemble(frames))


def _frame(event: sse.Event, strays: list[tuple[int, int]]) -> Frame:
    if event.data == DONE:
        return Frame(event.index, FrameKind.DONE, event, None, {}, ())
    if not event.data:
        return Frame(event.index, FrameKind.EMPTY, event, None, {}, ())
    document = strictjson.read(event.data)
    fused = _fused(event)
    if fused:
        return Frame(event.index, FrameKind.FUSED, event, document, _error_among(fused), ())
    if not document.ok or any(problem.kind == "trailing" for problem in document.problems):
        return Frame(event.index, _broken_kind(event, strays), event, document, {}, ())
    value = document.value
    if not isinstance(value, dict):
        return Frame(event.index, FrameKind.OTHER, event, document, {}, ())
    kind = FrameKind.CHUNK
    if tells_error(value) or (event.type == "error" and "choices" not in value):
        kind = FrameKind.ERROR
    return Frame(event.index, kind, event, document, value, tuple(_deltas(event.index, value)))


def tells_error(value: Mapping[str, Json]) -> bool:
    """Whether an event's object is an error: in the member ``error``, or flat in place of a chunk."""
    if value.get("error") is not None:
        return True
    if "choices" in value or "usage" in value:
        return False
    worded = isinstance(value.get("message"), str) and not value.keys().isdisjoint({"code", "type"})
    return value.get("object") == "error" or worded or value.get("detail") is not None


def _fused(event: sse.Event) -> tuple[Json, ...]:
    """Return the documents of an event whose data lines are each an event of their own, else nothing."""
    lines = event.data.split("\n")
    if len(lines) == 1:
        return ()
    read = [strictjson.read(line) for line in lines if line != DONE]
    whole = all(each.ok and not any(problem.kind == "trailing" for problem in each.problems) for each in read)
    return tuple(each.value for each in read) if whole else ()


def _error_among(values: tuple[Json, ...]) -> Mapping[str, Json]:
    return next((value for value in values if isinstance(value, dict) and tells_error(value)), {})


def _broken_kind(event: sse.Event, strays: list[tuple[int, int]]) -> FrameKind:
    """Tell why data is not JSON, so that each cause is judged by its own requirement."""
    if len(event.data) < _LONGEST_TERMINATOR and event.data.strip().lower().startswith(DONE.lower()):
        return FrameKind.NEAR_DONE
    if any(event.start <= start < event.end for start, _ in strays):
        return FrameKind.SPILT
    return FrameKind.BROKEN


def _deltas(frame: int, value: Mapping[str, Json]) -> Iterator[Delta]:
    choices = value.get("choices")
    for position, choice in enumerate(choices if isinstance(choices, list) else []):
        if isinstance(choice, dict):
            delta = choice.get("delta")
            known = isinstance(delta, dict)
            yield Delta(
                frame, position, choice, choice.get("index"), delta if isinstance(delta, dict) else {}, known
            )


def _assemble(frames: tuple[Frame, ...]) -> dict[int, Choice]:
    choices: dict[int, Choice] = {}
    for frame in frames:
        for entry in frame.deltas:
            choice = choices.setdefault(entry.choice, Choice(entry.choice))
            choice.frames.append(frame.index)
            if entry.delta.get("role") is not None:
                choice.roles.append((frame.index, entry.delta["role"]))
            # Some relays tell the same thoughts under both names; they are one text.
            thought = entry.string("reasoning_content") or entry.string("reasoning")
            for text, parts in (
                (entry.string("content"), choice.content_parts),
                (thought, choice.reasoning_parts),
            ):
                if text:
                    parts.append((frame.index, text))
            if entry.finish_reason is not None:
                choice.finishes.append((frame.index, entry.finish_reason))
    return choices
