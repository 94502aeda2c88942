"""What holds for every request: an answer comes, in time, and no client's mistake makes the server fail."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Final

from conformance.checks.api import Case, Reads, check
from conformance.checks.errors import failed, served_or_refused
from conformance.checks.errortext import broken, error_object
from conformance.checks.select import either, ids, invalid, valid, without
from conformance.mended import CUT, Mended
from conformance.model import FaultKind, Finding, Outcome
from conformance.retryafter import retry_after
from conformance.views import Form, View

_ANY: Final = either(valid(), invalid())
_MISTAKE: Final = (400, 422)
_SEVERAL: Final = 4
"""Server errors beside other requests from which on they are no bad luck."""


@check("robustness.valid-request-served", on=valid(), reads=Reads.ANSWER)
def valid_request_served(case: Case) -> Iterator[Finding]:
    """A valid request does not meet a 5xx, and not again when it is repeated alone."""
    if broken(case.view):
        yield case.fail(
            f"status {case.view.status} to a valid request, twice",
            "an answer, or a 4xx",
            outcome=Outcome.BROKEN,
        )
    else:
        yield case.ok()


@check("robustness.no-server-error", on=without(invalid(), "preflight"), reads=Reads.ANSWER, any_cause=True)
def no_server_error(case: Case) -> Iterator[Finding]:
    """The client's mistake is not the server's failure (C02): a 5xx is sent three times by the SDKs."""
    if broken(case.view):
        yield failed(case, "a 4xx status")
    else:
        yield case.ok(saw=str(case.view.status))


@check("robustness.no-hang", on=_ANY, reads=Reads.EXCHANGE, any_cause=True)
def no_hang(case: Case) -> Iterator[Finding]:
    """Whatever was asked, the answer ends before the deadline (C02)."""
    fault = case.view.exchange.fault
    if fault is not None and fault.kind is FaultKind.DEADLINE:
        came = f"{len(case.view.body)} bytes of the body came" if case.view.answer else "nothing came"
        yield case.fail(
            f"{fault.detail}; {came}", "a whole answer before the deadline", outcome=Outcome.BROKEN
        )
    elif fault is not None and fault.kind is FaultKind.TOO_LARGE:
        yield case.skip(f"nobody waited for the end: {fault.detail}")
    elif case.view.answer is None:
        yield case.skip(f"no answer came ({fault.detail if fault else 'no head'}), but the wait ended")
    else:
        yield case.ok()


@check("robustness.no-reset", on=_ANY, reads=Reads.EXCHANGE, any_cause=True)
def no_reset(case: Case) -> Iterator[Finding]:
    """Every request gets the head of an answer (C02, G03)."""
    fault = case.view.exchange.fault
    if case.view.answer is not None:
        yield case.ok()
    elif fault is not None and fault.kind in CUT:
        yield case.fail(f"{fault.detail}", "an answer", outcome=Outcome.BROKEN)
    else:
        yield case.skip("no answer came for another reason, which another requirement judges")


@check(
    "robustness.alive-after-negatives",
    on=ids("chat.again"),
    reads=Reads.EXCHANGE,
    needs=("stream.basic", "errors.unknown-model-stream", "errors.missing-messages-stream"),
    any_form=True,
    beside=("chat.basic",),
)
def alive_after_negatives(case: Case) -> Iterator[Finding]:
    """What was served first is served after all the nonsense (C02)."""
    before = case.others.get("chat.basic") or case.other("stream.basic")
    if not before.succeeded:
        yield case.unsure(f"{before.probe.id} before the invalid requests was not served either")
    elif case.view.succeeded:
        yield case.ok(saw="served after the invalid requests")
    elif case.view.status == HTTPStatus.NOT_ACCEPTABLE:
        yield case.skip("the request is refused for its Accept; transport.accept-anything judges that")
    else:
        fault = case.view.exchange.fault
        yield case.fail(
            f"after the invalid requests: {fault.detail if fault else f'status {case.view.status}'}",
            f"the success that {before.probe.id} got before them",
            outcome=Outcome.BROKEN,
        )


@check("robustness.large-body", on=ids("robustness.large-body"), reads=Reads.ANSWER)
def large_body(case: Case) -> Iterator[Finding]:
    """Two megabytes are served, or refused for their size (RFC 9110 15.5.14) with the error object."""
    view = case.view
    if view.status in {400, 413} and error_object(view) is None:
        yield case.fail(f"status {view.status} without an error object", "the error object beside 413 or 400")
    else:
        yield from served_or_refused(case, (400, 413), cause=False)


@check("robustness.deep-nesting", on=ids("robustness.deep-nesting"), reads=Reads.ANSWER)
def deep_nesting(case: Case) -> Iterator[Finding]:
    """A reader has a limit, not an accident (RFC 8259 section 9)."""
    if case.view.succeeded or case.view.form is Form.REFUSED:
        yield case.ok(saw=str(case.view.status))
    else:
        yield failed(case, "the request served, or refused with a 4xx status")


@check("robustness.consecutive-roles", on=ids("robustness.consecutive-roles"), reads=Reads.ANSWER)
def consecutive_roles(case: Case) -> Iterator[Finding]:
    """Roles need not alternate, or it is said that they have to."""
    yield from served_or_refused(case, _MISTAKE)


@check("robustness.empty-last-content", on=ids("robustness.empty-last-content*"), reads=Reads.ANSWER)
def empty_last_content(case: Case) -> Iterator[Finding]:
    """An empty message is a message, or it is said that it is none."""
    yield from served_or_refused(case, _MISTAKE)


@check("robustness.null-optional", on=ids("robustness.null-optional"), reads=Reads.ANSWER)
def null_optional(case: Case) -> Iterator[Finding]:
    """Null is no value, or it is said which member may not be null."""
    yield from served_or_refused(case, _MISTAKE)


@check(
    "robustness.concurrent-requests",
    on=ids("messages.echo-stream"),
    reads=Reads.TEXT,
    needs=("messages.parts-all",),
    beside=("messages.echo",),
)
def concurrent_requests(case: Case) -> Iterator[Finding]:
    """Nobody gets the answer to another's question, and what is served alone is served beside others."""
    views = [case.view, *(view for view in case.others.values() if view.succeeded)]
    words = [_word(view) for view in views]
    for view, own in zip(views, words, strict=True):
        strange = next((word for word in words if word != own and word in view.text.lower()), "")
        if strange:
            yield case.fail(
                f"the request for the word {own!r} was answered {view.text[-80:]!r}: "
                "that has the word of another request",
                "each request its own answer",
                also=(view.where(),),
                outcome=Outcome.BROKEN,
            )
            return
    crowd = [one for one in case.mended if one.beside]
    failed = [one for one in crowd if one.failed]
    if _only_alone(crowd):
        yield case.fail(
            f"{len(failed)} of {len(crowd)} valid requests that were sent while others were under way were answered "
            f"with a server error (such as {failed[0].view.status}), and each was served when it was repeated alone",
            "requests served at the same time as they are alone, or 429",
            examined=len(crowd),
            also=tuple(one.view.where() for one in failed[:3]),
        )
        return
    together = [
        view
        for view, own in zip(views, words, strict=True)
        if own in view.text.lower() and any(_overlap(view, other) for other in views if other is not view)
    ]
    if len(together) > 1:
        yield case.ok(len(together), saw=f"{len(together)} requests at a time, each with its own word")
    elif any(_overlap(view, other) for view in views for other in views if other is not view):
        yield case.skip("the model repeated none of the words, so nothing shows whose answer is whose")
    elif failed:
        yield case.unsure(
            f"{len(failed)} of {len(crowd)} requests that were under way together were answered with a server error, "
            "and served when they were repeated alone, so nothing shows whose answer is whose"
        )
    else:
        yield case.skip("the requests of this run did not overlap")


def _only_alone(crowd: Sequence[Mended]) -> bool:
    """Whether a target fails at what it is asked beside other things: most of it, and not for one spell of the run.

    One that says when to come again (Retry-After) tells its client that it is busy, and is believed.
    """
    failures = [number for number, one in enumerate(crowd) if one.failed and retry_after(one.view) is None]
    if len(failures) < max(_SEVERAL, len(crowd) / 2):
        return False
    spell = len(failures) == failures[-1] - failures[0] + 1
    return not spell or len(failures) == len(crowd)


def _word(view: View) -> str:
    """Return the made-up word that a request asks for, in lower case: the last of its message, or of its first part."""
    content = json.loads(view.exchange.request.body)["messages"][-1]["content"]
    said = content[0]["text"] if isinstance(content, list) else content
    return str(said).rstrip(".").rsplit(" ", 1)[-1].lower()


def _overlap(one: View, other: View) -> bool:
    """Whether two exchanges were under way at the same time."""
    first, second = sorted((one.exchange, other.exchange), key=lambda exchange: exchange.started_at)
    return second.started_at < first.started_at + first.elapsed
