"""JSON as RFC 8259 has it, with everything noticed that a lenient reader lets pass.

:func:`read` is total: it raises on no input. What stands in the way of a value, or would be read differently
by another client, comes back as a :class:`Problem` beside the value. Time and memory are linear in the input.

How: the standard library's scanner does the reading, since it is strict about grammar and fast. What it takes
without a word (duplicate keys, NaN, numbers too large) is told by its hooks; only when one of them has seen
something are the tokens walked again to say where.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from itertools import islice
from typing import Final, Literal, TypeAlias, TypeGuard

from msgspec import Struct
from msgspec.structs import replace

from conformance.model import Json

PROBLEMS_PER_KIND: Final = 20
"""How many problems of one kind are kept, the first ones."""

ProblemKind: TypeAlias = Literal[
    "duplicate-key",
    "nan",
    "bom",
    "invalid-utf8",
    "lone-surrogate",
    "trailing",
    "leading-blank",
    "syntax",
    "depth",
    "huge-number",
]
"""What can be noticed about a document, and what then stands in its value.

``duplicate-key``: the last one wins. ``nan``: NaN or an infinity, kept as such. ``huge-number``: no double
can hold it, so it is infinite. ``invalid-utf8``, ``lone-surrogate``: U+FFFD stands for it. ``bom``,
``leading-blank`` (legal white space), ``trailing`` (more after the value): ignored. ``syntax``, ``depth``:
there is no value.
"""

_FATAL: Final = frozenset({"syntax", "invalid-utf8", "depth"})
_BLANKS: Final = re.compile(r"[ \t\n\r]*+")
_BAD_BYTE: Final = re.compile(r"[\udc80-\udcff]")
_MAYBE_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_SURROGATE: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<escape>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    r"|(?P<char>[\ud800-\udfff])"
    r"|\\.",
    re.DOTALL,
)
# A string token ends at the end of the text when its quote is missing: so no quote is looked for twice.
_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|-?[0-9][-+.0-9eE]*+|NaN|-?Infinity|[\[\]{}:]', re.DOTALL)
_SAFE_DIGITS: Final = 300
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,17}")
_EXCERPT: Final = 40


class Missing(Enum):
    """The type of :data:`MISSING`."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
"""What :func:`pointer` gives where nothing is; unlike None, which is a JSON value."""


class Problem(Struct, frozen=True):
    """One problem; ``offset`` counts bytes when bytes were read and characters when a string was."""

    kind: ProblemKind
    offset: int | None
    detail: str


