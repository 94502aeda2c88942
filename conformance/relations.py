"""Other ways to write the same request. None of them may change whether it is served.

Each relation takes a request and returns one that means the same: by JSON (RFC 8259: members have no order, white
space between tokens is insignificant, a character may be escaped), by HTTP (RFC 9110, 5.1: names of headers have
no case), or by what an optional member means when it is null, has its default value, or is not known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from conformance.jsontext import encode
from conformance.model import Json, Request

DEFAULTS: Final[Mapping[str, Json]] = {
    "temperature": 1,
    "top_p": 1,
    "n": 1,
    "stream": False,
    "presence_penalty": 0,
    "frequency_penalty": 0,
}
"""The values that the documents give for members that are absent."""

NULLABLE: Final = (
    "temperature",
    "top_p",
    "n",
    "stop",
    "user",
    "response_format",
    "tools",
    "presence_penalty",
)
"""Optional members whose null means that they are not given."""

UNKNOWN: Final[Mapping[str, Json]] = {"x_chat_conformance": {"members": [1, None, "of ours"]}}


class Relation(Struct, frozen=True):
    """One way to write a request differently; ``names`` are the members that it writes beside what was there."""

    requirement: str
    what: str
    apply: Callable[[Request], Request]
    names: tuple[str, ...] = ()


def _rewritten(write: Callable[[Json], bytes]) -> Callable[[Request], Request]:
    def apply(request: Request) -> Request:
        return replace(request, body=write(json.loads(request.body)))

    return apply


def _reversed(value: Json) -> Json:
    """Return the value with the members of every object the other way round; items of arrays keep their order."""
    if isinstance(value, dict):
        return {name: _reversed(item) for name, item in reversed(value.items())}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


def _spacious(value: Json) -> bytes:
    """Write every kind of insignificant white space between the tokens."""
    text = json.dumps(value, ensure_ascii=False, indent="\t", separators=(" ,\r\n ", "\t:\n "))
    return f" \r\n\t{text}\n ".encode()


def _escaped(value: Json) -> bytes:
    """Write every character of every string, of names too, as an escape."""
    return "".join(_tokens(value)).encode()


def _tokens(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        units = value.encode("utf-16-be", "surrogatepass")
        yield '"' + "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2)) + '"'
    elif isinstance(value, list):
        yield "[" + ",".join("".join(_tokens(item)) for item in value) + "]"
    elif isinstance(value, dict):
        pairs = ("".join((*_tokens(name), ":", *_tokens(item))) for name, item in value.items())
        yield "{" + ",".join(pairs) + "}"
    else:
        yield json.dumps(value)


def _with(members: Mapping[str, Json]) -> Callable[[Request], Request]:
    """Return the relation that adds members where they are absent."""

    def write(value: Json) -> bytes:
        assert isinstance(value, dict)
        return encode({**value, **{name: item for name, item in members.items() if name not in value}})

    return _rewritten(write)


def _loud(request: Request) -> Request:
    """Write the names of headers in capitals and small letters by turns."""
    return replace(request, headers=tuple((_by_turns(name), value) for name, value in request.headers))


def _by_turns(name: str) -> str:
    return "".join(letter.lower() if at % 2 == 0 else letter.upper() for at, letter in enumerate(name))


def relations(spared: Iterable[str] = ()) -> Mapping[str, Relation]:
    """Return all relations by name; members that are ``spared`` are not written where they are absent."""
    left_out = frozenset(spared)
    defaults = {name: value for name, value in DEFAULTS.items() if name not in left_out}
    nulls: dict[str, Json] = {name: None for name in NULLABLE if name not in left_out}
    return {
        "order": Relation(
            "robustness.member-order",
            "the members the other way round",
            _rewritten(lambda value: encode(_reversed(value))),
        ),
        "whitespace": Relation(
            "robustness.whitespace", "white space between all tokens", _rewritten(_spacious)
        ),
        "escapes": Relation(
            "robustness.escapes", "every character of every string escaped", _rewritten(_escaped)
        ),
        "header-case": Relation("robustness.header-case", "header names in mixed case", _loud),
        "defaults": Relation(
            "robustness.defaults", "default values written out", _with(defaults), tuple(defaults)
        ),
        "nulls": Relation("robustness.nulls", "null for optional members", _with(nulls), tuple(nulls)),
        "unknown": Relation(
            "robustness.unknown-member", "a member nobody knows", _with(UNKNOWN), tuple(UNKNOWN)
        ),
    }
