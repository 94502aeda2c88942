"""The panel as a table: what each server does, and what the suite may make of it.

``earned`` says that the server says something correct too, so that passes may be earned; everywhere else not one check
may pass. ``codes`` are the exit codes that are right.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

from msgspec import Struct

from tests.hostile import scripts as say
from tests.hostile.scripts import (
    EVENTS,
    JSON,
    OK,
    TEXT,
    Scene,
    answer,
    body,
    chunk,
    chunked,
    completion,
    good,
    stream,
)
from tests.loopback import Script, flooding

EITHER = frozenset({1, 3})
ANY = frozenset({0, 1, 3})
INCOMPLETE = frozenset({3})
FAILED = frozenset({1})


class Hostile(Struct, frozen=True):
    """One hostile server. ``tls`` is the certificate it shows; ``door`` what stands there instead of a server."""

    name: str
    script: Callable[[Scene], Script] | None
    codes: frozenset[int] = EITHER
    earned: bool = False
    tls: str = ""
    scheme: str = "http"
    models: bool = True


def _bomb(size: int, block: bytes = b" " * 65536) -> bytes:
    """Return gzip of ``size`` bytes (a thousandth of that), made without holding them."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(pack.compress(block) for _ in range(max(1, size // len(block)))) + pack.flush()


def _texts(name: str, text: str) -> tuple[Hostile, ...]:
    """Return two servers that say this text wherever a server may: in answers, and in errors."""
    return (
        Hostile(
            f"{name} in answers",
            lambda _: say.saying(
                lambda request: good(
                    request, text, id=text, model=text, system_fingerprint=text, **{text: text}
                )
            ),
            ANY,
            earned=True,
        ),
        Hostile(f"{name} in errors", lambda _: say.saying(say.picky(text)), ANY, earned=True),
    )


ESCAPES = "\x1b[2J\x1b[31mred\x1b[0m\x9b31m\x07\x08\x7f\r\nFAKE grade: conformant"
OSC = (
    "\x1b]0;owned\x07\x1b]8;;http://evil.example/\x1b\\click\x1b]8;;\x1b\\\x1b]52;c;ZXZpbA==\x07\x1bP+q\x1b\\"
)
HTML = "</script></style></textarea><script>alert(1)</script><img src=x onerror=alert(1)><!-- ]]> --><svg/onload=a>"
MARKDOWN = (
    "`code` ```\n# heading\n| a | b |\n[x](javascript:alert(1)) ![y](http://evil.example/z.png) <b>@team #1"
)
CSV = '=cmd|"/c calc"!A1,+1,-1,@SUM(1),"quoted\n=HYPERLINK(""http://evil.example"")'
PATHS = "../../../../etc/passwd\x00C:\\Windows\\..\\x file:///etc/passwd %2e%2e%2f CON nul .. /"
BIDI = "\u202eterces\u202c\u200b\u2066\ufeff\U000e0041\u0301" + "\u0301" * 300
LONE = "half \ud83d character \ud800"

_LONG = b"Content-Length: 1000\r\n"
_CHALLENGE = (
    b'WWW-Authenticate: Basic realm="more", Digest realm="x", nonce="y", Negotiate',
    b"Proxy-Authenticate: Basic",
)


def _deep(scene: Scene) -> bytes:
    return b"[" * scene.depth + b"]" * scene.depth


