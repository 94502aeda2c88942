"""The OpenAPI description, loaded once, as validators of its named schemas.

``validator("ChatCompletion").errors(value)`` says where a value departs from the description, as JSON
pointers with a sentence each, those nearest to the root first. The same value always gives the same
sentences: they do not depend on the wording of the JSON Schema library, and quote little of what was sent.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import Struct

from conformance.errors import HarnessError
from conformance.paths import data_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

    from conformance.model import Json

COMPONENTS: Final = "#/components/schemas/"
_QUOTED: Final = 60
_MOST: Final = 100
_BASE: Final = "urn:chat-conformance:openapi"


class Mismatch(Struct, frozen=True):
    """One departure from a schema; ``pointer`` is a JSON pointer (RFC 6901) into the value."""

    pointer: str
    message: str


class SchemaValidator(Struct, frozen=True):
    """Judges values by one schema of the description (JSON Schema 2020-12)."""

    pointer: str
    _judge: Draft202012Validator

    def accepts(self, value: Json) -> bool:
        """Whether the value keeps to the schema."""
        return bool(self._judge.is_valid(value))

    def errors(self, value: Json) -> tuple[Mismatch, ...]:
        """Return each departure once: those nearest to the root first, then in the order of the pointers.

        No more than a hundred are looked at, however many a target provokes.
        """
        found = {_mismatch(_narrow(error)) for error in islice(self._judge.iter_errors(value), _MOST)}
        return tuple(sorted(found, key=lambda each: (each.pointer.count("/"), each.pointer, each.message)))


@cache
def description() -> Mapping[str, Any]:
    """Load ``spec/openapi.yaml``; its schemas are JSON Schema, hence values of any type."""
    from conformance.datafile import read_yaml  # noqa: PLC0415 - needed only once something is validated

    return cast("dict[str, Any]", read_yaml(data_root() / "spec" / "openapi.yaml"))


@cache
def validator(name: str) -> SchemaValidator:
    """Return the validator of the schema with this name, such as ``ChatCompletionChunk``.

    Raises:
        HarnessError: the description has no schema of this name.

    """
    if name not in description()["components"]["schemas"]:
        raise HarnessError(
            f"spec/openapi.yaml has no schema named {name!r}.", hint="look under components/schemas"
        )
    return validator_at(COMPONENTS + name)


@cache
def validator_at(pointer: str) -> SchemaValidator:
    """Return the validator of the schema object at this place, written ``#/components/schemas/…``."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to import

    return SchemaValidator(pointer, Draft202012Validator({"$ref": _BASE + pointer}, registry=_registry()))


@cache
def _registry() -> Any:  # noqa: ANN401 - a type of a library that is imported late
    from referencing import Registry  # noqa: PLC0415
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415

    return Registry().with_resource(_BASE, DRAFT202012.create_resource(description()))


def json_pointer(path: Iterable[str | int]) -> str:
    """Write the steps into a value as a JSON pointer; no step is the empty pointer."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _mismatch(error: ValidationError) -> Mismatch:
    return Mismatch(json_pointer(error.absolute_path), _sentence(error))


def _narrow(error: ValidationError) -> ValidationError:
    """Follow ``anyOf`` and ``oneOf`` into the one branch that was meant, where one clearly was."""
    while error.context:
        branches: dict[int, list[ValidationError]] = {}
        for inner in error.context:
            branches.setdefault(int(inner.relative_schema_path[0]), []).append(inner)
        ranked = sorted(branches.values(), key=_distance)
        if len(ranked) > 1 and _distance(ranked[0]) == _distance(ranked[1]):
            return error
        error = min(ranked[0], key=lambda each: (len(each.relative_path), each.json_path))
    return error


def _distance(errors: list[ValidationError]) -> tuple[bool, int, bool]:
    """Rank a branch by how far the value is from it: another type, many errors, another discriminator."""
    other_type = any(not error.relative_path and error.validator == "type" for error in errors)
    discriminated = any(error.validator in {"const", "enum", "not"} for error in errors)
    return other_type, len(errors), discriminated


def _sentence(error: ValidationError) -> str:
    keyword, wanted, got = str(error.validator), error.validator_value, cast("Json", error.instance)
    say = _SENTENCES.get(keyword)
    return say(wanted, got) if say else f"does not keep to `{keyword}`"


def _missing(wanted: list[str], got: Json) -> str:
    absent = [name for name in wanted if isinstance(got, dict) and name not in got]
    return "lacks " + ", ".join(absent)


def _types(wanted: str | list[str], got: Json) -> str:
    names = [wanted] if isinstance(wanted, str) else wanted
    return f"is {_quote(got)}, expected {' or '.join(names)}"


def _branches(wanted: list[Mapping[str, Any]], got: Json) -> str:
    forms = [_form(branch) for branch in wanted]
    return f"is {_quote(got)}, expected one of: {', '.join(forms)}"


def _form(branch: Mapping[str, Any]) -> str:
    if "$ref" in branch:
        return str(branch["$ref"]).rsplit("/", 1)[-1]
    kind = branch.get("type", branch.get("const", "another form"))
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _quote(value: Json) -> str:
    """Show a value in ASCII, so that it cannot steer a terminal, and a container by its size alone."""
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    if isinstance(value, str) and len(value) > _QUOTED:
        return json.dumps(value[:_QUOTED]) + "…"
    return json.dumps(value)


_SENTENCES: Final[Mapping[str, Callable[[Any, Json], str]]] = {
    "required": _missing,
    "type": _types,
    "anyOf": _branches,
    "oneOf": _branches,
    "const": lambda wanted, got: f"is {_quote(got)}, expected {_quote(wanted)}",
    "enum": lambda wanted, got: f"is {_quote(got)}, expected one of {json.dumps(wanted)}",
    "not": lambda _, got: f"is {_quote(got)}, which belongs to another form",
    "minimum": lambda wanted, got: f"is {_quote(got)}, expected at least {wanted}",
    "maximum": lambda wanted, got: f"is {_quote(got)}, expected at most {wanted}",
    "minLength": lambda _, got: f"is {_quote(got)}, which is too short",
    "minItems": lambda wanted, got: f"has {_length(got)} items, expected at least {wanted}",
    "contains": lambda _, got: f"lacks a required item among its {_length(got)}",
    "maxContains": lambda wanted, _: f"has more than {wanted} of an item that may come that often at most",
}


def _length(value: Json) -> int:
    return len(value) if isinstance(value, list | dict | str) else 0


@cache
def requirement_ids() -> tuple[str, ...]:
    """Return the ids of all requirements that a keyword of the description belongs to, sorted."""
    return tuple(sorted({requirement for _, requirement in traced()}))


@cache
def traced() -> tuple[tuple[tuple[str | int, ...], str], ...]:
    """Return the steps to each keyword of the description that belongs to a requirement, with the requirement."""
    found: list[tuple[tuple[str | int, ...], str]] = []

    def walk(node: object, path: tuple[str | int, ...]) -> None:
        if isinstance(node, dict):
            found.extend(((*path, keyword), name) for keyword, name in node.get("x-requirements", {}).items())
            for key, child in node.items():
                walk(child, (*path, key))
        elif isinstance(node, list):
            for number, child in enumerate(node):
                walk(child, (*path, number))

    walk(description(), ())
    return tuple(found)
