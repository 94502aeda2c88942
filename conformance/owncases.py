"""Generated cases of our own: talks, mutants of them, and how often each oddity is asked for. Sends nothing.

Like the cases of :mod:`conformance.generate` they depend on the seed alone, are judged by another JSON Schema
library before anybody sees them, and are kept (:mod:`conformance.casecache`), so that few runs import a generator.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import Struct, to_builtins
from msgspec.structs import asdict

from conformance import casecache, oddities
from conformance.errors import HarnessError
from conformance.paths import data_root
from conformance.strategies.spoilt import Spoilt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conformance.model import Json
    from conformance.openapi import SchemaValidator

MUTANTS: Final = 4
"""Mutants of each valid body."""

ROWS: Final[Mapping[str, str]] = {
    "plain": "messages.conversation-served",
    "parted": "messages.named-parts-served",
    "tooled": "tools.history-served",
    "crowded": "tools.history-served",
    "mixed": "parameters.mix-served",
}
"""The requirement of each kind of valid body."""


class Talk(Struct, frozen=True):
    """A valid body; ``kind`` is a key of :data:`ROWS`."""

    name: str
    kind: str
    value: dict[str, Json]


class Mutant(Spoilt, frozen=True):
    """A talk with one defect; ``twin`` names the talk."""

    name: str
    twin: str


class Oddity(Struct, frozen=True):
    """A recipe of :mod:`conformance.oddities` and how much of it."""

    name: str
    recipe: str
    size: int


class OwnCases(Struct, frozen=True):
    """Everything that was drawn with one seed, and what became of it."""

    talks: tuple[Talk, ...]
    mutants: tuple[Mutant, ...]
    bodies: tuple[Oddity, ...]
    headers: tuple[Oddity, ...]
    counts: Mapping[str, int]


@cache
def own_cases(seed: int) -> OwnCases:
    """Return everything drawn with this seed, without drawing where it is shipped or in the cache."""
    stored = casecache.load(key(seed))
    if stored is None:
        made = draw_all(seed)
        casecache.store(key(seed), cast("Json", to_builtins(made)))
        return made
    content = cast("dict[str, Any]", stored)
    return OwnCases(
        talks=tuple(Talk(**row) for row in content["talks"]),
        mutants=tuple(Mutant(**{**row, "names": tuple(row["names"])}) for row in content["mutants"]),
        bodies=tuple(Oddity(**row) for row in content["bodies"]),
        headers=tuple(Oddity(**row) for row in content["headers"]),
        counts=content["counts"],
    )


def digest(cases: OwnCases) -> str:
    """Return a digest of all cases, their labels and their order."""
    return "sha256:" + hashlib.sha256(json.dumps(to_builtins(cases), sort_keys=True).encode()).hexdigest()


def key(seed: int) -> casecache.Key:
    """Return what the cases of a seed are made from."""
    folder = Path(__file__).parent
    files = (
        data_root() / "spec" / "openapi.yaml",
        Path(__file__),
        Path(oddities.__file__),
        folder / "graft.py",
        *sorted((folder / "strategies").glob("*.py")),
    )
    return casecache.key_of("own", seed, files, ("hypothesis", "jsonschema"))


def draw_all(seed: int) -> OwnCases:
    """Draw everything, whatever is kept.

    Raises:
        HarnessError: a case is not what its label says.

    """
    from conformance import graft  # noqa: PLC0415 - what only a generation needs
    from conformance.openapi import validator  # noqa: PLC0415
    from conformance.strategies.draws import at_home, draw  # noqa: PLC0415
    from conformance.strategies.rules import loose_ends  # noqa: PLC0415
    from conformance.strategies.talks import KINDS  # noqa: PLC0415

    judge = validator(graft.REQUEST)
    counts: Counter[str] = Counter()
    talks: list[Talk] = []
    mutants: list[Mutant] = []
    with at_home():
        for kind, (strategy, many) in KINDS.items():
            for number in range(1, many + 1):
                name = f"{kind}-{number}"
                value = draw(strategy, seed, name)
                if not judge.accepts(value) or any(loose_ends(value)):
                    raise HarnessError(f"The generated talk {name} of seed {seed} is not valid.")
                talks.append(Talk(name, kind, value))
                counts[kind] += 1
                found = list(_mutants(talks[-1], judge, seed))
                mutants += found
                counts["mutants"] += len(found)
    bodies = (*_oddities(oddities.CUT, seed), *_oddities(oddities.ODD, seed))
    headers = tuple(_oddities(oddities.HEADERS, seed))
    counts["bodies"], counts["headers"] = len(bodies), len(headers)
    return OwnCases(tuple(talks), tuple(mutants), bodies, headers, dict(sorted(counts.items())))


def _mutants(talk: Talk, judge: SchemaValidator, seed: int) -> Iterator[Mutant]:
    """Yield different mutants of a talk whose label another library confirms; what it does not confirm is dropped."""
    from conformance.strategies.draws import draw  # noqa: PLC0415 - what only a generation needs
    from conformance.strategies.mutants import of_schema, of_sense  # noqa: PLC0415
    from conformance.strategies.rules import loose_ends  # noqa: PLC0415

    seen: set[str] = set()
    for number in range(1, MUTANTS + 1):
        name = f"{talk.name}-{number}"
        about_sense = "tools" in talk.value and number == MUTANTS
        spoilt: Spoilt = draw((of_sense if about_sense else of_schema)(talk.value), seed, f"mutant {name}")
        confirmed = any(loose_ends(spoilt.value)) if about_sense else not judge.accepts(spoilt.value)
        if not confirmed or (about_sense and not judge.accepts(spoilt.value)):
            raise HarnessError(f"The mutant {name} of seed {seed} has no defect: {spoilt.what}.")
        if spoilt.group not in seen:
            seen.add(spoilt.group)
            yield Mutant(name=name, twin=talk.name, **asdict(spoilt))


def _oddities(recipes: Mapping[str, Any], seed: int) -> Iterator[Oddity]:
    """Yield each recipe with its least size, and where sizes differ with another one as well."""
    for name, recipe in recipes.items():
        least, most = recipe.sizes
        sizes = {least} if least == most else {least, Random(f"{seed}/{name}").randint(least, most)}  # noqa: S311
        for number, size in enumerate(sorted(sizes), 1):
            yield Oddity(name if least == most else f"{name}-{number}", name, size)
