"""Every statement of the documents is held by something that is proved, or says why it is not judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.catalogue import Exclusion, load
from conformance.cli import main
from conformance.coverage import open_clauses, page, rows_of
from conformance.trace import traces

CATALOGUE = load()
DOCUMENTS = ("mixroute", "mixrouter", "xmsmartlink")


def test_page_is_what_the_data_says() -> None:
    """Made again with: python -m conformance.coverage > reports/coverage.md."""
    written = Path(__file__).parent.parent / "reports" / "coverage.md"
    assert written.read_text("utf-8") == page()


def test_every_clause_is_held_by_a_proved_requirement_or_excluded() -> None:
    assert open_clauses(CATALOGUE) == {}


def test_nothing_is_pending() -> None:
    assert [row.id for row in CATALOGUE.requirements.values() if row.pending] == []
    assert "| pending | 0 |" in page()


def test_every_clause_stands_on_the_page() -> None:
    text = page()
    assert [name for name in CATALOGUE.clauses if f"| {name} | " not in text] == []


def test_every_judged_requirement_has_checks_requests_and_faults() -> None:
    for row in CATALOGUE.requirements.values():
        trace = traces()[row.id]
        if row.judged:
            assert trace.checks, row.id
            assert trace.faults, row.id
            assert trace.probes or trace.keywords or trace.drawn, row.id


def test_every_exclusion_says_why() -> None:
    for row in CATALOGUE.requirements.values():
        if row.excluded:
            assert row.excluded in set(Exclusion), row.id
            assert row.note.endswith("."), row.id


def test_rules_for_parsers_are_the_clients_duty() -> None:
    for name in ("W11", "W13", "W23"):
        assert Exclusion.CLIENT_DUTY in {row.excluded for row in rows_of(CATALOGUE, CATALOGUE.clauses[name])}


def test_requirement_is_shown_with_all_that_stands_behind_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "stream.done-terminator"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for part in (
        "S3:200 (xmsmartlink",
        "E02",
        "stream.basic",
        "stream_end.done_terminator",
        "done-missing",
        "mixroute must",
        "xmsmartlink must",
    ):
        assert part in shown, part


@pytest.mark.parametrize("profile", DOCUMENTS)
def test_requirements_are_listed_for_every_document(profile: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--profile", profile]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(CATALOGUE.requirements)
    raised = [row.id for row in CATALOGUE.requirements.values() if profile in row.levels]
    assert raised
    for name in raised:
        (line,) = (line for line in lines if line.split()[0] == name)
        assert line.split()[1:3] == [CATALOGUE.requirements[name].levels[profile], "yes"]
