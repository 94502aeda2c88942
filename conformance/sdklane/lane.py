"""Runs the lane: starts the program with the SDK, feeds it, watches its time, and writes what it measured.

Whatever happens to the program (it is missing, it hangs, an answer kills it), the run goes on: what was not
measured is noted as skipped.
"""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

from conformance import evidence as evidence_file
from conformance import sdkresults
from conformance.plan import Plan
from conformance.sdklane.answers import Recorded, choose
from conformance.sdklane.outcome import OUT_OF_MEMORY, row_of
from conformance.sdkresults import SdkResults, SdkRow, Skipped
from conformance.views import View

BUDGET: Final = 30.0
"""Seconds for all answers of a run; a usual run takes a tenth of it."""

DEADLINE: Final = 12.0
"""Seconds for one answer, over all uses of it, after which the program is ended."""

STARTING: Final = 30.0
"""Seconds for the program to import the SDK."""

MOST: Final = 400
"""Distinct answers of a run that are replayed."""

MOST_STARTS: Final = 3
"""How often the program is started; answers that end it are skipped."""

_LINE: Final = 64 * 1024 * 1024
_INHERITED: Final = (
    "PATH",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "PYTHONPATH",
    "VIRTUAL_ENV",
)
"""Variables that Python may need; no key is among them, and nothing that changes what the SDK does."""


def installed() -> bool:
    """Whether there is an SDK to run; it is not imported."""
    return importlib.util.find_spec("openai") is not None


def replay(plan: Plan, evidence: Path) -> SdkResults | None:
    """Measure what the SDK makes of recorded evidence and write it beside it.

    Returns None, and writes nothing, when no SDK is installed. Ctrl-C ends the lane early: what was measured
    until then is kept.

    Raises:
        UsageError: the evidence cannot be read, or the results cannot be written.

    """
    if not installed():
        return None
    index = plan.index
    views = [
        View(probe, exchange)
        for exchange in evidence_file.read(evidence).exchanges
        if (probe := index.get((exchange.probe, exchange.model))) is not None
    ]
    results = measure(views)
    sdkresults.write(results, evidence)
    return results


def measure(views: Iterable[View]) -> SdkResults:
    """Give each distinct answer to the SDK and return what it made of them."""
    answers, skipped = choose(views)
    lane = _Lane(skipped=list(skipped))
    if answers:
        try:
            asyncio.run(lane.run(answers))
        except KeyboardInterrupt:
            lane.left_out(answers, "the lane was interrupted")
    order = {view.exchange.id: number for number, view in enumerate(v for a in answers for v in a.views)}
    rows = sorted(lane.rows, key=lambda row: order[row.exchange])
    return SdkResults((lane.sdk,) if lane.sdk else (), tuple(rows), tuple(lane.skipped))


class _Lane(Struct):
    """One pass over the answers. ``sdk`` is empty until the program said what it runs."""

    skipped: list[Skipped]
    sdk: str = ""
    rows: list[SdkRow] = field(default_factory=list)
    _starts: int = 0
    _done: set[str] = field(default_factory=set)

    async def run(self, answers: Sequence[Recorded]) -> None:
        end = time.monotonic() + BUDGET
        program: _Program | None = None
        try:
            for answer in answers[:MOST]:
                if time.monotonic() > end:
                    self.left_out(answers, f"the lane's {BUDGET:g} s were spent")
                    return
                if program is None:
                    program = await self._start(answers)
                    if program is None:
                        return
                facts = await program.ask(answer)
                self._take(answer, facts)
                if facts is None:
                    await program.end()
                    program = None
            self.left_out(answers, f"the run has more than {MOST} different answers")
        finally:
            if program is not None:
                await program.end()

    async def _start(self, answers: Sequence[Recorded]) -> _Program | None:
        self._starts += 1
        program = await _Program.start() if self._starts <= MOST_STARTS else None
        hello = (
            await program.hello()
            if program is not None
            else {"why": "earlier answers ended the SDK's process"}
        )
        self.sdk = str(hello.get("sdk", self.sdk))
        if "sdk" in hello:
            return program
        if program is not None:
            await program.end()
        self.left_out(answers, f"the SDK could not be run: {hello['why']}")
        return None

    def _take(self, answer: Recorded, facts: list[dict[str, Any]] | None) -> None:
        for view in answer.views:
            self._done.add(view.exchange.id)
            if facts is None:
                self.skipped.append(Skipped(view.exchange.id, "the SDK's process did not come back from it"))
            elif not facts or any((each["error"] or {}).get("class") == OUT_OF_MEMORY for each in facts):
                self.skipped.append(
                    Skipped(view.exchange.id, "it takes the SDK too long, or too much memory")
                )
            else:
                rows = (row_of(each, view, self.sdk) for each in facts)
                self.rows += [row for row in rows if row is not None]

    def left_out(self, answers: Sequence[Recorded], why: str) -> None:
        """Note why answers that were not replayed were not."""
        missing = [view.exchange.id for answer in answers for view in answer.views]
        self.skipped += [Skipped(name, why) for name in missing if name not in self._done]
        self._done.update(missing)


class _Program:
    """The process with the SDK."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> _Program | None:
        """Start it in an environment of its own."""
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        here = str(Path(__file__).parent.parent.parent)
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([here, known]) if known else here
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "conformance.sdklane.program",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL, env=environment, limit=_LINE,
            )  # fmt: skip
        except OSError:
            return None
        return cls(process)

    async def hello(self) -> dict[str, str]:
        """Return what it runs (``sdk``), or ``why`` it cannot."""
        said = await self._line(STARTING)
        return said if isinstance(said, dict) else {"why": "its process ended, or did not start in time"}

    async def ask(self, answer: Recorded) -> list[dict[str, Any]] | None:
        """Return the facts of one answer, None when the process did not come back."""
        raw = base64.b64encode(answer.raw).decode("ascii")
        job = {"raw": raw, "ending": answer.ending, "stream": answer.streamed}
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(job).encode("ascii") + b"\n")
            async with asyncio.timeout(DEADLINE):
                await self._process.stdin.drain()
            said = await self._line(DEADLINE)
        except (OSError, TimeoutError):
            return None
        return said if isinstance(said, list) else None

    async def _line(self, seconds: float) -> Any:  # noqa: ANN401 - JSON of our own program
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                line = await self._process.stdout.readline()
            return json.loads(line)
        except (OSError, TimeoutError, ValueError):
            return None

    async def end(self) -> None:
        """Kill it: there is nothing that it would have to put in order."""
        if self._process.returncode is None:
            self._process.kill()
        # Reads to the end, so that the pipes are closed before the loop is.
        await self._process.communicate()
