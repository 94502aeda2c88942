"""Runs checks over recorded exchanges. Pure: the same evidence gives the same units, byte for byte.

Before a check sees anything, the rules that hold for all of them are applied here, once:

- an exchange that was not captured, a page of an intermediary, a 429, or a target that could not be reached give no
  opinion;
- an invalid probe counts only if its valid twin succeeded on this target, unless the requirement holds for every
  answer; where the twin was honestly refused the case is not applicable;
- a check is kept silent on forms that it cannot read: of a model that lives the case is not applicable, since another
  requirement judges that very form (acceptance, 5xx, what a body has to be); of one that does not it has no opinion;
- what was asked together with other things is judged on that answer if it was served, else on its own;
- a valid request that was refused because the field that limits its answer has another name here gives no opinion,
  but of the limits themselves and of what holds for every answer;
- what was not sent because a target does not mind what it breaks is not applicable;
- a follow-up that could not be asked, since the earlier answer gave nothing to follow, takes nothing away from the
  other cases of a requirement; where there are none it has no opinion, or does not apply when that was a refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from conformance import retired
from conformance.catalogue import Catalogue, Profile
from conformance.checks import all_checks
from conformance.checks.api import READABLE, Case, Check, Reads
from conformance.checks.limitfield import asked_amiss
from conformance.keyless import keyless
from conformance.limited import meant
from conformance.mended import mended
from conformance.model import (
    GATEWAY,
    Claim,
    Exchange,
    FaultKind,
    Finding,
    Intent,
    Level,
    Probe,
    Requirement,
    Verdict,
)
from conformance.models import ModelCards
from conformance.plan import Plan, PlannedCase
from conformance.probes import LIFE
from conformance.probes.tries import answering
from conformance.sdkresults import SdkResults
from conformance.sparing import NOT_SENT, spared
from conformance.verdict import CaseResult, UnitResult, effective_level, fold_case, fold_tries, fold_unit
from conformance.views import UNREACHABLE, Form, View

_UNAUTHORISED = frozenset({401, 403})
_JUDGED_ELSEWHERE = frozenset(Form) - {Form.PAGE, Form.LIMITED, Form.REDIRECT}


@dataclass(frozen=True)
class Judgement:
    """All units of a run, and what was planned but never measured.

    ``planned`` stands beside ``units``: the planned cases of each, in the order of its case results. ``defects`` say
    which checks failed themselves, and on what; their cases are inconclusive. ``views`` are the exchanges of planned
    probes as they were read, by their id and in the order of the evidence.
    """

    units: tuple[UnitResult, ...]
    planned: tuple[tuple[PlannedCase, ...], ...]
    not_measured: tuple[PlannedCase, ...]
    alive: Mapping[str, str]
    defects: tuple[str, ...] = ()
    views: Mapping[str, View] = field(default_factory=dict, compare=False, repr=False)


class Bench:
    """The views of a run, by probe and model; of two attempts the later one counts."""

    def __init__(self, plan: Plan, exchanges: Iterable[Exchange]) -> None:
        """Sort the exchanges to their probes; those of no planned probe are left aside."""
        self.plan = plan
        self.defects: list[str] = []
        self.attempts: dict[tuple[str, str], list[View]] = {}
        self.views: dict[str, View] = {}
        index = plan.index
        for exchange in exchanges:
            probe = index.get((exchange.probe, exchange.model))
            if probe is not None:
                view = self.views[exchange.id] = View(probe, exchange)
                self.attempts.setdefault((probe.id, probe.model), []).append(view)
        for views in self.attempts.values():
            views.sort(key=lambda view: view.exchange.attempt)
        self.life = {model: self._life(model) for model in plan.models}
        self.mended = mended(self.attempts.values())
        self._counting = {name: views[-1] for name, views in self.attempts.items()}

    def view(self, probe: str, model: str) -> View | None:
        """Return the view that counts for a probe of a model, or None when nothing captured answers it."""
        found = self.plan.probe(probe, model)
        return answering(found, self._counting) if found else None

    def spares(self, probe: Probe) -> bool:
        """Whether a probe was not sent because others that break the same rule were served."""
        return spared(probe, self.plan, self._counting)

    def same(self, probe: Probe, model: str) -> View | None:
        """Return the view of the probe whose request this one writes in another way."""
        return self.view(probe.same_as, model) if probe.same_as else None

    def apart(self, probe: str, model: str) -> tuple[View, ...]:
        """Return the views of what the probe asks for together, where it was asked by itself."""
        found = self.plan.probe(probe, model)
        parts = self.plan.apart(found.id, found.model) if found else ()
        views = (self._counting.get((each.id, each.model)) for each in parts)
        return tuple(view for view in views if view is not None)

    def tries(self, probe: str, model: str) -> tuple[View, ...]:
        """Return the views of all tries of a probe that were captured, in their order."""
        found = self.plan.probe(probe, model)
        names = self.plan.tries(found) if found else ()
        views = (self.view(each.id, each.model) for each in names)
        return tuple(view for view in views if view is not None)

    def _life(self, model: str) -> str:
        texts = (
            view.life
            for (_, owner), views in sorted(self.attempts.items())
            if owner == model
            for view in views
            if view.probe.intent is Intent.VALID
        )
        return next((text for text in texts if text), "")

    def alive(self, model: str) -> bool:
        """Whether a model, or for the gateway any model, gave readable text."""
        return bool(self.life.get(model)) if model != GATEWAY else any(self.life.values())

    def asked(self, model: str) -> list[View]:
        """Return everything that a model was asked."""
        return [view for (_, owner), views in self.attempts.items() if owner == model for view in views]

    def unserved(self, view: View, model: str) -> str:
        """Say that the gateway was asked through a model that it does not serve; empty where it was not."""
        first = self.plan.models[0]
        lives = model != GATEWAY or self.life[first]
        return "" if lives else retired.not_served(first, self.asked(first), view)

    def means_429(self, view: View) -> bool:
        """Whether 429 is the answer to this very request, and no limit of a rate."""
        attempts = self.attempts[view.probe.id, view.probe.model]
        return meant(attempts, (each for views in self.attempts.values() for each in views))

    def alone(self, view: View) -> bool:
        """Whether a probe ended in a way that only a repeat can confirm, and has none."""
        return len(self.attempts[view.probe.id, view.probe.model]) == 1 and _failed(view)

    def retries(self, view: View) -> str:
        """Say how often the probe was tried when it was more than once: ``1 of 2`` went wrong."""
        views = self.attempts[view.probe.id, view.probe.model]
        if len(views) == 1:
            return ""
        bad = sum(
            _failed(other) or (other.probe.intent is Intent.VALID and not other.succeeded) for other in views
        )
        return f"{bad} of {len(views)}"


def _failed(view: View) -> bool:
    return view.form in {Form.FAILED, Form.NO_ANSWER} or view.exchange.fault is not None


def judge(
    plan: Plan,
    exchanges: Iterable[Exchange],
    catalogue: Catalogue,
    profile: Profile,
    cards: ModelCards,
    *,
    sdk: SdkResults | None = None,
    stopped: str = "",
) -> Judgement:
    """Judge everything that was planned.

    ``sdk`` is what an official SDK made of the answers, if it ran; ``stopped`` is why the run ended early, if it did.
    """
    bench = Bench(plan, exchanges)
    ended = {
        model: retired.retired(cards.card(model), profile.models, bench.asked(model))
        for model in plan.models
        if not bench.alive(model)
    }
    claimed = frozenset(name for name in catalogue.features if profile.claim_of(name) is Claim.YES)
    checks = {(check.requirement, check.name): check for check in all_checks()}
    order = sorted(plan.cases, key=lambda case: (case.requirement, case.model, case.probe, case.check))
    units: list[UnitResult] = []
    groups: list[tuple[PlannedCase, ...]] = []
    missing: list[PlannedCase] = []
    for (name, model), cases in groupby(order, key=lambda case: (case.requirement, case.model)):
        group = tuple(cases)
        groups.append(group)
        requirement = catalogue.requirements[name]
        claim = profile.claim_of(requirement.feature)
        level = profile.level_of(requirement)
        if reason := ended.get(model):
            nothing = Finding(Verdict.NOT_APPLICABLE, 0, saw=reason, outdated=retired.CLAUSE)
            results = [fold_case(planned.probe, (nothing,), alive=False) for planned in group]
            units.append(_unit(requirement, level, model, claim, results))
            continue
        results = []
        unasked: dict[int, str] = {}
        card = cards.card(model if model != GATEWAY else plan.models[0])
        for planned in group:
            tries = bench.tries(planned.probe, model)
            if not tries:
                if reason := _why_not_asked(planned, bench):
                    unasked[len(results)] = reason
                else:
                    missing.append(planned)
                    reason = _why_missing(planned, bench, stopped)
                results.append(fold_case(planned.probe, (), alive=False, reason=reason))
                continue
            check = checks[name, planned.check]
            tries += tuple(view for view in bench.apart(planned.probe, model) if check.on(view.probe))
            others = _others(check, bench, model)
            probe = bench.plan.probe(planned.probe, model)
            assert probe is not None
            case = Case(
                requirement, probe, tries[0], card, level, claim, others, sdk=sdk, same=bench.same(probe, model),
                plain=bench.view("stream.basic" if probe.streamed else LIFE, model),
                mended=bench.mended, claimed=claimed,
            )  # fmt: skip
            results.append(_judge_tries(check, case, tries, bench, model))
        for place, reason in unasked.items():
            if reason == NOT_SENT or len(unasked) < len(results) or _refused_before(group[place], bench):
                nothing = Finding(Verdict.NOT_APPLICABLE, 0, saw=reason)
                results[place] = fold_case(group[place].probe, (nothing,), alive=False)
        units.append(_unit(requirement, level, model, claim, results))
    return Judgement(
        tuple(units), tuple(groups), tuple(missing), bench.life, tuple(bench.defects), bench.views
    )


def _judge_tries(check: Check, case: Case, tries: Sequence[View], bench: Bench, model: str) -> CaseResult:
    """Judge each try of a case by itself, and fold."""
    name = case.probe.id
    planned = len(bench.plan.tries(case.probe))
    results: list[CaseResult] = []
    for number, view in enumerate(tries, 1):
        probe = case.probe if view.probe.id == case.probe.apart else view.probe
        one = replace(case, probe=probe, view=view, tries=tuple(tries[:number]), final=number == planned)
        findings, reason = _findings(check, one, bench, model)
        results.append(
            fold_case(
                name,
                findings,
                alive=bench.alive(model),
                reason=reason,
                attempts=bench.retries(view),
            )
        )
    return fold_tries(results)


def _why_not_asked(planned: PlannedCase, bench: Bench) -> str:
    """Say why a follow-up could not be asked although what it follows was; empty when it simply was not sent."""
    probe = bench.plan.probe(planned.probe, planned.model)
    if probe is not None and bench.spares(probe):
        return NOT_SENT
    if probe is None or probe.follow is None or bench.view(probe.follow.probe, planned.model) is None:
        return ""
    return f"the answer of {probe.follow.probe} gave nothing to follow up"


def _why_missing(planned: PlannedCase, bench: Bench, stopped: str) -> str:
    probe = bench.plan.probe(planned.probe, planned.model)
    together = bench.view(probe.apart, planned.model) if probe and probe.apart else None
    if together is None:
        early = f"the run ended before this was answered ({stopped})"
        return f"not measured: {early if stopped else 'the exchange was never captured'}"
    ended = f"{together.form.noun} ({together.ending})"
    return (
        f"not measured: asked together with other things it ended as {ended}, and by itself it was not asked"
    )


def _refused_before(planned: PlannedCase, bench: Bench) -> bool:
    """Whether what a follow-up follows was refused: then another requirement judges that."""
    probe = bench.plan.probe(planned.probe, planned.model)
    before = bench.view(probe.follow.probe, planned.model) if probe and probe.follow else None
    return before is not None and _refused(before, bench, planned.model)


def _unit(
    requirement: Requirement, level: Level, model: str, claim: Claim, results: Sequence[CaseResult]
) -> UnitResult:
    verdict = fold_unit(results)
    outcomes = [case.outcome for case in results if case.outcome and case.verdict is verdict]
    return UnitResult(
        requirement=requirement.id,
        title=requirement.title,
        level=effective_level(level, claim, results),
        feature=requirement.feature,
        model=model,
        claim=claim,
        verdict=verdict,
        outcome=outcomes[0] if outcomes else None,
        cases=tuple(results),
    )


def _others(check: Check, bench: Bench, model: str) -> dict[str, View]:
    found = ((name, bench.tries(name, model)) for name in (*check.needs, *check.beside))
    return {name: tries[-1] for name, tries in found if tries}


def _findings(check: Check, case: Case, bench: Bench, model: str) -> tuple[tuple[Finding, ...], str]:
    """Return the findings of a check, or none and the reason why it was kept silent."""
    reason = _silence(check, case, bench, model)
    if reason:
        return (), reason
    if case.probe.intent is Intent.INVALID and not check.any_cause:
        twin = bench.view(case.probe.twin, model) if case.probe.twin else None
        if twin is not None and _refused(twin, bench, model):
            return (
                case.skip(f"its valid twin {case.probe.twin} is refused too: the feature is unknown here"),
            ), ""
    if case.view.form not in READABLE[check.reads]:
        why = f"the answer is {case.view.form.noun} ({case.view.ending}); another requirement judges that"
        if bench.alive(model) and case.view.form in _JUDGED_ELSEWHERE:
            return (case.skip(why),), ""
        return (), why
    try:
        return tuple(check.judge(case)), ""
    except Exception as error:  # noqa: BLE001 - whatever it is, it is ours
        # One answer that a check stumbles over must not take all other verdicts with it.
        why = f"{type(error).__name__}: {error}"
        bench.defects.append(
            f"{check.requirement}, check {check.name}, exchange {case.view.exchange.id}: {why}"
        )
        return (case.unsure(f"the suite itself failed here ({why}); this says nothing of the target"),), ""


def _silence(check: Check, case: Case, bench: Bench, model: str) -> str:
    """Say why a check is not asked at all, empty when it is."""
    amiss = "" if check.any_cause or case.requirement.feature == "limits" else asked_amiss(case.view)
    if not check.any_cause and (elsewhere := bench.unserved(case.view, model)):
        return elsewhere
    return amiss or _unreadable(check, case.view, bench, model) or _unproven(check, case, bench, model)


def _unreadable(check: Check, view: View, bench: Bench, model: str) -> str:  # noqa: PLR0911 - a list of reasons
    """Say why an exchange says nothing of the target."""
    fault = view.exchange.fault
    if fault is not None and fault.kind in UNREACHABLE:
        return f"the target could not be reached: {fault.detail}"
    if fault is not None and fault.kind is FaultKind.WITHHELD and check.reads is not Reads.EXCHANGE:
        return f"the body is not in the evidence: {fault.detail}"
    if view.form is Form.PAGE and check.reads is not Reads.PAGE:
        return f"an intermediary answered with an HTML page ({view.status})"
    if check.reads is Reads.LIMIT:
        return ""
    if view.form is Form.LIMITED and (view.probe.intent is Intent.VALID or not bench.means_429(view)):
        return "the target limited the rate (429) each time"
    ended = f"{view.form.noun} ({view.ending})"
    if bench.alone(view):
        return f"it ended as {ended} and was not repeated, so it may have been bad luck"
    if not bench.alive(model) and _closed_door(view):
        return f"no valid request of this run was answered; this one ended as {ended}"
    return ""


def _unproven(check: Check, case: Case, bench: Bench, model: str) -> str:
    """Say what a case leans on that did not succeed."""
    probe = case.view.probe
    lent = bench.view(probe.twin, model) if probe.has("auth") and probe.twin else None
    if lent is not None and (why := keyless(lent)):
        return why
    if probe.intent is Intent.INVALID and not (check.any_cause and bench.alive(model)):
        twin = bench.view(probe.twin, model) if probe.twin else None
        if twin is not None and (elsewhere := bench.unserved(twin, model)):
            return elsewhere
        if twin is None or not (twin.succeeded or _refused(twin, bench, model)):
            return f"its valid twin {probe.twin} did not succeed, so this answer proves nothing"
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
        return view.form is Form.REFUSED or view.status in _UNAUTHORISED
    return False


def _refused(view: View, bench: Bench, model: str) -> bool:
    """Whether a valid probe was refused by a target that serves others: it does not know the feature."""
    return view.form is Form.REFUSED and view.status not in _UNAUTHORISED and bench.alive(model)
