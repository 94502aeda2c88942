"""Places in a JSON document that a pointer means, and changes there. The document is changed in place.

Pointers are those of :mod:`conformance.conditions`: ``*`` is every item or member, ``-`` the last item. The
last step may name a member that is not there yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, MutableSequence
from typing import Any, TypeAlias

from conformance.conditions import find, split_pointer
from conformance.model import Json

Container: TypeAlias = MutableMapping[Any, Any] | MutableSequence[Any]
Place: TypeAlias = tuple[Any, Any]
"""A container and a key or index in it."""

_ROOT = "document"


def places(document: Json, pointer: str) -> list[Place]:
    """Return the places that ``pointer`` means in ``document`` (not for the empty pointer)."""
    steps = split_pointer(pointer)
    return (
        [place for parent in find(document, steps[:-1]) for place in _last(parent, steps[-1])]
        if steps
        else []
    )


def assign(document: Json, pointer: str, make: Callable[[Json], Json], *, present_only: bool = False) -> Json:
    """Return ``document`` with ``make(old value)`` at every place; ``present_only`` adds no new member."""
    holder: dict[str, Json] = {_ROOT: document}
    for container, key in places(holder, f"/{_ROOT}{pointer}"):
        old = _get(container, key)
        if old is _NOTHING and present_only:
            continue
        container[key] = make(None if old is _NOTHING else old)
    return holder[_ROOT]


def remove(document: Json, pointer: str) -> Json:
    """Return ``document`` without the values at ``pointer``; nothing happens where there are none."""
    for container, key in reversed(places(document, pointer)):
        if _get(container, key) is not _NOTHING:
            del container[key]
    return document


def rename(document: Json, pointer: str, name: str) -> Json:
    """Return ``document`` with the member at ``pointer`` called ``name``, at its old position."""
    for container, key in places(document, pointer):
        if isinstance(container, dict) and key in container:
            items = [(name if other == key else other, value) for other, value in container.items()]
            container.clear()
            container.update(items)
    return document


_NOTHING = object()


def _get(container: Any, key: Any) -> Any:  # noqa: ANN401  JSON of any shape
    try:
        return container[key]
    except (KeyError, IndexError):
        return _NOTHING


def _last(parent: Json, step: str) -> Iterator[Place]:
    if isinstance(parent, dict):
        yield from [(parent, key) for key in parent] if step == "*" else [(parent, step)]
    elif isinstance(parent, list):
        if step == "*":
            yield from [(parent, index) for index in range(len(parent))]
        elif step == "-" and parent:
            yield parent, len(parent) - 1
        elif step.isdecimal() and int(step) < len(parent):
            yield parent, int(step)