CASES: tuple[Hostile, ...] = (
    Hostile("refuses connections", None, INCOMPLETE),
    Hostile("accepts and is silent", lambda _: say.silent, INCOMPLETE),
    Hostile("closes before it reads", lambda _: say.closing, INCOMPLETE),
    Hostile("speaks first", lambda _: say.speaking_first, EITHER, earned=True),
    Hostile("slow head", lambda _: say.dripping(b"HTTP/1.1 200 OK\r\n", b"X")),
    Hostile("slow body", lambda _: say.dripping(OK + JSON + b"\r\n" + _LONG + b"\r\n{", b" ")),
    Hostile("slow events", lambda _: say.dripping(OK + EVENTS + b"\r\n\r\n", chunk({"content": ""}))),
    Hostile("endless headers", lambda _: flooding(OK, b"X-More: and more\r\n" * 100)),
    Hostile("one endless header", lambda _: flooding(OK + b"X-More: ", b"x" * 65536)),
    Hostile("endless interim answers", lambda _: flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)),
    Hostile("endless body", lambda _: flooding(OK + JSON + b"\r\n\r\n", b"x" * 65536)),
    Hostile("endless NUL bytes", lambda _: flooding(OK + JSON + b"\r\n\r\n", b"\0" * 65536)),
    Hostile("endless chunks", lambda _: flooding(chunked(), b"1\r\nx\r\n" * 10_000)),
    Hostile(
        "endless events",
        lambda _: flooding(body(b"", EVENTS), chunk({"content": "a"}) * 300),
        EITHER,
        earned=True,
    ),
    Hostile("endless comments", lambda _: flooding(body(b"", EVENTS), b": wait\n\n" * 8_000)),
    Hostile("endless trailers", lambda _: flooding(chunked(b"2\r\n{}\r\n0\r\n"), b"X-More: x\r\n" * 5_000)),
    Hostile(
        "one very long line",
        lambda scene: say.saying_once(lambda _: body(b'data: {"x":"' + b"y" * scene.line, EVENTS)),
    ),
    Hostile(
        "gzip bomb",
        lambda scene: say.saying(answer(_bomb(scene.bomb), JSON, b"Content-Encoding: gzip")),
    ),
    Hostile(
        "gzip bomb of events",
        lambda scene: say.saying(
            answer(_bomb(scene.bomb, b"data: {}\n\n" * 5_000), EVENTS, b"Content-Encoding: gzip")
        ),
    ),
    Hostile(
        "gzip in gzip",
        lambda scene: say.saying(
            answer(gzip.compress(_bomb(scene.bomb)), JSON, b"Content-Encoding: gzip, gzip")
        ),
    ),
    Hostile(
        "a coding that is not known",
        lambda _: say.saying(
            answer(b"\xcf\xff\xff\x7f\xf8" + b"\xff" * 4_000, JSON, b"Content-Encoding: br")
        ),
    ),
    Hostile(
        "says gzip and is not",
        lambda _: say.saying(answer(completion(), JSON, b"Content-Encoding: gzip")),
        EITHER,
        earned=True,
    ),
    Hostile(
        "length too long",
        lambda _: say.saying_once(OK + JSON + b"\r\n" + _LONG + b"\r\n" + completion()),
        EITHER,
        earned=True,
    ),
    Hostile(
        "length too short", lambda _: say.saying(OK + JSON + b"\r\nContent-Length: 9\r\n\r\n" + completion())
    ),
    Hostile(
        "two lengths",
        lambda _: say.saying(
            OK + JSON + b"\r\nContent-Length: 9\r\nContent-Length: 300\r\n\r\n" + completion()
        ),
        EITHER,
        earned=True,
    ),
    Hostile(
        "length that is no number",
        lambda _: say.saying(body(completion(), JSON, b"Content-Length: -1e9")),
        EITHER,
        earned=True,
    ),
    Hostile(
        "length and chunks",
        lambda _: say.saying(
            body(b"9\r\n" + completion(), JSON, b"Content-Length: 9", b"Transfer-Encoding: chunked")
        ),
    ),
    Hostile("chunk size that is no number", lambda _: say.saying_once(chunked(b"zz\r\n{}\r\n0\r\n\r\n"))),
    Hostile(
        "chunk size beyond all bounds", lambda _: say.saying_once(chunked(b"F" * 16 + b"\r\n{}\r\n0\r\n\r\n"))
    ),
    Hostile("negative chunk size", lambda _: say.saying_once(chunked(b"-2\r\n{}\r\n0\r\n\r\n"))),
    Hostile("chunk longer than it says", lambda _: say.saying_once(chunked(b"1\r\n{}\r\n0\r\n\r\n"))),
    Hostile("HTTP/0.9", lambda _: say.saying_once(completion())),
    Hostile(
        "HTTP/1.0",
        lambda _: say.saying_once(lambda request: good(request).replace(b"HTTP/1.1", b"HTTP/1.0", 1)),
        ANY,
        earned=True,
    ),
    Hostile(
        "HTTP/9.9",
        lambda _: say.saying_once(lambda request: good(request).replace(b"1.1", b"9.9", 1)),
        ANY,
        earned=True,
    ),
    Hostile("garbage", lambda _: say.saying_once(bytes(range(256)) * 64)),
    Hostile("no status code", lambda _: say.saying_once(b"HTTP/1.1 OK\r\n\r\n" + completion())),
    Hostile("closes at every byte", lambda _: say.cut_everywhere(), EITHER, earned=True),
    Hostile("resets in the head", lambda _: say.resetting(b"HTTP/1.1 200 O"), INCOMPLETE),
    Hostile("resets in the body", lambda _: say.resetting(good(b"")[:-20]), EITHER, earned=True),
    Hostile("resets in a stream", lambda _: say.resetting(body(stream()[:200], EVENTS))),
    Hostile(
        "redirects in a loop",
        lambda _: say.saying(answer(b"", b"Location: /v1/chat/completions", status=b"307 Again")),
    ),
    Hostile(
        "redirects to another origin",
        lambda scene: say.saying(
            answer(
                b"", b"Location: " + scene.elsewhere.encode() + b"/v1/chat/completions", status=b"308 There"
            )
        ),
    ),
    Hostile(
        "challenges for ever",
        lambda _: say.saying(say.refusing(b"401 Unauthorized", "who?", *_CHALLENGE)),
        INCOMPLETE,
    ),
    Hostile(
        "asks for a proxy's password",
        lambda _: say.saying(say.refusing(b"407 Proxy Authentication Required", "who?", *_CHALLENGE)),
    ),
    Hostile(
        "asks to wait for a year",
        lambda _: say.saying(say.refusing(b"429 Too Many Requests", "wait", b"Retry-After: 31536000")),
        INCOMPLETE,
    ),
    Hostile(
        "header injection",
        lambda _: say.saying_once(
            OK
            + b"X-A: b\rX-Evil: 1\r\nX-C: d\nSet-Cookie: e=f\r\n : g\r\n"
            + JSON
            + b"\r\n\r\n"
            + completion()
        ),
        ANY,
        earned=True,
    ),
    Hostile(
        "NUL in a header",
        lambda _: say.saying_once(OK + b"X-A: b\0c\r\n" + JSON + b"\r\n\r\n" + completion()),
        EITHER,
        earned=True,
    ),
    Hostile("NUL in a body", lambda _: say.saying(answer(completion().replace(b"H", b"\0"), JSON))),
    Hostile(
        "invalid UTF-8", lambda _: say.saying(answer(completion().replace(b"H", b"\xff\xfe\xc0\x80"), JSON))
    ),
    Hostile("half characters", lambda _: say.saying(_lone), ANY, earned=True),
    Hostile("10,000-deep JSON", lambda scene: say.saying(answer(_deep(scene), JSON))),
    Hostile(
        "10,000-deep JSON in events",
        lambda scene: say.saying(answer(b"data: " + _deep(scene) + b"\n\ndata: [DONE]\n\n", EVENTS)),
    ),
    Hostile(
        "10,000-deep JSON in an argument",
        lambda scene: say.saying(answer(completion().replace(b'"stop"', _deep(scene)), JSON)),
        EITHER,
        earned=True,
    ),
    Hostile(
        "huge numbers",
        lambda scene: say.saying(
            answer(
                completion().replace(b"11}", b"9" * scene.digits + b"}").replace(b": 5,", b": -1e999,"), JSON
            )
        ),
        EITHER,
        earned=True,
    ),
    Hostile(
        "NaN and twice the same key",
        lambda _: say.saying(
            answer(completion().replace(b": 5,", b": NaN, " + b'"total_tokens": 1, ' * 1_000), JSON)
        ),
        EITHER,
        earned=True,
    ),
    *_texts("ANSI escapes", ESCAPES),
    *_texts("OSC escapes", OSC),
    *_texts("HTML", HTML),
    *_texts("Markdown", MARKDOWN),
    *_texts("CSV formulas", CSV),
    *_texts("paths", PATHS),
    *_texts("invisible characters", BIDI),
    Hostile(
        "escapes in headers",
        lambda _: say.saying(
            lambda request: good(request, headers=(b"X-Request-Id: \x1b[31m\x9b", b"Server: \xe2\x80\xae<b>"))
        ),
        ANY,
        earned=True,
    ),
    Hostile(
        "escapes in the status line",
        lambda _: say.saying(b"HTTP/1.1 500 \x1b[2J\x9b\r\nContent-Length: 0\r\n\r\n"),
    ),
    Hostile(
        "escapes in the list of models",
        lambda _: say.saying(answer(b'{"data":[{"id":"\\u001b[2J../x"},{"id":"<script>"}]}', JSON)),
        frozenset({2}),
        models=False,
    ),
    Hostile("certificate of nobody", lambda _: say.saying(good), INCOMPLETE, tls="nobody", scheme="https"),
    Hostile(
        "plain text where TLS is asked for",
        lambda _: say.saying_once(b"HTTP/1.1 400 No\r\n\r\n"),
        INCOMPLETE,
        scheme="https",
    ),
    Hostile(
        "HTTP/2 alone",
        lambda _: say.saying_once(b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\0\x08\x07\0\0\0\0\0"),
    ),
    Hostile(
        "switches protocols",
        lambda _: say.saying_once(b"HTTP/1.1 101 Go\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n\0\1"),
    ),
    Hostile("body where none may be", lambda _: say.saying(b"HTTP/1.1 204 None\r\n\r\n" + completion())),
    Hostile(
        "very many tiny events",
        lambda scene: say.saying(
            answer(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n' * scene.events, EVENTS)
        ),
        EITHER,
        earned=True,
    ),
    Hostile(
        "very many empty events",
        lambda scene: say.saying(answer(b"data:\n\n" * scene.events, EVENTS)),
    ),
    Hostile("answers of the request before", lambda _: say.shifted(), EITHER, earned=True),
    Hostile("answers twice", lambda _: say.doubled(), ANY, earned=True),
    Hostile("the key in everything", lambda _: say.saying(_echo), ANY, earned=True),
)
"""All of them. Texts come twice: in what is right, and in what is refused."""


def _lone(request: bytes) -> bytes:
    half = completion(LONE).replace(b"\xed\xa0\xbd", b"\\ud83d").replace(b"\xed\xa0\x80", b"\\ud800")
    return good(request, "half \ufffd") if say.wants_stream(request) else answer(half, JSON)


def _echo(request: bytes) -> bytes:
    """Give the whole request back in a correct answer, the Authorization header included."""
    text = request.decode("latin-1")[:3_000]
    return good(request, f"{TEXT} {text}", id=text, model=text)
