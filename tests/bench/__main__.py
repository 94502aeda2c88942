"""``python -m tests.bench [--output DIR] [ENTRY …]``: run the corpus and the legal variants, write the reports.

With names (``*`` stands for anything) only those entries are run, no legal variant, and nothing is written. The exit
code is 0 when all is found as expected and every legal variant is green, else 1.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from conformance import __version__
from conformance.catalogue import load
from conformance.reference import DEFAULT_MODEL
from conformance.reference.faults import load_faults
from tests.bench.corpus import load_corpus
from tests.bench.report import Tried, facts, markdown
from tests.bench.runs import Finding, look, run

ROOT = Path(__file__).resolve().parent.parent.parent


def main(arguments: Sequence[str]) -> int:
    """Run the bench and return its exit code."""
    parser = argparse.ArgumentParser(prog="bench-detection", description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=ROOT / "reports", help="where the reports go (reports/)"
    )
    parser.add_argument("entries", nargs="*", metavar="ENTRY", help="only these, and no report")
    chosen = parser.parse_args(arguments)
    findings = [_told(look(entry)) for entry in load_corpus() if _is_meant(entry.id, chosen.entries)]
    if chosen.entries:
        return 0 if findings and all(finding.found for finding in findings) else 1
    plain = Tried(None, run([], (DEFAULT_MODEL,), "smoke"))
    tried = []
    for fault in load_faults().values():
        if fault.legal:
            tried.append(Tried(fault, run([fault], fault.models or (DEFAULT_MODEL,), "smoke")))
            _say(f"{'green' if tried[-1].green else 'NOT GREEN'}  {fault.name}")
    report = facts(findings, plain, tried, date=_today(), version=__version__, set_name=load().latest_set)
    chosen.output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    (chosen.output / "detection.json").write_text(text, encoding="utf-8")
    (chosen.output / "detection.md").write_text(markdown(report), encoding="utf-8")
    _say(
        f"{report['corpus']['found']} of {report['corpus']['visible']} found; see {chosen.output}/detection.md"
    )
    return (
        0 if all(finding.found for finding in findings) and all(each.green for each in (plain, *tried)) else 1
    )


def _is_meant(name: str, globs: Sequence[str]) -> bool:
    return not globs or any(fnmatchcase(name, glob) for glob in globs)


def _told(finding: Finding) -> Finding:
    _say(f"{'found' if finding.found else 'NOT FOUND'}  {finding.entry.id}  {finding.says}".rstrip())
    return finding


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _today() -> str:
    """Return the date of the report; SOURCE_DATE_EPOCH (Unix seconds) makes it the same again."""
    now = float(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    return dt.datetime.fromtimestamp(now, dt.UTC).date().isoformat()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
