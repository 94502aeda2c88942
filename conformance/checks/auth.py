"""Authentication: the right key gets in, everything else gets 401 (contract clauses A05, A06, G01)."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.checks.api import Case, Reads, check
from conformance.checks.select import ids, valid
from conformance.model import Finding, Outcome

_REFUSED = frozenset({401, 403})


@check("auth.bearer-accepted", on=valid("life"), reads=Reads.ANSWER)
def key_lets_in(case: Case) -> Iterator[Finding]:
    """A valid request with the key is not refused for want of one."""
    if case.view.status in _REFUSED:
        yield case.fail(f"status {case.view.status} with the right key", "no 401 or 403")
    elif case.view.succeeded:
        yield case.ok()


def _unauthorised(case: Case) -> Iterator[Finding]:
    status = case.view.status
    if status == 401:  # noqa: PLR2004
        yield case.ok(saw="401")
        return
    expected = "status 401"
    assert case.probe.defect is not None
    outcome = Outcome.BROKEN if status is not None and status >= 500 else None  # noqa: PLR2004
    yield case.fail(f"status {status} to a request with {case.probe.defect.what}", expected, outcome=outcome)


@check("auth.no-key", on=ids("auth.no-key*"), reads=Reads.ANSWER)
def no_key(case: Case) -> Iterator[Finding]:
    """No Authorization header is 401."""
    yield from _unauthorised(case)


@check("auth.empty-bearer", on=ids("auth.empty-bearer*"), reads=Reads.ANSWER)
def empty_bearer(case: Case) -> Iterator[Finding]:
    """A bearer header with nothing after it is 401."""
    yield from _unauthorised(case)


@check("auth.wrong-scheme", on=ids("auth.wrong-scheme*"), reads=Reads.ANSWER)
def wrong_scheme(case: Case) -> Iterator[Finding]:
    """Another scheme is 401."""
    yield from _unauthorised(case)


@check("auth.wrong-key", on=ids("auth.wrong-key*"), reads=Reads.ANSWER)
def wrong_key(case: Case) -> Iterator[Finding]:
    """A token that is no key is 401."""
    yield from _unauthorised(case)


@check("auth.www-authenticate", on=ids("auth.no-key*", "auth.wrong-key*"), reads=Reads.REJECTION)
def challenge(case: Case) -> Iterator[Finding]:
    """A 401 names the scheme that it wants (RFC 9110 15.5.2)."""
    if case.view.status != 401:  # noqa: PLR2004
        yield case.skip(f"the answer is {case.view.status}, not 401")
    elif (case.view.header("www-authenticate") or "").strip():
        yield case.ok()
    else:
        yield case.fail("401 without WWW-Authenticate", "a WWW-Authenticate header with a challenge")


@check("auth.scheme-case-insensitive", on=valid("scheme-case"), reads=Reads.ANSWER)
def scheme_case(case: Case) -> Iterator[Finding]:
    """The scheme name is compared without case (RFC 9110 11.1)."""
    if case.view.status in _REFUSED:
        yield case.fail(f"status {case.view.status} to `bearer` in lower case", "accepted as `Bearer` is")
    elif case.view.succeeded:
        yield case.ok()
