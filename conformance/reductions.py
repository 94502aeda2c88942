"""Smaller forms of a request, the boldest first. Pure: which of them still shows a failure is asked elsewhere.

A place is *kept*: the one that is wrong, with everything on the way to it. All else may go, a token limit and the
model excepted: without them a request costs more, or fails for another reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias, cast

from conformance import graft
from conformance.model import Json

_STAYS: Final = frozenset({"model", "messages", "max_tokens", "max_completion_tokens"})
_SHORT: Final = 8
"""Characters that are not worth a request to shorten."""

HELLO: Final[Json] = [{"role": "user", "content": "Hello!"}]


Smaller: TypeAlias = tuple[dict[str, Json], graft.Path]
"""A smaller body, and where the kept place stands in it."""


def smaller(body: dict[str, Json], kept: graft.Path) -> list[Smaller]:
    """Return smaller bodies in which the place ``kept`` stands: bare ones first, then those that lose the most."""
    bold = [each for each in _bare(body, kept) if each[0] != body]
    others = sorted(_each(body, kept), key=lambda each: len(repr(each[0])))
    return [*bold, *(each for each in others if each not in bold)]


def sizes(least: int, size: int) -> Iterator[int]:
    """Yield sizes below ``size`` to try, from the least upwards; a failing one is the new ``size`` to search below."""
    step = least
    while step < size:
        yield step
        step = max(step + 1, (step + size + 1) // 2)


def _bare(body: dict[str, Json], kept: graft.Path) -> Iterator[Smaller]:
    """Yield the body with the plainest messages, and with no member more than it needs."""
    needed = {name: item for name, item in body.items() if name in _STAYS or name in kept[:1]}
    if kept[:1] != ("messages",):
        yield {**needed, "messages": HELLO}, kept
        yield {**body, "messages": HELLO}, kept
    elif len(kept) > 1 and isinstance(body["messages"], list):
        yield {**needed, "messages": [body["messages"][int(kept[1])]]}, ("messages", 0, *kept[2:])
    yield needed, kept


def _each(body: dict[str, Json], kept: graft.Path) -> Iterator[Smaller]:
    """Yield the body with one thing less."""
    for path in _paths(body, ()):
        if path == kept[: len(path)] or (len(path) == 1 and path[0] in _STAYS):
            continue
        found = graft.look(body, path)
        yield cast("dict[str, Json]", graft.remove(body, path)), _moved(kept, path)
        if isinstance(found, str) and len(found) > _SHORT:
            yield cast("dict[str, Json]", graft.put(body, path, found[: len(found) // 2])), kept


def _moved(kept: graft.Path, gone: graft.Path) -> graft.Path:
    """Return where the kept place stands once the item ``gone`` before it is not there any more."""
    *holder, step = gone
    at = len(holder)
    if isinstance(step, int) and list(kept[:at]) == holder and len(kept) > at and int(kept[at]) > step:
        return (*kept[:at], int(kept[at]) - 1, *kept[at + 1 :])
    return kept


def _paths(value: Json, at: graft.Path) -> Iterator[graft.Path]:
    members: Iterable[tuple[str | int, Json]] = ()
    if isinstance(value, dict):
        members = value.items()
    elif isinstance(value, list):
        members = enumerate(value)
    for step, item in members:
        yield (*at, step)
        yield from _paths(item, (*at, step))
