"""A certificate: a folder with a report, the evidence it follows from, and a seal over every byte of both.

What lies in the folder, and what makes it whole, stands here, once, for the two sides: ``certify`` writes it and
``verify`` derives it again. ``certificate.json`` is the seal: the digest of every other file, a few facts, and the
digest of itself without that digest. So whoever signs this one small file has signed everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from conformance import __version__, engine
from conformance.catalogue import Catalogue, Profile
from conformance.evidence import EVIDENCE
from conformance.jsontext import on_lines
from conformance.model import Claim
from conformance.paths import data_root
from conformance.plan import Plan
from conformance.reenact import reenact
from conformance.report import describe
from conformance.report.badge import render_badge
from conformance.report.markdown import render_markdown
from conformance.report.shape import Report
from conformance.report.write import dumps
from conformance.words import counted, named

FORMAT: Final = "chat-conformance/certificate"
VERSION: Final = 1

SEAL: Final = "certificate.json"
SIGNATURE: Final = "certificate.json.sig"
SDK: Final = "sdk.json"
REPORT: Final = "report.json"
STATEMENT: Final = "statement.json"

GIVEN: Final = (EVIDENCE, SDK)
"""What a run recorded; all other files are derived from it."""
BESIDE: Final = ("README.md", SIGNATURE)
"""What may lie in the folder without being a part of the certificate."""

_NAMED: Final = 5
"""How many ids a complaint names."""


class Suite(Struct, frozen=True):
    """Which program judged: its version, and a digest of its code and requirements."""

    version: str
    source: str


@cache
def this_suite() -> Suite:
    """Return what this program is."""
    package, spec = Path(__file__).resolve().parent, data_root() / "spec"
    total = hashlib.sha256()
    for root, pattern in ((package, "*.py"), (spec, "*")):
        files = (path for path in root.rglob(pattern) if path.is_file() and "_data" not in path.parts)
        for path in sorted(files, key=lambda path: path.relative_to(root).as_posix()):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{root.name}/{path.relative_to(root).as_posix()}\0{content}\n".encode())
    return Suite(__version__, f"sha256:{total.hexdigest()}")


def gaps(result: engine.Result) -> list[str]:
    """Say what keeps a judged run from being certified: everything that was not asked, not sent or not kept."""
    plan, header = result.prepared.plan, result.evidence.header
    found: list[str] = []
    if header["target"]["reference"]:
        found.append("the run judged the suite's own reference gateway")
    if header["profile"] not in result.prepared.catalogue.profiles:
        found.append("its profile is a file of the user; a certificate names a profile of the suite")
    if result.stopped:
        found.append(f"the run ended early: {result.stopped}")
    if plan.only:
        found.append("a part of the set was selected (--only)")
    if skipped := skipped_units(result.prepared):
        found.append(f"{counted(len(skipped), 'unit')} of the set were left out: {named(skipped, _NAMED)}")
    if result.evidence.unfinished:
        found.append(f"exchanges were sent and not recorded: {named(result.evidence.unfinished, _NAMED)}")
    again = reenact(plan, result.evidence.exchanges)
    for names, what in (
        (again.missing, "of the plan missing from the evidence"),
        (again.altered, "with another request than the plan's"),
        (again.foreign, "that this plan never sends"),
    ):
        if names:
            found.append(f"{counted(len(names), 'exchange')} {what}: {named(names, _NAMED)}")
    if result.judgement.not_measured:
        found.append(f"{counted(len(result.judgement.not_measured), 'planned case')} were never measured")
    return found


def skipped_units(prepared: engine.Prepared) -> list[str]:
    """Return the units that a run with the usual flags plans for these models, and this plan does not."""
    settings = replace(prepared.settings, only=(), generated="smoke", strict=False)
    usual = engine.plan_for(settings, prepared.catalogue, prepared.profile).plan
    have = {(case.requirement, case.model) for case in prepared.plan.cases}
    wanted = {(case.requirement, case.model) for case in usual.cases}
    return [f"{requirement}[{model}]" for requirement, model in sorted(wanted - have)]


def derived(result: engine.Result, given: Mapping[str, bytes], *, statement: bool) -> dict[str, bytes]:
    """Return every file of a certificate that follows from its evidence, by its name.

    ``given`` are the files that the run recorded.
    """
    report, prepared = result.report, result.prepared
    files = {
        REPORT: dumps(report).encode("ascii"),
        "report.md": render_markdown(report).encode("utf-8"),
        "badge.json": render_badge(report).encode("ascii"),
        "plan.json": dumps(plan_data(prepared.plan)).encode("ascii"),
        "set.json": dumps(set_data(prepared.catalogue, prepared.profile, prepared.plan.set_name)).encode(
            "ascii"
        ),
    }
    if statement:
        from conformance.statement import statement_of  # noqa: PLC0415 - optional

        files[STATEMENT] = _json(statement_of(report, {**given, **files}))
    return files


def plan_data(plan: Plan) -> dict[str, Any]:
    """Return a plan for a reader: what was to be sent, under which id, and which cases judge it."""
    return {
        "set": plan.set_name,
        "profile": plan.profile,
        "models": list(plan.models),
        "seed": plan.seed,
        "challenge": plan.challenge,
        "generated": plan.generated,
        "digest": plan.digest,
        "probes": [
            {
                "id": probe.id,
                "model": probe.model,
                "intent": str(probe.intent),
                "exchange": plan.exchange_id(probe),
            }
            for probe in plan.probes
        ],
        "cases": [[case.requirement, case.check, case.probe, case.model] for case in plan.cases],
    }


def set_data(catalogue: Catalogue, profile: Profile, name: str) -> dict[str, Any]:
    """Return the requirements of a set as this profile has them, in words: what the certificate speaks of."""
    chosen = catalogue.set(name)
    rows = [catalogue.requirements[row] for row in chosen.ids]
    return {
        "set": name,
        "released": chosen.released,
        "profile": profile.name,
        "requirements": [
            {
                "id": row.id,
                "title": row.title,
                "level": str(profile.level_of(row)),
                "claim": str(profile.claim_of(row.feature)),
                "says": row.says,
                "sources": list(row.sources),
            }
            for row in rows
            if profile.claim_of(row.feature) is not Claim.NO
        ],
    }


def seal(report: Report, files: Mapping[str, bytes], suite: Suite) -> bytes:
    """Return ``certificate.json`` for these files."""
    facts = {
        "format": FORMAT,
        "version": VERSION,
        "suite": {"name": report["suite"]["name"], "version": suite.version, "source": suite.source},
        "target": {key: report["target"][key] for key in ("name", "url", "models")},
        "set": report["set"],
        "profile": report["profile"],
        "plan": report["plan"]["digest"],
        "challenge": report["plan"]["challenge"],
        "started": report["times"]["started"],
        "grade": report["summary"]["grade"],
        "score": describe.score(report),
        "files": {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in sorted(files.items())
        },
    }
    return _json({**facts, "digest": digest(facts)})


def digest(facts: Mapping[str, Any]) -> str:
    """Return the digest of a seal's facts, which are all its members but ``digest``."""
    return f"sha256:{hashlib.sha256(_json(facts)).hexdigest()}"


def is_canonical(content: bytes, parsed: object) -> bool:
    """Whether these bytes are the only way in which a seal writes this value."""
    return _json(parsed) == content


def _json(value: object) -> bytes:
    return on_lines(value).encode("ascii")
