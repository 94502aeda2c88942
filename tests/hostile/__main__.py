"""``python -m tests.hostile [--output DIR] [--kills N] [CASE …]``: the whole panel at full size, and killed runs.

With names (a part is enough) only those servers are faced, nobody is killed and nothing is written. The exit code is 0
when nothing is wrong, else 1.
"""

from __future__ import annotations

import argparse
import datetime as dt
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from conformance import __version__
from tests.hostile.cases import CASES
from tests.hostile.kills import SENT_AGAIN, Kill, kill_runs
from tests.hostile.panel import MOST_MEGABYTES, ROOT, Outcome, Worker, face
from tests.hostile.scripts import FULL

WHOLE = ("--timeout", "2", "--max-time", "60", "--generated", "none")
"""All requests that are written by hand; an exchange and the whole run end soon."""


def main(arguments: Sequence[str]) -> int:
    """Run the panel and return its exit code."""
    parser = argparse.ArgumentParser(prog="hostile", description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=ROOT / "reports", help="where hostile.md goes (reports/)"
    )
    parser.add_argument("--kills", type=int, default=200, metavar="N", help="runs that are killed (200)")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="only these servers, and no report")
    chosen = parser.parse_args(arguments)
    outcomes: list[Outcome] = []
    worker = Worker()
    for case in CASES:
        if not chosen.cases or any(part in case.name for part in chosen.cases):
            with tempfile.TemporaryDirectory() as folder:
                outcomes.append(face(case, FULL, worker, Path(folder), WHOLE))
            last = outcomes[-1]
            _say(f"{last.seconds:7.1f} s {last.megabytes:4} MB  exit {last.code}  {case.name}", *last.wrong)
    worker.close()
    kills = [] if chosen.cases else kill_runs(chosen.kills, told=_tell)
    if not chosen.cases:
        chosen.output.mkdir(parents=True, exist_ok=True)
        (chosen.output / "hostile.md").write_text(markdown(outcomes, kills), encoding="utf-8")
        _say(f"see {chosen.output}/hostile.md")
    return int(any(outcome.wrong for outcome in outcomes) or any(kill.wrong for kill in kills))


def markdown(outcomes: Sequence[Outcome], kills: Sequence[Kill]) -> str:
    """Return the report."""
    bad = sum(bool(outcome.wrong) for outcome in outcomes)
    most = max((outcome.megabytes for outcome in outcomes), default=0)
    slowest = max((outcome.seconds for outcome in outcomes), default=0.0)
    today = dt.datetime.now(dt.UTC).date().isoformat()
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    rows = [
        f"| {each.case.name} | {each.code} | {each.grade} | {each.seconds:.1f} | {each.megabytes} |"
        f" {'yes' if each.wrong else ''} |"
        for each in outcomes
    ]
    return f"""# Hostile targets and killed runs

Made by `python3 noxfile.py -s hostile` on {today} with chat-conformance {__version__}, {machine}. Every run sent the
requests written by hand, with `--timeout 2 --max-time 60`.

{len(outcomes)} servers, {bad} with something wrong. Slowest {slowest:g} s, most memory {most} MB
(bound: {MOST_MEGABYTES} MB). Wrong would be: an exit code that the case does not allow, a crash, a hang, a pass that
nobody earned, a file that is not valid, a control character on the terminal, the key anywhere, a connection to an
origin that was not named.

| server | exit code | grade | time (s) | peak memory (MB) | wrong |
|---|---|---|---|---|---|
{chr(10).join(rows)}

{_about(kills)}"""


def _about(kills: Sequence[Kill]) -> str:
    wrong = [kill for kill in kills if kill.wrong]
    twice = sum(kill.wrong == SENT_AGAIN for kill in kills)
    return f"""## Killed runs

{len(kills)} runs were ended with `kill -9` at a random moment, and gone on with by `--resume`. The gateway counted
every request.

| | |
|---|---|
| runs that ended in the report of the undisturbed run | {len(kills) - len(wrong)} of {len(kills)} |
| exchanges under way when a run was killed, in all | {sum(kill.lost for kill in kills)} |
| at most, of one run (`--concurrency 4`) | {max((kill.lost for kill in kills), default=0)} |
| requests that the gateway received twice, in all | {sum(kill.sent_again for kill in kills)} |
| recorded exchanges that were sent again | {twice} |
""" + "".join(f"| wrong, killed at request {kill.at} | {kill.wrong} |\n" for kill in wrong)


def _tell(kill: Kill) -> None:
    _say(f"killed at request {kill.at}: {kill.lost} lost, {kill.sent_again} sent again", kill.wrong)


def _say(*parts: str) -> None:
    sys.stdout.write(" ".join(part for part in parts if part) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
