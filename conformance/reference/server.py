"""How the reference gateway listens: HTTP/1.1, requests read with h11, replies written byte by byte.

The server knows nothing of chat. It hands each request to a function and writes the :class:`Reply` that it
returns: the pieces of the body one by one, flushed, with the pauses, cuts and endings that the reply asks
for.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import struct
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

import h11

from conformance.reference import wire
from conformance.reference.refusal import Refused
from conformance.reference.reply import Ending, Framing, Received, Reply

LARGEST_BODY: Final = 64 * 1024 * 1024
"""Bytes of a request body that are read; more is refused with 413."""
MOST_PAUSES: Final = 10
"""Pauses within one body: more pieces share them evenly, so that the time of a whole stream has a bound."""
_READ: Final = 1 << 16
_LINGER_NONE: Final = struct.pack("ii", 1, 0)

Respond = Callable[[Received], Reply]


class Listener:
    """Serves connections with one function; numbers the requests from 1."""

    def __init__(self, respond: Respond) -> None:
        """Keep ``respond``, which is called once for each request and must not block."""
        self._respond = respond
        self._numbers = itertools.count(1)
        self._under_way = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> asyncio.Server:
        """Listen; port 0 takes any free port.

        Raises:
            OSError: the address cannot be bound.

        """
        return await asyncio.start_server(self._connected, host, port, limit=_READ * 4, backlog=512)

    async def stop(self) -> None:
        """Drop every open connection and wait until its task has ended."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, one after the other."""
        _send_at_once(writer)
        early = b""
        while True:
            parser = h11.Connection(h11.SERVER)
            if early:
                parser.receive_data(early)
            try:
                head = await _head(parser, reader)
                if head is None:
                    return
                received = await self._request(head, parser, reader, writer)
            except Refused as refused:
                reply = Reply(
                    refused.status,
                    (("content-type", "application/json"),),
                    (wire.dump(wire.error(refused)),),
                    ending=Ending.CLOSE,
                )
                await _write(writer, reader, reply, modern=True, bodyless=False)
                return
            modern = head.http_version >= b"1.1"
            keep = modern and not _asks_to_close(received)
            self._under_way += 1
            try:
                reply = self._respond(received)
                ending = await _write(
                    writer, reader, reply, modern=modern, bodyless=received.method == "HEAD", keep=keep
                )
            finally:
                self._under_way -= 1
            if ending is not Ending.KEEP:
                return
            early, closed = parser.trailing_data
            if closed:
                return

    async def _request(
        self,
        head: h11.Request,
        parser: h11.Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> Received:
        body = await _body(parser, reader, writer)
        target = head.target.decode("ascii", "replace")
        return Received(
            number=next(self._numbers),
            method=head.method.decode("ascii"),
            path=unquote(target.partition("?")[0]),
            headers=tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers),
            body=body,
            spelled=tuple(name.decode("ascii") for name, _ in head.headers.raw_items()),
            beside=self._under_way,
        )


def _send_at_once(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def _head(parser: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """Return the next request line and headers; None when the client has gone."""
    while True:
        event = _next(parser)
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            return None
        data = await reader.read(_READ)
        if not data:
            return None
        parser.receive_data(data)


async def _body(parser: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Return the whole request body; tell a client that waits for it to go on."""
    pieces: list[bytes] = []
    size = 0
    while True:
        event = _next(parser)
        if isinstance(event, h11.EndOfMessage):
            return b"".join(pieces)
        if isinstance(event, h11.Data):
            pieces.append(bytes(event.data))
            size += len(event.data)
            if size > LARGEST_BODY:
                raise Refused(f"The request body is larger than {LARGEST_BODY} bytes.", status=413)
            continue
        if parser.they_are_waiting_for_100_continue:
            parser.send(h11.InformationalResponse(status_code=100, headers=[]))
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
        parser.receive_data(await reader.read(_READ))


def _next(parser: h11.Connection) -> object:
    try:
        return parser.next_event()
    except h11.RemoteProtocolError as error:
        status = error.error_status_hint or 400
        raise Refused(f"This is not an HTTP/1.1 request: {error}.", status=status) from None


def _asks_to_close(received: Received) -> bool:
    return any(name == "connection" and "close" in value.lower() for name, value in received.headers)


async def _write(
    writer: asyncio.StreamWriter,
    reader: asyncio.StreamReader,
    reply: Reply,
    *,
    modern: bool,
    bodyless: bool,
    keep: bool = False,
) -> Ending:
    """Write ``reply`` and return what becomes of the connection."""
    if reply.framing is Framing.CHUNKED and not modern:
        keep = False
    framing = Framing.CLOSE if reply.framing is Framing.CHUNKED and not modern else reply.framing
    ending = reply.ending
    if ending is Ending.KEEP and (not keep or framing is Framing.CLOSE or reply.cut is not None):
        ending = Ending.CLOSE
    if reply.wait:
        await asyncio.sleep(reply.wait)
    if reply.raw is not None:
        writer.write(reply.raw)
    else:
        writer.write(head_bytes(reply, framing, ending))
        if reply.stall:
            await writer.drain()
            await asyncio.sleep(reply.stall)
        if not bodyless:
            await _write_pieces(writer, list(pieces(reply, framing)), reply.pause)
    await writer.drain()
    if ending is Ending.RESET:
        _reset(writer)
    elif ending is Ending.HANG:
        while await reader.read(_READ):
            pass
    return ending


async def _write_pieces(writer: asyncio.StreamWriter, body: list[bytes], pause: float) -> None:
    every = -(-len(body) // MOST_PAUSES)
    for number, piece in enumerate(body):
        if pause and number and (number % every == 0 or number == len(body) - 1):
            await asyncio.sleep(pause)
        writer.write(piece)
        await writer.drain()


def head_bytes(reply: Reply, framing: Framing, ending: Ending) -> bytes:
    """Return the status line and the headers, with those that HTTP needs and the reply does not name."""
    named = {name.lower() for name, _ in reply.headers}
    headers = [*reply.headers]
    if "date" not in named:
        headers.append(("date", formatdate(usegmt=True)))
    if not named & {"content-length", "transfer-encoding"}:
        if framing is Framing.CHUNKED:
            headers.append(("transfer-encoding", "chunked"))
        elif framing is Framing.LENGTH and reply.status not in {204, 304}:
            headers.append(("content-length", str(len(reply.body))))
    if ending is not Ending.KEEP and "connection" not in named:
        headers.append(("connection", "close"))
    lines = [
        f"HTTP/1.1 {reply.status} {_reason(reply.status)}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "".join(line + reply.line_end for line in (*lines, "")).encode("utf-8", "surrogateescape")


def pieces(reply: Reply, framing: Framing) -> Iterator[bytes]:
    """Yield the bytes after the head as they are to be flushed, up to the cut."""
    left = reply.cut
    for piece in _framed(reply, framing):
        if left is None:
            yield piece
        elif left > 0:
            yield piece[:left]
            left -= len(piece)


def _framed(reply: Reply, framing: Framing) -> Iterator[bytes]:
    for piece in reply.writes:
        if piece:
            yield b"%x\r\n%b\r\n" % (len(piece), piece) if framing is Framing.CHUNKED else piece
    if framing is Framing.CHUNKED:
        yield b"0\r\n\r\n"


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the client sees a reset (RST) and not an orderly end."""
    connection: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
    writer.transport.abort()
