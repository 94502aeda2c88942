"""The launcher: what it makes of arguments, exit codes, signals, and of a machine that lacks something."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

NOXFILE = Path(__file__).resolve().parent.parent / "noxfile.py"


@pytest.fixture(scope="module")
def launcher() -> ModuleType:
    spec = importlib.util.spec_from_file_location("noxfile", NOXFILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("given", "for_nox"),
    [
        ("-s conformance", "-s conformance"),
        ("-s conformance --target URL --model m", "-s conformance -- --target URL --model m"),
        ("-s conformance --target=URL", "-s conformance -- --target=URL"),
        ("--session conformance -k stream", "--session conformance -- -k stream"),
        ("--session=conformance --target URL", "--session=conformance -- --target URL"),
        ("-v -s lint types", "-v -s lint types"),
        ("-R -s tests -x", "-R -s tests -- -x"),
        ("-s conformance -- --target URL", "-s conformance -- --target URL"),
        ("-s tests -R -- -x", "-s tests -R -- -x"),
        ("-s tests tests/test_sse.py", "-s tests -- tests/test_sse.py"),
        ("-s interop llmock prism", "-s interop -- llmock prism"),
        ("--list", "--list"),
        ("", ""),
    ],
)
def test_options_after_the_session_names_go_to_the_session(
    launcher: ModuleType, given: str, for_nox: str
) -> None:
    assert launcher.nox_arguments(given.split()) == for_nox.split()


@pytest.mark.parametrize("arguments", [["-s"], ["-s", "lnit"], ["-s", "--target", "URL"]])
def test_a_name_that_is_no_session_is_a_usage_error(
    launcher: ModuleType, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        launcher.nox_arguments(arguments)
    assert "choose one or more of conformance, tests" in capsys.readouterr().err


def test_an_empty_target_stays_empty(launcher: ModuleType) -> None:
    arguments = ["-s", "conformance", "--target", ""]
    assert launcher.nox_arguments(arguments) == ["-s", "conformance", "--", "--target", ""]


def test_a_value_with_spaces_stays_one_argument(launcher: ModuleType) -> None:
    assert launcher.nox_arguments(["-s", "tests", "-k", "a or b"]) == ["-s", "tests", "--", "-k", "a or b"]


@pytest.mark.parametrize(
    ("options", "environ", "chosen"),
    [
        ([], {}, ["--target", "reference"]),
        (["-k", "x"], {}, ["--target", "reference", "-k", "x"]),
        ([], {"TARGET": "http://a"}, ["--target", "http://a"]),
        ([], {"TARGET": ""}, ["--target", ""]),
        (["--target", "http://b"], {"TARGET": "http://a"}, ["--target", "http://b"]),
        (["--target=http://b"], {"TARGET": "http://a"}, ["--target=http://b"]),
        (["--target", ""], {"TARGET": "http://a"}, ["--target", ""]),
        (["--target-file", "t.yaml"], {"TARGET": "http://a"}, ["--target-file", "t.yaml"]),
    ],
)
def test_the_target_is_the_option_else_the_variable_else_the_reference_and_never_by_mistake(
    launcher: ModuleType, options: list[str], environ: dict[str, str], chosen: list[str]
) -> None:
    assert launcher.with_target(options, environ) == chosen


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 2), (4, 0, 0)])
def test_a_new_enough_python_is_no_problem(launcher: ModuleType, version: tuple[int, ...]) -> None:
    assert launcher.python_problem(version, []) == ""


def test_an_old_python_is_told_which_newer_one_is_at_hand(launcher: ModuleType) -> None:
    problem = launcher.python_problem((3, 9, 2), ["python3.13", "python3.11"])
    assert "needs Python 3.11 or newer" in problem
    assert "this is Python 3.9.2" in problem
    assert "`python3.13 noxfile.py" in problem


def test_an_old_python_with_no_newer_one_at_hand_is_told_to_install_one(launcher: ModuleType) -> None:
    assert "install Python 3.11 or newer" in launcher.python_problem((3, 6, 8), [])


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 77])
def test_the_exit_code_of_the_command_passes_through(launcher: ModuleType, code: int) -> None:
    command = [sys.executable, "-c", f"raise SystemExit({code})"]
    assert launcher.pass_through(command, env=os.environ, cwd=Path.cwd()) == code


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_a_command_killed_by_a_signal_gives_the_code_that_a_shell_gives(launcher: ModuleType) -> None:
    command = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    assert launcher.pass_through(command, env=os.environ, cwd=Path.cwd()) == 128 + signal.SIGKILL


PATIENT = """
import os, signal, sys

