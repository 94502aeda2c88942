"""Runs the suite against one defect, over the probes that its requirements look at, and tells what it made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from glob import escape

from msgspec import Struct

from conformance import engine
from conformance.model import Level, Verdict
from conformance.openapi import requirement_ids
from conformance.reference import DEFAULT_MODEL, ReferenceGateway
from conformance.reference.faults import Fault
from conformance.target import parse_target
from conformance.verdict import UnitResult
from tests.bench.corpus import Entry, Expect
from tests.judging import judged

NOWHERE = parse_target("http://127.0.0.1:9/v1")
"""A target to plan for; nothing is sent to it."""


class Verdicts(Struct, frozen=True):
    """The units of one run."""

    units: tuple[UnitResult, ...] = ()

    def failed(self, level: Level) -> tuple[str, ...]:
        """Return the requirements that fail at a level."""
        found = {
            unit.requirement for unit in self.units if unit.verdict is Verdict.FAIL and unit.level is level
        }
        return tuple(sorted(found))

    @property
    def worst(self) -> Level | None:
        """The worst level at which anything failed; None when nothing did."""
        return next((level for level in Level if self.failed(level)), None)

    def tells(self, requirement: str, entry: Entry) -> bool:
        """Whether a requirement names the defect: it fails, or has the outcome that the entry expects."""
        mine = [unit for unit in self.units if unit.requirement == requirement]
        if entry.outcome is not None:
            return any(unit.outcome is entry.outcome for unit in mine)
        return any(unit.verdict is Verdict.FAIL for unit in mine)


class Finding(Struct, frozen=True):
    """What became of one entry.

    ``seen`` is None when nothing was said. ``silent`` are expected requirements that did not name it, ``loudest``
    those that failed at the worst level.
    """

    entry: Entry
    seen: Expect | None
    silent: tuple[str, ...] = ()
    loudest: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Whether the suite makes of it exactly what is expected, by the requirements that are named."""
        return self.seen is self.entry.expect and not self.silent

    @property
    def says(self) -> str:
        """What went otherwise than expected, in a few words; empty when nothing did."""
        if self.found:
            return ""
        seen = self.seen or "nothing"
        by = f" by {', '.join(self.loudest[:4])}" if self.loudest else ""
        missed = f"; not named by {', '.join(self.silent)}" if self.silent else ""
        return f"{self.entry.expect} expected, {seen} seen{by}{missed}"


def look(entry: Entry) -> Finding:
    """Run the suite against an entry and compare. What is not visible is not run: nobody claims to find it."""
    if entry.fault is None:
        return Finding(entry, Expect.NOT_VISIBLE)
    models = entry.fault.models or (DEFAULT_MODEL,)
    generated = "smoke" if set(entry.requirements) & _generated() else "none"
    only = probes_of(entry.requirements, models, generated)
    return compare(entry, run([entry.fault], models, generated, only) if only else Verdicts(), right(models))


def compare(entry: Entry, verdicts: Verdicts, right: Verdicts) -> Finding:
    """Say what a run made of an entry; what ``right``, a run without the defect, says as well is no finding."""
    told = {
        name for name in entry.requirements if verdicts.tells(name, entry) and not right.tells(name, entry)
    }
    seen = {
        Level.MUST: Expect.FAIL_MUST,
        Level.SHOULD: Expect.FAIL_SHOULD,
        Level.MAY: Expect.NOTE,
        None: Expect.NOTE if told and entry.outcome is not None else None,
    }[verdicts.worst]
    silent = tuple(name for name in entry.requirements if name not in told)
    return Finding(entry, seen, silent, verdicts.failed(verdicts.worst) if verdicts.worst else ())


def run(faults: Sequence[Fault], models: Sequence[str], generated: str, only: Sequence[str] = ()) -> Verdicts:
    """Run the suite once against the reference gateway with these defects."""
    with ReferenceGateway(faults=faults, models=models) as gateway:
        result = judged(gateway.base_url, models=models, only=only, generated=generated)
    return Verdicts(result.judgement.units)


@cache
def right(models: tuple[str, ...]) -> Verdicts:
    """Run the whole suite against the reference gateway as it is."""
    return run([], models, "none")


def probes_of(requirements: Iterable[str], models: Sequence[str], generated: str) -> tuple[str, ...]:
    """Return patterns for the probes that these requirements look at; all other requirements see those too."""
    cases = _cases(tuple(models), generated)
    return tuple(
        escape(probe) for probe in sorted({probe for name in requirements for probe in cases.get(name, ())})
    )


@cache
def _cases(models: tuple[str, ...], generated: str) -> Mapping[str, frozenset[str]]:
    """Return the probes that each requirement looks at."""
    settings = engine.Settings(target=NOWHERE, models=models, generated=generated, reference=True)
    found: dict[str, set[str]] = {}
    for case in engine.prepare(settings).plan.cases:
        found.setdefault(case.requirement, set()).add(case.probe)
    return {name: frozenset(probes) for name, probes in found.items()}


@cache
def _generated() -> frozenset[str]:
    return frozenset(requirement_ids())
