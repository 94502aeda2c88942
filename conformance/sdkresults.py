"""What an official SDK made of recorded answers: the file ``sdk.json`` beside the evidence.

The rows are measured once, after a capture, by :mod:`conformance.sdklane`; from then on they are evidence,
like the bytes they were measured on. Judging and reporting read them here and never run the SDK again, so
that ``recheck`` repeats the report byte for byte on a machine that has no SDK. The format is
``spec/schema/sdk.schema.json``. Nothing in here imports an SDK.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from conformance.errors import UsageError
from conformance.jsontext import on_lines

FORMAT: Final = "chat-conformance/sdk"
VERSION: Final = 1


class Call(StrEnum):
    """How the SDK was used."""

    CREATE = "create"
    """``create()``, and ``choices[0].message.content`` of what it returns (document S1, line 105)."""
    ITERATE = "iterate"
    """``create(stream=True)``, and a loop that looks before it reads."""
    README_LOOP = "readme-loop"
    """The documented loop, which reads ``choices[0].delta.content`` of each chunk (S1, lines 114 to 116)."""
    HELPER = "helper"
    """``stream()``, the helper that puts the completion together."""


class Result(StrEnum):
    """What became of one use; ``ok`` is also the documented exception where a refusal was to be expected."""

    OK = "ok"
    RAISES = "raises"
    HANGS = "hangs"
    SILENT = "silent-empty"
    WRONG = "wrong-text"


class SdkRow(Struct, frozen=True):
    """One use of one recorded answer. ``sees`` is what the SDK's user sees: printable text on one line."""

    exchange: str
    sdk: str
    call: Call
    result: Result
    sees: str


class Skipped(Struct, frozen=True):
    """An answer that was not given to the SDK, and why."""

    exchange: str
    why: str


class SdkResults(Struct, frozen=True, dict=True):
    """All that was measured on one run. ``sdks`` are the SDKs with their versions."""

    sdks: tuple[str, ...] = ()
    rows: tuple[SdkRow, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    @cached_property
    def by_exchange(self) -> Mapping[str, Sequence[SdkRow]]:
        """The rows of each exchange, in the order of :class:`Call`."""
        found: dict[str, list[SdkRow]] = {}
        for row in sorted(self.rows, key=lambda row: list(Call).index(row.call)):
            found.setdefault(row.exchange, []).append(row)
        return found

    def of(self, exchanges: Collection[str]) -> SdkResults:
        """Return the results of some exchanges alone."""
        rows = tuple(row for row in self.rows if row.exchange in exchanges)
        skipped = tuple(skip for skip in self.skipped if skip.exchange in exchanges)
        return SdkResults(self.sdks, rows, skipped)

    def row(self, exchange: str, call: Call) -> SdkRow | None:
        """Return what one use of one answer gave, None when it was not measured."""
        return next((row for row in self.by_exchange.get(exchange, ()) if row.call is call), None)

    def why_not(self, exchange: str) -> str:
        """Say why an answer was not given to the SDK; empty when nothing is known of that."""
        return next((skip.why for skip in self.skipped if skip.exchange == exchange), "")

    def breaks(self, exchanges: Iterable[str]) -> tuple[str, ...]:
        """Say how the SDK breaks on answers that have a defect in common: each way once, by its most basic use.

        A use that goes well with one of them does not break by the defect: where it does not go well with another,
        that has its own cause.
        """
        answers = [self.by_exchange.get(name, ()) for name in dict.fromkeys(exchanges)]
        harmless = {row.call for rows in answers for row in rows if row.result is Result.OK}
        bad = (next((row for row in rows if row.call not in harmless), None) for rows in answers)
        return tuple(dict.fromkeys(f"{row.sdk}: {row.sees}" for row in bad if row is not None))


def beside(evidence: Path) -> Path:
    """Return where the SDK's results of an evidence file are: ``sdk.json`` beside ``evidence.jsonl``."""
    return evidence.with_name(evidence.name.replace("evidence", "sdk", 1)).with_suffix(".json")


def join(parts: Iterable[SdkResults]) -> SdkResults:
    """Return the results of one run that several files hold."""
    found = list(parts)
    return SdkResults(
        sdks=tuple(dict.fromkeys(name for part in found for name in part.sdks)),
        rows=tuple(row for part in found for row in part.rows),
        skipped=tuple(skip for part in found for skip in part.skipped),
    )


def write(results: SdkResults, evidence: Path) -> None:
    """Write the results beside the evidence they were measured on.

    Raises:
        UsageError: the file cannot be written.

    """
    path = beside(evidence)
    value: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "evidence": _digest(evidence),
        "sdks": list(results.sdks),
        "rows": [asdict(row) for row in results.rows],
        "skipped": [asdict(skip) for skip in results.skipped],
    }
    try:
        path.write_text(on_lines(value), "ascii")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written.",
            why=error.strerror or "",
            hint="make room or let yourself write there; chat-conformance recheck DIR judges what was captured",
        ) from error


def read(evidence: Path) -> SdkResults | None:
    """Read the results beside an evidence file, None when the SDK was not run.

    Raises:
        UsageError: the file is damaged, or belongs to other evidence.

    """
    path = beside(evidence)
    try:
        value = json.loads(path.read_text("ascii"))
        results = _results(value)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read.",
            why=error.strerror or "",
            hint="let yourself read it, or remove it to judge without it",
        ) from error
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise UsageError(
            f"{path} holds no results of an SDK.",
            why=f"{type(error).__name__}: {error}"[:200],
            hint="take the original, or remove the file to judge without it",
        ) from None
    if value.get("evidence") != _digest(evidence):
        raise UsageError(
            f"{path} belongs to other evidence than {evidence.name}.",
            why="the digest in it is that of another file, or the evidence was changed",
            hint="keep the files of one run together, or remove this one to judge without it",
        )
    return results


def _results(value: Mapping[str, Any]) -> SdkResults:
    if (value["format"], value["version"]) != (FORMAT, VERSION):
        raise ValueError(f"it is no {FORMAT} of version {VERSION}")
    return SdkResults(
        sdks=tuple(_text(name) for name in value["sdks"]),
        rows=tuple(_row(row) for row in value["rows"]),
        skipped=tuple(Skipped(_text(skip["exchange"]), _text(skip["why"])) for skip in value["skipped"]),
    )


def _row(value: Mapping[str, Any]) -> SdkRow:
    return SdkRow(
        exchange=_text(value["exchange"]),
        sdk=_text(value["sdk"]),
        call=Call(value["call"]),
        result=Result(value["result"]),
        sees=_text(value["sees"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is no text")
    return value


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read.", why=error.strerror or "", hint="let yourself read it"
        ) from error
