"""``python -m tests.speed [--rounds N] [--output FILE]``: measure, side by side, and write the table.

Everything is measured in turns, so that a busy moment of the machine touches all alike; each number is the median
of the rounds. The gateway runs in a process of its own: on loopback, and waiting 50 ms before each answer. The exit
code is 0 whatever is found: the goals stand beside the numbers.
"""

from __future__ import annotations

import argparse
import os
import pickle
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from conformance import evidence
from tests.speed.loops import Load, captured, load, looped, service_time
from tests.speed.loops import bare as bare_requests
from tests.speed.process import ROOT, Cost, cost_of, gateway

DELAY: Final = 0.05
FEW, MANY = 4, 16
COVERAGE: Final = ("--generated", "9999", "--only", "generated.*")
SUITE: Final = (sys.executable, "-m", "conformance")
MODEL: Final = ("--model", "reference-chat")
RAN: Final = frozenset({0, 3})
"""Exit codes of a whole run: without the SDK, and with a part of the set alone, something may stay open."""
SCHEMATHESIS: Final = frozenset({0, 1})


class Table(Struct):
    """Rows of name, number, unit and goal."""

    rows: list[str] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, goal: str = "", *, met: bool | None = None) -> None:
        """Add a row; ``met`` says whether the goal was reached."""
        verdict = "" if met is None else "yes" if met else "**no**"
        self.rows.append(f"| {name} | {value:.2f} {unit} | {goal} | {verdict} |")


class Bench:
    """One run of all measurements."""

    def __init__(self, rounds: int, folder: Path) -> None:
        """Measure so many rounds; ``folder`` is for what is written on the way."""
        self.rounds, self.folder, self.table = rounds, folder, Table()
        self.warm = folder / "warm"
        self.number = 0

    def medians(self, *measure: Callable[[], float]) -> list[float]:
        """Return the median of each, measured in turns."""
        turns = [[each() for each in measure] for _ in range(self.rounds)]
        return [statistics.median(column) for column in zip(*turns, strict=True)]

    def costs(self, *commands: Callable[[], Cost]) -> list[Cost]:
        """Return the medians of what commands cost, run in turns."""
        turns = [[each() for each in commands] for _ in range(self.rounds)]
        return [
            Cost(
                *(
                    statistics.median(getattr(cost, part) for cost in column)
                    for part in ("wall", "cpu", "memory")
                )
            )
            for column in zip(*turns, strict=True)
        ]

    def suite(self, *arguments: str, cache: Path | None = None) -> Cost:
        """Run the command line; a ``run`` gets a folder of its own."""
        more: tuple[str, ...] = ()
        if arguments[0] == "run":
            self.number += 1
            more = ("--output", str(self.folder / f"run-{self.number}"), "--quiet", "--sdk", "no")
        return cost_of([*SUITE, *arguments, *more], cwd=self.folder, cache=cache or self.warm, codes=RAN)

    def program(self, work: Load) -> Cost:
        """Run the bare loop as a program, with its start and its imports."""
        self.number += 1
        file = self.folder / f"requests-{self.number}.pickle"
        file.write_bytes(pickle.dumps(bare_requests(work)))
        command = [sys.executable, "-m", "tests.speed.bare", str(file), str(work.concurrency)]
        (cost,) = self.costs(lambda: cost_of(command, cwd=ROOT, cache=self.warm))
        return cost

    def fresh(self) -> Path:
        """Return a cache folder that is empty."""
        self.number += 1
        return self.folder / f"cache-{self.number}"

    def schemathesis(self, url: str) -> Cost:
        """Run the coverage phase of schemathesis on the same file."""
        where = self.fresh()
        where.mkdir()
        command = [
            str(Path(sys.executable).with_name("schemathesis")), "run", str(ROOT / "spec" / "openapi.yaml"),
            "--url", url.removesuffix("/v1"), "--phases", "coverage", "--continue-on-failure",
            "--include-path", "/v1/chat/completions", "--generation-database", "none",
            "-H", f"Authorization: Bearer {_key()}",
        ]  # fmt: skip
        return cost_of(command, cwd=where, cache=self.warm, codes=SCHEMATHESIS)

    def starting(self) -> None:
        """Measure what is done before anything is sent."""
        plan = ("plan", "--target", "http://127.0.0.1:9/v1", *MODEL)
        self.suite(*plan)
        version_, planned, full = self.costs(
            lambda: self.suite("--version"),
            lambda: self.suite(*plan),
            lambda: self.suite(*plan, "--generated", "full"),
        )
        self.table.add("`--version`", version_.wall, "s", "< 0.3 s", met=version_.wall < 0.3)
        self.table.add("`plan`, cases cached", planned.wall, "s", "< 1 s", met=planned.wall < 1)
        self.table.add("`plan --generated full`, cases cached", full.wall, "s")

    def capturing(self, name: str, work: Load) -> None:
        """Measure the capture against the bare loop."""
        own, bare = self.medians(lambda: captured(work), lambda: looped(work))
        count = len(work.requests)
        self.table.add(f"{name}: bare httpx loop, {count} requests, {work.concurrency} at a time", bare, "s")
        self.table.add(f"{name}: capture phase, the same", own, "s")
        ratio = own / bare
        self.table.add(f"{name}: capture / loop", ratio, "x", "<= 1.3", met=ratio <= 1.3)

    def running(self, name: str, url: str, work: Load) -> None:
        """Measure the whole default run, cold and with cached cases, against the bare loop."""
        run = ("run", "--target", url, *MODEL)
        warm, cold = self.costs(lambda: self.suite(*run), lambda: self.suite(*run, cache=self.fresh()))
        (bare, serviced) = self.medians(lambda: looped(work), lambda: service_time(work) / work.concurrency)
        self.table.add(f"{name}: default run, service time / {work.concurrency}", serviced, "s")
        self.table.add(f"{name}: default run, bare loop of its {len(work.requests)} requests", bare, "s")
        self.table.add(f"{name}: the same loop as a program of its own", self.program(work).wall, "s")
        goal = warm.wall - bare
        self.table.add(f"{name}: default run, cases cached", warm.wall, "s", "loop + 0.7 s", met=goal <= 0.7)
        goal = cold.wall - bare
        self.table.add(f"{name}: default run, first ever", cold.wall, "s", "loop + 2 s", met=goal <= 2)
        self.table.add(f"{name}: memory, cases cached", warm.memory, "MB", "<= 150", met=warm.memory <= 150)
        self.table.add(f"{name}: memory, first ever", cold.memory, "MB", "<= 350", met=cold.memory <= 350)

    def against_schemathesis(self, name: str, url: str, *, goal: bool) -> None:
        """Measure the whole coverage run of both programs."""
        run = ("run", "--target", url, *MODEL, *COVERAGE)
        own, more, theirs = self.costs(
            lambda: self.suite(*run),
            lambda: self.suite(*run, "--concurrency", str(MANY)),
            lambda: self.schemathesis(url),
        )
        self.table.add(f"{name}: coverage, schemathesis CLI", theirs.wall, "s")
        self.table.add(f"{name}: coverage, `run` with {FEW} at a time", own.wall, "s")
        self.table.add(f"{name}: coverage, `run` with {MANY} at a time", more.wall, "s")
        ratio = theirs.wall / own.wall
        self.table.add(
            f"{name}: schemathesis / `run` with {FEW} at a time", ratio, "x", ">= 3" if goal else "",
            met=ratio >= 3 if goal else None,
        )  # fmt: skip

    def judging(self) -> None:
        """Measure ``recheck`` of the newest default run and of the newest coverage run."""
        for name in ("default", "coverage"):
            folders = sorted(self.folder.glob("run-*"), key=lambda path: path.stat().st_mtime)
            found = next(each for each in reversed(folders) if _is(each, name))
            (cost,) = self.costs(lambda found=found: self.suite("recheck", str(found)))  # type: ignore[misc]
            count = len(evidence.read(found / "evidence.jsonl").exchanges)
            self.table.add(f"`recheck` of a {name} run ({count} exchanges)", cost.wall, "s")


