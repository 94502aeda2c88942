"""Server-sent events, read as a browser reads them, with every byte accounted for.

What counts as an event is decided by the WHATWG HTML standard (9.2.5 grammar, 9.2.6 interpretation) and by
nothing else: no tolerance is added and none is taken away. What is legal but known to hurt clients, and what
is lost without a word, becomes a *note*, never an error. The module promises:

- Any split of the same bytes over :meth:`Parser.feed` gives the same :class:`EventStream`.
- Every offset is a byte offset in the body, so ``body[event.data_start:event.data_end]`` is what was sent.
- Time and memory are linear in the body, whatever is in it; nothing a server sends raises.

How: bytes are searched for line ends once, when they come. Only the line under way and the lines of the block
under way are kept; a blank line turns the block into an event or drops it. The one thing that cannot be told
when it is read is a CR at the very end of a feed: it ends its line at once, and whether an LF still belongs
to it is settled by the next byte.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

NOTES_PER_KIND: Final = 100
"""How many notes of one kind are kept, the first ones; all are counted."""

EXCERPT_LENGTH: Final = 80
"""The most characters that the text of a note has."""

_BOM: Final = b"\xef\xbb\xbf"
_LINE_END: Final = re.compile(rb"\r\n?|\n")
_DATA_LINE: Final = re.compile(rb"(?:\A|[\r\n])(data(?=[:\r\n]|\Z)[^\r\n]{0,400})")
_FIELD_NAMES: Final = frozenset({"data", "event", "id", "retry"})
_LONGEST_MISSPELLING: Final = 20


class NoteKind(StrEnum):
    """What can be noticed about a stream, with the rule of HTML 9.2.5 or 9.2.6 that it touches."""

    BOM = "bom"
    """The stream begins with U+FEFF: legal, but some SDKs lose the first event."""
    CRLF = "crlf"
    """A line ends in CR LF: legal."""
    CR = "cr"
    """A line ends in CR alone: legal."""
    MIXED_LINE_ENDS = "mixed-line-ends"
    """A line ends otherwise than the line before it: legal, but delays delivery in some SDKs."""
    NO_SPACE = "no-space-after-colon"
    """A known field has a value right after the colon: legal and equal."""
    EXTRA_SPACE = "extra-space-after-colon"
    """A known field has more than one space after the colon: only the first is removed."""
    COMMENT = "comment"
    """A line begins with a colon: ignored by clients, good for keep-alive."""
    NO_DATA = "block-without-data"
    """A block has an ``event``, ``id`` or ``retry`` line but no ``data``: no event, and some SDKs throw."""
    EMPTY_DATA = "empty-data"
    """An event was dispatched whose data is the empty string."""
    EVENT_FIELD = "event-field"
    """A line sets the event type."""
    ID_FIELD = "id-field"
    """A line sets the last event id."""
    ID_NUL = "id-with-nul"
    """An ``id`` value holds U+0000, so the line is ignored."""
    RETRY_FIELD = "retry-field"
    """A line sets the reconnection time."""
    RETRY_NOT_DIGITS = "retry-not-digits"
    """A ``retry`` value is not only ASCII digits, so the line is ignored."""
    UNKNOWN_FIELD = "unknown-field"
    """The field name is none of the four, so the line is ignored."""
    MISSPELT_FIELD = "misspelt-field"
    """The field name is one of the four in wrong case or with blanks or U+FEFF around it: ignored too."""
    NO_COLON = "line-without-colon"
    """The whole line is a field name and the value is empty."""
    MULTI_LINE_DATA = "multi-line-data"
    """An event has several ``data`` lines: legal, joined with LF."""
    UNTERMINATED = "unterminated-event"
    """The stream ends inside a block that holds more than comments: those lines are discarded."""
    INVALID_UTF8 = "invalid-utf8"
    """A line holds bytes that are not UTF-8 (noted once a line, at the first): each becomes U+FFFD."""


class Note(Struct, frozen=True):
    """One thing noticed in the bytes ``start`` to ``end`` of the body.

    ``text`` is a printable excerpt of at most :data:`EXCERPT_LENGTH` characters; the rest is escaped.
    """

    kind: NoteKind
    start: int
    end: int
    text: str


class Event(Struct, frozen=True):
    """One dispatched event; all offsets are byte offsets in the body.

    ``start`` is the first byte of its block (comments of the block included), ``end`` the byte after the
    blank line that dispatched it. ``data_start`` to ``data_end`` runs from the value of the first ``data``
    line to the end of the value of the last one. ``index`` counts from 0. ``type`` is ``message`` when no
    line set it.
    """

    index: int
    type: str
    data: str
    start: int
    end: int
    data_start: int
    data_end: int


class EventStream(Struct, frozen=True):
    """A whole stream.

    ``notes`` are ordered by place and hold the first :data:`NOTES_PER_KIND` of each kind; ``counts`` counts
    all of them and gives 0 for a kind that was not met. ``tail`` are the bytes after the last blank line,
    which no event got (HTML 9.2.6: pending data is discarded at the end), and ``tail_start`` is where they
    begin.
    """

    events: tuple[Event, ...]
    notes: tuple[Note, ...]
    tail: bytes
    tail_start: int
    counts: Mapping[NoteKind, int]


def parse(body: bytes) -> EventStream:
    """Read a whole body as an event stream."""
    parser = Parser()
    parser.feed(body)
    return parser.close()


class Parser:
    """Reads an event stream as its bytes come."""

    __slots__ = ("_block", "_cr", "_events", "_last_end", "_line", "_line_start", "_notes")

    def __init__(self) -> None:
        """Begin at byte 0."""
        self._events: list[Event] = []
        self._notes = _Notes()
        self._block = _Block(start=0)
        self._line = bytearray()
        self._line_start = 0
        self._last_end = b""
        self._cr = False

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes and return the events that they complete.

        An event is returned as soon as its blank line is seen. When that line ends in a CR that is the last
        byte of ``data``, and the next feed begins with the LF that belongs to it, then ``end`` of that event
        is one more in the :class:`EventStream`.
        """
        known = len(self._events)
        at = self._settle_cr(data) if self._cr and data else 0
        for match in _LINE_END.finditer(data, at):
            self._line += data[at : match.start()]
            line, end = bytes(self._line), match[0]
            self._line.clear()
            at = match.end()
            stop = self._take(line, end)
            self._cr = end == b"\r" and at == len(data)
            if not self._cr:
                _note_line_end(self._notes, stop, end, self._last_end)
                self._last_end = end
        self._line += data[at:]
        return self._events[known:]

    def close(self) -> EventStream:
        """Return the stream as it is when it ends here; the parser itself does not change."""
        notes = self._notes.copy()
        if self._cr:
            _note_line_end(notes, self._line_start - 1, b"\r", self._last_end)
        line, line_start, tail_start = bytes(self._line), self._line_start, self._block.start
        if line_start == 0 and line.startswith(_BOM):
            notes.add(NoteKind.BOM, 0, len(_BOM), _BOM)
            line, line_start, tail_start = line[len(_BOM) :], len(_BOM), len(_BOM)
        # A character that the end of the stream cuts is no wrong UTF-8: hence the decoder is not final.
        _decode(notes, line, line_start, final=False)
        tail = bytes(self._block.raw) + line
        if self._block.has_field or (line and not line.startswith(b":")):
            data_line = _DATA_LINE.search(tail)
            notes.add(
                NoteKind.UNTERMINATED, tail_start, tail_start + len(tail), data_line[1] if data_line else tail
            )
        return EventStream(tuple(self._events), notes.in_order(), tail, tail_start, notes.counts)

    def _settle_cr(self, data: bytes) -> int:
        """Tell whether an LF belongs to the CR before ``data``; return how much of ``data`` is used up."""
        cr_at = self._line_start - 1
        end = b"\r\n" if data.startswith(b"\n") else b"\r"
        _note_line_end(self._notes, cr_at, end, self._last_end)
        self._last_end = end
        self._cr = False
        if end == b"\r":
            return 0
        if self._events and self._events[-1].end == self._line_start:
            self._events[-1] = replace(self._events[-1], end=self._line_start + 1)
        self._line_start += 1
        if self._block.raw:
            self._block.raw += b"\n"
        else:
            self._block.start = self._line_start
        return 1

    def _take(self, line: bytes, end: bytes) -> int:
        """Interpret one line (HTML 9.2.6) and return the offset at which its line end begins."""
        start = self._line_start
        if start == 0 and line.startswith(_BOM):
            self._notes.add(NoteKind.BOM, 0, len(_BOM), _BOM)
            line, start, self._block.start = line[len(_BOM) :], len(_BOM), len(_BOM)
        stop = start + len(line)
        self._line_start = stop + len(end)
        if line:
            self._block.raw += line
            self._block.raw += end
            self._read_field(line, start)
        else:
            self._dispatch(stop)
        return stop

    def _read_field(self, line: bytes, start: int) -> None:
        """Process one line that is not blank (HTML 9.2.6); ``id`` and ``retry`` change no event."""
        block, stop = self._block, start + len(line)
        text = _decode(self._notes, line, start)
        name, colon, value = text.partition(":")
        for kind in _kinds_of_line(name, colon, value):
            self._notes.add(kind, start, stop, line)
        if colon and not name:
            return
        block.has_field = True
        spaced = value.startswith(" ")
        value = value.removeprefix(" ")
        if name == "data":
            if not block.values:
                block.data_start = start + len("data") + len(colon) + spaced
            block.data_end = stop
            block.values.append(value)
        elif name == "event":
            block.type = value
        block.sets_something |= name in {"event", "id", "retry"}

    def _dispatch(self, stop: int) -> None:
        """End the block at the blank line that begins at ``stop``; the next one begins after it."""
        block, self._block = self._block, _Block(start=self._line_start)
        if not block.values:
            if block.sets_something:
                self._notes.add(NoteKind.NO_DATA, block.start, stop, block.raw)
            return
        data = "\n".join(block.values)
        self._events.append(
            Event(
                index=len(self._events),
                type=block.type or "message",
                data=data,
                start=block.start,
                end=self._line_start,
                data_start=block.data_start,
                data_end=block.data_end,
            )
        )
        if not data:
            self._notes.add(NoteKind.EMPTY_DATA, block.start, stop, block.raw)
        if len(block.values) > 1:
            self._notes.add(NoteKind.MULTI_LINE_DATA, block.start, stop, block.raw)


