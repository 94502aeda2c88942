"""Mutations of the HTTP answer: status, headers, body bytes, timing, framing, the end of the connection."""

# ruff: noqa: ARG002  all mutators of one point have one signature

from __future__ import annotations

import gzip
import json

from msgspec import field
from msgspec.structs import replace

from conformance.model import Json
from conformance.reference.mutators.edits import ABSENT, Absent
from conformance.reference.record import Record, wrong
from conformance.reference.reply import Ending, Framing, Reply
from conformance.reference.scene import Scene


class ReplyMutator(Record, frozen=True, kw_only=True):
    """Changes the HTTP answer."""

    def on_reply(self, reply: Reply, scene: Scene) -> Reply:
        """Return the reply as the faulty gateway writes it."""
        raise NotImplementedError


class Status(ReplyMutator, frozen=True, kw_only=True):
    """Answer with the status ``to``."""

    to: int

    def on_reply(self, reply: Reply, scene: Scene) -> Reply:
        """Return the reply with another status."""
        return replace(reply, status=self.to)


class Headers(ReplyMutator, frozen=True, kw_only=True):
    """Set and drop headers (names without regard to case; values with the slots of a scene)."""

    set: dict[str, str] = field(default_factory=dict)
    drop: list[str] = field(default_factory=list)
    upper: bool = False

    def on_reply(self, reply: Reply, scene: Scene) -> Reply:
        """Return the reply with other headers."""
        gone = {name.lower() for name in (*self.set, *self.drop)}
        kept = [(name, value) for name, value in reply.headers if name.lower() not in gone]
        kept += [(name, scene.fill(value)) for name, value in self.set.items()]
        return replace(
            reply, headers=tuple((name.upper() if self.upper else name, value) for name, value in kept)
        )


class Body(ReplyMutator, frozen=True, kw_only=True):
    """Change the bytes of the body.

    ``text`` (with slots), ``json`` or ``hex`` replace it, ``before`` and ``after`` are put around it,
    ``find`` is replaced by ``put``. ``style`` (ascii or indented) writes JSON in another way. ``encoding``
    is the character encoding that the body is written in.
    """

    text: str | None = None
    json: Json | Absent = ABSENT
    hex: str | None = None
    before: str = ""
    after: str = ""
    find: str | None = None
    put: str = ""
    encoding: str = "utf-8"
    style: str | None = None

    def check(self, where: str) -> None:
        """Demand hexadecimal digits, a known style, and an encoding that exists."""
        self.one_of("style", ("ascii", "indented"), where)
        try:
            bytes.fromhex(self.hex or "")
            "".encode(self.encoding)
        except (ValueError, LookupError) as error:
            raise wrong(where, str(error)) from None

    def on_reply(self, reply: Reply, scene: Scene) -> Reply:
        """Return the reply with other bytes."""
        body = reply.body
        if self.text is not None:
            body = scene.fill(self.text).encode()
        elif self.hex is not None:
            body = bytes.fromhex(self.hex)
        elif not isinstance(self.json, Absent):
            body = json.dumps(self.json, ensure_ascii=False).encode()
        if self.style is not None and body:
            indent = 2 if self.style == "indented" else None
            body = json.dumps(json.loads(body), ensure_ascii=self.style == "ascii", indent=indent).encode()
        if self.find is not None:
            body = body.replace(self.find.encode(), self.put.encode())
        body = self.before.encode() + body + scene.fill(self.after).encode()
        if self.encoding != "utf-8":
            body = body.decode("utf-8", "replace").encode(self.encoding, "replace")
        return replace(reply, writes=(body,))


class Pieces(ReplyMutator, frozen=True, kw_only=True):
    """Flush the body in other pieces: of ``size`` bytes each, or whole; ``pause`` seconds apart."""

    size: int | None = None
    whole: bool = False
    pause: float | None = None

    def on_reply(self, reply: Reply, scene: Scene) -> Reply:
        """Return the reply in other pieces."""
        writes, body = reply.writes, reply.body
        if self.size is not None:
            writes = tuple(
                body[start : start + self.size] for start in range(0, len(body), max(1, self.size))
            )
        elif self.whole:
            writes = (body,)
        return replace(reply, writes=writes, pause=reply.pause if self.pause is None else self.pause)


