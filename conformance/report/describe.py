"""What all renderers say of a result, in the same words and order. Making it harmless is left to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, TypedDict

from conformance.model import GATEWAY, Level, Verdict
from conformance.report.shape import (
    CaseFacts,
    Excerpt,
    Place,
    Report,
    ResultFacts,
    SourceRef,
)
from conformance.words import counted, named

MARKS: Final = ("⟪", "⟫")
"""Stand round the place that a finding is about; excerpts spell them out where a target sent them."""

REFERENCE: Final = (
    "REFERENCE: the suite judged its own embedded gateway. This says nothing about any other server."
)

_LEVELS: Final = tuple(str(level) for level in (Level.MUST, Level.SHOULD, Level.MAY))


class Failures(NamedTuple):
    """Failed units: ``new`` ones that count, those that are ``known``, and what was ``observed`` at MAY."""

    new: list[ResultFacts]
    known: list[ResultFacts]
    observed: list[ResultFacts]


def failures(report: Report) -> Failures:
    """Return the failed units; one at MAY is an observation and counts nowhere."""
    failed = having(report, Verdict.FAIL)
    return Failures(
        new=[result for result in failed if not result["known"] and result["level"] != Level.MAY],
        known=[result for result in failed if result["known"]],
        observed=[result for result in failed if not result["known"] and result["level"] == Level.MAY],
    )


def having(report: Report, verdict: Verdict) -> list[ResultFacts]:
    """Return the results of one verdict, by level, feature and name."""
    found = [result for result in report["results"] if result["verdict"] == verdict]
    return sorted(
        found,
        key=lambda result: (
            _LEVELS.index(result["level"]),
            result["feature"],
            result["requirement"],
            result["model"],
        ),
    )


def why_open(result: ResultFacts) -> str:
    """Say why a result has no opinion, and of which known failures that is the whole cause."""
    reason = result["reason"] or "no reason was given"
    if not result["behind"]:
        return reason
    return f"{reason} (known to the baseline: {', '.join(result['behind'])})"


def by_reason(results: Iterable[ResultFacts]) -> dict[str, list[ResultFacts]]:
    """Group results by why they have no opinion."""
    groups: dict[str, list[ResultFacts]] = {}
    for result in results:
        groups.setdefault(why_open(result), []).append(result)
    return groups


def why_known(report: Report, result: ResultFacts) -> str:
    """Say why the operator puts up with a failure, and where it is tracked; empty when it is not known."""
    for entry in report["baseline"]["known"]:
        if (entry["requirement"], entry["model"]) == (result["requirement"], result["model"]):
            return f"{entry['reason']} ({entry['link']})" if entry["link"] else entry["reason"]
    return ""


class Unit(TypedDict):
    """What a unit is named by, in a report and in a comparison of two."""

    requirement: str
    model: str


def name_of(unit: Unit) -> str:
    """Name a unit; the gateway itself needs no model."""
    return unit["requirement"] if unit["model"] == GATEWAY else f"{unit['requirement']}[{unit['model']}]"


def deciding(result: ResultFacts) -> list[CaseFacts]:
    """Return the cases that made the verdict."""
    return [case for case in result["cases"] if case["verdict"] == result["verdict"]]


def share(result: ResultFacts) -> str:
    """Say how many generated requests of a result made its verdict, empty when none was generated."""
    generated = [case for case in result["cases"] if case["probe"].startswith("generated.")]
    same = [case for case in generated if case["verdict"] == result["verdict"]]
    return f"{result['verdict']} in {len(same)} of {len(generated)} generated requests" if same else ""


def asked(report: Report, case: CaseFacts) -> tuple[str, str]:
    """Say what a case sent: the probe with its request line, and the body."""
    for place in case["evidence"]:
        sent = report["exchanges"].get(place["exchange"])
        if sent is not None:
            about = f" ({sent['about']})" if sent["about"] else ""
            return f"{sent['probe']}{about}: {sent['method']} {sent['path']}", sent["body"]
    return f"{case['probe']}: not sent", ""


def answered(report: Report, case: CaseFacts) -> str:
    """Say how the exchange of a case ended."""
    for place in case["evidence"]:
        sent = report["exchanges"].get(place["exchange"])
        if sent is not None:
            status = f"{sent['status']}, " if sent["status"] is not None else ""
            fault = f", {sent['fault']}" if sent["fault"] else ""
            repeat = f", attempt {sent['attempt']}" if sent["attempt"] > 1 else ""
            return f"{status}{sent['form']}{fault}, after {sent['elapsed']:g} s{repeat}"
    return ""


def located(place: Place) -> str:
    """Say where a place is; frames count from 0, bytes are offsets into the body."""
    parts = [place["exchange"]]
    if place["frame"] is not None:
        parts.append(f"frame {place['frame']}")
    if place["bytes"] is not None:
        parts.append(f"bytes {place['bytes'][0]}-{place['bytes'][1]}")
    if place["pointer"] is not None:
        parts.append(f"member {place['pointer'] or 'root'}")
    return ", ".join(parts)


def marked(excerpt: Excerpt, place: Place) -> str:
    """Return the bytes of an excerpt with the place between :data:`MARKS`, when it names bytes."""
    opening, closing = MARKS if place["bytes"] is not None else ("", "")
    return f"{excerpt['before']}{opening}{excerpt['marked']}{closing}{excerpt['after']}"


def offset_note(excerpt: Excerpt) -> str:
    """Say which bytes an excerpt shows."""
    coded = ", after decoding its content coding" if excerpt["decoded"] else ""
    return f"from byte {excerpt['offset']} of the body{coded}"


def cited(source: SourceRef) -> str:
    """Name a source with its title."""
    return f"{source['pointer']} ({source['title']})" if source["title"] else source["pointer"]


_CHOSEN: Final = 3
"""How many patterns of a selection are named; pytest's ``-k`` makes one of each case."""


def scope(report: Report) -> str:
    """Name the set, and what was selected of it when that is not all."""
    only = named(report["selection"]["only"], _CHOSEN)
    return f"set {report['set']}" + ("" if report["selection"]["complete"] else f", only {only}")


def score(report: Report) -> str:
    """Say the three numbers that always stand beside the grade."""
    numbers = report["summary"]["score"]
    return f"{numbers['passed']} of {numbers['required']} required, {numbers['not_measured']} not measured"


def spent(report: Report) -> str:
    """Say how many requests were sent, and of how many an interruption cost the answer."""
    sent = report["spent"]["requests"]
    lost = sent - len(report["exchanges"])
    return counted(sent, "request") + (
        f" (of which {lost} lost their answer to an interruption)" if lost else ""
    )


def coverage(report: Report) -> str:
    """Say how much of the plan was done."""
    return f"{report['plan']['judged']} of {report['plan']['planned']} planned cases judged"
