"""From the bytes of a request body to a JSON object, or to a refusal that names the cause.

Strict where JSON is strict (RFC 8259): UTF-8 only, no NaN or Infinity, no lone surrogates. A leading byte
order mark is ignored (section 8.1 allows it). Nesting is bounded so that nothing behind this module can run
out of stack.
"""

from __future__ import annotations

import json
import math
from typing import Final, NoReturn

from conformance.model import Json
from conformance.reference.refusal import Refused, json_type

DEEPEST: Final = 100
"""Levels of arrays and objects that a request may have (RFC 8259 section 9 lets a parser set this limit)."""


def read_object(body: bytes) -> dict[str, Json]:
    """Return the JSON object in ``body``.

    Raises:
        Refused: the body is empty, not UTF-8, not JSON, nested too deeply, or not an object.

    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(f"the body is not UTF-8 (byte {error.start})") from None
    if not text.strip():
        raise _unreadable("the body is empty")
    try:
        value: Json = json.loads(text, parse_constant=_constant, parse_float=_finite)
    except RecursionError:
        raise _unreadable(f"the body is nested deeper than {DEEPEST} levels") from None
    except ValueError as error:
        raise _unreadable(str(error).split(":", 1)[0] if len(str(error)) > 120 else str(error)) from None  # noqa: PLR2004
    _inspect(value)
    if not isinstance(value, dict):
        raise Refused(f"Invalid request body: expected an object, but got {json_type(value)} instead.")
    return value


def _unreadable(cause: str) -> Refused:
    return Refused(f"We could not parse the JSON body of your request: {cause}.")


def _constant(name: str) -> NoReturn:
    raise _unreadable(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise _unreadable(f"the number {digits[:40]} is out of range")
    return value


def _inspect(value: Json) -> None:
    """Refuse what Python reads but JSON text cannot mean: too deep nesting, lone surrogates."""
    level: list[Json] = [value]
    for _ in range(DEEPEST + 1):
        following: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                for key in item:
                    _encodable(key)
                following.extend(item.values())
            elif isinstance(item, list):
                following.extend(item)
            elif isinstance(item, str):
                _encodable(item)
        if not following:
            return
        level = following
    raise _unreadable(f"the body is nested deeper than {DEEPEST} levels")


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _unreadable("a string has a lone surrogate") from None