class Document(Struct, frozen=True):
    """What was read; ``value`` is None when there is a ``syntax`` or ``depth`` problem."""

    value: Json
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether ``value`` is what was sent: no syntax, UTF-8 or depth problem."""
        return not any(problem.kind in _FATAL for problem in self.problems)


def read(data: bytes | str, *, max_depth: int = 500) -> Document:
    """Read one JSON text; more than ``max_depth`` arrays and objects in one another are not read."""
    # Each byte that is not UTF-8 becomes one character, so that offsets can be turned back into bytes.
    text = data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")
    bad = None if text.isascii() or isinstance(data, str) else _BAD_BYTE.search(text)
    value, problems = _read(_BAD_BYTE.sub("\ufffd", text) if bad else text, max_depth)
    if bad:
        problems.insert(
            0, Problem("invalid-utf8", bad.start(), f"byte 0x{ord(bad[0]) & 0xFF:02x} is not UTF-8")
        )
    if not isinstance(data, str) and not text.isascii():
        problems = _in_bytes(text, problems)
    return Document(value, tuple(problems))


def pointer(value: Json, path: str) -> Json | Missing:
    """Return the value that a JSON pointer (RFC 6901) names, or :data:`MISSING` when there is none.

    Raises:
        ValueError: ``path`` is no JSON pointer; that is a mistake of the caller and says nothing about
        ``value``.

    """
    if (path and not path.startswith("/")) or re.search("~(?![01])", path):
        raise ValueError(f"not a JSON pointer: {path!r}")
    for token in path.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and _INDEX.fullmatch(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            return MISSING
    return value


def _read(text: str, max_depth: int) -> tuple[Json, list[Problem]]:
    problems: list[Problem] = []
    start = 0
    if text.startswith("\ufeff"):
        problems.append(Problem("bom", 0, "a byte order mark stands before the value"))
        start = 1
    begin = _skip_blanks(text, start)
    if begin > start:
        problems.append(Problem("leading-blank", start, f"{begin - start} blanks before the value"))
    plain = text.isascii() and r"\u" not in text
    sound = text if plain or not _MAYBE_SURROGATE.search(text) else _SURROGATE.sub(_replacement, text)
    watch = _Watch()
    scanned = _scan(sound, begin, max_depth, watch)
    if isinstance(scanned, Problem):
        return None, [*problems, scanned]
    value, end = scanned
    if sound is not text:
        problems += islice(_lone_surrogates(text), PROBLEMS_PER_KIND)
    if watch.seen:
        problems += _first_of_each_kind(_unusual_tokens(sound, begin, end), watch.seen)
    after = _skip_blanks(text, end)
    if after < len(text):
        problems.append(Problem("trailing", after, f"more after the value: {_excerpt(text, after)}"))
    return value, problems


def _scan(text: str, begin: int, max_depth: int, watch: _Watch) -> tuple[Json, int] | Problem:
    """Return the value at ``begin`` and where it ends, or what stands in the way first: syntax or depth."""
    deep = _too_deep(text, begin, max_depth)
    try:
        scanned = watch.decoder().raw_decode(text, begin)
    except json.JSONDecodeError as error:
        if deep is None or error.pos <= deep:
            return Problem("syntax", error.pos, f"{error.msg}: {_excerpt(text, error.pos)}")
    except RecursionError:
        if deep is None:
            return Problem("depth", None, "arrays and objects are nested deeper than can be read")
    else:
        if deep is None:
            return scanned
    return Problem("depth", deep, f"more than {max_depth} arrays and objects in one another")


class _Watch:
    """The hooks of the standard library's scanner; ``seen`` counts what it would pass over without a word."""

    def __init__(self) -> None:
        self.seen: Counter[ProblemKind] = Counter()

    def decoder(self) -> json.JSONDecoder:
        return json.JSONDecoder(
            object_pairs_hook=self._members,
            parse_int=self._integer,
            parse_float=self._real,
            parse_constant=self._constant,
        )

    def _members(self, pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        members = dict(pairs)
        if len(members) < len(pairs):
            self.seen["duplicate-key"] += len(pairs) - len(members)
        return members

    def _integer(self, digits: str) -> int | float:
        # Long ones go by way of a double: int() is quadratic, and refuses more than 4300 digits.
        if len(digits) > _SAFE_DIGITS:
            value = self._real(digits)
            if math.isinf(value):
                return value
        return int(digits)

    def _real(self, digits: str) -> float:
        value = float(digits)
        if math.isinf(value):
            self.seen["huge-number"] += 1
        return value

    def _constant(self, name: str) -> float:
        self.seen["nan"] += 1
        return float(name)


def _first_of_each_kind(found: Iterator[Problem], seen: Counter[ProblemKind]) -> Iterator[Problem]:
    """Pass on the first problems of each kind, and look no further when there can be no more of them."""
    left = Counter({kind: min(times, PROBLEMS_PER_KIND) for kind, times in seen.items()})
    for problem in found:
        if left[problem.kind]:
            left[problem.kind] -= 1
            yield problem
        if not left.total():
            return


def _unusual_tokens(text: str, begin: int, end: int) -> Iterator[Problem]:
    """Find the places of what the hooks saw, in a text whose syntax is right."""
    names: list[set[str]] = []
    string = ""
    string_at = 0
    for token in _TOKEN.finditer(text, begin, end):
        first = text[token.start()]
        if first == '"':
            string, string_at = token[0], token.start()
        elif first == ":":
            name = json.loads(string)
            if name in names[-1]:
                yield Problem("duplicate-key", string_at, f"the key {_excerpt(string, 0)} again")
            names[-1].add(name)
        elif first in "[{":
            names.append(set())
        elif first in "]}":
            names.pop()
        elif token[0].endswith(("NaN", "Infinity")):
            yield Problem("nan", token.start(), f"{token[0]} is not JSON")
        elif math.isinf(float(token[0])):
            yield Problem("huge-number", token.start(), f"no double can hold {_excerpt(token[0], 0)}")


def _too_deep(text: str, begin: int, max_depth: int) -> int | None:
    """Return the place of the bracket that exceeds ``max_depth``, if there is one."""
    if text.count("[", begin) + text.count("{", begin) <= max_depth:
        return None
    depth = 0
    for token in _TOKEN.finditer(text, begin):
        first = text[token.start()]
        depth += (first in "[{") - (first in "]}")
        if depth > max_depth:
            return token.start()
    return None


def _replacement(match: re.Match[str]) -> str:
    """Put U+FFFD for a lone surrogate, in as many characters as it has, so that offsets hold."""
    return r"\ufffd" if match["escape"] else "\ufffd" if match["char"] else match[0]


def _lone_surrogates(text: str) -> Iterator[Problem]:
    for match in _SURROGATE.finditer(text):
        if match["escape"] or match["char"]:
            yield Problem("lone-surrogate", match.start(), f"half of a surrogate pair: {match[0]!a}")


def _skip_blanks(text: str, start: int) -> int:
    """Return the first place from ``start`` on that is not white space of JSON (RFC 8259, 2)."""
    match = _BLANKS.match(text, start)
    assert match  # no blanks match as well
    return match.end()


def _in_bytes(text: str, problems: list[Problem]) -> list[Problem]:
    """Turn offsets in characters into offsets in the bytes that ``text`` was decoded from."""
    places: dict[int | None, int] = {}
    at = size = 0
    for offset in sorted({problem.offset for problem in problems if problem.offset is not None}):
        size += len(text[at:offset].encode("utf-8", "surrogateescape"))
        at = offset
        places[offset] = size
    return [replace(problem, offset=places.get(problem.offset)) for problem in problems]


def _excerpt(text: str, start: int) -> str:
    """Return some printable text from ``start`` on."""
    return ascii(text[start : start + _EXCERPT]) if start < len(text) else "the text ends"


def is_number(value: Json) -> TypeGuard[int | float]:
    """Whether a JSON value is a number: Python's ``True`` and ``False`` are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_integer(value: Json) -> TypeGuard[int]:
    """Whether a JSON value is an integer: Python's ``True`` and ``False`` are none."""
    return isinstance(value, int) and not isinstance(value, bool)