def _is(folder: Path, name: str) -> bool:
    return (evidence.read(folder / "evidence.jsonl").header["generated"] == "smoke") is (name == "default")


def _key() -> str:
    from conformance.reference import KEY  # noqa: PLC0415 - said where it is used

    return KEY


def machine(rounds: int) -> list[str]:
    """Return what one has to know of the machine to read the numbers."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load_average = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    names = ("schemathesis", "hypothesis", "httpx")
    return [
        f"- {datetime.now(UTC):%Y-%m-%d}, {platform.platform()}, {cores} cores",
        f"- Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in names),
        f"- load average at the start {load_average:.1f}; medians of {rounds} rounds, all measured in turns",
        "- the gateway is the reference gateway in a process of its own, at once or 50 ms after each request",
    ]


def main(arguments: Sequence[str]) -> int:
    """Measure everything and write the report."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=ROOT / "reports" / "bench.md")
    chosen = parser.parse_args(arguments)
    facts = machine(chosen.rounds)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(chosen.rounds, Path(folder))
        os.environ["XDG_CACHE_HOME"] = str(bench.warm)
        bench.starting()
        for name, delay in (("loopback", 0.0), ("50 ms", DELAY)):
            with gateway(delay) as url:
                for concurrency in (FEW, MANY):
                    bench.capturing(
                        name, load(url, generated=COVERAGE[1], only=(COVERAGE[3],), concurrency=concurrency)
                    )
                bench.running(name, url, load(url, generated="smoke", only=(), concurrency=FEW))
                bench.against_schemathesis(name, url, goal=delay > 0)
        bench.judging()
        shutil.rmtree(folder, ignore_errors=True)
    table = ["| what | median | goal | met |", "|---|--:|---|---|", *bench.table.rows]
    chosen.output.write_text("\n".join([*HEAD, *facts, "", *table, ""]), "utf-8")
    print("\n".join(table))  # noqa: T201
    return 0


HEAD: Final = [
    "# How fast the suite is",
    "",
    "Made by `python3 noxfile.py -s bench`; not by hand. *Capture* is sending and recording, *run* the whole program",
    "from start to report. *Coverage* are the generated requests of `spec/openapi.yaml`, made by the library that the",
    "schemathesis CLI is part of; the CLI sends some more (other methods, headers), one after the other. The bare loop",
    "sends the very bytes of the plan through `httpx.AsyncClient` and throws the answers away.",
    "",
]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
