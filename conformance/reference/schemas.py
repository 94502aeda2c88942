"""Whether a JSON Schema that a request brings along is one that the reference gateway can follow.

Used for ``tools[].function.parameters`` and ``response_format.json_schema.schema``. With ``strict`` the two
rules that everybody meets are kept: every object says ``additionalProperties: false`` and requires all its
properties.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from conformance.model import Json
from conformance.reference.refusal import Refused, wrong_type


def check_schema(value: Json, *, param: str, code: str, owner: str, strict: bool) -> Mapping[str, Json]:
    """Return ``value`` if it is a JSON Schema whose instances are objects or anything; refuse it otherwise.

    ``owner`` names the tool or format in the error text; ``code`` is the error's code.
    """
    if not isinstance(value, dict):
        raise wrong_type(param, "an object", value)
    flaw = _flaw(json.dumps(value))
    if flaw is None and strict:
        flaw = next(_lax(value, ()), None)
    if flaw is not None:
        raise Refused(f"Invalid schema for {owner}: {flaw}", param=param, code=code)
    return value


@lru_cache(maxsize=512)
def _flaw(text: str) -> str | None:
    try:
        Draft202012Validator.check_schema(json.loads(text))
    except SchemaError as error:
        place = "/".join(str(step) for step in error.absolute_path)
        return f"at /{place}: {error.message[:200]}"
    except RecursionError:
        return "it is nested too deeply."
    return None


def _lax(schema: Json, place: tuple[str, ...]) -> Iterator[str]:
    """Yield what strict mode does not allow in ``schema``."""
    if isinstance(schema, list):
        for number, item in enumerate(schema):
            yield from _lax(item, (*place, str(number)))
    if not isinstance(schema, dict):
        return
    yield from _lax_object(schema, place)
    for name in ("properties", "$defs", "definitions"):
        inner = schema.get(name)
        if isinstance(inner, dict):
            for key, item in inner.items():
                yield from _lax(item, (*place, name, key))
    for name in ("items", "anyOf", "allOf", "oneOf"):
        yield from _lax(schema.get(name), (*place, name))


def _lax_object(schema: Mapping[str, Json], place: tuple[str, ...]) -> Iterator[str]:
    properties = schema.get("properties")
    if schema.get("type") != "object" and not isinstance(properties, dict):
        return
    context = f"In context=({', '.join(repr(step) for step in place)}), "
    if schema.get("additionalProperties") is not False:
        yield f"{context}'additionalProperties' is required to be supplied and to be false."
    names = list(properties) if isinstance(properties, dict) else []
    required = schema.get("required")
    left_out = [name for name in names if not isinstance(required, list) or name not in required]
    if left_out:
        yield f"{context}'required' has to include every key in properties. Missing '{left_out[0][:80]}'."
