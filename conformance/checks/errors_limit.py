"""Rate limits, where they were provoked: 429 with the error object, and when to come back (contract clause G04)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from conformance.checks import envelope, leaks
from conformance.checks.api import Case, Judge, Reads, check
from conformance.checks.errortext import error_object, hidden_error
from conformance.checks.select import ids
from conformance.model import Finding, Outcome
from conformance.probes.burst import MOST, NAMES, SECONDS
from conformance.retryafter import retry_after
from conformance.views import Form, View

LONGEST: Final = 120.0
"""Seconds that the SDKs wait at most."""
_OTHER_LIMITS: Final = frozenset({402, 403, 413})
"""Statuses with which a limit is known to be told wrongly."""


def _answers(case: Case) -> list[View]:
    """Return the answers to the burst in the order in which it was sent."""
    return sorted((case.view, *case.others.values()), key=lambda view: view.exchange.started_at)


def _limited(views: list[View]) -> View | None:
    return next((view for view in views if view.form is Form.LIMITED), None)


def _none_met(case: Case, views: list[View]) -> Finding:
    """Say what was sent in vain; where even plain requests failed there is no opinion."""
    served = sum(view.succeeded for view in views)
    took = (
        max(view.exchange.started_at + view.exchange.elapsed for view in views) - views[0].exchange.started_at
    )
    saw = f"{len(views)} requests within {took:.1f} s met no limit, {served} of them were served"
    return (
        case.skip(f"{saw} (at most {MOST} are sent, within {SECONDS:.0f} s)") if served else case.unsure(saw)
    )


@check("errors.rate-limit", on=ids(NAMES[0]), reads=Reads.LIMIT, beside=NAMES[1:])
def rate_limit(case: Case) -> Iterator[Finding]:
    """A limit is told with 429, the one status of RateLimitError, and with the error object."""
    views = _answers(case)
    limited = _limited(views)
    if limited is not None:
        error = error_object(limited)
        if error is not None and isinstance(error.get("message"), str):
            yield case.ok(
                len(views), saw=f"429 to request {views.index(limited) + 1} of {len(views)}: RateLimitError"
            )
        else:
            body = limited.content[:80].decode("utf-8", "replace")
            yield case.fail(
                f"429 with the body {body!r}",
                "the error object beside status 429",
                examined=len(views),
                also=(limited.where(),),
            )
        return
    other = next((view for view in views if view.status in _OTHER_LIMITS or hidden_error(view)), None)
    if other is not None and any(view.succeeded for view in views):
        told = hidden_error(other) or f"{other.content[:80].decode('utf-8', 'replace')!r}"
        yield case.fail(
            f"status {other.status} to one of {len(views)} equal requests, others were served: {told}",
            "status 429: no other becomes RateLimitError",
            examined=len(views),
            outcome=Outcome.BROKEN,
            also=(other.where(),),
        )
    else:
        yield _none_met(case, views)


@check("errors.retry-after", on=ids(NAMES[0]), reads=Reads.LIMIT, beside=NAMES[1:])
def says_when(case: Case) -> Iterator[Finding]:
    """Retry-After is a number of seconds or a date, and no longer away than the SDKs wait."""
    views = _answers(case)
    limited = _limited(views)
    if limited is None:
        yield _none_met(case, views)
        return
    given, seconds = limited.header("retry-after"), retry_after(limited)
    negative = given is not None and given.startswith("-")
    if seconds is not None and seconds <= LONGEST and not negative:
        yield case.ok(saw=f"{seconds:g} s")
    else:
        yield case.fail(
            f"Retry-After: {given}"[:120] if given is not None else "429 without Retry-After",
            f"seconds or a date (RFC 9110 10.2.3), at most {LONGEST:.0f} s away",
            also=(limited.where(),),
        )


def _of_the_limit(judge: Judge) -> Judge:
    """Make a judge of errors judge the first 429 of a burst, as it judges every other refusal."""

    def of_the_limit(case: Case) -> Iterator[Finding]:
        views = _answers(case)
        limited = _limited(views)
        if limited is None:
            yield _none_met(case, views)
        else:
            yield from judge(replace(case, view=limited))

    return of_the_limit


for _row, _judge in (
    ("errors.envelope-message", envelope.envelope_message),
    ("errors.envelope-members", envelope.envelope_members),
    ("errors.envelope-types", envelope.envelope_types),
    ("errors.no-stringified-null", envelope.no_stringified_null),
    ("errors.content-type", envelope.content_type),
    ("errors.key-not-echoed", leaks.key_not_echoed),
    ("errors.no-stack-trace", leaks.no_stack_trace),
    ("errors.no-file-path", leaks.no_file_path),
    ("errors.no-printed-value", leaks.no_printed_value),
    ("errors.no-upstream-address", leaks.no_upstream_address),
):
    check(_row, on=ids(NAMES[0]), reads=Reads.LIMIT, beside=NAMES[1:], verb="limit")(_of_the_limit(_judge))
