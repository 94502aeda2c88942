"""Mutations of the JSON of an answer: of a completion, of chosen chunks, of an error, of the list of models.

All of them name a place with a pointer (``at``), say with ``in`` which documents are meant, and with
``which`` which chunks (:func:`conformance.reference.mutators.chunks.chosen`).
"""

# ruff: noqa: ARG002  all mutators of one point have one signature

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Final

from conformance.conditions import find, split_pointer
from conformance.model import Json
from conformance.reference.mutators.places import assign, remove, rename
from conformance.reference.record import Record, wrong
from conformance.reference.scene import Scene

TARGETS: Final = ("completion", "chunks", "error", "models")


class Absent:
    """Stands for a value that was not written (null is one that was)."""

    def __repr__(self) -> str:
        """Name it in error texts."""
        return "nothing"


ABSENT: Final = Absent()


class Edit(Record, frozen=True, kw_only=True):
    """A change at the pointer ``at`` in the documents ``in``."""

    at: str
    in_: str | list[str]
    which: str | int | list[int] = "all"

    def check(self, where: str) -> None:
        """Demand a pointer and known documents."""
        self.pointer("at", where)
        for target in self.targets:
            if target not in TARGETS:
                raise wrong(where, f"in {target!r} is none of {', '.join(TARGETS)}")

    @property
    def targets(self) -> list[str]:
        """The documents that are meant."""
        return [self.in_] if isinstance(self.in_, str) else self.in_

    def edit(self, document: Json, number: int, scene: Scene) -> Json:
        """Return the changed copy of ``document``; ``number`` is that of the chunk."""
        return self.change(deepcopy(document), number, scene)

    def change(self, document: Json, number: int, scene: Scene) -> Json:
        """Change ``document`` in place, or return another."""
        raise NotImplementedError


class Set(Edit, frozen=True, kw_only=True):
    """Put something else there: a value, a text with slots, a copy from another place, or another number.

    ``copy`` is a pointer in the same document, ``request`` one in the request. ``plus`` and ``times``
    change a number. With ``present`` only what is there is replaced.
    """

    value: Json | Absent = ABSENT
    text: str | None = None
    copy: str | None = None
    request: str | None = None
    plus: float | None = None
    times: float | None = None
    present: bool = False

    def check(self, where: str) -> None:
        """Demand exactly one source."""
        Edit.check(self, where)
        self.exactly_one(("value", "text", "copy", "request", "plus", "times"), where)
        self.pointer("copy", where)
        self.pointer("request", where)

    def change(self, document: Json, number: int, scene: Scene) -> Json:
        """Replace what is there."""
        present = self.present or self.plus is not None or self.times is not None
        source = deepcopy(document)
        return assign(
            document, self.at, lambda old: self._new(old, source, number, scene), present_only=present
        )

    def _new(self, old: Json, document: Json, number: int, scene: Scene) -> Json:
        if self.text is not None:
            return scene.fill(self.text, number, old)
        if self.copy is not None:
            return deepcopy(next(find(document, split_pointer(self.copy)), None))
        if self.request is not None:
            return deepcopy(next(find(scene.body, split_pointer(self.request)), None))
        if isinstance(old, int | float) and (self.plus is not None or self.times is not None):
            changed = (old + (self.plus or 0)) * (1 if self.times is None else self.times)
            return int(changed) if float(changed).is_integer() else changed
        return old if isinstance(self.value, Absent) else deepcopy(self.value)


class Drop(Edit, frozen=True, kw_only=True):
    """Leave the member out."""

    def change(self, document: Json, number: int, scene: Scene) -> Json:
        """Remove what is there."""
        return remove(document, self.at)


class Rename(Edit, frozen=True, kw_only=True):
    """Call the member ``to``."""

    to: str

    def change(self, document: Json, number: int, scene: Scene) -> Json:
        """Rename what is there."""
        return rename(document, self.at, self.to)


class Retype(Edit, frozen=True, kw_only=True):
    """Give the value there another JSON type.

    ``to`` is string (of a container: its JSON), number, array (around the value), object (``{"value":
    …}``), parsed (the JSON that a string holds) or encoded (a string that holds the value's JSON).
    """

    to: str

    def check(self, where: str) -> None:
        """Demand a known type."""
        Edit.check(self, where)
        self.one_of("to", ("string", "number", "array", "object", "parsed", "encoded"), where)

    def change(self, document: Json, number: int, scene: Scene) -> Json:
        """Retype what is there."""
        return assign(document, self.at, self._new, present_only=True)

    def _new(self, old: Json) -> Json:
        match self.to:
            case "string":
                return old if isinstance(old, str) else json.dumps(old)
            case "number":
                return _number(old)
            case "array":
                return [old]
            case "object":
                return {"value": old}
            case "encoded":
                return json.dumps(old, ensure_ascii=False)
            case _:
                return _parsed(old)


class Wrap(Edit, frozen=True, kw_only=True):
    """Put the value into ``into``, at the place of the string ``$`` in it."""

    into: Json

    def change(self, document: Json, number: int, scene: Scene) -> Json:
        """Wrap what is there."""
        return assign(document, self.at, lambda old: _placed(self.into, old), present_only=True)


class Rewrite(Edit, frozen=True, kw_only=True):
    """Change the string there: replace ``pattern`` (a regular expression) by ``put`` (with slots and groups).

    Or read its UTF-8 bytes in the encoding ``misread``, which makes mojibake.
    """

    pattern: str | None = None
    put: str = ""
    misread: str | None = None

    def check(self, where: str) -> None:
        """Demand one way, and a pattern that compiles."""
        Edit.check(self, where)
        self.exactly_one(("pattern", "misread"), where)
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise wrong(where, f"pattern: {error}") from None

    def change(self, document: Json, number: int, scene: Scene) -> Json:
        """Rewrite what is there, if it is a string."""
        return assign(document, self.at, lambda old: self._new(old, number, scene), present_only=True)

    def _new(self, old: Json, number: int, scene: Scene) -> Json:
        if not isinstance(old, str):
            return old
        if self.misread is not None:
            return old.encode("utf-8", "surrogatepass").decode(self.misread, "replace")
        return re.sub(self.pattern or "", scene.fill(self.put, number), old)


def _number(value: Json) -> Json:
    try:
        number = float(value) if isinstance(value, str | int | float) else 0.0
    except ValueError:
        number = 0.0
    return int(number) if number.is_integer() else number


def _parsed(value: Json) -> Json:
    if not isinstance(value, str):
        return value
    try:
        parsed: Json = json.loads(value)
    except ValueError:
        return {}
    return parsed


def _placed(template: Json, value: Json) -> Json:
    if template == "$":
        return value
    if isinstance(template, dict):
        return {key: _placed(item, value) for key, item in template.items()}
    if isinstance(template, list):
        return [_placed(item, value) for item in template]
    return template
