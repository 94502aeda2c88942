"""badge.json: the grade for shields.io's endpoint badge (schema version 1)."""

from __future__ import annotations

from typing import Final

from conformance.jsontext import on_lines
from conformance.report.safe import visible
from conformance.report.shape import Report
from conformance.verdict import Grade

LABEL: Final = "chat/completions"

_COLORS: Final = {
    Grade.CONFORMANT: "brightgreen",
    Grade.PARTIAL: "yellow",
    Grade.NOT_CONFORMANT: "red",
    Grade.INCOMPLETE: "lightgrey",
}


def render_badge(report: Report) -> str:
    """Return the badge; a reference run, or a run of a part of a set, gets no grade."""
    summary = report["summary"]
    score = summary["score"]
    message = f"{summary['grade']} {report['set']} · {score['passed']}/{score['required']}"
    color = _COLORS[Grade(summary["grade"])]
    if not report["selection"]["complete"]:
        message, color = f"part of {report['set']}", "lightgrey"
    if report["target"]["reference"]:
        message, color = f"reference {report['set']}", "lightgrey"
    badge = {"schemaVersion": 1, "label": LABEL, "message": visible(message), "color": color}
    return on_lines(badge)
