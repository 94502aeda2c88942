"""What a person does wrong is said with the file or flag that it is about, and with what to do."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path

import pytest

from conformance.cli import main
from conformance.commands.run import progress_to
from conformance.reference import KEY, ReferenceGateway
from conformance.report import describe
from conformance.report.console import render_console
from conformance.views import Form
from tests.loopback import closed_port
from tests.report_factory import golden_run


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder with the reference's key at hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small run against the reference gateway, which is gone by now."""
    folder = tmp_path_factory.mktemp("recorded") / "run"
    flags = ("--only", "response.object", "--generated", "none", "--sdk", "no", "--quiet")
    main(["run", "--target", "reference", *flags, "--output", str(folder)])
    return folder


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", f"--port={port}"]) == 2
    assert said(capsys) == (
        f"chat-conformance: --port {port} is no port. do: give one from 1 to 65535, or 0 for any free one"
    )


def test_a_target_whose_port_is_none_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--target", "http://127.0.0.1:99999/v1", "--model", "m"]) == 2
    assert "The port in the target URL is none. why: a port is a number from 1 to 65535" in said(capsys)


def test_a_bound_that_is_none_is_told_from_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--target", "http://127.0.0.1:9", "--model", "m", "--max-time", "inf"]) == 2
    assert "--max-time has to be a finite number greater than 0, not inf. do: " in said(capsys)


