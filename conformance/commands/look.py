"""``list`` and ``show``: what is required, what came back. Nothing here is paid."""

from __future__ import annotations

import argparse
import json
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path

from conformance import engine, evidence
from conformance.catalogue import Catalogue
from conformance.catalogue import load as load_catalogue
from conformance.commands.run import RUNS
from conformance.errors import UsageError
from conformance.evidence import EVIDENCE
from conformance.model import Claim, Requirement
from conformance.views import View


def list_requirements(arguments: argparse.Namespace) -> int:
    """Print every row with its level in a profile and how it is judged."""
    catalogue = load_catalogue()
    profile = catalogue.profile(arguments.profile)
    rows = [
        {
            "id": row.id,
            "level": str(profile.level_of(row)),
            "claim": str(profile.claim_of(row.feature)),
            "feature": row.feature,
            "state": _state(row),
            "title": row.title,
        }
        for row in sorted(catalogue.requirements.values(), key=lambda row: row.id)
    ]
    if arguments.format == "json":
        print(json.dumps(rows, indent=1))  # noqa: T201
        return 0
    width = max(len(row["id"]) for row in rows)
    for row in rows:
        print(f"{row['id']:{width}}  {row['level']:6}  {row['claim']:3}  {row['state']:9}  {row['title']}")  # noqa: T201
    return 0


def _state(row: Requirement) -> str:
    return "pending" if row.pending else "excluded" if row.excluded else "judged"


def show(arguments: argparse.Namespace) -> int:
    """Print a requirement with its sources and checks, or the bytes of a recorded exchange."""
    if arguments.id.startswith("ex-"):
        print(_exchange(arguments.id, run_folder(arguments.run)))  # noqa: T201
        return 0
    catalogue = load_catalogue()
    row = catalogue.requirements.get(arguments.id)
    if row is None:
        raise UsageError(
            f"There is no requirement {arguments.id!r}.",
            hint=_nearest(arguments.id, catalogue.requirements) or "see the ids with: chat-conformance list",
        )
    print(_requirement(row, catalogue))  # noqa: T201
    return 0


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - only on a mistake

    close = difflib.get_close_matches(name, list(known), n=3)
    return f"did you mean {' or '.join(close)}?" if close else ""


def _requirement(row: Requirement, catalogue: Catalogue) -> str:
    """Say all that stands behind a row: its text, who says so, who is held to it, and how it is proved."""
    from conformance.trace import traces  # noqa: PLC0415 - reads every probe and fault

    behind = traces()[row.id]
    held = (
        f"{name} {profile.level_of(row)}"
        + ("" if profile.claim_of(row.feature) is Claim.YES else " if offered")
        for name, profile in sorted(catalogue.profiles.items())
        if profile.claim_of(row.feature) is not Claim.NO
    )
    fields = [
        ("says", row.says),
        ("why", row.why),
        ("feature", row.feature),
        ("held by", ", ".join(held)),
        ("sources", "; ".join(cited(pointer, catalogue) for pointer in row.sources)),
        ("clauses", "; ".join(f"{name} {catalogue.clauses[name].says}" for name in row.clauses)),
        ("breaks", "; ".join(row.breaks)),
        ("state", _state(row) + (f" ({row.excluded}: {row.note})" if row.excluded else "")),
        (
            "probes",
            ", ".join((*behind.probes, *(["generated.* (drawn with the seed)"] if behind.drawn else []))),
        ),
        ("openapi", ", ".join(behind.keywords)),
        ("checks", ", ".join(behind.checks)),
        ("faults", ", ".join(behind.faults)),
    ]
    lines = [f"{row.id}: {row.title}"]
    for name, text in fields:
        if text:
            lines.append(
                textwrap.fill(
                    text,
                    100,
                    initial_indent=f"  {name:8} ",
                    subsequent_indent=" " * 11,
                    break_on_hyphens=False,
                    break_long_words=False,
                )
            )
    return "\n".join(lines)


def cited(pointer: str, catalogue: Catalogue) -> str:
    """Name a source with its title."""
    source = catalogue.sources.get(re.split("[:#]", pointer, maxsplit=1)[0])
    return f"{pointer} ({source.title})" if source else pointer


def run_folder(chosen: str | None) -> Path:
    """Return the folder of a run: the one named, or the newest under reports/runs.

    Raises:
        UsageError: there is none.

    """
    if chosen:
        return Path(chosen)
    found = sorted(RUNS.glob(f"*/{EVIDENCE}"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise UsageError(f"There is no run under {RUNS}.", hint="name its folder with --run DIR")
    return found[-1].parent


def _exchange(name: str, folder: Path) -> str:
    from conformance.report.show import show_exchange  # noqa: PLC0415 - only here

    recorded = evidence.read(folder / EVIDENCE)
    for exchange in recorded.exchanges:
        if exchange.id == name:
            result = engine.judge_evidence(folder / EVIDENCE)
            probe = result.prepared.plan.index.get((exchange.probe, exchange.model))
            if probe is None:
                break
            places = [
                place
                for unit in result.judgement.units
                for case in unit.cases
                for finding in case.findings
                if finding.verdict == "fail"
                for place in finding.where
                if place.exchange == name
            ]
            return show_exchange(View(probe, exchange), places)
    raise UsageError(f"The run in {folder} has no exchange {name}.", hint="ids stand beside each finding")
