"""Why a check is not asked about an answer at all.

The rules that hold for every check are applied here, before it sees anything: what says nothing of the target, and what
leans on something that did not succeed, gives no opinion. They look at the answer and at how a check reads, never at
which check it is, so each answer is weighed once for all checks that read alike.
"""

from __future__ import annotations

from typing import TypeAlias

from conformance.bench import UNAUTHORISED, Bench
from conformance.checks.api import Case, Check, Reads
from conformance.checks.limitfield import asked_amiss
from conformance.keyless import keyless
from conformance.model import FaultKind, Intent
from conformance.views import UNREACHABLE, Form, View

_Manner: TypeAlias = tuple[Reads, bool, bool]
"""How a check reads: which forms, whether any cause counts, and whether it is about limits themselves."""


class Silence:
    """The reasons why checks have nothing to say of the answers of a run."""

    def __init__(self, bench: Bench) -> None:
        """Take the answers of the run."""
        self._bench = bench
        self._known: dict[tuple[View, str, _Manner], str] = {}

    def reason(self, check: Check, case: Case, model: str) -> str:
        """Say why a check is not asked, empty when it is."""
        manner = (check.reads, check.any_cause, case.requirement.feature == "limits")
        key = (case.view, model, manner)
        why = self._known.get(key)
        if why is None:
            why = self._known[key] = _weigh(case.view, self._bench, model, manner)
        return why or (_lacking(check, case) if check.needs else "")


def ended(view: View) -> str:
    """Say how an exchange ended: what it turned out to be, and the status or what went wrong."""
    return f"{view.form.noun} ({view.ending})"


def _weigh(view: View, bench: Bench, model: str, manner: _Manner) -> str:
    reads, any_cause, of_limits = manner
    if not any_cause and (elsewhere := bench.unserved(view, model)):
        return elsewhere
    amiss = "" if any_cause or of_limits else asked_amiss(view)
    return (
        amiss or _unreadable(view, bench, model, reads) or _unproven(view, bench, model, any_cause=any_cause)
    )


def _unreadable(view: View, bench: Bench, model: str, reads: Reads) -> str:  # noqa: PLR0911 - a list of reasons
    """Say why an exchange says nothing of the target."""
    fault = view.exchange.fault
    if fault is not None and fault.kind in UNREACHABLE:
        return f"the target could not be reached: {fault.detail}"
    if fault is not None and fault.kind is FaultKind.WITHHELD and reads is not Reads.EXCHANGE:
        return f"the body is not in the evidence: {fault.detail}"
    if view.form is Form.PAGE and reads is not Reads.PAGE:
        return f"an intermediary answered with an HTML page ({view.status})"
    if reads is Reads.LIMIT:
        return ""
    if view.form is Form.LIMITED and (view.probe.intent is Intent.VALID or not bench.means_429(view)):
        return "the target limited the rate (429) each time"
    if bench.alone(view):
        return f"it ended as {ended(view)} and was not repeated, so it may have been bad luck"
    if not bench.alive(model) and _closed_door(view):
        return f"no valid request of this run was answered; this one ended as {ended(view)}"
    return ""


def _unproven(view: View, bench: Bench, model: str, *, any_cause: bool) -> str:
    """Say what an answer leans on that did not succeed."""
    probe = view.probe
    twin = bench.view(probe.twin, model) if probe.twin else None
    if twin is not None and probe.has("auth") and (why := keyless(twin)):
        return why
    if probe.intent is Intent.INVALID and not (any_cause and bench.alive(model)):
        if twin is not None and (elsewhere := bench.unserved(twin, model)):
            return elsewhere
        if twin is None or not (twin.succeeded or bench.refused(twin, model)):
            return f"its valid twin {probe.twin} did not succeed, so this answer proves nothing"
    return ""


def _lacking(check: Check, case: Case) -> str:
    """Say which answer that a check needs did not succeed."""
    for name in check.needs:
        other = case.others.get(name)
        if other is None or not (other.succeeded or check.any_form):
            return f"it needs the answer of {name}, which did not succeed"
    return ""


def _closed_door(view: View) -> bool:
    """Whether the answer, on a target that never answered properly, is a closed door rather than a defect."""
    if view.status is None:
        return True
    if view.probe.intent is Intent.VALID:
        return view.form is Form.REFUSED or view.status in UNAUTHORISED
    return False