class _Block(Struct):
    """The lines since the last blank one: the buffers of HTML 9.2.6 and the bytes they came from."""

    start: int
    raw: bytearray = field(default_factory=bytearray)
    type: str = ""
    values: list[str] = field(default_factory=list)
    data_start: int = 0
    data_end: int = 0
    has_field: bool = False
    sets_something: bool = False


class _Notes:
    """Counts every note and keeps the first of each kind, so that a hostile stream cannot fill the memory."""

    __slots__ = ("_kept", "counts")

    def __init__(self) -> None:
        self._kept: list[Note] = []
        self.counts: Counter[NoteKind] = Counter()

    def copy(self) -> _Notes:
        twin = _Notes()
        twin._kept, twin.counts = self._kept.copy(), self.counts.copy()
        return twin

    def add(self, kind: NoteKind, start: int, end: int, raw: bytes | bytearray) -> None:
        self.counts[kind] += 1
        if self.counts[kind] <= NOTES_PER_KIND:
            self._kept.append(Note(kind, start, end, _excerpt(raw)))

    def in_order(self) -> tuple[Note, ...]:
        return tuple(sorted(self._kept, key=lambda note: (note.start, note.end, note.kind)))


def _kinds_of_line(name: str, colon: str, value: str) -> Iterator[NoteKind]:
    """Say what is notable about one line, of which ``value`` is everything after the colon."""
    if colon and not name:
        yield NoteKind.COMMENT
        return
    if not colon:
        yield NoteKind.NO_COLON
    if name not in _FIELD_NAMES:
        yield NoteKind.MISSPELT_FIELD if _is_misspelt(name) else NoteKind.UNKNOWN_FIELD
        return
    if value and not value.startswith(" "):
        yield NoteKind.NO_SPACE
    if value.startswith("  "):
        yield NoteKind.EXTRA_SPACE
    yield from _kinds_of_field(name, value.removeprefix(" "))


