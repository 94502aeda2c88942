"""HTTP: the endpoint is there, its answers are whole and well-formed (contract clauses A01-A08, RFC 9110, 9112)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from conformance.checks.api import Case, Reads, check
from conformance.checks.outcomes import refused_anyway
from conformance.checks.select import either, ids, invalid, valid, without
from conformance.model import FaultKind, Finding, Outcome
from conformance.views import Form

_TWO_LENGTHS: Final = "both transfer-encoding and content-length"
_NO_CHANCE: Final = 2
"""So many answers of a run that are cut, and not when they are repeated, are no bad luck."""

_BARE_LF: Final = re.compile(rb"(?<!\r)\n")

_GZIP_AS_TEXT = ("\x1f\ufffd\x08".encode(), "\x1f\x8b\x08".encode())
"""How the first bytes of gzip look when they were decoded leniently, or as Latin-1, and written as UTF-8."""


@check("transport.endpoint-served", on=valid("life"), reads=Reads.ANSWER)
def served(case: Case) -> Iterator[Finding]:
    """A plain valid POST gets a success status."""
    status = case.view.status
    if status is not None and 200 <= status < 300:  # noqa: PLR2004
        yield case.ok(saw=str(status))
    else:
        broken = case.view.form is Form.FAILED
        yield case.fail(
            f"status {status} to a plain valid request",
            "a 2xx status",
            outcome=Outcome.BROKEN if broken else None,
        )


@check("transport.http-well-formed", on=either(valid(), invalid()), reads=Reads.EXCHANGE, any_cause=True)
def well_formed(case: Case) -> Iterator[Finding]:
    """Head and framing can be read by a strict parser (RFC 9112)."""
    fault = case.view.exchange.fault
    if fault is not None and fault.kind is FaultKind.MALFORMED:
        yield case.fail(fault.detail, "an answer that a strict HTTP parser can read")
    elif (answer := case.view.answer) is not None:
        types = {value.split(";", 1)[0].strip().lower() for value in answer.all("content-type")}
        if _TWO_LENGTHS in answer.notes:
            yield case.fail(
                "Transfer-Encoding and Content-Length in one answer",
                "one of the two: a sender must not send both (RFC 9112 6.2)",
            )
        elif _BARE_LF.search(case.view.exchange.raw, 0, answer.head_size):
            yield case.fail(
                "a line of the head that ends in LF without CR", "CRLF after each line (RFC 9112 2.1)"
            )
        elif len(types) > 1:
            yield case.fail(
                f"{len(types)} Content-Type lines that differ: {', '.join(sorted(types))[:120]}",
                "one Content-Type (RFC 9110 5.3, 8.3)",
            )
        else:
            yield case.ok()


@check("transport.complete-transfer", on=either(valid(), invalid()), reads=Reads.ANSWER, any_cause=True)
def complete(case: Case) -> Iterator[Finding]:
    """The body ends where its framing said it would (RFC 9112 section 8)."""
    answer, fault = case.view.answer, case.view.exchange.fault
    assert answer is not None
    if fault is not None and fault.kind in {FaultKind.CLOSED_EARLY, FaultKind.RESET}:
        yield case.fail(
            f"{fault.detail}, after {len(answer.body)} bytes of the body",
            f"a body that is whole ({answer.framing} framing)",
            span=(len(answer.body), len(answer.body)),
        )
    elif fault is not None and fault.kind is FaultKind.DEADLINE:
        yield case.fail(f"{fault.detail}, after {len(answer.body)} bytes of the body", "a body that ends")
    elif fault is None and answer.complete:
        cuts = [one.view.probe for one in case.mended if one.cut]
        if len(cuts) >= _NO_CHANCE and case.view.probe in cuts:
            yield case.unsure(
                f"it was cut short at first, and whole when it was repeated alone; so were {len(cuts)} answers of "
                "this run, which is no chance: a target that cuts answers, or a bad line"
            )
        else:
            yield case.ok()


@check("transport.content-encoding-true", on=either(valid(), invalid()), reads=Reads.ANSWER, any_cause=True)
def encoding_true(case: Case) -> Iterator[Finding]:
    """The body is encoded as Content-Encoding says, and only then (RFC 9110 8.4)."""
    problem = case.view.coding_problem
    body = case.view.body
    if problem and problem.startswith("larger than"):
        yield case.unsure(problem)
    elif problem:
        yield case.fail(
            problem, "a body that decodes as its Content-Encoding says", span=(0, min(16, len(body)))
        )
    elif body[:2] == b"\x1f\x8b" and not case.view.header("content-encoding"):
        yield case.fail(
            "a gzip body without Content-Encoding", "Content-Encoding: gzip, or no compression", span=(0, 2)
        )
    elif body.startswith(_GZIP_AS_TEXT):
        yield case.fail(
            "a gzip body that was read and written as text, which nobody can undo",
            "the compressed bytes as they were, or no compression",
            span=(0, 4),
        )
    elif body:
        yield case.ok()
    else:
        yield case.skip("there is no body")


@check("transport.identity-honoured", on=without(valid("text"), "charset"), reads=Reads.SUCCESS)
def identity(case: Case) -> Iterator[Finding]:
    """What asked for identity alone comes uncompressed (RFC 9110 12.5.3)."""
    coding = (case.view.header("content-encoding") or "identity").strip().lower()
    if coding == "identity":
        yield case.ok()
    else:
        yield case.fail(
            f"Content-Encoding: {coding}", "no content coding: the request accepts identity alone"
        )


@check("transport.stream-by-body", on=valid("text", streamed=True), reads=Reads.SUCCESS)
def stream_by_body(case: Case) -> Iterator[Finding]:
    """``stream: true`` alone decides; the SDKs send Accept: application/json with every request."""
    if case.view.form is Form.STREAM:
        yield case.ok()
    else:
        yield case.fail(
            f"{case.view.form} ({case.view.media_type or 'no content type'}) to stream: true",
            "an event stream",
            outcome=Outcome.BROKEN,
        )


@check("transport.request-id", on=valid("text"), reads=Reads.SUCCESS)
def request_id(case: Case) -> Iterator[Finding]:
    """An id by which a vendor can find one call."""
    if (case.view.header("x-request-id") or "").strip():
        yield case.ok()
    else:
        yield case.fail("no x-request-id header", "a non-empty x-request-id header")


@check("transport.trace-id-accepted", on=valid("trace-id"), reads=Reads.ANSWER)
def trace_id(case: Case) -> Iterator[Finding]:
    """A fresh X-Trace-ID does no harm (clause A08)."""
    if case.view.succeeded:
        yield case.ok()
    elif case.view.form is not Form.REFUSED:
        yield case.skip(f"the answer is {case.view.form.noun}; another requirement judges that")
    elif anyway := refused_anyway(case):
        yield case.unsure(anyway)
    else:
        yield case.fail(
            f"status {case.view.status} with X-Trace-ID", "the success that the same request gets without it"
        )


@check("transport.cors-preflight", on=ids("transport.preflight"), reads=Reads.ANSWER)
def preflight(case: Case) -> Iterator[Finding]:
    """A browser's preflight never has the key, so it is not refused for the want of one (Fetch standard)."""
    if case.view.status in {401, 403}:
        yield case.fail(f"status {case.view.status} to a preflight", "an answer that does not ask for a key")
    else:
        yield case.ok(saw=str(case.view.status))


