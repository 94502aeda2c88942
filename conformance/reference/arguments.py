"""A valid instance of a JSON Schema, as small as it can be while every declared property is there.

Values come from the prompt where they fit (:mod:`conformance.reference.hints`), else they are the smallest
that the schema allows. Understood: type, const, enum, properties, required, additionalProperties, items,
prefixItems, minItems, uniqueItems, allOf, anyOf, oneOf, local $ref, minimum, maximum, exclusive bounds,
multipleOf, minLength, maxLength and the usual formats. Not understood: pattern, not, if, contains,
dependent and unevaluated keywords.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import unquote

from conformance.model import Json
from conformance.reference.hints import Hints
from conformance.strictjson import is_number

DEEPEST: Final = 12
"""Levels below which optional properties and array items are left out, so that recursive schemas end."""
LONGEST: Final = 4096
"""Most characters, items or properties that are made up because a schema demands a minimum."""

_FORMATS: Final = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "user@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_TYPES: Final = (
    ("object", ("properties", "required", "additionalProperties", "minProperties")),
    ("array", ("items", "prefixItems", "minItems")),
    ("string", ("minLength", "maxLength", "format", "pattern")),
    ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
)


def instance(schema: Json, hints: Hints) -> Json:
    """Return a value that ``schema`` accepts, filled from ``hints`` where they fit."""
    return _Maker(schema, hints).make(schema, 0)


class _Maker:
    """Makes one instance; remembers which hints are used up."""

    def __init__(self, root: Json, hints: Hints) -> None:
        self._root, self._text = root, hints.text.lower()
        self._words, self._numbers = list(hints.words), list(hints.numbers)

    def make(self, schema: Json, depth: int) -> Json:
        if not isinstance(schema, dict):
            return self._word()
        schema = self._flat(schema)
        for key in ("anyOf", "oneOf"):
            branches = schema.get(key)
            if isinstance(branches, list) and branches:
                rest = {other: value for other, value in schema.items() if other != key}
                branch = self._branch(branches, depth)
                return self.make(_merge(rest, branch) if isinstance(branch, dict) else rest, depth + 1)
        if "const" in schema:
            return schema["const"]
        options = schema.get("enum")
        return self._option(options) if isinstance(options, list) and options else self._typed(schema, depth)

    def _typed(self, schema: Mapping[str, Json], depth: int) -> Json:
        kind = _type(schema)
        if kind in {"object", "array"}:
            return self._object(schema, depth) if kind == "object" else self._array(schema, depth)
        if kind in {"integer", "number"}:
            return self._integer(schema) if kind == "integer" else self._number(schema)
        return {"boolean": True, "null": None}[kind] if kind in {"boolean", "null"} else self._string(schema)

    def _flat(self, schema: dict[str, Json]) -> dict[str, Json]:
        """Return ``schema`` with its local references and allOf branches merged in."""
        for _ in range(DEEPEST):
            reference, branches = schema.get("$ref"), schema.get("allOf")
            if reference is None and not branches:
                return schema
            flat = {key: value for key, value in schema.items() if key not in {"$ref", "allOf"}}
            parts = [self._resolve(reference)] if isinstance(reference, str) else []
            parts += branches if isinstance(branches, list) else []
            for part in parts:
                if isinstance(part, dict):
                    flat = _merge(flat, part)
            schema = flat
        return {key: value for key, value in schema.items() if key not in {"$ref", "allOf"}}

    def _resolve(self, reference: str) -> Json:
        if not reference.startswith("#"):
            return {}
        value: Json = self._root
        for step in unquote(reference[1:]).split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict) and key in value:
                value = value[key]
            elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
                value = value[int(key)]
            else:
                return {}
        return value

    def _branch(self, branches: Sequence[Json], depth: int) -> Json:
        """Return the first branch that is not null; deep down, one that ends the recursion."""
        plain = [item for item in branches if not (isinstance(item, dict) and item.get("type") == "null")]
        if depth >= DEEPEST:
            ends = [item for item in branches if not (isinstance(item, dict) and "$ref" in item)]
            return (ends or list(branches))[-1]
        return (plain or list(branches))[0]

    def _object(self, schema: Mapping[str, Json], depth: int) -> Json:
        properties, required = schema.get("properties"), schema.get("required")
        declared: dict[str, Json] = properties if isinstance(properties, dict) else {}
        names = [item for item in required if isinstance(item, str)] if isinstance(required, list) else []
        if depth < DEEPEST // 2:
            names = [*declared, *(name for name in names if name not in declared)]
        if depth > DEEPEST * 2:
            return {}
        extra = schema.get("additionalProperties", True)
        made: dict[str, Json] = {}
        for name in names:
            made[name] = self.make(declared.get(name, extra if isinstance(extra, dict) else {}), depth + 1)
        while len(made) < min(_count(schema.get("minProperties")), LONGEST):
            made[f"member_{len(made) + 1}"] = self.make(extra if isinstance(extra, dict) else {}, depth + 1)
        return made

    def _array(self, schema: Mapping[str, Json], depth: int) -> Json:
        items, prefix = schema.get("items", True), schema.get("prefixItems")
        if depth > DEEPEST * 2:
            return []
        made = [self.make(item, depth + 1) for item in prefix] if isinstance(prefix, list) else []
        if items is False:
            return list(made)
        least = min(_count(schema.get("minItems")), LONGEST)
        if not made and depth < DEEPEST // 2:
            least = max(least, 0 if schema.get("maxItems") == 0 else 1)
        while len(made) < least:
            item = self.make(items, depth + 1)
            if schema.get("uniqueItems") is True and item in made:
                item = self._another(items, item, made)
            made.append(item)
        return list(made)

    def _another(self, schema: Json, item: Json, made: Sequence[Json]) -> Json:
        """Return an item that is not in ``made`` yet, as far as that is easy."""
        options = schema.get("enum") if isinstance(schema, dict) else None
        if isinstance(options, list):
            return next((option for option in options if option not in made), item)
        if isinstance(item, str):
            return f"{item} {len(made) + 1}"
        return item + len(made) if is_number(item) else item

    def _option(self, options: Sequence[Json]) -> Json:
        """Return the option that the prompt mentions, else the first."""
        named = (item for item in options if isinstance(item, str) and item and item.lower() in self._text)
        return next(named, options[0])

    def _word(self) -> str:
        return self._words.pop(0) if self._words else "text"

    def _string(self, schema: Mapping[str, Json]) -> str:
        form = schema.get("format")
        if isinstance(form, str) and form in _FORMATS:
            return _FORMATS[form]
        least = min(_count(schema.get("minLength")), LONGEST)
        most = _count(schema["maxLength"]) if "maxLength" in schema else LONGEST
        return self._word()[:most].ljust(min(least, most), "x")

    def _integer(self, schema: Mapping[str, Json]) -> int:
        step = _bound(schema, "multipleOf") or 1
        low, high = _bounds(schema, 1)
        fitting = (number for number in self._numbers if low <= number <= high and number % step == 0)
        found = next((number for number in fitting if isinstance(number, int)), None)
        if found is not None:
            self._numbers.remove(found)
            return found
        start = 1 if low <= 1 <= high else (low if math.isfinite(low) else high)
        value = math.ceil(start / step) * step
        return int(value if value <= high else math.floor(start / step) * step)

    def _number(self, schema: Mapping[str, Json]) -> float:
        step = _bound(schema, "multipleOf")
        low, high = _bounds(schema, 0)
        found = next((number for number in self._numbers if low < number < high and not step), None)
        if found is not None:
            self._numbers.remove(found)
            return found
        above, below = low in _exclusive(schema), high in _exclusive(schema)
        if step:
            value = math.ceil(max(low, 0 if high >= 0 else low) / step) * step if math.isfinite(low) else 0.0
            return value + step if above and value == low else value
        if (low < 1 < high) or (1 in {low, high} and not (above or below)):
            return 1
        if math.isfinite(low) and math.isfinite(high):
            return (low + high) / 2
        return low + 1 if math.isfinite(low) else high - 1


def _type(schema: Mapping[str, Json]) -> str:
    """Return the type to make: the named one, the first that is not null, or what the keywords speak of."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), "null")
    if isinstance(kind, str):
        return kind
    return next((name for name, keys in _TYPES if any(key in schema for key in keys)), "string")


