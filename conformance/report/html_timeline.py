"""The course of a stream as numbers for a drawing: where on a line each thing stands."""

from __future__ import annotations

from typing import Final, NamedTuple

from conformance.report.shape import Sent, Timeline

WIDTH: Final = 1000
"""Units of the drawing's width, which stand for the time from sending the request to the end of the exchange."""


class Drawing(NamedTuple):
    """A timeline laid out: ``ticks`` is the path of all events, the others are places on the line."""

    width: int
    ticks: str
    first_byte: float
    first_token: float | None
    gap: tuple[float, float]
    last_byte: float
    facts: Timeline
    gap_seconds: float
    seconds: float


def drawing(sent: Sent | None) -> Drawing | None:
    """Lay out the timeline of an exchange; None when it has none."""
    facts = sent["timeline"] if sent else None
    if sent is None or facts is None:
        return None
    seconds = max(sent["elapsed"], facts["last_byte"], 0.001)

    def at(moment: float) -> float:
        return round(WIDTH * min(max(moment / seconds, 0), 1), 1)

    start, end = facts["longest_gap"]
    token = facts["first_token"]
    return Drawing(
        width=WIDTH,
        ticks="".join(f"M{at(moment):g} 12v16" for moment in facts["marks"]),
        first_byte=at(facts["first_byte"]),
        first_token=None if token is None else at(token),
        gap=(at(start), at(end)),
        last_byte=at(facts["last_byte"]),
        facts=facts,
        gap_seconds=round(end - start, 3),
        seconds=round(seconds, 3),
    )
