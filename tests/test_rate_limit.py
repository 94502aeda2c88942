"""A rate limit is provoked only when that is asked for, within bounds, and told from a target that has none."""

from __future__ import annotations

import asyncio

import pytest

from conformance import engine
from conformance.capture import Capture, Pace
from conformance.model import Exchange, Request, Verdict
from conformance.probes.burst import AT_ONCE, MOST, NAMES
from conformance.reference import ReferenceGateway
from conformance.reference.faults import pick_faults
from conformance.retryafter import retry_after
from tests.factory import completion, error, json_answer, probes, view_of
from tests.judging import Judged, judged
from tests.test_tries import Memory

ROWS = ("errors.rate-limit", "errors.retry-after")


def provoked(*faults: str) -> Judged:
    with ReferenceGateway(faults=pick_faults(faults)) as gateway:
        return judged(gateway.base_url, only=ROWS, generated="none", provoke=True)


def verdicts(result: Judged) -> dict[str, Verdict]:
    return {unit.requirement: unit.verdict for unit in result.judgement.units}


def bursts(result: Judged) -> list[Exchange]:
    return [exchange for exchange in result.evidence.exchanges if exchange.probe in NAMES]


def test_a_run_provokes_nothing_unless_it_is_asked_to() -> None:
    with ReferenceGateway() as gateway:
        result = judged(gateway.base_url, only=["errors.unknown-model*"], generated="none")
    assert bursts(result) == []
    assert not set(NAMES) & {probe.id for probe in result.prepared.plan.probes}


def test_a_target_without_a_limit_is_told_what_was_sent_in_vain() -> None:
    result = provoked()
    assert verdicts(result) == dict.fromkeys(ROWS, Verdict.NOT_APPLICABLE)
    assert len(bursts(result)) == MOST
    (case,) = result.judgement.units[0].cases
    assert f"{MOST} requests within" in case.reason


def test_evidence_of_a_provoked_run_can_be_judged_again() -> None:
    result = provoked()
    again = engine.settings_of(result.evidence.header)
    assert again.provoke_rate_limit
    assert engine.plan_again(again).plan.digest == result.prepared.plan.digest


class Limited:
    """A target that answers with 429 from the third of the burst on."""

    def __init__(self) -> None:
        """Nothing was sent yet."""
        self.sent: list[str] = []

    async def send(self, request: Request, *, id: str, probe: str, model: str, attempt: int) -> Exchange:  # noqa: A002
        """Answer; let the others go on first, as a network does."""
        self.sent.append(probe)
        await asyncio.sleep(0)
        limited = sum(name in NAMES for name in self.sent) > 2
        raw = (
            json_answer(429, error("slow down"), retry_after="1")
            if limited
            else json_answer(200, completion())
        )
        view = view_of(probes()["chat.basic"], raw).exchange
        return Exchange(id, probe, model, attempt, request, raw, view.pieces, view.started_at, view.elapsed)


def test_the_first_429_ends_a_burst_that_comes_last_and_stops_no_run() -> None:
    with ReferenceGateway() as gateway:
        plan = judged(gateway.base_url, only=ROWS, generated="none", provoke=True).prepared.plan
    target = Limited()
    job = Capture(plan, target.send, Memory(), Pace())
    asyncio.run(job.run())
    sent = [name in NAMES for name in target.sent]
    assert sent == sorted(sent)
    assert 3 <= sum(sent) <= 2 * AT_ONCE
    assert job.stopped == ""
    assert len(target.sent) == len(set(target.sent))


def test_a_limit_that_is_told_well_passes() -> None:
    with ReferenceGateway(faults=pick_faults(["limit-met"])) as gateway:
        result = judged(gateway.base_url, only=[*ROWS, "*@errors.*"], generated="none", provoke=True)
    found = verdicts(result)
    assert {found[row] for row in ROWS} == {Verdict.PASS}
    assert len(bursts(result)) < MOST


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ({"retry_after": "2"}, 2.0),
        ({"retry_after": "1.5"}, 1.5),
        ({"retry_after": "-3"}, 0.0),
        ({"retry_after": "Thu, 01 Jan 2026 00:01:00 GMT"}, 60.0),
        ({"retry_after": "9", "retry_after_ms": "250"}, 0.25),
        ({"retry_after": "1m30s"}, None),
        ({"retry_after": "nan"}, None),
        ({}, None),
    ],
)
def test_when_to_come_back_is_read_as_the_sdks_read_it(header: dict[str, str], seconds: float | None) -> None:
    view = view_of(probes()["chat.basic"], json_answer(429, error("slow down"), **header))
    assert retry_after(view) == seconds
