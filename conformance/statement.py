"""The in-toto form of a certificate: a Statement v1 with the predicate test-result v0.1.

Its subject is the evidence: a server has no digest, what it answered has. Whoever signs statements with in-toto's own
tools (DSSE) wraps this file; the suite itself signs nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from conformance.evidence import EVIDENCE
from conformance.model import Level, Verdict
from conformance.report import describe
from conformance.report.shape import Report
from conformance.verdict import Grade

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://in-toto.io/attestation/test-result/v0.1"

_RESULTS: Final = {Grade.CONFORMANT: "PASSED", Grade.PARTIAL: "WARNED"}


def statement_of(report: Report, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the statement for the files of a certificate.

    ``warnedTests`` are failed recommendations. Units without opinion are in no list, and a grade that they leave
    *incomplete* is not PASSED.
    """

    def names(verdict: Verdict, *levels: Level) -> list[str]:
        return [describe.name_of(row) for row in describe.having(report, verdict) if row["level"] in levels]

    return {
        "_type": STATEMENT_TYPE,
        "subject": [_resource(report["target"]["url"], files[EVIDENCE])],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": _RESULTS.get(Grade(report["summary"]["grade"]), "FAILED"),
            "configuration": [_resource(name, files[name]) for name in ("plan.json", "set.json")],
            "passedTests": names(Verdict.PASS, Level.MUST, Level.SHOULD),
            "warnedTests": names(Verdict.FAIL, Level.SHOULD),
            "failedTests": names(Verdict.FAIL, Level.MUST),
        },
    }


def _resource(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": hashlib.sha256(content).hexdigest()}}
