"""Puts the suite in front of one hostile server and says what is wrong with what the suite did.

Wrong are: an exit code that the case does not allow, a crash or hang, memory over the bound, a pass that nobody earned,
a file that is not valid or has a strange name, a control character on the terminal, the key anywhere, and any
connection to an origin that was not named.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import ssl
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import trustme
from jsonschema import Draft202012Validator
from msgspec import Struct
from msgspec.structs import replace

from conformance import evidence
from conformance.paths import data_root
from tests.hostile.cases import Hostile
from tests.hostile.scripts import Scene
from tests.loopback import Script, Server, closed_port, serving
from tests.test_key_safety import KEY, forms

ROOT = Path(__file__).resolve().parent.parent.parent
MOST_MEGABYTES = 200
PATIENCE = 240.0
"""Seconds after which a run counts as hanging: far beyond all deadlines, so that a slow machine fails nothing."""

QUICK = ("--timeout", "0.5", "--max-time", "20", "--generated", "none", "--sdk", "no",
         "--only", "*@chat.basic@*", "--only", "*@stream.basic@*", "--only", "*@errors.unknown-model@*")  # fmt: skip
"""A few requests that most checks look at."""

_CONTROL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)
_MARKUP = re.compile(r"<script>alert|<img src=x|<svg/onload|(?:href|src)\s*=\s*.?javascript:", re.IGNORECASE)
_NAME = re.compile(r"[a-z][a-z0-9-]*\.(?:jsonl?|md|xml|html|txt)")


class Outcome(Struct, frozen=True):
    """What became of one case; ``wrong`` is empty when all is well."""

    case: Hostile
    code: int
    seconds: float
    megabytes: int
    grade: str
    passes: int
    wrong: tuple[str, ...]


class Worker:
    """A process that runs the command line in a fresh child for each job."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.worker"],
            cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def run(self, arguments: Sequence[str], folder: Path) -> dict[str, Any]:
        """Run the command line in a folder and return its exit code, seconds and megabytes."""
        job = {
            "arguments": list(arguments),
            "folder": str(folder),
            "environment": {"OPENAI_API_KEY": KEY, "NO_COLOR": ""},
            "patience": PATIENCE,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End it."""
        self._process.communicate()


@contextlib.contextmanager
def standing(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Let a script serve in a thread of its own."""
    found: list[Server] = []
    ready, over = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        async with serving(script, tls=tls) as server:
            found.append(server)
            loops.append(asyncio.get_running_loop())
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield found[0]
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join()


@cache
def _certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def face(
    case: Hostile, scene: Scene, worker: Worker, folder: Path, options: Sequence[str] = QUICK
) -> Outcome:
    """Run the suite against one hostile server, and look at everything that it left."""

    async def nobody(_: object) -> None:
        """Take the connection, which is counted."""

    with contextlib.ExitStack() as stack:
        elsewhere = stack.enter_context(standing(nobody))
        if case.script is None:
            port = closed_port()
        else:
            script = case.script(replace(scene, elsewhere=elsewhere.origin))
            port = stack.enter_context(standing(script, tls=_certificate() if case.tls else None)).port
        model = ["--model", "m"] if case.models else []
        target = ["--target", f"{case.scheme}://127.0.0.1:{port}/v1"]
        ran = worker.run(["run", *target, *model, "--output", "run", *options], folder)
        wrong = list(_wrong(case, ran, folder))
        if elsewhere.connections:
            wrong.append("it went to another origin")
    report = _report(folder)
    return Outcome(
        case=case,
        code=ran["code"],
        seconds=ran["seconds"],
        megabytes=ran["megabytes"],
        grade=report["summary"]["grade"] if report else "-",
        passes=sum(row["verdict"] == "pass" for row in report["results"]) if report else 0,
        wrong=tuple(wrong),
    )


def _report(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / "run" / "report.json").read_text("ascii"))
    except (OSError, ValueError):
        return {}
    return found


def _wrong(case: Hostile, ran: dict[str, Any], folder: Path) -> Iterator[str]:
    printed = (folder / "output.txt").read_text("utf-8")
    if ran["code"] not in case.codes:
        yield f"exit code {ran['code']}: {printed[-300:]!a}"
    if "Traceback" in printed or "CRASH" in printed:
        yield f"it crashed: {printed[-500:]!a}"
    if ran["megabytes"] > MOST_MEGABYTES:
        yield f"{ran['megabytes']} MB"
    if found := _CONTROL.search(printed):
        yield f"{found.group()!a} reached the terminal"
    if case.models:
        yield from _wrong_report(case, folder / "run")
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text("utf-8")
            yield from (f"the key is in {path.name}" for form in forms(KEY) if form in text)
            if not _NAME.fullmatch(path.name):
                yield f"a file is called {path.name!a}"


def _wrong_report(case: Hostile, run: Path) -> Iterator[str]:
    report = _report(run.parent)
    if not report:
        yield "there is no report.json in ASCII"
        return
    yield from (f"report.json: {error.message[:200]}" for error in _schema("report").iter_errors(report))
    passed = [row["requirement"] for row in report["results"] if row["verdict"] == "pass"]
    if passed and not case.earned:
        yield f"passes that nobody earned: {', '.join(passed)}"
    recorded = evidence.read(run / "evidence.jsonl")
    if recorded.footer is None or recorded.torn:
        yield "the evidence has no end"
    try:
        ET.parse(run / "junit.xml")
    except ET.ParseError as error:
        yield f"junit.xml: {error}"
    json.loads((run / "badge.json").read_text("ascii"))
    page = (run / "report.md").read_text("utf-8")
    if found := _CONTROL.search(page):
        yield f"{found.group()!a} stands in report.md"
    if (run / "report.html").exists() and (found := _MARKUP.search((run / "report.html").read_text("utf-8"))):
        yield f"{found.group()!a} stands in report.html"


@cache
def _schema(name: str) -> Draft202012Validator:
    path = data_root() / "spec" / "schema" / f"{name}.schema.json"
    return Draft202012Validator(json.loads(path.read_text("utf-8")))
