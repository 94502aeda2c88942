"""Requests made from the OpenAPI description by schemathesis, labelled and double-checked. Sends nothing.

Schemathesis' coverage phase walks the request schema and breaks each keyword in turn. Its value and its label
are kept; the request around the value is a documented example (:mod:`conformance.graft`), so that an invalid
request differs from its valid twin in one place, and nothing else can be the reason for a refusal. Another
JSON Schema library judges every request; a label that it does not confirm costs the case its place.

The cases do not depend on the model, the target, the working directory or the hash seed: they are made once,
kept (:mod:`conformance.casecache`), and given a model afterwards.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from conformance import casecache, graft
from conformance.errors import CatalogueError
from conformance.jsontext import encode
from conformance.model import Intent
from conformance.openapi import json_pointer, validator
from conformance.paths import data_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from conformance.model import Json

CHEAP: Final[Mapping[str, Json]] = {"max_tokens": 1}
"""Members of the examples that make them cheap; a model may need others."""

_CONFIG: Final[dict[str, Any]] = {
    "generation": {"database": "none"},
    "phases": {
        "examples": {"extra-data-sources": {"responses": False}},
        "coverage": {"extra-data-sources": {"responses": False}},
        "fuzzing": {"extra-data-sources": {"responses": False}, "error-feedback": {"enabled": False}},
    },
}


class GeneratedCase(Struct, frozen=True):
    """One request body and what is known of it.

    ``location`` is schemathesis' way to the keyword under test, ``pointer`` the canonical place of that
    keyword in ``spec/openapi.yaml``, ``requirement`` the row that the place belongs to. ``member`` is the
    top-level member under test (None: the whole body), ``instance`` the JSON pointer of the value under test.
    ``twin`` names the request example that an invalid case differs from in that one place; a valid case has
    none.
    """

    mode: Intent
    scenario: str
    location: str
    pointer: str
    keyword: str
    description: str
    requirement: str
    member: str | None
    instance: str
    twin: str | None
    value: Json

    @property
    def body(self) -> bytes:
        """The body as it is sent: compact JSON in UTF-8."""
        return encode(self.value)


class Generation(Struct, frozen=True):
    """All cases for the examples' own model, the examples, and what became of all that was generated."""

    cases: tuple[GeneratedCase, ...]
    twins: Mapping[str, Json]
    counts: Mapping[str, int]


def coverage_cases(model: str, seed: int, own: Mapping[str, Json] = CHEAP) -> tuple[GeneratedCase, ...]:
    """Return the generated cases for a model, always in the same order.

    ``own`` are the members that take the place of the examples' ``max_tokens: 1``.
    """
    return tuple(fitted(case, model, own) for case in generation(seed).cases)


def fitted(case: GeneratedCase, model: str, own: Mapping[str, Json]) -> GeneratedCase:
    """Return a case of the examples' own model for another one."""
    return replace(case, value=for_model(case.value, case.member, model, own))


def twin_bodies(model: str, seed: int, own: Mapping[str, Json] = CHEAP) -> dict[str, Json]:
    """Return the valid bodies that the cases' ``twin`` names, for a model."""
    return {name: for_model(body, None, model, own) for name, body in generation(seed).twins.items()}


def for_model(body: Json, member: str | None, model: str, own: Mapping[str, Json]) -> Json:
    """Return a body for a model that is asked with its ``own`` members; the member under test is left alone."""
    if not isinstance(body, dict):
        return body
    out = {name: value for name, value in body.items() if name == member or name not in CHEAP}
    given: dict[str, Json] = {"model": model, **own}
    return {**out, **{name: value for name, value in given.items() if name != member}}


def select(cases: Iterable[GeneratedCase], limit: int = 20) -> tuple[GeneratedCase, ...]:
    """Choose a few cases: of each requirement one, then of each another, its pointers taking turns.

    Requirements, pointers and cases with the smallest body come first.
    """
    rows = _grouped(sorted(cases, key=_smallest), lambda case: case.requirement)
    turns = [_in_turn(_grouped(row, lambda case: case.pointer)) for row in rows]
    return tuple(_in_turn(turns)[:limit])


def _smallest(case: GeneratedCase) -> tuple[int, bytes, str]:
    body = case.body
    return len(body), body, case.location


def _grouped(
    cases: Iterable[GeneratedCase], key: Callable[[GeneratedCase], str]
) -> list[list[GeneratedCase]]:
    groups: dict[str, list[GeneratedCase]] = {}
    for case in cases:
        groups.setdefault(key(case), []).append(case)
    return list(groups.values())


def _in_turn(columns: list[list[GeneratedCase]]) -> list[GeneratedCase]:
    return [case for row in zip_longest(*columns) for case in row if case is not None]


