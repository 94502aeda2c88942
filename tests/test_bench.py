"""The corpus of real defects holds together, and the bench calls found only what is found exactly."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from conformance.catalogue import load
from conformance.model import Claim, Level, Outcome, Verdict
from conformance.verdict import UnitResult
from tests.bench import corpus
from tests.bench.corpus import MOST_INVISIBLE, SUGGESTED, Entry, Expect
from tests.bench.report import Tried, facts, markdown
from tests.bench.runs import Finding, Verdicts, compare, look

CORPUS = corpus.load_corpus()
BY_ID = {entry.id: entry for entry in CORPUS}
ROWS = load().requirements
VISIBLE = [entry for entry in CORPUS if entry.expect is not Expect.NOT_VISIBLE]
LOUDEST = {Expect.FAIL_MUST: Level.MUST, Expect.FAIL_SHOULD: Level.SHOULD, Expect.NOTE: Level.MAY}


def test_the_corpus_has_177_entries_with_names_of_their_own_and_public_reports() -> None:
    assert (len(CORPUS), len(BY_ID)) == (177, 177)
    links = [link for entry in CORPUS for link in entry.links]
    assert all(entry.links for entry in CORPUS)
    assert all(link.startswith("https://github.com/") for link in links)


def test_few_entries_are_not_visible_and_each_says_what_would_show_it() -> None:
    invisible = [entry for entry in CORPUS if entry.expect is Expect.NOT_VISIBLE]
    assert len(invisible) <= MOST_INVISIBLE
    assert all(entry.needs and entry.why for entry in invisible)


@pytest.mark.parametrize("entry", VISIBLE, ids=lambda entry: entry.id)
def test_an_entry_names_requirements_whose_levels_agree_with_what_it_expects(entry: Entry) -> None:
    assert entry.requirements
    assert all(name in ROWS for name in entry.requirements)
    levels = [ROWS[name].level for name in entry.requirements]
    if entry.outcome is None:
        assert min(levels, key=list(Level).index) is LOUDEST[entry.expect]
    else:
        assert entry.expect is Expect.NOTE


@pytest.mark.parametrize("entry", CORPUS, ids=lambda entry: entry.id)
def test_an_entry_that_differs_from_what_its_severity_suggests_says_why(entry: Entry) -> None:
    assert entry.why or entry.expect is SUGGESTED[entry.severity]


@pytest.mark.parametrize(
    "name", ["meta-only-sse-event", "role-repeated", "http-options-401", "param-n-ignored"]
)
def test_a_defect_is_found_at_its_level(name: str) -> None:
    assert look(BY_ID[name]).says == ""


def unit(requirement: str, level: Level, verdict: Verdict, outcome: Outcome | None = None) -> UnitResult:
    return UnitResult(requirement, "", level, "chat", "m", Claim.ASK, verdict, outcome, ())


def entry(expect: Expect, *names: str, outcome: Outcome | None = None) -> Entry:
    return Entry("e", "area", "What.", "cosmetic", expect, names, "", outcome, "", None, ())


FAILS = unit("a.b", Level.SHOULD, Verdict.FAIL)
PASSES = unit("a.b", Level.SHOULD, Verdict.PASS)
LOUD = unit("x.y", Level.MUST, Verdict.FAIL)
TOLD = unit("a.b", Level.SHOULD, Verdict.NOT_APPLICABLE, Outcome.REJECTED_CLEAN)
RIGHT = Verdicts((PASSES,))


@pytest.mark.parametrize(
    ("expected", "units", "says"),
    [
        (entry(Expect.FAIL_SHOULD, "a.b"), [FAILS], ""),
        (entry(Expect.FAIL_SHOULD, "a.b"), [PASSES], "fail-should expected, nothing seen; not named by a.b"),
        (entry(Expect.FAIL_SHOULD, "a.b"), [FAILS, LOUD], "fail-should expected, fail-must seen by x.y"),
        (entry(Expect.FAIL_MUST, "a.b"), [FAILS], "fail-must expected, fail-should seen by a.b"),
        (
            entry(Expect.FAIL_MUST, "a.b"),
            [LOUD],
            "fail-must expected, fail-must seen by x.y; not named by a.b",
        ),
        (entry(Expect.NOTE, "a.b"), [FAILS], "note expected, fail-should seen by a.b"),
        (entry(Expect.NOTE, "a.b", outcome=Outcome.REJECTED_CLEAN), [TOLD], ""),
        (
            entry(Expect.NOTE, "a.b", outcome=Outcome.ACCEPTED),
            [TOLD],
            "note expected, nothing seen; not named by a.b",
        ),
    ],
)
def test_found_means_exactly_the_expected_level_by_every_named_requirement(
    expected: Entry, units: list[UnitResult], says: str
) -> None:
    assert compare(expected, Verdicts(tuple(units)), RIGHT).says == says


def test_what_is_said_of_the_reference_as_well_is_no_finding() -> None:
    assert not compare(entry(Expect.FAIL_SHOULD, "a.b"), Verdicts((FAILS,)), Verdicts((FAILS,))).found


def test_the_report_counts_what_can_be_seen_and_names_what_was_missed() -> None:
    missed = compare(entry(Expect.FAIL_MUST, "a.b"), RIGHT, RIGHT)
    hidden = Finding(BY_ID["err-quota-403-not-429"], Expect.NOT_VISIBLE)
    found = compare(entry(Expect.FAIL_SHOULD, "a.b"), Verdicts((FAILS,)), RIGHT)
    plain, tried = Tried(None, RIGHT), [Tried(None, RIGHT), Tried(None, Verdicts((FAILS,)))]
    report = facts([found, missed, hidden], plain, tried, date="2026-01-31", version="1", set_name="2026.01")
    assert report["corpus"] == {
        "entries": 3, "fail-must": 1, "fail-should": 1, "note": 0, "not-visible": 1, "visible": 2, "found": 1,
    }  # fmt: skip
    assert [row["green"] for row in report["legal"]] == [True, False]
    text = markdown(json.loads(json.dumps(report)))
    assert "| area | 2 | 1 | 1 | 0 | 0 | 1 of 2 |" in text
    assert "fail-must expected, nothing seen" in text
    assert hidden.entry.needs.split(",")[0] in text
    assert "Green: **1 of 2**" in text


def test_no_two_entries_of_an_area_are_made_in_the_same_way() -> None:
    made = Counter((each.area, str(each.fault.mutations)) for each in VISIBLE if each.fault is not None)
    assert [pair for pair, times in made.items() if times > 1] == []
