"""The grade and the exit code of a run never contradict each other."""

from __future__ import annotations

from itertools import product

import pytest

from conformance.model import Claim, Level, Verdict
from conformance.verdict import Exit, Grade, UnitResult, summarise

CODES = {
    Grade.CONFORMANT: {Exit.OK},
    Grade.PARTIAL: {Exit.OK},
    Grade.NOT_CONFORMANT: {Exit.FAILED},
    Grade.INCOMPLETE: {Exit.INCOMPLETE},
}


def unit(level: Level, verdict: Verdict) -> UnitResult:
    return UnitResult(f"some.{level}", "title", level, "some", "m", Claim.YES, verdict, None, ())


@pytest.mark.parametrize("must", [None, *Verdict])
def test_every_grade_has_its_exit_code(must: Verdict | None) -> None:
    for should, may in product((None, *Verdict), repeat=2):
        pairs = [(Level.MUST, must), (Level.SHOULD, should), (Level.MAY, may)]
        units = [unit(level, verdict) for level, verdict in pairs if verdict is not None]
        summary = summarise(units, core_features=frozenset())
        assert summary.exit_code in CODES[summary.grade], units


def test_observations_alone_measure_nothing() -> None:
    summary = summarise([unit(Level.MAY, Verdict.PASS)], core_features=frozenset())
    assert (summary.grade, summary.exit_code) == (Grade.INCOMPLETE, Exit.INCOMPLETE)
