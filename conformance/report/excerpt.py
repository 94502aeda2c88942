"""The bytes round a place in the evidence, printable, with the place apart."""

from __future__ import annotations

from typing import Final

from conformance.model import Where
from conformance.report.safe import printable
from conformance.report.shape import Excerpt
from conformance.views import View

CONTEXT: Final = 80
"""Bytes shown on each side of a place."""

LONGEST_PLACE: Final = 400
"""Bytes of a place that are shown; of a longer one the middle is left out."""

UNMARKED: Final = 240
"""Bytes shown of the beginning of a body when a finding names no bytes in it."""


def excerpt(view: View, place: Where) -> Excerpt | None:
    """Return what stands at a place, or the beginning of the body; None without a body."""
    body = view.content
    if not body:
        return None
    start, end = within(place.bytes or (0, 0), len(body))
    first = to_character(body, max(0, start - CONTEXT))
    after = CONTEXT if place.bytes else UNMARKED
    last = to_character(body, min(len(body), end + after))
    return Excerpt(
        before=printable(body[first:start]),
        marked=shortened(body[start:end]),
        after=printable(body[end : max(end, last)]),
        offset=first,
        decoded=body != view.body,
    )


def shortened(raw: bytes, longest: int = LONGEST_PLACE) -> str:
    """Return bytes as printable text, without the middle when there are more than ``longest``."""
    if len(raw) <= longest:
        return printable(raw)
    head, tail = to_character(raw, longest * 3 // 4), to_character(raw, len(raw) - longest // 4)
    return f"{printable(raw[:head])}… ({tail - head} bytes cut) …{printable(raw[tail:])}"


def to_character(raw: bytes, at: int) -> int:
    """Return the nearest offset not after ``at`` that does not cut a UTF-8 character in two."""
    for back in range(min(4, at + 1)):
        if at - back >= len(raw) or raw[at - back] & 0xC0 != 0x80:  # noqa: PLR2004 - 10xxxxxx continues
            return at - back
    return at


def within(span: tuple[int, int], size: int) -> tuple[int, int]:
    """Return the span cut to a body of ``size`` bytes."""
    start = min(max(span[0], 0), size)
    return start, min(max(span[1], start), size)
