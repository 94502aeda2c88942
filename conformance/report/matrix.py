"""Several targets and models side by side, made of their reports: a row for each feature or requirement.

A column is one model of one run. What belongs to the gateway of a run stands in all of its columns. A cell of a feature
is folded like a unit: any failure that counts fails, else anything open is open. Where columns cannot be compared
(another requirement set, profile or selection), or two runs of one model disagree, the matrix says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, TypedDict, cast

from conformance.model import GATEWAY, Level, Verdict
from conformance.report.describe import score
from conformance.report.shape import Report, ResultFacts

FORMAT: Final = "chat-conformance/matrix"
VERSION: Final = 1

Axis = Literal["feature", "requirement"]

_ORDER: Final = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS, Verdict.NOT_APPLICABLE)
_STRICTEST: Final = (Level.MUST, Level.SHOULD, Level.MAY)


class Column(TypedDict):
    """One model of one run; ``run`` is the folder or file that was named."""

    run: str
    target: str
    url: str
    model: str
    set: str
    profile: str
    grade: str
    score: str
    reference: bool


class Cell(TypedDict):
    """What a row comes to in a column; no verdict: it was not asked. ``units`` are those that apply."""

    verdict: str | None
    failed: int
    open: int
    units: int


class Row(TypedDict):
    """One feature or requirement; ``level`` is the strictest of all runs, empty for a feature."""

    id: str
    title: str
    level: str
    cells: list[Cell]


class Conflict(TypedDict):
    """One requirement on which two columns of the same target and model disagree; columns count from 0."""

    requirement: str
    columns: list[int]
    verdicts: list[str]


class Matrix(TypedDict):
    """A whole matrix (``spec/schema/matrix.schema.json``)."""

    format: str
    version: int
    by: str
    columns: list[Column]
    rows: list[Row]
    conflicts: list[Conflict]
    notes: list[str]


def matrix(reports: Sequence[tuple[str, Report]], *, by: Axis = "feature") -> Matrix:
    """Lay reports side by side; each comes with the name under which it was given."""
    columns: list[Column] = []
    units: list[Mapping[str, ResultFacts]] = []
    for run, report in reports:
        for model in report["target"]["models"]:
            columns.append(_column(run, report, model))
            units.append(_units(report, model))
    return Matrix(
        format=FORMAT,
        version=VERSION,
        by=by,
        columns=columns,
        rows=_by_feature(reports, units) if by == "feature" else _by_requirement(units),
        conflicts=_conflicts(columns, units),
        notes=list(_notes(reports)),
    )


def _column(run: str, report: Report, model: str) -> Column:
    target = report["target"]
    return Column(
        run=run,
        target=target["name"],
        url=target["url"],
        model=model,
        set=report["set"],
        profile=report["profile"],
        grade=report["summary"]["grade"],
        score=score(report),
        reference=target["reference"],
    )


def _units(report: Report, model: str) -> Mapping[str, ResultFacts]:
    """Return what was judged of a model and of its gateway, by requirement; the model's own goes first."""
    own = {unit["requirement"]: unit for unit in report["results"] if unit["model"] == model}
    shared = {unit["requirement"]: unit for unit in report["results"] if unit["model"] == GATEWAY}
    return {name: own.get(name) or shared[name] for name in sorted({*own, *shared})}


def _by_feature(
    reports: Sequence[tuple[str, Report]], columns: Sequence[Mapping[str, ResultFacts]]
) -> list[Row]:
    titles = {name: title for _, report in reports for name, title in report["features"].items()}
    return [
        Row(
            id=name,
            title=titles[name],
            level="",
            cells=[_cell(unit for unit in units.values() if unit["feature"] == name) for units in columns],
        )
        for name in sorted(titles)
    ]


def _by_requirement(columns: Sequence[Mapping[str, ResultFacts]]) -> list[Row]:
    rows = []
    for name in sorted({name for units in columns for name in units}):
        found = [units[name] for units in columns if name in units]
        rows.append(
            Row(
                id=name,
                title=found[0]["title"],
                level=min((unit["level"] for unit in found), key=list(map(str, _STRICTEST)).index),
                cells=[_cell([units[name]] if name in units else [], observed=True) for units in columns],
            )
        )
    return rows


def _cell(units: Iterable[ResultFacts], *, observed: bool = False) -> Cell:
    """Fold units into a cell; without ``observed`` those at MAY count for nothing."""
    counted = [unit for unit in units if observed or unit["level"] != Level.MAY]
    tally = Counter(unit["verdict"] for unit in counted)
    return Cell(
        verdict=next((str(verdict) for verdict in _ORDER if tally[verdict]), None),
        failed=tally[Verdict.FAIL],
        open=tally[Verdict.INCONCLUSIVE],
        units=len(counted) - tally[Verdict.NOT_APPLICABLE],
    )


def _conflicts(columns: Sequence[Column], units: Sequence[Mapping[str, ResultFacts]]) -> list[Conflict]:
    """Return where runs of the same model at the same URL say pass and fail of one requirement."""
    groups: dict[tuple[str, str], list[int]] = {}
    for number, column in enumerate(columns):
        groups.setdefault((column["url"], column["model"]), []).append(number)
    found = []
    for numbers in groups.values():
        for name in sorted({name for number in numbers for name in units[number]}):
            said = {number: units[number][name]["verdict"] for number in numbers if name in units[number]}
            if {Verdict.PASS, Verdict.FAIL} <= set(said.values()):
                found.append(Conflict(requirement=name, columns=list(said), verdicts=list(said.values())))
    return found


def _notes(reports: Sequence[tuple[str, Report]]) -> Iterable[str]:
    """Yield in what the runs differ besides their answers, so that nobody compares what cannot be."""
    for what, key in (
        ("requirement sets", "set"),
        ("profiles", "profile"),
        ("amounts of generated requests", "generated"),
    ):
        values = {run: str(cast("Mapping[str, object]", report)[key]) for run, report in reports}
        if len(set(values.values())) > 1:
            said = ", ".join(f"{run}: {value}" for run, value in values.items())
            yield f"different {what}: {said}"
    versions = {run: report["suite"]["version"] for run, report in reports}
    if len(set(versions.values())) > 1:
        yield "different versions of the suite: " + ", ".join(
            f"{run}: {text}" for run, text in versions.items()
        )
    for run, report in reports:
        if not report["selection"]["complete"]:
            yield f"{run} asked only a part of its set: {', '.join(report['selection']['only'])}"
        if report["stopped"]:
            yield f"{run} ended early: {report['stopped']}"
        if report["target"]["reference"]:
            yield f"{run} is a run of the suite's own reference gateway"
