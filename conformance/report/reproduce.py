"""The command line that sends a request again: curl, with the key taken from the environment.

The line is one line of characters that can all be seen, and what it sends is the recorded body byte for byte.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from conformance.model import KEY_MARK, Exchange, Request
from conformance.report.safe import visible
from conformance.secret import KEY_VARIABLE

LONGEST: Final = 8_000
"""Characters of a command that people still paste; beyond, the suite itself has to send it."""

_PLAIN: Final = frozenset(range(0x20, 0x7F)) - frozenset(b"\\'")
_SPECIAL: Final = frozenset('"\\$`!')
"""What a shell reads inside double quotes."""


def reproduce(exchange: Exchange, base_url: str, *, streamed: bool) -> str:
    """Return a command that sends the request of an exchange again.

    It is a curl line, or the suite's own command when curl cannot send the request as it was: it is too long,
    frames its body by itself, or has the address of a document that the run served.
    """
    request = exchange.request
    by_curl = exchange.fetched is None and _curl_can(request)
    command = _curl(request, base_url, streamed=streamed) if by_curl else ""
    return command if 0 < len(command) <= LONGEST else f"chat-conformance reproduce {exchange.id}"


def _curl_can(request: Request) -> bool:
    for name, value in request.headers:
        lower = name.lower()
        if lower == "transfer-encoding" or (lower == "content-length" and value != str(len(request.body))):
            return False
        if not name or visible(name + value) != name + value:
            return False
    return visible(request.path) == request.path and len(request.body) <= LONGEST


def _curl(request: Request, base_url: str, *, streamed: bool) -> str:
    words = ["curl", "-sS", "-i"]
    if streamed:
        words.append("-N")
    words += _method(request)
    words.append(_url(base_url + request.path))
    given = {name.lower() for name, _ in request.headers}
    for name, value in request.headers:
        if name.lower() == "content-length" or (
            name.lower() == "host" and value == urlsplit(base_url).netloc
        ):
            continue
        words += ["-H", _quoted(f"{name}: {value}" if value else f"{name};")]
    if not request.body and request.method != "POST":
        return " ".join(words)
    if "content-type" not in given:
        words += ["-H", "Content-Type:"]  # curl would say that it is a form
    text = request.body.decode("utf-8", "replace")
    if visible(text) == text and text.encode() == request.body:
        return " ".join([*words, "--data-raw", _quoted(text)])
    return " ".join(["printf", "'%b'", _quoted(_octal(request.body)), "|", *words, "--data-binary", "@-"])


def _method(request: Request) -> Iterator[str]:
    if request.method == "HEAD":
        yield "--head"
    elif request.method != "POST" or not request.body:
        yield from ("-X", shlex.quote(request.method))


def _url(url: str) -> str:
    flags = [] if url.isascii() and not set(url) & set("[]{}") else ["--globoff"]
    if "/." in url or "//" in urlsplit(url).path:
        flags.append("--path-as-is")
    return " ".join([*flags, shlex.quote(url)])


def _quoted(text: str) -> str:
    """Quote a word for a POSIX shell; the key mark becomes the variable that holds the key."""
    *before, last = text.split(KEY_MARK)
    if len(before) == 1 and not last and not _SPECIAL & set(text):
        return f'"{before[0]}${KEY_VARIABLE}"'
    quoted = [shlex.quote(part) if part else "" for part in (*before, last)]
    return f'"${KEY_VARIABLE}"'.join(quoted) or "''"


def _octal(body: bytes) -> str:
    r"""Write bytes for ``printf %b`` (POSIX): ``\0`` and three octal digits for each that is not plain."""

    def write(part: bytes) -> str:
        return "".join(chr(byte) if byte in _PLAIN else f"\\0{byte:03o}" for byte in part)

    return KEY_MARK.join(write(part) for part in body.split(KEY_MARK.encode()))
