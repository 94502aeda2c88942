"""Mutations of the bytes of a stream's events: framing, the end mark, bytes that do not belong there.

An event here is what is flushed at once: normally ``data: {json}`` with its blank line; the last is
``[DONE]``.
"""

# ruff: noqa: ARG002  all mutators of one point have one signature

from __future__ import annotations

import json
from collections.abc import Sequence

from conformance.reference.record import Record, wrong
from conformance.reference.scene import Scene
from conformance.reference.wire import DONE

_FIELD = b"data: "
_BLANK = b"\n\n"


class EventMutator(Record, frozen=True, kw_only=True):
    """Changes the events of a stream."""

    def on_events(self, events: list[bytes], scene: Scene) -> list[bytes]:
        """Return the pieces that the faulty gateway flushes."""
        raise NotImplementedError


class Done(EventMutator, frozen=True, kw_only=True):
    """Send the end mark ``times`` times, with the text ``says``, ended by ``end``."""

    times: int = 1
    says: str = "[DONE]"
    end: str = "\n\n"

    def on_events(self, events: list[bytes], scene: Scene) -> list[bytes]:
        """Return the events with another end mark."""
        rest = [event for event in events if event != DONE]
        return [*rest, *[_FIELD + self.says.encode() + self.end.encode()] * self.times]


class Frame(EventMutator, frozen=True, kw_only=True):
    """Write events with another frame.

    ``which`` is all, data (all but the end mark), done, first or last. ``prefix`` stands where ``data: ``
    belongs, ``line_end`` ends the line and ``blank`` is the blank line. ``lines`` splits the JSON over so
    many data lines; ``pretty`` writes it indented, with bare line feeds in it. ``before`` are lines in
    front of the data line.
    """

    which: str = "all"
    prefix: str = "data: "
    line_end: str = "\n"
    blank: str | None = None
    lines: int = 1
    pretty: bool = False
    before: str = ""

    def check(self, where: str) -> None:
        """Demand a known choice and at least one line."""
        self.one_of("which", ("all", "data", "done", "first", "last"), where)
        if self.lines < 1:
            raise wrong(where, "lines has to be at least 1")

    def on_events(self, events: list[bytes], scene: Scene) -> list[bytes]:
        """Return the events in another frame."""
        return [
            self._framed(event) if self._meant(n, event, len(events)) else event
            for n, event in enumerate(events)
        ]

    def _meant(self, number: int, event: bytes, count: int) -> bool:
        return {
            "all": True,
            "data": event != DONE,
            "done": event == DONE,
            "first": number == 0,
            "last": number == count - 1,
        }[self.which] and event.startswith(_FIELD)

    def _framed(self, event: bytes) -> bytes:
        payload = event.removeprefix(_FIELD).removesuffix(_BLANK)
        prefix, end = self.prefix.encode(), self.line_end.encode()
        blank = end if self.blank is None else self.blank.encode()
        if self.pretty and event != DONE:
            payload = json.dumps(json.loads(payload), ensure_ascii=False, indent=2).encode()
        data = b"".join(prefix + line + end for line in _split(payload, self.lines))
        return self.before.encode() + data + blank


class Write(EventMutator, frozen=True, kw_only=True):
    """Send bytes that are no event of the answer.

    ``text`` (with the slots of a scene) or ``hex`` are the bytes. ``place`` is start, end, before-done,
    after-first or between (after every event but the last); ``glued`` flushes them together with the event
    before them.
    """

    text: str | None = None
    hex: str | None = None
    place: str = "start"
    glued: bool = False

    def check(self, where: str) -> None:
        """Demand bytes and a known place."""
        self.exactly_one(("text", "hex"), where)
        self.one_of("place", ("start", "end", "before-done", "after-first", "between"), where)
        try:
            bytes.fromhex(self.hex or "")
        except ValueError as error:
            raise wrong(where, f"hex: {error}") from None

    def on_events(self, events: list[bytes], scene: Scene) -> list[bytes]:
        """Return the events with the bytes among them."""
        raw = bytes.fromhex(self.hex) if self.hex is not None else scene.fill(self.text or "").encode()
        done = next((number for number, event in enumerate(events) if event == DONE), len(events))
        match self.place:
            case "start":
                spots = {0}
            case "end":
                spots = {len(events)}
            case "before-done":
                spots = {done}
            case "after-first":
                spots = {1}
            case _:
                spots = set(range(1, len(events)))
        made: list[bytes] = []
        for number in range(len(events) + 1):
            if number in spots:
                if self.glued and made:
                    made[-1] += raw
                else:
                    made.append(raw)
            made.extend(events[number : number + 1])
        return made


class Patch(EventMutator, frozen=True, kw_only=True):
    """Replace the bytes ``find`` by ``put`` (or ``put_hex``) in all events, at most ``most`` times."""

    find: str
    put: str | None = None
    put_hex: str | None = None
    most: int = -1

    def check(self, where: str) -> None:
        """Demand the new bytes."""
        self.exactly_one(("put", "put_hex"), where)

    def on_events(self, events: list[bytes], scene: Scene) -> list[bytes]:
        """Return the events with other bytes in them."""
        new = bytes.fromhex(self.put_hex) if self.put_hex is not None else (self.put or "").encode()
        left, made = self.most, []
        for event in events:
            found = event.count(self.find.encode())
            made.append(event.replace(self.find.encode(), new, left))
            left = left if left < 0 else max(0, left - found)
        return made


def _split(payload: bytes, lines: int) -> Sequence[bytes]:
    """Return ``payload`` in at most ``lines`` parts, cut behind commas between members."""
    parts = payload.split(b',"')
    if lines == 1 or len(parts) < 2:  # noqa: PLR2004
        return payload.split(b"\n") if lines > 1 else [payload]
    size = -(-len(parts) // lines)
    groups = [parts[start : start + size] for start in range(0, len(parts), size)]
    joined = [b',"'.join(group) for group in groups]
    return [part + b"," if n < len(joined) - 1 else part for n, part in enumerate(_quoted(joined))]


def _quoted(parts: Sequence[bytes]) -> list[bytes]:
    return [part if n == 0 else b'"' + part for n, part in enumerate(parts)]
