"""What happens to the terminal changes neither what is sent nor what is written nor the exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.cli import main
from conformance.reference import DEFAULT_MODEL, KEY, ReferenceGateway
from conformance.reference.faults import pick_faults
from conformance.terminal import Patient

ROOT = Path(__file__).parent.parent
PART = ["--only", "stream.done-terminator", "--generated", "none", "--sdk", "no"]
LOST = {
    "reader of both left": ">&3 2>&3",
    "stdout closed": ">&-",
    "stderr closed": "2>&-",
    "disk of both full": ">/dev/full 2>&1",
}


@pytest.fixture(scope="module")
def failing() -> Iterator[str]:
    """Serve something that fails, so that a lost exit code is seen."""
    with ReferenceGateway(faults=pick_faults(["done-missing"])) as gateway:
        yield gateway.base_url


def shell(
    line: str, *arguments: str, cwd: Path, encoding: str = "utf-8"
) -> subprocess.CompletedProcess[bytes]:
    """Run the command line with redirections; descriptor 3 is a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    environment = {
        **os.environ,
        "OPENAI_API_KEY": KEY,
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": encoding,
    }
    script = f'w=$1; shift; eval "exec 3>&$w"; exec "$@" {line}'
    try:
        return subprocess.run(
            ["bash", "-c", script, "bash", str(writing), sys.executable, "-m", "conformance", *arguments],
            cwd=cwd, env=environment, capture_output=True, pass_fds=[writing], timeout=300, check=False,
        )  # fmt: skip
    finally:
        os.close(writing)


@pytest.mark.parametrize("line", LOST.values(), ids=LOST.keys())
def test_run_without_a_terminal_reports_and_keeps_its_exit_code(
    line: str, failing: str, tmp_path: Path
) -> None:
    done = shell(
        line, "run", "--target", failing, "--model", DEFAULT_MODEL, *PART, "--output", "out", cwd=tmp_path
    )
    assert done.returncode == 1, done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert report["summary"]["exit_code"] == 1
    assert not report["stopped"]


@pytest.mark.parametrize("line", [">&3", ">/dev/full"], ids=["reader left", "disk full"])
def test_recheck_without_a_terminal_keeps_its_exit_code(line: str, failing: str, tmp_path: Path) -> None:
    run = ["run", "--target", failing, "--model", DEFAULT_MODEL, *PART, "--output", "out", "--quiet"]
    assert shell("", *run, cwd=tmp_path).returncode == 1
    assert shell(line, "recheck", "out", cwd=tmp_path).returncode == 1


def test_list_whose_reader_left_is_fine_but_one_that_was_lost_is_not(tmp_path: Path) -> None:
    assert shell(">&3", "list", cwd=tmp_path).returncode == 0
    lost = shell(">/dev/full", "list", cwd=tmp_path)
    assert lost.returncode == 2
    assert b"could not be written" in lost.stderr
    assert b"Traceback" not in lost.stderr


@pytest.mark.parametrize("encoding", ["ascii", "gbk"])
def test_exchange_is_shown_on_terminals_of_any_encoding(
    encoding: str, failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    main(["run", "--target", failing, "--model", DEFAULT_MODEL, *PART, "--output", "out", "--quiet"])
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    name = next(iter(report["exchanges"]))
    shown = shell("", "show", name, "--run", "out", cwd=tmp_path, encoding=encoding)
    assert shown.returncode == 0, shown.stderr
    assert b"200" in shown.stdout


def test_what_is_left_at_the_end_and_cannot_be_written_changes_no_exit_code() -> None:
    program = "import atexit; from conformance.terminal import flush_or_drop; {}print('left in the buffer')"
    codes = [
        subprocess.run(
            ["bash", "-c", 'exec "$@" >/dev/full', "bash", sys.executable, "-c", program.format(first)],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
            check=False,
        ).returncode
        for first in ("", "atexit.register(flush_or_drop); ")
    ]
    assert codes == [120, 0]


def test_stream_that_is_lost_takes_everything_and_says_why() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        stream = Patient(full)
        assert stream.write("words") == 5
        stream.flush()
        assert "space" in stream.lost
        assert stream.write("more") == 4
