"""Writes every form of a report into a folder; whoever reads there meets no half-written file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from conformance.errors import UsageError
from conformance.jsontext import on_one_line
from conformance.report.badge import render_badge
from conformance.report.html_page import render_html
from conformance.report.junit import render_junit
from conformance.report.markdown import render_markdown
from conformance.report.shape import Report


def dumps(report: Mapping[str, object]) -> str:
    """Write report.json, or a file like it: ASCII alone, so that no reader meets a control or half a character.

    Each member, and each result, has a line of its own: most of a report are cases that pass, which nobody reads, while
    two reports compare line by line.
    """
    members = [f"{json.dumps(name)}: {_member(value)}" for name, value in report.items()]
    return "{\n" + ",\n".join(members) + "\n}\n"


def _member(value: object) -> str:
    if isinstance(value, list) and value:
        written: dict[int, str] = {}
        return "[\n" + ",\n".join([_row(row, written) for row in value]) + "\n]"
    return on_one_line(value)


def _row(row: object, written: dict[int, str]) -> str:
    """Write a row; a case that is the same object in many results, as most are, is ``written`` once."""
    cases = row.get("cases") if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(cases, list):
        return on_one_line(row)
    for case in cases:
        if id(case) not in written:
            written[id(case)] = on_one_line(case)
    told = ",".join([written[id(case)] for case in cases])
    # Inside a text each quote has a backslash before it, so nothing else reads like this member.
    return on_one_line({**row, "cases": 0}).replace('"cases":0', f'"cases":[{told}]', 1)


def write_all(report: Report, folder: Path) -> None:
    """Write report.json, report.html, report.md, junit.xml and badge.json, replacing earlier ones.

    Raises:
        UsageError: the folder cannot be written.

    """
    files = {
        "report.json": dumps(report).encode("ascii"),
        "report.html": render_html(report).encode("utf-8"),
        "report.md": render_markdown(report).encode("utf-8"),
        "junit.xml": render_junit(report),
        "badge.json": render_badge(report).encode("ascii"),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            _replace(folder / name, content)
    except OSError as error:
        raise UsageError(
            f"The report cannot be written to {folder}.",
            why=error.strerror or type(error).__name__,
            hint="choose another folder with --output",
        ) from error


def _replace(path: Path, content: bytes) -> None:
    """Put a whole file in place of another one at once."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
