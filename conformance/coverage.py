"""reports/coverage.md: from each statement of each document to the requirements, checks and faults that hold it.

Made with ``python -m conformance.coverage > reports/coverage.md``; a test holds the page against the data.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from typing import Final

from conformance.catalogue import Catalogue, Clause, load
from conformance.model import Requirement
from conformance.trace import traces
from conformance.words import named

_NAMED: Final = 4
"""Checks and faults of a requirement that are named; the others are counted."""

_FRAMING: Final = "whatwg"


def page() -> str:
    """Return the whole page."""
    catalogue = load()
    lines = [
        "# Coverage",
        "",
        "Every statement of the four documents, every rule of the stream format and every conflict between them, with",
        "the requirements that hold it, the checks that judge those, and the faults of the reference gateway that the",
        "checks have to find. How a conflict is decided is set in italics.",
        "",
        "Made with `python -m conformance.coverage > reports/coverage.md`.",
        "`chat-conformance show ID` says everything of one requirement.",
        "",
        *_summary(catalogue),
    ]
    shown = (*_documents(catalogue), _FRAMING)
    for source in shown:
        clauses = [clause for clause in catalogue.clauses.values() if _of(clause, source)]
        lines += _section(catalogue, f"{source}: {catalogue.sources[source].title}", source, clauses)
    others = [clause for clause in catalogue.clauses.values() if not any(_of(clause, name) for name in shown)]
    lines += _section(catalogue, "Other sources", "", others)
    lines += _exclusions(catalogue)
    return "\n".join(lines).rstrip("\n") + "\n"


def open_clauses(catalogue: Catalogue) -> dict[str, str]:
    """Return the clauses that nothing holds yet, with the reason: no row, rows that are all pending, or unproved."""
    found = {}
    for clause in catalogue.clauses.values():
        rows = rows_of(catalogue, clause)
        proved = [row for row in rows if row.judged and traces()[row.id].checks and traces()[row.id].faults]
        if not proved and not any(row.excluded for row in rows):
            found[clause.id] = (
                "pending" if any(row.pending for row in rows) else "no requirement that is proved"
            )
    return found


def rows_of(catalogue: Catalogue, clause: Clause) -> list[Requirement]:
    """Return the requirements that name a clause, in the catalogue's order."""
    return [row for row in catalogue.requirements.values() if clause.id in row.clauses]


def _documents(catalogue: Catalogue) -> tuple[str, ...]:
    own = {name for profile in catalogue.profiles.values() for name in profile.documents}
    return tuple(name for name in catalogue.sources if name in own and re.fullmatch(r"S\d", name))


def _of(clause: Clause, source: str) -> tuple[str, ...]:
    """Return the pointers of a clause into a source."""
    return tuple(pointer for pointer in clause.sources if re.split("[:#]", pointer, maxsplit=1)[0] == source)


def _summary(catalogue: Catalogue) -> Iterator[str]:
    """Count clauses and rows by what became of them."""
    rows = catalogue.requirements.values()
    yield "| | |"
    yield "|---|--:|"
    for name, number in (
        ("clauses", len(catalogue.clauses)),
        ("clauses that nothing holds", len(open_clauses(catalogue))),
        ("requirements", len(rows)),
        ("judged", sum(row.judged for row in rows)),
        ("excluded, with the reason", sum(row.excluded is not None for row in rows)),
        ("pending", sum(row.pending for row in rows)),
        ("checks", sum(len(trace.checks) for trace in traces().values())),
        (
            "faults that a check has to find",
            len({name for trace in traces().values() for name in trace.faults}),
        ),
    ):
        yield f"| {name} | {number} |"
    yield ""


def _section(catalogue: Catalogue, title: str, source: str, clauses: list[Clause]) -> Iterator[str]:
    yield f"## {_cell(title)}"
    yield ""
    yield f"{len(clauses)} clauses."
    yield ""
    yield "| clause | place | says | requirement | checks | faults |"
    yield "|---|---|---|---|---|---|"
    for clause in clauses:
        says = f"{clause.says} *{clause.resolved}*" if clause.resolved else clause.says
        head = f"{clause.id} | {', '.join(_of(clause, source) or clause.sources)} | {_cell(says)}"
        for row in rows_of(catalogue, clause):
            yield f"| {head} | {_row(catalogue, row, source)} |"
            head = " | | "
    yield ""


def _row(catalogue: Catalogue, row: Requirement, source: str) -> str:
    """Return the cells of one requirement: its level where this document counts, its checks and faults."""
    if row.excluded:
        return f"`{row.id}` excluded | {_cell(row.excluded)}: {_cell(row.note)} | "
    if row.pending:
        return f"`{row.id}` pending | | "
    profile = next((each for each in catalogue.profiles.values() if source in each.documents), None)
    level = profile.level_of(row) if profile else row.level
    trace = traces()[row.id]
    return f"`{row.id}` {level} | {_names(trace.checks)} | {_names(trace.faults)}"


def _names(names: Iterable[str]) -> str:
    return named([f"`{name}`" for name in names], _NAMED)


def _exclusions(catalogue: Catalogue) -> Iterator[str]:
    yield "## Not judged"
    yield ""
    yield "| requirement | why | note | clauses |"
    yield "|---|---|---|---|"
    for row in catalogue.requirements.values():
        if not row.judged:
            yield f"| `{row.id}` | {row.excluded or 'pending'} | {_cell(row.note)} | {', '.join(row.clauses)} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    sys.stdout.write(page())
