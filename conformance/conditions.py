"""Conditions on a JSON document, written as data: model rules and faults say with them what they speak of.

A condition is a mapping with one of these forms (a list of conditions holds when all of them hold):

``{at: POINTER, given: true}``       some value stands there and is not null (``false``: none does)
``{at: POINTER, equals: VALUE}``     some value there equals it; ``one_of: [..]``, ``none_of: [..]`` likewise
``{at: POINTER, above: NUMBER}``     some number there is greater; ``below`` and ``from`` (not less) likewise
``{at: POINTER, contains: TEXT}``    some string there has it, without regard to case
``{some: POINTER, where: [..]}``     some value there fulfils all conditions, whose pointers begin at it
``{any: [..]}`` ``{not: CONDITION}`` as the words say

A pointer is an RFC 6901 JSON Pointer in which ``*`` stands for every item or member and ``-`` for the last
item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from conformance.errors import CatalogueError
from conformance.model import Json
from conformance.strictjson import is_number


class At(Struct, frozen=True):
    """Some value at ``pointer`` passes ``test`` with ``operand``."""

    pointer: tuple[str, ...]
    test: str
    operand: Json


class Some(Struct, frozen=True):
    """Some value at ``pointer`` fulfils all of ``where``."""

    pointer: tuple[str, ...]
    where: tuple[Condition, ...]


class Any(Struct, frozen=True):
    """At least one of ``conditions`` holds."""

    conditions: tuple[Condition, ...]


class Not(Struct, frozen=True):
    """``condition`` does not hold."""

    condition: Condition


Condition: TypeAlias = At | Some | Any | Not


def read_conditions(value: Json, where: str) -> tuple[Condition, ...]:
    """Return the conditions written in ``value``: one, a list, or null for none.

    ``where`` names the place in the data file for the error.

    Raises:
        CatalogueError: ``value`` has none of the forms above.

    """
    if value is None:
        return ()
    items = value if isinstance(value, list) else [value]
    return tuple(_read(item, where) for item in items)


def holds(condition: Condition, document: Json) -> bool:
    """Return whether ``condition`` holds for ``document``."""
    match condition:
        case At(pointer, "given", operand):
            return operand is any(value is not None for value in find(document, pointer))
        case At(pointer, test, operand):
            return any(_TESTS[test](value, operand) for value in find(document, pointer))
        case Some(pointer, where):
            return any(all_hold(where, value) for value in find(document, pointer))
        case Any(conditions):
            return any(holds(one, document) for one in conditions)
        case Not(inner):
            return not holds(inner, document)


def all_hold(conditions: Sequence[Condition], document: Json) -> bool:
    """Return whether all ``conditions`` hold for ``document``."""
    return all(holds(condition, document) for condition in conditions)


def split_pointer(pointer: str) -> tuple[str, ...]:
    """Return the steps of a JSON pointer (RFC 6901); the empty pointer is the document itself.

    Raises:
        ValueError: a pointer that is not empty does not begin with a slash.

    """
    if not pointer:
        return ()
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is no JSON pointer: it has to begin with a slash")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/"))


def find(document: Json, pointer: Sequence[str]) -> Iterator[Json]:
    """Yield every value that ``pointer`` means in ``document``; none when nothing is there."""
    if not pointer:
        yield document
        return
    step, rest = pointer[0], pointer[1:]
    for inner in _step(document, step):
        yield from find(inner, rest)


def _step(value: Json, step: str) -> Iterator[Json]:
    if isinstance(value, dict):
        if step == "*":
            yield from value.values()
        elif step in value:
            yield value[step]
    elif isinstance(value, list):
        if step == "*":
            yield from value
        elif step == "-":
            yield from value[-1:]
        elif step.isdecimal() and int(step) < len(value):
            yield value[int(step)]


def same(one: Json, other: Json) -> bool:
    """Return whether two JSON values are equal; unlike Python's, true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _above(value: Json, operand: Json) -> bool:
    return is_number(value) and is_number(operand) and value > operand


def _below(value: Json, operand: Json) -> bool:
    return _above(operand, value)


def _from(value: Json, operand: Json) -> bool:
    return _above(value, operand) or (is_number(value) and value == operand)


def _one_of(value: Json, operand: Json) -> bool:
    return isinstance(operand, list) and any(same(value, item) for item in operand)


def _none_of(value: Json, operand: Json) -> bool:
    return value is not None and not _one_of(value, operand)


def _contains(value: Json, operand: Json) -> bool:
    return isinstance(value, str) and isinstance(operand, str) and operand.lower() in value.lower()


_TESTS: Final[Mapping[str, Callable[[Json, Json], bool]]] = {
    "equals": same,
    "one_of": _one_of,
    "none_of": _none_of,
    "above": _above,
    "below": _below,
    "from": _from,
    "contains": _contains,
}
_LISTS: Final = ("one_of", "none_of")
_NUMBERS: Final = ("above", "below", "from")


def _read(value: Json, where: str) -> Condition:
    if not isinstance(value, dict):
        raise _wrong(where, f"a condition is a mapping, not {value!r}")
    keys = frozenset(value)
    if keys == {"some", "where"}:
        return Some(_pointer(value["some"], where), read_conditions(value["where"], where))
    if keys == {"any"}:
        return Any(read_conditions(value["any"], where))
    if keys == {"not"}:
        return Not(_read(value["not"], where))
    tests = keys - {"at"}
    if "at" not in keys or len(tests) != 1 or not tests <= {"given", *_TESTS}:
        raise _wrong(where, f"{sorted(keys)} are not the keys of a condition")
    (test,) = tests
    operand = value[test]
    fits = {"given": isinstance(operand, bool), "contains": isinstance(operand, str)}.get(test, True)
    fits = fits and (test not in _LISTS or isinstance(operand, list))
    fits = fits and (test not in _NUMBERS or is_number(operand))
    if not fits:
        raise _wrong(where, f"{test} cannot be {operand!r}")
    return At(_pointer(value["at"], where), test, operand)


def _pointer(value: Json, where: str) -> tuple[str, ...]:
    if not isinstance(value, str):
        raise _wrong(where, f"a pointer is a string, not {value!r}")
    try:
        return split_pointer(value)
    except ValueError as error:
        raise _wrong(where, str(error)) from None


def _wrong(where: str, why: str) -> CatalogueError:
    return CatalogueError(
        f"A condition in {where} cannot be read.", why=why, hint="see conformance/conditions.py"
    )
