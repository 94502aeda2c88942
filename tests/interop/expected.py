"""What the suite is expected to find of each real server, ``expected/NAME.yaml``, and how a run differs from that.

==============  ===========================================================================================
``must``        requirements that fail at MUST in every run
``should``      requirements that fail at SHOULD in every run
``varies``      requirements that fail in some runs only, each with the reason: what a model says, what time it is
``unmeasured``  patterns of requirements at MUST that get no opinion in some or all runs, each with the reason
``like``        another server of which all this is expected too; what varies here need not fail as it does there
==============  ===========================================================================================

The README of the server's reports, or the one beside this module, says why each finding is the server's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent / "expected"
LEVELS = ("must", "should")


@dataclass(frozen=True, slots=True)
class Expected:
    """The findings that are known of one server."""

    must: frozenset[str] = frozenset()
    should: frozenset[str] = frozenset()
    varies: Mapping[str, str] = field(default_factory=dict)
    unmeasured: Mapping[str, str] = field(default_factory=dict)
    like: str = ""

    @property
    def named(self) -> frozenset[str]:
        """Every requirement that may fail."""
        return self.must | self.should | frozenset(self.varies)


def expected_of(name: str) -> Expected:
    """Read what is expected of a server."""
    said = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    base = expected_of(said["like"]) if "like" in said else Expected()
    varies = said.get("varies", {})
    return Expected(
        must=base.must.difference(varies).union(said.get("must", ())),
        should=base.should.difference(varies).union(said.get("should", ())),
        varies={**base.varies, **varies},
        unmeasured={**base.unmeasured, **said.get("unmeasured", {})},
        like=said.get("like", ""),
    )


def failures(report: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Return what failed at MUST or SHOULD, by level and requirement, each with what was seen first."""
    found: dict[tuple[str, str], str] = {}
    for unit in report["results"]:
        if unit["verdict"] == "fail" and unit["level"] in LEVELS:
            saw = next(case["saw"] for case in unit["cases"] if case["verdict"] == "fail")
            found.setdefault((unit["level"], unit["requirement"]), saw)
    return found


def differences(report: Mapping[str, Any], expected: Expected) -> Iterator[str]:
    """Say what a run found anew, what it found no longer, and what it could not measure."""
    found = failures(report)
    known = {(level, name) for level in LEVELS for name in getattr(expected, level)}
    for level, name in sorted(found.keys() - known):
        if name not in expected.varies:
            yield f"new: {name} ({level}): {found[level, name]}"
    for level, name in sorted(known - found.keys()):
        yield f"gone: {name} ({level})"
    for unit in report["results"]:
        if (unit["verdict"], unit["level"]) == ("inconclusive", "must"):
            name = unit["requirement"]
            if not any(fnmatchcase(name, pattern) for pattern in expected.unmeasured):
                reasons = (case["reason"] for case in unit["cases"] if case["verdict"] == "inconclusive")
                yield f"no opinion: {name}: {next(reasons)}"
