"""The reports of the bench: ``detection.json``, and ``detection.md``, which is made of it and counts nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct

from conformance.model import Level
from conformance.reference.faults import Fault
from conformance.report.safe import for_markdown
from tests.bench.corpus import Expect
from tests.bench.runs import Finding, Verdicts

COMMAND = "python3 noxfile.py -s bench-detection"


class Tried(Struct, frozen=True):
    """A legal gateway and what the suite said of it; without a fault it is the reference gateway as it is."""

    fault: Fault | None
    verdicts: Verdicts

    @property
    def green(self) -> bool:
        """Whether nothing failed at MUST or SHOULD."""
        return self.verdicts.worst in {None, Level.MAY}


def facts(
    findings: Sequence[Finding],
    right: Tried,
    tried: Sequence[Tried],
    *,
    date: str,
    version: str,
    set_name: str,
) -> dict[str, Any]:
    """Return the content of ``detection.json``; the findings are in the order of the corpus.

    ``right`` is the reference gateway without a defect, ``tried`` are the legal variants.
    """
    return {
        "format": "chat-conformance/detection",
        "version": 1,
        "date": date,
        "suite": {"name": "chat-conformance", "version": version},
        "set": set_name,
        "profile": "core",
        "command": COMMAND,
        "corpus": _counts(findings),
        "areas": [
            {"area": area, **_counts(list(group))}
            for area, group in groupby(findings, key=lambda finding: finding.entry.area)
        ],
        "entries": [_entry(finding) for finding in findings],
        "reference": _variant(right),
        "legal": [_variant(each) for each in tried],
    }


def _counts(findings: Sequence[Finding]) -> dict[str, Any]:
    expected = Counter(finding.entry.expect for finding in findings)
    visible = [finding for finding in findings if finding.entry.expect is not Expect.NOT_VISIBLE]
    return {
        "entries": len(findings),
        **{str(expect): expected[expect] for expect in Expect},
        "visible": len(visible),
        "found": sum(finding.found for finding in visible),
    }


def _entry(finding: Finding) -> dict[str, Any]:
    entry = finding.entry
    visible = entry.expect is not Expect.NOT_VISIBLE
    return {
        "id": entry.id,
        "area": entry.area,
        "what": entry.what,
        "expect": str(entry.expect),
        "seen": str(finding.seen) if finding.seen and visible else None,
        "found": finding.found if visible else None,
        "requirements": list(entry.requirements),
        "needs": entry.needs or None,
        "says": finding.says or None,
    }


def _variant(tried: Tried) -> dict[str, Any]:
    return {
        "name": tried.fault.name if tried.fault else "reference",
        "what": tried.fault.what if tried.fault else "The reference gateway as it is.",
        "green": tried.green,
        "failed": {str(level): list(tried.verdicts.failed(level)) for level in Level},
    }


def markdown(report: dict[str, Any]) -> str:
    """Return ``detection.md``."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: dict[str, Any]) -> Iterator[str]:
    corpus, legal = report["corpus"], report["legal"]
    green = sum(row["green"] for row in legal)
    yield "# What the suite finds, and what it leaves alone"
    yield ""
    yield (
        f"{report['date']} · {report['suite']['name']} {report['suite']['version']} · set {report['set']}, profile "
        f"{report['profile']} · {corpus['entries']} defects seen in the wild (`fixtures/corpus`), "
        f"{len(legal)} legal but unusual gateways · made with `{report['command']}`"
    )
    yield ""
    yield (
        f"Found **{corpus['found']} of {corpus['visible']}** defects that can be seen from outside; "
        f"{corpus['not-visible']} cannot. Green: **{green} of {len(legal)}** legal gateways."
    )
    yield ""
    yield (
        "*Found* means: at exactly the expected level, no failure above it, by every requirement that names the "
        "defect, and not said of the gateway without it. *Note* is told in the report and counted nowhere."
    )
    yield from _areas(report)
    yield from _open(report)
    yield from _invisible(report)
    yield from _legal(report)


def _areas(report: dict[str, Any]) -> Iterator[str]:
    columns = ("entries", *map(str, Expect), "found")
    yield from (
        "",
        "## Defects by area",
        "",
        f"| area | {' | '.join(columns)} |",
        "|---|" + "---:|" * len(columns),
    )
    for row in (*report["areas"], {"area": "**all**", **report["corpus"]}):
        numbers = [*(row[name] for name in columns[:-1]), f"{row['found']} of {row['visible']}"]
        yield f"| {row['area']} | {' | '.join(map(str, numbers))} |"


def _open(report: dict[str, Any]) -> Iterator[str]:
    rows = [row for row in report["entries"] if row["found"] is False]
    if rows:
        yield from (
            "",
            "## Not found as expected",
            "",
            "| defect | what | what came of it |",
            "|---|---|---|",
        )
        yield from (f"| {row['id']} | {cell(row['what'])} | {cell(row['says'])} |" for row in rows)


def _invisible(report: dict[str, Any]) -> Iterator[str]:
    rows = [row for row in report["entries"] if row["found"] is None]
    if rows:
        yield from (
            "",
            "## Not visible from outside",
            "",
            "| defect | what | what would show it |",
            "|---|---|---|",
        )
        yield from (f"| {row['id']} | {cell(row['what'])} | {cell(row['needs'])} |" for row in rows)


def _legal(report: dict[str, Any]) -> Iterator[str]:
    yield from (
        "",
        "## Legal but unusual",
        "",
        "| gateway | what | must | should | notes |",
        "|---|---|---:|---:|---|",
    )
    for row in (report["reference"], *report["legal"]):
        failed = row["failed"]
        notes = ", ".join(f"`{name}`" for name in failed["may"])
        yield (
            f"| {row['name']} | {cell(row['what'])} | {len(failed['must'])} | {len(failed['should'])} "
            f"| {notes} |"
        )


def cell(text: str) -> str:
    """Return a text as it stands in a table."""
    return for_markdown(text, table=True)
