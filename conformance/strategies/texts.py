"""Texts: words, text of one script, one character of every plane, long and short."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

SCRIPTS: Final = (
    (0x0041, 0x005A), (0x00C0, 0x024F), (0x0391, 0x03A1), (0x0410, 0x044F), (0x05D0, 0x05EA), (0x0621, 0x063A),
    (0x0905, 0x0939), (0x0E01, 0x0E2E), (0x3041, 0x3096), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0xFF01, 0xFF5E),
    (0x10330, 0x10349), (0x12000, 0x1236E), (0x1D400, 0x1D454), (0x1F600, 0x1F64F), (0x20000, 0x2A6D6),
    (0x30000, 0x3134A),
)  # fmt: skip
"""Ranges of assigned letters, ideographs and pictures in planes 0 to 3, first and last included."""

PLANES: Final = 17
_SIZE: Final = 0x10000
_SURROGATES: Final = range(0xD800, 0xE000)
_MARKS: Final = (
    "e\u0301", "\u0644\u0627", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1f3\U0001f1f1", "\u2764\ufe0f",
    "\u202eabc\u202c", "\u200b", "\u2028", "\u2029", "\u0085", "\ufffd", "\\", '"', "/", "\n", "\t", "{{x}}",
    "<|im_end|>", "</s>", "%s", "$(x)", "'; --",
)  # fmt: skip
"""Combining marks, joiners, directions, line separators, quotes, and what template and shell readers stumble over."""

_WORDS: Final = (
    "sun",
    "river",
    "seven",
    "map",
    "why",
    "blue",
    "list",
    "a",
    "of",
    "please",
    "tell",
    "me",
    "now",
)
_NAME: Final = "ABCabcxyz0189_-"


@st.composite
def words(draw: DrawFn, least: int = 1, most: int = 12) -> str:
    """Return a few plain words."""
    return " ".join(draw(st.lists(st.sampled_from(_WORDS), min_size=least, max_size=most)))


@st.composite
def scripted(draw: DrawFn, most: int = 40) -> str:
    """Return text of one script."""
    first, last = draw(st.sampled_from(SCRIPTS))
    points = draw(st.lists(st.integers(first, last), min_size=1, max_size=most))
    return "".join(map(chr, points))


@st.composite
def planes(draw: DrawFn) -> str:
    """Return one character of each of the seventeen planes, assigned or not; none is half a pair or a control."""
    points = []
    for plane in range(PLANES):
        low = 0x20 if plane == 0 else 0
        point = draw(st.integers(low, _SIZE - 3))  # the last two of a plane are no characters
        wrong = plane == 0 and (point in _SURROGATES or 0x7F <= point < 0xA0 or 0xFDD0 <= point < 0xFDF0)  # noqa: PLR2004
        points.append(0x4E2D if wrong else plane * _SIZE + point)
    return "".join(map(chr, points))


@st.composite
def marked(draw: DrawFn) -> str:
    """Return words between which odd but legal characters stand."""
    marks = draw(st.lists(st.sampled_from(_MARKS), min_size=1, max_size=6))
    return draw(words()) + "".join(f" {mark} {draw(words(most=2))}" for mark in marks)


@st.composite
def long(draw: DrawFn, least: int = 500, most: int = 4_000) -> str:
    """Return a text of that many characters: long, but no great number of tokens."""
    size = draw(st.integers(least, most))
    return (draw(words(least=3)) + " ").ljust(size, "-")


def texts() -> SearchStrategy[str]:
    """Return text of any of these kinds; it is never empty."""
    return st.one_of(words(), scripted(), planes(), marked(), long())


def names() -> SearchStrategy[str]:
    """Return names as tools and participants have them: a letter, then up to 63 of :data:`_NAME`."""
    return st.text(st.sampled_from(_NAME), max_size=63).map(lambda rest: f"f{rest}")
