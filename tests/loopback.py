"""Small servers on loopback that answer with exact bytes, for tests of what sends requests."""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from msgspec import Struct, field

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


class Connection(Struct):
    """One accepted connection; ``number`` counts from 1."""

    number: int
    reader: Reader
    writer: Writer
    server: "Server"

    async def request(self) -> bytes:
        """Read one request (head and body by its Content-Length) and remember it."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        whole = head + await self.reader.readexactly(length)
        self.server.requests.append(whole)
        return whole

    async def say(self, *parts: bytes) -> None:
        """Write the parts one by one."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def flood(self, part: bytes) -> None:
        """Write the same bytes until the other side has enough."""
        while True:
            await self.say(part)

    def reset(self) -> None:
        """Close with RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Server(Struct):
    """A server under way: where it is and what it was asked."""

    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


Script = Callable[[Connection], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Run ``script`` once for each connection; the connection is closed when the script ends."""
    server = Server()
    tasks: set[asyncio.Task[None]] = set()

    async def run(reader: Reader, writer: Writer) -> None:
        server.connections += 1
        connection = Connection(server.connections, reader, writer, server)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await script(connection)
        writer.close()

    def accept(reader: Reader, writer: Writer) -> None:
        task = asyncio.get_running_loop().create_task(run(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


@contextlib.contextmanager
def handling(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve with a handler of the standard library, in a thread of its own, and yield the base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def answer(body: bytes = b"ok", *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Return a plain answer with a Content-Length."""
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def replying(*parts: bytes) -> Script:
    """Return a script that answers every request of a connection with these bytes."""

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.say(*parts)

    return script


def replying_once(*parts: bytes) -> Script:
    """Return a script that answers one request with these bytes and closes."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(*parts)

    return script


def flooding(start: bytes, again: bytes) -> Script:
    """Return a script that says ``start`` and then the same bytes until the other side has enough."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(start)
        await connection.flood(again)

    return script
