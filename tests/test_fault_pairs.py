"""Two defects at once: each is found by the requirements that name it, as if the other were not there."""

from __future__ import annotations

import pytest

from conformance.model import Level
from conformance.reference import ReferenceGateway
from conformance.reference.faults import load_faults
from tests.judging import failing, judged

PAIRS = (
    ("stream-text-after-finish", "usage-completion-zero"),
    ("event-data-null", "usage-count-missing"),
    ("part-unknown-dropped", "created-float"),
    ("tool-arguments-lost", "usage-total-wrong"),
    ("logprobs-as-text", "preflight-refused"),
    ("tool-call-ids-equal", "usage-renamed"),
    ("bad-key-200", "schema-half-lost-in-stream"),
    ("challenge-missing", "tool-calls-legacy"),
    ("tool-truncated-finish-tool-calls", "usage-asked-and-missing"),
    ("logprobs-bytes-as-text", "stream-notice-injected"),
    ("bad-key-500", "tool-truncated-finish-tool-calls"),
    ("error-param-object", "tool-arguments-double-encoded"),
    ("object-missing", "json-fenced"),
    ("event-ping-without-data", "tool-id-changes"),
    ("ended-in-the-middle", "tool-history-extra-refused"),
    ("file-dropped", "index-missing"),
    ("tool-choice-required-ignored", "usage-chunk-not-last"),
    ("unknown-member-refused", "created-float"),
    ("stream-options-alone-refused", "tool-truncated-leaks"),
    ("effort-refused", "preflight-refused"),
)
"""Drawn at random from defects of different areas that did not hide each other."""
FAULTS = load_faults()


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_two_defects_at_once_are_both_found(pair: tuple[str, str]) -> None:
    faults = [FAULTS[name] for name in pair]
    named = {row for fault in faults for row in fault.breaks}
    with ReferenceGateway(faults=faults) as gateway:
        result = judged(gateway.base_url, only=sorted(named), generated="none")
    assert named <= failing(result, *Level)


def test_pairs_are_of_different_areas_and_none_stands_there_twice() -> None:
    areas = [{FAULTS[name].area for name in pair} for pair in PAIRS]
    assert all(len(pair) == 2 for pair in areas)
    assert len({frozenset(pair) for pair in PAIRS}) == 20
