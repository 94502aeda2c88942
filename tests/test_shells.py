"""The command line and pytest, with and without workers, say the same of the same target, and recheck repeats it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.cli import main
from conformance.reference import KEY, ReferenceGateway
from conformance.reference.faults import pick_faults

MODELS = ("reference-chat", "glm-5", "gpt-4o-mini")
ROOT = Path(__file__).parent.parent
PYTEST = ("-m", "pytest", "-p", "conformance.pytest_plugin", "-p", "no:schemathesis", "-p", "no:hypothesispytest", "-q",
          "-c", os.devnull, "--rootdir", ".")  # fmt: skip


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    """Serve three models with two faults, so that there is something to say."""
    with ReferenceGateway(
        models=MODELS, faults=pick_faults(["done-missing", "created-milliseconds"])
    ) as gateway:
        yield gateway.base_url


def run(*arguments: str, cwd: Path, key: str = KEY) -> subprocess.CompletedProcess[str]:
    """Run Python in a foreign directory, with the key in the environment."""
    environment = {**os.environ, "OPENAI_API_KEY": key, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def flags(target: str, output: Path) -> list[str]:
    """Return the flags of a run of all models."""
    return [
        "--target",
        target,
        "--models",
        "*",
        "--output",
        str(output),
        "--only",
        "stream.done-*",
        "--only",
        "response.created-*",
        "--only",
        "errors.unknown-model*",
    ]


def essence(folder: Path) -> object:
    """Return a report without what differs between two runs by nature: times, ids of the target, bytes."""
    report = json.loads((folder / "report.json").read_text("utf-8"))
    results = [
        [row["requirement"], row["model"], row["verdict"], row["level"], row["outcome"],
         [[case["probe"], case["verdict"], case["examined"]] for case in row["cases"]]]
        for row in report["results"]
    ]  # fmt: skip
    return {
        "summary": report["summary"],
        "plan": report["plan"],
        "results": results,
        "unmeasured": report["not_measured"],
    }


@pytest.fixture(scope="module")
def by_command(target: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Judge the target by the command line."""
    base = tmp_path_factory.mktemp("cli")
    done = run("-m", "conformance", "run", *flags(target, base / "out"), cwd=base)
    assert (base / "out" / "report.json").is_file(), done.stderr
    return base / "out", done.returncode


@pytest.mark.parametrize(
    "workers", [[], ["-n", "4", "--dist", "loadgroup"]], ids=["one process", "four workers"]
)
def test_pytest_says_what_the_command_line_says(
    target: str, by_command: tuple[Path, int], tmp_path: Path, workers: list[str]
) -> None:
    done = run(*PYTEST, *workers, *flags(target, tmp_path / "out"), cwd=tmp_path)
    folder, code = by_command
    assert done.returncode == code == 1, done.stdout[-2000:] + done.stderr[-2000:]
    assert "exists already" not in done.stdout, "two workers have asked the same model"
    assert essence(tmp_path / "out") == essence(folder)


def test_recheck_gives_the_same_report_byte_for_byte(by_command: tuple[Path, int], tmp_path: Path) -> None:
    folder, code = by_command
    done = run("-m", "conformance", "recheck", str(folder), "--output", str(tmp_path / "again"), cwd=tmp_path)
    assert done.returncode == code
    for name in ("report.json", "report.html", "report.md", "junit.xml", "badge.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name


def test_collecting_sends_nothing(tmp_path: Path) -> None:
    with ReferenceGateway() as gateway:
        done = run(
            *PYTEST, "--collect-only", "--target", gateway.base_url, "--model", MODELS[0], cwd=tmp_path
        )
        assert gateway.requests == ()
    assert "stream.done-terminator[reference-chat-stream.basic]" in done.stdout


def test_selection_pays_for_no_more_than_it_needs(tmp_path: Path) -> None:
    with ReferenceGateway() as gateway:
        done = run(
            *PYTEST, "--target", gateway.base_url, "--model", MODELS[0], "--output", str(tmp_path / "out"),
            "-k", "no-key and www", cwd=tmp_path,
        )  # fmt: skip
        asked = len(gateway.requests)
    assert done.returncode == 0, done.stdout[-2000:]
    assert asked <= 6


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["one process", "two workers"])
def test_selection_of_nothing_is_refused_before_anything_is_sent(tmp_path: Path, workers: list[str]) -> None:
    with ReferenceGateway() as gateway:
        done = run(
            *PYTEST, *workers, "--target", gateway.base_url, "--model", MODELS[0], "--output", "out",
            "--only", "stream.*", "-k", "nosuchtest", cwd=tmp_path,
        )  # fmt: skip
        assert gateway.requests == ()
    assert done.returncode == 2, done.stdout + done.stderr
    assert "No case is selected" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "out").exists()


def test_pytest_goes_on_with_the_models_of_the_run_and_warns_of_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    with ReferenceGateway(models=MODELS, key="test") as gateway:
        part = ["--target", gateway.base_url, "--only", "response.created-*", "--generated", "none"]
        assert main(["run", *part, "--model", MODELS[0], "--max-requests", "1", "--output", "out"]) == 3
        before = len(gateway.requests)
        done = run(*PYTEST, *part, "--resume", "out", cwd=tmp_path, key="test")
        asked = [request.path for request in gateway.requests[before:]]
    assert done.returncode == 0, done.stdout + done.stderr
    assert asked
    assert not [path for path in asked if path.endswith("/models")]
    assert "placeholder" in done.stderr


def test_pytest_without_a_terminal_reports_and_keeps_its_exit_code(target: str, tmp_path: Path) -> None:
    shell = [sys.executable, "-P", "-m", "conformance.pytest_shell", "-p", "no:cacheprovider"]
    part = ["--target", target, "--model", MODELS[0], "--only", "stream.done-terminator", "--output", "out"]
    done = subprocess.run(
        ["bash", "-c", 'exec "$@" >/dev/full 2>&-', "bash", *shell, *part],
        cwd=tmp_path,
        env={**os.environ, "OPENAI_API_KEY": KEY, "PYTHONPATH": str(ROOT)},
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    assert (tmp_path / "out" / "report.json").is_file()
