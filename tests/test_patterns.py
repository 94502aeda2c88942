"""Patterns of names: whole names, or beginnings with a star behind them."""

from __future__ import annotations

import pytest

from conformance.checks import all_checks
from conformance.checks.select import ids, valid
from conformance.patterns import one_of


def test_a_pattern_is_a_whole_name_or_with_a_star_the_beginning_of_names() -> None:
    fits = one_of("chat.basic", "errors.*", "auth.no-key*")
    assert all(map(fits, ("chat.basic", "errors.", "errors.x", "auth.no-key", "auth.no-key-stream")))
    assert not any(map(fits, ("chat.basics", "chat", "error", "auth.no-ke", "x.errors.x", "")))


def test_no_pattern_fits_no_name() -> None:
    assert not one_of()("")


def test_a_star_in_the_middle_is_refused() -> None:
    with pytest.raises(AssertionError):
        one_of("errors.*.stream")


def test_the_same_words_give_the_same_selector() -> None:
    assert ids("chat.basic") is ids("chat.basic")
    assert valid("stream", streamed=True) is valid("stream", streamed=True)
    assert len({check.on for check in all_checks()}) < len(all_checks())
