"""The part of report.md about promises: where a document is outdated, and what became of each parameter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.model import GATEWAY, Outcome
from conformance.report.promises import by_outcome
from conformance.report.safe import for_markdown, markdown_code
from conformance.report.shape import ParameterFacts, Report, Unsent
from conformance.words import named

_NAMED: Final = 3
"""Models of one outcome that a cell names; the others are counted."""


def render_outdated(report: Report) -> Iterator[str]:
    """Yield the places where a document, not the target, is wrong, and the models that are not on offer."""
    outdated, absent = report["outdated"], report["absent"]
    if outdated:
        yield "## Document outdated"
        yield ""
        yield "What stands in the document is no longer so behind any gateway. It is not held against the target."
        yield ""
    for entry in outdated:
        about = "" if entry["requirement"] is None else f", {markdown_code(entry['requirement'])}"
        sources = ", ".join(markdown_code(source) for source in entry["sources"])
        yield (
            f"- {markdown_code(entry['model'])}{about}: {markdown_code(entry['saw'])}. "
            f"{for_markdown(entry['says'])} ({entry['clause']}, {sources})"
        )
    if outdated:
        yield ""
    if absent:
        names = ", ".join(markdown_code(model) for model in absent)
        yield f"Models of the document that the target does not list, and that were not asked: {names}"
        yield ""
    yield from _unsent(report["unsent"])


def _unsent(examples: list[Unsent]) -> Iterator[str]:
    """Yield the printed examples that nobody was sent, by the reason."""
    reasons = (
        (True, "since the target does not list their model"),
        (False, "since their model was not among those to ask"),
    )
    for absent, why in reasons:
        named = [
            f"{markdown_code(each['example'])} ({markdown_code(each['model'])}, {for_markdown(each['source'])})"
            for each in examples
            if each["absent"] is absent
        ]
        if named:
            yield f"Printed examples that were not sent, {why}: {', '.join(named)}"
            yield ""


def render_parameters(report: Report) -> Iterator[str]:
    """Yield the table of parameters and outcomes; what this model's rules do not allow is bold."""
    rows = by_outcome(report["parameters"])
    if not rows:
        return
    everybody = len(report["target"]["models"])
    yield "## Parameters"
    yield ""
    yield "| asked for | " + " | ".join(Outcome) + " |"
    yield "|---" * (1 + len(Outcome)) + "|"
    for parameter, outcomes in rows.items():
        cells = (_cell(outcomes.get(outcome, []), everybody) for outcome in Outcome)
        yield f"| {markdown_code(parameter, table=True)} | {' | '.join(cells)} |"
    yield ""


def _cell(facts: list[ParameterFacts], everybody: int) -> str:
    right = [each for each in facts if each["outcome"] in each["allowed"]]
    wrong = [each for each in facts if each not in right]
    parts = (_models(right, everybody, bold=False), _models(wrong, everybody, bold=True))
    return ", ".join(part for part in parts if part)


def _models(facts: list[ParameterFacts], everybody: int, *, bold: bool) -> str:
    if not facts:
        return ""
    names = [each["model"] for each in facts]
    if names == [GATEWAY] or everybody == 1:
        text = "x"
    elif len(names) == everybody:
        text = f"all {everybody}"
    else:
        text = named([markdown_code(name, table=True) for name in names], _NAMED)
    return f"**{text}**" if bold else text
