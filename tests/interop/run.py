"""Run the suite against real servers: ``python -m tests.interop.run [--publish] [NAME …]``.

Every server is installed (once, into ``.cache/interop``), started on loopback, measured and ended, one after
the other. A server that fails requirements is a result, not an error. The exit code is 1 when a measurement
failed, since a server did not start or the suite itself broke, and when a finding is new or gone: what is known of
each server stands in ``expected/NAME.yaml``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.interop.expected import Expected, differences, expected_of
from tests.interop.process import ServerError
from tests.interop.servers import CERTIFIED, ENTRIES, SERVERS, RealServer

ROOT = Path(__file__).resolve().parent.parent.parent
RUNS = ROOT / "reports" / "runs" / "interop"
PUBLISHED = ROOT / "reports" / "published"

PATIENCE = "300"
"""Seconds for an exchange: on a busy machine a small model is slow, and two choices wait for two free slots."""

MEASURED = {0, 1}
"""Exit codes with which a report says something about a server: it is good, or it fails a requirement."""


def suite_command(server: RealServer, output: Path) -> list[str]:
    """Return the command that measures this server; the key is not in it."""
    headers = [word for name, value in server.headers.items() for word in ("--header", f"{name}={value}")]
    start = [sys.executable, "-m", "conformance", "run", "--quiet", "--output", str(output)]
    return [*start, "--timeout", PATIENCE, "--target", server.base_url, "--model", server.model, *headers]


def problem_with(exit_code: int, report: Mapping[str, Any], expected: Expected) -> str:
    """Return what is wrong with the measurement itself or differs from what is expected, or ""."""
    if exit_code not in MEASURED:
        return f"not measured (exit {exit_code})"
    return "\n  ".join(differences(report, expected))


def publish(name: str, output: Path, registry: Path = PUBLISHED) -> None:
    """Put a finished run into the registry, when the server has a place in it: its reports, or a certificate.

    What stands there by hand, the README.md, stays.
    """
    if name not in ENTRIES:
        return
    place = registry / ENTRIES[name]
    place.mkdir(parents=True, exist_ok=True)
    folder, files = output, ["report.json", "report.md"]
    if name in CERTIFIED:
        folder = output / "certificate"
        subprocess.run([sys.executable, "-m", "conformance", "certify", str(output)], cwd=ROOT, check=True)
        files = sorted(path.name for path in folder.iterdir())
    for file in files:
        shutil.copy(folder / file, place / file)


def measure(name: str, *, to_registry: bool) -> str:
    """Measure one server; return what is wrong with the measurement, or ""."""
    output = RUNS / name
    shutil.rmtree(output, ignore_errors=True)  # a run resumes from the evidence that it finds
    try:
        with SERVERS[name]() as server:
            env = {**os.environ, "OPENAI_API_KEY": server.key}
            code = subprocess.run(suite_command(server, output), cwd=ROOT, env=env, check=False).returncode
    except ServerError as error:
        return str(error)
    path = output / "report.json"
    report = json.loads(path.read_text("utf-8")) if path.is_file() else {"results": []}
    print(f"{name}: exit {code}", flush=True)
    problem = problem_with(code, report, expected_of(name))
    if to_registry and not problem:
        publish(name, output)
    return problem


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the servers that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.interop.run", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SERVERS)} (default: all)")
    parser.add_argument("--publish", action="store_true", help="copy the reports into reports/published")
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.names if name not in SERVERS]
    if unknown:
        parser.error(f"there is no server {', '.join(unknown)}; there are {', '.join(SERVERS)}")
    problems = {name: measure(name, to_registry=chosen.publish) for name in chosen.names or SERVERS}
    found = {name: problem for name, problem in problems.items() if problem}
    for name, problem in found.items():
        print(f"{name}:\n  {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
