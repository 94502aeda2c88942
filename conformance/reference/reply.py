"""What goes in and out of the reference gateway: a received request, and a reply down to its last byte."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

Headers = tuple[tuple[str, str], ...]


class Received(Struct, frozen=True):
    """One HTTP request. Names of ``headers`` are lower case; ``path`` has no query; ``number`` is from 1.

    ``spelled`` are the names of the headers as the client wrote them. ``beside`` is how many others were under way.
    """

    number: int
    method: str
    path: str
    headers: Headers
    body: bytes
    spelled: tuple[str, ...] = ()
    beside: int = 0

    def header(self, name: str) -> str | None:
        """Return the first value of the header ``name`` (lower case), or None."""
        return next((value for other, value in self.headers if other == name), None)


class Framing(StrEnum):
    """How the end of the body is marked (RFC 9112, section 6)."""

    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"


class Ending(StrEnum):
    """What happens after the last byte."""

    KEEP = "keep"
    """The connection stays open for the next request."""
    CLOSE = "close"
    """The connection is closed in order; with a cut body this is a truncated message."""
    RESET = "reset"
    """The connection is reset (RST)."""
    HANG = "hang"
    """Nothing more comes, and the connection is not closed before the client closes it."""


class Reply(Struct, frozen=True):
    """An HTTP answer. ``writes`` are the pieces of the body, flushed one by one, ``pause`` seconds apart.

    ``wait`` is the time in seconds before the head, ``stall`` the time between the head and the body.
    ``cut`` is the number of bytes of the framed body after which the connection ends, None for all. ``raw``
    replaces head and body. ``line_end`` is what ends each line of the head.
    """

    status: int
    headers: Headers
    writes: tuple[bytes, ...]
    framing: Framing = Framing.LENGTH
    pause: float = 0.0
    wait: float = 0.0
    stall: float = 0.0
    ending: Ending = Ending.KEEP
    cut: int | None = None
    raw: bytes | None = None
    line_end: str = "\r\n"

    @property
    def body(self) -> bytes:
        """The whole body before framing."""
        return b"".join(self.writes)