class Cut(ReplyMutator, frozen=True, kw_only=True):
    """End the connection early: after ``bytes`` of the body, or after the part ``fraction`` of it.

    ``by`` is close, reset or hang.
    """

    bytes: int | None = None
    fraction: float | None = None
    by: str = "close"

    def check(self, where: str) -> None:
        """Demand one place and a known way."""
        self.exactly_one(("bytes", "fraction"), where)
        self.one_of("by", ("close", "reset", "hang"), where)

    def on_reply(self, reply: Reply, scene: Scene) -> Reply:
        """Return the reply with an early end."""
        at = self.bytes if self.bytes is not None else int(len(reply.body) * (self.fraction or 0))
        return replace(reply, cut=at, ending=Ending(self.by))


class Wait(ReplyMutator, frozen=True, kw_only=True):
    """Take time: seconds before the ``head``, before the ``body``, and ``between`` its pieces."""

    head: float = 0.0
    body: float = 0.0
    between: float | None = None

    def on_reply(self, reply: Reply, scene: Scene) -> Reply:
        """Return the reply with delays."""
        pause = reply.pause if self.between is None else self.between
        return replace(reply, wait=reply.wait + self.head, stall=reply.stall + self.body, pause=pause)


class Gzip(ReplyMutator, frozen=True, kw_only=True):
    """Compress the body (``body``) and say so (``header``); one without the other is a lie."""

    body: bool = True
    header: bool = True

    def on_reply(self, reply: Reply, scene: Scene) -> Reply:
        """Return the reply compressed, or labelled so."""
        headers = (*reply.headers, ("content-encoding", "gzip")) if self.header else reply.headers
        writes = (gzip.compress(reply.body, mtime=0),) if self.body else reply.writes
        return replace(reply, headers=headers, writes=writes)


class Connection(ReplyMutator, frozen=True, kw_only=True):
    """Mark the end of the body (``framing``) and of the lines of the head, and end the connection, in another way."""

    framing: str | None = None
    ending: str | None = None
    line_end: str | None = None

    def check(self, where: str) -> None:
        """Demand known words."""
        self.one_of("framing", tuple(Framing), where)
        self.one_of("ending", tuple(Ending), where)

    def on_reply(self, reply: Reply, scene: Scene) -> Reply:
        """Return the reply with another end."""
        return replace(
            reply,
            framing=reply.framing if self.framing is None else Framing(self.framing),
            ending=reply.ending if self.ending is None else Ending(self.ending),
            line_end=reply.line_end if self.line_end is None else self.line_end,
        )


class Replay(ReplyMutator, frozen=True, kw_only=True):
    """Answer with given bytes, whatever would be right.

    ``text`` or ``hex`` is the body; with ``raw`` it begins with the status line. ``pieces`` is whole, or
    events (flushed one by one, split behind blank lines).
    """

    text: str | None = None
    hex: str | None = None
    raw: bool = False
    status: int = 200
    content_type: str = "text/event-stream"
    headers: dict[str, str] = field(default_factory=dict)
    pieces: str = "events"

    def check(self, where: str) -> None:
        """Demand bytes and known pieces."""
        self.exactly_one(("text", "hex"), where)
        self.one_of("pieces", ("events", "whole"), where)
        try:
            bytes.fromhex(self.hex or "")
        except ValueError as error:
            raise wrong(where, f"hex: {error}") from None

    def on_reply(self, reply: Reply, scene: Scene) -> Reply:
        """Return the given bytes."""
        body = bytes.fromhex(self.hex) if self.hex is not None else scene.fill(self.text or "").encode()
        if self.raw:
            return replace(reply, raw=body, ending=Ending.CLOSE)
        streamed = self.pieces == "events" and self.content_type.startswith("text/event-stream")
        headers = (("content-type", self.content_type), *self.headers.items())
        if not streamed:
            return Reply(self.status, headers, (body,))
        parts = body.split(b"\n\n")
        writes = (*(part + b"\n\n" for part in parts[:-1]), parts[-1])
        return Reply(self.status, headers, writes, framing=Framing.CHUNKED, pause=reply.pause or 0.004)
