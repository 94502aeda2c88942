"""What is legal in a stream, and still known to hurt clients: observations that count nowhere (W02-W10, W26)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from conformance.checks.api import Case, Reads, check
from conformance.checks.select import valid
from conformance.model import Finding
from conformance.sse import Note, NoteKind
from conformance.words import counted

STREAMED: Final = valid(streamed=True)
_SEPARATORS: Final = {"\u2028": "U+2028", "\u2029": "U+2029", "\u0085": "U+0085"}
_LAST_ASCII: Final = 0x7F
_UTF8: Final = re.compile(r";\s*charset=\"?utf-?8\"?\s*(?:;|$)", re.IGNORECASE)


def _seen(case: Case, what: str, expected: str, *kinds: NoteKind) -> Iterator[Finding]:
    """Tell how often these kinds were noted; otherwise pass for the events that were looked at."""
    framing = case.view.stream.framing
    notes: list[Note] = [note for note in framing.notes if note.kind in kinds]
    if notes:
        times = sum(framing.counts[kind] for kind in kinds)
        yield case.fail(
            f"{what}, {counted(times, 'time')}",
            expected,
            examined=times,
            span=(notes[0].start, notes[0].end),
        )
    elif framing.events:
        yield case.ok(len(framing.events))


@check("stream.line-end-forms", on=STREAMED, reads=Reads.STREAM)
def line_end_forms(case: Case) -> Iterator[Finding]:
    """LF ends lines (W04)."""
    yield from _seen(case, "a line that ends with CR", "LF", NoteKind.CRLF, NoteKind.CR)


@check("stream.comments", on=STREAMED, reads=Reads.STREAM)
def comments(case: Case) -> Iterator[Finding]:
    """No comments (W08)."""
    yield from _seen(case, "a comment", "no comments", NoteKind.COMMENT)


@check("stream.space-after-colon", on=STREAMED, reads=Reads.STREAM)
def space_after_colon(case: Case) -> Iterator[Finding]:
    """A space behind the colon (W10)."""
    yield from _seen(case, "a field without the space", "data: and a space", NoteKind.NO_SPACE)


@check("stream.line-separators", on=STREAMED, reads=Reads.STREAM)
def line_separators(case: Case) -> Iterator[Finding]:
    """Characters that some splitters take for line ends are escaped (W26)."""
    events = case.view.stream.events
    for event in events:
        raw = next((sign for sign in _SEPARATORS if sign in event.data), "")
        if raw:
            yield case.fail(
                f"{_SEPARATORS[raw]} as itself", "an escape", examined=len(events), frame=event.index
            )
            return
    if events:
        yield case.ok(len(events))


@check("stream.charset", on=STREAMED, reads=Reads.STREAM)
def stream_charset(case: Case) -> Iterator[Finding]:
    """The label says UTF-8 where it matters (W02)."""
    yield from names_charset(case)


@check("response.charset", on=valid(streamed=False), reads=Reads.COMPLETION)
def response_charset(case: Case) -> Iterator[Finding]:
    """The label says UTF-8 where it matters (RFC 8259 8.1)."""
    yield from names_charset(case)


def names_charset(case: Case) -> Iterator[Finding]:
    """Look for a charset in the label of a body that has more than ASCII."""
    body, label = case.view.content, case.view.header("content-type") or "absent"
    if body.isascii():
        yield case.skip("the body is ASCII")
    elif _UTF8.search(label):
        yield case.ok()
    else:
        beyond = next(at for at, byte in enumerate(body) if byte > _LAST_ASCII)
        yield case.fail(
            f"text beyond ASCII, and the label is {label[:80]}", "charset=utf-8", span=(beyond, beyond + 1)
        )
