"""Bytes of a stream: what every client's parser has to live with (WHATWG HTML 9.2, contract clauses W01-W26).

What is legal but unusual (CRLF, comments, no space after the colon) is not judged here: it is a note in the report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from conformance.chatstream import DONE, Frame, FrameKind
from conformance.checks.api import Case, Reads, check
from conformance.checks.errortext import error_in_choices
from conformance.checks.select import valid
from conformance.model import Finding, Outcome
from conformance.sse import Note, NoteKind
from conformance.views import Form
from conformance.words import counted

STREAMED = valid(streamed=True)


def _notes(case: Case, *kinds: NoteKind) -> list[Note]:
    return [note for note in case.view.stream.framing.notes if note.kind in kinds]


def _none_of(case: Case, what: str, expected: str, *kinds: NoteKind) -> Iterator[Finding]:
    """Fail at the first note of these kinds, else pass for the events that were looked at."""
    found = _notes(case, *kinds)
    counts = case.view.stream.framing.counts
    if found:
        times = sum(counts.get(kind, 0) for kind in kinds)
        yield case.fail(
            f"{what}, {counted(times, 'time')}; the first is {found[0].text!r}",
            expected,
            examined=max(times, len(case.view.stream.events)),
            span=(found[0].start, found[0].end),
        )
    elif case.view.stream.events:
        yield case.ok(len(case.view.stream.events))


@check("stream.is-stream", on=STREAMED, reads=Reads.SUCCESS)
def is_stream(case: Case) -> Iterator[Finding]:
    """``stream: true`` is answered with events (E01, C08); SDKs read anything else as an empty stream."""
    if case.view.form is Form.STREAM:
        yield case.ok()
    else:
        yield case.fail(
            f"{case.view.form} labelled {case.view.media_type or 'with no content type'}",
            "a body made of server-sent events",
            outcome=Outcome.BROKEN,
        )


@check("stream.content-type", on=STREAMED, reads=Reads.STREAM)
def content_type(case: Case) -> Iterator[Finding]:
    """The label is text/event-stream (E01, W01)."""
    if case.view.media_type == "text/event-stream":
        yield case.ok()
    else:
        yield case.fail(f"Content-Type: {case.view.header('content-type')}", "text/event-stream")


@check("stream.utf8", on=STREAMED, reads=Reads.STREAM)
def utf8(case: Case) -> Iterator[Finding]:
    """The stream is UTF-8 (W02)."""
    yield from _none_of(case, "bytes that are not UTF-8", "valid UTF-8", NoteKind.INVALID_UTF8)


@check("stream.no-bom", on=STREAMED, reads=Reads.STREAM)
def no_bom(case: Case) -> Iterator[Finding]:
    """No byte order mark (W03): two SDKs lose the first event behind it."""
    yield from _none_of(case, "a byte order mark", "a stream that begins with its first line", NoteKind.BOM)


@check("stream.blank-line", on=STREAMED, reads=Reads.STREAM)
def blank_line(case: Case) -> Iterator[Finding]:
    """A blank line closes each event before the next begins (W06)."""
    frames = case.view.stream.frames
    fused = [frame for frame in frames if frame.kind is FrameKind.FUSED]
    if fused:
        pieces = fused[0].event.data.count("\n") + 1
        yield case.fail(
            f"{pieces} events in one block, no blank line between them",
            "a blank line after each event",
            examined=len(frames),
            frame=fused[0].index,
        )
    elif frames:
        yield case.ok(len(frames))


@check("stream.last-event-terminated", on=STREAMED, reads=Reads.STREAM)
def last_event_terminated(case: Case) -> Iterator[Finding]:
    """The stream does not end inside an event (W07)."""
    if case.view.cut:
        yield case.unsure("the transfer itself was cut", by="transport.complete-transfer")
        return
    yield from _none_of(
        case, "the stream ends inside an event", "a blank line after the last event", NoteKind.UNTERMINATED
    )


_MARRED: Final = re.compile(r"(?:\\x[0-9a-f]{2})+data(?:\\x[0-9a-f]{2})*: ?[{\[]")
"""The field name ``data`` with control characters round it, as notes spell them."""


def _hides_text(note: Note) -> bool:
    """Whether a line that parsers ignore has an event's text in it, bare or behind a marred name."""
    return note.text.lstrip().startswith(("{", DONE)) or bool(_MARRED.match(note.text))


