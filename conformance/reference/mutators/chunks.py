"""Mutations of the list of chunks: repeated, left out, moved, made up, glued together, cumulative.

``which`` chooses chunks: all, none, first, last, later (all but the first), role, content, reasoning, tool,
opening (a tool delta with an id), fragment (one without), finish, usage, empty (no choices), or positions,
negative ones counted from the end.
"""

# ruff: noqa: ARG002  all mutators of one point have one signature

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Final

from conformance.conditions import find
from conformance.model import Json
from conformance.reference.record import Record, wrong
from conformance.reference.scene import Scene


def _some(*pointer: str) -> Callable[[Json], bool]:
    """Return the test whether some value at ``pointer`` is neither null nor empty."""
    return lambda chunk: any(value not in (None, "", [], {}) for value in find(chunk, pointer))


_DELTA: Final = ("choices", "*", "delta")
KINDS: Final[Mapping[str, Callable[[Json], bool]]] = {
    "all": lambda _: True,
    "none": lambda _: False,
    "role": _some(*_DELTA, "role"),
    "content": _some(*_DELTA, "content"),
    "reasoning": _some(*_DELTA, "reasoning_content"),
    "tool": _some(*_DELTA, "tool_calls"),
    "opening": _some(*_DELTA, "tool_calls", "*", "id"),
    "fragment": lambda chunk: KINDS["tool"](chunk) and not KINDS["opening"](chunk),
    "finish": _some("choices", "*", "finish_reason"),
    "usage": _some("usage"),
    "empty": lambda chunk: isinstance(chunk, dict) and chunk.get("choices") == [],
}
_POSITIONS: Final[Mapping[str, slice]] = {
    "first": slice(0, 1),
    "last": slice(-1, None),
    "later": slice(1, None),
}


def chosen(chunks: Sequence[Json], which: str | int | list[int]) -> frozenset[int]:
    """Return the positions of the chunks that ``which`` means."""
    everywhere = range(len(chunks))
    if isinstance(which, str):
        if which in _POSITIONS:
            return frozenset(everywhere[_POSITIONS[which]])
        return frozenset(number for number in everywhere if KINDS[which](chunks[number]))
    wanted = which if isinstance(which, list) else [which]
    return frozenset(everywhere[number] for number in wanted if -len(chunks) <= number < len(chunks))


def check_which(which: str | int | list[int], where: str) -> None:
    """Raise CatalogueError unless ``which`` chooses chunks."""
    if isinstance(which, str) and which not in {*KINDS, *_POSITIONS}:
        raise wrong(where, f"which {which!r} is none of {', '.join((*KINDS, *_POSITIONS))}")


class ChunkMutator(Record, frozen=True, kw_only=True):
    """Changes the list of chunks; ``which`` are the chunks that are meant."""

    which: str | int | list[int] = "all"

    def check(self, where: str) -> None:
        """Demand a choice that is known."""
        check_which(self.which, where)

    def on_chunks(self, chunks: list[Json], scene: Scene) -> list[Json]:
        """Return the chunks as the faulty gateway sends them."""
        raise NotImplementedError


class Repeat(ChunkMutator, frozen=True, kw_only=True):
    """Send each chosen chunk ``times`` times."""

    times: int = 2

    def on_chunks(self, chunks: list[Json], scene: Scene) -> list[Json]:
        """Return the list with repetitions."""
        meant = chosen(chunks, self.which)
        return [
            deepcopy(chunk) for n, chunk in enumerate(chunks) for _ in range(self.times if n in meant else 1)
        ]


class Remove(ChunkMutator, frozen=True, kw_only=True):
    """Leave the chosen chunks out."""

    def on_chunks(self, chunks: list[Json], scene: Scene) -> list[Json]:
        """Return the others."""
        meant = chosen(chunks, self.which)
        return [chunk for number, chunk in enumerate(chunks) if number not in meant]


class Move(ChunkMutator, frozen=True, kw_only=True):
    """Send the chosen chunks elsewhere: ``to`` is first, last, or reversed (among themselves)."""

    to: str

    def check(self, where: str) -> None:
        """Demand a known place."""
        ChunkMutator.check(self, where)
        self.one_of("to", ("first", "last", "reversed"), where)

    def on_chunks(self, chunks: list[Json], scene: Scene) -> list[Json]:
        """Return the list in another order."""
        meant = sorted(chosen(chunks, self.which))
        moved = [chunks[number] for number in meant]
        rest = [chunk for number, chunk in enumerate(chunks) if number not in meant]
        if self.to == "first":
            return moved + rest
        if self.to == "last":
            return rest + moved
        swapped = list(chunks)
        for number, chunk in zip(meant, reversed(moved), strict=True):
            swapped[number] = chunk
        return swapped


