"""Renders a comparison of two reports for a terminal, a page and a program; counts nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.jsontext import on_lines
from conformance.report.compare import TITLES, Change, Comparison, Row, Side, State, of_kind
from conformance.report.describe import name_of
from conformance.report.safe import for_markdown, for_terminal, markdown_code

_SAYS: Final = 200
_KINDS: Final[tuple[Change, ...]] = tuple(TITLES)


def comparison_json(comparison: Comparison) -> str:
    """Return the comparison as JSON in ASCII (``spec/schema/comparison.schema.json``)."""
    return on_lines(comparison)


def comparison_text(comparison: Comparison) -> str:
    """Return the comparison for a terminal; the last line says what it comes to."""
    lines = [f"before  {_side(comparison['before'])}", f"after   {_side(comparison['after'])}"]
    lines += [f"note    {for_terminal(text)}" for text in comparison["differences"]]
    for kind in _KINDS:
        rows = of_kind(comparison, kind)
        lines += ["", f"{TITLES[kind]} ({len(rows)})"] if rows else []
        for row in rows:
            lines.append(f"  {row['level']:6}  {for_terminal(name_of(row))}  {_step(row)}")
            lines += [f"          {for_terminal(text, _SAYS)}" for text in _says(row)]
    return "\n".join([*lines, "", _end(comparison)])


def comparison_markdown(comparison: Comparison) -> str:
    """Return the comparison as a page."""
    lines = ["# Comparison of two runs", "", f"**{_end(comparison)}**", ""]
    lines += ["| | before | after |", "|---|---|---|"]
    before, after = comparison["before"], comparison["after"]
    for title, old, new in (
        ("target", before["url"], after["url"]),
        ("grade", f"{before['grade']}, {before['score']}", f"{after['grade']}, {after['score']}"),
        ("set", before["set"], after["set"]),
        ("models", ", ".join(before["models"]), ", ".join(after["models"])),
        ("started", before["started"] or "never", after["started"] or "never"),
    ):
        lines.append(f"| {title} | {markdown_code(old, table=True)} | {markdown_code(new, table=True)} |")
    lines += ["", *(f"- {for_markdown(text)}" for text in comparison["differences"])]
    for kind in _KINDS:
        rows = of_kind(comparison, kind)
        lines += ["", f"## {TITLES[kind]}", ""] if rows else []
        for row in rows:
            said = "".join(f": {markdown_code(text, _SAYS)}" for text in _says(row))
            lines.append(f"- {markdown_code(name_of(row))}, {row['level']}, {_step(row)}{said}")
    return "\n".join(lines) + "\n"


def _side(side: Side) -> str:
    target = for_terminal(f"{side['target']} {side['url']}".strip())
    when = side["started"] or "nothing was sent"
    return f"{target}, {for_terminal(side['set'])}: {side['grade']}, {side['score']} ({when})"


def _step(row: Row) -> str:
    known = ", known to the baseline" if row["known"] else ""
    return f"{_verdict(row['before'])} -> {_verdict(row['after'])}{known}"


def _verdict(state: State | None) -> str:
    if state is None:
        return "not there"
    outcome = f" ({state['outcome']})" if state["outcome"] else ""
    return f"{state['verdict']} at {state['level']}{outcome}"


def _says(row: Row) -> Iterator[str]:
    """Yield what the later run says of a unit, with where to look."""
    after = row["after"]
    if after is not None and after["says"] and row["change"] != "fixed":
        yield f"{after['says']} [{after['exchange']}]" if after["exchange"] else after["says"]


def _end(comparison: Comparison) -> str:
    counts = ", ".join(f"{len(of_kind(comparison, kind))} {kind.replace('-', ' ')}" for kind in _KINDS)
    return f"{counts}, {comparison['still_failing']} still failing; exit code {comparison['exit_code']}"
