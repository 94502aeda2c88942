"""What is the matter with the arguments of a call, by a name that helps to find the cause.

Known ways in which gateways spoil them have names of their own and are the gateway's. What has none may be
the model's own bad writing, and is *garbled*.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from conformance.model import Json
from conformance.toolcalls import UNREAD, Call, read_whole

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_LONGEST: Final = 100_000
"""Characters of arguments that are looked at closely."""


class Kind(StrEnum):
    """What arguments are; all but the first and the last are known defects of servers."""

    OBJECT = "a JSON object"
    NOT_TEXT = "no string"
    EMPTY = "an empty string"
    DOUBLE = "JSON in a string: encoded twice"
    NULL = "null"
    CUMULATIVE = "cumulative: each delta repeats everything so far"
    RESENT = "sent twice: after the pieces, the whole once more"
    PREFIXED = "an empty object, and the arguments after it"
    SEVERAL = "several JSON documents in a row"
    UNCLOSED = "cut off: closing brackets are missing"
    HEADLESS = "cut off: the opening bracket is missing"
    ESCAPED = "escaped once too often"
    PYTHON = "a Python literal, not JSON"
    SCRIPT = "the text [object Object]"
    GARBLED = "no JSON object"


def kind_of(call: Call) -> Kind:  # noqa: PLR0911 - one return a kind reads as the table it is
    """Tell what the arguments of a call are."""
    text = call.arguments
    if not isinstance(text, str):
        return Kind.NOT_TEXT
    if not text.strip():
        return Kind.EMPTY
    value = read_whole(text)
    if value is not UNREAD:
        if isinstance(value, dict):
            return Kind.OBJECT
        if value is None:
            return Kind.NULL
        return Kind.DOUBLE if isinstance(value, str) and _is_object(value) else Kind.GARBLED
    if len(text) > _LONGEST:
        return Kind.GARBLED
    return _cumulative(call) or _doubled(text) or _spoilt(text)


def _cumulative(call: Call) -> Kind | None:
    pieces = [piece.arguments for piece in call.pieces]
    texts = [piece for piece in pieces if isinstance(piece, str) and piece]
    grows = all(later.startswith(earlier) for earlier, later in pairwise(texts))
    if len(texts) > 1 and _is_object(texts[-1]):
        if grows and texts[0] != texts[-1]:
            return Kind.CUMULATIVE
        if texts[-1].startswith("".join(texts[:-1])):
            return Kind.RESENT
    return None


def _doubled(text: str) -> Kind | None:
    try:
        first, end = json.JSONDecoder().raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return None
    rest = read_whole(text.lstrip()[end:])
    if not isinstance(first, dict) or rest is UNREAD:
        return None
    if rest == first:
        return Kind.RESENT
    return Kind.SEVERAL if first else Kind.PREFIXED


def _spoilt(text: str) -> Kind:
    import html  # noqa: PLC0415 - its tables are large, and only what is spoilt needs them

    stripped = text.strip()
    if stripped == "[object Object]":
        return Kind.SCRIPT
    if stripped.startswith(("{'", "{u'")):
        return Kind.PYTHON
    if _is_object(html.unescape(text)) or _is_object(text.replace('\\"', '"')):
        return Kind.ESCAPED
    if any(_is_object(text + end) for end in ("}", "]}", "}}", "}]}", '"}')):
        return Kind.UNCLOSED
    return Kind.HEADLESS if _is_object("{" + text) or _is_object('{"' + text) else Kind.GARBLED


def _is_object(text: str) -> bool:
    return isinstance(read_whole(text), dict)


class Departure(NamedTuple):
    """One place where arguments depart from the tool's schema; ``spoilt``: in a way that is no model's."""

    pointer: str
    says: str
    spoilt: bool


def departures(value: Mapping[str, Json], schema: Mapping[str, Json]) -> Iterator[Departure]:
    """Yield where arguments depart from a tool's parameters (JSON Schema 2020-12)."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to import, and no plan needs it
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415

    try:
        found = list(Draft202012Validator(dict(schema)).iter_errors(dict(value)))
    except (SchemaError, RecursionError):  # pragma: no cover - the suite's own schemas
        return
    for error in found:
        pointer = "".join(f"/{step}" for step in error.absolute_path)
        spoilt = _as_text(error) or _of_a_script(error) or _misread(error)
        yield Departure(pointer, spoilt or error.message[:120], bool(spoilt))


def _as_text(error: ValidationError) -> str:
    """Say that a value stands there as the text of its JSON, empty when it does not."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - as above

    if error.validator != "type" or not isinstance(error.instance, str):
        return ""
    value, schema = read_whole(error.instance), error.schema
    if value is UNREAD or not isinstance(schema, dict) or not Draft202012Validator(schema).is_valid(value):
        return ""
    return f"{error.instance[:60]!r} is text, where the schema has {error.validator_value!r}"


_OBJECTS: Final = re.compile(r"\[object Object\](?:,\s?\[object Object\])*")


def _of_a_script(error: ValidationError) -> str:
    """Say that a value became what JavaScript writes for any object as text, empty when it did not."""
    if (
        error.validator != "type"
        or not isinstance(error.instance, str)
        or not _OBJECTS.fullmatch(error.instance)
    ):
        return ""
    return f"{error.instance[:60]!r} is what a script made of {error.validator_value!r}"


def _misread(error: ValidationError) -> str:
    """Say that a word of an enum came back in the wrong encoding, empty when it did not."""
    words = error.validator_value
    if error.validator != "enum" or not isinstance(error.instance, str) or not isinstance(words, list):
        return ""
    for codec in ("latin-1", "cp1252"):
        try:
            meant = error.instance.encode(codec).decode("utf-8")
        except UnicodeError:
            continue
        if meant != error.instance and meant in words:
            return f"{error.instance[:60]!r} is {meant!r} read as {codec}"
    return ""