class Insert(ChunkMutator, frozen=True, kw_only=True):
    """Send another chunk ``place`` (before or after) each chosen one.

    ``chunk`` are its members; unless ``bare``, it begins as a copy of the chosen chunk without usage.
    """

    chunk: Json
    place: str = "before"
    bare: bool = False

    def check(self, where: str) -> None:
        """Demand a known place."""
        ChunkMutator.check(self, where)
        self.one_of("place", ("before", "after"), where)

    def on_chunks(self, chunks: list[Json], scene: Scene) -> list[Json]:
        """Return the list with the chunk in it."""
        meant = chosen(chunks, self.which)
        made: list[Json] = []
        for number, chunk in enumerate(chunks):
            pair = [self._made(chunk), chunk] if self.place == "before" else [chunk, self._made(chunk)]
            made.extend(pair if number in meant else [chunk])
        return made

    def _made(self, model: Json) -> Json:
        if self.bare or not isinstance(model, dict) or not isinstance(self.chunk, dict):
            return deepcopy(self.chunk)
        return {
            **{key: value for key, value in deepcopy(model).items() if key != "usage"},
            **deepcopy(self.chunk),
        }


class Cumulate(ChunkMutator, frozen=True, kw_only=True):
    """Let the chosen deltas say everything so far; ``of`` is content, reasoning_content, arguments or logprobs."""

    of: str

    def check(self, where: str) -> None:
        """Demand a member that is told in pieces."""
        ChunkMutator.check(self, where)
        self.one_of("of", ("content", "reasoning_content", "arguments", "logprobs"), where)

    def on_chunks(self, chunks: list[Json], scene: Scene) -> list[Json]:
        """Return the chunks with cumulative deltas."""
        said: dict[object, str] = {}
        changed, meant = deepcopy(chunks), chosen(chunks, self.which)
        if self.of == "logprobs":
            _pile_up_logprobs([chunk for number, chunk in enumerate(changed) if number in meant])
            return changed
        for number, chunk in enumerate(changed):
            for place, holder in _tellers(chunk, self.of):
                piece = holder.get(self.of)
                if isinstance(piece, str):
                    said[place] = said.get(place, "") + piece
                    holder[self.of] = said[place] if number in meant else piece
        return changed


def _pile_up_logprobs(chunks: list[Json]) -> None:
    """Put before the log probabilities of each chunk those of all earlier ones, choice by choice."""
    told: dict[object, list[Json]] = {}
    for chunk in chunks:
        for choice in find(chunk, ("choices", "*")):
            logprobs = choice.get("logprobs") if isinstance(choice, dict) else None
            if isinstance(choice, dict) and isinstance(logprobs, dict):
                content = logprobs.get("content")
                entries = told.setdefault(choice.get("index"), [])
                entries.extend(content if isinstance(content, list) else [])
                logprobs["content"] = list(entries)


class Merge(ChunkMutator, frozen=True, kw_only=True):
    """Put what the chosen chunks say into the first of them; ``choice`` members of later chunks win."""

    def on_chunks(self, chunks: list[Json], scene: Scene) -> list[Json]:
        """Return the list with the chosen chunks glued into one."""
        meant = sorted(chosen(chunks, self.which))
        if not meant:
            return chunks
        glued: Json = deepcopy(chunks[meant[0]])
        for number in meant[1:]:
            glued = _glue(glued, chunks[number], "")
        return [glued if n == meant[0] else chunk for n, chunk in enumerate(chunks) if n not in meant[1:]]


def _tellers(chunk: Json, member: str) -> Iterator[tuple[object, dict[str, Json]]]:
    """Yield the objects that hold pieces of ``member``, with what tells the texts apart."""
    for choice in find(chunk, ("choices", "*")):
        index = _index(choice)
        if member != "arguments":
            yield from ((index, delta) for delta in find(choice, ("delta",)) if isinstance(delta, dict))
            continue
        for call in find(choice, ("delta", "tool_calls", "*")):
            called = ((index, _index(call)), call.get("function")) if isinstance(call, dict) else (None, None)
            if isinstance(called[1], dict):
                yield called[0], called[1]


def _glue(one: Json, other: Json, name: str) -> Json:
    """Return both documents as one: objects and items of one ``index`` joined, pieces of text too."""
    if isinstance(one, dict) and isinstance(other, dict):
        joined = dict(one)
        for key, value in other.items():
            joined[key] = _glue(joined[key], value, key) if joined.get(key) is not None else deepcopy(value)
        return joined
    if isinstance(one, list) and isinstance(other, list) and name in {"choices", "tool_calls"}:
        items = list(one)
        for item in other:
            twin = next((n for n, mine in enumerate(items) if _index(mine) == _index(item)), None)
            if twin is None:
                items.append(deepcopy(item))
            else:
                items[twin] = _glue(items[twin], item, "")
        return items
    if (
        isinstance(one, str)
        and isinstance(other, str)
        and name in {"content", "reasoning_content", "arguments"}
    ):
        return one + other
    return one if other is None else other


def _index(item: Json) -> Json:
    return item.get("index") if isinstance(item, dict) else None
