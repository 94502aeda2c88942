"""How a request reaches the target: headers that clients really send, each one difference from the basic probe."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.model import Probe
from conformance.probes.asker import JSON_HEADERS, Asker
from conformance.probes.chat import HELLO


def probes(ask: Asker) -> Iterator[Probe]:
    """Yield valid requests with unusual but legal headers."""
    body = ask.body(HELLO, stream=ask.card.stream_only)
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