def _merge(one: Mapping[str, Json], other: Mapping[str, Json]) -> dict[str, Json]:
    """Return a schema that demands what both demand: properties and required joined, the rest overwritten."""
    merged = {**one, **other}
    mine, theirs = one.get("properties"), other.get("properties")
    if isinstance(mine, dict) and isinstance(theirs, dict):
        merged["properties"] = {**mine, **theirs}
    names, more = one.get("required"), other.get("required")
    if isinstance(names, list) and isinstance(more, list):
        merged["required"] = [*names, *(name for name in more if name not in names)]
    return merged


def _count(value: Json) -> int:
    return int(value) if is_number(value) and value > 0 else 0


def _bound(schema: Mapping[str, Json], key: str) -> float | None:
    value = schema.get(key)
    return value if is_number(value) else None


def _exclusive(schema: Mapping[str, Json]) -> set[float]:
    found = (_bound(schema, "exclusiveMinimum"), _bound(schema, "exclusiveMaximum"))
    return {value for value in found if value is not None}


def _bounds(schema: Mapping[str, Json], step: float) -> tuple[float, float]:
    """Return the least and the greatest allowed number; exclusive bounds move inwards by ``step``."""
    lows = [_bound(schema, "minimum"), _bound(schema, "exclusiveMinimum")]
    highs = [_bound(schema, "maximum"), _bound(schema, "exclusiveMaximum")]
    low = max(
        (value + (step if key else 0) for key, value in enumerate(lows) if value is not None),
        default=-math.inf,
    )
    high = min(
        (value - (step if key else 0) for key, value in enumerate(highs) if value is not None),
        default=math.inf,
    )
    return low, high
