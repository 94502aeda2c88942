"""What the tests of report.html share: a Chromium, a large report, and a reader of its markup."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from report_factory import Run, answer, chunk, failed, passed, unsure

from conformance.catalogue import load
from conformance.model import Level
from conformance.verdict import fold_case

if TYPE_CHECKING:
    from conformance.report.shape import Report

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MISSING = (
    "no Chromium to open report.html in: `apt-get install chromium`, or name one in the variable CHROMIUM"
)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str:
    """Return the program; without one the test is skipped, in CI it fails."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), "")
    if not found and os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        pytest.fail(MISSING)
    if not found:
        pytest.skip(MISSING)
    return found


@dataclass
class Markup(HTMLParser):
    """The elements of a page, with what a browser would run or load."""

    tags: Counter[str] = field(default_factory=Counter)
    attributes: list[tuple[str, str, str]] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)
    inside: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag in {"script", "style", "title"}:
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.inside:
            self.inside.remove(tag)

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.inside[-1] if self.inside else "", []).append(data)

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


def markup(page: str) -> Markup:
    reader = Markup()
    reader.feed(page)
    reader.close()
    return reader


def large_report(models: int = 19) -> Report:
    """Return a report of all requirements for many models, one unit in ten of which fails, with real texts."""
    names = tuple(f"vendor-model-{number:02}-preview" for number in range(models))
    run = Run(models=names)
    rows = [row for row in load().requirements.values() if row.judged]
    body = chunk("Hello ") * 20 + b"data: [DONE]\n\n"
    for number, model in enumerate(names):
        view = run.exchange("stream.basic", answer(body, "text/event-stream"), model=model)
        for place, row in enumerate(rows):
            match (number + place) % 20:
                case 0 | 1:
                    finding = failed(view, "x is absent from the event " * 4, "x", frame=3)
                case 2:
                    finding = unsure(view, "the model would not cooperate")
                case _:
                    finding = passed(view)
            cases = [fold_case(f"{row.area}.probe-{each}", [finding], alive=True) for each in range(12)]
            run.add(row.id, *cases, title=row.title, level=Level.MUST, model=model, breaks=row.breaks)
    report = run.report()
    for result in report["results"]:
        row = load().requirements[result["requirement"]]
        result["says"], result["why"], result["feature"] = row.says, row.why, row.feature
    report["features"] = {name: feature.title for name, feature in load().features.items()}
    return report
