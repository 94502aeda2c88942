"""Runs of single models, put together, are the run of all of them; what does not fit together is refused by name."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.cli import main
from conformance.merge import (
    ConflictingPartsError,
    ForeignPartError,
    MergeError,
    MissingPartError,
    OverlappingPartsError,
    merge,
)
from conformance.reference import KEY, ReferenceGateway
from conformance.reference.faults import pick_faults

MODELS = ("reference-chat", "glm-5")
ASK = ("--only", "stream.*", "--only", "errors.*", "--generated", "none", "--sdk", "no", "--quiet")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run once of both models together, and once of each by itself."""
    base = tmp_path_factory.mktemp("runs")
    with (
        pytest.MonkeyPatch.context() as patch,
        ReferenceGateway(models=MODELS, faults=pick_faults(["done-doubled"])) as gateway,
    ):
        patch.setenv("OPENAI_API_KEY", KEY)
        both = [part for model in MODELS for part in ("--model", model)]
        for name, models in (("whole", both), ("a", both[:2]), ("b", both[2:])):
            main(["run", "--target", gateway.base_url, *models, *ASK, "--output", str(base / name)])
    return base


def essence(folder: Path) -> object:
    """Return a report without what differs between two runs by nature: times, ids of the target, bytes."""
    report = json.loads((folder / "report.json").read_text("utf-8"))
    results = [
        [row["requirement"], row["model"], row["verdict"], row["level"],
         [[case["probe"], case["verdict"], case["examined"]] for case in row["cases"]]]
        for row in report["results"]
    ]  # fmt: skip
    sent = sorted((name, each["probe"], each["model"]) for name, each in report["exchanges"].items())
    return [
        report["summary"],
        report["plan"],
        report["target"]["models"],
        report["spent"]["requests"],
        results,
        sent,
    ]


def test_merged_parts_are_the_whole(runs: Path, tmp_path: Path) -> None:
    names = [part for model in MODELS for part in ("--model", model)]
    code = main(["merge", str(runs / "a"), str(runs / "b"), *names, "--output", str(tmp_path / "merged")])
    assert code == 1
    assert essence(tmp_path / "merged") == essence(runs / "whole")


def test_a_merged_run_can_be_judged_again(runs: Path, tmp_path: Path) -> None:
    assert main(["merge", str(runs / "a"), str(runs / "b"), "--output", str(tmp_path / "merged")]) == 1
    assert main(["recheck", str(tmp_path / "merged"), "--output", str(tmp_path / "again")]) == 1
    for name in ("report.json", "report.md", "junit.xml"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "merged" / name).read_bytes()


def changed(folder: Path, into: Path, edit: Callable[[str], str]) -> Path:
    """Return a copy of a run with other evidence."""
    shutil.copytree(folder, into)
    path = into / "evidence.jsonl"
    path.write_text(edit(path.read_text("ascii")), "ascii")
    return into


def refused(kind: type[MergeError], folders: list[Path], output: Path, *models: str) -> str:
    with pytest.raises(kind) as caught:
        merge(folders, output / "out", models=models)
    assert not (output / "out").exists()
    return str(caught.value)


def test_a_lost_job_is_missed(runs: Path, tmp_path: Path) -> None:
    assert "'glm-5'" in refused(MissingPartError, [runs / "a"], tmp_path, *MODELS)


def test_the_same_model_twice_overlaps(runs: Path, tmp_path: Path) -> None:
    assert "'reference-chat'" in refused(OverlappingPartsError, [runs / "a", runs / "whole"], tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('"seed":0', '"seed":1', "seed"),
        ('"profile":"core"', '"profile":"openai"', "profile"),
        ('"url":"http://127.0.0.1', '"url":"http://127.0.0.2', "target"),
        ('"challenge":""', '"challenge":"x"', "challenge"),
    ],
)
def test_parts_of_different_runs_conflict(runs: Path, tmp_path: Path, old: str, new: str, key: str) -> None:
    other = changed(runs / "b", tmp_path / "b", lambda text: text.replace(old, new, 1))
    assert f"their {key} is not the same" in refused(ConflictingPartsError, [runs / "a", other], tmp_path)


def test_lines_lost_from_a_finished_part_are_missed(runs: Path, tmp_path: Path) -> None:
    def lose(text: str) -> str:
        lines = text.splitlines(keepends=True)
        gone = next(line for line in lines if '"kind":"exchange"' in line and '"stream.' in line)
        return "".join(line for line in lines if line != gone)

    other = changed(runs / "b", tmp_path / "b", lose)
    assert "lacks exchanges that its run sent" in refused(MissingPartError, [runs / "a", other], tmp_path)


def test_an_exchange_of_another_run_is_foreign(runs: Path, tmp_path: Path) -> None:
    alien = next(
        line
        for line in (runs / "a" / "evidence.jsonl").read_text("ascii").splitlines(keepends=True)
        if '"kind":"exchange"' in line
    )
    other = changed(runs / "b", tmp_path / "b", lambda text: text.replace("\n", "\n" + alien, 1))
    said = refused(ForeignPartError, [runs / "a", other], tmp_path)
    assert json.loads(alien)["id"] in said


def test_a_part_that_another_version_planned_is_foreign(runs: Path, tmp_path: Path) -> None:
    header = json.loads((runs / "b" / "evidence.jsonl").read_text("ascii").splitlines()[0])
    digest = header["plan"]
    other = changed(runs / "b", tmp_path / "b", lambda text: text.replace(digest, "sha256:" + "0" * 64, 1))
    assert "another version of the suite" in refused(ForeignPartError, [runs / "a", other], tmp_path)


def test_a_folder_without_evidence_is_said(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["merge", str(runs / "a"), str(tmp_path / "empty"), "--output", str(tmp_path / "out")]) == 2
    assert os.fspath(tmp_path / "empty") in capsys.readouterr().err
