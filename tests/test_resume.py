"""An interrupted run goes on in its folder: nothing that was recorded is sent again, and the report is the same."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.cli import main
from conformance.errors import UsageError
from conformance.evidence import Writer, read
from conformance.reference import KEY
from tests.paying import CONCURRENCY, PYTEST, Counting, Ended, essence, flags, run


@pytest.fixture(scope="module")
def gateway() -> Iterator[Counting]:
    with Counting() as counting:
        yield counting


@pytest.fixture(scope="module")
def undisturbed(gateway: Counting, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return run(gateway, tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture
def interrupted(undisturbed: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run of which only the evidence is left."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "evidence.jsonl").write_bytes((undisturbed.folder / "evidence.jsonl").read_bytes())
    return folder


@pytest.mark.parametrize("requests", [1, 2, 4, 7, 9])
def test_killed_run_goes_on_without_paying_twice(
    requests: int, gateway: Counting, undisturbed: Ended, tmp_path: Path
) -> None:
    killed = run(gateway, tmp_path / "run", kill_at=requests)
    assert killed.code == -signal.SIGKILL
    before = read(killed.folder / "evidence.jsonl")
    assert len(before.unfinished) <= CONCURRENCY
    resumed = run(gateway, killed.folder, resumed=True)
    assert resumed.code == undisturbed.code == 0
    assert essence(killed.folder) == essence(undisturbed.folder)
    again = killed.asked + resumed.asked - undisturbed.asked
    after = read(killed.folder / "evidence.jsonl")
    assert after.sent_again == before.unfinished
    lost = Counter(each.request.body for each in after.exchanges if each.id in before.unfinished)
    assert Counter(body for _, _, body in again.elements()) <= lost


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
@pytest.mark.parametrize("shell", [None, PYTEST], ids=["command", "pytest"])
def test_interrupted_run_writes_what_it_has_and_can_go_on(
    sign: signal.Signals, shell: tuple[str, ...] | None, gateway: Counting, undisturbed: Ended, tmp_path: Path
) -> None:
    more = {"shell": shell} if shell else {}
    stopped = run(gateway, tmp_path / "run", kill_at=5, sign=sign, **more)
    assert stopped.code == 3, stopped.printed
    assert f"--resume {stopped.folder}" in stopped.printed
    report = json.loads((stopped.folder / "report.json").read_text("utf-8"))
    assert report["stopped"] == "interrupted"
    assert report["summary"]["grade"] == "incomplete"
    assert report["not_measured"]
    resumed = run(gateway, stopped.folder, resumed=True, **more)
    assert resumed.code == 0
    assert essence(stopped.folder) == essence(undisturbed.folder)


@pytest.mark.parametrize("shell", [None, PYTEST], ids=["command", "pytest"])
def test_run_in_the_background_of_a_shell_is_ended_by_sigterm(
    shell: tuple[str, ...] | None, gateway: Counting, undisturbed: Ended, tmp_path: Path
) -> None:
    more = {"shell": shell} if shell else {}
    stopped = run(gateway, tmp_path / "run", kill_at=5, sign=signal.SIGTERM, deaf=True, **more)
    assert stopped.code == 3, stopped.printed
    assert json.loads((stopped.folder / "report.json").read_text("utf-8"))["stopped"] == "interrupted"
    resumed = run(gateway, stopped.folder, resumed=True, **more)
    assert essence(stopped.folder) == essence(undisturbed.folder)
    assert resumed.code == 0


def test_run_interrupted_while_it_judges_says_how_its_evidence_is_used(
    gateway: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr("conformance.commands.run.finish", interrupt)
    folder = tmp_path / "run"
    assert main(["run", *flags(gateway.base_url, folder), "--quiet"]) == 3
    printed = capsys.readouterr().err
    assert f"--resume {folder}" in printed
    assert f"recheck {folder}" in printed


def test_killed_pytest_shell_goes_on_too(gateway: Counting, undisturbed: Ended, tmp_path: Path) -> None:
    killed = run(gateway, tmp_path / "run", kill_at=5, shell=PYTEST)
    assert not (killed.folder / "evidence.jsonl").exists()
    resumed = run(gateway, killed.folder, resumed=True, shell=PYTEST)
    assert resumed.code == 0, resumed.printed
    assert essence(killed.folder) == essence(undisturbed.folder)
    assert (killed.asked + resumed.asked - undisturbed.asked).total() <= CONCURRENCY
    assert [path.name for path in killed.folder.glob("evidence*")] == ["evidence.jsonl"]


def test_finished_run_sends_nothing_when_resumed(
    gateway: Counting, interrupted: Path, undisturbed: Ended
) -> None:
    resumed = run(gateway, interrupted, resumed=True)
    assert resumed.asked.total() == 0
    assert essence(interrupted) == essence(undisturbed.folder)


def test_budget_counts_what_the_interrupted_run_spent(gateway: Counting, tmp_path: Path) -> None:
    first = run(gateway, tmp_path / "run", "--max-requests", "4")
    assert (first.code, first.asked.total()) == (3, 4)
    again = run(gateway, first.folder, "--max-requests", "6", resumed=True)
    assert (again.code, again.asked.total()) == (3, 2)


def test_run_that_was_killed_before_its_first_line_begins_anew(
    gateway: Counting, interrupted: Path, undisturbed: Ended
) -> None:
    (interrupted / "evidence.jsonl").write_bytes(b'{"kind":"hea')
    resumed = run(gateway, interrupted, resumed=True)
    assert resumed.asked == undisturbed.asked


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (["--profile", "openai"], "--profile"),
        (["--model", "other-model"], "--model"),
        (["--seed", "7"], "--seed"),
        (["--only", "usage.*"], "--only"),
        (["--target", "http://127.0.0.1:9/v1"], "--target"),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else "",
)
def test_folder_of_another_run_is_refused(
    changed: list[str],
    named: str,
    gateway: Counting,
    interrupted: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = (interrupted / "evidence.jsonl").read_bytes()
    assert main(["run", *flags(gateway.base_url, interrupted, resumed=True), *changed]) == 2
    printed = capsys.readouterr().err
    assert "is not this run" in printed
    assert named in printed
    assert (interrupted / "evidence.jsonl").read_bytes() == before


def test_folder_that_is_not_there_is_refused(
    gateway: Counting, interrupted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *flags(gateway.base_url, interrupted / "nowhere", resumed=True)]) == 2
    assert "no folder" in capsys.readouterr().err


def test_two_runs_never_write_the_same_evidence(interrupted: Path) -> None:
    path = interrupted / "evidence.jsonl"
    with Writer.resume(path), pytest.raises(UsageError, match="another run"):
        Writer.resume(path)
