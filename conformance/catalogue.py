"""What is required, read from ``spec/`` once: requirements, clauses, features, sources, sets, profiles.

Everything is frozen and has been cross-checked when :func:`load` returns: ids are unique, every pointer to a
feature, clause, source or profile resolves, levels are levels. Reading is fast (no JSON Schema), as every
command starts with it; the style of the data and its schemas are judged in ``conformance.catalogue_lint``.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from conformance.datafile import Row, did_you_mean, read_list, read_yaml, wrong
from conformance.errors import CatalogueError
from conformance.model import Requirement
from conformance.paths import data_root
from conformance.profiles import Profile, ProfileReader, builtin_profiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["Catalogue", "Clause", "Exclusion", "Feature", "Profile", "RequirementSet", "Source", "load"]

AREAS: Final = (
    "transport", "auth", "messages", "parameters", "response", "stream", "tools", "structured", "reasoning",
    "search", "files", "errors", "usage", "robustness",
)  # fmt: skip
"""The parts of the contract, in the order of reports; each is a file of ``spec/requirements``."""

_POINTER: Final = re.compile(r"(?P<source>[A-Za-z0-9-]+)(?:(?P<mark>[:#])(?P<place>[\w.-]+))?")
_LINES: Final = re.compile(r"(\d+)(?:-(\d+))?")


class Exclusion(StrEnum):
    """Why no check judges a requirement."""

    CLIENT_DUTY = "client-duty"
    NOT_OBSERVABLE = "not-observable"
    NEEDS_CONSENT = "needs-consent"


class Feature(Struct, frozen=True):
    """What a report groups by and a profile claims; a ``core`` feature is claimed of every target."""

    id: str
    title: str
    core: bool


class Clause(Struct, frozen=True):
    """One statement of the documents (A01-G06), one framing rule (W01-W26) or one conflict (K1-K22).

    ``says`` is our own one-line reading; ``profiles`` are those whose documents state it. ``resolved`` says how a
    conflict is decided, and ``outdated`` that the document is wrong about what is behind the gateway today.
    """

    id: str
    says: str
    sources: tuple[str, ...]
    quote: str
    profiles: tuple[str, ...]
    resolved: str = ""
    outdated: bool = False


class Source(Struct, frozen=True):
    """A document, a standard or measured software.

    ``lines`` counts the lines of a document, else 0; ``sha256`` is the digest of its text. ``vectors`` are
    the measured cases of software. ``habit`` is whether it says what one vendor does.
    """

    id: str
    kind: str
    title: str
    url: str = ""
    sha256: str = ""
    lines: int = 0
    vectors: frozenset[str] = frozenset()
    habit: bool = False


class RequirementSet(Struct, frozen=True):
    """The requirements that a certificate of this name speaks of. A released set never changes."""

    name: str
    released: bool
    ids: tuple[str, ...]


class Catalogue(Struct, frozen=True):
    """All data of ``spec/`` that says what is required."""

    root: Path
    requirements: Mapping[str, Requirement]
    clauses: Mapping[str, Clause]
    features: Mapping[str, Feature]
    sources: Mapping[str, Source]
    sets: Mapping[str, RequirementSet]
    profiles: Mapping[str, Profile]

    def set(self, name: str) -> RequirementSet:
        """Return a frozen requirement set.

        Raises:
            CatalogueError: there is no set of this name.

        """
        if name not in self.sets:
            raise CatalogueError(
                f"There is no requirement set {name!r}.",
                why=f"the sets are {', '.join(sorted(self.sets))}",
                hint=did_you_mean(name, self.sets),
            )
        return self.sets[name]

    @property
    def latest_set(self) -> str:
        """Name of the newest set; names are dates, so the greatest."""
        return max(self.sets)

    @property
    def core_features(self) -> frozenset[str]:
        """Features that belong to every target."""
        return frozenset(feature.id for feature in self.features.values() if feature.core)

    @property
    def judged(self) -> tuple[str, ...]:
        """Ids of the requirements that have to have a check, in catalogue order."""
        return tuple(row.id for row in self.requirements.values() if row.judged)

    def profile(self, name_or_path: str | Path) -> Profile:
        """Return a profile of ``spec/profiles`` by its name, or read a user's own file.

        Raises:
            UsageError: no profile has this name, or the user's file is wrong (with file, line and key).

        """
        return ProfileReader(
            self.profiles, self.requirements, self.core_features, frozenset(self.features)
        ).get(name_or_path)


def load(root: Path | None = None) -> Catalogue:
    """Read and cross-check the catalogue below ``root`` (by default the suite's own data), once.

    Raises:
        CatalogueError: a file of ``spec/`` does not hold together; it says which, and where in it.

    """
    return _load(root or data_root())


@cache
def _load(root: Path) -> Catalogue:
    spec = root / "spec"
    sources = read_list(spec / "sources.yaml", _source)
    features = read_list(spec / "features.yaml", _feature)
    profiles = builtin_profiles(_read_profiles(spec / "profiles"), frozenset(features))
    clauses = read_list(spec / "clauses.yaml", _clause)
    requirements: dict[str, Requirement] = {}
    for area in AREAS:
        file = spec / "requirements" / f"{area}.yaml"
        for row in read_list(file, _requirement).values():
            if row.area != area:
                raise wrong(file, row.id, f"the id has to begin with {area}.")
            requirements[row.id] = row
    catalogue = Catalogue(
        root=root,
        requirements=MappingProxyType(requirements),
        clauses=clauses,
        features=features,
        sources=sources,
        sets=MappingProxyType(_read_sets(spec / "sets", requirements)),
        profiles=MappingProxyType(profiles),
    )
    _check_pointers(catalogue)
    return catalogue


def _feature(row: Row) -> Feature:
    return Feature(row.text("id"), row.text("title"), row.flag("core"))


def _clause(row: Row) -> Clause:
    return Clause(
        row.text("id"),
        row.text("says"),
        row.texts("sources"),
        row.text("quote", ""),
        row.texts("profiles"),
        row.text("resolved", ""),
        row.flag("outdated"),
    )


def _source(row: Row) -> Source:
    row.skip("profile", "language", "host", "modified", "revision", "versions")
    return Source(
        id=row.text("id"),
        kind=row.text("kind"),
        title=row.text("title"),
        url=row.text("url", ""),
        sha256=row.text("sha256", ""),
        lines=row.number("lines"),
        vectors=frozenset(row.texts("vectors")),
        habit=row.flag("habit"),
    )


def _requirement(row: Row) -> Requirement:
    excluded = row.mapping("excluded")
    why = excluded.get("why")
    if excluded and why not in list(Exclusion):
        raise row.error(f"excluded.why has to be one of {', '.join(Exclusion)}, not {why!r}")
    levels = {name: row.as_level(f"levels.{name}", value) for name, value in row.mapping("levels").items()}
    return Requirement(
        id=row.text("id"),
        title=row.text("title"),
        level=row.level("level"),
        says=row.text("says"),
        why=row.text("why"),
        feature=row.text("feature"),
        sources=row.texts("sources"),
        clauses=row.texts("clauses"),
        levels=MappingProxyType(levels),
        breaks=row.texts("breaks"),
        excluded=why,
        note=str(excluded.get("note", "")),
        pending=row.flag("pending"),
    )


def _read_profiles(folder: Path) -> dict[str, dict[str, Any]]:
    found = {}
    for file in sorted(folder.glob("*.yaml")):
        data = read_yaml(file)
        if not isinstance(data, dict) or data.get("name") != file.stem:
            raise wrong(file, "name", f"it has to be {file.stem}, as the file is called")
        found[file.stem] = data
    return found


def _read_sets(folder: Path, requirements: Mapping[str, Requirement]) -> dict[str, RequirementSet]:
    found = {}
    for file in sorted(folder.glob("*.yaml")):
        row = Row(file, read_yaml(file))
        made = RequirementSet(row.text("set"), row.flag("released"), row.texts("requirements"))
        row.end()
        if made.name != file.stem:
            raise wrong(file, "set", f"it has to be {file.stem!r}, as the file is called")
        for name in made.ids:
            if name not in requirements:
                raise wrong(file, name, "no requirement has this id", did_you_mean(name, requirements))
        found[made.name] = made
    return found


def _check_pointers(catalogue: Catalogue) -> None:
    spec = catalogue.root / "spec"
    files = {area: spec / "requirements" / f"{area}.yaml" for area in AREAS}
    titles: dict[str, str] = {}
    for row in catalogue.requirements.values():
        file = files[row.area]
        if row.title in titles:
            raise wrong(file, row.id, f"{titles[row.title]} has the same title")
        titles[row.title] = row.id
        if row.feature not in catalogue.features:
            raise wrong(
                file,
                row.id,
                f"no feature is called {row.feature!r}",
                did_you_mean(row.feature, catalogue.features),
            )
        _all_known(file, row.id, "clause", row.clauses, catalogue.clauses)
        _all_known(file, row.id, "profile", row.levels, catalogue.profiles)
        _check_sources(file, row.id, row.sources, catalogue.sources)
    file = spec / "clauses.yaml"
    for clause in catalogue.clauses.values():
        _all_known(file, clause.id, "profile", clause.profiles, catalogue.profiles)
        _check_sources(file, clause.id, clause.sources, catalogue.sources)
    for profile in catalogue.profiles.values():
        file = spec / "profiles" / f"{profile.name}.yaml"
        _all_known(file, "documents", "source", profile.documents, catalogue.sources)
        _all_known(file, "levels", "requirement", profile.levels, catalogue.requirements)


def _all_known(file: Path, row: str, kind: str, names: Iterable[str], known: Mapping[str, object]) -> None:
    for name in names:
        if name not in known:
            raise wrong(file, row, f"there is no {kind} {name!r}", did_you_mean(name, known))


def _check_sources(file: Path, row: str, pointers: Iterable[str], sources: Mapping[str, Source]) -> None:
    for pointer in pointers:
        parts = _POINTER.fullmatch(pointer)
        source = sources.get(parts["source"]) if parts else None
        if parts is None or source is None:
            raise wrong(
                file, row, f"the source {pointer!r} is unknown", did_you_mean(pointer.split(":")[0], sources)
            )
        if not _resolves(source, parts["mark"], parts["place"]):
            raise wrong(file, row, f"{pointer!r} points at no place of {source.title}")


def _resolves(source: Source, mark: str | None, place: str | None) -> bool:
    if source.vectors:
        return mark == "#" and place in source.vectors
    if source.kind == "document":
        found = _LINES.fullmatch(place or "") if mark == ":" else None
        return found is not None and 1 <= int(found[1]) <= int(found[2] or found[1]) <= source.lines
    return mark in {None, ":"}
