"""The file of exchanges, ``evidence.jsonl``: one JSON object a line, in ASCII; every report is made from it.

A *header* says what was run against what; an *intent* is written before each request is sent, its *exchange*
when the answer is complete; a *footer* ends the file. A run that is killed loses at most the exchanges that
were under way, and their intents show which; a power failure costs those of its last moment as well. Bytes are kept
exactly, as text where they are UTF-8 and as Base64 where they are not. The format is
``spec/schema/evidence.schema.json``.

Nothing is redacted here: what is given to :meth:`Writer.exchange` must have gone through a Redactor before.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Literal, NoReturn, Self, TypeAlias, TypeVar

from msgspec import Struct

from conformance.disk import Disk, sync_folder
from conformance.errors import UsageError
from conformance.jsontext import on_one_line
from conformance.model import Exchange, FaultKind, Json, Request, TransportFault

try:
    import fcntl
except ImportError:  # not on every system
    fcntl = None  # type: ignore[assignment]

EVIDENCE: Final = "evidence.jsonl"
"""What the file is called in the folder of a run, and of a certificate."""
FORMAT: Final = "chat-conformance/evidence"
VERSION: Final = 1

_Row: TypeAlias = Mapping[str, Any]
_Value = TypeVar("_Value")


class EvidenceError(UsageError):
    """A file given as evidence cannot be read as evidence."""


class NotEvidenceError(EvidenceError):
    """The file has no header line of this format and version."""


class BrokenLineError(EvidenceError):
    """A line inside the file is not what was written there: it was changed, or the disk failed."""


class RepeatedExchangeError(EvidenceError):
    """The file has two exchanges with one id: files were joined, or written by two runs."""


class Evidence(Struct, frozen=True):
    """What a file holds.

    ``unfinished`` are the ids of intents without an exchange, in their order; ``sent_again`` those that were
    sent once more by a resumed run, since nothing had been recorded of them. ``footer`` is None when the
    run was killed. ``torn`` says that the last line was not finished, and so not read.
    """

    header: Mapping[str, Any]
    exchanges: tuple[Exchange, ...]
    unfinished: tuple[str, ...]
    footer: Mapping[str, Any] | None
    torn: bool
    sent_again: tuple[str, ...] = ()

    @property
    def sent(self) -> int:
        """How many requests were sent, those included of which nothing came back."""
        return len(self.exchanges) + len(self.unfinished) + len(self.sent_again)


class Writer:
    """Writes evidence line by line; a context manager.

    Every method returns when the system has its line, so that a killed run loses none; the disk has it a moment
    later, with the lines that came meanwhile: waiting for it would delay what is being read at the same time.
    :meth:`footer` and the end of the context return when the disk has everything.
    """

    def __init__(self, path: Path, header: Mapping[str, Json]) -> None:
        """Make the file and write its header; an existing file is never written over.

        Raises:
            UsageError: the file exists or cannot be made.

        """
        self._stream = _locked(path, _open(path, "xb"))
        self._disk = Disk(self._stream)
        self._lost: frozenset[str] = frozenset()
        self._write({"kind": "header", "format": FORMAT, "version": VERSION, **header})
        sync_folder(path.parent)

    @classmethod
    def resume(cls, path: Path) -> Self:
        """Open the evidence of an interrupted run to go on with it; a torn line and a footer are taken off.

        Raises:
            EvidenceError: the file is no evidence.
            UsageError: it cannot be written, or another run is writing it.

        """
        stream = _locked(path, _open(path, "r+b"))
        try:
            scan = _Scan(path)
            stream.truncate(scan.resumable)
            stream.seek(scan.resumable)
        except BaseException:
            stream.close()
            raise
        writer = cls.__new__(cls)
        writer._stream = stream  # noqa: SLF001 - its own
        writer._disk = Disk(stream)  # noqa: SLF001
        writer._lost = frozenset(scan.intents) - scan.done  # noqa: SLF001
        return writer

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file; without a footer it is the evidence of an interrupted run."""
        try:
            self._disk.close()
        finally:
            self._stream.close()

    def intent(self, exchange: str, *, again: bool = False) -> None:
        """Note that an exchange is about to be sent; ``again`` is known of what an interrupted run had sent."""
        mark: dict[str, Json] = {"again": True} if again or exchange in self._lost else {}
        self._write({"kind": "intent", "id": exchange, **mark}, durable=False)

    def exchange(self, exchange: Exchange) -> None:
        """Keep a finished exchange, which has to be redacted already."""
        self._write(_row(exchange))

    def footer(self, footer: Mapping[str, Json]) -> None:
        """End the file with how the run ended."""
        self._write({"kind": "footer", **footer})
        self._disk.wait()

    def _write(self, row: Mapping[str, Json], *, durable: bool = True) -> None:
        self._stream.write(on_one_line(row).encode("ascii") + b"\n")
        self._stream.flush()
        if durable:  # not asked of the disk for what costs nothing to lose
            self._disk.wants()


