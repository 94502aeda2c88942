"""Reads a target from a YAML file (``spec/schema/target.schema.json``)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from conformance import userfile
from conformance.errors import UsageError
from conformance.secret import read_key
from conformance.target import Header, Target, parse_target, read_header


def load_target(path: Path, *, environ: Mapping[str, str] = os.environ) -> Target:
    """Read a target file. Paths in it are seen from the folder that it lies in.

    Raises:
        UsageError: the file breaks its schema, or a value in it does not work; file, line and key are named.

    """
    file = userfile.load(path, schema="target")

    def text(name: str) -> str | None:
        value = file.data.get(name)
        return value if isinstance(value, str) else None

    def beside(name: str) -> Path | None:
        value = text(name)
        return path.parent / value if value else None

    try:
        key = read_key(variable=text("key_env"), file=beside("key_file"), environ=environ)
    except UsageError as error:
        raise _at(file, ("key_file",) if "key_file" in file.data else ("key_env",), error) from None
    extra = file.data.get("extra_body")
    bundle = beside("ca_bundle")
    if bundle is not None and not bundle.is_file():
        raise file.error(
            ("ca_bundle",),
            "there is no such file",
            hint="give a PEM file; paths are seen from the target file",
        )
    headers = _headers(file, environ)
    try:
        return parse_target(
            text("url"),
            headers=headers,
            extra_body=extra if isinstance(extra, dict) else {},
            key=key,
            ca_bundle=bundle,
            name=text("name") or "",
        )
    except UsageError as error:
        raise _at(file, ("url",), error) from None


def _headers(file: userfile.UserFile, environ: Mapping[str, str]) -> list[Header]:
    rows = file.data.get("headers")
    found: list[Header] = []
    for name, value in rows.items() if isinstance(rows, dict) else ():
        try:
            found.append(read_header(name, str(value), environ=environ))
        except UsageError as error:
            raise _at(file, ("headers", name), error) from None
    return found


def _at(file: userfile.UserFile, place: userfile.Place, error: UsageError) -> UsageError:
    return file.error(place, error.what, why=error.why, hint=error.hint)
