"""What a report says of promises rather than of failures: outcomes of parameters, and where a document is outdated."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date

from conformance.catalogue import Catalogue, Clause, Profile
from conformance.checks.transport_examples import ROW as EXAMPLES
from conformance.examples import load_examples
from conformance.model import Finding, Outcome
from conformance.models import ModelCards
from conformance.plan import Plan
from conformance.report.safe import clip
from conformance.report.shape import Outdated, ParameterFacts, Unsent
from conformance.retired import CLAUSE
from conformance.verdict import UnitResult


def parameters(units: Iterable[UnitResult]) -> list[ParameterFacts]:
    """List what became of each parameter that was asked for, by parameter and model; the worst outcome counts."""
    found: dict[tuple[str, str], ParameterFacts] = {}
    for unit in units:
        for finding in _findings(unit):
            if not finding.wanted or finding.outcome is None:
                continue
            key = (finding.wanted, unit.model)
            facts = ParameterFacts(
                parameter=finding.wanted,
                model=unit.model,
                outcome=str(finding.outcome),
                allowed=[str(outcome) for outcome in finding.allowed],
                requirement=unit.requirement,
                exchange=finding.where[0].exchange if finding.where else "",
            )
            if key not in found or _rank(facts) > _rank(found[key]):
                found[key] = facts
    return [found[key] for key in sorted(found)]


def _rank(facts: ParameterFacts) -> int:
    return list(Outcome).index(Outcome(facts["outcome"]))


def outdated(
    units: Iterable[UnitResult],
    catalogue: Catalogue,
    profile: Profile,
    *,
    cards: ModelCards,
    absent: Sequence[str] = (),
    day: date | None = None,
) -> list[Outdated]:
    """List where the profile's documents are outdated, each model or requirement once.

    ``absent`` are models of the profile that the target does not list, ``day`` is that of the run.
    """
    clauses = {
        name: clause
        for name, clause in catalogue.clauses.items()
        if clause.outdated and set(clause.profiles) & set(profile.lineage)
    }
    found: dict[tuple[str, str, str], Outdated] = {}
    for unit in units:
        for finding in _findings(unit):
            if finding.outdated and (clause := clauses.get(finding.outdated)) is not None:
                requirement = "" if clause.id == CLAUSE else unit.requirement
                entry = _entry(clause, unit.model, requirement, clip(finding.saw))
                found.setdefault((clause.id, unit.model, requirement), entry)
    for model, ended in _ended(absent, cards, day):
        if (clause := clauses.get(CLAUSE)) is not None:
            saw = f"{model} has ended on {ended}, and the target does not list it"
            found.setdefault((CLAUSE, model, ""), _entry(clause, model, "", saw))
    return [found[key] for key in sorted(found)]


def unsent(plan: Plan, documents: Collection[str], absent: Collection[str]) -> list[Unsent]:
    """List the examples of these documents that were not sent, since they name models that were not asked.

    None where the run was not to look at examples. ``absent`` are models that the target does not list.
    """
    if all(case.requirement != EXAMPLES for case in plan.cases):
        return []
    return [
        Unsent(example=example.id, source=example.source, model=example.model, absent=example.model in absent)
        for example in load_examples()
        if example.document in documents and example.model not in plan.models
    ]


def _ended(models: Sequence[str], cards: ModelCards, day: date | None) -> Iterator[tuple[str, date]]:
    for model in models:
        retires = cards.card(model).retires
        if day is not None and retires is not None and retires <= day:
            yield model, retires


def _entry(clause: Clause, model: str, requirement: str, saw: str) -> Outdated:
    return Outdated(
        clause=clause.id,
        says=clause.says,
        sources=list(clause.sources),
        model=model,
        requirement=requirement or None,
        saw=saw,
    )


def _findings(unit: UnitResult) -> Iterator[Finding]:
    for case in unit.cases:
        yield from case.findings


def by_outcome(facts: Iterable[ParameterFacts]) -> Mapping[str, Mapping[str, list[ParameterFacts]]]:
    """Group the outcomes of each parameter, so that a page has a row for it and a column for each outcome."""
    rows: dict[str, dict[str, list[ParameterFacts]]] = {}
    for each in facts:
        rows.setdefault(each["parameter"], {}).setdefault(each["outcome"], []).append(each)
    return rows
