"""Makes report.json of a judged run: the only source of every other report.

Pure and deterministic: the same evidence gives the same bytes. Counts, grade and exit code come from
:mod:`conformance.verdict`; times come from the evidence; nothing here asks the clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from conformance.baseline import NOTHING_KNOWN, KnownFailures
from conformance.catalogue import Catalogue, Profile, Source
from conformance.evidence import Evidence
from conformance.judge import Judgement
from conformance.model import Finding, Requirement, Verdict, Where
from conformance.models import ModelCards, load_cards
from conformance.plan import Plan
from conformance.probes.tries import answering
from conformance.report import shape
from conformance.report.excerpt import excerpt, shortened
from conformance.report.extensions import extensions
from conformance.report.facts import RunFacts, facts_of, moment
from conformance.report.lenient import lenient
from conformance.report.promises import outdated, parameters, unsent
from conformance.report.reproduce import reproduce
from conformance.report.safe import clip
from conformance.report.timeline import timeline
from conformance.sdkresults import SdkResults
from conformance.verdict import CaseResult, Summary, UnitResult, behind
from conformance.views import View

FURTHER: Final = 10
"""Further findings of a case that are listed beside the first."""

MEASURED: Final = 3
"""Ways in which an SDK broke that are listed of one failure."""

BODY: Final = 2_000
"""Bytes of a request's body that a report shows."""

_OPEN: Final = frozenset({Verdict.FAIL, Verdict.INCONCLUSIVE})
_SECTION: Final = re.compile(r"rfc\d+:(\d[\d.]*)")


def build_report(
    plan: Plan,
    recorded: Evidence,
    judgement: Judgement,
    summary: Summary,
    *,
    catalogue: Catalogue,
    profile: Profile,
    cards: ModelCards,
    absent: Sequence[str] = (),
    stopped: str = "",
    baseline: KnownFailures = NOTHING_KNOWN,
    sdk: SdkResults | None = None,
) -> shape.Report:
    """Build the report of a recorded run: what the evidence says of the run itself, and what the judgement found."""
    views = judgement.views
    unfinished = len(recorded.unfinished) + len(recorded.sent_again)
    run = facts_of(recorded.header, views, unfinished=unfinished, stopped=stopped, baseline=baseline)
    return build(
        run,
        plan,
        judgement,
        summary,
        catalogue=catalogue,
        profile=profile,
        views=views,
        sdk=sdk,
        cards=cards,
        absent=absent,
    )


def build(
    run: RunFacts,
    plan: Plan,
    judgement: Judgement,
    summary: Summary,
    *,
    catalogue: Catalogue,
    profile: Profile,
    views: Mapping[str, View],
    sdk: SdkResults | None = None,
    cards: ModelCards | None = None,
    absent: Sequence[str] = (),
) -> shape.Report:
    """Build the report.

    ``views`` are all exchanges of the run by their id; ``sdk`` is what an official SDK made of them. ``absent`` are
    models of the profile that the target does not list.
    """
    by_attempt = sorted(views.values(), key=lambda view: view.exchange.attempt)
    latest = {(view.probe.id, view.probe.model): view for view in by_attempt}
    answers: dict[tuple[str, str], View] = {}
    for name, model in dict.fromkeys((case.probe, case.model) for case in plan.cases):
        probe = plan.probe(name, model)
        if probe is not None and (view := answering(probe, latest)) is not None:
            answers[name, model] = view
    places = {name: (Where(view.exchange.id),) for name, view in answers.items()}
    bulk = {
        name: len(view.exchange.request.body) + 1
        for name, view in answers.items()
        if view.probe.has("generated")
    }
    writer = _Writer(run, catalogue, views, places, sdk or SdkResults(), bulk, {})
    return shape.Report(
        format=shape.FORMAT,
        version=shape.VERSION,
        suite=shape.Suite(name="chat-conformance", version=run.suite_version),
        set=plan.set_name,
        profile=profile.name,
        target=shape.TargetFacts(
            name=run.target_name, url=run.target_url, models=list(plan.models), reference=run.reference
        ),
        times=_times(run),
        selection=shape.Selection(only=list(plan.only), complete=plan.complete),
        generated=plan.generated,
        stopped=clip(run.stopped),
        plan=writer.plan_facts(plan, judgement),
        summary=_summary(summary),
        features={
            name: catalogue.features[name].title
            for name in sorted({unit.feature for unit in judgement.units})
        },
        results=[writer.result(unit) for unit in _sorted(judgement.units)],
        exchanges={name: _sent(views[name]) for name in sorted(views)},
        extensions=extensions(views.values()),
        lenient=lenient(plan, latest),
        parameters=parameters(judgement.units),
        outdated=outdated(
            judgement.units, catalogue, profile, cards=cards or load_cards(), absent=absent, day=run.day
        ),
        absent=list(absent),
        unsent=unsent(plan, profile.documents, absent),
        spent=shape.Spent(
            requests=run.requests, prompt_tokens=run.tokens.prompt, completion_tokens=run.tokens.completion
        ),
        not_measured=[
            shape.Unmeasured(requirement=requirement, probe=probe, model=model)
            for requirement, probe, model in sorted(
                {(case.requirement, case.probe, case.model) for case in judgement.not_measured}
            )
        ],
        baseline=shape.Baseline(
            file=run.baseline.file,
            known=[
                shape.BaselineEntry(
                    requirement=requirement, model=model, reason=clip(entry.reason), link=clip(entry.link)
                )
                for (requirement, model), entry in sorted(run.baseline.known.items())
            ],
            stale=list(run.baseline.stale),
        ),
    )


