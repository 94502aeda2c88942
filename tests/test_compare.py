"""Two reports are told apart unit by unit, and two measurements of different things are not taken for a change."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from conformance.cli import main
from conformance.model import Level, Verdict
from conformance.paths import data_root
from conformance.report.compare import Comparison, compare, of_kind
from conformance.report.comparison import comparison_json, comparison_markdown, comparison_text
from conformance.report.shape import Report
from conformance.report.write import write_all
from tests.report_factory import MODEL, Run, answer, failed, passed, unsure

NASTY = "\x1b[31m::error::x\n# `heading` <b>\u202e"


def report(verdict: Verdict | None, level: Level = Level.MUST, models: tuple[str, ...] = (MODEL,)) -> Report:
    """Return a report of one unit that always passes, and one of the given verdict (None: it is not there)."""
    run = Run(models=models)
    view = run.exchange("chat.basic", answer(b"{}"))
    run.unit("chat.stays", view, passed(view))
    findings = {
        Verdict.PASS: passed(view),
        Verdict.FAIL: failed(view, NASTY),
        Verdict.INCONCLUSIVE: unsure(view, "too few samples"),
    }
    if verdict is not None:
        run.unit("chat.moves", view, findings[verdict], level=level)
    return run.report()


def kinds(comparison: Comparison) -> list[str]:
    return [row["change"] for row in comparison["changes"]]


@pytest.mark.parametrize(
    ("before", "after", "change", "code"),
    [
        (Verdict.PASS, Verdict.FAIL, ["new"], 1),
        (Verdict.INCONCLUSIVE, Verdict.FAIL, ["new"], 1),
        (None, Verdict.FAIL, ["new"], 1),
        (Verdict.FAIL, Verdict.PASS, ["fixed"], 0),
        (Verdict.PASS, Verdict.INCONCLUSIVE, ["no-longer-measured"], 3),
        (Verdict.FAIL, Verdict.INCONCLUSIVE, ["no-longer-measured"], 3),
        (Verdict.PASS, None, ["no-longer-measured"], 3),
        (Verdict.INCONCLUSIVE, Verdict.PASS, ["changed"], 0),
        (Verdict.INCONCLUSIVE, None, [], 0),
        (Verdict.FAIL, Verdict.FAIL, [], 0),
        (Verdict.PASS, Verdict.PASS, [], 0),
    ],
)
def test_each_change_has_its_word_and_exit_code(
    before: Verdict | None, after: Verdict | None, change: list[str], code: int
) -> None:
    comparison = compare(report(before), report(after))
    assert (kinds(comparison), comparison["exit_code"]) == (change, code)


@pytest.mark.parametrize("level", [Level.SHOULD, Level.MAY])
def test_only_what_is_required_sets_the_exit_code(level: Level) -> None:
    comparison = compare(report(Verdict.PASS, level), report(Verdict.FAIL, level))
    assert (kinds(comparison), comparison["exit_code"]) == (["new"], 0)


def test_a_new_failure_that_the_baseline_knows_does_not_count() -> None:
    after = report(Verdict.FAIL)
    for row in after["results"]:
        row["known"] = row["verdict"] == "fail"
    comparison = compare(report(Verdict.PASS), after)
    assert (kinds(comparison), comparison["exit_code"]) == (["new"], 0)
    assert "known to the baseline" in comparison_text(comparison)


def test_a_failure_that_stays_is_counted_not_listed() -> None:
    assert compare(report(Verdict.FAIL), report(Verdict.FAIL))["still_failing"] == 1


def test_another_level_of_the_same_verdict_is_a_change() -> None:
    assert kinds(compare(report(Verdict.FAIL, Level.SHOULD), report(Verdict.FAIL, Level.MUST))) == ["changed"]


@pytest.mark.parametrize("member", ["set", "profile", "generated"])
def test_units_of_another_set_profile_or_kind_are_said_not_taken_for_changes(member: str) -> None:
    after = report(Verdict.FAIL)
    after[member] = "other"  # type: ignore[literal-required]
    comparison = compare(report(None), after)
    assert (kinds(comparison), comparison["exit_code"]) == ([], 0)
    assert "1 units were asked for only after" in comparison["differences"]
    assert any("other after" in text for text in comparison["differences"])


def test_long_selections_are_told_apart_but_not_listed() -> None:
    before, after = report(Verdict.PASS), report(Verdict.PASS)
    for each, last in ((before, "x"), (after, "y")):
        each["selection"] = {
            "only": [*(f"some.row-{number}" for number in range(99)), last],
            "complete": False,
        }
    comparison = compare(before, after)
    assert "selection: other requirements or probes were chosen" in comparison["differences"]
    line = comparison["after"]["set"]
    assert line.endswith("some.row-2 and 97 more")
    assert len(line) < 100


def test_models_of_only_one_run_are_named() -> None:
    after = report(Verdict.PASS)
    after["target"]["models"] = ["another"]
    for row in after["results"]:
        row["model"] = "another"
    comparison = compare(report(Verdict.FAIL), after)
    assert kinds(comparison) == []
    assert f"models only before: {MODEL}" in comparison["differences"]
    assert "models only after: another" in comparison["differences"]


def test_another_plan_and_an_early_end_are_said() -> None:
    after = copy.deepcopy(report(Verdict.PASS))
    after["plan"]["digest"] = "sha256:" + "cd" * 32
    after["stopped"] = "the budget is spent"
    said = compare(report(Verdict.PASS), after)["differences"]
    assert "plan: not the same requests were sent" in said
    assert "the run after ended early: the budget is spent" in said


def test_required_changes_come_first_and_new_ones_before_fixed_ones() -> None:
    old, new = Run(), Run()
    for run, worse in ((old, "b.new"), (new, "a.fixed")):
        view = run.exchange("chat.basic", answer(b"{}"))
        for name in ("a.fixed", "b.new", "c.new"):
            good = name == worse or (name == "c.new" and run is old)
            run.unit(
                name, view, passed(view) if good else failed(view, "x"),
                level=Level.MUST if name == "c.new" else Level.SHOULD,
            )  # fmt: skip
    rows = compare(old.report(), new.report())["changes"]
    assert [row["requirement"] for row in rows] == ["c.new", "b.new", "a.fixed"]


def test_no_form_lets_a_target_draw_on_the_page() -> None:
    comparison = compare(report(Verdict.PASS), report(Verdict.FAIL))
    assert NASTY in of_kind(comparison, "new")[0]["after"]["says"]  # type: ignore[index]
    for page in (comparison_text(comparison), comparison_markdown(comparison)):
        assert "\x1b" not in page
        assert "\u202e" not in page
        assert not [line for line in page.splitlines() if line.lstrip().startswith(("::", "# `"))]
    assert comparison_json(comparison).isascii()


def test_the_json_follows_its_schema() -> None:
    schema = json.loads((data_root() / "spec" / "schema" / "comparison.schema.json").read_text("utf-8"))
    for before, after in ((Verdict.PASS, Verdict.FAIL), (None, Verdict.FAIL), (Verdict.PASS, None)):
        Draft202012Validator(schema).validate(
            json.loads(comparison_json(compare(report(before), report(after))))
        )


def test_the_command_takes_folders_or_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_all(report(Verdict.PASS), tmp_path / "a")
    write_all(report(Verdict.FAIL), tmp_path / "b")
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b" / "report.json")]) == 1
    assert capsys.readouterr().out.rstrip().endswith("0 still failing; exit code 1")
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["changes"][0]["requirement"] == "chat.moves"
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "a"), "--format", "markdown"]) == 0
    assert capsys.readouterr().out.startswith("# Comparison of two runs")


def test_what_is_no_report_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "report.json").write_text('{"format": "something else"}')
    assert main(["compare", str(tmp_path), str(tmp_path / "nowhere")]) == 2
    assert "do:" in capsys.readouterr().err
