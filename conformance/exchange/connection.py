"""One connection of asyncio, with the words and the errors of the HTTP library's network.

The library's own goes through two more layers, and asks the system before each request whether an idle connection was
closed; this one is told by the event loop. Of what the target sends no more than :data:`MOST_WAITING` bytes wait in
memory to be read: then the target has to wait.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpcore

MOST_WAITING: Final = 256 * 1024
"""Bytes that may wait to be read before the connection stops listening."""

NEXT_ADDRESS_AFTER: Final = 0.25
"""Seconds after which the next address of a host is tried beside the first (RFC 8305, 5)."""

_ERROR_NUMBER: Final = re.compile(r"\[Errno (\d+)\]")


async def connect(host: str, port: int, *, timeout: float | None) -> Connection:  # noqa: ASYNC109 - the library's word
    """Connect to the first address of a host that takes the connection.

    Raises:
        httpcore.ConnectError: none does, or the host has no address; the cause is the error of the system.
        httpcore.ConnectTimeout: none did in time.

    """
    loop = asyncio.get_running_loop()
    with _as(httpcore.ConnectError, httpcore.ConnectTimeout):
        async with asyncio.timeout(timeout):
            try:
                _, connection = await loop.create_connection(
                    Connection, host, port, happy_eyeballs_delay=NEXT_ADDRESS_AFTER
                )
            except OSError as error:
                raise _told_apart(error) from error
    return connection


class Connection(asyncio.Protocol):
    """A connection, and what the event loop told of it."""

    def __init__(self) -> None:
        """Begin unconnected."""
        self._transport: asyncio.Transport | None = None
        self._waiting = bytearray()
        self._ended = self._closed = self._full = False
        self._lost_by: Exception | None = None
        self._news, self._may_write = asyncio.Event(), asyncio.Event()
        self._may_write.set()

    @property
    def transport(self) -> asyncio.Transport:
        """What carries the bytes; after :meth:`start_tls`, those inside."""
        assert self._transport is not None, "connect first"
        return self._transport

    @property
    def has_news(self) -> bool:
        """Whether bytes wait to be read, or the target has closed: of an idle connection, that it is of no use."""
        return bool(self._waiting) or self._ended

    async def read(self, most: int, timeout: float | None) -> bytes:  # noqa: ASYNC109 - the library's word
        """Return what came, at most so many bytes; none once the target has closed.

        Raises:
            httpcore.ReadError: the connection broke, or was closed here.
            httpcore.ReadTimeout: nothing came in time.

        """
        if not self.has_news:
            self._news.clear()
            with _as(httpcore.ReadError, httpcore.ReadTimeout):
                async with asyncio.timeout(timeout):
                    await self._news.wait()
        data = bytes(self._waiting[:most])
        del self._waiting[:most]
        if data:
            if self._full and not self._waiting:
                self._full = False
                self.transport.resume_reading()
            return data
        if self._closed or self._lost_by:
            raise httpcore.ReadError from self._lost_by
        return b""

    async def write(self, data: bytes, timeout: float | None) -> None:  # noqa: ASYNC109 - the library's word
        """Send, as fast as the target takes it.

        Raises:
            httpcore.WriteError: the connection broke, or was closed here.
            httpcore.WriteTimeout: the target did not take it in time.

        """
        if not self.transport.is_closing():
            self.transport.write(data)
            with _as(httpcore.WriteError, httpcore.WriteTimeout):
                async with asyncio.timeout(timeout):
                    await self._may_write.wait()
        if self.transport.is_closing():
            raise httpcore.WriteError from self._lost_by

    async def start_tls(self, context: ssl.SSLContext, host: str | None, timeout: float | None) -> None:  # noqa: ASYNC109
        """Set up TLS; from here on, what is read and written is inside.

        Raises:
            httpcore.ConnectError: the target does not, or its certificate is not accepted; the cause says why.
            httpcore.ConnectTimeout: it was not done in time.

        """
        loop = asyncio.get_running_loop()
        with _as(httpcore.ConnectError, httpcore.ConnectTimeout):
            async with asyncio.timeout(timeout):
                self._transport = await loop.start_tls(self.transport, self, context, server_hostname=host)

    def close(self) -> None:
        """Close without waiting; what was not sent yet is dropped."""
        self._closed = True
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take what carries the bytes."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Keep what came until it is read."""
        self._waiting += data
        if len(self._waiting) > MOST_WAITING and not self._full:
            self._full = True
            self.transport.pause_reading()
        self._news.set()

    def eof_received(self) -> bool:
        """Note that nothing more will come; what is being sent may still go out (TLS does not allow it)."""
        self._ended = True
        self._news.set()
        return self.transport.get_extra_info("sslcontext") is None

    def connection_lost(self, error: Exception | None) -> None:
        """Note that nothing more will come or go."""
        self._ended, self._lost_by = True, error
        self._news.set()
        self._may_write.set()

    def pause_writing(self) -> None:
        """Let the writer wait."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """Let the writer go on."""
        self._may_write.set()


@contextmanager
def _as(broken: type[Exception], late: type[Exception]) -> Iterator[None]:
    """Turn the errors of asyncio into those of the library."""
    try:
        yield
    except TimeoutError as error:
        raise late from error
    except (OSError, ssl.SSLError) as error:
        raise broken from error


def _told_apart(error: OSError) -> OSError:
    """Return the error of the last address where those of several are one text: it has no number, and no kind."""
    numbers = _ERROR_NUMBER.findall(str(error)) if error.errno is None else []
    return OSError(int(numbers[-1]), os.strerror(int(numbers[-1]))) if numbers else error
