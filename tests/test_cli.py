"""Exit codes and errors of the command line, as a person meets them."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.cli import main, parser
from conformance.commands import COMMANDS, command
from conformance.reference import KEY, ReferenceGateway
from conformance.reference.faults import pick_faults
from tests.loopback import closed_port


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder with the reference's key at hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def test_closed_port_is_incomplete_and_passes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--target", f"http://127.0.0.1:{closed_port()}", "--model", "m"]) == 3
    assert "incomplete" in capsys.readouterr().out


@pytest.mark.parametrize("target", ["", "   ", "not a url", "ftp://host/v1", "https://user:pw@host/v1"])
def test_target_that_is_no_target_is_a_usage_error(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--target", target, "--model", "m"]) == 2
    assert "do:" in capsys.readouterr().err


def test_missing_target_says_what_to_give(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--model", "m"]) == 2
    assert "--target" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--only", "no.such-thing"],
        ["--generated", "lots"],
        ["--concurrency", "0"],
        ["--timeout", "-1"],
        ["--max-requests", "0"],
        ["--max-tokens", "-5"],
        ["--max-time", "nan"],
        ["--rate", "often"],
        ["--profile", "nobody"],
        ["--profile", "missing.yaml"],
        ["--set", "1999.01"],
        ["--header", "no equals sign"],
        ["--extra-body", "missing.yaml"],
        ["--api-key-env", "NOT_SET_ANYWHERE"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_wrong_flag_is_exit_2_with_advice(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    assert main(["run", "--target", url, "--model", "m", *arguments]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("chat-conformance: ")
    assert "Traceback" not in printed


def test_unknown_flag_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--targte", "x"]) == 2
    assert "--targte" in capsys.readouterr().err


def test_several_models_without_a_choice_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with ReferenceGateway(models=[f"model-{number}" for number in range(25)]) as gateway:
        assert main(["run", "--target", gateway.base_url]) == 2
    printed = capsys.readouterr().err
    assert "--model" in printed
    assert "'model-19'" in printed
    assert "and 5 more" in printed


def test_only_model_on_offer_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with ReferenceGateway(models=["just-one"]) as gateway:
        assert main(["plan", "--target", gateway.base_url, "--generated", "none"]) == 0
    assert "just-one" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("key", "says"),
    [("sk-wrong-key-0123456789", "refuses the key"), ("", "wants a key")],
    ids=["wrong", "none"],
)
def test_refused_key_is_said_also_where_the_models_have_to_be_asked_for(
    key: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    if not key:
        monkeypatch.delenv("OPENAI_API_KEY")
    with ReferenceGateway(models=["m"]) as gateway:
        assert main(["run", "--target", gateway.base_url]) == 3
    printed = capsys.readouterr().err
    assert says in printed
    assert "answered 401" in printed
    assert "OPENAI_API_KEY" in printed
    assert "sk-wrong" not in printed


def test_folder_of_an_earlier_run_is_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "evidence.jsonl").write_text("precious")
    url = f"http://127.0.0.1:{closed_port()}"
    assert main(["run", "--target", url, "--model", "m", "--output", "out"]) == 2
    assert (tmp_path / "out" / "evidence.jsonl").read_text() == "precious"
    assert "earlier run" in capsys.readouterr().err


def test_recheck_does_not_write_over_the_report_of_another_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    for name in ("a", "b"):
        assert main(["run", "--target", url, "--model", name, "--output", name, "--quiet"]) == 3
    before = (tmp_path / "b" / "report.json").read_bytes()
    assert main(["recheck", "a", "--output", "b"]) == 2
    assert "another run" in capsys.readouterr().err
    assert (tmp_path / "b" / "report.json").read_bytes() == before
    assert main(["recheck", "a", "--output", "a"]) == 3
    assert main(["recheck", "a", "--output", "c"]) == main(["recheck", "a", "--output", "c"]) == 3


def test_exchange_of_a_run_can_be_shown_and_sent_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ReferenceGateway(models=["reference-chat"]) as gateway:
        only = ["--only", "stream.done-terminator"]
        assert main(["run", "--target", gateway.base_url, *only, "--output", "out", "--quiet"]) == 0
        name = next(
            part.split('"')[0]
            for part in (tmp_path / "out" / "evidence.jsonl").read_text().split('"id":"')[1:]
            if part.startswith("ex-")
        )
        capsys.readouterr()
        assert main(["show", name, "--run", "out"]) == 0
        shown = capsys.readouterr().out
        assert main(["reproduce", name, "--run", "out"]) == 0
        again = capsys.readouterr().out
    for text in (shown, again):
        assert "200" in text
        assert KEY not in text


def test_requirement_is_shown_with_sources_and_checks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "stream.done-terminator"]) == 0
    printed = capsys.readouterr().out
    assert "S3:200" in printed
    assert "done_terminator" in printed


def test_unknown_requirement_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "stream.done-terminater"]) == 2
    assert "stream.done-terminator" in capsys.readouterr().err


def test_version_answers_at_once_because_it_loads_nothing_slow() -> None:
    code = (
        "import contextlib, sys; from conformance.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--version'])\n"
        "print(sorted({'httpx', 'schemathesis', 'hypothesis', 'yaml', 'jsonschema', 'pytest'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    version, slow = done.stdout.splitlines()
    assert version.startswith("chat-conformance ")
    assert slow == "[]"


def test_without_a_key_nothing_is_said_of_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with ReferenceGateway(models=["m"], faults=pick_faults(["any-key-accepted"])) as gateway:
        assert (
            main(["run", "--target", gateway.base_url, "--only", "auth.*", "--output", "out", "--quiet"]) == 3
        )
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    verdicts = {row["requirement"]: row["verdict"] for row in report["results"]}
    assert verdicts["auth.wrong-key"] == verdicts["auth.no-key"] == "inconclusive"


@pytest.mark.parametrize("key", ["test", "EMPTY", "none", "123456789", "x"])
def test_placeholder_for_a_key_is_sent_and_taken_for_no_secret(
    key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with ReferenceGateway(models=["m"], key=key) as gateway:
        assert main(["run", "--target", gateway.base_url, "--only", "auth.bearer-accepted", "--quiet"]) == 0
    assert "placeholder" in capsys.readouterr().err


def test_every_command_of_the_grammar_has_a_function_and_no_other_is_there() -> None:
    grammar = next(action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    assert set(COMMANDS) == set(grammar.choices)
    assert all(callable(command(name)) for name in COMMANDS)
