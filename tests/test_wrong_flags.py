"""A command line that is wrong ends with 2, and says what to do, in both shells; nothing is sent."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.cli import main
from conformance.errors import UsageError
from conformance.options import PLAN, RUN, TARGET
from conformance.wrongflags import demanding, wrong_flag

ROOT = Path(__file__).parent.parent


def pytest_shell(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the pytest shell."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "conformance.pytest_shell", "-p", "no:cacheprovider", *arguments],
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--modle", "x"], "did you mean --model"),
        (["--target"], "--target has no value"),
        (["--seed", "abc"], "--seed has to be a whole number"),
    ],
    ids=["unknown", "no value", "no number"],
)
def test_wrong_flag_of_the_pytest_shell_is_exit_2_with_advice(
    arguments: list[str], says: str, tmp_path: Path
) -> None:
    done = pytest_shell(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "do:" in done.stderr
    assert "usage:" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        *(["run", flag.name] for flag in (*TARGET, *PLAN, *RUN) if "store_true" not in flag.how.values()),
        ["recheck", "DIR", "--output"],
        ["merge", "DIR", "--output"],
        ["verify", "DIR", "--challenge"],
        ["serve", "--api-key-env"],
        *([command] for command in ("show", "recheck", "verify", "compare", "certify")),
    ],
    ids=lambda arguments: arguments[-1],
)
def test_empty_value_is_refused_before_anything_is_done(
    arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*arguments, ""]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("chat-conformance: ")
    assert "do:" in printed
    if arguments[-1].startswith("--"):
        assert arguments[-1] in printed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flag", ["--model", "--resume", "--challenge"])
def test_empty_value_is_refused_by_pytest_too(flag: str) -> None:
    how = next(each.how for each in (*PLAN, *RUN) if each.name == flag)
    with pytest.raises(argparse.ArgumentTypeError):
        demanding(how)["type"](" ")


@pytest.mark.parametrize(
    "arguments", [["show", "--ru", "x", "id"], ["render", "x", "--hel"], ["run", "--mod", "x"]]
)
def test_options_are_never_abbreviated(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert (
        f"There is no option {next(word for word in arguments if word.startswith('--'))}."
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("message", "what", "hint"),
    [
        ("unrecognized arguments: --modle=x y", "There is no option --modle.", "did you mean --model?"),
        ("unrecognized arguments: --zzz", "There is no option --zzz.", "see run --help"),
        ("unrecognized arguments: sk-1",
         "There is an argument too many, or the option before it is missing.", "see run --help"),
        ("argument --sdk: invalid choice: 'aut' (choose from 'auto', 'no')", "--sdk cannot be 'aut'.",
         "did you mean auto?"),
        ("argument --seed: invalid int value: 'x'", "--seed has to be a whole number, not 'x'.", "see run --help"),
        ("argument --rate: it is empty", "The value of --rate is empty.", "set it, or leave the option away"),
        ("the following arguments are required: DIR",
         "The command line is wrong: the following arguments are required: DIR.",
         "see run --help"),
    ],
)  # fmt: skip
def test_each_thing_that_can_be_wrong_has_its_words(message: str, what: str, hint: str) -> None:
    error = wrong_flag(message, ["--model", "--sdk"], usage="run --help")
    assert isinstance(error, UsageError)
    assert (error.what, error.hint) == (what, hint)
