"""Members that answers have beyond the documented ones: always allowed, and listed to surprise nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from conformance.model import GATEWAY, Json
from conformance.openapi import COMPONENTS, description, json_pointer
from conformance.report.safe import clip
from conformance.report.shape import Extension
from conformance.views import Form, View

MOST: Final = 200
"""Distinct members that are listed; a target that invents names would fill the report."""

_LONGEST_NAME: Final = 80
_NESTED: Final = (dict, list)
_DOCUMENTED: Final = {"completion": "ChatCompletion", "chunk": "ChatCompletionChunk"}


def extensions(views: Iterable[View]) -> list[Extension]:
    """List the undocumented members of all answers; ``*`` in a pointer is any position in an array."""
    found: dict[tuple[str, str], Extension] = {}
    for view in sorted(views, key=lambda view: view.exchange.id):
        for where, value in _values(view):
            for pointer in _beyond(value, {"$ref": COMPONENTS + _DOCUMENTED[where]}, ()):
                entry = found.get((where, pointer))
                if entry is None:
                    if len(found) >= MOST:
                        continue
                    entry = Extension(where=where, pointer=pointer, models=[], exchange=view.exchange.id)
                    found[where, pointer] = entry
                if view.exchange.model != GATEWAY and view.exchange.model not in entry["models"]:
                    entry["models"].append(view.exchange.model)
    for entry in found.values():
        entry["models"].sort()
    return [found[key] for key in sorted(found)]


def _values(view: View) -> Iterator[tuple[str, Json]]:
    if not view.succeeded:
        return
    if view.form is Form.COMPLETION:
        yield "completion", view.json
    else:
        for frame in view.stream.chunks:
            yield "chunk", dict(frame.value)


def _beyond(value: Json, schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Yield the pointers of members that the schema does not name, as far down as it names anything."""
    schema = _resolved(schema, value)
    if isinstance(value, list):
        for entry in value:
            yield from _beyond(entry, schema.get("items", {}), (*path, "*"))
    elif isinstance(value, dict):
        known = schema.get("properties", {})
        for name, member in value.items():
            if name in known:
                if isinstance(member, _NESTED):
                    yield from _beyond(member, known[name], (*path, name))
            elif known:
                yield json_pointer((*path, clip(name, _LONGEST_NAME)))


def _resolved(schema: Mapping[str, Any], value: Json) -> Mapping[str, Any]:
    """Follow references, and of alternatives take the one that can hold the value's members."""
    while "$ref" in schema:
        schema = description()["components"]["schemas"][schema["$ref"].removeprefix(COMPONENTS)]
    if "anyOf" in schema and isinstance(value, _NESTED):
        branches = [_resolved(branch, value) for branch in schema["anyOf"]]
        return next((each for each in branches if "properties" in each or "items" in each), schema)
    return schema
