"""Runs checks over recorded exchanges. Pure: the same evidence gives the same units, byte for byte.

Before a check sees anything, the rules that hold for all of them are applied, here and in :mod:`conformance.silence`:

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
from itertools import groupby
from operator import attrgetter

from msgspec import Struct, field

from conformance import retired
from conformance.bench import Answers, Bench
from conformance.catalogue import Catalogue, Profile
from conformance.checks import all_checks
from conformance.checks.api import READABLE, Case, Check
from conformance.model import GATEWAY, Claim, Exchange, Finding, Intent, Level, Requirement, Verdict
from conformance.models import ModelCard, ModelCards
from conformance.plan import Plan, PlannedCase
from conformance.sdkresults import SdkResults
from conformance.silence import Silence, ended
from conformance.sparing import NOT_SENT
from conformance.verdict import CaseResult, UnitResult, effective_level, fold_case, fold_tries, fold_unit
from conformance.views import Form, View

_JUDGED_ELSEWHERE = frozenset(Form) - {Form.PAGE, Form.LIMITED, Form.REDIRECT}


class Judgement(Struct, frozen=True):
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
    views: Mapping[str, View] = field(default_factory=dict)


class _Run(Struct, frozen=True):
    """What all cases of a run have in common."""

    bench: Bench
    silence: Silence
    sdk: SdkResults | None
    claimed: frozenset[str]


class _Row(Struct, frozen=True):
    """What all cases of a unit have in common."""

    requirement: Requirement
    model: str
    card: ModelCard
    level: Level
    claim: Claim


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
    over = {
        model: retired.retired(cards.card(model), profile.models, bench.asked(model))
        for model in plan.models
        if not bench.alive(model)
    }
    claimed = frozenset(name for name in catalogue.features if profile.claim_of(name) is Claim.YES)
    run = _Run(bench, Silence(bench), sdk, claimed)
    card_of = {model: cards.card(model) for model in plan.models}
    card_of[GATEWAY] = card_of[plan.models[0]]
    checks = {(check.requirement, check.name): check for check in all_checks()}
    order = sorted(plan.cases, key=attrgetter("requirement", "model", "probe", "check"))
    units: list[UnitResult] = []
    groups: list[tuple[PlannedCase, ...]] = []
    missing: list[PlannedCase] = []
    for (name, model), cases in groupby(order, key=attrgetter("requirement", "model")):
        group = tuple(cases)
        groups.append(group)
        requirement = catalogue.requirements[name]
        claim, level = profile.claim_of(requirement.feature), profile.level_of(requirement)
        row = _Row(requirement, model, card_of[model], level, claim)
        if reason := over.get(model):
            nothing = Finding(Verdict.NOT_APPLICABLE, 0, saw=reason, outdated=retired.CLAUSE)
            results = [fold_case(planned.probe, (nothing,), alive=False) for planned in group]
            units.append(_unit(row, results))
            continue
        results = []
        unasked: dict[int, str] = {}
        for planned in group:
            answers = bench.answers(planned.probe, model)
            if answers.tries:
                results.append(_judge_tries(checks[name, planned.check], row, answers, run))
                continue
            if reason := _why_not_asked(planned, bench):
                unasked[len(results)] = reason
            else:
                missing.append(planned)
                reason = _why_missing(planned, bench, stopped)
            results.append(fold_case(planned.probe, (), alive=False, reason=reason))
        for place, reason in unasked.items():
            if reason == NOT_SENT or len(unasked) < len(results) or _refused_before(group[place], bench):
                nothing = Finding(Verdict.NOT_APPLICABLE, 0, saw=reason)
                results[place] = fold_case(group[place].probe, (nothing,), alive=False)
        units.append(_unit(row, results))
    return Judgement(
        tuple(units), tuple(groups), tuple(missing), bench.life, tuple(bench.defects), bench.views
    )


def _judge_tries(check: Check, row: _Row, answers: Answers, run: _Run) -> CaseResult:
    """Judge each try of a case by itself, and fold."""
    bench, first, tries = run.bench, answers.probe, answers.tries
    assert first is not None
    if answers.parts:
        tries += tuple(view for view in answers.parts if check.on(view.probe))
    others = _others(check, bench, row.model)
    results: list[CaseResult] = []
    for number, view in enumerate(tries, 1):
        case = Case(
            row.requirement,
            first if view.probe.id == first.apart else view.probe,
            view,
            row.card,
            row.level,
            row.claim,
            others,
            tries=tries[:number],
            final=number == answers.planned,
            sdk=run.sdk,
            same=answers.same,
            plain=answers.plain,
            mended=bench.mended,
            claimed=run.claimed,
            answers=bench.answered(row.model),
        )
        findings, reason = _findings(check, case, run, row.model)
        results.append(
            fold_case(
                first.id,
                findings,
                alive=bench.alive(row.model),
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
    return (
        f"not measured: asked together with other things it ended as {ended(together)}, "
        "and by itself it was not asked"
    )


def _refused_before(planned: PlannedCase, bench: Bench) -> bool:
    """Whether what a follow-up follows was refused: then another requirement judges that."""
    probe = bench.plan.probe(planned.probe, planned.model)
    before = bench.view(probe.follow.probe, planned.model) if probe and probe.follow else None
    return before is not None and bench.refused(before, planned.model)


def _unit(row: _Row, results: Sequence[CaseResult]) -> UnitResult:
    verdict = fold_unit(results)
    outcomes = (case.outcome for case in results if case.verdict is verdict)
    return UnitResult(
        requirement=row.requirement.id,
        title=row.requirement.title,
        level=effective_level(row.level, row.claim, results),
        feature=row.requirement.feature,
        model=row.model,
        claim=row.claim,
        verdict=verdict,
        outcome=next(filter(None, outcomes), None),
        cases=tuple(results),
    )


def _others(check: Check, bench: Bench, model: str) -> dict[str, View]:
    if not (check.needs or check.beside):
        return {}
    found = ((name, bench.answers(name, model).tries) for name in (*check.needs, *check.beside))
    return {name: tries[-1] for name, tries in found if tries}


def _findings(check: Check, case: Case, run: _Run, model: str) -> tuple[tuple[Finding, ...], str]:
    """Return the findings of a check, or none and the reason why it was kept silent."""
    bench, form = run.bench, case.view.form
    reason = run.silence.reason(check, case, model)
    if reason:
        return (), reason
    if case.probe.intent is Intent.INVALID and not check.any_cause:
        twin = bench.view(case.probe.twin, model) if case.probe.twin else None
        if twin is not None and bench.refused(twin, model):
            return (
                case.skip(f"its valid twin {case.probe.twin} is refused too: the feature is unknown here"),
            ), ""
    if form not in READABLE[check.reads]:
        why = f"the answer is {ended(case.view)}; another requirement judges that"
        if bench.alive(model) and form in _JUDGED_ELSEWHERE:
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
