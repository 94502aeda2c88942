"""How the reference gateway reads a file by URL: it fetches it, from loopback addresses and nowhere else.

A request that a correct gateway grants has each such address replaced with what is found there, before the model sees
it. A fault that takes the address out of the request comes first, so that a gateway that drops a file never asks for
it. Only ``http``, a numeric loopback address and a port are followed, no redirect is, and an answer gets so many bytes
and so much time.
"""

from __future__ import annotations

import re
import socket
import time
from copy import deepcopy
from typing import Final

from conformance import http1
from conformance.canaries import data_url
from conformance.conditions import find
from conformance.model import Json
from conformance.reference.refusal import Refused

LOOPBACK: Final = re.compile(r"http://(127\.0\.0\.1):([1-9][0-9]{0,4})(/[!-~]*)")
"""The addresses that are followed."""
MOST_BYTES: Final = 1024 * 1024
"""Bytes of an answer; a longer one is none."""
MOST_TIME: Final = 3.0
"""Seconds from connecting to the last byte."""

_OK: Final = 200


def with_files(body: Json) -> Json:
    """Return a request with the files of loopback addresses as data URLs; the same object when it has none.

    Raises:
        Refused: an address cannot be fetched.

    """
    if not any(map(_followed, find(body, ("messages", "*", "content", "*", "file", "url")))):
        return body
    filled = deepcopy(body)
    for number, file in enumerate(find(filled, ("messages", "*", "content", "*", "file"))):
        if isinstance(file, dict) and _followed(url := file.get("url")):
            file["url"] = _fetched(str(url), f"the file {number} of the messages")
    return filled


def _followed(url: Json) -> bool:
    return isinstance(url, str) and LOOPBACK.fullmatch(url) is not None


def _fetched(url: str, what: str) -> str:
    """Return what is found at an address as a data URL."""
    try:
        answer = http1.read_answer(_asked(url), method="GET", closed=True)
    except (OSError, OverflowError):
        answer = None
    if answer is None or answer.status != _OK or not answer.complete:
        message = f"The URL of {what} could not be fetched: {url[:200]}"
        raise Refused(message, param="messages", code="invalid_file_url")
    media_type = (answer.header("content-type") or "").partition(";")[0].strip()
    return data_url(media_type or "text/plain", answer.body)


def _asked(url: str) -> bytes:
    """Return the bytes that come for a GET, none when they are too many or come too late."""
    found = LOOPBACK.fullmatch(url)
    assert found is not None
    host, port, path = found.groups()
    end = time.monotonic() + MOST_TIME
    raw = b""
    with socket.create_connection((host, int(port)), timeout=MOST_TIME) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()
        )
        while (left := end - time.monotonic()) > 0 and len(raw) <= MOST_BYTES:
            connection.settimeout(left)
            part = connection.recv(64 * 1024)
            if not part:
                return raw
            raw += part
    return b""
