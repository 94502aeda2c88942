"""How a request reaches the target: headers that clients really send, each one difference from the basic probe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.model import Defect, Probe
from conformance.probes.asker import JSON_HEADERS, Asker, request
from conformance.probes.chat import HELLO

PREFLIGHT: Final = (
    ("Origin", "https://app.example.com"),
    ("Access-Control-Request-Method", "POST"),
    ("Access-Control-Request-Headers", "authorization,content-type"),
)


def probes(ask: Asker) -> Iterator[Probe]:
    """Yield valid requests with unusual but legal headers."""
    body = ask.body(HELLO, stream=ask.card.stream_only)
    yield ask.valid(
        "transport.gzip-stream",
        ask.body(HELLO, stream=True),
        feature="streaming",
        traits={"gzip"},
        headers=(
            ("Content-Type", "application/json"),
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip"),
        ),
    )
    yield ask.invalid(
        "transport.preflight",
        request(None, headers=PREFLIGHT, auth=None, method="OPTIONS"),
        twin="stream.basic" if ask.card.stream_only else "chat.basic",
        defect=Defect("a browser's question whether it may ask", statuses=(200, 204)),
        traits={"elsewhere", "preflight"},
        feature="transport",
    )
    trace = ("X-Trace-ID", f"trace-{ask.nonce('trace').lower()}")
    yield ask.valid(
        "transport.trace-id", body, feature="trace-id", traits={"trace-id"}, headers=(*JSON_HEADERS, trace)
    )
    yield ask.valid(
        "transport.charset",
        body,
        traits={"charset"},
        headers=(
            ("Content-Type", "application/json; charset=utf-8"),
            ("Accept", "*/*"),
            ("Accept-Encoding", "gzip, deflate"),
            ("User-Agent", "OpenAI/Python"),
        ),
    )