def _sorted(units: Sequence[UnitResult]) -> list[UnitResult]:
    return sorted(units, key=lambda unit: (unit.requirement, unit.model))


def _times(run: RunFacts) -> shape.Times:
    seconds = run.ended - run.started if run.started is not None and run.ended is not None else 0.0
    return shape.Times(started=moment(run.started), ended=moment(run.ended), seconds=round(seconds, 3))


def _summary(summary: Summary) -> shape.SummaryFacts:
    score = summary.score
    return shape.SummaryFacts(
        grade=str(summary.grade),
        exit_code=int(summary.exit_code),
        score=shape.ScoreFacts(passed=score.passed, required=score.required, not_measured=score.not_measured),
        required=_counts(summary.required),
        recommended=_counts(summary.recommended),
        features={name: _counts(summary.features[name]) for name in sorted(summary.features)},
        models={name: _counts(summary.models[name]) for name in sorted(summary.models)},
        matrix={
            feature: {model: _counts(row[model]) for model in sorted(row)}
            for feature, row in sorted(summary.matrix.items())
        },
    )


def _counts(counts: Mapping[str, int]) -> shape.Counts:
    return shape.Counts(
        {
            "total": counts["total"],
            "pass": counts["pass"],
            "fail": counts["fail"],
            "inconclusive": counts["inconclusive"],
            "not_applicable": counts["not_applicable"],
        }
    )


def _sent(view: View) -> shape.Sent:
    exchange, probe = view.exchange, view.probe
    request, fault = exchange.request, exchange.fault
    return shape.Sent(
        probe=probe.id,
        model=exchange.model,
        attempt=exchange.attempt,
        intent=str(probe.intent),
        about=probe.defect.what if probe.defect else probe.label,
        twin=probe.twin,
        method=request.method,
        path=request.path,
        headers=[[name, clip(value)] for name, value in request.headers],
        body=shortened(request.body, BODY),
        status=view.status,
        form=str(view.form),
        elapsed=round(exchange.elapsed, 3),
        fault=f"{fault.kind}: {clip(fault.detail)}" if fault else None,
        timeline=timeline(view),
    )


