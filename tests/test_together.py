"""What is merely taken is asked for together; where that is not served each thing is asked and judged by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from conformance.judge import Judgement
from conformance.model import Probe, Verdict
from conformance.plan import Plan
from tests.factory import completion, error, json_answer
from tests.test_tries import PROBES, Script, captured, judged, planned

REFUSED = json_answer(400, error("Bad request."))
BROKE = json_answer(500, error("boom"))
EVERYDAY = ("parameters.user", "parameters.seed", "parameters.text-format", "parameters.nulls")


def asked(answers: Mapping[str, bytes], *only: str) -> tuple[Plan, Script, Judgement]:
    plan = planned(*only)
    script, job = captured(plan, answers)
    return plan, script, judged(plan, job)


def verdicts(judgement: Judgement) -> dict[str, Verdict]:
    return {unit.requirement: unit.verdict for unit in judgement.units}


def sent_apart(script: Script) -> set[str]:
    return {name for name in script.sent if PROBES[name].apart}


def test_what_is_served_together_answers_for_each_thing_and_is_sent_once() -> None:
    _, script, judgement = asked({}, "parameters.user-accepted", "parameters.seed-accepted")
    assert "parameters.everyday" in script.sent
    assert sent_apart(script) == set()
    assert set(verdicts(judgement).values()) == {Verdict.PASS}
    (case,) = judgement.units[0].cases
    assert case.probe in EVERYDAY
    assert case.findings[0].where[0].exchange == script.ids["parameters.everyday"]


def test_where_the_request_for_all_is_refused_each_is_asked_by_itself_and_none_is_blamed_for_another() -> (
    None
):
    answers = {"parameters.everyday": REFUSED, "parameters.seed": REFUSED}
    rows = ("parameters.user-accepted", "parameters.seed-accepted", "structured.text-accepted")
    _, script, judgement = asked(answers, *rows)
    assert sent_apart(script) == {"parameters.user", "parameters.seed", "parameters.text-format"}
    assert verdicts(judgement) == {
        "parameters.user-accepted": Verdict.PASS,
        "parameters.seed-accepted": Verdict.FAIL,
        "structured.text-accepted": Verdict.PASS,
    }


def test_a_clear_refusal_of_one_thing_leaves_the_others_alone() -> None:
    named = json_answer(400, error("name is not supported", param="messages"))
    answers = {"messages.everyday": named, "messages.name": named}
    _, _, judgement = asked(answers, "messages.name-accepted", "messages.unicode-accepted")
    assert verdicts(judgement) == {
        "messages.name-accepted": Verdict.NOT_APPLICABLE,
        "messages.unicode-accepted": Verdict.PASS,
    }


def test_a_server_error_is_repeated_before_each_thing_is_asked_by_itself() -> None:
    _, script, judgement = asked(
        {"parameters.everyday": BROKE},
        "parameters.user-accepted",
        "robustness.valid-request-served@parameters.everyday@*",
    )
    assert script.sent.count("parameters.everyday") == 2
    assert "parameters.user" in sent_apart(script)
    found = verdicts(judgement)
    assert found["parameters.user-accepted"] is Verdict.PASS
    assert found["robustness.valid-request-served"] is Verdict.FAIL


def test_a_server_error_to_one_thing_by_itself_counts_too() -> None:
    answers = {"parameters.everyday": REFUSED, "parameters.user": BROKE}
    _, _, judgement = asked(
        answers, "parameters.user-accepted", "robustness.valid-request-served@parameters.everyday@*"
    )
    assert verdicts(judgement)["robustness.valid-request-served"] is Verdict.FAIL


def test_a_rate_limit_gives_no_reason_to_ask_for_anything_by_itself() -> None:
    limited = json_answer(429, error("slow down"), retry_after="0")
    _, script, judgement = asked({"parameters.everyday": limited}, "parameters.user-accepted")
    assert sent_apart(script) == set()
    (unit,) = judgement.units
    assert unit.verdict is Verdict.INCONCLUSIVE
    assert "by itself it was not asked" in unit.cases[0].reason


def test_a_need_is_met_by_the_request_that_asks_for_it_together_with_others() -> None:
    longer = completion(usage={"prompt_tokens": 90, "completion_tokens": 5, "total_tokens": 95})
    _, script, judgement = asked({"messages.everyday": json_answer(200, longer)}, "usage.prompt-grows")
    assert sent_apart(script) == set()
    assert verdicts(judgement) == {"usage.prompt-grows": Verdict.PASS}


@pytest.mark.parametrize(
    "probe", [probe for probe in PROBES.values() if probe.apart], ids=lambda probe: probe.id
)
def test_what_is_asked_apart_is_a_part_of_a_request_that_is_always_sent(probe: Probe) -> None:
    whole = PROBES[str(probe.apart)]
    assert whole.certain
    assert (whole.model, whole.streamed, whole.intent) == (probe.model, probe.streamed, probe.intent)
    assert probe.traits >= whole.traits


def test_a_check_of_all_answers_looks_at_a_request_for_several_things_once() -> None:
    plan = planned()
    looked = {(case.requirement, case.probe) for case in plan.cases}
    for probe in PROBES.values():
        if probe.apart:
            twice = {row for row, name in looked if name == probe.id} & {
                row for row, name in looked if name == probe.apart
            }
            assert twice == set()


def test_a_full_hand_written_run_of_one_model_costs_fewer_than_ninety_requests_and_what_the_readme_says() -> (
    None
):
    plan = planned()
    tokens = sum(probe.budget for probe in plan.probes if probe.certain)
    readme = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
    stated = re.search(r"costs (\d+) requests and (\d+)\s+completion tokens at most for one model", readme)
    assert stated is not None
    assert (int(stated[1]), int(stated[2])) == (plan.certain, tokens)
    assert plan.certain < 90
