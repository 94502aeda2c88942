"""How JSON is written: for the wire, for a file of rows, and for people."""

from __future__ import annotations

import json
from typing import Final

_ROW: Final = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def encode(value: object) -> bytes:
    """Write a body as the official SDKs do: compact JSON in UTF-8, nothing escaped that need not be."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def on_one_line(value: object) -> str:
    """Write a row of a file: compact JSON in ASCII, without a line end.

    Raises:
        ValueError: a number in it is none of JSON (NaN, an infinity).

    """
    return _ROW.encode(value)


def on_lines(value: object) -> str:
    """Write a file that people read too: indented JSON in ASCII, with a line end.

    Raises:
        ValueError: a number in it is none of JSON (NaN, an infinity).

    """
    return json.dumps(value, ensure_ascii=True, allow_nan=False, indent=1) + "\n"
