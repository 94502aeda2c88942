"""What is odd HTTP is found although the client that captured it could read it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from conformance.checks.transport import complete
from conformance.mended import Mended
from conformance.model import FaultKind, Verdict
from tests.factory import case_of, completion, findings, json_answer, probes, verdict, view_of

PROBES = probes("chat")
BASIC = PROBES["chat.basic"]
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


def test_answers_that_are_whole_only_when_repeated_are_no_chance_where_there_are_several() -> None:
    whole = view_of(BASIC, GOOD, attempt=2)
    cut = Mended(view_of(BASIC, GOOD[:-9], fault=FaultKind.RESET), healed=True, beside=True)
    other = replace(cut, view=view_of(PROBES["stream.basic"], GOOD[:-9], fault=FaultKind.CLOSED_EARLY))
    case = case_of("transport.complete-transfer", whole)
    for mended, expected in (
        ((), Verdict.PASS),
        ((cut,), Verdict.PASS),
        ((cut, other), Verdict.INCONCLUSIVE),
        ((other, other), Verdict.PASS),  # of this answer nothing was cut
    ):
        (found,) = complete(replace(case, mended=mended))
        assert found.verdict is expected
