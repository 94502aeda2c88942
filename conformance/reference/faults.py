"""Deliberate defects of the reference gateway, as data: ``fixtures/faults/*.yaml``, one file an area.

A fault names what is wrong in one sentence, how to do it (``mutate``), which requirements must fail because
of it (``breaks``) and in which other areas findings are no surprise (``may``). A *legal variant* has the
same form and breaks nothing: whoever reports it raises a false alarm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from conformance.datafile import read_yaml
from conformance.errors import CatalogueError
from conformance.model import Json
from conformance.paths import data_root
from conformance.reference.mutators import Mutation, read_mutation
from conformance.reference.record import Record, wrong

LEGAL = "legal"
"""The file of the legal variants."""


class Fault(Struct, frozen=True):
    """One deliberate defect. ``may`` are pairs of an area and the reason why it may have findings too.

    ``profile`` is the one whose claims it breaks.
    """

    name: str
    what: str
    area: str
    mutations: tuple[Mutation, ...]
    breaks: tuple[str, ...] = ()
    may: tuple[tuple[str, str], ...] = ()
    source: str = ""
    models: tuple[str, ...] = ()
    profile: str = "core"

    @property
    def legal(self) -> bool:
        """Whether this is a variant that breaks no rule."""
        return self.area == LEGAL


class _Side(Record, frozen=True, kw_only=True):
    area: str
    why: str


class _Row(Record, frozen=True, kw_only=True):
    """A fault as it stands in a file."""

    name: str
    what: str
    area: str | None = None
    mutate: list[Json]
    breaks: list[str] = field(default_factory=list)
    may: list[Json] = field(default_factory=list)
    from_: str = ""
    models: list[str] = field(default_factory=list)
    profile: str = "core"


def read_fault(value: Json, area: str, where: str) -> Fault:
    """Return the fault that the mapping ``value`` describes; ``area`` is that of its file.

    Raises:
        CatalogueError: a key or an operation is not known, or a value has a wrong type.

    """
    row = _Row.read(value, where)
    where = f"{where} {row.name}"
    if not row.mutate:
        raise wrong(where, "mutate has no operation")
    sides = [_Side.read(item, f"{where} may") for item in row.may]
    return Fault(
        name=row.name,
        what=row.what,
        area=row.area or area,
        mutations=tuple(read_mutation(item, f"{where} mutate[{n}]") for n, item in enumerate(row.mutate)),
        breaks=tuple(row.breaks),
        may=tuple((side.area, side.why) for side in sides),
        source=row.from_,
        models=tuple(row.models),
        profile=row.profile,
    )


def load_faults(folder: Path | None = None) -> Mapping[str, Fault]:
    """Return all faults and legal variants of ``folder`` by name, files and rows in order.

    Raises:
        CatalogueError: a file cannot be read, or two faults have one name.

    """
    found: dict[str, Fault] = {}
    for file in sorted((folder or data_root() / "fixtures" / "faults").glob("*.yaml")):
        for fault in _file(file):
            if fault.name in found:
                raise wrong(f"{file.name} {fault.name}", "another fault has this name")
            found[fault.name] = fault
    return found


def pick_faults(names: Sequence[str]) -> tuple[Fault, ...]:
    """Return the faults of these names.

    Raises:
        CatalogueError: there is no fault of a name.

    """
    known = load_faults()
    for name in names:
        if name not in known:
            near = (
                ", ".join(sorted(other for other in known if name[:4] in other)[:8]) or "see fixtures/faults"
            )
            raise CatalogueError(
                f"There is no fault {name!r}.", why="no row of that name", hint=f"try: {near}"
            )
    return tuple(known[name] for name in names)


def _file(file: Path) -> Iterator[Fault]:
    rows = read_yaml(file)
    if not isinstance(rows, list):
        raise wrong(file.name, "a list of faults is expected")
    for number, row in enumerate(rows):
        yield read_fault(row, file.stem, f"{file.name}[{number}]")
