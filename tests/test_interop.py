"""The harness for real servers: starting, waiting and ending, without a real server."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from conformance.catalogue import load
from tests.interop import process
from tests.interop.expected import Expected, differences, expected_of
from tests.interop.run import PUBLISHED, main, problem_with, publish, suite_command
from tests.interop.servers import ENTRIES, SERVERS, RealServer

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

INTEROP_README = Path(process.__file__).with_name("README.md")

GOOD = RealServer(
    "http://127.0.0.1:1/v1",
    "m",
    "sk-secret",
    {"x-provider": "openai"},
)


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
    problem = problem_with(exit_code, report(unit("a.b", "fail")), Expected(must=frozenset({"a.b"})))
    assert problem == (f"not measured ({said})" if said else "")


def unit(requirement: str, verdict: str, level: str = "must") -> dict[str, Any]:
    case = {"verdict": verdict, "saw": "what was seen", "reason": "why not"}
    return {"requirement": requirement, "level": level, "verdict": verdict, "cases": [case]}


def report(*units: dict[str, Any]) -> dict[str, Any]:
    return {"results": [*units, unit("x.y", "pass"), unit("may.be", "fail", "may")]}


KNOWN = Expected(
    must=frozenset({"a.b"}),
    should=frozenset({"a.s"}),
    varies={"v.w": "the model"},
    unmeasured={"tools.*": "the model"},
)
USUAL = (unit("a.b", "fail"), unit("a.s", "fail", "should"))


def test_a_run_that_finds_what_is_known_does_not_differ() -> None:
    assert list(differences(report(*USUAL), KNOWN)) == []


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ((*USUAL, unit("c.d", "fail")), ["new: c.d (must): what was seen"]),
        ((*USUAL, unit("c.d", "fail", "should")), ["new: c.d (should): what was seen"]),
        ((*USUAL, unit("a.s", "fail")), ["new: a.s (must): what was seen"]),
        (USUAL[:1], ["gone: a.s (should)"]),
        ((*USUAL, unit("c.d", "inconclusive")), ["no opinion: c.d: why not"]),
        ((*USUAL, unit("c.d", "inconclusive", "should")), []),
        ((*USUAL, unit("tools.call", "inconclusive")), []),
        ((*USUAL, unit("v.w", "fail", "should")), []),
        ((*USUAL, unit("a.s", "pass", "should")), []),
    ],
)
def test_what_is_new_gone_or_unmeasured_is_said(units: Sequence[dict[str, Any]], said: list[str]) -> None:
    assert list(differences(report(*units), KNOWN)) == said


def test_reports_are_published_under_vendor_and_version(tmp_path: Path) -> None:
    run, registry = tmp_path / "run", tmp_path / "published"
    run.mkdir()
    for name in ("report.json", "report.md", "evidence.jsonl"):
        (run / name).write_text(name)
    publish("portkey", run, registry)
    publish("llmock-stall", run, registry)
    published = sorted(
        path.relative_to(registry).as_posix() for path in registry.rglob("*.*") if path.is_file()
    )
    place = ENTRIES["portkey"]
    assert published == [f"{place}/report.json", f"{place}/report.md"]


def test_an_unknown_server_is_a_usage_error_that_names_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["nonesuch"])
    assert "there is no server nonesuch" in capsys.readouterr().err


ROWS = load().requirements
"""Requirements by id."""


@pytest.mark.parametrize("name", SERVERS)
def test_what_is_expected_of_a_server_names_requirements_and_reasons(name: str) -> None:
    expected = expected_of(name)
    assert expected.named <= set(ROWS)
    assert not expected.varies.keys() & (expected.must | expected.should)
    assert all(expected.varies.values())
    assert all(expected.unmeasured.values())


published = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="published reports are part of a checkout alone"
)


@published
@pytest.mark.parametrize("name", SERVERS)
def test_each_finding_that_is_expected_is_explained(name: str) -> None:
    unexplained = expected_of(name).named - explained(name)
    assert unexplained == set()


def explained(name: str) -> set[str]:
    """Return the requirements that a README names where it speaks of this server, or of the one it is like."""
    if name in ENTRIES:
        text = (PUBLISHED / ENTRIES[name] / "README.md").read_text("utf-8")
    else:
        text = INTEROP_README.read_text("utf-8").partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    other = expected_of(name).like
    named = set(re.findall(r"`([a-z-]+\.[a-z0-9-]+)`", text)) & set(ROWS)
    return named | (explained(other) if other else set())


@published
@pytest.mark.parametrize("name", ENTRIES)
def test_a_published_report_finds_what_is_expected_and_its_readme_explains(name: str) -> None:
    place = PUBLISHED / ENTRIES[name]
    recorded = json.loads((place / "report.json").read_text("utf-8"))
    assert list(differences(recorded, expected_of(name))) == []
    assert (place / "report.md").is_file()


def test_the_readme_counts_the_findings_of_real_servers_as_they_are_expected() -> None:
    readme = (PUBLISHED.parent.parent / "README.md").read_text("utf-8")
    rows = {
        row[0]: row[1:]
        for row in re.findall(r"\| .* \| `interop ([a-z-]+)` \|.*\| (\d+) \| (\d+) \|", readme)
    }
    assert rows
    for name, (must, should) in rows.items():
        expected = expected_of(name)
        assert (int(must), int(should)) == (len(expected.must), len(expected.should)), name
