"""What a run says inside GitHub Actions: annotations, the job summary, and a log that no target can give orders.

A line that begins with ``::`` is a command to the runner, wherever it comes from. So everything that shows a target's
words is printed between ``stop-commands`` and a token that nobody can guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.model import Level
from conformance.report import describe
from conformance.report.safe import visible
from conformance.report.shape import Report, ResultFacts

MOST: Final = 10
"""Annotations of one kind that GitHub shows of one step."""

_MESSAGE: Final = 500


def annotations_of(report: Report) -> list[str]:
    """Return a workflow command for each new failure and each stale entry of the baseline, the required ones first."""
    new = describe.failures(report).new
    required = [row for row in new if row["level"] == Level.MUST]
    advised = [row for row in new if row["level"] != Level.MUST]
    stale = [_command("error", "baseline", text) for text in report["baseline"]["stale"]]
    return [
        *stale[:MOST],
        *list(_of("error", required, MOST - len(stale[:MOST]))),
        *list(_of("warning", advised, MOST)),
    ]


def guarded(text: str, token: str) -> str:
    """Return a text in which the runner looks for no commands; ``token`` must not be guessable."""
    return f"::stop-commands::{token}\n{text}\n::{token}::"


def _of(kind: str, results: list[ResultFacts], most: int) -> Iterator[str]:
    for result in results[:most]:
        saw = next((case["saw"] for case in describe.deciding(result) if case["saw"]), "")
        yield _command(
            kind, describe.name_of(result), f"{result['title']}: {saw}" if saw else result["title"]
        )


def _command(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    """Escape a message as the runner's own toolkit does."""
    return visible(text[:_MESSAGE]).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
