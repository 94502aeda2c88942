"""Structured output: JSON mode and JSON schemas, streamed and not, cut short, and with a schema that is none.

A schema asks for a made-up word that the prompt does not have: an answer with it cannot be luck, nor can it
come from a target that never showed the schema to the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.model import Defect, Json, Probe
from conformance.probes.asker import Asker, request

CUT: Final = 12
"""Tokens that are too few for the JSON that is asked for."""

TO_BE_CUT: Final = (
    'Reply with a JSON object. Its one member "numbers" is the array of all integers from 1 to 200.'
)

UNICODE_NAME: Final = "名称"
"""A property name that has to survive the way to the model and back."""


def probes(ask: Asker) -> Iterator[Probe]:
    """Yield the requests for structured answers."""
    card, plain = ask.card, not ask.card.stream_only

    def say(name: str, prompt: str, members: dict[str, Json], *traits: str, limit: int | None = 192) -> Probe:
        body = {**ask.body(prompt, limit=limit), **ask.shape, **members}
        return ask.valid(f"structured.{name}", body, feature="structured", traits=traits)

    word = ask.nonce("json object")
    prompt = f'Reply with a JSON object. Its one member "word" has the value "{word}".'
    mode: dict[str, Json] = {"response_format": {"type": "json_object"}}
    yield say("json-object", prompt, mode, "json-mode")
    loose: dict[str, Json] = {"response_format": _format(_schema(ask.nonce("json schema")))}
    sea = "Describe the sea in five words. Answer in JSON."
    twin = say("json-schema", sea, loose, "schema")
    yield twin
    if plain:
        yield say("json-schema-stream", sea, {**loose, "stream": True})
    strict = _format(_strict_schema(ask.nonce("strict schema")), strict=True)
    rows = f'Answer in JSON: "{UNICODE_NAME}" is the Chinese name of the sea, "rows" is [[1, 2], [3]].'
    yield say("json-schema-strict", rows, {"response_format": strict})
    yield say("cut", TO_BE_CUT, {**mode, card.limit_field: CUT}, limit=None)
    wrong = _format(_schema(ask.nonce("json schema"), summary="no-such-type"))
    yield ask.invalid(
        "structured.json-schema-invalid",
        request({**ask.body(sea, limit=192), **ask.shape, "response_format": wrong}),
        twin=twin.id,
        defect=Defect(
            "a schema with the type no-such-type",
            ("schema", "type", "response_format", "json", "grammar"),
            pointer="/response_format/json_schema/schema/properties/summary/type",
        ),
        feature="structured",
        streamed=not plain,
        gateway=False,
    )


def _format(schema: Json, **members: Json) -> Json:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, **members}}


def _schema(marker: str, summary: str = "string") -> Json:
    return {
        "type": "object",
        "properties": {"summary": {"type": summary}, "marker": {"type": "string", "enum": [marker]}},
        "required": ["summary", "marker"],
    }


def _strict_schema(marker: str) -> Json:
    """Return a schema as the SDKs' helpers write them: a definition, a reference, and nothing beside."""
    return {
        "type": "object",
        "properties": {
            "marker": {"$ref": "#/$defs/marker"},
            UNICODE_NAME: {"type": "string"},
            "rows": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
        },
        "required": ["marker", UNICODE_NAME, "rows"],
        "additionalProperties": False,
        "$defs": {"marker": {"type": "string", "enum": [marker]}},
    }
