"""The raw bytes of one HTTP/1.x answer, read so that nothing in them is lost (RFC 9112).

HTTP libraries refuse a malformed answer and keep nothing of it; here a sceptic wants to see it. So this
reader is total: it raises on no bytes, reads on wherever a client could, and says in ``notes`` what was odd.
Every byte of the body can be traced to the byte of the connection that brought it. Time and memory are linear
in the bytes.

What is odd in the bytes that came is always noted; that something is missing is noted only once the
connection has ended, because until then it may still come.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

Framing: TypeAlias = Literal["chunked", "length", "close", "none"]
"""How the end of the body is told (RFC 9112, 6.3); ``none``: no body can come, or the head did not end."""

Headers: TypeAlias = tuple[tuple[str, str], ...]

_STATUS_LINE: Final = re.compile(
    rb"HTTP/([0-9]{1,3}(?:\.[0-9]{1,3})?)([ \t]+)([0-9]{3})(?:([ \t]+)(.*))?", re.DOTALL
)
_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]+)([ \t]*)(?:;.*)?", re.DOTALL)
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_BODILESS: Final = frozenset({101, 204, 304})
_MOST_DECIMAL_DIGITS: Final = 18
_MOST_HEX_DIGITS: Final = 15
_MOST_CODINGS: Final = 4
_EXCERPT: Final = 60
_INFLATE_STEP: Final = 8192
_GZIP_MAGIC: Final = b"\x1f\x8b"
_DAMAGED: Final = "the compressed data is damaged"
_BLANK: Final = " \t"


class Segment(Struct, frozen=True):
    """``size`` bytes at offset ``body`` of the body came at offset ``raw`` of the connection."""

    body: int
    raw: int
    size: int


class Answer(Struct, frozen=True):
    """One answer as it stands in the bytes of the connection.

    ``headers`` and ``trailers`` keep their order, with names in lower case and values stripped, decoded as
    Latin-1. ``interim`` are the 1xx statuses before it. ``body`` is what is left after removing the chunked
    coding, before content decoding; ``segments`` cover it without gap. ``complete`` tells whether the whole
    message came. ``leftover`` are the bytes after the end of a complete message. ``head_size`` is the offset
    at which the body begins, so that ``raw[:head_size]`` holds every head. ``notes`` say what was odd, each
    kind once.
    """

    version: str
    status: int
    reason: str
    headers: Headers
    interim: tuple[int, ...]
    body: bytes
    segments: tuple[Segment, ...]
    framing: Framing
    trailers: Headers
    complete: bool
    leftover: bytes
    notes: tuple[str, ...]
    head_size: int

    def header(self, name: str) -> str | None:
        """Return the first value of a header, compared without case, or None."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a header in order, one for each line that has it."""
        return tuple(value for key, value in self.headers if key == name.lower())


@lru_cache(maxsize=1)  # the sender, the redactor and the view of an exchange ask for the same one in turn
def read_answer(raw: bytes, *, method: str = "POST", closed: bool) -> Answer | None:
    """Read the first final answer in ``raw``, or None when no status line can be read.

    ``method`` is the one of the request (HEAD has no body). ``closed`` tells that the connection has ended,
    which is the only thing that ends a body without length. When nothing but interim (1xx) answers came, the
    last of them is returned as an incomplete answer.
    """
    reader = _Reader(raw, closed=closed)
    head = reader.head()
    if head is None:
        return None
    interim: list[int] = []
    while head.complete and head.status // 100 == 1 and head.status not in _BODILESS:
        final = reader.head()
        if final is None:
            reader.missing("only an interim answer came, no final one")
            return replace(head, complete=False, interim=tuple(interim), notes=reader.noted())
        interim.append(head.status)
        head = final
    answer = reader.body(head, method) if head.complete else head
    return replace(answer, interim=tuple(interim), notes=reader.noted())


def body_pieces(answer: Answer, pieces: tuple[tuple[float, int], ...]) -> tuple[tuple[float, int], ...]:
    """Turn the arrival times of raw bytes into those of body bytes.

    ``pieces`` and the result are (time, number of bytes that came then); pieces that brought none are left
    out.
    """
    arrived: list[tuple[float, int]] = []
    segments = iter(answer.segments)
    segment = next(segments, None)
    raw_end = 0
    for when, size in pieces:
        raw_start, raw_end = raw_end, raw_end + size
        count = 0
        while segment is not None and segment.raw < raw_end:
            segment_end = segment.raw + segment.size
            count += max(0, min(segment_end, raw_end) - max(segment.raw, raw_start))
            if segment_end > raw_end:
                break
            segment = next(segments, None)
        if count:
            arrived.append((when, count))
    return tuple(arrived)


def decoded_body(answer: Answer, *, limit: int) -> tuple[bytes, str | None]:
    """Undo the content codings gzip and deflate (RFC 9110, 8.4) and say what went wrong, if anything.

    No coding gives more than ``limit`` bytes. Beside a problem stands what could be had: the bytes up to the
    limit or well before the damage, or the bytes as they were where the coding is unknown or was not applied.
    """
    codings = [name for name in _listed(answer, "content-encoding") if name != "identity"]
    body = answer.body
    if len(codings) > _MOST_CODINGS:
        return body, f"{len(codings)} content-encodings on one body"
    problem = None
    while body and codings and not problem:
        body, problem = _undo(codings.pop(), body, limit)
    return body, problem