def cases_digest(cases: Iterable[GeneratedCase]) -> str:
    """Return a digest of the cases, their labels and their order."""
    text = json.dumps([to_builtins(case) for case in cases], sort_keys=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@cache
def generation(seed: int) -> Generation:
    """Return everything generated with this seed, without generating where it is shipped or in the cache."""
    stored = casecache.load(key(seed))
    if stored is None:
        made = generate(seed)
        casecache.store(key(seed), cast("Json", to_builtins(made)))
        return made
    content = cast("dict[str, Any]", stored)
    cases = tuple(GeneratedCase(**{**case, "mode": Intent(case["mode"])}) for case in content["cases"])
    return Generation(cases, content["twins"], content["counts"])


def key(seed: int) -> casecache.Key:
    """Return what the cases of a seed are made from."""
    files = (data_root() / "spec" / "openapi.yaml", Path(__file__), Path(graft.__file__))
    return casecache.key_of("cases", seed, files, ("schemathesis", "hypothesis", "jsonschema"))


def generate(seed: int) -> Generation:
    """Generate, label, graft and judge, whatever is kept; counts tell what became of each generated request."""
    examples = graft.examples()
    homes = _homes(examples)
    judge = validator(graft.REQUEST)
    counts: Counter[str] = Counter()
    kept: dict[tuple[str | None, bytes], GeneratedCase] = {}
    for raw in _schemathesis_cases(seed):
        counts["generated"] += 1
        case = _labelled(raw, examples, homes)
        if isinstance(case, str):
            counts[case] += 1
        elif judge.accepts(case.value) is not (case.mode is Intent.VALID):
            counts["mislabelled"] += 1
        elif (case.member, case.body) in kept:
            counts["duplicate"] += 1
        else:
            kept[case.member, case.body] = case
            counts[case.mode.value] += 1
    return Generation(tuple(kept.values()), cast("dict[str, Json]", examples), dict(sorted(counts.items())))


def _homes(examples: Mapping[str, Json]) -> dict[str, tuple[str, graft.Path]]:
    """Map each location to the first example that has a value there, or else room for one."""
    firm: dict[str, tuple[str, graft.Path]] = {}
    loose: dict[str, tuple[str, graft.Path]] = {}
    for name, body in examples.items():
        for location, path, kept in graft.places(body):
            (firm if kept else loose).setdefault(location, (name, path))
    return {**loose, **firm}


def _labelled(
    raw: _Raw, examples: Mapping[str, Json], homes: Mapping[str, tuple[str, graft.Path]]
) -> GeneratedCase | str:
    """Turn a generated request into a case, or say in a word why it is left out."""
    if not raw.in_body:
        return "not-about-the-body"
    return _valid(raw, examples) if raw.location is None else _invalid(raw, raw.location, examples, homes)


def _invalid(
    raw: _Raw, location: str, examples: Mapping[str, Json], homes: Mapping[str, tuple[str, graft.Path]]
) -> GeneratedCase | str:
    constraint = graft.walk(location)
    home = homes.get(location.rsplit("/", 1)[0])
    if home is None:
        return "place-in-no-example"
    twin, path = home
    absent = None
    if constraint.keyword == "required":
        there = cast("Mapping[str, Json]", graft.look(raw.body, constraint.path))
        absent = next(name for name in constraint.schema["required"] if name not in there)
        path = (*path, absent)
        body = graft.remove(examples[twin], path)
    else:
        body = graft.put(examples[twin], path, graft.look(raw.body, constraint.path))
    requirement = constraint.requirement(absent)
    if requirement is None:
        raise CatalogueError(f"{constraint.pointer} in spec/openapi.yaml names no requirement.")
    return GeneratedCase(
        mode=Intent.INVALID,
        scenario=raw.scenario,
        location=location,
        pointer=constraint.pointer,
        keyword=constraint.keyword,
        description=raw.description,
        requirement=requirement,
        member=str(path[0]) if path else None,
        instance=json_pointer(path),
        twin=twin,
        value=body,
    )


def _valid(raw: _Raw, examples: Mapping[str, Json]) -> GeneratedCase | str:
    """Keep a request that adds one valid value to the cheapest example, where such values have a row."""
    cheapest = next(iter(examples.values()))
    body, base = cast("Mapping[str, Json]", raw.body), cast("Mapping[str, Json]", cheapest)
    changed = [name for name in body if name not in base or body[name] != base[name]]
    if len(changed) != 1 or not set(base) <= set(body):
        return "valid-in-several-members"
    (member,) = changed
    keyword = "null" if body[member] is None else "valid"
    place = graft.walk(f"/properties/{member}/{keyword}")
    requirement = place.requirement()
    if requirement is None:
        return "valid-without-a-row"
    return GeneratedCase(
        mode=Intent.VALID,
        scenario=raw.scenario,
        location=f"/properties/{member}",
        pointer=place.pointer,
        keyword=keyword,
        description=raw.description,
        requirement=requirement,
        member=member,
        instance=json_pointer([member]),
        twin=None,
        value=raw.body,
    )


class _Raw(Struct, frozen=True):
    """What schemathesis made: a label, and a body when the request is about the body."""

    in_body: bool
    scenario: str
    location: str | None
    description: str
    body: Json


def _schemathesis_cases(seed: int) -> Iterator[_Raw]:
    from conformance.strategies.draws import at_home  # noqa: PLC0415 - only a generation needs it

    with at_home():
        import schemathesis  # noqa: PLC0415 - half a second and a pytest plugin that nobody else needs
        from schemathesis.core import NotSet  # noqa: PLC0415

        config = schemathesis.Config.from_dict({**_CONFIG, "seed": seed})
        schema = schemathesis.openapi.from_path(data_root() / "spec" / "openapi.yaml", config=config)
        schema.config.update(base_url="http://127.0.0.1")  # never used: nothing is sent
        operation = schema[graft.ENDPOINT]["POST"]
        for case in schema.iter_coverage_cases(
            operation,
            generation_modes=list(schemathesis.GenerationMode),
            generation_config=schema.config.generation_for(operation=operation),
        ):
            about: Any = case.meta and case.meta.phase.data
            in_body = getattr(about.parameter_location, "value", None) == "body"
            yield _Raw(
                in_body=in_body and not isinstance(case.body, NotSet),
                scenario=about.scenario.value,
                location=about.location,
                description=about.description,
                body=cast("Json", case.body),
            )
