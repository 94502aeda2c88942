"""Puts one bad value into a documented valid request, so that the two differ in exactly one place.

A generator names the place of a bad value by a *location*: the way from the request schema to the violated
keyword, every ``$ref`` followed in place (``/properties/messages/items/oneOf/1/properties/content/type``). It
says which schema object states the keyword (its canonical pointer and, through ``x-requirements``, the row),
where in a request the value stands, and which request examples have that place. The example is the valid twin
of the request that comes out.
"""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import Struct

from conformance.errors import CatalogueError
from conformance.openapi import COMPONENTS, description, validator_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conformance.model import Json

REQUEST: Final = "CreateChatCompletionRequest"
ENDPOINT: Final = "/v1/chat/completions"

Path = tuple[str | int, ...]
"""Steps into a value: names of members and numbers of items."""


class Constraint(Struct, frozen=True):
    """One keyword of the request schema: ``pointer`` is its canonical place in the description."""

    pointer: str
    keyword: str
    schema: Mapping[str, Any]
    path: Path

    def requirement(self, absent: str | None = None) -> str | None:
        """Return the id of the requirement that a violation belongs to; ``absent`` is the missing member."""
        key = f"required.{absent}" if absent else self.keyword
        return cast("str | None", self.schema.get("x-requirements", {}).get(key))


def examples() -> dict[str, dict[str, Json]]:
    """Return the request examples of the description by name, the cheapest first."""
    content = description()["paths"][ENDPOINT]["post"]["requestBody"]["content"]["application/json"]
    return {name: each["value"] for name, each in content["examples"].items()}


def walk(location: str) -> Constraint:
    """Follow a location to the schema object that states its keyword, through every reference.

    Raises:
        CatalogueError: the location leads nowhere in the description.

    """
    *steps, keyword = location.removeprefix("/").split("/")
    pointer = COMPONENTS + REQUEST
    path: Path = ()
    try:
        for before, step in pairwise(["", *steps]):
            pointer += f"/{step}"
            if before == "properties":
                path += (step,)
            elif step == "items":
                path += (0,)
            pointer = _schema(pointer).get("$ref", pointer) if _states_schema(before, step) else pointer
        schema = _schema(pointer)
    except LookupError as missing:
        raise CatalogueError(f"{location} leads nowhere in spec/openapi.yaml.") from missing
    return Constraint(f"{pointer}/{keyword}", keyword, schema, path)


def places(body: Json) -> Iterator[tuple[str, Path, bool]]:
    """List the locations of schema objects that speak of a value in this body, and where it stands.

    The flag says whether the value is there and keeps to the schema object; otherwise it is merely a place
    where such a value could stand (an absent member, another branch of ``anyOf``).
    """
    yield from _places("", COMPONENTS + REQUEST, body, (), firm=True)


def put(body: Json, path: Path, value: Json) -> Json:
    """Return a copy of the body with ``value`` at ``path``; the empty path replaces the body itself."""
    if not path:
        return copy.deepcopy(value)
    out = copy.deepcopy(body)
    _holder(out, path)[path[-1]] = copy.deepcopy(value)
    return out


def remove(body: Json, path: Path) -> Json:
    """Return a copy of the body without the member at ``path``."""
    out = copy.deepcopy(body)
    del _holder(out, path)[path[-1]]
    return out


def look(body: Json, path: Path) -> Json:
    """Return the value at ``path``.

    Raises:
        LookupError: there is none.

    """
    value: Any = body
    try:
        for step in path:
            value = value[step]
    except (LookupError, TypeError) as nothing:
        raise LookupError(path) from nothing
    return cast("Json", value)


def _holder(body: Json, path: Path) -> Any:  # noqa: ANN401 - an object or an array, by the last step
    return look(body, path[:-1])


def _states_schema(before: str, step: str) -> bool:
    """Whether these two steps end at a schema object, not at a list or a map of them."""
    return before in {"properties", "anyOf", "oneOf"} or step == "items"


def _schema(pointer: str) -> Mapping[str, Any]:
    node: Any = description()
    for step in pointer.removeprefix("#/").split("/"):
        node = node[int(step)] if isinstance(node, list) else node[step]
    return cast("Mapping[str, Any]", node)


def _places(
    at: str, pointer: str, value: Json, path: Path, *, firm: bool
) -> Iterator[tuple[str, Path, bool]]:
    schema = _schema(pointer)
    if "$ref" in schema:
        pointer = schema["$ref"]
        schema = _schema(pointer)
    yield at, path, firm
    for keyword in ("anyOf", "oneOf"):
        for number in range(len(schema.get(keyword, ()))):
            branch = f"{pointer}/{keyword}/{number}"
            kept = firm and validator_at(branch).accepts(value)
            yield from _places(f"{at}/{keyword}/{number}", branch, value, path, firm=kept)
    if firm and isinstance(value, dict):
        for member in schema.get("properties", ()):
            step = f"properties/{member}"
            inner = value.get(member)
            yield from _places(
                f"{at}/{step}", f"{pointer}/{step}", inner, (*path, member), firm=member in value
            )
    if firm and isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from _places(f"{at}/items", f"{pointer}/items", item, (*path, number), firm=True)
