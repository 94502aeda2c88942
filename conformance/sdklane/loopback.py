"""Serves recorded bytes on loopback, one connection at a time; knows of HTTP only where a request ends.

The bytes go out as they were recorded, head and framing included, and the connection then ends as the
recorded one did. When they had come is not repeated: all are sent at once.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from contextlib import suppress
from enum import StrEnum
from typing import Final

_STUCK: Final = 10.0
"""Seconds after which a client that neither reads nor closes is left alone."""

_SLICE: Final = 64 * 1024
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"^content-length:[ \t]*(\d{1,9})", re.IGNORECASE | re.MULTILINE)
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends RST."""


class Ending(StrEnum):
    """What a connection does after the last recorded byte."""

    CLOSE = "close"
    RESET = "reset"
    HOLD = "hold"
    """It stays open and silent until the client has had enough."""


class Loopback:
    """A server on a port of its own; every connection gets the bytes that :meth:`answer` set last."""

    def __init__(self) -> None:
        """Listen, in a thread that ends with the process."""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._raw, self._ending = b"", Ending.CLOSE
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def origin(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def answer(self, raw: bytes, ending: Ending) -> None:
        """Answer from now on with these bytes."""
        self._raw, self._ending = raw, ending

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection, suppress(OSError):
                connection.settimeout(_STUCK)
                _read_request(connection)
                self._reply(connection)

    def _reply(self, connection: socket.socket) -> None:
        raw, ending = self._raw, self._ending
        for start in range(0, len(raw), _SLICE):
            connection.sendall(raw[start : start + _SLICE])
        if ending is Ending.HOLD:
            connection.recv(1)
        elif ending is Ending.RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _read_request(connection: socket.socket) -> None:
    """Read one request whole: closing over unread bytes would reset the connection."""
    got = b""
    while _HEAD_END not in got:
        part = connection.recv(_SLICE)
        if not part:
            return
        got += part
    head, _, body = got.partition(_HEAD_END)
    length = _LENGTH.search(head)
    missing = (int(length[1]) if length else 0) - len(body)
    while missing > 0:
        part = connection.recv(_SLICE)
        if not part:
            return
        missing -= len(part)
