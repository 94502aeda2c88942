"""Finds where one text was sent in pieces: the strings that clients put together from the events of a stream.

A client concatenates the strings of one place (``choices[0].delta.content``) over the events. Which strings
belong together is told by their path, read in four ways: with the position in each list, with the ``index``
member of an item instead, with the innermost position alone, and without any (a text as a list of tokens).
The reader is lenient: it takes what a broken document has, and what is no JSON at all counts as one text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final, TypeAlias

Span: TypeAlias = tuple[int, int]
"""Offsets of the first byte and of the byte after the last one."""

_Path: TypeAlias = tuple[bytes | int, ...]

_DATA_LINE: Final = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|(?<=[\r\n]))data: ?([^\r\n]*)")
_WITHOUT_POSITIONS: Final = 3
_BLANK_LINE: Final = re.compile(rb"(?>\r\n|\r|\n){2}")
_DOCUMENT: Final = re.compile(rb'[ \t\r\n]*[{\["]')
_TOKEN: Final = re.compile(
    rb'"(?P<string>(?:[^"\\]|\\.)*+)"?|[{}\[\],:]|(?:(?<="index":)|(?<="index": ))(?P<index>[0-9]+)',
    re.DOTALL,
)


def texts_in_pieces(body: bytes) -> Iterator[Sequence[Span]]:
    """Yield, for each text that came in two pieces or more, the spans of its pieces in order.

    The pieces are as they were written: JSON escapes are still in them.
    """
    groups: dict[tuple[int, _Path], list[Span]] = {}
    for lines in _payloads(body):
        if _DOCUMENT.match(body, *lines[0]):
            for container, step, span in _strings(body, lines):
                for way, path in enumerate(container.paths):
                    last = b"*" if way == _WITHOUT_POSITIONS and isinstance(step, int) else step
                    groups.setdefault((way, (*path, last)), []).append(span)
        else:
            groups.setdefault((-1, ()), []).extend(lines)
    yield from dict.fromkeys(tuple(spans) for spans in groups.values() if len(spans) > 1)


class _Container:
    """An object or a list; ``step`` is its key or position in the one around it.

    ``key`` and ``position`` say where reading it has got to, ``index`` is its member of that name.
    """

    def __init__(self, around: _Container | None, *, is_list: bool) -> None:
        self.around, self.is_list = around, is_list
        self.step: bytes | int = around.here if around else b""
        self.key, self.position, self.wants_key = b"", 0, not is_list and around is not None
        self.index: bytes | None = None

    @property
    def here(self) -> bytes | int:
        return self.position if self.is_list else self.key

    @cached_property
    def paths(self) -> tuple[_Path, _Path, _Path, _Path]:
        """The four readings of its path; ask only when it was read to its end."""
        if self.around is None:
            return (), (), (), ()
        positions, indexes, innermost, bare = self.around.paths
        if not isinstance(self.step, int):
            step = self.step
            return (*positions, step), (*indexes, step), (*innermost, step), (*bare, step)
        last = (*bare, self.step)
        return (*positions, self.step), (*indexes, self.index or self.step), last, (*bare, b"*")


def _payloads(body: bytes) -> list[list[Span]]:
    """Return the data lines of each event, or the whole body where there is no event stream."""
    events: list[list[Span]] = []
    end = 0
    for found in _DATA_LINE.finditer(body):
        if not events or _BLANK_LINE.search(body, end, found.start()):
            events.append([])
        events[-1].append(found.span(1))
        end = found.end()
    return events or [[(0, len(body))]]


def _strings(body: bytes, lines: Sequence[Span]) -> list[tuple[_Container, bytes | int, Span]]:
    """Return the string values of a document: what each stands in, at which key or position, and its span."""
    found: list[tuple[_Container, bytes | int, Span]] = []
    inside = _Container(None, is_list=False)
    for start, end in lines:
        for token in _TOKEN.finditer(body, start, end):
            match body[token.start()]:
                case 0x22:  # "
                    if inside.wants_key:
                        inside.key = token["string"]
                    else:
                        found.append((inside, inside.here, token.span("string")))
                case 0x2C:  # ,
                    inside.position += 1
                    inside.wants_key = not inside.is_list and inside.around is not None
                case 0x3A:  # :
                    inside.wants_key = False
                case 0x7B:  # {
                    inside = _Container(inside, is_list=False)
                case 0x5B:  # [
                    inside = _Container(inside, is_list=True)
                case 0x7D | 0x5D:  # } ]
                    inside = inside.around or inside
                case _:
                    inside.index = token["index"]
    return found
