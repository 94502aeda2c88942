"""Further tries: planned with the first, sent only when there is reason to, and judged as one case with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest
from msgspec import Struct, field

from conformance.capture import Capture, Pace
from conformance.catalogue import load
from conformance.judge import Judgement, judge
from conformance.model import Exchange, Finding, Json, Request, Verdict
from conformance.models import load_cards
from conformance.plan import Plan, make_plan
from conformance.probes.recipes import build
from conformance.probes.tries import WANTED, wanted
from conformance.verdict import CaseResult, fold_tries
from tests.factory import MODEL, completion, exchange, json_answer, probes, sse_answer, stream, view_of

PROBES = probes(card=load_cards().card(MODEL))
TEXT = completion("I would rather not.")
CALL: Json = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city":"Rome"}'},
}


def calling(*calls: Json) -> dict[str, Json]:
    message: Json = {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": list(calls or (CALL,)),
    }
    choice: Json = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls"}
    return {**completion(), "choices": [choice]}


def planned(*only: str) -> Plan:
    catalogue = load()
    return make_plan(
        catalogue, catalogue.profile("core"), load_cards(), [MODEL], set_name=catalogue.latest_set, only=only
    )


def result(verdict: Verdict, saw: str = "") -> CaseResult:
    return CaseResult("tools.auto", verdict, (Finding(verdict, 1, saw),), reason=saw, attempts="")


@pytest.mark.parametrize(
    ("verdicts", "folded"),
    [
        (["inconclusive", "pass"], "pass"),
        (["inconclusive", "inconclusive", "inconclusive"], "inconclusive"),
        (["pass", "fail"], "fail"),
        (["fail", "inconclusive", "pass"], "fail"),
        (["not-applicable", "inconclusive"], "inconclusive"),
        (["not-applicable", "not-applicable"], "not-applicable"),
        (["not-applicable", "pass"], "pass"),
        (["pass"], "pass"),
    ],
)
def test_any_failing_try_fails_and_a_later_pass_replaces_no_opinion(verdicts: list[str], folded: str) -> None:
    assert fold_tries([result(Verdict(verdict)) for verdict in verdicts]).verdict == folded


def test_findings_of_a_folded_case_are_those_of_the_tries_that_decide() -> None:
    folded = fold_tries([result(Verdict.INCONCLUSIVE, "no call"), result(Verdict.PASS, "a call")])
    assert [finding.saw for finding in folded.findings] == ["a call"]


def test_tries_come_with_their_probe_and_have_no_cases_of_their_own() -> None:
    plan = planned("tools.call-id")
    sent = [probe.id for probe in plan.probes]
    assert {"tools.auto", "tools.auto~2", "tools.auto~3"} <= set(sent)
    assert not [case.probe for case in plan.cases if "~" in case.probe]
    first = plan.probe("tools.auto", MODEL)
    assert first is not None
    assert [probe.id for probe in plan.tries(first)] == ["tools.auto", "tools.auto~2", "tools.auto~3"]


def test_tries_say_different_words_so_that_no_cache_answers() -> None:
    bodies = {PROBES[name].request.body for name in ("tools.auto", "tools.auto~2", "tools.auto~3")}
    assert len(bodies) == 3


def test_every_reason_that_a_probe_names_is_known() -> None:
    named = {probe.retry.when for probe in PROBES.values() if probe.retry}
    assert named == set(WANTED)


@pytest.mark.parametrize(
    ("raw", "again"),
    [
        (json_answer(200, TEXT), True),
        (json_answer(200, calling()), False),
        (json_answer(400, {"error": {"message": "no tools"}}), False),
        (json_answer(200, {"error": {"message": "no"}}), False),
    ],
)
def test_a_try_is_wanted_after_a_success_without_a_call(raw: bytes, *, again: bool) -> None:
    before = view_of(PROBES["tools.auto"], raw)
    assert wanted(PROBES["tools.auto~2"], before) is again


class Script(Struct):
    """A target that answers each probe with what is written for it, and everything else with text."""

    answers: Mapping[str, bytes]
    sent: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, Json] = field(default_factory=dict)

    async def send(self, request: Request, *, id: str, probe: str, model: str, attempt: int) -> Exchange:  # noqa: A002
        self.sent.append(probe)
        self.ids[probe] = id
        self.bodies[probe] = json.loads(request.body) if request.body else None
        streamed = b'"stream":true' in request.body
        raw = self.answers.get(probe) or (sse_answer(stream()) if streamed else json_answer(200, TEXT))
        found = PROBES[probe]
        made = exchange(found, raw, attempt=attempt)
        return Exchange(
            id,
            probe,
            model,
            attempt,
            request,
            made.raw,
            made.pieces,
            made.started_at,
            made.elapsed,
            made.fault,
        )


class Memory:
    """Keeps nothing on disk."""

    def intent(self, exchange: str) -> None:
        """Take note of nothing."""

    def keep(self, exchange: Exchange) -> Exchange:
        """Return what came."""
        return exchange


def captured(plan: Plan, answers: Mapping[str, bytes]) -> tuple[Script, Capture]:
    script = Script(answers)
    job = Capture(plan, script.send, Memory(), Pace())
    asyncio.run(job.run())
    return script, job


def judged(plan: Plan, job: Capture) -> Judgement:
    catalogue = load()
    return judge(plan, job.exchanges, catalogue, catalogue.profile("core"), load_cards())


def test_no_further_try_is_sent_after_a_call() -> None:
    script, _ = captured(planned("tools.call-id"), {"tools.auto": json_answer(200, calling())})
    assert [probe for probe in script.sent if probe.startswith("tools.auto")] == ["tools.auto"]


def test_tries_end_with_the_first_call_and_their_case_passes() -> None:
    plan = planned("tools.call-id@tools.auto@*")
    script, job = captured(plan, {"tools.auto~2": json_answer(200, calling())})
    assert [probe for probe in script.sent if probe.startswith("tools.auto")] == [
        "tools.auto",
        "tools.auto~2",
    ]
    (unit,) = (unit for unit in judged(plan, job).units if unit.requirement == "tools.call-id")
    assert [(case.probe, case.verdict) for case in unit.cases] == [("tools.auto", Verdict.PASS)]


def test_a_model_that_never_calls_is_asked_three_times_and_there_is_no_opinion() -> None:
    plan = planned("tools.call-id@tools.auto@*")
    longer = completion(usage={"prompt_tokens": 80, "completion_tokens": 5, "total_tokens": 85})
    script, job = captured(plan, {"tools.strict": json_answer(200, longer)})
    tries = sorted(probe for probe in script.sent if probe.startswith("tools.auto"))
    assert tries == ["tools.auto", "tools.auto~2", "tools.auto~3"]
    (unit,) = (unit for unit in judged(plan, job).units if unit.requirement == "tools.call-id")
    assert unit.verdict is Verdict.INCONCLUSIVE
    assert "0 of 3 (95 % interval 0.00-0.71)" in unit.cases[0].reason


def test_a_follow_up_follows_the_try_that_worked_out() -> None:
    plan = planned("tools.round-trip")
    script, _ = captured(plan, {"tools.auto~2": json_answer(200, calling())})
    assert "tools.round-trip" in script.sent
    sent = script.bodies["tools.round-trip"]
    asked = script.bodies["tools.auto~2"]
    assert isinstance(sent, dict)
    assert isinstance(asked, dict)
    assert sent["messages"][:1] == asked["messages"]  # type: ignore[index]


def test_a_follow_up_that_cannot_be_asked_spoils_no_other_requirement() -> None:
    plan = planned("tools.round-trip@*", "response.id-string@*")
    _, job = captured(plan, {})
    verdicts = {unit.requirement: unit.verdict for unit in judged(plan, job).units}
    assert verdicts == {"response.id-string": Verdict.PASS, "tools.round-trip": Verdict.INCONCLUSIVE}


def test_a_follow_up_of_a_refusal_does_not_apply() -> None:
    refusal = json_answer(400, {"error": {"message": "tools are not supported"}})
    plan = planned("tools.round-trip")
    answers = {name: refusal for name in PROBES if name.startswith(("tools.auto", "tools.parallel-stream"))}
    _, job = captured(plan, answers)
    assert {unit.verdict for unit in judged(plan, job).units} == {Verdict.NOT_APPLICABLE}


@pytest.mark.parametrize(
    ("arguments", "finish", "sent"),
    [
        ('{"city":"Rome"}', "tool_calls", True),
        ('{"city":"Rome"}', "length", True),
        ('{"city', "length", False),
        ('{"city', "tool_calls", True),
    ],
)
def test_a_call_that_the_limit_cut_off_is_not_sent_back(arguments: str, finish: str, sent: bool) -> None:  # noqa: FBT001
    call: Json = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": arguments},
    }
    answer = calling(call)
    answer["choices"][0]["finish_reason"] = finish  # type: ignore[index, call-overload]
    before = view_of(PROBES["tools.auto"], json_answer(200, answer))
    assert (build(PROBES["tools.round-trip"], before) is not None) is sent
