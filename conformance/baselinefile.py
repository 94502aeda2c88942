"""Reads and writes ``baseline.yaml`` (``spec/schema/baseline.schema.json``), the operator's list of known failures."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import date
from glob import escape
from pathlib import Path
from typing import Final

from conformance import userfile
from conformance.baseline import ANY_MODEL, FILE_NAME, Baseline, Entry
from conformance.model import GATEWAY, Json, Level
from conformance.report import describe
from conformance.report.safe import clip, visible
from conformance.report.shape import Report, ResultFacts

_HEAD: Final = """\
# Failures of {target} at level must that are known, from a run of set {set}.
# Each keeps a run from failing until it passes or expires: then its entry fails the run, so that this list never rots.
# Say in your own words why each is known. Also possible: link: URL, expires: YEAR-MONTH-DAY, model: a glob.
"""
_SAW: Final = 200


def load_baseline(path: Path, requirements: Collection[str]) -> Baseline:
    """Read a baseline; ``requirements`` are the ids that there are.

    Raises:
        UsageError: the file breaks its schema, or names a requirement that there is not, a day that there is not, or
            one thing twice; file, line and key are named.

    """
    file = userfile.load(path, schema="baseline")
    rows = file.data["known"]
    assert isinstance(rows, list)
    entries: list[Entry] = []
    for number, row in enumerate(rows):
        assert isinstance(row, dict)
        entry = _entry(file, ("known", number), row)
        if entry.requirement not in requirements:
            raise file.error(
                ("known", number, "requirement"),
                "there is no requirement of this id",
                hint=_near(entry.requirement, requirements),
            )
        same = [each for each in entries if each.name == entry.name]
        if same:
            raise file.error(
                ("known", number),
                "this is said twice",
                why=f"first in line {same[0].line}",
                hint="remove one of the two",
            )
        entries.append(entry)
    return Baseline(FILE_NAME, tuple(entries))


def _entry(file: userfile.UserFile, place: userfile.Place, row: Mapping[str, Json]) -> Entry:
    expires: date | None = None
    if "expires" in row:
        try:
            expires = date.fromisoformat(str(row["expires"]))
        except ValueError:
            raise file.error((*place, "expires"), "there is no such day", hint="YEAR-MONTH-DAY") from None
    return Entry(
        requirement=str(row["requirement"]),
        reason=str(row["reason"]),
        model=str(row.get("model", ANY_MODEL)),
        link=str(row.get("link", "")),
        expires=expires,
        line=file.line(place),
    )


def _near(name: str, known: Collection[str]) -> str:
    near = userfile.closest(name, sorted(known))
    return near if near.startswith("did you mean") else "see the ids with: chat-conformance list"


def baseline_of(report: Report) -> str:
    """Return a baseline with every required failure of a report, each with what was seen as its reason."""
    target = visible(clip(report["target"]["name"] or report["target"]["url"]))
    failures = describe.failures(report)
    rows = [row for row in (*failures.new, *failures.known) if row["level"] == Level.MUST]
    rows.sort(key=lambda row: (row["requirement"], row["model"]))
    head = _HEAD.format(target=target, set=visible(report["set"]))
    if not rows:
        return f"{head}known: []\n"
    return f"{head}known:\n" + "".join(_row(row) for row in rows)


def _row(result: ResultFacts) -> str:
    saw = next((case["saw"] for case in describe.deciding(result) if case["saw"]), result["title"])
    lines = [f"  - requirement: {result['requirement']}"]
    if result["model"] != GATEWAY:
        lines.append(f"    model: {_quoted(escape(result['model']))}")
    lines.append(f"    reason: {_quoted(visible(f'not explained yet; seen: {saw[:_SAW]}'))}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Write a text as a YAML scalar in double quotes, which takes JSON's escapes."""
    return json.dumps(text, ensure_ascii=False)
