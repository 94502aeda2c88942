"""Every entry of the registry keeps its rules: it is whole, counts right, and a certificate verifies."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from conformance.certificate import SEAL
from conformance.report.shape import FORMAT, VERSION, Report
from conformance.verify import State, verify

PUBLISHED = Path(__file__).parent.parent / "reports" / "published"
ENTRIES = sorted(path for path in PUBLISHED.glob("*/*") if path.is_dir())

pytestmark = pytest.mark.skipif(not ENTRIES, reason="published reports are part of a checkout alone")
each = pytest.mark.parametrize("entry", ENTRIES, ids=lambda path: f"{path.parent.name}-{path.name}")


def report_of(entry: Path) -> Report:
    """Return a report as it was published; members that came later may be missing from it."""
    report: Report = json.loads((entry / "report.json").read_text("utf-8"))
    assert (report["format"], report["version"]) == (FORMAT, VERSION)
    return report


def test_an_entry_stands_in_a_folder_of_its_vendor_and_version() -> None:
    assert [path for path in PUBLISHED.rglob("report.json") if path.parent not in ENTRIES] == []


@each
def test_an_entry_has_a_report_a_page_and_a_readme(entry: Path) -> None:
    names = {path.name for path in entry.iterdir()}
    assert {"README.md", "report.json", "report.md"} <= names


@each
def test_an_entry_is_the_report_of_a_whole_set_about_a_real_server(entry: Path) -> None:
    report = report_of(entry)
    assert not report["target"]["reference"]
    assert report["selection"] == {"only": [], "complete": True}
    assert report["generated"] != "none"
    assert report["stopped"] == ""
    assert report["not_measured"] == []


@each
def test_an_entry_excuses_nothing(entry: Path) -> None:
    report = report_of(entry)
    assert report["baseline"] == {"file": None, "known": [], "stale": []}
    assert not any(row["known"] for row in report["results"])


@each
def test_the_counts_of_an_entry_are_those_of_its_results(entry: Path) -> None:
    report = report_of(entry)
    for counts, level in (("required", "must"), ("recommended", "should")):
        found = Counter(
            row["verdict"].replace("-", "_") for row in report["results"] if row["level"] == level
        )
        shown = dict(report["summary"][counts])  # type: ignore[literal-required]
        assert shown.pop("total") == found.total()
        assert {name: count for name, count in shown.items() if count} == dict(found)


@each
def test_the_page_of_an_entry_shows_the_grade_of_its_report(entry: Path) -> None:
    assert f"**{report_of(entry)['summary']['grade']}**" in (entry / "report.md").read_text("utf-8")


@pytest.mark.parametrize(
    "entry",
    [path for path in ENTRIES if (path / SEAL).exists()] or [None],
    ids=lambda path: path.name if path else "none",
)
def test_a_certificate_in_the_registry_verifies(entry: Path | None) -> None:
    """One that another version made cannot be judged again by this one; its digests hold all the same."""
    if entry is None:
        pytest.skip("no entry is a certificate")
    outcome = verify(entry)
    assert outcome.state in {State.VERIFIED, State.OTHER_SUITE}, outcome.problems
