"""Runs side by side: verdicts as they are, the gateway in each of its columns, and what cannot be compared said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from conformance.cli import main
from conformance.model import GATEWAY, Level
from conformance.paths import data_root
from conformance.report.matrix import Cell, matrix
from conformance.report.matrix_pages import matrix_json, matrix_markdown, matrix_text
from conformance.report.shape import Report
from conformance.report.write import dumps
from tests.report_factory import Run, answer, failed, passed

SCHEMA = json.loads((data_root() / "spec" / "schema" / "matrix.schema.json").read_text("utf-8"))


def report(*, broken: bool = False, models: tuple[str, ...] = ("one", "two"), **members: Any) -> Report:  # noqa: ANN401
    """Return a run of models whose stream of the first is broken where asked for, and whose gateway is right."""
    run = Run(models=models)
    for number, model in enumerate(models):
        view = run.exchange("chat.basic", answer(b"{}"), model=model)
        finding = failed(view, "no end") if broken and number == 0 else passed(view)
        run.unit("stream.end", view, finding, feature="streaming", model=model)
        run.unit(
            "stream.nicety", view, failed(view, "odd"), feature="streaming", model=model, level=Level.MAY
        )
    view = run.exchange("auth.no-key", answer(b"{}"), model=GATEWAY)
    run.unit("auth.no-key", view, passed(view), feature="auth", model=GATEWAY)
    return Report(**{**run.report(), **members})  # type: ignore[typeddict-item]


def cells(reports: list[tuple[str, Report]], row: str, by: str = "feature") -> list[str | None]:
    found = matrix(reports, by=by)  # type: ignore[arg-type]
    return [cell["verdict"] for each in found["rows"] if each["id"] == row for cell in each["cells"]]


def test_each_model_of_each_run_is_a_column() -> None:
    found = matrix([("a", report()), ("b", report(models=("three",)))])
    assert [(column["run"], column["model"]) for column in found["columns"]] == [
        ("a", "one"),
        ("a", "two"),
        ("b", "three"),
    ]
    assert all(len(row["cells"]) == 3 for row in found["rows"])


def test_a_failure_stands_in_its_own_column_and_the_gateway_in_all() -> None:
    reports = [("a", report(broken=True))]
    assert cells(reports, "streaming") == ["fail", "pass"]
    assert cells(reports, "stream.end", "requirement") == ["fail", "pass"]
    assert cells(reports, "auth") == ["pass", "pass"]


def test_observations_fail_no_feature() -> None:
    assert cells([("a", report())], "streaming") == ["pass", "pass"]
    assert cells([("a", report())], "stream.nicety", "requirement") == ["fail", "fail"]


def test_what_a_run_did_not_ask_has_no_verdict() -> None:
    less = report(models=("three",))
    less["results"] = [row for row in less["results"] if row["requirement"] != "stream.end"]
    assert cells([("a", report()), ("b", less)], "stream.end", "requirement") == ["pass", "pass", None]


def test_runs_of_one_model_that_disagree_are_named() -> None:
    found = matrix([("a", report()), ("b", report(broken=True))])
    assert found["conflicts"] == [
        {"requirement": "stream.end", "columns": [0, 2], "verdicts": ["pass", "fail"]}
    ]
    assert "conflict  stream.end of the same target and model: pass in [1], fail in [3]" in matrix_text(found)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"set": "2027.01"}, "different requirement sets: a: 2026.11, b: 2027.01"),
        ({"profile": "own"}, "different profiles: a: core, b: own"),
        ({"generated": "full"}, "different amounts of generated requests: a: none, b: full"),
        (
            {"suite": {"name": "chat-conformance", "version": "9"}},
            "different versions of the suite: a: 0.0.0, b: 9",
        ),
        ({"stopped": "interrupted"}, "b ended early: interrupted"),
        (
            {"selection": {"only": ["stream.*"], "complete": False}},
            "b asked only a part of its set: stream.*",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_compared_is_said(members: dict[str, Any], said: str) -> None:
    found = matrix([("a", report()), ("b", report(**members))])
    assert found["notes"] == [said]
    for page in (matrix_text(found), matrix_markdown(found)):
        assert said.split(":", maxsplit=1)[0] in page


def test_pages_show_verdicts_with_their_counts() -> None:
    found = matrix([("a", report(broken=True))], by="feature")
    text = matrix_text(found)
    assert "[1] " in text
    assert [line.split() for line in text.splitlines() if line.startswith("streaming")] == [
        ["streaming", "FAIL", "pass"]
    ]
    assert "| `streaming` | **FAIL** | pass |" in matrix_markdown(found)
    found["rows"][0]["cells"][0] = Cell(verdict="fail", failed=2, open=1, units=7)
    assert "FAIL 2/7" in matrix_text(found)


@pytest.mark.parametrize("by", ["feature", "requirement"])
def test_json_keeps_its_schema(by: str) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    found = matrix([("a", report()), ("b", report(broken=True, set="1"))], by=by)  # type: ignore[arg-type]
    assert list(Draft202012Validator(SCHEMA).iter_errors(json.loads(matrix_json(found)))) == []


def test_command_reads_folders_and_refuses_what_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.json").write_text(dumps(report()), "utf-8")
    assert main(["matrix", str(tmp_path), str(tmp_path / "report.json"), "--by", "requirement"]) == 0
    assert "stream.end" in capsys.readouterr().out
    assert main(["matrix", str(tmp_path / "nothing")]) == 2
    assert "cannot be read" in capsys.readouterr().err
