"""Targets that prove nothing: whatever they answer, nothing passes, and the exit code says which kind they are."""

import contextlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from conformance.model import Verdict
from conformance.verdict import Exit, Grade
from tests.judging import judged, passing
from tests.loopback import closed_port, handling

HTML = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body>Hello</body></html>"
DONE = b"data: [DONE]\n\n"
ENVELOPE = b'{"error":{"message":"no","type":"x","param":null,"code":null}}'

PANEL = [
    ("all-401", 401, "application/json", ENVELOPE, Exit.INCOMPLETE),
    ("all-403", 403, "application/json", ENVELOPE, Exit.INCOMPLETE),
    ("all-404", 404, "application/json", ENVELOPE, Exit.INCOMPLETE),
    ("all-429", 429, "application/json", ENVELOPE, Exit.INCOMPLETE),
    ("html-200", 200, "text/html", HTML, Exit.INCOMPLETE),
    ("html-503", 503, "text/html", HTML, Exit.INCOMPLETE),
    ("all-500", 500, "application/json", ENVELOPE, Exit.FAILED),
    ("empty-200", 200, "application/json", b"", Exit.FAILED),
    ("empty-object-200", 200, "application/json", b"{}", Exit.FAILED),
    ("only-done", 200, "text/event-stream", DONE, Exit.FAILED),
    ("garbage", 200, "application/octet-stream", bytes(range(256)), Exit.FAILED),
    ("json-list", 200, "application/json", b"[]", Exit.FAILED),
    ("envelope-200", 200, "application/json", ENVELOPE, Exit.FAILED),
]


@contextlib.contextmanager
def always(status: int, kind: str, body: bytes) -> Iterator[str]:
    """Serve one answer to everything and yield the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with handling(Handler) as url:
        yield url


@pytest.mark.parametrize(
    ("status", "kind", "body", "code"), [row[1:] for row in PANEL], ids=[row[0] for row in PANEL]
)
def test_nothing_passes_against_a_target_that_always_says_the_same(
    status: int, kind: str, body: bytes, code: Exit
) -> None:
    with always(status, kind, body) as url:
        result = judged(url, models=["m"])
    assert passing(result) == set()
    assert result.summary.exit_code is code
    assert result.summary.grade is (Grade.INCOMPLETE if code is Exit.INCOMPLETE else Grade.NOT_CONFORMANT)


def test_nothing_passes_and_nothing_fails_at_a_closed_port() -> None:
    result = judged(f"http://127.0.0.1:{closed_port()}/v1", models=["m"])
    assert {unit.verdict for unit in result.judgement.units} == {Verdict.INCONCLUSIVE}
    assert result.summary.exit_code is Exit.INCOMPLETE
    assert len(result.evidence.exchanges) <= 2
