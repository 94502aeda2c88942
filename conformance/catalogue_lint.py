"""Judges the catalogue's own data: schemas, style, coverage, levels. For tests; a run never needs it.

:func:`lint` returns every problem as one line that names file and row, so that all can be mended. What
would make the data unusable is found by :func:`conformance.catalogue.load` already, and raised.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import yaml
from jsonschema import Draft202012Validator

from conformance.catalogue import AREAS, load
from conformance.datafile import read_yaml
from conformance.model import Claim, Level, Requirement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conformance.catalogue import Catalogue

_STRICTNESS: Final = {Level.MAY: 0, Level.SHOULD: 1, Level.MUST: 2}
_MOODS: Final = re.compile(r"\b(should|must|shall|test that|check that|verify)\b", re.IGNORECASE)


def lint(root: Path | None = None) -> list[str]:
    """Return what is wrong with the data below ``root`` beyond what loading finds, one line a problem.

    Raises:
        CatalogueError: the data cannot be loaded at all.

    """
    catalogue = load(root)
    return [
        *_schemas(catalogue.root / "spec"),
        *(problem for row in catalogue.requirements.values() for problem in _row(row, catalogue)),
        *_coverage(catalogue),
        *_sets(catalogue),
    ]


def read_lock(root: Path) -> tuple[str, ...]:
    """Return the ids that were ever frozen, oldest first; empty when nothing was."""
    file = root / "spec" / "ids.lock"
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return tuple(line for line in lines if line and not line.startswith("#"))


def _schemas(spec: Path) -> Iterator[str]:
    """Hold each file against its JSON Schema, and look for keys that stand twice."""
    kinds = {
        "requirement": [spec / "requirements" / f"{area}.yaml" for area in AREAS],
        "profile": sorted((spec / "profiles").glob("*.yaml")),
        "set": sorted((spec / "sets").glob("*.yaml")),
        "clauses": [spec / "clauses.yaml"],
        "features": [spec / "features.yaml"],
        "sources": [spec / "sources.yaml"],
    }
    for kind, files in kinds.items():
        schema = json.loads((spec / "schema" / f"{kind}.schema.json").read_text("utf-8"))
        validator = Draft202012Validator(schema)
        for file in files:
            name = file.relative_to(spec)
            yield from (f"{name}: {problem}" for problem in _repeated(file))
            for error in validator.iter_errors(_as_json(read_yaml(file))):
                yield f"{name}: {error.json_path}: {error.message}"
    strays = {path.stem for path in (spec / "requirements").glob("*")} - set(AREAS)
    yield from (f"requirements/{name}: no area is called so" for name in sorted(strays))


def _as_json(data: Any) -> Any:  # noqa: ANN401 - YAML holds anything
    """Return data as YAML 1.2 reads it: dates are texts, and the claims yes and no are words."""
    if isinstance(data, dict):
        made = {key: _as_json(value) for key, value in data.items()}
        claims = made.get("claims")
        if isinstance(claims, dict):
            made["claims"] = {key: {True: "yes", False: "no"}.get(word, word) for key, word in claims.items()}
        return made
    if isinstance(data, list):
        return [_as_json(item) for item in data]
    return data if data is None or isinstance(data, str | int | float) else str(data)


def _repeated(file: Path) -> Iterator[str]:
    """Yield keys that stand twice in one mapping; YAML would keep the last without a word."""
    pending = [yaml.compose(file.read_text("utf-8"), Loader=yaml.SafeLoader)]
    while pending:
        node = pending.pop()
        if isinstance(node, yaml.SequenceNode):
            pending += node.value
        elif isinstance(node, yaml.MappingNode):
            names = [key.value for key, _ in node.value]
            pending += [value for _, value in node.value]
            for name in sorted({name for name in names if names.count(name) > 1}):
                yield f"line {node.start_mark.line + 1}: the key {name!r} stands twice"


def _row(row: Requirement, catalogue: Catalogue) -> Iterator[str]:
    where = f"requirements/{row.area}.yaml: {row.id}"
    if _MOODS.search(row.title):
        yield f"{where}: the title has to say what is, not what ought to be"
    if row.title.endswith("."):
        yield f"{where}: a title has no full stop"
    for name in ("says", "why"):
        if not getattr(row, name).endswith("."):
            yield f"{where}: {name} has to be a sentence"
    kinds = {re.split("[:#]", pointer, maxsplit=1)[0] for pointer in row.sources}
    if row.level is Level.MUST and all(catalogue.sources[kind].habit for kind in kinds):
        yield f"{where}: a MUST rests on more than one vendor's habit"
    for name, level in row.levels.items():
        if _STRICTNESS[level] <= _STRICTNESS[row.level]:
            yield f"{where}: levels.{name} has to be above {row.level}"
        if not kinds & set(catalogue.profiles[name].documents):
            yield f"{where}: levels.{name} points at no document of {name}"
        if catalogue.profiles[name].claim_of(row.feature) is not Claim.YES:
            yield f"{where}: levels.{name} raises a row of {row.feature}, which {name} does not claim"


def _coverage(catalogue: Catalogue) -> Iterator[str]:
    used = {name for row in catalogue.requirements.values() for name in row.clauses}
    yield from (
        f"clauses.yaml: {name} is used by no requirement" for name in catalogue.clauses if name not in used
    )
    yield from (
        f"clauses.yaml: {clause.id} is a conflict and does not say how it is resolved"
        for clause in catalogue.clauses.values()
        if clause.id.startswith("K") and not clause.resolved
    )
    features = {row.feature for row in catalogue.requirements.values()}
    yield from (
        f"features.yaml: {name} has no requirement" for name in catalogue.features if name not in features
    )
    for profile in catalogue.profiles.values():
        for feature in catalogue.core_features:
            if profile.claim_of(feature) is not Claim.YES:
                yield f"profiles/{profile.name}.yaml: the core feature {feature} has to be claimed"


def _sets(catalogue: Catalogue) -> Iterator[str]:
    locked = read_lock(catalogue.root)
    if len(set(locked)) != len(locked):
        yield "ids.lock: an id stands there twice"
    yield from (
        f"ids.lock: {name} is no requirement any more"
        for name in locked
        if name not in catalogue.requirements
    )
    for made in catalogue.sets.values():
        for name in made.ids:
            if not catalogue.requirements[name].judged:
                yield f"sets/{made.name}.yaml: {name} is not judged"
            if name not in locked:
                yield f"sets/{made.name}.yaml: {name} is not in ids.lock"
    missing = set(catalogue.judged) - set(catalogue.set(catalogue.latest_set).ids)
    if not catalogue.set(catalogue.latest_set).released:
        yield from (
            f"sets/{catalogue.latest_set}.yaml: {name} is missing; run the freeze" for name in sorted(missing)
        )