@check("stream.field-names", on=STREAMED, reads=Reads.STREAM)
def field_names(case: Case) -> Iterator[Finding]:
    """Text stands behind ``data`` written exactly (W12); anything else is silently ignored by every parser."""
    stream = case.view.stream
    inside = [(f.event.start, f.event.end) for f in stream.frames if f.kind is FrameKind.SPILT]
    bare = [
        note
        for note in _notes(case, NoteKind.NO_COLON, NoteKind.UNKNOWN_FIELD)
        if _hides_text(note) and not any(a <= note.start < b for a, b in inside)
    ]
    found = _notes(case, NoteKind.MISSPELT_FIELD) + bare
    if found:
        first = min(found, key=lambda note: note.start)
        yield case.fail(
            f"a line that parsers ignore: {first.text!r}",
            "data: in front of every event's text",
            examined=max(len(stream.events), 1),
            span=(first.start, first.end),
        )
    elif stream.events:
        yield case.ok(len(stream.events))


@check("stream.no-broken-data-lines", on=STREAMED, reads=Reads.STREAM)
def no_broken_data_lines(case: Case) -> Iterator[Finding]:
    """JSON over several lines has ``data`` in front of each (W15)."""
    frames = case.view.stream.frames
    spilt = next((frame for frame in frames if frame.kind is FrameKind.SPILT), None)
    if spilt is not None:
        yield case.fail(
            "JSON that goes on in lines without data:",
            "data: in front of every line of an event",
            examined=len(frames),
            frame=spilt.index,
        )
    elif frames:
        yield case.ok(len(frames))


@check("stream.data-one-line", on=STREAMED, reads=Reads.STREAM)
def data_one_line(case: Case) -> Iterator[Finding]:
    """One data line an event (W14); several are legal, but many hand-written clients fail on them."""
    fused = [f.event for f in case.view.stream.frames if f.kind is FrameKind.FUSED]
    notes = [
        note
        for note in _notes(case, NoteKind.MULTI_LINE_DATA)
        if not any(event.start <= note.start < event.end for event in fused)
    ]
    if notes:
        yield case.fail(
            f"an event with several data lines: {notes[0].text!r}",
            "one data line an event",
            examined=len(case.view.stream.events),
            span=(notes[0].start, notes[0].end),
        )
    elif case.view.stream.events:
        yield case.ok(len(case.view.stream.events))


def _dataless(case: Case, *, retry: bool) -> Iterator[Finding]:
    body = case.view.content
    blocks = _notes(case, NoteKind.NO_DATA)
    alone = [note for note in blocks if (b"retry" in body[note.start : note.end]) is retry]
    if alone:
        yield case.fail(
            f"a block without data: {alone[0].text!r}",
            "data in every block",
            examined=max(len(case.view.stream.events), 1),
            span=(alone[0].start, alone[0].end),
        )
    elif case.view.stream.events:
        yield case.ok(len(case.view.stream.events))


@check("stream.no-dataless-event", on=STREAMED, reads=Reads.STREAM)
def no_dataless_event(case: Case) -> Iterator[Finding]:
    """No block has ``event`` or ``id`` alone (W16): SDKs parse the missing data as JSON."""
    yield from _dataless(case, retry=False)


@check("stream.no-lone-retry", on=STREAMED, reads=Reads.STREAM)
def no_lone_retry(case: Case) -> Iterator[Finding]:
    """No block has ``retry`` alone (W20)."""
    yield from _dataless(case, retry=True)