def _kinds_of_field(name: str, value: str) -> Iterator[NoteKind]:
    if name == "event":
        yield NoteKind.EVENT_FIELD
    elif name == "id":
        yield NoteKind.ID_FIELD
        if "\0" in value:
            yield NoteKind.ID_NUL
    elif name == "retry":
        yield NoteKind.RETRY_FIELD
        if not (value.isascii() and value.isdigit()):
            yield NoteKind.RETRY_NOT_DIGITS


def _note_line_end(notes: _Notes, at: int, end: bytes, last_end: bytes) -> None:
    if end == b"\r\n":
        notes.add(NoteKind.CRLF, at, at + len(end), end)
    elif end == b"\r":
        notes.add(NoteKind.CR, at, at + len(end), end)
    if last_end and end != last_end:
        notes.add(NoteKind.MIXED_LINE_ENDS, at, at + len(end), last_end + end)


def _decode(notes: _Notes, line: bytes, start: int, *, final: bool = True) -> str:
    """Decode as the WHATWG Encoding standard does, and note the first bytes that are not UTF-8.

    Line by line is as good as all at once: CR, LF, colon and space are never part of a longer sequence.
    """
    try:
        return codecs.utf_8_decode(line, "strict", final)[0]
    except UnicodeDecodeError as error:
        notes.add(NoteKind.INVALID_UTF8, start + error.start, start + error.end, line[error.start :])
        return line.decode("utf-8", "replace")


def _is_misspelt(name: str) -> bool:
    return len(name) <= _LONGEST_MISSPELLING and name.strip(" \t\ufeff").lower() in _FIELD_NAMES


def _excerpt(raw: bytes | bytearray) -> str:
    """Return the beginning of ``raw`` in printable characters, marked with an ellipsis where it is cut."""
    # UTF-8 has at most four bytes a character; one character more shows whether there is something to cut.
    text = raw[: 4 * (EXCERPT_LENGTH + 1)].decode("utf-8", "backslashreplace")
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return shown if len(shown) <= EXCERPT_LENGTH else shown[: EXCERPT_LENGTH - 1] + "…"
