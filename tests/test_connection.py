"""A connection gives what came in order, says how it ended, and lets no target fill the memory."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import httpcore
import pytest

from conformance.exchange.connection import MOST_WAITING, Connection, connect

HOST = "127.0.0.1"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Use = Callable[[Connection], Awaitable[None]]


def talk(serve: Serve, use: Use) -> None:
    """Use one connection to a server."""

    async def main() -> None:
        served = asyncio.Event()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(reader, writer)
            finally:
                writer.close()
                served.set()

        async with await asyncio.start_server(accept, HOST, 0) as server:
            connection = await connect(HOST, server.sockets[0].getsockname()[1], timeout=5)
            try:
                await use(connection)
            finally:
                connection.close()
            await served.wait()

    asyncio.run(main())


def test_what_came_is_read_before_the_end_is_told():
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"abcdef")

    async def use(connection: Connection) -> None:
        assert await connection.read(4, None) + await connection.read(4, None) == b"abcdef"
        assert await connection.read(4, None) == b""
        assert connection.has_news

    talk(serve, use)


def test_a_broken_connection_is_told_after_what_came():
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"ab")
        await reader.readexactly(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    async def use(connection: Connection) -> None:
        assert await connection.read(9, None) == b"ab"
        await connection.write(b"x", None)
        with pytest.raises(httpcore.ReadError):
            await connection.read(9, None)
        with pytest.raises(httpcore.WriteError):
            await connection.write(b"x", None)

    talk(serve, use)


def test_a_silent_target_is_waited_for_as_long_as_asked():
    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async def use(connection: Connection) -> None:
        assert not connection.has_news
        with pytest.raises(httpcore.ReadTimeout):
            await connection.read(9, 0.01)

    talk(serve, use)


def test_a_target_that_sends_faster_than_is_read_has_to_wait():
    flood = b"x" * 65_536

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _number in range(400):  # far more than the buffers of the system hold
            writer.write(flood)
            await writer.drain()

    async def use(connection: Connection) -> None:
        got = 0
        while data := await connection.read(100_000, None):
            got += len(data)
            assert len(connection._waiting) <= MOST_WAITING + 512 * 1024
            await asyncio.sleep(0)
        assert got == 400 * len(flood)

    talk(serve, use)


def test_a_large_request_goes_out_whole():
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"%d" % len(await reader.readexactly(5_000_000)))

    async def use(connection: Connection) -> None:
        await connection.write(b"x" * 5_000_000, None)
        assert await connection.read(99, None) == b"5000000"

    talk(serve, use)


def test_a_host_none_of_whose_addresses_takes_connections_has_refused(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server((HOST, 0)) as closed:
        port = closed.getsockname()[1]
    several = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in (HOST, "127.0.0.2")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: several)

    async def use() -> None:
        await connect("two.test", port, timeout=5)

    with pytest.raises(httpcore.ConnectError) as refused:
        asyncio.run(use())
    assert isinstance(refused.value.__cause__, ConnectionRefusedError)
