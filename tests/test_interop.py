"""The harness for real servers: starting, waiting and ending, without a real server."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from tests.interop import process
from tests.interop.run import main, problem_with, publish, suite_command, verdicts_in
from tests.interop.servers import RealServer

SLOW_STARTER = """
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self):
        Handler.asked += 1
        self.send_response(503 if Handler.asked < 3 else 200)
        self.send_header("content-length", "0")
        self.end_headers()

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

PARENT_OF_A_CHILD = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[2], sys.argv[1]])
print(child.pid, flush=True)
child.wait()
"""

GOOD = RealServer(
    "http://127.0.0.1:1/v1",
    "m",
    "sk-secret",
    {"x-provider": "openai"},
    entry="vendor/1.0",
    expect={"stream.done-terminator": "pass"},
)
ALTERED = RealServer("http://127.0.0.1:1/v1", "m", "sk-secret")


def slow_starter(port: int) -> Sequence[str]:
    return [sys.executable, "-c", SLOW_STARTER, str(port)]


def test_a_server_is_ready_when_it_stops_saying_that_it_loads(tmp_path: Path) -> None:
    with process.running(slow_starter, log=tmp_path / "log") as base_url:
        assert httpx.get(f"{base_url}/models", trust_env=False).status_code == 200


def test_a_server_ends_with_its_block_and_its_children_with_it(tmp_path: Path) -> None:
    def command(port: int) -> Sequence[str]:
        return [sys.executable, "-c", PARENT_OF_A_CHILD, str(port), SLOW_STARTER]

    log = tmp_path / "log"
    with process.running(command, log=log) as base_url:
        child = int(log.read_text().splitlines()[0])
        os.kill(child, 0)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{base_url}/models", trust_env=False)


def test_a_server_that_dies_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    def command(port: int) -> Sequence[str]:
        return [sys.executable, "-c", "raise SystemExit('no such model')"]

    with (
        pytest.raises(process.ServerError, match="code 1:\nno such model"),
        process.running(command, log=tmp_path / "log"),
    ):
        pass


def test_a_server_that_never_answers_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def command(port: int) -> Sequence[str]:
        return [sys.executable, "-c", "import signal; signal.pause()"]

    monkeypatch.setattr(process, "READY_WITHIN", 0.3)
    with (
        pytest.raises(process.ServerError, match="did not answer"),
        process.running(command, log=tmp_path / "log"),
    ):
        pass


def test_the_key_is_neither_on_the_command_line_nor_in_the_text_form() -> None:
    assert "sk-secret" not in " ".join(suite_command(GOOD, Path("out")))
    assert "sk-secret" not in repr(GOOD)


def test_the_headers_that_a_server_wants_are_given_to_the_suite() -> None:
    command = suite_command(GOOD, Path("out"))
    assert command[command.index("--header") + 1] == "x-provider=openai"


@pytest.mark.parametrize(
    ("exit_code", "said"), [(0, ""), (1, ""), (2, "exit 2"), (3, "exit 3"), (4, "exit 4")]
)
def test_a_failing_server_is_a_result_and_a_failed_measurement_is_not(exit_code: int, said: str) -> None:
    problem = problem_with(GOOD, exit_code, {"stream.done-terminator": "pass"})
    assert problem == (f"not measured ({said})" if said else "")


@pytest.mark.parametrize(
    ("verdict", "said"), [("fail", "fail, and pass was expected"), (None, "not judged, and")]
)
def test_a_verdict_that_is_known_to_be_wrong_is_a_problem(verdict: str | None, said: str) -> None:
    verdicts = {"stream.done-terminator": verdict} if verdict else {}
    assert said in problem_with(GOOD, 1, verdicts)


def test_the_worst_verdict_of_any_model_counts() -> None:
    results = [{"requirement": "a", "verdict": verdict} for verdict in ("pass", "fail", "inconclusive")]
    results += [{"requirement": "b", "verdict": verdict} for verdict in ("not-applicable", "pass")]
    assert verdicts_in({"results": results}) == {"a": "fail", "b": "pass"}


def test_reports_are_published_under_vendor_and_version(tmp_path: Path) -> None:
    run, registry = tmp_path / "run", tmp_path / "published"
    run.mkdir()
    for name in ("report.json", "report.md", "evidence.jsonl"):
        (run / name).write_text(name)
    publish(GOOD, run, registry)
    publish(ALTERED, run, registry)
    published = sorted(
        path.relative_to(registry).as_posix() for path in registry.rglob("*.*") if path.is_file()
    )
    assert published == ["vendor/1.0/report.json", "vendor/1.0/report.md"]


def test_an_unknown_server_is_a_usage_error_that_names_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["nonesuch"])
    assert "there is no server nonesuch" in capsys.readouterr().err
