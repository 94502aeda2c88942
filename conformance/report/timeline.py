"""When the parts of a stream came, small enough to stand in a report."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

from conformance.report.shape import Timeline
from conformance.toolcalls import pieces_of
from conformance.views import Form, View

MARKS: Final = 100
"""Moments that are kept of a stream; of a longer one, the first of each hundredth of its time."""


def timeline(view: View) -> Timeline | None:
    """Return when the events of a stream came; None when the answer is no stream or brought no byte."""
    arrivals = view.arrivals
    if view.form is not Form.STREAM or not arrivals:
        return None
    whole = view.content == view.body  # offsets of a decoded body say nothing of when its bytes came
    times = [when for when, _ in arrivals]
    ends = list(accumulate(size for _, size in arrivals))
    came = [times[min(bisect_left(ends, event.end), len(times) - 1)] for event in view.stream.events]
    moments = came if whole and came else times
    token = _first_token(view) if whole else None
    return Timeline(
        first_byte=round(times[0], 3),
        first_token=None if token is None else round(came[token], 3),
        last_byte=round(times[-1], 3),
        events=len(view.stream.events),
        longest_gap=[round(moment, 3) for moment in _longest_gap(moments)],
        marks=_thinned(moments),
    )


def _first_token(view: View) -> int | None:
    """Return the number of the first event that carries text, reasoning or a call of a tool."""
    frames: list[int] = []
    for choice in view.stream.choices.values():
        parts = (*choice.content_parts, *choice.reasoning_parts)
        frames += [frame for frame, text in parts if text][:1]
    frames += [piece.frame for piece in pieces_of(view) if piece.frame is not None][:1]
    return min(frames, default=None)


def _longest_gap(moments: Sequence[float]) -> tuple[float, float]:
    """Return the two moments after each other that lie furthest apart; empty when there is but one."""
    return max(pairwise(moments), key=lambda pair: pair[1] - pair[0], default=(moments[0], moments[0]))


def _thinned(moments: Sequence[float]) -> list[float]:
    distinct = sorted({round(moment, 3) for moment in moments})
    if len(distinct) <= MARKS:
        return distinct
    first, width = distinct[0], (distinct[-1] - distinct[0]) / MARKS
    kept = {min(int((moment - first) / width), MARKS - 1): moment for moment in reversed(distinct)}
    return sorted(kept.values())
