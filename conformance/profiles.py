"""What one gateway's document promises beyond the core: claims, raised levels, models.

A profile extends another one, ``core`` in the end. A user's own file may claim features and raise levels. It
cannot take anything away that the core demands: core features stay claimed, and no level goes down.
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from conformance.errors import CatalogueError, UsageError
from conformance.model import Claim, Json, Level, Requirement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conformance.userfile import UserFile

ROOT: Final = "core"
_STRICTNESS: Final = {Level.MAY: 0, Level.SHOULD: 1, Level.MUST: 2}
_KEYS: Final = frozenset({"name", "title", "extends", "documents", "claims", "levels", "models"})


class Profile(Struct, frozen=True):
    """Claims, levels and models of one kind of target.

    ``lineage`` are the profiles it stands on, from ``core`` to itself. ``claims`` holds what differs from
    ``ask``, ``levels`` only what profiles themselves raise; rows carry their own ``levels`` for the names
    of the lineage. ``overrides`` are rules of a model that replace those of ``spec/models.yaml``.
    """

    name: str
    title: str
    lineage: tuple[str, ...]
    claims: Mapping[str, Claim]
    levels: Mapping[str, Level]
    models: tuple[str, ...]
    overrides: Mapping[str, Mapping[str, Json]]
    documents: tuple[str, ...]

    def claim_of(self, feature: str) -> Claim:
        """Return what is claimed of a feature; what nobody speaks of is tried (``ask``)."""
        return self.claims.get(feature, Claim.ASK)

    def level_of(self, requirement: Requirement) -> Level:
        """Return the strictest of the core's level, those of the lineage, and what the profile raises."""
        levels = [
            requirement.level,
            *(requirement.levels[name] for name in self.lineage if name in requirement.levels),
        ]
        if requirement.id in self.levels:
            levels.append(self.levels[requirement.id])
        return max(levels, key=_STRICTNESS.__getitem__)


def builtin_profiles(data: Mapping[str, Mapping[str, Any]], features: frozenset[str]) -> dict[str, Profile]:
    """Make the suite's own profiles of their files, by name.

    Raises:
        CatalogueError: a profile has an unknown key, claim, level or feature, or extends no known one.

    """
    made: dict[str, Profile] = {}

    def make(name: str, seen: tuple[str, ...] = ()) -> Profile:
        if name in made:
            return made[name]
        if name not in data or name in seen:
            raise CatalogueError(
                f"spec/profiles: {seen[-1] if seen else ROOT} extends {name!r}.",
                why="no such profile, or a circle",
            )
        row = data[name]
        unknown = [key for key in row if key not in _KEYS]
        unknown += [key for key in row.get("claims", {}) if key not in features]
        if unknown:
            raise CatalogueError(f"spec/profiles/{name}.yaml: {unknown[0]!r} is unknown.")
        base = None if name == ROOT else make(row.get("extends", ROOT), (*seen, name))
        try:
            made[name] = _built(row, base)
        except ValueError as error:
            raise CatalogueError(
                f"spec/profiles/{name}.yaml does not hold together.", why=str(error)
            ) from error
        return made[name]

    for name in data:
        make(name)
    return made


def _built(row: Mapping[str, Any], base: Profile | None) -> Profile:
    """Put a file's data on top of the profile that it extends.

    Raises:
        ValueError: a word is no claim or no level.

    """
    claims = {name: _claim(word) for name, word in row.get("claims", {}).items()}
    levels = {name: Level(word) for name, word in row.get("levels", {}).items()}
    models: Mapping[str, Mapping[str, Json]] = row.get("models", {})
    overrides = {name: MappingProxyType(dict(rules)) for name, rules in models.items() if rules}
    return Profile(
        name=row["name"],
        title=row["title"],
        lineage=(*(base.lineage if base else ()), row["name"]),
        claims=MappingProxyType({**(base.claims if base else {}), **claims}),
        levels=MappingProxyType({**(base.levels if base else {}), **levels}),
        models=tuple(dict.fromkeys((*(base.models if base else ()), *models))),
        overrides=MappingProxyType({**(base.overrides if base else {}), **overrides}),
        documents=tuple(dict.fromkeys((*(base.documents if base else ()), *row.get("documents", ())))),
    )


