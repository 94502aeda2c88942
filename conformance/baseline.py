"""Failures that an operator knows of, held against the units of a run. Pure; the file is read elsewhere.

A baseline lets a run end with 0 although something fails, so it must not rot: an entry that no longer fails, that has
expired, or that speaks of nothing in the run is *stale*, and a stale entry fails the run as a new failure does. What
is known stays a failure in every count and grade; only the exit code looks away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct, field

from conformance.model import GATEWAY, Verdict
from conformance.verdict import UnitResult

FILE_NAME: Final = "baseline.yaml"
"""What the file is called in the folder of a run, and in reports."""

ANY_MODEL: Final = "*"
"""The glob of an entry that names no model; it also matches the gateway itself."""


class Entry(Struct, frozen=True):
    """One known failure.

    ``model`` is a glob. ``expires`` is the last day on which the entry holds. ``line`` is where it stands in its file.
    """

    requirement: str
    reason: str
    model: str = ANY_MODEL
    link: str = ""
    expires: date | None = None
    line: int = 0

    def about(self, unit: UnitResult) -> bool:
        """Whether the entry speaks of this unit."""
        return unit.requirement == self.requirement and fnmatchcase(unit.model, self.model)

    def holds(self, on: date) -> bool:
        """Whether the entry has not expired on a day."""
        return self.expires is None or on <= self.expires

    @property
    def name(self) -> str:
        """What the entry speaks of, in the form in which reports name units."""
        return self.requirement if self.model == ANY_MODEL else f"{self.requirement}[{self.model}]"


class KnownFailures(Struct, frozen=True):
    """What a baseline says of one run.

    ``known`` has the entry of each (requirement, model) whose failure is expected; ``stale`` says in sentences which
    entries hold no longer.
    """

    file: str | None = None
    known: Mapping[tuple[str, str], Entry] = field(default_factory=dict)
    stale: tuple[str, ...] = ()


NOTHING_KNOWN: Final = KnownFailures()


class Baseline(Struct, frozen=True):
    """The entries of one file, in its order; ``file`` is its name as reports show it, None when there is none."""

    file: str | None = None
    entries: tuple[Entry, ...] = ()

    def entry(self, unit: UnitResult, *, on: date) -> Entry | None:
        """Return the entry that expects this unit to fail on this day."""
        return next((each for each in self.entries if each.about(unit) and each.holds(on)), None)

    def against(self, units: Sequence[UnitResult], *, on: date, complete: bool) -> KnownFailures:
        """Hold the entries against a run of the day ``on``.

        ``complete`` is whether the run asked for the whole set; if not, entries may speak of what was left out.
        """
        found = {(unit.requirement, unit.model): self.entry(unit, on=on) for unit in units}
        failed = {(unit.requirement, unit.model) for unit in units if unit.verdict is Verdict.FAIL}
        stale = (self._stale(entry, units, on=on, complete=complete) for entry in self.entries)
        return KnownFailures(
            file=self.file,
            known={pair: entry for pair, entry in found.items() if entry is not None and pair in failed},
            stale=tuple(text for text in stale if text),
        )

    def _stale(self, entry: Entry, units: Sequence[UnitResult], *, on: date, complete: bool) -> str:
        """Say why an entry no longer holds, empty when it does."""
        where = f"{self.file}:{entry.line}: {entry.name}"
        about = [unit for unit in units if entry.about(unit)]
        if not about:
            return f"{where} is no unit of this run: correct or remove the entry" if complete else ""
        if not entry.holds(on):
            return f"{where} expired on {entry.expires}: fix the failure, or say until when it is known"
        passing = [unit.model for unit in about if unit.verdict is Verdict.PASS]
        failing = [unit for unit in about if unit.verdict is Verdict.FAIL]
        if passing and failing:
            return f"{where} passes now of {_models(passing)}: name the models that still fail"
        if passing:
            return f"{where} passes now: remove the entry"
        if all(unit.verdict is Verdict.NOT_APPLICABLE for unit in about):
            return f"{where} does not apply any more: remove the entry"
        return ""


NO_BASELINE: Final = Baseline()


def _models(names: Sequence[str]) -> str:
    return ", ".join("the gateway itself" if name == GATEWAY else name for name in names)