@check("transport.cors-origin-once", on=valid("text"), reads=Reads.SUCCESS)
def cors_origin_once(case: Case) -> Iterator[Finding]:
    """Who lets pages of other origins read says so once (Fetch standard, CORS check): twice is a refusal."""
    given = case.view.answer.all("access-control-allow-origin") if case.view.answer else ()
    origins = [origin.strip() for value in given for origin in value.split(",") if origin.strip()]
    if not origins:
        yield case.skip("no Access-Control-Allow-Origin: it is no answer for pages")
    elif len(origins) == 1:
        yield case.ok()
    else:
        yield case.fail(
            f"{len(origins)} values of Access-Control-Allow-Origin: {', '.join(origins)[:120]}",
            "one: browsers join what is given twice, and the whole is neither * nor the page's origin",
        )


@check("transport.json-charset-accepted", on=ids("transport.charset"), reads=Reads.ANSWER)
def charset(case: Case) -> Iterator[Finding]:
    """A charset parameter on the request's media type is no reason to refuse it (RFC 9110 8.3.1)."""
    if case.view.succeeded:
        yield case.ok()
    elif case.view.form is not Form.REFUSED:
        yield case.skip(f"the answer is {case.view.form.noun}; another requirement judges that")
    elif anyway := refused_anyway(case):
        yield case.unsure(anyway)
    else:
        yield case.fail(f"status {case.view.status} with charset=utf-8", "the success that it gets without")


@check("transport.accept-anything", on=ids("chat.again"), reads=Reads.ANSWER)
def accept_anything(case: Case) -> Iterator[Finding]:
    """Who accepts anything is not told that nothing fits (RFC 9110 12.5.1): curl says so, and many other clients."""
    view = case.view
    if view.succeeded:
        yield case.ok()
    elif view.form is not Form.REFUSED or case.plain is None or not case.plain.succeeded:
        yield case.skip(f"the answer is {view.form.noun}; another requirement judges that")
    else:
        yield case.fail(
            f"status {view.status} with Accept: */*", "the success that it gets with application/json"
        )


@check("transport.trace-id-echo", on=valid("trace-id"), reads=Reads.SUCCESS)
def trace_echo(case: Case) -> Iterator[Finding]:
    """Whether the trace id comes back."""
    sent = dict(case.view.exchange.request.headers).get("X-Trace-ID")
    if case.view.header("x-trace-id") == sent:
        yield case.ok()
    else:
        yield case.fail("no X-Trace-ID in the answer", "the value that was sent")