def _claim(word: str | bool) -> Claim:  # noqa: FBT001 - a word that YAML turned into a boolean
    """Read a claim; YAML 1.1 has made booleans of the words yes and no."""
    if isinstance(word, bool):
        return Claim.YES if word else Claim.NO
    return Claim(word)


class ProfileReader(Struct, frozen=True):
    """Finds profiles by name and reads users' own files against the catalogue's ids."""

    builtin: Mapping[str, Profile]
    requirements: Mapping[str, Requirement]
    core_features: frozenset[str]
    features: frozenset[str]

    def get(self, name_or_path: str | Path) -> Profile:
        """Return a profile of the suite by its name, or the one in a user's file.

        A text that ends in .yaml or .yml, or has a slash in it, is a path.

        Raises:
            UsageError: nothing has this name, or the file is wrong; file, line and key are named.

        """
        text = str(name_or_path)
        if text.endswith((".yaml", ".yml")) or "/" in text or isinstance(name_or_path, Path):
            return self._read(Path(name_or_path))
        if text in self.builtin:
            return self.builtin[text]
        from conformance.userfile import closest  # noqa: PLC0415 - brings in jsonschema, only on a mistake

        raise UsageError(
            f"There is no profile {text!r}.",
            why=f"the profiles are {', '.join(sorted(self.builtin))}",
            hint=f"{closest(text, sorted(self.builtin))}; a file of your own needs its .yaml",
        )

    def _read(self, path: Path) -> Profile:
        from conformance import userfile  # noqa: PLC0415 - brings in jsonschema, only for users' own files

        file = userfile.load(path, schema="profile")
        data: Mapping[str, Any] = {"name": path.stem, "title": path.stem, **file.data}
        if data["name"] in self.builtin:
            raise file.error(
                ("name",), f"the suite has a profile {data['name']!r} of its own", hint="choose another name"
            )
        parent = data.get("extends", ROOT)
        if parent not in self.builtin:
            raise file.error(
                ("extends",),
                "no profile has this name",
                hint=userfile.closest(str(parent), sorted(self.builtin)),
            )
        base = self.builtin[parent]
        self._check_claims(file, data.get("claims", {}))
        self._check_levels(file, base, data.get("levels", {}))
        _check_models(file, data.get("models", {}))
        return _built(data, base)

    def _check_claims(self, file: UserFile, claims: Mapping[str, str]) -> None:
        from conformance.userfile import closest  # noqa: PLC0415 - loaded already

        for feature, word in claims.items():
            place = ("claims", feature)
            if feature not in self.features:
                raise file.error(
                    place, "no feature has this name", hint=closest(feature, sorted(self.features))
                )
            if feature in self.core_features and word != Claim.YES:
                raise file.error(
                    place,
                    "this feature belongs to every target and stays claimed",
                    why="a profile can add promises; it cannot take away what the core demands",
                    hint="remove the line; known failures belong in a baseline",
                )

    def _check_levels(self, file: UserFile, base: Profile, levels: Mapping[str, str]) -> None:
        from conformance.userfile import closest  # noqa: PLC0415 - loaded already

        for name, word in levels.items():
            place = ("levels", name)
            if name not in self.requirements:
                raise file.error(
                    place, "no requirement has this id", hint=closest(name, sorted(self.requirements))
                )
            before = base.level_of(self.requirements[name])
            if _STRICTNESS[Level(word)] < _STRICTNESS[before]:
                raise file.error(
                    place,
                    f"the level is {before} in {base.name} and cannot go down to {word}",
                    why="a profile can raise levels only, so that two reports can be compared",
                    hint="remove the line; known failures belong in a baseline",
                )


def _check_models(file: UserFile, models: Mapping[str, Mapping[str, Json]]) -> None:
    from conformance.models import load_cards  # noqa: PLC0415 - reads every card, only for rules of the user's own

    for name, rules in models.items():
        try:
            if rules:
                load_cards({name: rules})
        except CatalogueError as error:
            raise file.error(
                ("models", name),
                "the rules of this model do not hold together",
                why=error.why,
                hint=error.hint or "see the rules of other models in spec/models.yaml",
            ) from None
