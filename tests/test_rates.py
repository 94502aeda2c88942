"""The exact interval of a rate: known values, and the promise that it holds the true rate often enough."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.rates import CONFIDENCE, interval, rate


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"),
    [
        (0, 3, 0.0, 0.7076),
        (1, 3, 0.0084, 0.9057),
        (2, 3, 0.0943, 0.9916),
        (3, 3, 0.2924, 1.0),
        (5, 10, 0.1871, 0.8129),
        (1, 1, 0.025, 1.0),
    ],
)
def test_interval_has_the_published_limits(hits: int, tries: int, low: float, high: float) -> None:
    found = interval(hits, tries)
    assert found == pytest.approx((low, high), abs=1e-4)


@given(tries=st.integers(1, 40), data=st.data())
def test_interval_holds_what_was_seen_and_grows_with_it(tries: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, tries))
    low, high = interval(hits, tries)
    assert 0 <= low <= hits / tries <= high <= 1
    if hits < tries:
        more = interval(hits + 1, tries)
        assert (more.low, more.high) >= (low, high)


@pytest.mark.parametrize("tries", [1, 3, 8])
@pytest.mark.parametrize("true", [0.01, 0.1, 0.3, 0.5, 0.77, 0.95])
def test_interval_holds_the_true_rate_in_95_of_100_runs(tries: int, true: float) -> None:
    holding = (
        hits for hits in range(tries + 1) if interval(hits, tries).low <= true <= interval(hits, tries).high
    )
    assert sum(comb(tries, k) * true**k * (1 - true) ** (tries - k) for k in holding) >= CONFIDENCE


@pytest.mark.parametrize(("hits", "tries"), [(0, 0), (4, 3), (-1, 3)])
def test_no_interval_without_tries_or_with_more_hits_than_tries(hits: int, tries: int) -> None:
    with pytest.raises(ValueError, match=f"{hits} of {tries} is no rate"):
        interval(hits, tries)


def test_rate_reads_as_a_finding_says_it() -> None:
    assert rate(2, 3) == "2 of 3 (95 % interval 0.09-0.99)"
