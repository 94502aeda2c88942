"""Finds where one text was sent in pieces: the strings that clients put together from the events of a stream.

A client concatenates the strings of one place (``choices[0].delta.content``) over the events. Which strings
belong together is told by their path, read in four ways: with the position in each list, with the ``index``
member of an item instead, with the innermost position alone, and without any (a text as a list of tokens).
What is no JSON counts as one text.

There are two readers of the same texts. :func:`texts_put_together` is fast and gives the texts; only where
something is found in them, :func:`texts_in_pieces` has to tell the bytes. It also reads what the fast one
refuses: broken JSON. Both stop after :data:`MOST_STRINGS` strings, so that no body can fill the memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, Final, TypeAlias

Span: TypeAlias = tuple[int, int]
"""Offsets of the first byte and of the byte after the last one."""

MOST_STRINGS: Final = 250_000
"""String values of a body that are looked at."""

_Path: TypeAlias = tuple[object, ...]
_Paths: TypeAlias = tuple[_Path, _Path, _Path, _Path]

_DEEPEST: Final = 16
_ANY: Final = -1
_DECODER: Final = json.JSONDecoder(object_pairs_hook=tuple)
_DATA_LINE: Final = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|(?<=[\r\n]))data: ?([^\r\n]*)")
_BLANK_LINE: Final = re.compile(rb"(?>\r\n|\r|\n){2}")
_DONE: Final = b"[DONE]"
_DOCUMENT: Final = re.compile(rb'[ \t\r\n]*[{\["]')
_TOKEN: Final = re.compile(
    rb'"(?P<string>(?:[^"\\]|\\.)*+)"?|[{}\[\],:]|(?:(?<="index":)|(?<="index": ))(?P<index>[0-9]+)',
    re.DOTALL,
)


def texts_put_together(body: bytes) -> Iterator[bytes]:
    """Yield each text that came in two pieces or more, as a client has it after reading the JSON."""
    reader = _Reader()
    plain: list[bytes] = []
    try:
        for lines in _payloads(body):
            payload = b"\n".join(body[start:end] for start, end in lines)
            if _DOCUMENT.match(payload) and payload != _DONE:
                reader.read(_DECODER.decode(payload.decode("utf-8", "replace")), reader.root, 0)
            else:
                plain.append(payload)
    except (ValueError, RecursionError):
        for pieces in texts_in_pieces(body):
            yield b"".join(body[start:end] for start, end in pieces)
        return
    groups: dict[tuple[int, _Path], list[tuple[int, str]]] = {}
    for paths, strings in reader.root.walk(((), (), (), ())):
        for way, path in enumerate(paths):
            groups.setdefault((way, path), []).extend(strings)
    texts = ("".join(text for _, text in sorted(strings)) for strings in groups.values() if len(strings) > 1)
    yield from dict.fromkeys(text.encode("utf-8", "surrogatepass") for text in texts)
    yield b"".join(plain)


def texts_in_pieces(body: bytes) -> Iterator[Sequence[Span]]:
    """Yield, for each text that came in two pieces or more, the spans of its pieces in order.

    The pieces are as they were written: JSON escapes are still in them.
    """
    groups: dict[tuple[int, _Path], list[Span]] = {}
    room = MOST_STRINGS
    for lines in _payloads(body):
        if not _DOCUMENT.match(body, *lines[0]):
            groups.setdefault((_ANY, ()), []).extend(lines)
            continue
        strings = _strings(body, lines, room)
        room -= len(strings)
        for container, step, span in strings:
            for way, path in enumerate(_longer(container.paths, step, None)):
                groups.setdefault((way, path), []).append(span)
    yield from dict.fromkeys(tuple(spans) for spans in groups.values() if len(spans) > 1)


def _payloads(body: bytes) -> list[list[Span]]:
    """Return the data lines of each event; without an event stream the whole body."""
    events: list[list[Span]] = []
    end = 0
    for found in _DATA_LINE.finditer(body):
        if not events or _BLANK_LINE.search(body, end, found.start()):
            events.append([])
        events[-1].append(found.span(1))
        end = found.end()
    return events or [[(0, len(body))]]


def _longer(paths: _Paths, step: object, index: object) -> _Paths:
    """Add a key, or the position and index of an item, to a path in its four readings."""
    positions, indexes, innermost, bare = paths
    if not isinstance(step, int):
        return (*positions, step), (*indexes, step), (*innermost, step), (*bare, step)
    by_index = step if index is None else ("index", index)
    return (*positions, step), (*indexes, by_index), (*bare, step), (*bare, _ANY)


class _Place:
    """A place in the documents of a body; its strings are numbered in the order of the body."""

    __slots__ = ("inner", "strings")

    def __init__(self) -> None:
        self.inner: dict[object, _Place] = {}
        self.strings: list[tuple[int, str]] = []

    def at(self, step: object) -> _Place:
        place = self.inner.get(step)
        if place is None:
            place = self.inner[step] = _Place()
        return place

    def walk(self, paths: _Paths) -> Iterator[tuple[_Paths, list[tuple[int, str]]]]:
        if self.strings:
            yield paths, self.strings
        for step, place in self.inner.items():
            name, index = step if isinstance(step, tuple) else (step, None)
            yield from place.walk(_longer(paths, name, index))


class _Reader:
    """Sorts the strings of JSON values by place. An object is a tuple of pairs, so that no key is lost."""

    def __init__(self) -> None:
        self.root = _Place()
        self._count = 0

    def read(self, value: Any, place: _Place, depth: int) -> None:  # noqa: ANN401 - a value of JSON
        if isinstance(value, str):
            if value and self._count < MOST_STRINGS:
                place.strings.append((self._count, value))
                self._count += 1
        elif depth > _DEEPEST:
            return
        elif isinstance(value, tuple):
            for key, inner in value:
                self.read(inner, place.at(key), depth + 1)
        elif isinstance(value, list):
            for position, inner in enumerate(value):
                self.read(inner, place.at((position, _index_of(inner))), depth + 1)


def _index_of(item: object) -> object:
    """Return the number that an object names as its ``index``, None when it has none."""
    pairs = item if isinstance(item, tuple) else ()
    return next((value for key, value in pairs if key == "index" and isinstance(value, int)), None)


class _Container:
    """An object or a list; ``step`` is its key or position in the one around it.

    ``key`` and ``position`` say where reading it has got to, ``index`` is its member of that name.
    """

    def __init__(self, around: _Container | None, *, is_list: bool) -> None:
        self.around, self.is_list = around, is_list
        self.step: object = around.here if around else None
        self.key, self.position, self.wants_key = b"", 0, not is_list and around is not None
        self.index: bytes | None = None

    @property
    def here(self) -> object:
        return self.position if self.is_list else self.key

    @cached_property
    def paths(self) -> _Paths:
        """Its path in the four readings; ask only when it was read to its end."""
        if self.around is None:
            return (), (), (), ()
        return _longer(self.around.paths, self.step, self.index)


def _strings(  # noqa: C901 - a table of tokens
    body: bytes, lines: Sequence[Span], most: int
) -> list[tuple[_Container, object, Span]]:
    """Return the string values of a document: what each stands in, at which key or position, and its span."""
    found: list[tuple[_Container, object, Span]] = []
    inside = _Container(None, is_list=False)
    depth = 0
    for token in chain.from_iterable(_TOKEN.finditer(body, start, end) for start, end in lines):
        match body[token.start()]:
            case 0x22:  # "
                if inside.wants_key:
                    inside.key = token["string"]
                elif token["string"] and len(found) < most:
                    found.append((inside, inside.here, token.span("string")))
            case 0x2C:  # ,
                inside.position += 1
                inside.wants_key = not inside.is_list and inside.around is not None
            case 0x3A:  # :
                inside.wants_key = False
            case 0x7B | 0x5B as bracket:  # { [
                depth += 1
                if depth <= _DEEPEST:
                    inside = _Container(inside, is_list=bracket == 0x5B)  # noqa: PLR2004 - [
            case 0x7D | 0x5D:  # } ]
                if depth <= _DEEPEST:
                    inside = inside.around or inside
                depth = max(0, depth - 1)
            case _:
                inside.index = token["index"]
    return found
