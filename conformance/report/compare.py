"""What changed between two reports: new failures, repaired ones, other changes, and what is measured no longer.

Pure. Only units that both runs were meant to judge are held against each other; where the runs differ in their set,
plan or models, that is said first, and what only one of them asked for is counted, never taken for a change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias, TypedDict

from conformance.model import GATEWAY, Level, Verdict
from conformance.report import describe
from conformance.report.shape import Report, ResultFacts
from conformance.verdict import Exit

FORMAT: Final = "chat-conformance/comparison"
VERSION: Final = 1

Change: TypeAlias = Literal["new", "fixed", "changed", "no-longer-measured"]
Unit: TypeAlias = tuple[str, str]

_LEVELS: Final = tuple(str(level) for level in Level)
_ORDER: Final[tuple[Change, ...]] = ("new", "no-longer-measured", "changed", "fixed")


class Side(TypedDict):
    """One of the two runs; ``grade`` never stands without ``score``."""

    target: str
    url: str
    set: str
    plan: str
    models: list[str]
    suite: str
    started: str | None
    grade: str
    score: str
    exit_code: int
    reference: bool


class State(TypedDict):
    """What one run says of a unit; ``exchange`` has the evidence, where there is some."""

    verdict: str
    level: str
    outcome: str | None
    says: str
    exchange: str | None


class Row(TypedDict):
    """One unit that changed; ``before`` is null where the earlier run had no such unit, ``after`` likewise."""

    change: Change
    requirement: str
    model: str
    title: str
    level: str
    known: bool
    before: State | None
    after: State | None


class Comparison(TypedDict):
    """The whole comparison of ``before`` with ``after``."""

    format: Literal["chat-conformance/comparison"]
    version: Literal[1]
    before: Side
    after: Side
    differences: list[str]
    changes: list[Row]
    still_failing: int
    exit_code: int


def compare(before: Report, after: Report) -> Comparison:
    """Hold two reports against each other.

    The exit code is 1 when a requirement fails newly at MUST, else 3 when one at MUST is no longer measured, else 0.
    A new failure that the baseline of the later run knows does not count.
    """
    old, new = _units(before), _units(after)
    rows = [
        row
        for unit in sorted({*old, *new})
        if (row := _row(old.get(unit), new.get(unit), before, after)) is not None
    ]
    rows.sort(key=lambda row: (_ORDER.index(row["change"]), _LEVELS.index(row["level"])))
    both = set(old) & set(new)
    failing = sum(old[unit]["verdict"] == new[unit]["verdict"] == Verdict.FAIL for unit in both)
    return Comparison(
        format=FORMAT,
        version=VERSION,
        before=_side(before),
        after=_side(after),
        differences=list(_differences(before, after)),
        changes=rows,
        still_failing=failing,
        exit_code=int(_exit(rows)),
    )


def of_kind(comparison: Comparison, change: Change) -> list[Row]:
    """Return the changes of one kind."""
    return [row for row in comparison["changes"] if row["change"] == change]


def _units(report: Report) -> dict[Unit, ResultFacts]:
    return {(result["requirement"], result["model"]): result for result in report["results"]}


def _row(before: ResultFacts | None, after: ResultFacts | None, old: Report, new: Report) -> Row | None:
    present = after or before
    assert present is not None
    if (before is None and not _meant(old, new, present)) or (
        after is None and not _meant(new, old, present)
    ):
        return None
    change = _change(before, after)
    if change is None:
        return None
    return Row(
        change=change,
        requirement=present["requirement"],
        model=present["model"],
        title=present["title"],
        level=present["level"],
        known=bool(after and after["known"]),
        before=_state(before),
        after=_state(after),
    )


def _meant(lacking: Report, having: Report, result: ResultFacts) -> bool:
    """Whether a run that lacks a unit was meant to have it: it has the same set, selection and model."""
    alike = all(lacking[key] == having[key] for key in ("set", "profile", "generated"))
    models = {*lacking["target"]["models"], GATEWAY}
    return alike and lacking["selection"] == having["selection"] and result["model"] in models


def _change(before: ResultFacts | None, after: ResultFacts | None) -> Change | None:
    was, now = (None if side is None else side["verdict"] for side in (before, after))
    if now == Verdict.FAIL and was != Verdict.FAIL:
        return "new"
    if was == Verdict.FAIL and now == Verdict.PASS:
        return "fixed"
    if was in {Verdict.PASS, Verdict.FAIL} and now in {None, Verdict.INCONCLUSIVE}:
        return "no-longer-measured"
    if before is None or after is None:
        return "changed" if before is None else None
    facts = ((side["verdict"], side["level"], side["outcome"]) for side in (before, after))
    return "changed" if len(set(facts)) > 1 else None


def _state(result: ResultFacts | None) -> State | None:
    if result is None:
        return None
    cases = describe.deciding(result)
    return State(
        verdict=result["verdict"],
        level=result["level"],
        outcome=result["outcome"],
        says=result["reason"] or next((case["saw"] for case in cases if case["saw"]), ""),
        exchange=next((place["exchange"] for case in cases for place in case["evidence"]), None),
    )


def _side(report: Report) -> Side:
    return Side(
        target=report["target"]["name"],
        url=report["target"]["url"],
        set=describe.scope(report),
        plan=report["plan"]["digest"],
        models=report["target"]["models"],
        suite=report["suite"]["version"],
        started=report["times"]["started"],
        grade=report["summary"]["grade"],
        score=describe.score(report),
        exit_code=report["summary"]["exit_code"],
        reference=report["target"]["reference"],
    )


def _differences(before: Report, after: Report) -> Iterator[str]:
    """Say in sentences what makes the two runs different measurements."""
    for what, old, new in (
        ("target", before["target"]["url"], after["target"]["url"]),
        ("suite", before["suite"]["version"], after["suite"]["version"]),
        ("set", describe.scope(before), describe.scope(after)),
        ("profile", before["profile"], after["profile"]),
        ("generated requests", before["generated"], after["generated"]),
        ("seed", str(before["plan"]["seed"]), str(after["plan"]["seed"])),
    ):
        if old != new:
            yield f"{what}: {old} before, {new} after"
    if describe.scope(before) == describe.scope(after) and before["selection"] != after["selection"]:
        yield "selection: other requirements or probes were chosen"
    old_models, new_models = before["target"]["models"], after["target"]["models"]
    for word, models in (
        ("only before", [name for name in old_models if name not in new_models]),
        ("only after", [name for name in new_models if name not in old_models]),
    ):
        if models:
            yield f"models {word}: {', '.join(models)}"
    if before["plan"]["digest"] != after["plan"]["digest"]:
        yield "plan: not the same requests were sent"
    for word, side in (("before", before), ("after", after)):
        if side["stopped"]:
            yield f"the run {word} ended early: {side['stopped']}"
        if side["target"]["reference"]:
            yield f"the run {word} judged the suite's own reference gateway"
    yield from _only_one(before, after)


def _only_one(before: Report, after: Report) -> Iterator[str]:
    """Count the units that only one run was meant to judge."""
    for word, one, other in (("before", before, after), ("after", after, before)):
        lacking = [result for unit, result in _units(one).items() if unit not in _units(other)]
        count = sum(not _meant(other, one, result) for result in lacking)
        if count:
            yield f"{count} units were asked for only {word}"


def _exit(rows: Sequence[Row]) -> Exit:
    must = [row for row in rows if row["level"] == Level.MUST]
    if any(row["change"] == "new" and not row["known"] for row in must):
        return Exit.FAILED
    return Exit.INCOMPLETE if any(row["change"] == "no-longer-measured" for row in must) else Exit.OK


TITLES: Final[Mapping[Change, str]] = {
    "new": "New failures",
    "no-longer-measured": "No longer measured",
    "changed": "Changed",
    "fixed": "Fixed",
}
