"""Generated requests: what breaks one keyword of the request schema is refused, what stays within it is served.

A server that ignores what it does not know is *lenient*: a recommendation, never a required failure. That it does
not answer 5xx, hang or cut the connection is judged elsewhere (robustness), and is required.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from conformance.checks.api import Case, Reads, check
from conformance.model import Claim, Finding, Intent, Outcome, Probe
from conformance.openapi import requirement_ids
from conformance.views import Form


def _judge(case: Case) -> Iterator[Finding]:
    if case.probe.intent is Intent.VALID:
        yield from _served(case)
    else:
        yield from _refused(case)


def _served(case: Case) -> Iterator[Finding]:
    view = case.view
    if view.succeeded:
        yield case.ok(outcome=Outcome.ACCEPTED)
    elif view.form is Form.REFUSED and case.claim is not Claim.YES:
        yield case.skip(f"refused with {view.status}, and nobody claims it")
    elif view.form is Form.REFUSED:
        yield case.fail(f"status {view.status} to a valid value", "a success status")
    else:
        yield case.skip(f"the answer is a {view.form}; another requirement judges that")


def _refused(case: Case) -> Iterator[Finding]:
    view, defect = case.view, case.probe.defect
    assert defect is not None
    if view.form is Form.REFUSED:
        yield case.ok(outcome=Outcome.REJECTED_CLEAN)
    elif view.succeeded and _may_be_lenient(case):
        skipped = case.skip(f"status {view.status}: it was accepted, as this model's rule allows")
        yield replace(skipped, outcome=Outcome.LENIENT)
    elif view.succeeded:
        yield case.fail(
            f"status {view.status}: it was accepted although {defect.what}",
            "a client error, 400 or 422, that names the cause",
            outcome=Outcome.LENIENT,
        )
    else:
        yield case.skip(f"the answer is a {view.form}; another requirement judges that")


def _may_be_lenient(case: Case) -> bool:
    """Whether the model's card lets a target act as if the member that is wrong had not been sent."""
    assert case.probe.defect is not None
    member = (case.probe.defect.pointer or "").strip("/").split("/")[0]
    return Outcome.LENIENT in case.card.allowed(member, dict(case.view.asked))


def _of(requirement: str) -> None:
    def chosen(probe: Probe) -> bool:
        return probe.requirement == requirement

    check(requirement, on=chosen, reads=Reads.ANSWER)(_judge)


for _requirement in requirement_ids():
    _of(_requirement)