def _undo(name: str, body: bytes, limit: int) -> tuple[bytes, str | None]:
    if name in {"gzip", "x-gzip"}:
        if not body.startswith(_GZIP_MAGIC[: len(body)]):
            return body, f"content-encoding {name} but the body is not gzip"
        return _inflate(name, body, limit, 16 + zlib.MAX_WBITS)
    if name == "deflate":
        # The coding is the zlib format (RFC 9110, 8.4.1.2), but every client takes bare deflate data as well.
        is_zlib = body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0
        decoded, problem = _inflate(name, body, limit, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
        if problem == _DAMAGED and not is_zlib:
            return body, "content-encoding deflate but the body is not deflate"
        return decoded, problem
    return body, f"unknown encoding {name[:_EXCERPT].encode('unicode_escape').decode('ascii')}"


def _inflate(name: str, body: bytes, limit: int, wbits: int) -> tuple[bytes, str | None]:
    """Decompress in small steps: zlib copies what it leaves over, and gzip members can be tiny and many."""
    parts: list[bytes] = []
    room = limit
    at = 0
    engine = zlib.decompressobj(wbits)
    while at < len(body):
        step = body[at : at + _INFLATE_STEP]
        try:
            # One byte more than there is room for tells a body of just the limit from a larger one.
            part = engine.decompress(step, room + 1)
        except zlib.error:
            return b"".join(parts), _DAMAGED
        if len(part) > room:
            return b"".join([*parts, part[:room]]), f"larger than {limit} bytes"
        parts.append(part)
        room -= len(part)
        at += len(step) - len(engine.unused_data)
        if engine.eof and at < len(body):
            if name == "deflate" or not body.startswith(_GZIP_MAGIC, at):
                return b"".join(parts), f"{len(body) - at} bytes after the end of the {name} data"
            engine = zlib.decompressobj(wbits)
    return b"".join(parts), None if engine.eof else f"the {name} data ends early"


def _listed(answer: Answer, name: str) -> list[str]:
    """Return the elements of a list-valued header (RFC 9110, 5.6.1) in lower case."""
    elements = (part.strip(_BLANK).lower() for value in answer.all(name) for part in value.split(","))
    return [element for element in elements if element]


def _decimal(text: str) -> int | None:
    """Read a content-length; None when it is no plain number of a size that a body can have."""
    digits = text.lstrip("0") or "0"
    sound = text and text.isascii() and text.isdigit() and len(digits) <= _MOST_DECIMAL_DIGITS
    return int(digits) if sound else None


class _Reader:
    """A place in the bytes of a connection, and what was odd on the way there."""

    __slots__ = ("_at", "_closed", "_odd", "_raw")

    def __init__(self, raw: bytes, *, closed: bool) -> None:
        self._raw = raw
        self._closed = closed
        self._at = 0
        self._odd: dict[str, tuple[bytes, int]] = {}

    def odd(self, what: str, detail: bytes = b"") -> None:
        """Note something odd, once a kind: a hostile answer can have it a million times."""
        first, times = self._odd.get(what, (detail, 0))
        self._odd[what] = (first, times + 1)

    def missing(self, what: str) -> None:
        """Note that something did not come, if it cannot come any more."""
        if self._closed:
            self.odd(what)

    def noted(self) -> tuple[str, ...]:
        """Return every note as one line of printable text."""
        return tuple(
            what + (f": {detail[:_EXCERPT]!r}" if detail else "") + (f" ({times} times)" if times > 1 else "")
            for what, (detail, times) in self._odd.items()
        )

    def head(self) -> Answer | None:
        """Read a status line (RFC 9112, 4) and its fields; None, and nothing read, when there is none."""
        start = self._at
        line = self._line()
        while line == b"":
            self.odd("empty line before the status line")
            line = self._line()
        match = None if line is None else _STATUS_LINE.fullmatch(line)
        if line is None or match is None:
            self._at = start
            return None
        version, gap, status, space, reason = match.groups()
        if version not in {b"1.0", b"1.1"}:
            self.odd("version of HTTP is not 1.0 or 1.1", line)
        if status[:1] not in b"12345":
            self.odd("status is not between 100 and 599", line)
        if (gap, space) != (b" ", b" ") or _CONTROL.search(reason):
            self.odd("bad blanks or control characters in the status line", line)
        headers, finished = self._fields("header")
        if not finished:
            self.missing("the connection ended inside the head")
        return Answer(
            version=version.decode("ascii"),
            status=int(status),
            reason=(reason or b"").decode("latin-1").strip(_BLANK),
            headers=headers,
            interim=(),
            body=b"",
            segments=(),
            framing="none",
            trailers=(),
            complete=finished,
            leftover=b"",
            notes=(),
            head_size=self._at if finished else len(self._raw),
        )

    def body(self, head: Answer, method: str) -> Answer:
        """Read the body that follows a finished head."""
        framing, length = self._framing(head, method)
        if framing == "chunked":
            segments, trailers, complete = self._chunks()
        else:
            start, trailers = self._at, ()
            self._at = len(self._raw) if framing == "close" else min(start + length, len(self._raw))
            size = self._at - start
            segments = [Segment(0, start, size)] if size else []
            complete = self._closed if framing == "close" else size == length
            if framing == "length" and not complete:
                self.missing(f"the connection ended after {size} of {length} bytes of the body")
        return replace(
            head,
            body=b"".join(self._raw[s.raw : s.raw + s.size] for s in segments),
            segments=tuple(segments),
            framing=framing,
            trailers=trailers,
            complete=complete,
            leftover=self._raw[self._at :] if complete else b"",
        )

    def _framing(self, head: Answer, method: str) -> tuple[Framing, int]:
        """Decide how the body ends, and its length where that says it (RFC 9112, 6.3)."""
        if method == "HEAD" or head.status in _BODILESS:
            return "none", 0
        codings = [coding for coding in _listed(head, "transfer-encoding") if coding != "identity"]
        lengths = _listed(head, "content-length")
        if len(lengths) > 1:
            self.odd("several content-lengths", ", ".join(lengths).encode("latin-1"))
        if codings:
            if lengths:
                self.odd("both transfer-encoding and content-length")
            if head.version == "1.0":
                self.odd("transfer-encoding in HTTP/1.0")
            if codings != ["chunked"]:
                self.odd("transfer-encoding is not just chunked", ", ".join(codings).encode("latin-1"))
            return ("chunked", 0) if codings[-1] == "chunked" else ("close", 0)
        numbers = {_decimal(length) for length in lengths}
        number = numbers.pop() if len(numbers) == 1 else None
        if number is not None:
            return "length", number
        if lengths:
            self.odd("content-length says no length", ", ".join(lengths).encode("latin-1"))
        return "close", 0

    def _chunks(self) -> tuple[list[Segment], Headers, bool]:
        """Read chunks up to the last one and the trailers (RFC 9112, 7.1)."""
        segments: list[Segment] = []
        total = 0
        while length := self._chunk_length():
            size = min(length, len(self._raw) - self._at)
            if size:
                segments.append(Segment(total, self._at, size))
            total += size
            self._at += size
            if size < length:
                self.missing("the connection ended inside a chunk")
                return segments, (), False
            if not self._chunk_end():
                return segments, (), False
        if length is None:
            return segments, (), False
        trailers, finished = self._fields("trailer")
        if not finished:
            self.missing("the connection ended inside the trailers")
        return segments, trailers, finished

    def _chunk_length(self) -> int | None:
        line = self._line()
        if line is None:
            self.missing("the final chunk is missing")
            return None
        match = _CHUNK_LINE.fullmatch(line)
        digits = match[1].lstrip(b"0") if match else b""
        if match is None or len(digits) > _MOST_HEX_DIGITS:
            self.odd("bad chunk size", line)
            return None
        if match[2]:
            self.odd("blanks after the chunk size", line)
        return int(digits or b"0", 16)

    def _chunk_end(self) -> bool:
        """Step over the line end after the data of a chunk; False when there is none."""
        rest = self._raw[self._at : self._at + 2]
        if rest.startswith(b"\n"):
            self.odd("line ends in LF without CR")
            self._at += 1
            return True
        if rest == b"\r\n":
            self._at += 2
            return True
        if rest in {b"", b"\r"}:
            self.missing("the connection ended inside a chunk")
        else:
            self.odd("no line end after the data of a chunk", self._raw[self._at : self._at + _EXCERPT])
        return False

    def _fields(self, what: str) -> tuple[Headers, bool]:
        """Read field lines (RFC 9112, 5) up to the empty line; also tell whether it came."""
        fields: list[tuple[str, list[str]]] = []
        while line := self._line():
            if line.startswith((b" ", b"\t")):
                self.odd(f"folded {what} line", line)
                if fields:
                    fields[-1][1].append(line.decode("latin-1").strip(_BLANK))
                continue
            if _CONTROL.search(line):
                self.odd(f"control character in a {what} line", line)
            name, colon, value = line.partition(b":")
            if not colon or not _TOKEN.fullmatch(name):
                self.odd(f"bad {what} line", line)
            if colon:
                fields.append(
                    (name.decode("latin-1").strip(_BLANK).lower(), [value.decode("latin-1").strip(_BLANK)])
                )
        return tuple((name, " ".join(values)) for name, values in fields), line is not None

    def _line(self) -> bytes | None:
        """Return the next line without its end, or None when no whole line is left."""
        end = self._raw.find(b"\n", self._at)
        if end < 0:
            return None
        line = self._raw[self._at : end]
        self._at = end + 1
        if line.endswith(b"\r"):
            return line[:-1]
        self.odd("line ends in LF without CR")
        return line
