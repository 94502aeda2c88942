"""How sure one can be of a rate after a few tries: the exact interval of Clopper and Pearson (1934).

Biometrika 26, 404. It is conservative: whatever the true rate, at least 95 of 100 intervals hold it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Final, NamedTuple

CONFIDENCE: Final = 0.95
_STEPS: Final = 60
"""Bisections of [0, 1]: more than a double can tell apart."""


class Interval(NamedTuple):
    """The least and the greatest rate that the tries do not rule out, both from 0 to 1."""

    low: float
    high: float


def interval(hits: int, tries: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval for ``hits`` of ``tries``.

    Raises:
        ValueError: there are no tries, or not 0 <= hits <= tries.

    """
    if tries < 1 or not 0 <= hits <= tries:
        raise ValueError(f"{hits} of {tries} is no rate")
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else _bisect(lambda rate: _at_least(hits, tries, rate) < tail)
    high = 1.0 if hits == tries else _bisect(lambda rate: 1 - _at_least(hits + 1, tries, rate) > tail)
    return Interval(low, high)


def rate(hits: int, tries: int) -> str:
    """Write a rate for a finding: ``2 of 3 (95 % interval 0.09-0.99)``."""
    low, high = interval(hits, tries)
    return f"{hits} of {tries} ({CONFIDENCE:.0%} interval {low:.2f}-{high:.2f})".replace("%", " %", 1)


def _at_least(hits: int, tries: int, rate: float) -> float:
    """Return the probability of ``hits`` or more in ``tries``."""
    return sum(comb(tries, k) * rate**k * (1 - rate) ** (tries - k) for k in range(hits, tries + 1))


def _bisect(too_low: Callable[[float], bool]) -> float:
    """Return the rate at which a falling condition ends."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if too_low(middle) else (low, middle)
    return (low + high) / 2
