"""A model that takes the other name of the limit, or no tiny limit, is not blamed for what it was asked with."""

from __future__ import annotations

import pytest

from conformance.checks.limitfield import other_limit
from conformance.model import Json, Verdict
from conformance.reference import ReferenceGateway
from conformance.reference.faults import read_fault
from tests.factory import error, json_answer, probes, view_of
from tests.judging import Judged, failing, judged

CHAT = probes("chat", "parameters")
TOLD = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."


def run(rule: dict[str, Json], profile: str = "core") -> Judged:
    """Judge a gateway that refuses some requests which the reference serves."""
    fault = read_fault(
        {"name": "rule", "what": "A rule.", "mutate": [{"op": "refuse", **rule}]}, "legal", "here"
    )
    with ReferenceGateway(faults=[fault], models=["gpt-4o"]) as gateway:
        return judged(gateway.base_url, models=["gpt-4o"], profile=profile)


def verdict_of(run: Judged, requirement: str) -> Verdict:
    return next(unit.verdict for unit in run.judgement.units if unit.requirement == requirement)


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        (
            json_answer(400, error(TOLD, param="max_tokens", code="unsupported_parameter")),
            "max_completion_tokens",
        ),
        (json_answer(400, error(TOLD, code="unsupported_parameter")), "max_completion_tokens"),
        (json_answer(400, error("max_tokens is not supported")), ""),
        (json_answer(400, error("max_tokens and max_completion_tokens are numbers")), ""),
        (json_answer(500, error(TOLD)), ""),
    ],
)
def test_an_error_asks_for_the_other_limit_where_it_names_both_and_takes_one(
    answer: bytes, field: str
) -> None:
    assert other_limit(view_of(CHAT["chat.basic"], answer)) == field


def test_an_error_about_both_limits_at_once_asks_for_no_other() -> None:
    assert other_limit(view_of(CHAT["parameters.both-limits"], json_answer(400, error(TOLD)))) == ""


def test_a_model_that_takes_the_other_limit_alone_is_incomplete_and_told_what_to_do() -> None:
    found = run(
        {
            "message": TOLD,
            "param": "max_tokens",
            "code": "unsupported_parameter",
            "when": {"has": "/max_tokens"},
        }
    )

    assert failing(found) == set()
    assert found.summary.exit_code == 3
    (reason,) = {
        case.reason
        for unit in found.judgement.units
        if unit.requirement == "transport.endpoint-served"
        for case in unit.cases
    }
    assert "ask: {limit_field: max_completion_tokens}" in reason


def test_a_limit_that_is_refused_by_itself_is_not_held_against_a_talk() -> None:
    when: Json = {"body": {"at": "/max_tokens", "below": 3}, "kind": "valid"}
    found = run({"message": "max_tokens was reached, try a higher max_tokens.", "when": when})

    assert failing(found) == set()
    assert verdict_of(found, "messages.conversation-served") is Verdict.INCONCLUSIVE


def test_a_claimed_bound_that_is_refused_fails_once_and_leaves_mixes_open() -> None:
    when: Json = {"body": {"at": "/temperature", "from": 2}, "kind": "valid"}
    found = run(
        {"message": "temperature has to be below 2.", "param": "temperature", "when": when}, "xmsmartlink"
    )

    assert failing(found) == {"parameters.temperature-accepted"}