@check("stream.no-empty-data", on=STREAMED, reads=Reads.STREAM)
def no_empty_data(case: Case) -> Iterator[Finding]:
    """No event with empty data (W17)."""
    yield from _none_of(case, "an event with empty data", "JSON or [DONE] as data", NoteKind.EMPTY_DATA)


@check("stream.no-event-field", on=STREAMED, reads=Reads.STREAM)
def no_event_field(case: Case) -> Iterator[Finding]:
    """No ``event`` line on chunks (W18), nor on the terminator."""
    chunks = (*case.view.stream.chunks, *case.view.stream.done)
    named = [
        note
        for note in _notes(case, NoteKind.EVENT_FIELD)
        if any(chunk.event.start <= note.start < chunk.event.end for chunk in chunks)
    ]
    if named:
        yield case.fail(
            f"an event with {named[0].text!r}",
            "chunks and the terminator without an event field",
            span=(named[0].start, named[0].end),
        )
    elif chunks:
        yield case.ok(len(chunks))


@check("stream.no-id-field", on=STREAMED, reads=Reads.STREAM)
def no_id_field(case: Case) -> Iterator[Finding]:
    """No ``id`` line (W19): it sticks, and one SDK then throws on any empty block."""
    yield from _none_of(case, "an id line", "events without an id field", NoteKind.ID_FIELD, NoteKind.ID_NUL)


@check("stream.line-ends-uniform", on=STREAMED, reads=Reads.STREAM)
def line_ends_uniform(case: Case) -> Iterator[Finding]:
    """One kind of line end (W05)."""
    yield from _none_of(
        case, "line ends of several kinds", "LF, CRLF or CR throughout", NoteKind.MIXED_LINE_ENDS
    )


@check("stream.event-json", on=STREAMED, reads=Reads.STREAM)
def event_json(case: Case) -> Iterator[Finding]:
    """Every event but the terminator is one JSON object (E03): SDKs throw an error that is no APIError."""
    frames = case.view.stream.frames
    bad = [frame for frame in frames if frame.kind in {FrameKind.BROKEN, FrameKind.OTHER}]
    marked = [
        frame for frame in frames if frame.document and any(p.kind == "bom" for p in frame.document.problems)
    ]
    readable = [frame for frame in frames if frame.document is not None]
    if bad:
        yield case.fail(_why_no_object(bad[0]), "one JSON object", examined=len(readable), frame=bad[0].index)
    elif marked:
        yield case.fail(
            "a byte order mark inside the data",
            "one JSON object",
            examined=len(readable),
            frame=marked[0].index,
        )
    elif readable:
        yield case.ok(len(readable))


def _why_no_object(frame: Frame) -> str:
    shown = frame.event.data[:60]
    if frame.document is not None and frame.document.problems:
        return f"data is not JSON ({frame.document.problems[0].detail}): {shown!r}"
    return f"data is JSON but no object: {shown!r}"


@check("stream.no-error-event", on=STREAMED, reads=Reads.STREAM)
def no_error_event(case: Case) -> Iterator[Finding]:
    """A valid request's stream carries no error (G06): an error has an HTTP status before the first byte."""
    stream = case.view.stream
    if stream.errors:
        frame = stream.errors[0]
        yield case.fail(
            f"an error in a stream with status {case.view.status}: {frame.event.data[:120]!r}",
            "an error status before the stream begins, or no error",
            examined=len(stream.frames),
            frame=frame.index,
            outcome=Outcome.BROKEN,
        )
        return
    for frame in stream.chunks:
        if inner := error_in_choices(frame.value):
            error, pointer = inner
            yield case.fail(
                f"an error in a choice of a stream with status {case.view.status}: {str(error)[:120]!r}",
                "an error status before the stream begins, or no error",
                examined=len(stream.frames),
                frame=frame.index,
                pointer=pointer,
                outcome=Outcome.BROKEN,
            )
            return
    if stream.frames:
        yield case.ok(len(stream.frames))
