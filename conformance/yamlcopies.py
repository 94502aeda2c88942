"""Copies of our YAML files as JSON, which is read in a tenth of the time: every command begins with 250 kB of it.

A copy is known by the digest of the very bytes that it was made of. So a file that was edited since is read as YAML
until ``python -m conformance.freeze`` has made the copies anew, and no copy can say anything else than its file.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from conformance.paths import data_root

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE: Final = "yaml-copies.jsonl"
"""What the file in ``spec/`` is called: a line for each YAML file, with its digest, its path and its value."""

_DATE: Final = "$date"
"""The member that stands for a date, which JSON does not know."""


def copy_of(text: bytes) -> Any:  # noqa: ANN401 - YAML holds anything
    """Return the value of a YAML file that has this text, None when there is no copy of it."""
    line = _lines().get(_digest(text))
    return None if line is None else json.loads(line, object_hook=_with_date)


def write(root: Path) -> None:
    """Copy every YAML file that a run reads, below the folder of the project."""
    from conformance.datafile import parsed  # noqa: PLC0415 - who only reads copies needs no parser

    lines = []
    for file in sources(root):
        text = file.read_bytes()
        value = json.dumps(parsed(text), default=_as_object, separators=(",", ":"))
        lines.append(f"{_digest(text)} {file.relative_to(root).as_posix()} {value}\n")
    (root / "spec" / FILE).write_text("".join(lines), "ascii")


def sources(root: Path) -> tuple[Path, ...]:
    """Return the YAML files that a run reads."""
    folders = (root / "spec", root / "fixtures" / "examples", root / "conformance")
    return tuple(sorted(file for folder in folders for file in folder.rglob("*.yaml")))


@cache
def _lines() -> Mapping[str, bytes]:
    try:
        lines = (data_root() / "spec" / FILE).read_bytes().splitlines()
    except OSError:
        return {}
    parts = (line.split(b" ", 2) for line in lines)
    return {digest.decode("ascii"): value for digest, _, value in parts}


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _as_object(value: object) -> dict[str, str]:
    if not isinstance(value, date):
        raise TypeError(f"{value!r} has no place in a copy")
    return {_DATE: value.isoformat()}


def _with_date(value: dict[str, Any]) -> Any:  # noqa: ANN401
    return date.fromisoformat(value[_DATE]) if _DATE in value else value
