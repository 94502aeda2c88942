"""``certify`` and ``verify``: a folder that a sceptic can judge again, and judging it again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from conformance import certificate as form
from conformance import engine
from conformance.errors import UsageError
from conformance.evidence import EVIDENCE
from conformance.report.safe import for_terminal
from conformance.signature import NAMESPACE
from conformance.verdict import Exit
from conformance.verify import Demands, State, Verification
from conformance.verify import verify as verify_folder

FOLDER = "certificate"
_EXITS = {State.VERIFIED: Exit.OK, State.REJECTED: Exit.FAILED, State.OTHER_SUITE: Exit.INCOMPLETE}


def certify(arguments: argparse.Namespace) -> int:
    """Make a certificate of a whole run, whatever its grade; the operator's baseline is left out of it."""
    run = Path(arguments.run)
    result = engine.judge_evidence(run / EVIDENCE)
    if found := form.gaps(result):
        again = "a certificate speaks of a whole set: run again, without --only, to the end"
        other = "certify a run against a target of your own: run --target https://HOST/v1 --model NAME"
        raise UsageError(
            f"The run in {run} cannot be certified.",
            why="; ".join(found),
            hint=other if result.prepared.settings.reference else again,
        )
    folder = Path(arguments.output) if arguments.output else run / FOLDER
    given = {name: (run / name).read_bytes() for name in form.GIVEN if (run / name).is_file()}
    files = {**given, **form.derived(result, given, statement=arguments.statement)}
    _write(folder, {**files, form.SEAL: form.seal(result.report, files, form.this_suite())})
    print(f"{folder}: {result.report['summary']['grade']}")  # noqa: T201
    print(f"sign it with: ssh-keygen -Y sign -f KEYFILE -n {NAMESPACE} {folder / form.SEAL}")  # noqa: T201
    return int(Exit.OK)


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Write the files into a new folder, the seal last."""
    try:
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except FileExistsError:
        raise UsageError(
            f"{folder} exists already.",
            why="a certificate is never written over",
            hint="choose another folder with --output",
        ) from None
    except OSError as error:
        raise UsageError(
            f"The certificate cannot be written to {folder}.",
            why=error.strerror or "",
            hint="choose another folder with --output",
        ) from None


def verify(arguments: argparse.Namespace) -> int:
    """Verify a certificate; 0: verified, 1: rejected, 3: made by another version, which has to judge it."""
    if arguments.signer and not arguments.allowed_signers:
        raise UsageError("--signer needs --allowed-signers.", hint="see ssh-keygen(1), ALLOWED SIGNERS")
    path = Path(arguments.path)
    demands = Demands(
        challenge=arguments.challenge,
        allowed_signers=Path(arguments.allowed_signers) if arguments.allowed_signers else None,
        signer=arguments.signer,
    )
    outcome = verify_folder(path.parent if path.name == form.SEAL else path, demands)
    for line in _lines(outcome):
        print(for_terminal(line))  # noqa: T201
    if outcome.state is State.OTHER_SUITE:
        suite = outcome.facts["suite"]
        print(  # noqa: T201
            f"chat-conformance: it takes version {for_terminal(suite['version'])} to verify this",
            file=sys.stderr,
        )
    return int(_EXITS[outcome.state])


def _lines(outcome: Verification) -> list[str]:
    facts, lines = outcome.facts, []
    if facts and not outcome.problems:
        target, models = facts["target"], ", ".join(facts["target"]["models"])
        lines.append(f"target     {target['name']} {target['url']}, models {models}")
        lines.append(
            f"says       {facts['grade']}, set {facts['set']}, profile {facts['profile']}, {facts['score']}"
        )
        lines.append(
            f"measured   {facts['started']}"
            + (f", challenge {facts['challenge']}" if facts["challenge"] else "")
        )
    lines += [f"note       {note}" for note in outcome.notes]
    lines += [f"problem    {problem}" for problem in outcome.problems]
    return [*lines, f"{outcome.state}"]
