"""Keeps every byte that is read from a connection, below the HTTP library, and when it came.

The library shows a body without its chunk framing and drops everything when a head is malformed; its network
layer sees it all. A *tape* belongs to one exchange; connections are reused, so the tape under way is found
through a context variable. The bounds on bytes are enforced here, before a read, whatever the library makes
of the bytes.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any, Final

import httpcore
from msgspec import Struct, field

from conformance.exchange.connection import Connection, connect
from conformance.exchange.limits import Limits

MOST_PIECES: Final = 10_000
"""Reads whose times are kept one by one; later reads are added to the last one, with the newest time."""

TOO_LONG: Final = "Receive buffer too long"
"""How the HTTP library says that a line has no end."""

_DRAIN_PATIENCE: Final = 0.25
_MALFORMED_AT: Final = frozenset(
    {"http11.receive_response_headers.failed", "http11.receive_response_body.failed"}
)

current_tape: ContextVar[Tape] = ContextVar("current_tape")
"""The tape of the exchange that this task is sending."""


class LimitReached(Exception):  # noqa: N818 - it ends an exchange and is no error of ours
    """The answer is larger than the limits allow."""


class Tape(Struct):
    """What one exchange has read so far.

    ``began`` and ``sent`` are monotonic times in seconds; ``stage`` says how far the exchange got. ``reused``
    says that the connection had carried another exchange before, ``ended`` that the target closed it.
    """

    limits: Limits
    began: float = field(default_factory=time.perf_counter)
    sent: float | None = None
    raw: bytearray = field(default_factory=bytearray)
    pieces: list[tuple[float, int]] = field(default_factory=list)
    stage: str = "connect"
    in_head: bool = True
    reused: bool = False
    ended: bool = False
    connection: TappedStream | None = None

    def elapsed(self) -> float:
        """Return seconds since the first byte was sent, or since the start when none was."""
        return time.perf_counter() - (self.began if self.sent is None else self.sent)

    def forget(self) -> None:
        """Drop what a proxy said before it let the exchange through, and begin anew."""
        self.raw.clear()
        self.pieces.clear()
        self.sent, self.connection, self.ended = None, None, False

    def shorten(self, size: int) -> None:
        """Keep the first bytes alone."""
        excess = len(self.raw) - size
        while excess > 0:
            when, last = self.pieces.pop()
            if last > excess:
                self.pieces.append((when, last - excess))
            excess -= last
        del self.raw[size:]

    def room(self) -> int:
        """Return how many bytes may be read.

        Raises:
            LimitReached: none.

        """
        size = len(self.raw)
        if self.in_head and size >= self.limits.max_head:
            raise LimitReached(f"no end of the head after {size} bytes")
        if size >= self.limits.max_bytes:
            raise LimitReached(f"the answer has more than {self.limits.max_bytes} bytes")
        return self.limits.max_bytes - size

    def add(self, data: bytes) -> None:
        """Keep what a read returned; no bytes mean that the target closed the connection."""
        if not data:
            self.ended = True
            return
        self.raw += data
        piece = (round(self.elapsed(), 6), len(data))
        if len(self.pieces) < MOST_PIECES:
            self.pieces.append(piece)
        else:
            self.pieces[-1] = (piece[0], self.pieces[-1][1] + piece[1])

    async def on_event(self, name: str, info: Mapping[str, Any]) -> None:
        """Take an event of the HTTP library: when it gives up on a malformed answer, read the rest of it."""
        if name in _MALFORMED_AT:
            error = info["exception"]
            if isinstance(error, httpcore.RemoteProtocolError) and not str(error).startswith(TOO_LONG):
                await self._drain()

    async def _drain(self) -> None:
        """Read until the target closes or falls silent; the deadline and the limits hold as before."""
        if self.connection is None:
            return
        try:
            while not self.ended:
                await self.connection.read(65536, timeout=_DRAIN_PATIENCE)
        except (httpcore.ReadTimeout, httpcore.ReadError, LimitReached):
            return


class TappedStream(httpcore.AsyncNetworkStream):
    """A connection whose reads go to the tape of the exchange under way."""

    def __init__(self, connection: Connection, opener: Tape) -> None:
        """Tap a connection that was opened for the exchange of ``opener``."""
        self._connection, self._opener = connection, opener
        self._spoiled = False

    def spoil(self) -> None:
        """Never use this connection for another exchange: bytes that belong to no answer came on it."""
        self._spoiled = True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - the interface
        """Read, and keep what was read."""
        tape = current_tape.get()
        data = await self._connection.read(min(max_bytes, tape.room()), timeout)
        tape.add(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the interface
        """Write; the first write of an exchange starts its clock."""
        tape = current_tape.get()
        if tape.sent is None:
            tape.sent, tape.stage = time.perf_counter(), "answer"
            tape.connection, tape.reused = self, tape is not self._opener
        await self._connection.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        self._connection.close()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface
    ) -> TappedStream:
        """Begin TLS; the bytes that are kept are those inside."""
        self._opener.forget()
        self._opener.stage = "tls"
        try:
            await self._connection.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:  # the library closes the connection on errors, but not at the deadline
            await self.aclose()
            raise
        return TappedStream(self._connection, self._opener)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the interface
        """Answer the pool; an idle connection that is readable is one that it closes."""
        if info == "is_readable":
            return self._spoiled or self._connection.has_news
        return self._connection.transport.get_extra_info(info)


class Tap(httpcore.AsyncNetworkBackend):
    """Opens connections that are tapped."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface
        local_address: str | None = None,  # noqa: ARG002 - the sender asks for none, nor for options
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> TappedStream:
        """Connect for the exchange under way."""
        tape = current_tape.get()
        return TappedStream(await connect(host, port, timeout=timeout), tape)

    async def sleep(self, seconds: float) -> None:
        """Wait, as the interface asks for."""
        await asyncio.sleep(seconds)
