"""A command line that is wrong ends with 2, and says what to do, in both shells; nothing is sent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.errors import UsageError
from conformance.wrongflags import wrong_flag

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
    ("message", "what", "hint"),
    [
        ("unrecognized arguments: --modle=x y", "There is no option --modle.", "did you mean --model?"),
        ("unrecognized arguments: --zzz", "There is no option --zzz.", "see run --help"),
        ("unrecognized arguments: word", "There is no argument word.", "see run --help"),
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
