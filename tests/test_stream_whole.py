"""What spoils the text of a stream is told from what a model may have written."""

from __future__ import annotations

import pytest

from conformance.checks.stream_whole import COUNT, characters_lost, repeated, spaces_changed, spoilt

LINE = "价格 — 😀 (x) ﾃｽﾄ 🦊 end"
PARTS = ["价", "格", " —", " 😀", " (", "x", ")", " ﾃｽﾄ", " 🦊", " end"]


def test_a_whole_text_is_not_spoilt() -> None:
    said = (
        characters_lost(LINE, LINE),
        spaces_changed(LINE, LINE),
        repeated(LINE, PARTS),
        spoilt(LINE, PARTS),
    )
    assert said == ("", "", "", "")


def test_trimmed_deltas_lose_spaces() -> None:
    assert spaces_changed(LINE, "".join(part.strip() for part in PARTS)) == "6 of 6 spaces are lost"


def test_one_space_less_may_be_the_models() -> None:
    assert spaces_changed(LINE, LINE.replace("— ", "—")) == ""


def test_spaces_between_all_deltas_are_told() -> None:
    assert spaces_changed(LINE, " ".join(PARTS)) == "9 spaces are added"


def test_characters_that_are_lost_everywhere_are_told() -> None:
    assert characters_lost(LINE, LINE.replace("😀", "").replace("🦊", "")) == "'😀🦊' is lost"


def test_one_character_less_may_be_the_models() -> None:
    assert characters_lost(LINE, LINE.replace("🦊 ", "")) == ""


def test_doubled_streams_are_told() -> None:
    twice = [part for part in PARTS for _ in range(2)]
    assert repeated(LINE, twice) == "each delta came twice"
    so_far = ["".join(PARTS[:end]) for end in range(1, len(PARTS) + 1)]
    assert repeated(LINE, so_far) == "each delta has all the text so far"
    assert repeated(LINE, [*PARTS, LINE]) == "the last delta has the whole text again"


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        (PARTS[:4] + PARTS[5:], "a piece is lost"),
        (PARTS[1:], "a piece is lost"),
        (PARTS[:-1], "a piece is lost"),
        ([*PARTS[:4], PARTS[3], *PARTS[4:]], "a delta came twice"),
        ([PARTS[1], PARTS[0], *PARTS[2:]], "deltas came out of order"),
        (["price", *PARTS[2:]], ""),
        ([], ""),
    ],
)
def test_damage_of_single_deltas_is_named(parts: list[str], what: str) -> None:
    assert spoilt(LINE, parts) == what


def test_a_count_in_lines_is_whole() -> None:
    assert spoilt(COUNT, [COUNT.replace(" ", "\n")]) == ""
