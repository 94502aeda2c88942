"""Runs the whole suite in this process against a target on loopback and returns what it says."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from conformance import engine, sdkresults
from conformance.capture import Pace
from conformance.evidence import Evidence, read
from conformance.exchange import Limits
from conformance.judge import Judgement
from conformance.model import Level, Verdict
from conformance.reference import DEFAULT_MODEL, KEY
from conformance.report.build import build_report
from conformance.report.shape import Report
from conformance.sdklane import replay
from conformance.secret import Secret
from conformance.target import parse_target
from conformance.verdict import Summary

QUICK = Limits(deadline=5.0, linger=1.0)
MEMORY = Path("/dev/shm")
"""Where files cost no disk, on systems that have it: evidence is synced line by line, and tests need none of that."""


class Judged(Struct, frozen=True):
    """A run that was judged, without a report."""

    prepared: engine.Prepared
    evidence: Evidence
    judgement: Judgement
    summary: Summary


def judged(
    base_url: str,
    *,
    models: Sequence[str] = (DEFAULT_MODEL,),
    key: str = KEY,
    only: Sequence[str] = (),
    profile: str = "core",
    generated: str = "smoke",
    limits: Limits = QUICK,
    pace: Pace | None = None,
    seed: int = 0,
    sdk: bool = False,
    provoke: bool = False,
) -> Judged:
    """Capture and judge one run, with ``sdk`` what the official SDK makes of it too; the evidence is thrown away."""
    settings = engine.Settings(
        target=parse_target(base_url, key=Secret(key)),
        models=tuple(models),
        profile=profile,
        only=tuple(only),
        generated=generated,
        provoke_rate_limit=provoke,
        seed=seed,
        limits=limits,
        pace=pace or Pace(longest_wait=0.05),
        reference=True,
    )
    prepared = engine.prepare(settings)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        path = Path(folder) / "evidence.jsonl"
        engine.capture(prepared, path)
        if sdk:
            replay(prepared.plan, path)
        recorded = read(path)
        found, summary = engine.weigh(prepared, recorded, sdkresults.read(path))
    assert found.defects == ()
    return Judged(prepared, recorded, found, summary)


def reported(result: Judged) -> Report:
    """Build the report of a judged run."""
    prepared = result.prepared
    return build_report(
        prepared.plan,
        result.evidence,
        result.judgement,
        result.summary,
        catalogue=prepared.catalogue,
        profile=prepared.profile,
        cards=prepared.cards,
    )


def failing(result: Judged, *levels: Level) -> set[str]:
    """Return the requirements that fail, at these levels or at must and should."""
    wanted = levels or (Level.MUST, Level.SHOULD)
    return {
        unit.requirement
        for unit in result.judgement.units
        if unit.verdict is Verdict.FAIL and unit.level in wanted
    }


def passing(result: Judged) -> set[str]:
    """Return the requirements that pass."""
    return {unit.requirement for unit in result.judgement.units if unit.verdict is Verdict.PASS}
