"""A target that gives the key back in every way it can: no artefact and no line on the terminal has it."""

import base64
import contextlib
import json
import logging
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote

import pytest

from conformance import engine
from conformance.cli import main
from conformance.errors import HarnessError
from conformance.evidence import read
from conformance.http1 import read_answer
from conformance.model import Exchange, FaultKind, Request, TransportFault
from conformance.redact import Redactor
from conformance.sdklane.lane import _INHERITED
from conformance.sse import parse
from tests.loopback import handling

KEY = "sk-Zq7/fake+key=For-Tests_0123456789"


def forms(key: str) -> list[str]:
    """Return the key as it could stand in a file: plain, percent-encoded, JSON-escaped, base64."""
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in key)
    return [
        key,
        quote(key, safe=""),
        key.replace("/", "\\/"),
        escaped,
        base64.b64encode(key.encode()).decode().rstrip("="),
    ]


def chunk(content: str) -> bytes:
    """Return one event of a stream."""
    delta = {"role": "assistant", "content": content}
    value = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": KEY,
             "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}  # fmt: skip
    return b"data: " + json.dumps(value).encode() + b"\n\n"


class Echo(BaseHTTPRequestHandler):
    """Gives the key back: in headers, in errors, in text, letter by letter over deltas, split over writes."""

    protocol_version = "HTTP/1.1"
    served = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        Echo.served += 1
        if b'"stream":true' in body:
            self.stream()
        elif Echo.served % 3 == 0:
            self.say(
                400, {"error": {"message": " ".join(forms(KEY)), "type": KEY, "param": None, "code": KEY}}
            )
        else:
            message = {"role": "assistant", "content": f"Your key is {KEY}, or {forms(KEY)[4]}"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self.say(
                200, {"id": KEY, "object": "chat.completion", "created": 1, "model": KEY, "choices": [choice]}
            )

    do_GET = do_PUT = do_POST  # noqa: N815 - the library's names

    def say(self, status: int, value: object) -> None:
        raw = json.dumps(value).encode()
        self.send_response(status, f"Bearer {KEY}")
        self.send_header("content-type", "application/json")
        self.send_header("x-echo", KEY)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        half = raw.find(KEY.encode()) + 7
        self.wfile.write(raw[:half])
        self.wfile.flush()
        self.wfile.write(raw[half:])

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        events = (
            b"".join(chunk(letter) for letter in KEY)
            + chunk(KEY)
            + b": "
            + KEY.encode()
            + b"\n\ndata: [DONE]\n\n"
        )
        for start in range(0, len(events), 97):
            piece = events[start : start + 97]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Run the command line against the echo; return its folder and everything it printed."""
    folder = tmp_path_factory.mktemp("echo") / "run"
    environment = {**os.environ, "OPENAI_API_KEY": KEY}
    with handling(Echo) as url:
        command = [
            sys.executable,
            "-m",
            "conformance",
            "run",
            "--target",
            url,
            "--model",
            "m",
            "--output",
            str(folder),
        ]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode in {1, 3}, done.stderr
    return folder, done.stdout + done.stderr


def test_no_artefact_holds_the_key_in_any_form(run: tuple[Path, str]) -> None:
    folder, _ = run
    artefacts = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.name for path in artefacts} >= {
        "evidence.jsonl",
        "report.json",
        "report.html",
        "report.md",
        "junit.xml",
        "badge.json",
    }
    for path in artefacts:
        text = path.read_text("utf-8")
        for form in forms(KEY):
            assert form not in text, f"{path.name} holds the key"
            assert json.dumps(form)[1:-1] not in text, f"{path.name} holds the key"


def test_terminal_shows_no_form_of_the_key(run: tuple[Path, str]) -> None:
    _, printed = run
    for form in forms(KEY):
        assert form not in printed


@pytest.mark.parametrize("debug", ["0", "1"])
def test_our_own_crash_shows_no_key(
    debug: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise RuntimeError(f"it was Authorization: Bearer {KEY} ({forms(KEY)})")

    monkeypatch.setattr(engine, "prepare", crash)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("CHAT_CONFORMANCE_DEBUG", debug)
    assert (
        main(["run", "--target", "https://h.example", "--model", "m", "--output", str(tmp_path / "o")]) == 4
    )
    printed = capsys.readouterr().err
    assert ("Traceback" in printed) == (debug == "1")
    assert not [form for form in forms(KEY) if form in printed]


def test_error_that_quotes_the_key_shows_none_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise HarnessError("It broke.", why=f"header {KEY}")

    monkeypatch.setattr(engine, "prepare", refuse)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert main(["run", "--target", "https://h.example", "--model", "m"]) == 4
    assert KEY not in capsys.readouterr().err


def test_no_log_level_tells_the_key(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    with handling(Echo) as url:
        flags = [
            "--target",
            url,
            "--model",
            "m",
            "--only",
            "response.object@*",
            "--sdk",
            "no",
            "--generated",
            "none",
        ]
        main(["run", *flags, "--output", str(tmp_path / "o"), "--quiet"])
    assert not [form for form in forms(KEY) if form in caplog.text]


@pytest.mark.skipif(
    not Path("/proc/self/cmdline").exists(), reason="the list of processes is read from /proc"
)
def test_list_of_processes_shows_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither while the target is asked nor while the SDK reads the answers."""
    lines: list[bytes] = []

    class Watching(Echo):
        def do_POST(self) -> None:
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    lines.append((process / "cmdline").read_bytes())
            super().do_POST()

    with handling(Watching) as url:
        flags = [
            "--target",
            url,
            "--model",
            "m",
            "--only",
            "response.object@*",
            "--generated",
            "none",
            "--quiet",
        ]
        subprocess.run(
            [sys.executable, "-m", "conformance", "run", *flags, "--output", str(tmp_path / "o")],
            env={**os.environ, "OPENAI_API_KEY": KEY}, capture_output=True, timeout=120, check=False,
        )  # fmt: skip
    assert any(b"conformance" in line for line in lines)
    assert not any(KEY.encode() in line for line in lines)


def test_sdk_is_run_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert not [name for name in _INHERITED if "KEY" in name or os.environ.get(name) == KEY]


def test_key_cut_off_at_the_end_of_an_answer_is_masked() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"
    for size in range(len(KEY) // 2, len(KEY)):
        raw = head + b"your key is " + KEY[:size].encode()
        fault = TransportFault(FaultKind.CLOSED_EARLY, "closed")
        exchange = Exchange("ex", "p", "m", 1, Request(), raw, ((0.0, len(raw)),), 0.0, 0.0, fault)
        assert KEY[: len(KEY) // 2].encode() not in Redactor([KEY]).exchange(exchange).raw


def test_key_cannot_be_put_together_from_recorded_deltas(run: tuple[Path, str]) -> None:
    folder, _ = run
    streams = 0
    for exchange in read(folder / "evidence.jsonl").exchanges:
        answer = read_answer(exchange.raw, closed=True)
        assert answer is not None
        assert KEY.encode() not in exchange.raw
        assert KEY.encode() not in answer.body
        events = [json.loads(event.data) for event in parse(answer.body).events if event.data.startswith("{")]
        text = "".join(event["choices"][0]["delta"]["content"] for event in events if event.get("choices"))
        streams += bool(text)
        assert KEY not in text
    assert streams > 0
