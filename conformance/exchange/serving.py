"""Serves a marked document to a target on this machine, for one exchange at a time, and counts how often it is fetched.

A target elsewhere gets what the plan holds. For one on a loopback address a server listens on a loopback port of its
own from the first request that has a document to the end of the run. Each document has a path that nobody can guess,
which is there as long as its exchange is under way and only there: whatever fetches it is the target, on behalf of
that exchange. What connects gets so many bytes and so much time, and no more.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from types import TracebackType
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from conformance.exchange.limits import Limits
from conformance.exchange.sender import Sender
from conformance.model import Exchange, Request
from conformance.served import at_address, document_in
from conformance.target import Target

HOST: Final = "127.0.0.1"
MOST_HEAD: Final = 16 * 1024
"""Bytes of a request's head that are read."""
MOST_TIME: Final = 5.0
"""Seconds after which a connection is closed, whatever it did."""
MOST_CONNECTIONS: Final = 16
"""Connections at once; a further one is closed at once."""
_TOKEN_BYTES: Final = 18


def sender_for(target: Target, *, limits: Limits, concurrency: int) -> Sender:
    """Return what sends to a target: to one on this machine, with documents that it can fetch."""
    kind = ServingSender if target.local else Sender
    return kind(target, limits=limits, concurrency=concurrency)


class ServingSender(Sender):
    """A sender that puts an address of its own in place of the data URL of a document, and counts what comes for it.

    Where no port can be had the request goes out as it was planned.
    """

    def __init__(self, target: Target, *, limits: Limits, concurrency: int) -> None:
        """Prepare for a target; nothing listens and nothing is sent."""
        super().__init__(target, limits=limits, concurrency=concurrency)
        self._documents = Documents()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections, and listen no more."""
        await self._documents.close()
        await super().__aexit__(kind, error, trace)

    async def send(self, request: Request, **more: Any) -> Exchange:  # noqa: ANN401 - as the sender's own
        """Send a request, see :meth:`Sender.send`; a document that it has is served until the answer is there."""
        content = document_in(request)
        document = await self._documents.offer(content) if content is not None else None
        if document is None:
            return await super().send(request, **more)
        try:
            exchange = await super().send(at_address(request, document.url), **more)
        finally:
            self._documents.withdraw(document)
        return replace(exchange, fetched=document.fetched)


class Document(Struct):
    """A document that is served; ``fetched`` counts the answers with it."""

    url: str
    path: str
    content: bytes
    fetched: int = 0


class Documents(Struct):
    """The server; it begins to listen with the first document."""

    _server: asyncio.Server | None = None
    _offered: dict[str, Document] = field(default_factory=dict)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)
    _beginning: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def offer(self, content: bytes) -> Document | None:
        """Serve a document from now on; None when nothing can listen here."""
        async with self._beginning:
            if self._server is None:
                try:
                    self._server = await asyncio.start_server(self._accept, HOST, 0, limit=MOST_HEAD)
                except OSError:
                    return None
        port = self._server.sockets[0].getsockname()[1]
        path = f"/{secrets.token_urlsafe(_TOKEN_BYTES)}.pdf"
        document = self._offered[path] = Document(f"http://{HOST}:{port}{path}", path, content)
        return document

    def withdraw(self, document: Document) -> None:
        """Serve a document no longer; what it counted stays."""
        del self._offered[document.path]

    async def close(self) -> None:
        """Listen no more and drop every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            if len(self._under_way) <= MOST_CONNECTIONS:
                with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                    async with asyncio.timeout(MOST_TIME):
                        writer.write(self._answer(await reader.readuntil(b"\r\n\r\n")))
                        await writer.drain()
        finally:
            self._under_way.discard(task)
            writer.close()

    def _answer(self, head: bytes) -> bytes:
        """Return the answer to the head of a request; one with the document counts."""
        method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        document = self._offered.get(rest.partition(" ")[0])
        if document is None or method not in {"GET", "HEAD"}:
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        fields = (
            "HTTP/1.1 200 OK",
            "Content-Type: application/pdf",
            f"Content-Length: {len(document.content)}",
            "Cache-Control: no-store",
            "Connection: close",
        )
        answer = "".join(f"{line}\r\n" for line in (*fields, "")).encode("ascii")
        if method == "HEAD":
            return answer
        document.fetched += 1
        return answer + document.content
