"""What checks of streams ask of all chunks or all deltas: the first that is wrong, else a pass for as many."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from conformance.chatstream import Delta, Frame
from conformance.checks.api import Case
from conformance.model import Finding, Json


def each_chunk(case: Case, wrong: Callable[[Frame], str], expected: str, pointer: str) -> Iterator[Finding]:
    """Judge every chunk; ``wrong`` says what is wrong with one, or nothing."""
    chunks = case.view.stream.chunks
    for chunk in chunks:
        if saw := wrong(chunk):
            yield case.fail(saw, expected, examined=len(chunks), frame=chunk.index, pointer=pointer)
            return
    if chunks:
        yield case.ok(len(chunks))


def each_delta(case: Case, wrong: Callable[[Delta], str], expected: str, member: str) -> Iterator[Finding]:
    """Judge every choice entry of every chunk; ``wrong`` says what is wrong with one, or nothing."""
    deltas = list(case.view.stream.deltas)
    for delta in deltas:
        if saw := wrong(delta):
            pointer = f"/choices/{delta.position}/{member}"
            yield case.fail(saw, expected, examined=len(deltas), frame=delta.frame, pointer=pointer)
            return
    if deltas:
        yield case.ok(len(deltas))


def one_value(case: Case, member: str, values: list[tuple[int, Json]]) -> Iterator[Finding]:
    """Pass when all values are equal, fail at the first that differs."""
    if not values:
        return
    first = values[0][1]
    for frame, value in values:
        if value != first:
            yield case.fail(
                f"{member} is {value!r}, it was {first!r}",
                f"the same {member} in every chunk",
                examined=len(values),
                frame=frame,
                pointer=f"/{member}",
            )
            return
    yield case.ok(len(values))
