"""Models that are written as YAML mappings, read strictly: no unknown key, none missing, no wrong type.

A key that is a word of Python (``from``, ``as``, ``in``, ``with``) belongs to the field of that name with
``_`` behind it.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import repeat
from typing import Self

from msgspec import NODEFAULT, Struct

from conformance.conditions import split_pointer
from conformance.errors import CatalogueError


class Record(Struct, frozen=True):
    """A mapping of a data file with known keys."""

    @classmethod
    def read(cls, value: object, where: str) -> Self:
        """Return the record that ``value`` holds; ``where`` names the place for errors.

        Raises:
            CatalogueError: ``value`` is no mapping, or a key or a type is wrong.

        """
        if not isinstance(value, Mapping):
            raise wrong(where, f"a mapping is expected, not {value!r}")
        hints = _hints(cls)
        unknown = sorted(set(value) - set(hints))
        if unknown:
            raise wrong(where, f"unknown: {', '.join(map(str, unknown))}; known: {', '.join(sorted(hints))}")
        for key, item in value.items():
            if not _fits(item, hints[key][1]):
                raise wrong(where, f"{key} cannot be {item!r}")
        if missing := [name for name in _demanded(cls) if name not in value]:
            raise wrong(where, f"{', '.join(missing)} is missing")
        record = cls(**{hints[key][0]: item for key, item in value.items()})
        record.check(where)
        return record

    def check(self, where: str) -> None:
        """Raise CatalogueError when the values do not go together; ``where`` names the place."""

    def one_of(self, name: str, words: Iterable[object], where: str) -> None:
        """Demand that the field ``name`` is None or one of ``words``."""
        value = getattr(self, name)
        if value is not None and value not in words:
            raise wrong(where, f"{name.rstrip('_')} {value!r} is none of {', '.join(map(str, words))}")

    def pointer(self, name: str, where: str) -> None:
        """Demand that the field ``name`` is None or a JSON pointer."""
        value = getattr(self, name)
        if value is not None:
            try:
                split_pointer(value)
            except ValueError as error:
                raise wrong(where, str(error)) from None

    def exactly_one(self, names: Iterable[str], where: str) -> None:
        """Demand that one of these fields, and no other of them, differs from its default."""
        defaults = _defaults(type(self))
        given = [name for name in names if getattr(self, name) != defaults[name]]
        if len(given) != 1:
            raise wrong(where, f"one of {', '.join(names)} is needed, not {len(given)} of them")


def wrong(where: str, why: str) -> CatalogueError:
    """Return the error for a data file that cannot be read."""
    return CatalogueError(f"{where} cannot be read.", why=why, hint="correct the entry")


@cache
def _hints(cls: type[Record]) -> dict[str, tuple[str, object]]:
    """Return for each key in YAML the field's name and type."""
    known = typing.get_type_hints(cls, localns={"Json": object})
    return {name.rstrip("_"): (name, known[name]) for name in cls.__struct_fields__}


@cache
def _demanded(cls: type[Record]) -> tuple[str, ...]:
    """Return the keys in YAML that have no default."""
    return tuple(name.rstrip("_") for name, default in _defaults(cls).items() if default is NODEFAULT)


@cache
def _defaults(cls: type[Record]) -> Mapping[str, object]:
    """Return the default of each field."""
    names, last = cls.__struct_fields__, cls.__struct_defaults__
    none = repeat(NODEFAULT, len(names) - len(last))
    return dict(zip(names, (*none, *last), strict=True))


def _fits(value: object, hint: object) -> bool:
    """Return whether ``value`` has the type ``hint``: object, a plain type, list, dict or union."""
    if hint is object:
        return True
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in {types.UnionType, typing.Union}:
        return any(_fits(value, one) for one in inside)
    if origin is list:
        return isinstance(value, list) and all(_fits(item, inside[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(item, inside[1]) for item in value.values())
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is (type(None) if hint is type(None) else hint)
