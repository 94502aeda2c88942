"""Verifies a certificate offline, in stages: each costs more than the one before, and the first that fails ends it.

1. *seal*: ``certificate.json`` is whole, nothing is in the folder that it does not name, every digest holds;
2. *signature*, when allowed signers are given;
3. *evidence*: it is that of a whole run, of all that the set requires, with every exchange and every request;
4. *verdicts*: judged again, the evidence gives the same units, counts, grade and, byte for byte, the same files.

What this proves of an unsigned certificate: that the verdicts follow from the evidence. Not: whose evidence it is.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator
from msgspec import Struct, field

from conformance import certificate as form
from conformance import engine
from conformance.catalogue import load as load_catalogue
from conformance.errors import ConformanceError, HarnessError, UsageError
from conformance.evidence import EVIDENCE
from conformance.evidence import read as read_evidence
from conformance.paths import data_root
from conformance.report.shape import Report
from conformance.signature import signer_of

_LARGEST_SEAL: Final = 1 << 20
_NAMED: Final = 5
_GENERATED: Final = frozenset({"smoke", "full"})


class State(StrEnum):
    """What can be said of a certificate."""

    VERIFIED = "verified"
    REJECTED = "rejected"
    OTHER_SUITE = "made by another version of the suite"


class Demands(Struct, frozen=True):
    """What the verifier asks for beyond the certificate itself."""

    challenge: str | None = None
    allowed_signers: Path | None = None
    signer: str | None = None


NO_DEMANDS: Final = Demands()


class Verification(Struct):
    """The outcome: ``problems`` reject, ``notes`` say what was looked at. ``facts`` is the seal, as far as it holds."""

    state: State = State.VERIFIED
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    signer: str | None = None

    def reject(self, *problems: str) -> Verification:
        """Add problems."""
        self.problems += problems
        if problems:
            self.state = State.REJECTED
        return self


def verify(folder: Path, demands: Demands = NO_DEMANDS) -> Verification:
    """Verify the certificate in a folder.

    Raises:
        UsageError: there is none, or the demands cannot be checked.

    """
    outcome = Verification()
    content = _seal_bytes(folder)
    outcome.reject(*_seal_problems(folder, content, outcome))
    if outcome.problems:
        return outcome
    _check_demands(folder, content, demands, outcome)
    if outcome.problems:
        return outcome
    try:
        _derive(folder, outcome)
    except HarnessError:
        raise
    except ConformanceError as error:
        outcome.reject(error.what + (f" ({error.why})" if error.why else ""))
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
        OSError,
        RecursionError,
    ) as error:
        outcome.reject(f"the evidence or the report is not what a run writes ({type(error).__name__})")
    return outcome


# ---- 1. the seal


def _seal_bytes(folder: Path) -> bytes:
    path = folder / form.SEAL
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_SEAL + 1)
    except OSError as error:
        raise UsageError(
            f"There is no certificate in {folder}.",
            why=f"{form.SEAL}: {error.strerror}",
            hint="make one with: chat-conformance certify DIR",
        ) from None
    return content


def _seal_problems(folder: Path, content: bytes, outcome: Verification) -> list[str]:
    """Say what is wrong with the seal and the digests in it; costs no more than to read the files."""
    try:
        facts = json.loads(content.decode("ascii"))
    except (ValueError, RecursionError):
        return [f"{form.SEAL} is no JSON in ASCII"]
    if not form.is_canonical(content, facts):
        return [f"{form.SEAL} is not written as the suite writes it"]
    schema = json.loads((data_root() / "spec" / "schema" / "certificate.schema.json").read_text("utf-8"))
    error = next(Draft202012Validator(schema).iter_errors(facts), None)
    if error is not None:
        return [f"{form.SEAL} does not follow its schema at {error.json_path[:100]}"]
    if form.digest({key: value for key, value in facts.items() if key != "digest"}) != facts["digest"]:
        return [f"{form.SEAL} was changed: its own digest does not hold"]
    outcome.facts = facts
    return [*_foreign_files(folder, facts["files"]), *_digest_problems(folder, facts["files"])]


def _foreign_files(folder: Path, files: dict[str, Any]) -> list[str]:
    allowed = {form.SEAL, *form.BESIDE, *files}
    extra = sorted(entry.name for entry in os.scandir(folder) if entry.name not in allowed)
    return [f"{name!a} is not a part of the certificate" for name in extra[:_NAMED]]


def _digest_problems(folder: Path, files: dict[str, Any]) -> list[str]:
    problems = []
    for name, wanted in files.items():
        path = folder / name
        if path.is_symlink() or not path.is_file():
            problems.append(f"{name} is missing")
        elif path.stat().st_size != wanted["bytes"]:
            problems.append(f"{name} was changed: it has another size")
        else:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
            if found != wanted["sha256"]:
                problems.append(f"{name} was changed: its digest does not hold")
    return problems


# ---- 2. what the verifier demands


def _check_demands(folder: Path, content: bytes, demands: Demands, outcome: Verification) -> None:
    wanted, found = demands.challenge, outcome.facts["challenge"]
    if wanted is not None and found != wanted:
        outcome.reject(
            f"it was not made for the challenge {wanted!a}" + (f" but for {found!a}" if found else "")
        )
    signature = folder / form.SIGNATURE
    if demands.allowed_signers is None:
        outcome.notes.append(
            "signed, but the signature was not checked: give --allowed-signers"
            if signature.exists()
            else "unsigned: it proves that the verdicts follow from the evidence, not who recorded it"
        )
        return
    outcome.signer = signer_of(content, signature, demands.allowed_signers, demands.signer)
    if outcome.signer is None:
        whom = demands.signer or "an allowed signer"
        outcome.reject(f"it has no valid signature of {whom}")
    else:
        outcome.notes.append(f"signed by {outcome.signer}")


# ---- 3. and 4. the evidence, and what follows from it


def _derive(folder: Path, outcome: Verification) -> None:
    facts = outcome.facts
    shown = {name: (folder / name).read_bytes() for name in facts["files"]}
    report: Report = json.loads(shown[form.REPORT])
    suite = form.Suite(facts["suite"]["version"], facts["suite"]["source"])
    if form.seal(report, shown, suite) != (folder / form.SEAL).read_bytes():
        outcome.reject(f"{form.SEAL} and {form.REPORT} do not say the same")
    if found := _header_problems(folder / EVIDENCE):
        outcome.reject(*found)
        return
    ours = suite == form.this_suite()
    try:
        result = engine.judge_evidence(folder / EVIDENCE)
    except engine.OtherPlanError as error:
        if ours:
            raise
        outcome.state = State.OTHER_SUITE
        outcome.notes.append(f"the digests hold, but no verdict was derived again: {error.why}")
        return
    outcome.reject(*form.gaps(result))
    changed = _changed(report, result.report)
    if ours:
        outcome.reject(*changed, *_not_derived(result, shown))
    elif changed and not outcome.problems:
        outcome.state = State.OTHER_SUITE
        outcome.notes.append(f"the digests hold, but this version judges otherwise: {'; '.join(changed)}")
        return
    if not outcome.problems:
        count, exchanges = len(result.report["results"]), len(result.evidence.exchanges)
        outcome.notes.append(f"{count} verdicts derived again from {exchanges} exchanges")
    if not ours:
        outcome.notes.append(
            f"made by another build of the suite ({suite.version}), which words reports in its own way"
        )


def _header_problems(evidence: Path) -> list[str]:
    """Say what in the header of evidence no certified run has; looked at before anything is done by it."""
    header = read_evidence(evidence).header
    problems = []
    if header["profile"] not in load_catalogue().profiles:
        problems.append("its profile is none of the suite's")
    if header["generated"] not in _GENERATED:
        problems.append("it was not run with the usual generated requests")
    return problems


def _not_derived(result: engine.Result, shown: Mapping[str, bytes]) -> list[str]:
    """Name the files that this suite does not write, byte for byte, for this evidence."""
    given = {name: shown[name] for name in form.GIVEN if name in shown}
    files = {**given, **form.derived(result, given, statement=form.STATEMENT in shown)}
    return [f"{name} does not follow from the evidence" for name in shown if files.get(name) != shown[name]]


def _changed(claimed: Report, found: Report) -> list[str]:
    """Say where a report claims something else than the evidence gives."""
    problems = [
        f"report.json: {key} is not what the evidence gives"
        for key in ("set", "profile", "summary", "selection", "not_measured", "baseline", "target")
        if claimed[key] != found[key]
    ]
    wanted = {(row["requirement"], row["model"]): row for row in found["results"]}
    shown = {(row["requirement"], row["model"]): row for row in claimed["results"]}
    if len(shown) != len(claimed["results"]) or set(shown) != set(wanted):
        gone = sorted(f"{name}[{model}]" for name, model in set(wanted) - set(shown))
        problems.append(f"report.json: units are missing or made up: {', '.join(gone[:_NAMED])}")
    wrong = [
        f"{name}[{model}] is {wanted[name, model]['verdict']}, not {row['verdict']}"
        for (name, model), row in shown.items()
        if (name, model) in wanted
        and any(row[key] != wanted[name, model][key] for key in ("verdict", "level", "outcome", "known"))
    ]
    return [*problems, *(f"report.json: {text}" for text in wrong[:_NAMED])]
