"""The one place where findings become verdicts, counts, a grade and an exit code.

Folding is a table, not an opinion (design rules): in a case any fail fails; a check that looked at nothing has no
opinion; nothing of a model that never gave readable text can pass. Of several tries of a case one may pass where
another had no opinion. In a unit any fail fails, else any case without
opinion makes it inconclusive. Nothing else in the suite counts anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from enum import IntEnum, StrEnum

from msgspec import Struct

from conformance.model import Claim, Finding, Level, Outcome, Verdict


class Grade(StrEnum):
    """What a whole run says of its target."""

    CONFORMANT = "conformant"
    PARTIAL = "partial"
    NOT_CONFORMANT = "not-conformant"
    INCOMPLETE = "incomplete"


class Exit(IntEnum):
    """Exit codes; precedence is HARNESS, USAGE, FAILED, INCOMPLETE, OK."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INCOMPLETE = 3
    HARNESS = 4


class CaseResult(Struct, frozen=True):
    """What all findings of one check on one probe add up to.

    ``judges`` stand where it is inconclusive and each reason of that is judged by other requirements: those of each
    reason.
    """

    probe: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    reason: str = ""
    attempts: str = ""
    judges: tuple[tuple[str, ...], ...] = ()

    @property
    def examined(self) -> int:
        """How many things were looked at."""
        return sum(finding.examined for finding in self.findings)

    @property
    def outcome(self) -> Outcome | None:
        """The worst outcome that a finding named."""
        named = [finding.outcome for finding in self.findings if finding.outcome]
        return max(named, key=list(Outcome).index) if named else None


class UnitResult(Struct, frozen=True):
    """One requirement for one model: the only thing that is counted."""

    requirement: str
    title: str
    level: Level
    feature: str
    model: str
    claim: Claim
    verdict: Verdict
    outcome: Outcome | None
    cases: tuple[CaseResult, ...]

    @property
    def judges(self) -> tuple[tuple[str, ...], ...]:
        """Of each reason why there is no opinion the requirements that judge it; empty when one has none."""
        return _judges(case.judges for case in self.cases if case.verdict is Verdict.INCONCLUSIVE)


_UNDECIDED = frozenset({Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE})


def fold_case(
    probe: str, findings: Sequence[Finding], *, alive: bool, reason: str = "", attempts: str = ""
) -> CaseResult:
    """Fold the findings of one case; ``alive`` is whether the model ever gave readable text."""
    verdict = _worst(findings)
    if verdict is Verdict.PASS and not alive:
        verdict = Verdict.INCONCLUSIVE
        reason = reason or "no valid request got readable text from this model, so nothing of it can pass"
    if not reason and verdict in _UNDECIDED:
        reason = next((finding.saw for finding in findings if finding.verdict is verdict), "")
        reason = reason or "the check found nothing to look at"
    judges: tuple[tuple[str, ...], ...] = ()
    if verdict is Verdict.INCONCLUSIVE:
        unsure = [finding for finding in findings if finding.verdict is Verdict.INCONCLUSIVE]
        judges = _judges((finding.by,) if finding.by else () for finding in unsure)
    return CaseResult(probe, verdict, tuple(findings), reason, attempts, judges)


def _judges(reasons: Iterable[tuple[tuple[str, ...], ...]]) -> tuple[tuple[str, ...], ...]:
    """Join who judges the reasons of several parts; one part without any leaves nothing."""
    parts = tuple(reasons)
    return tuple(dict.fromkeys(judges for part in parts for judges in part)) if all(parts) else ()


def fold_tries(tries: Sequence[CaseResult]) -> CaseResult:
    """Fold the tries of one case into one: any fail fails, else any pass passes, else there is no opinion.

    Only here does a later opinion stand in for an earlier inconclusive. The findings are those of the tries that
    decide.
    """
    if len(tries) == 1:
        return tries[0]
    verdicts = {each.verdict for each in tries}
    order = (Verdict.FAIL, Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE)
    verdict = next(each for each in order if each in verdicts)
    deciding = [each for each in tries if each.verdict is verdict]
    return CaseResult(
        probe=tries[0].probe,
        verdict=verdict,
        findings=tuple(finding for each in deciding for finding in each.findings),
        reason=deciding[-1].reason,
        attempts=next((each.attempts for each in deciding if each.attempts), ""),
        judges=_judges(each.judges for each in deciding) if verdict is Verdict.INCONCLUSIVE else (),
    )


def _worst(findings: Sequence[Finding]) -> Verdict:
    seen = [finding.verdict for finding in findings]
    if Verdict.FAIL in seen:
        return Verdict.FAIL
    if Verdict.INCONCLUSIVE in seen:
        return Verdict.INCONCLUSIVE
    if Verdict.PASS in seen:
        looked_at = sum([finding.examined for finding in findings if finding.verdict is Verdict.PASS])
        return Verdict.PASS if looked_at > 0 else Verdict.INCONCLUSIVE
    return Verdict.NOT_APPLICABLE if seen else Verdict.INCONCLUSIVE


def fold_unit(cases: Sequence[CaseResult]) -> Verdict:
    """Fold the cases of one unit."""
    verdicts = {case.verdict for case in cases}
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS):
        if verdict in verdicts:
            return verdict
    return Verdict.NOT_APPLICABLE


