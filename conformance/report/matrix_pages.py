"""Renders a matrix for a terminal, a page and a program; counts nothing."""

from __future__ import annotations

from typing import Final

from conformance.jsontext import on_lines
from conformance.model import Verdict
from conformance.report.matrix import Cell, Column, Matrix
from conformance.report.safe import for_markdown, for_terminal, markdown_code

_WIDTH: Final = 12
_LISTED: Final = 50


def matrix_json(matrix: Matrix) -> str:
    """Return the matrix as JSON in ASCII (``spec/schema/matrix.schema.json``)."""
    return on_lines(matrix)


def matrix_text(matrix: Matrix) -> str:
    """Return the matrix for a terminal: numbered columns, a line for each row."""
    lines = [
        f"[{number}] {for_terminal(_name(column))}" for number, column in enumerate(matrix["columns"], 1)
    ]
    room = max(len(row["id"]) for row in matrix["rows"]) if matrix["rows"] else 0
    numbers = "".join(f"  {f'[{number}]':{_WIDTH}}" for number in range(1, len(matrix["columns"]) + 1))
    lines += ["", f"{matrix['by']:{max(room, len(matrix['by']))}}{numbers}".rstrip()]
    for row in matrix["rows"]:
        cells = "".join(f"  {_says(cell):{_WIDTH}}" for cell in row["cells"])
        lines.append(f"{for_terminal(row['id']):{max(room, len(matrix['by']))}}{cells}".rstrip())
    lines += [""] if matrix["notes"] or matrix["conflicts"] else []
    lines += [f"note      {for_terminal(text)}" for text in matrix["notes"]]
    lines += [f"conflict  {text}" for text in _conflicts(matrix)]
    return "\n".join(lines)


def matrix_markdown(matrix: Matrix) -> str:
    """Return the matrix as a page."""
    columns = matrix["columns"]
    lines = [
        "# Side by side",
        "",
        "| | target | model | set | profile | grade |",
        "|--:|---|---|---|---|---|",
    ]
    for number, column in enumerate(columns, 1):
        cells = (column["target"] or column["url"], column["model"], column["set"], column["profile"])
        named = " | ".join(markdown_code(cell, table=True) for cell in cells)
        lines.append(
            f"| {number} | {named} | {for_markdown(column['grade'], table=True)}, {column['score']} |"
        )
    lines += [
        "",
        f"| {matrix['by']} | " + " | ".join(str(number) for number in range(1, len(columns) + 1)) + " |",
    ]
    lines.append("|---" + "|---" * len(columns) + "|")
    for row in matrix["rows"]:
        level = f" {row['level']}" if row["level"] else ""
        said = " | ".join(_says(cell).join(_emphasis(cell)) for cell in row["cells"])
        lines.append(f"| {markdown_code(row['id'], table=True)}{level} | {said} |")
    lines += [""] if matrix["notes"] or matrix["conflicts"] else []
    lines += [f"- {for_markdown(text)}" for text in matrix["notes"]]
    lines += [f"- conflict: {for_markdown(text)}" for text in _conflicts(matrix)]
    return "\n".join(lines) + "\n"


def _name(column: Column) -> str:
    target = column["target"] or column["url"]
    return f"{target} / {column['model']}  ({column['run']}: {column['grade']}, {column['score']})"


def _says(cell: Cell) -> str:
    match cell["verdict"]:
        case None:
            return "-"
        case Verdict.FAIL:
            return f"FAIL {cell['failed']}/{cell['units']}" if cell["units"] > 1 else "FAIL"
        case Verdict.INCONCLUSIVE:
            return f"open {cell['open']}/{cell['units']}" if cell["units"] > 1 else "open"
        case Verdict.NOT_APPLICABLE:
            return "n/a"
        case _:
            return f"pass {cell['units']}" if cell["units"] > 1 else "pass"


def _emphasis(cell: Cell) -> tuple[str, str]:
    return ("**", "**") if cell["verdict"] == Verdict.FAIL else ("", "")


def _conflicts(matrix: Matrix) -> list[str]:
    """Say on what runs of the same model disagree."""
    texts = []
    for conflict in matrix["conflicts"][:_LISTED]:
        pairs = zip(conflict["columns"], conflict["verdicts"], strict=True)
        said = ", ".join(f"{verdict} in [{number + 1}]" for number, verdict in pairs)
        texts.append(f"{conflict['requirement']} of the same target and model: {said}")
    more = len(matrix["conflicts"]) - _LISTED
    return [*texts, f"and {more} more"] if more > 0 else texts
