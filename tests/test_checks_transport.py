"""What is odd HTTP is found although the client that captured it could read it."""

from __future__ import annotations

import pytest

from conformance.model import Verdict
from tests.factory import completion, findings, json_answer, probes, verdict, view_of

BASIC = probes("chat")["chat.basic"]
GOOD = json_answer(200, completion())
HEAD, _, BODY = GOOD.partition(b"\r\n\r\n")
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)


@pytest.mark.parametrize(
    ("answer", "saw"),
    [
        (HEAD + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED, "Transfer-Encoding and Content-Length"),
        (HEAD.replace(b"\r\n", b"\n") + b"\n\n" + BODY, "LF without CR"),
        (HEAD + b"\r\nContent-Type: text/plain\r\n\r\n" + BODY, "application/json, text/plain"),
    ],
)
def test_a_head_that_strict_parsers_refuse_is_found(answer: bytes, saw: str) -> None:
    (finding,) = findings("transport.http-well-formed", view_of(BASIC, answer))

    assert finding.verdict is Verdict.FAIL
    assert saw in finding.saw


@pytest.mark.parametrize(
    "answer",
    [
        GOOD,
        GOOD.replace(BODY, BODY + b"\n"),
        HEAD + b"\r\nContent-Type: application/json; charset=utf-8\r\n\r\n" + BODY,
    ],
)
def test_a_head_that_every_parser_reads_is_well_formed(answer: bytes) -> None:
    assert verdict("transport.http-well-formed", view_of(BASIC, answer)) is Verdict.PASS
