"""429 is a limit, unless it is given to one request each time while all valid ones are served."""

from __future__ import annotations

from msgspec.structs import replace

from conformance.limited import LEAST_SERVED, meant
from conformance.model import Probe
from conformance.views import View
from tests.factory import completion, error, exchange, json_answer, probes

PROBES = probes("chat", "errors")
NULL, BASIC = PROBES["errors.null-model"], PROBES["chat.basic"]
LIMITED = json_answer(429, error("Too many requests"))
SERVED = json_answer(200, completion())


def at(probe: Probe, answer: bytes, when: float) -> View:
    return View(probe, replace(exchange(probe, answer), started_at=when))


def served(*times: float) -> list[View]:
    return [at(BASIC, SERVED, when) for when in times]


REPEATED = [at(NULL, LIMITED, 10), at(NULL, LIMITED, 20)]
AROUND = served(*range(1, LEAST_SERVED), 15, 30)


def test_a_429_that_one_request_alone_gets_each_time_is_meant() -> None:
    assert meant(REPEATED, [*AROUND, *REPEATED])


def test_a_429_that_was_not_repeated_or_once_gave_way_is_a_limit() -> None:
    assert not meant(REPEATED[:1], AROUND)
    assert not meant([REPEATED[0], at(NULL, json_answer(400, error("model")), 20)], AROUND)


def test_a_429_that_says_when_to_come_back_is_a_limit() -> None:
    told = json_answer(429, error("Too many requests"), **{"retry-after": "1"})

    assert not meant([REPEATED[0], at(NULL, told, 20)], AROUND)


def test_a_429_that_a_valid_request_met_as_well_is_a_limit() -> None:
    assert not meant(REPEATED, [*AROUND, at(BASIC, LIMITED, 12)])


def test_a_429_is_doubted_only_where_requests_were_served_between_its_repeats_and_after_them() -> None:
    early = served(*range(LEAST_SERVED))

    assert not meant(REPEATED, [*early, *served(15)])
    assert not meant(REPEATED, [*early, *served(30)])
    assert not meant(REPEATED, served(15, 30))
