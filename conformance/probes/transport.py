"""How a request reaches the target: headers that clients really send, together and each one difference from plain chat.

They come last, since an answer to them shows at once that what was served first is served after all the nonsense.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.model import KEY_MARK, Defect, Probe
from conformance.probes.asker import JSON_HEADERS, Asker, request
from conformance.probes.chat import HELLO

PREFLIGHT: Final = (
    ("Origin", "https://app.example.com"),
    ("Access-Control-Request-Method", "POST"),
    ("Access-Control-Request-Headers", "authorization,content-type"),
)
_LOWER_CASE: Final = ("Authorization", f"bearer {KEY_MARK}")
_LABEL: Final = ("Content-Type", "application/json; charset=utf-8")
_ANYTHING: Final = ("Accept", "*/*")
_CHARSET: Final = (
    _LABEL,
    _ANYTHING,
    ("Accept-Encoding", "gzip, deflate"),
    ("User-Agent", "OpenAI/Python"),
)


def probes(ask: Asker) -> Iterator[Probe]:
    """Yield the preflight, and valid requests with unusual but legal headers."""
    yield ask.invalid(
        "transport.preflight",
        request(None, headers=PREFLIGHT, auth=None, method="OPTIONS"),
        twin="stream.basic" if ask.card.stream_only else "chat.basic",
        defect=Defect("a browser's question whether it may ask", statuses=(200, 204)),
        traits={"elsewhere", "preflight"},
        feature="transport",
    )
    body = {**ask.body(HELLO), **ask.shape}
    trace = ("X-Trace-ID", f"trace-{ask.nonce('trace').lower()}")
    yield from ask.together(
        ask.valid(
            "transport.headers",
            body,
            traits={"text", "charset", "last"},
            headers=(*_CHARSET, trace),
            auth=_LOWER_CASE,
        ),
        ask.valid("chat.again", body, headers=(JSON_HEADERS[0], _ANYTHING, *JSON_HEADERS[2:])),
        ask.valid(
            "auth.lower-case-scheme", body, traits={"auth", "scheme-case"}, feature="auth", auth=_LOWER_CASE
        ),
        ask.valid(
            "transport.trace-id",
            body,
            feature="trace-id",
            traits={"trace-id"},
            headers=(*JSON_HEADERS, trace),
        ),
        ask.valid("transport.charset", body, headers=(_LABEL, *JSON_HEADERS[1:])),
    )
