"""The summary for a terminal: a few failures in full, counts by feature, and the grade as the last line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final, NamedTuple

from conformance.model import Level, Verdict
from conformance.report import describe
from conformance.report.safe import for_terminal, visible
from conformance.report.shape import CaseFacts, Counts, Report, ResultFacts
from conformance.verdict import Grade
from conformance.words import counted, named

IN_FULL: Final = 5
"""Failures that are shown in full; the others stand in report.md."""

_VALUE: Final = 400
_NAMES: Final = 12
_LABEL: Final = 12
_NARROWEST: Final = 40
_COLORS: Final = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2", "banner": "7;1"}
_GRADE_COLORS: Final = {Grade.CONFORMANT: "green", Grade.PARTIAL: "yellow", Grade.INCOMPLETE: "yellow"}


def render_console(report: Report, *, color: bool = False, width: int = 100, in_full: int = IN_FULL) -> str:
    """Return the summary of a report; ``width`` is in columns."""
    page = _Page(report, color=color, width=max(width, _NARROWEST))
    middle = (*page.failures(in_full), *page.outdated(), *page.open_questions(), *page.tables())
    return "\n".join([*page.head(), *middle, *page.end()])


class _Page(NamedTuple):
    report: Report
    color: bool
    width: int

    def paint(self, text: str, name: str) -> str:
        return f"\x1b[{_COLORS[name]}m{text}\x1b[0m" if self.color else text

    def head(self) -> Iterator[str]:
        report = self.report
        suite, target = report["suite"], report["target"]
        yield for_terminal(
            f"{suite['name']} {suite['version']}, {describe.scope(report)}, profile {report['profile']}"
        )
        yield from self.row("target", f"{target['name']} {target['url']}".strip())
        yield from self.row("models", ", ".join(target["models"]))
        yield from self.row("measured", describe.coverage(report))
        yield from self.row("stopped", report["stopped"])
        yield from self.banner()
        yield ""

    def banner(self) -> Iterator[str]:
        if self.report["target"]["reference"]:
            yield self.paint(f" {describe.REFERENCE} ", "banner")

    def row(self, label: str, text: str, limit: int = _VALUE) -> Iterator[str]:
        """Yield a labelled value, wrapped."""
        lines = textwrap.wrap(
            for_terminal(text, limit), self.width - _LABEL - 2, break_on_hyphens=False, break_long_words=False
        )
        for number, line in enumerate(lines):
            yield f"  {label if number == 0 else '':{_LABEL}}{line}"

    def failures(self, in_full: int) -> Iterator[str]:
        new, known, observed = describe.failures(self.report)
        for result in new[:in_full]:
            yield from self.failure(result)
            yield ""
        for title, results in (
            (f"and {len(new[in_full:])} more in report.md:", new[in_full:]),
            ("known failures (baseline):", known),
            ("observed, and never held against a target (may):", observed),
        ):
            if results:
                yield self.paint(title, "bold")
                yield from self.names(results)
                yield ""
        for text in self.report["baseline"]["stale"]:
            yield from self.row("stale", text)

    def failure(self, result: ResultFacts) -> Iterator[str]:
        required = result["level"] == Level.MUST
        word = self.paint("FAIL", "red" if required else "yellow")
        yield f"{word}  {result['level']}  {self.paint(for_terminal(describe.name_of(result)), 'bold')}"
        yield f"  {for_terminal(result['title'], self.width)}"
        cases = describe.deciding(result)
        for case in cases[:1]:
            yield from self.evidence(case)
        yield from self.row("of", describe.share(result))
        if cases[1:]:
            yield from self.row("also in", ", ".join(case["probe"] for case in cases[1:]))
        sources = ", ".join(source["pointer"] for source in result["sources"])
        yield from self.row("rule", f"{result['says']} [{sources}]")
        yield from self.row("why", result["why"])
        for text in result["breaks"]:
            yield from self.row("breaks", text)
        if result["reproduce"]:
            # Not wrapped: it is there to be copied.
            yield f"  {'again':{_LABEL}}{visible(result['reproduce'])}"

    def evidence(self, case: CaseFacts) -> Iterator[str]:
        request, body = describe.asked(self.report, case)
        yield from self.row("sent", request)
        yield from self.row("", body)
        yield from self.row("answer", describe.answered(self.report, case))
        yield from self.row("saw", case["saw"])
        yield from self.row("expected", case["expected"])
        for place in case["evidence"][:1]:
            yield from self.row("where", describe.located(place))
            if case["excerpt"] is not None:
                yield from self.bytes(describe.marked(case["excerpt"], place))

    def bytes(self, text: str) -> Iterator[str]:
        """Yield printable bytes, a line each time the target began one."""
        room = self.width - _LABEL - 2
        for line in visible(text).replace("␊", "␊\n").splitlines():
            for start in range(0, len(line), room):
                yield " " * (_LABEL + 2) + self.paint(line[start : start + room], "dim")

    def names(self, results: list[ResultFacts]) -> Iterator[str]:
        yield from self.row("", named([*map(describe.name_of, results)], _NAMES), limit=2_000)

    def outdated(self) -> Iterator[str]:
        entries = self.report["outdated"]
        if entries:
            yield self.paint("document outdated, which is not held against the target:", "bold")
        for entry in entries[:_NAMES]:
            about = "" if entry["requirement"] is None else f", {entry['requirement']}"
            yield from self.row(entry["clause"], f"{entry['model']}{about}: {entry['saw']}. {entry['says']}")
        if entries[_NAMES:]:
            yield from self.row("", f"and {len(entries[_NAMES:])} more in report.md")
        if entries:
            yield ""
        if absent := self.report["absent"]:
            yield from self.row("not listed", ", ".join(absent))
        if unsent := self.report["unsent"]:
            count = counted(len(unsent), "printed example")
            yield from self.row("not sent", f"{count} of models that were not asked; see report.md")
        if absent or unsent:
            yield ""

    def open_questions(self) -> Iterator[str]:
        groups = describe.by_reason(describe.having(self.report, Verdict.INCONCLUSIVE))
        if groups:
            yield self.paint("no opinion:", "bold")
        for reason, results in list(groups.items())[:_NAMES]:
            yield from self.row("because", reason)
            yield from self.names(results)
        if list(groups)[_NAMES:]:
            yield from self.row("", f"and {len(list(groups)[_NAMES:])} more reasons in report.md")
        if groups:
            yield ""

    def tables(self) -> Iterator[str]:
        summary = self.report["summary"]
        yield from self.table("feature", summary["features"])
        if len(summary["models"]) > 1:
            yield from self.table("model", summary["models"])

    def table(self, title: str, rows: dict[str, Counts]) -> Iterator[str]:
        names = {name: for_terminal(name, 60) for name in rows}
        room = max([len(title), *(len(name) for name in names.values())])
        yield self.paint(f"  {title:{room}}  pass  fail  no opinion  not applicable", "bold")
        for name, counts in rows.items():
            fail = self.paint(f"{counts['fail']:6}", "red" if counts["fail"] else "dim")
            rest = f"{counts['inconclusive']:12}{counts['not_applicable']:16}"
            yield f"  {names[name]:{room}}{counts['pass']:6}{fail}{rest}"
        yield ""

    def end(self) -> Iterator[str]:
        report = self.report
        summary, spent = report["summary"], report["spent"]
        tokens = f"{spent['prompt_tokens']} + {spent['completion_tokens']} tokens"
        seconds = report["times"]["seconds"]
        yield f"spent {describe.spent(report)}, {tokens}; {seconds:g} s from the first to the last"
        yield from self.banner()
        grade = self.paint(summary["grade"], _GRADE_COLORS.get(Grade(summary["grade"]), "red"))
        word = "REFERENCE grade" if report["target"]["reference"] else "grade"
        about = for_terminal(describe.scope(report))
        yield f"{word}: {grade}, {about}, {describe.score(report)}, exit code {summary['exit_code']}"