def finish(number, frame):
    os.write(1, b"report written\\n")
    sys.exit(3)

signal.signal(signal.{name}, finish)
os.write(1, b"started\\n")
while True:
    signal.pause()
"""

PARENT = """
import importlib.util, os, sys
from pathlib import Path

spec = importlib.util.spec_from_file_location("noxfile", sys.argv[1])
noxfile = importlib.util.module_from_spec(spec)
spec.loader.exec_module(noxfile)
sys.exit(noxfile.pass_through([sys.executable, "-c", sys.argv[2]], env=os.environ, cwd=Path.cwd()))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_command_may_finish_its_report(name: str) -> None:
    """Ctrl-C reaches the whole group, as from a terminal; SIGTERM only the parent, as from a CI runner."""
    command = [sys.executable, "-c", PARENT, str(NOXFILE), PATIENT.format(name=name)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        if name == "SIGINT":
            os.killpg(parent.pid, signal.SIGINT)
        else:
            parent.terminate()
        said, _ = parent.communicate(timeout=30)
    assert (said, parent.returncode) == ("report written\n", 3)


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("The virtual environment was not created because ensurepip is not available.", "python3-venv"),
        ("/usr/bin/python3: No module named venv", "python3-venv"),
        ("ERROR: No matching distribution found for nox", "reaches a Python package index"),
        ("error sending request: client error (Connect)", "reaches a Python package index"),
        ("OSError: [Errno 28] No space left on device", "disk space"),
        ("PermissionError: [Errno 13] Permission denied: '.cache'", "writable"),
        ("something never seen before", "by hand"),
    ],
)
def test_a_failed_installation_says_what_to_do(launcher: ModuleType, printed: str, told: str) -> None:
    assert told in launcher.advice(printed)


def test_a_step_that_works_is_no_failure(launcher: ModuleType) -> None:
    assert launcher.failure_of([sys.executable, "-c", "print('fine')"]) == ""


def test_a_step_that_fails_is_quoted(launcher: ModuleType) -> None:
    failure = launcher.failure_of([sys.executable, "-c", "raise SystemExit('no luck')"])
    assert launcher.last_lines(failure).endswith("no luck")


def test_an_archive_without_a_data_file_is_refused(
    launcher: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="1"):
        launcher.prove_inside("some.whl", ["a", "b"], ["a", "spec/models.yaml"])
    assert "some.whl lacks 1 files: spec/models.yaml" in capsys.readouterr().err


def test_data_files_are_every_file_of_spec_and_fixtures(launcher: ModuleType, tmp_path: Path) -> None:
    for name in ("spec/a.yaml", "spec/deep/b.yaml", "fixtures/c.bin", "reports/d.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert launcher.data_files(tmp_path) == ["spec/a.yaml", "spec/deep/b.yaml", "fixtures/c.bin"]
    assert launcher.wheel_paths(["spec/a.yaml"]) == ["conformance/_data/spec/a.yaml"]


def test_the_launcher_knows_every_session_and_each_says_what_it_does(launcher: ModuleType) -> None:
    functions = {
        name: found for name, found in vars(launcher).items() if isinstance(found, launcher.nox.registry.Func)
    }
    sessions = {found.name or name: found for name, found in functions.items()}
    assert set(sessions) == set(launcher.SESSIONS)
    assert all(session.__doc__ for session in sessions.values())


def test_the_browser_is_the_one_that_is_named_else_one_on_the_path(
    launcher: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "google-chrome"
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert launcher.browser({"CHROMIUM": "/opt/mine"}) == "/opt/mine"
    assert launcher.browser({"CHROMIUM": ""}) == str(program)


def test_nothing_is_installed_without_root(
    launcher: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installer = tmp_path / "apt-get"
    installer.write_text("#!/bin/sh\ntouch called\n")
    installer.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.chdir(tmp_path)

    assert launcher.browser({}) == ""
    assert not (tmp_path / "called").exists()


def test_an_installation_that_fails_is_told_and_leaves_no_browser(
    launcher: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installer = tmp_path / "apt-get"
    installer.write_text("#!/bin/sh\necho 'E: Unable to locate package'\nexit 100\n")
    installer.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert launcher.browser({}) == ""
    told = capsys.readouterr().err
    assert "Installing the Debian package chromium" in told
    assert "Unable to locate package" in told