class TestReproduce:
    """One exchange again, of a target that is not there."""

    @staticmethod
    def exchange(folder: Path) -> str:
        return next(iter(json.loads((folder / "report.json").read_text())["exchanges"]))

    def test_a_target_out_of_reach_is_3_with_the_fault(
        self, recorded: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        url = f"http://127.0.0.1:{closed_port()}/v1"
        again = ["reproduce", self.exchange(recorded), "--run", str(recorded), "--target", url]
        assert main(again) == 3
        printed = said(capsys)
        assert f"The target {url} could not be reached" in printed
        assert "why: " in printed

    @pytest.mark.parametrize("timeout", ["-1", "nan", "0"])
    def test_a_timeout_that_is_none_is_refused_before_anything_is_sent(
        self, timeout: str, recorded: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with ReferenceGateway() as gateway:
            again = ["reproduce", self.exchange(recorded), "--run", str(recorded)]
            assert main([*again, "--target", gateway.base_url, f"--timeout={timeout}"]) == 2
            assert gateway.requests == ()
        assert "--timeout has to be a finite number" in said(capsys)


@pytest.mark.parametrize("content", ["{}", "[1", "[" * 100_000, '{"format": "chat-conformance/evidence"}'])
def test_of_two_reports_the_wrong_one_is_named(content: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("good.json").write_text(json.dumps(golden_run().report()))
    Path("bad.json").write_text(content)
    assert main(["compare", "good.json", "bad.json"]) == 2
    printed = said(capsys)
    assert "bad.json is not a report" in printed
    assert "good.json" not in printed


@pytest.mark.parametrize(
    "arguments",
    [
        ["recheck", "gone"],
        ["show", "ex-0000000000000000", "--run", "gone"],
        ["reproduce", "ex-0000000000000000", "--run", "gone"],
        ["merge", "gone", "--output", "merged"],
        ["certify", "gone"],
        ["render", "gone"],
        ["compare", "gone", "gone"],
        ["baseline", "write", "gone"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_folder_that_is_not_there_is_named_with_advice(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = said(capsys)
    assert "gone" in printed
    assert "do: name the folder of a run" in printed


WRONG_FILES = {
    "missing": None,
    "no-yaml": "a: [1",
    "a-list": "- 1\n",
    "a-key-twice": "a: 1\na: 2\n",
    "a-tag": "a: !x 1\n",
    "not-a-word": "[a]: 1\n",
    "not-utf-8": "\udcff",
    "deep": "a: " + "[" * 60 + "]" * 60,
    "long": "a" * 5_000_000,
}


@pytest.mark.parametrize("flag", ["--baseline", "--target-file", "--extra-body", "--profile"])
@pytest.mark.parametrize("content", WRONG_FILES.values(), ids=list(WRONG_FILES))
def test_a_file_that_cannot_be_used_is_named_with_advice(
    flag: str, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        Path("file.yaml").write_text(content, "utf-8", "surrogateescape")
    assert main(["run", "--target", "http://127.0.0.1:9", "--model", "m", flag, "file.yaml"]) == 2
    printed = said(capsys)
    assert "file.yaml" in printed
    assert " do: " in printed


def test_a_key_file_that_cannot_be_read_is_named_with_advice(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--target", "http://127.0.0.1:9", "--api-key-file", "no-key"]) == 2
    assert "The key file no-key cannot be read." in (printed := said(capsys))
    assert " do: " in printed


def test_a_variable_that_a_gateway_wants_its_key_from_has_to_be_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["serve", "--api-key-env", "NO_SUCH_VARIABLE"]) == 2
    assert "NO_SUCH_VARIABLE is not set, or it is empty. do: set it" in said(capsys)


def test_a_baseline_that_has_no_place_says_what_to_do(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["baseline", "write", str(recorded), "--output", "no/where.yaml"]) == 2
    assert " do: choose another file with --output" in said(capsys)


def test_one_known_failure_is_counted_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    report = golden_run().report()
    report["results"] = [row for row in report["results"] if row["requirement"] == "auth.no-key"]
    Path("report.json").write_text(json.dumps(report))
    assert main(["baseline", "write", "report.json"]) == 0
    assert "1 known failure; say of each" in capsys.readouterr().out


def test_who_certifies_the_reference_learns_what_can_be_certified(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certify", str(recorded)]) == 2
    assert "do: certify a run against a target of your own" in said(capsys)


def test_what_an_answer_is_reads_as_a_sentence() -> None:
    nouns = [form.noun for form in Form]
    assert "an event stream" in nouns
    assert "a JSON object" in nouns
    assert "neither JSON nor event stream" in nouns
    assert not [noun for noun in nouns if re.match(r"a [aeiou]|an? (no|neither|rate) ", noun)]


def test_what_was_not_asked_says_why_the_run_ended() -> None:
    flags = ("--only", "response.object", "--generated", "none", "--sdk", "no", "--quiet")
    assert main(["run", "--target", "reference", *flags, "--max-requests", "1", "--output", "cut"]) == 3
    rows = json.loads(Path("cut/report.json").read_text())["results"]
    reasons = [case["reason"] for row in rows for case in row["cases"] if case["verdict"] == "inconclusive"]
    assert any("the run ended before this was answered (the budget of 1 request" in text for text in reasons)


@pytest.mark.parametrize(
    ("version", "advice"), [(None, "have changed since"), ("9.9.9", "conformance 9.9.9")]
)
def test_evidence_of_another_plan_says_who_can_judge_it(
    version: str | None, advice: str, recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header, *lines = (recorded / "evidence.jsonl").read_text().splitlines(keepends=True)
    said_first = json.loads(header)
    said_first["plan"] = "sha256:" + "0" * 64
    said_first["suite"]["version"] = version or said_first["suite"]["version"]
    Path("old").mkdir()
    Path("old/evidence.jsonl").write_text("".join([json.dumps(said_first) + "\n", *lines]))
    assert main(["recheck", "old"]) == 2
    assert advice in said(capsys)


@pytest.mark.parametrize("width", [40, 60, 100])
def test_no_id_is_torn_on_a_narrow_terminal(width: int) -> None:
    report = golden_run().report()
    words = set(render_console(report, width=width).replace(",", " ").split())
    shown = [row for row in report["results"] if row["verdict"] == "inconclusive"]
    assert {f"{row['requirement']}[{row['model']}]" for row in shown} <= words


def test_a_log_has_a_line_every_25_exchanges_also_when_more_is_asked() -> None:
    log = StringIO()
    show = progress_to(log, quiet=False)
    for done in range(1, 61):
        show(done, max(done, 40), "chat.basic")
    assert [line.split("/")[0] for line in log.getvalue().splitlines()] == ["25", "40", "50"]


def test_requests_whose_answer_was_lost_are_told_apart() -> None:
    report = golden_run().report()
    whole = describe.spent(report)
    report["spent"]["requests"] += 3
    assert (whole, describe.spent(report)) == (
        "4 requests",
        "7 requests (of which 3 lost their answer to an interruption)",
    )