def effective_level(level: Level, claim: Claim, cases: Sequence[CaseResult]) -> Level:
    """Return the level at which a unit's failure counts.

    A broken answer counts at MUST whatever the row says; an out-of-range value that is accepted never above SHOULD,
    nor a feature that is silently ignored where the profile does not claim it.
    """
    failures = [f for case in cases for f in case.findings if f.verdict is Verdict.FAIL]
    if any(finding.outcome is Outcome.BROKEN for finding in failures):
        return Level.MUST
    soft = {Outcome.LENIENT} | (set() if claim is Claim.YES else {Outcome.DROPPED})
    if failures and level is Level.MUST and all(finding.outcome in soft for finding in failures):
        return Level.SHOULD
    return level


class Score(Struct, frozen=True):
    """Of ``required`` units at MUST that apply, ``passed`` passed and ``not_measured`` got no opinion."""

    passed: int
    required: int
    not_measured: int


class Summary(Struct, frozen=True):
    """Every number and word that a report may show about a run as a whole."""

    grade: Grade
    exit_code: Exit
    required: Mapping[str, int]
    recommended: Mapping[str, int]
    features: Mapping[str, Mapping[str, int]]
    models: Mapping[str, Mapping[str, int]]
    matrix: Mapping[str, Mapping[str, Mapping[str, int]]]
    """By feature, then by model."""

    @property
    def score(self) -> Score:
        """The three numbers that always stand beside the grade."""
        applicable = self.required["total"] - self.required["not_applicable"]
        return Score(self.required["pass"], applicable, self.required["inconclusive"])


def count(units: Iterable[UnitResult]) -> dict[str, int]:
    """Count units by verdict."""
    tally = Counter(unit.verdict for unit in units)
    return {
        "total": tally.total(),
        "pass": tally[Verdict.PASS],
        "fail": tally[Verdict.FAIL],
        "inconclusive": tally[Verdict.INCONCLUSIVE],
        "not_applicable": tally[Verdict.NOT_APPLICABLE],
    }


def summarise(
    units: Sequence[UnitResult],
    *,
    core_features: frozenset[str],
    known: frozenset[tuple[str, str]] = frozenset(),
    stale: bool = False,
    strict: bool = False,
) -> Summary:
    """Fold units into the grade, the counts and the exit code.

    ``known`` are the (requirement, model) pairs whose failure the operator's baseline expects; ``stale`` says that a
    baseline entry no longer fails, has expired or matches nothing. Neither changes the grade. The exit code looks away
    from known failures, and from what could not be measured because of them alone.
    """
    counted = [unit for unit in units if unit.level is not Level.MAY]
    must = [unit for unit in units if unit.level is Level.MUST]
    should = [unit for unit in units if unit.level is Level.SHOULD]
    failed = [unit for unit in must if unit.verdict is Verdict.FAIL]
    open_ = [
        unit
        for unit in must
        if unit.verdict is Verdict.INCONCLUSIVE and (unit.claim is Claim.YES or unit.feature in core_features)
    ]
    grade = _grade(must, failed, open_, should)
    unknown = [unit for unit in failed if (unit.requirement, unit.model) not in known]
    waiting = [unit for unit in open_ if not behind(unit, known)]
    return Summary(
        grade=grade,
        exit_code=_exit(
            grade, bool(unknown) or stale, bool(waiting) or not _any_pass(counted), strict=strict
        ),
        required=count(must),
        recommended=count(should),
        features={
            name: count(u for u in counted if u.feature == name) for name in _names(counted, "feature")
        },
        models={name: count(u for u in counted if u.model == name) for name in _names(counted, "model")},
        matrix=_matrix(counted),
    )


def behind(unit: UnitResult, known: Container[tuple[str, str]]) -> tuple[str, ...]:
    """Return the known failures of the same model that alone leave a unit without opinion; none if there is more."""
    if unit.verdict is not Verdict.INCONCLUSIVE:
        return ()
    reasons = [[name for name in judges if (name, unit.model) in known] for judges in unit.judges]
    return tuple(sorted({name for names in reasons for name in names})) if all(reasons) else ()


def _matrix(units: Iterable[UnitResult]) -> dict[str, dict[str, dict[str, int]]]:
    cells: dict[str, dict[str, list[UnitResult]]] = {}
    for unit in units:
        cells.setdefault(unit.feature, {}).setdefault(unit.model, []).append(unit)
    return {feature: {model: count(same) for model, same in row.items()} for feature, row in cells.items()}


def _names(units: Iterable[UnitResult], what: str) -> list[str]:
    return sorted({str(getattr(unit, what)) for unit in units})


def _any_pass(units: Iterable[UnitResult]) -> bool:
    return any(unit.verdict is Verdict.PASS for unit in units)


def _grade(
    must: Sequence[UnitResult],
    failed: Sequence[UnitResult],
    open_: Sequence[UnitResult],
    should: Sequence[UnitResult],
) -> Grade:
    if failed:
        return Grade.NOT_CONFORMANT
    if open_ or not _any_pass([*must, *should]):
        return Grade.INCOMPLETE
    if any(unit.verdict is Verdict.FAIL for unit in should):
        return Grade.PARTIAL
    return Grade.CONFORMANT


def _exit(grade: Grade, failing: bool, open_: bool, *, strict: bool) -> Exit:  # noqa: FBT001
    if failing:
        return Exit.FAILED
    if open_:
        return Exit.INCOMPLETE
    if strict and grade is not Grade.CONFORMANT:
        return Exit.FAILED
    return Exit.OK
