"""Runs the suite in a process of its own against a gateway that counts what it is asked, and stops it at a request."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from conformance.reference import DEFAULT_MODEL, KEY, ReferenceGateway
from conformance.reference.reply import Received, Reply

CONCURRENCY = 4
ROOT = Path(__file__).parent.parent
PYTEST = ("-m", "conformance.pytest_shell", "-p", "no:cacheprovider")
COMMAND = ("-m", "conformance", "run", "--quiet")
PART = ("--only", "response.*", "--only", "stream.done-terminator", "--generated", "none", "--sdk", "no")
"""A part of the suite: what is proved here does not depend on how many requests there are."""


class Counting(ReferenceGateway):
    """Counts the requests, and sends a signal to a process when it has received some number of them."""

    def __init__(self) -> None:
        """Start with nothing asked."""
        now = time.time()
        super().__init__(clock=lambda: now)
        self.asked: Counter[tuple[str, str, bytes]] = Counter()
        self.victim: subprocess.Popen[str] | None = None
        self.limit, self.sign, self.delay = 0, signal.SIGKILL, 0.0

    def _respond(self, received: Received) -> Reply:
        self.asked[received.method, received.path, received.body] += 1
        if self.victim is not None and self.asked.total() == self.limit:
            if self.delay:
                threading.Timer(self.delay, self.victim.send_signal, [self.sign]).start()
            else:
                self.victim.send_signal(self.sign)
        return super()._respond(received)


class Ended(Struct, frozen=True):
    """A run that is over: its exit code, where it wrote, what it asked and what it printed."""

    code: int
    folder: Path
    asked: Counter[tuple[str, str, bytes]]
    printed: str


def flags(url: str, folder: Path, *, resumed: bool = False, part: tuple[str, ...] = PART) -> list[str]:
    """Return the flags of a run."""
    where = ("--resume" if resumed else "--output", str(folder))
    return ["--target", url, "--model", DEFAULT_MODEL, *part, *where]


def run(
    gateway: Counting,
    folder: Path,
    *more: str,
    resumed: bool = False,
    shell: tuple[str, ...] = COMMAND,
    part: tuple[str, ...] = PART,
    kill_at: int | None = None,
    sign: signal.Signals = signal.SIGKILL,
    delay: float = 0.0,
    deaf: bool = False,
) -> Ended:
    """Run the suite to its end, or until ``delay`` seconds after the gateway received ``kill_at`` requests.

    ``deaf`` starts it with Ctrl-C ignored, as a shell does for what it puts into the background.
    """
    gateway.asked = Counter()
    environment = {**os.environ, "OPENAI_API_KEY": KEY, "PYTHONPATH": str(ROOT)}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _interrupts(signal.SIG_IGN if deaf else signal.default_int_handler), subprocess.Popen(
        [sys.executable, *shell, *flags(gateway.base_url, folder, resumed=resumed, part=part), *more],
        cwd=folder.parent, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as child:  # fmt: skip
        gateway.limit, gateway.sign, gateway.delay = kill_at or 0, sign, delay
        gateway.victim = child if kill_at is not None else None
        printed, _ = child.communicate(timeout=300)
    gateway.victim = None
    return Ended(child.returncode, folder, gateway.asked, printed)


@contextmanager
def _interrupts(handler: Any) -> Iterator[None]:  # noqa: ANN401 - whatever signal.signal takes
    """Have SIGINT handled so meanwhile; a process started now has the same, however these tests were started."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def essence(folder: Path) -> Any:  # noqa: ANN401 - JSON
    """Return a report without what differs between two runs by nature: times, and what was sent a second time."""
    report = json.loads((folder / "report.json").read_text("utf-8"))
    del report["times"], report["spent"]["requests"]
    for exchange in report["exchanges"].values():
        del exchange["elapsed"], exchange["timeline"]
    return report
