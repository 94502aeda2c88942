"""One exchange for a reader at a terminal: what was sent, what came back, when, and where findings point."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from conformance.model import Where
from conformance.report.describe import MARKS
from conformance.report.excerpt import to_character, within
from conformance.report.facts import moment
from conformance.report.safe import for_terminal, printable
from conformance.views import View

WHOLE: Final = 32 * 1024
"""Bytes at the beginning of a body that are shown in any case."""

AROUND: Final = 512
"""Bytes shown on each side of a place that lies beyond."""

_LINE: Final = 400
_LINE_END: Final = re.compile(rb"\r\n?|\n")


def show_exchange(view: View, places: Sequence[Where]) -> str:
    """Return the request, the answer's head, and its body with the places marked; nothing in it is active.

    Each line of the body begins with its offset and the seconds, counted from the sending of the request,
    after which its last byte had come.
    """
    return "\n".join([*_about(view), "", *_request(view), "", *_head(view), "", *_body(view, places)])


def _about(view: View) -> Iterator[str]:
    exchange = view.exchange
    names = f"{exchange.id}: probe {exchange.probe}, model {exchange.model}, attempt {exchange.attempt}"
    yield for_terminal(names)
    came = f"{len(exchange.raw)} bytes came back"
    yield f"sent {moment(exchange.started_at)}, took {exchange.elapsed:.3f} s, {came}"
    if exchange.fetched is not None:
        times = "once" if exchange.fetched == 1 else f"{exchange.fetched} times"
        yield f"the document that the run served for it was fetched {times}"
    if exchange.fault is not None:
        yield f"ended by {exchange.fault.kind}: {for_terminal(exchange.fault.detail)}"


def _request(view: View) -> Iterator[str]:
    request = view.exchange.request
    yield f"> {for_terminal(request.method)} {for_terminal(request.path)}"
    for name, value in request.headers:
        yield f"> {for_terminal(f'{name}: {value}')}"
    yield ">"
    for start, end in _lines(request.body, 0, len(request.body[:WHOLE])):
        yield f"> {printable(request.body[start:end])}"
    if request.body[WHOLE:]:
        yield f"> … ({len(request.body) - WHOLE} bytes not shown)"


def _head(view: View) -> Iterator[str]:
    answer = view.answer
    if answer is None:
        yield "< no answer that can be read as HTTP; the bytes of the connection:"
        yield from _numbered(view.exchange.raw, [(0, min(WHOLE, len(view.exchange.raw)))], (), ())
        return
    for status in answer.interim:
        yield f"< {status} (interim)"
    yield f"< {for_terminal(f'HTTP/{answer.version} {answer.status} {answer.reason}'.rstrip())}"
    for name, value in (*answer.headers, *answer.trailers):
        yield f"< {for_terminal(f'{name}: {value}')}"
    for note in answer.notes:
        yield f"  note: {for_terminal(note)}"


def _body(view: View, places: Sequence[Where]) -> Iterator[str]:
    body = view.content
    spans = {place.bytes for place in places if place.exchange == view.exchange.id and place.bytes}
    marks = sorted(within(span, len(body)) for span in spans)
    arrivals: tuple[tuple[float, int], ...] = view.arrivals
    if body != view.body:
        yield f"body, {len(body)} bytes after decoding ({len(view.body)} came):"
        arrivals = ()
    elif body:
        yield f"body, {len(body)} bytes:"
    yield from _numbered(body, _ranges(len(body), marks), marks, arrivals)


def _ranges(size: int, marks: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return which bytes to show: the beginning, and what is round each place."""
    ranges = [(0, min(WHOLE, size))]
    for start, end in marks:
        first, last = max(0, start - AROUND), min(size, end + AROUND, start + WHOLE)
        if first <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(last, ranges[-1][1]))
        elif first < last:
            ranges.append((first, last))
    return ranges


def _numbered(
    body: bytes,
    ranges: Iterable[tuple[int, int]],
    marks: Iterable[tuple[int, int]],
    arrivals: Sequence[tuple[float, int]],
) -> Iterator[str]:
    ends = list(accumulate(size for _, size in arrivals))
    shown = 0
    for first, last in ranges:
        if first > shown:
            yield f"  … ({first - shown} bytes not shown)"
        for start, end in _lines(body, first, last):
            piece = bisect_left(ends, end)
            when = f"{arrivals[piece][0]:9.3f}s" if piece < len(arrivals) else " " * 10
            yield f"{start:9} {when}  {_marked(body, start, end, marks)}"
        shown = last
    if shown < len(body):
        yield f"  … ({len(body) - shown} bytes not shown)"


def _lines(body: bytes, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Cut a range after each line end, and where a line is too long for a screen."""
    start = first
    while start < last:
        found = _LINE_END.search(body, start, min(last, start + _LINE))
        end = found.end() if found else min(last, start + _LINE)
        if not found and end < last:
            end = max(to_character(body, end), start + 1)
        yield start, end
        start = end


def _marked(body: bytes, start: int, end: int, marks: Iterable[tuple[int, int]]) -> str:
    """Return one line with a mark wherever a place begins or ends in it."""
    opening, closing = MARKS
    signs: list[tuple[int, int, str]] = []
    for first, last in marks:
        begins = start <= first < end or first == end == len(body)
        if first >= last:
            signs += [(first, 2, opening + closing)] if begins else []
            continue
        signs += [(first, 1, opening)] if begins else []
        signs += [(last, 0, closing)] if start < last <= end else []
    parts: list[str] = []
    at = start
    for offset, _, sign in sorted(signs):
        parts += [printable(body[at:offset]), sign]
        at = offset
    return "".join([*parts, printable(body[at:end])])