class _Writer(NamedTuple):
    """Writes what needs to look things up; ``answers`` has the exchange that counts for each planned case, as a place.

    ``bulk`` orders the cases of a unit: generated requests stand last, those with the smallest body first.
    ``told`` keeps what was written of each case of a model: of most probes many requirements say the same.
    """

    run: RunFacts
    catalogue: Catalogue
    views: Mapping[str, View]
    answers: Mapping[tuple[str, str], tuple[Where, ...]]
    sdk: SdkResults
    bulk: Mapping[tuple[str, str], int]
    told: dict[tuple[CaseResult, str], shape.CaseFacts]

    def plan_facts(self, plan: Plan, judgement: Judgement) -> shape.PlanFacts:
        return shape.PlanFacts(
            digest=plan.digest,
            seed=plan.seed,
            challenge=plan.challenge,
            requests=len(plan.probes),
            planned=len(plan.cases),
            captured=sum((case.probe, case.model) in self.answers for case in plan.cases),
            judged=len(plan.cases) - len(judgement.not_measured),
        )

    def result(self, unit: UnitResult) -> shape.ResultFacts:
        row = self.catalogue.requirements[unit.requirement]
        deciding = [case for case in unit.cases if case.verdict is unit.verdict]
        failed = unit.verdict is Verdict.FAIL
        return shape.ResultFacts(
            requirement=unit.requirement,
            title=unit.title,
            level=str(unit.level),
            feature=unit.feature,
            model=unit.model,
            claim=str(unit.claim),
            verdict=str(unit.verdict),
            outcome=_text(unit.outcome),
            known=failed and (unit.requirement, unit.model) in self.run.baseline.known,
            behind=list(behind(unit, self.run.baseline.known)),
            reason=clip(next((case.reason for case in deciding if case.reason), "")),
            says=row.says,
            why=row.why,
            sources=self._sources(row),
            cases=[
                self._case(case, unit.model)
                for case in sorted(unit.cases, key=lambda case: self.bulk.get((case.probe, unit.model), 0))
            ],
            breaks=[*(self._measured(deciding, unit.model) if failed else ()), *row.breaks],
            reproduce=self._reproduce(deciding, unit.model) if unit.verdict in _OPEN else None,
        )

    def _case(self, case: CaseResult, model: str) -> shape.CaseFacts:
        told = self.told.get((case, model))
        if told is None:
            told = self.told[case, model] = self._written(case, model)
        return told

    def _written(self, case: CaseResult, model: str) -> shape.CaseFacts:
        first = _first(case)
        places = self._places(case, first, model)
        failed = case.verdict is Verdict.FAIL
        further = [each for each in case.findings if failed and each.verdict is case.verdict][1:]
        return shape.CaseFacts(
            probe=case.probe,
            verdict=str(case.verdict),
            outcome=_text(case.outcome),
            examined=case.examined,
            reason=clip(case.reason),
            attempts=case.attempts,
            saw=clip(first.saw),
            expected=clip(first.expected),
            evidence=[_place(place) for place in places],
            excerpt=self._excerpt(places) if failed else None,
            also=[
                shape.Also(
                    saw=clip(each.saw),
                    expected=clip(each.expected),
                    evidence=[_place(place) for place in each.where],
                    excerpt=self._excerpt(each.where),
                )
                for each in further[:FURTHER]
            ],
            unlisted=len(further[FURTHER:]),
        )

    def _places(self, case: CaseResult, finding: Finding, model: str) -> tuple[Where, ...]:
        """Return where a finding points; when it points nowhere, the exchange that it is about."""
        return finding.where or self.answers.get((case.probe, model), ())

    def _excerpt(self, places: Sequence[Where]) -> shape.Excerpt | None:
        view = self.views.get(places[0].exchange) if places else None
        return excerpt(view, places[0]) if view else None

    def _reproduce(self, cases: Sequence[CaseResult], model: str) -> str | None:
        """Return the command for the exchange that the first of these cases is about."""
        for case in cases:
            for place in self._places(case, _first(case), model):
                view = self.views.get(place.exchange)
                if view is not None:
                    return reproduce(view.exchange, self.run.target_url, streamed=view.probe.streamed)
        return None

    def _measured(self, cases: Sequence[CaseResult], model: str) -> list[str]:
        """Return how an SDK broke on the exchanges that these cases point at, each way once."""
        places = (place for case in cases for place in self._places(case, _first(case), model))
        return list(self.sdk.breaks(place.exchange for place in places)[:MEASURED])

    def _sources(self, row: Requirement) -> list[shape.SourceRef]:
        return [_source(pointer, self.catalogue.sources) for pointer in row.sources]


def _first(case: CaseResult) -> Finding:
    """Return the first finding that decided a case."""
    for each in case.findings:
        if each.verdict is case.verdict:
            return each
    return case.findings[0] if case.findings else Finding(case.verdict, 0)


def _place(place: Where) -> shape.Place:
    return shape.Place(
        exchange=place.exchange,
        frame=place.frame,
        bytes=list(place.bytes) if place.bytes else None,
        pointer=clip(place.pointer) if place.pointer is not None else None,
    )


def _source(pointer: str, sources: Mapping[str, Source]) -> shape.SourceRef:
    found = sources.get(re.split("[:#]", pointer, maxsplit=1)[0])
    if found is None:
        return shape.SourceRef(pointer=pointer, title="", url="")
    section = _SECTION.fullmatch(pointer)
    url = f"{found.url}#section-{section[1]}" if found.url and section else found.url
    return shape.SourceRef(pointer=pointer, title=found.title, url=url)


def _text(value: str | None) -> str | None:
    return None if value is None else str(value)
