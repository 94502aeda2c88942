"""The corpus of real defects, ``fixtures/corpus/*.yaml``, one file an area.

================  ==========================================================================================
``id``            the name of the entry
``what``          the defect in one sentence
``severity``      who was reported to break: breaks-official-sdk, breaks-common-clients or cosmetic
``expect``        what the suite has to make of it (:class:`Expect`); the wire contract decides
``requirements``  the requirements that have to name it; empty where nothing is visible
``why``           why the contract decides so, wherever it differs from what the severity suggests
``outcome``       of a note that is no failed observation: the outcome that the report tells
``needs``         of a defect that is not visible: the exchange that would show it
``fault``         the fault of ``fixtures/faults`` that is the same defect, or
``mutate``        the defect itself, as a fault has it: the bytes that were seen, put into an exchange
``models``        the models of the reference gateway that it needs
``links``         public reports of it
================  ==========================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path

import yaml
from msgspec import Struct, field

from conformance.model import Json, Outcome
from conformance.paths import data_root
from conformance.reference.faults import Fault, load_faults, read_fault
from conformance.reference.record import Record, wrong

FOLDER = data_root() / "fixtures" / "corpus"
MOST_INVISIBLE = 15
"""Entries that may be beyond what can be seen from outside."""


class Expect(StrEnum):
    """What a run says as a whole of a target with one defect, by the worst that it finds."""

    FAIL_MUST = "fail-must"
    FAIL_SHOULD = "fail-should"
    NOTE = "note"
    """Told in the report, counted nowhere: a failed observation (MAY), or an outcome beside no failure."""
    NOT_VISIBLE = "not-visible"


SUGGESTED = {
    "breaks-official-sdk": Expect.FAIL_MUST,
    "breaks-common-clients": Expect.FAIL_SHOULD,
    "cosmetic": Expect.NOTE,
}
"""What the severity of a report suggests; an entry that expects something else says why."""


class Entry(Struct, frozen=True):
    """One defect, and what is expected of the suite."""

    id: str
    area: str
    what: str
    severity: str
    expect: Expect
    requirements: tuple[str, ...]
    why: str
    outcome: Outcome | None
    needs: str
    fault: Fault | None
    links: tuple[str, ...]


class _Row(Record, frozen=True, kw_only=True):
    id: str
    what: str
    severity: str
    expect: str
    requirements: list[str] = field(default_factory=list)
    why: str = ""
    outcome: str | None = None
    needs: str = ""
    fault: str | None = None
    mutate: list[Json] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    links: list[str]

    def check(self, where: str) -> None:
        """Demand known words, and exactly one way to make the defect where it is visible."""
        self.one_of("severity", SUGGESTED, where)
        self.one_of("expect", tuple(Expect), where)
        self.one_of("outcome", tuple(Outcome), where)
        if self.expect != Expect.NOT_VISIBLE:
            self.exactly_one(("fault",) if self.fault else ("mutate",), where)
        elif self.fault or self.mutate or self.requirements:
            raise wrong(where, "what is not visible is neither made nor named")


def load_corpus() -> tuple[Entry, ...]:
    """Return all entries, files and rows in order.

    Raises:
        CatalogueError: a row cannot be read, or its fault does not exist.

    """
    faults = load_faults()
    return tuple(entry for file in sorted(FOLDER.glob("*.yaml")) for entry in _file(file, faults))


def _file(file: Path, faults: Mapping[str, Fault]) -> Iterator[Entry]:
    for number, value in enumerate(yaml.safe_load(file.read_text(encoding="utf-8"))):
        where = f"corpus/{file.name}[{number}]"
        row = _Row.read(value, where)
        yield Entry(
            id=row.id,
            area=file.stem,
            what=row.what,
            severity=row.severity,
            expect=Expect(row.expect),
            requirements=tuple(row.requirements),
            why=row.why,
            outcome=Outcome(row.outcome) if row.outcome else None,
            needs=row.needs,
            fault=_fault(row, file.stem, where, faults),
            links=tuple(row.links),
        )


def _fault(row: _Row, area: str, where: str, faults: Mapping[str, Fault]) -> Fault | None:
    if row.fault is not None:
        if row.fault not in faults:
            raise wrong(where, f"there is no fault {row.fault!r}")
        return faults[row.fault]
    if not row.mutate:
        return None
    made: Json = {"name": row.id, "what": row.what, "mutate": row.mutate, "models": list(row.models)}
    return read_fault(made, area, where)