def read(path: Path) -> Evidence:
    """Read evidence. A last line that was not finished is left out and reported.

    Raises:
        UsageError: there is no such file.
        NotEvidenceError: its first line is no header of this format and version.
        BrokenLineError: a line is not what a writer writes.
        RepeatedExchangeError: an exchange stands there twice.

    """
    scan = _Scan(path)
    return Evidence(
        header=scan.header,
        exchanges=tuple(scan.exchanges),
        unfinished=tuple(name for name in scan.intents if name not in scan.done),
        footer=scan.footer,
        torn=scan.torn,
        sent_again=tuple(scan.again),
    )


class _Scan:
    """One pass over a file. ``resumable`` is the offset behind the last line that a resumed run keeps."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.header: dict[str, Any] = {}
        self.exchanges: list[Exchange] = []
        self.intents: dict[str, None] = {}
        self.again: list[str] = []
        self.footer: dict[str, Any] | None = None
        self.torn = False
        self.resumable = 0
        self._lines_of_exchanges: dict[str, int] = {}
        with _open(path, "rb") as stream:
            for number, line in enumerate(stream, start=1):
                if not line.endswith(b"\n"):
                    self.torn = True
                else:
                    self._take(number, line)
        if not self.header:
            raise NotEvidenceError(
                f"{path} holds no evidence.", why="it ends before its first line does", hint="run again"
            )

    @property
    def done(self) -> set[str]:
        """The ids of the exchanges."""
        return set(self._lines_of_exchanges)

    def _take(self, number: int, line: bytes) -> None:
        if number == 1:
            self.header = _header(self._path, line)
        elif self.footer is not None:
            raise self._broken(number, "it stands behind the footer")
        else:
            try:
                self._take_row(number, json.loads(line.decode("ascii"), parse_constant=_no_constant))
            except (ValueError, LookupError, RecursionError) as error:
                raise self._broken(number, _reason(error)) from None
        if self.footer is None:
            self.resumable += len(line)

    def _take_row(self, number: int, row: object) -> None:
        if not isinstance(row, dict):
            raise ValueError("it is no JSON object")  # noqa: TRY004 - a reason, see _take
        match row.pop("kind", None):
            case "intent":
                name = _get(row, "id", str)
                self.intents[name] = None
                if row.get("again") is True:
                    self.again.append(name)
            case "exchange":
                exchange = _exchange(row)
                first = self._lines_of_exchanges.setdefault(exchange.id, number)
                if first != number:
                    raise RepeatedExchangeError(
                        f"{self._path}:{number}: the exchange {exchange.id} stands there twice.",
                        why=f"first in line {first}; evidence of two runs may have been joined",
                        hint="judge each run by itself",
                    )
                self.exchanges.append(exchange)
            case "footer":
                self.footer = row
            case _:
                raise ValueError("its kind is none of intent, exchange, footer")

    def _broken(self, number: int, why: str) -> BrokenLineError:
        return BrokenLineError(
            f"{self._path}:{number}: this line is not evidence.",
            why=why,
            hint="the file was changed after it was written: take the original",
        )


def _row(exchange: Exchange) -> dict[str, Json]:
    request, fault = exchange.request, exchange.fault
    return {
        "kind": "exchange",
        "id": exchange.id,
        "probe": exchange.probe,
        "model": exchange.model,
        "attempt": exchange.attempt,
        "started_at": exchange.started_at,
        "elapsed": exchange.elapsed,
        "request": {
            "method": request.method,
            "path": request.path,
            "headers": [[name, value] for name, value in request.headers],
            "body": _pack(request.body),
        },
        "raw": _pack(exchange.raw),
        "pieces": [[when, size] for when, size in exchange.pieces],
        "fault": {"kind": fault.kind.value, "detail": fault.detail} if fault else None,
        **({} if exchange.fetched is None else {"fetched": exchange.fetched}),
    }


def _exchange(row: _Row) -> Exchange:
    request = _get(row, "request", dict)
    raw = _unpack(_get(row, "raw", dict))
    pieces = tuple((_number(piece, 0), _get(piece, 1, int)) for piece in _get(row, "pieces", list))
    if sum(size for _, size in pieces) != len(raw):
        raise ValueError("its pieces do not add up to its bytes")
    return Exchange(
        id=_get(row, "id", str),
        probe=_get(row, "probe", str),
        model=_get(row, "model", str),
        attempt=_get(row, "attempt", int),
        request=Request(
            method=_get(request, "method", str),
            path=_get(request, "path", str),
            headers=tuple(
                (_get(pair, 0, str), _get(pair, 1, str)) for pair in _get(request, "headers", list)
            ),
            body=_unpack(_get(request, "body", dict)),
        ),
        raw=raw,
        pieces=pieces,
        started_at=_number(row, "started_at"),
        elapsed=_number(row, "elapsed"),
        fault=None if row["fault"] is None else _fault(_get(row, "fault", dict)),
        fetched=_get(row, "fetched", int) if "fetched" in row else None,
    )


def _fault(row: _Row) -> TransportFault:
    return TransportFault(FaultKind(_get(row, "kind", str)), _get(row, "detail", str))


def _pack(data: bytes) -> dict[str, Json]:
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(data).decode("ascii")}


def _unpack(packed: _Row) -> bytes:
    if "text" in packed:
        return _get(packed, "text", str).encode("utf-8")
    try:
        return base64.b64decode(_get(packed, "b64", str), validate=True)
    except binascii.Error:
        raise ValueError("its Base64 is broken") from None


def _get(row: Any, key: str | int, kind: type[_Value]) -> _Value:  # noqa: ANN401 - a value of JSON
    """Return a member of a JSON value; LookupError: it is missing, ValueError: it is of another kind."""
    if not isinstance(row, list if isinstance(key, int) else dict):
        raise ValueError(f"what should hold {key!r} is no container")  # noqa: TRY004 - a reason, see _take
    value: object = row[key]  # type: ignore[index]  # the container suits the key
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"its member {key!r} is of the wrong kind")  # noqa: TRY004 - a reason, see _take
    return value


def _number(row: Any, key: str | int) -> float:  # noqa: ANN401 - a value of JSON
    """Return a member that is a number."""
    try:
        return _get(row, key, float)
    except ValueError:
        return _get(row, key, int)


def _header(path: Path, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("ascii"), parse_constant=_no_constant)
    except ValueError:
        row = None
    if not isinstance(row, dict) or row.pop("kind", None) != "header" or row.get("format") != FORMAT:
        raise NotEvidenceError(
            f"{path} holds no evidence.",
            why=f"its first line is no header of {FORMAT}",
            hint="give the evidence.jsonl of a run",
        )
    if row.get("version") != VERSION:
        raise NotEvidenceError(
            f"{path} has another version of the evidence format.",
            why=f"this version of the suite reads version {VERSION}",
            hint="read it with the version of the suite that wrote it",
        )
    return row


def _reason(error: Exception) -> str:
    if isinstance(error, LookupError):
        return f"{error.args[0] if error.args else 'a member'!r} is missing"
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | RecursionError):
        return "it is no JSON in ASCII"
    return str(error)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _open(path: Path, mode: Literal["rb", "xb", "r+b"]) -> BinaryIO:
    try:
        return path.open(mode)
    except FileExistsError:
        raise UsageError(
            f"{path} exists already.",
            why="evidence is never written over",
            hint="choose another folder with --output, or remove the old run",
        ) from None
    except OSError as error:
        hint = "choose another folder with --output" if mode == "xb" else "name the folder of a run"
        raise UsageError(f"{path} cannot be opened.", why=error.strerror or "", hint=hint) from error


def _locked(path: Path, stream: BinaryIO) -> BinaryIO:
    """Make sure that no other process writes the file, where the system has locks; a killed process holds none."""
    if fcntl is not None:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.close()
            raise UsageError(
                f"{path} is being written by another run.",
                why="two runs would pay for the same requests",
                hint="wait until it ends, or end it",
            ) from None
    return stream
