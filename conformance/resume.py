"""Goes on with an interrupted run: finds what its folder holds and proves that it belongs to the run at hand.

A run leaves ``evidence.jsonl``, or, when the pytest shell was killed, one such file for each model. All of them
together are the evidence; what stands in it was paid for and is never sent again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, Final

from conformance import evidence as evidence_file
from conformance.errors import UsageError
from conformance.evidence import EVIDENCE, Evidence
from conformance.model import Json

_PARTS: Final = "evidence.*.jsonl"
_WHOLE: Final = ".evidence.whole"

_SAME: Final = {
    "profile": "--profile",
    "set": "--set",
    "models": "--model",
    "seed": "--seed",
    "challenge": "the challenge",
    "only": "--only",
    "generated": "--generated",
    "extra_body": "--extra-body",
    "plan": "the plan",
}
"""What a run has to have in common with the one that it goes on with, and what a user calls it."""


def recorded_run(folder: Path) -> Evidence | None:
    """Return what an interrupted run left in its folder, in one file; None when it was killed before it sent anything.

    Raises:
        UsageError: there is no such folder, or its files are no evidence of one run.

    """
    if not folder.is_dir():
        raise UsageError(
            f"There is no folder {folder} to go on in.",
            hint="--resume takes the folder of an interrupted run; a new one goes to --output",
        )
    parts = sorted(folder.glob(_PARTS))
    whole = folder / EVIDENCE
    files = [file for file in (whole, *parts) if file.is_file() and not _without_header(file)]
    for file in {whole, *parts} - set(files):
        file.unlink(missing_ok=True)
    if not files:
        return None
    if parts:
        _gather(files, whole)
        for part in parts:
            part.unlink()
    return evidence_file.read(whole)


def _without_header(file: Path) -> bool:
    """Whether a run was killed while it wrote the first line, which it does before it sends anything."""
    with file.open("rb") as stream:
        line = stream.readline()
    return not line.endswith(b"\n") and b'{"kind":"header"'.startswith(line[:16])


def _gather(files: Sequence[Path], whole: Path) -> None:
    """Put the evidence of several files of one run into one, at once; what stands in two of them is the same."""
    read = [evidence_file.read(file) for file in files]
    for each, file in zip(read, files, strict=True):
        demand_same(each.header, read[0].header, file)
    exchanges = {exchange.id: exchange for each in read for exchange in each.exchanges}
    with replacing(whole, read[0].header) as writer:
        for exchange in exchanges.values():
            writer.exchange(exchange)
        note_lost(writer, read, recorded=exchanges)


@contextmanager
def replacing(path: Path, header: Mapping[str, Json]) -> Iterator[evidence_file.Writer]:
    """Yield a writer of evidence that takes the place of ``path`` when it is complete, at once."""
    temporary = path.with_name(_WHOLE)
    temporary.unlink(missing_ok=True)
    with evidence_file.Writer(temporary, header) as writer:
        yield writer
    temporary.replace(path)


def note_lost(writer: evidence_file.Writer, read: Iterable[Evidence], *, recorded: Container[str]) -> None:
    """Keep what several files say of requests that were sent without being recorded, or once more."""
    every = list(read)
    for name in dict.fromkeys(name for each in every for name in each.unfinished if name not in recorded):
        writer.intent(name)
    for name in reduce(or_, (Counter(each.sent_again) for each in every), Counter()).elements():
        writer.intent(name, again=True)


def demand_same(recorded: Mapping[str, Any], wanted: Mapping[str, Any], where: Path) -> None:
    """Refuse evidence of another target, profile or plan.

    Raises:
        UsageError: names what differs.

    """
    different = [called for name, called in _SAME.items() if recorded.get(name) != wanted.get(name)]
    if not _same_target(recorded["target"], wanted["target"]):
        different.insert(0, "--target")
    if not different:
        return
    if different == ["the plan"]:
        version = recorded["suite"]["version"]
        why = "this version of the suite plans other requests"
        hint = f"go on with chat-conformance {version}, or begin a new run with --output"
    else:
        named = [name for name in different if name != "the plan"]
        why = f"it differs in {', '.join(named)}"
        hint = "repeat the command of that run and add --resume, or begin a new run with --output"
    raise UsageError(f"The run in {where} is not this run.", why=why, hint=hint)


def _same_target(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Compare by URL; the embedded reference listens somewhere else each time."""
    return bool(one["reference"] and other["reference"]) or (
        one["url"] == other["url"] and one["reference"] == other["reference"]
    )


def begin_part(before: Evidence, part: Path, models: Collection[str], *, first: bool) -> Evidence:
    """Write what was recorded for some models as the beginning of a file of their own, and return it.

    What was sent without being recorded has no model; ``first`` says that this part counts it.
    """
    with evidence_file.Writer(part, before.header) as writer:
        for exchange in before.exchanges:
            if exchange.model in models:
                writer.exchange(exchange)
        for name in before.unfinished if first else ():
            writer.intent(name)
        for name in before.sent_again if first else ():
            writer.intent(name, again=True)
    return evidence_file.read(part)
