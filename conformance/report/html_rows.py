"""Lays out the results of a report as a page reads them: by verdict, then by requirement, a row for each unit.

What the units of one requirement share (its rule, its probes) is said once. Counts of units stand in the report;
the lengths of lists are all that is counted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from conformance.model import GATEWAY, Verdict
from conformance.report import describe
from conformance.report.html_timeline import Drawing, drawing
from conformance.report.shape import CaseFacts, Place, Report, ResultFacts

CASES: Final = 2
"""Cases of a failed unit that are told with their bytes; the others are named."""

IN_FULL: Final = 300
"""Cases of a whole page that are told with their bytes, so that it opens at once."""

PROBES: Final = 6
"""Probes that are named beside a reason."""


class Story(NamedTuple):
    """A case told in full: ``request`` is what was asked, ``body`` its body, ``answer`` how it ended."""

    case: CaseFacts
    request: str
    body: str
    answer: str
    places: Sequence[str]
    lines: Sequence[Sequence[tuple[str, bool]]]
    drawing: Drawing | None
    exchange: str


class Row(NamedTuple):
    """One unit; ``reasons`` are why cases have its verdict, each with how many and the first of their probes."""

    result: ResultFacts
    stories: Sequence[Story]
    others: Sequence[CaseFacts]
    reasons: Sequence[tuple[str, int, Sequence[str]]]
    examined: int
    known: str

    @property
    def saw(self) -> str:
        """What was seen first."""
        return next((case["saw"] for case in describe.deciding(self.result) if case["saw"]), "")


class Group(NamedTuple):
    """The units of one requirement that share a verdict and a level; the first failure of a page stands open."""

    first: ResultFacts
    anchor: str
    opened: bool
    rows: Sequence[Row]
    breaks: Sequence[str]
    probes: Sequence[str]

    @property
    def units(self) -> int:
        """How many rows there are."""
        return len(self.rows)


class Section(NamedTuple):
    """The groups of one verdict by feature; a page tells ``told`` ones in full, without a fold for a feature.

    ``cut`` says that there was no room to tell all of them in full.
    """

    name: str
    verdict: Verdict
    told: bool
    units: int
    cut: bool
    blocks: Sequence[tuple[str, Sequence[Group]]]


def sections(report: Report) -> list[Section]:
    """Return what a page shows, the worst first; sections without a unit are left out."""
    new, known, observed = describe.failures(report)
    told = {"failures": new, "known": known, "observed": observed}
    folded = {
        "open": Verdict.INCONCLUSIVE,
        "passes": Verdict.PASS,
        "inapplicable": Verdict.NOT_APPLICABLE,
    }
    writer = _Writer(report, set(), iter(range(IN_FULL)))
    made = [writer.section(name, Verdict.FAIL, results) for name, results in told.items()]
    made += [
        writer.section(name, verdict, describe.having(report, verdict)) for name, verdict in folded.items()
    ]
    return [section for section in made if section.units]


class Asked(NamedTuple):
    """What became of one thing that was asked for: an outcome for each model that has one."""

    requirement: str
    title: str
    outcomes: Mapping[str, str]


def asked(report: Report) -> list[Asked]:
    """Return what models made of parameters and features, by requirement; the gateway's own refusals are left out."""
    told = [result for result in report["results"] if result["outcome"] and result["model"] != GATEWAY]
    return [
        Asked(requirement, title, {result["model"]: str(result["outcome"]) for result in same})
        for (requirement, title), same in groupby(told, key=lambda each: (each["requirement"], each["title"]))
    ]


class _Writer(NamedTuple):
    """``anchors`` are requirements that a page has a place for already, ``room`` is for cases told in full."""

    report: Report
    anchors: set[str]
    room: Iterator[int]

    def section(self, name: str, verdict: Verdict, results: Sequence[ResultFacts]) -> Section:
        told = verdict is Verdict.FAIL
        ordered = results if told else sorted(results, key=lambda result: result["feature"])
        blocks = [
            (feature, [self.group(same) for _, same in groupby(inside, key=_rule)])
            for feature, inside in groupby(ordered, key=lambda result: "" if told else result["feature"])
        ]
        rows = [row for _, groups in blocks for group in groups for row in group.rows]
        cut = told and any(not row.stories for row in rows)
        return Section(name, verdict, told, len(results), cut, blocks)

    def group(self, results: Iterable[ResultFacts]) -> Group:
        rows = [self.row(result) for result in results]
        first = rows[0].result
        name = first["requirement"]
        anchor = "" if name in self.anchors else name
        opened = not self.anchors and first["verdict"] == Verdict.FAIL
        self.anchors.add(name)
        cases = [case for row in rows for case in row.result["cases"]]
        if len(rows) == 1:
            probes = [f"{case['probe']} ({case['examined']})" for case in cases]
        else:
            probes = list(dict.fromkeys(case["probe"] for case in cases))
        return Group(
            first=first,
            anchor=anchor,
            opened=opened,
            rows=rows,
            breaks=list(dict.fromkeys(text for row in rows for text in row.result["breaks"])),
            probes=probes,
        )

    def row(self, result: ResultFacts) -> Row:
        deciding = describe.deciding(result)
        failed = result["verdict"] == Verdict.FAIL
        full = [case for case, _ in zip(deciding[: CASES * failed], self.room, strict=False)]
        return Row(
            result=result,
            stories=[self.story(case) for case in full],
            others=deciding[len(full) :],
            reasons=list(_reasons(deciding, result["behind"])),
            examined=sum(case["examined"] for case in result["cases"]),
            known=describe.why_known(self.report, result),
        )

    def story(self, case: CaseFacts) -> Story:
        request, body = describe.asked(self.report, case)
        places = case["evidence"]
        exchange = next(
            (place["exchange"] for place in places if place["exchange"] in self.report["exchanges"]), ""
        )
        return Story(
            case=case,
            request=request,
            body=body,
            answer=describe.answered(self.report, case),
            places=[describe.located(place) for place in places],
            lines=_lines(case, places[0]) if places else [],
            drawing=drawing(self.report["exchanges"].get(exchange)),
            exchange=exchange,
        )


def _rule(result: ResultFacts) -> tuple[str, str]:
    return result["requirement"], result["level"]


def _lines(case: CaseFacts, place: Place) -> list[list[tuple[str, bool]]]:
    """Cut an excerpt where the target began a line; each piece says whether it belongs to the marked place."""
    found = case["excerpt"]
    if found is None:
        return []
    opening, closing = describe.MARKS if place["bytes"] is not None else ("", "")
    marked = f"{opening}{found['marked']}{closing}"
    lines: list[list[tuple[str, bool]]] = [[]]
    for text, inside in ((found["before"], False), (marked, bool(opening)), (found["after"], False)):
        first, *further = text.replace("␊", "␊\n").split("\n")
        lines[-1].append((first, inside))
        lines += [[(piece, inside)] for piece in further]
    return [[piece for piece in line if piece[0]] for line in lines if any(piece[0] for piece in line)]


def _reasons(cases: Iterable[CaseFacts], behind: Sequence[str]) -> Iterator[tuple[str, int, list[str]]]:
    known = f" (known to the baseline: {', '.join(behind)})" if behind else ""
    by_reason: dict[str, list[str]] = {}
    for case in cases:
        if case["reason"]:
            by_reason.setdefault(case["reason"], []).append(case["probe"])
    for reason, probes in by_reason.items():
        yield f"{reason}{known}", len(probes), probes[:PROBES]
