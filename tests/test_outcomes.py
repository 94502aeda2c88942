"""One test for each cell of the table that makes findings of outcomes, and for each way a refusal can read."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from conformance.checks.api import Case
from conformance.checks.outcomes import (
    Effect,
    Refusal,
    Shown,
    Wanted,
    conclude,
    names_any,
    refusal_of,
    verdict_of,
)
from conformance.conditions import At
from conformance.model import Claim, Finding, Level, Outcome, Verdict
from conformance.models import WORKS, ModelCard, Rule
from conformance.verdict import effective_level, fold_case
from tests.factory import case_of, completion, error, json_answer, probes, raw_answer, view_of

PROBE = probes("parameters")["parameters.stop-string"]
STOP = Wanted("stop as a string", ("stop",), ("stop",))
PASS, FAIL, SKIP, UNSURE = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE
YES, ASK, NO = Claim.YES, Claim.ASK, Claim.NO
SERVED = json_answer(200, completion())
REFUSED = json_answer(400, error("stop is not supported"))

TABLE = {
    Outcome.APPLIED: {YES: PASS, ASK: PASS, NO: SKIP},
    Outcome.ACCEPTED: {YES: PASS, ASK: PASS, NO: SKIP},
    Outcome.REJECTED_CLEAN: {YES: FAIL, ASK: SKIP, NO: SKIP},
    Outcome.DROPPED: {YES: FAIL, ASK: FAIL, NO: SKIP},
    Outcome.LENIENT: {YES: FAIL, ASK: FAIL, NO: SKIP},
    Outcome.BROKEN: {YES: SKIP, ASK: SKIP, NO: SKIP},
}
CELLS = [(outcome, claim, verdict) for outcome, row in TABLE.items() for claim, verdict in row.items()]
EFFECTS = {
    Outcome.APPLIED: Effect.SEEN,
    Outcome.ACCEPTED: Effect.UNSEEN,
    Outcome.DROPPED: Effect.MISSING,
    Outcome.LENIENT: Effect.BEYOND,
}


def case(answer: bytes, claim: Claim = ASK, *allowed: Outcome) -> Case:
    rule = Rule("stop", (At(("stop",), "given", operand=True),), frozenset(allowed), "stop is not offered")
    card = ModelCard(PROBE.model, rules=(rule,) if allowed else ())
    return replace(case_of("parameters.stop-effect", view_of(PROBE, answer), claim=claim), card=card)


def answered(outcome: Outcome) -> tuple[bytes, Shown]:
    """Return an answer, and what is seen in it, that have the outcome."""
    if outcome is Outcome.REJECTED_CLEAN:
        return REFUSED, Shown(Effect.UNSEEN)
    if outcome is Outcome.BROKEN:
        return json_answer(500, error()), Shown(Effect.UNSEEN)
    return SERVED, Shown(EFFECTS[outcome], "it was seen")


@pytest.mark.parametrize(("outcome", "claim", "verdict"), CELLS)
def test_each_cell_of_the_table(outcome: Outcome, claim: Claim, verdict: Verdict) -> None:
    assert verdict_of(outcome, claim) is verdict
    answer, shown = answered(outcome)
    finding = conclude(case(answer, claim), STOP, shown)
    assert finding.verdict is verdict
    if claim is not NO and verdict in {PASS, FAIL} and outcome is not Outcome.REJECTED_CLEAN:
        assert finding.outcome is outcome
    assert finding.saw


@pytest.mark.parametrize("claim", [YES, ASK])
@pytest.mark.parametrize("outcome", [Outcome.REJECTED_CLEAN, Outcome.DROPPED, Outcome.LENIENT])
def test_what_a_rule_of_the_model_allows_is_no_failure_and_no_pass(outcome: Outcome, claim: Claim) -> None:
    answer, shown = answered(outcome)
    finding = conclude(case(answer, claim, outcome), STOP, shown)
    assert (finding.verdict, finding.outcome, finding.examined) == (SKIP, outcome, 0)
    assert "stop is not offered" in finding.saw


@pytest.mark.parametrize("outcome", sorted(WORKS))
def test_what_works_passes_also_where_a_rule_would_allow_less(outcome: Outcome) -> None:
    answer, shown = answered(outcome)
    assert conclude(case(answer, ASK, Outcome.REJECTED_CLEAN), STOP, shown).verdict is PASS


@pytest.mark.parametrize("claim", [YES, ASK])
def test_a_clean_refusal_fulfils_a_requirement_that_says_or_refused(claim: Claim) -> None:
    finding = conclude(case(REFUSED, claim), replace(STOP, or_refused=True))
    assert (finding.verdict, finding.outcome) == (PASS, Outcome.REJECTED_CLEAN)


@pytest.mark.parametrize("allowed", [(), (Outcome.REJECTED_CLEAN,)])
@pytest.mark.parametrize("wanted", [STOP, replace(STOP, or_refused=True)])
def test_a_refusal_without_a_cause_fails_whatever_is_allowed(
    allowed: tuple[Outcome, ...], wanted: Wanted
) -> None:
    finding = conclude(case(json_answer(400, error("Bad request")), ASK, *allowed), wanted)
    assert (finding.verdict, finding.outcome) == (FAIL, None)
    assert "Bad request" in finding.saw


def test_a_wrong_structure_fails_whatever_a_rule_allows() -> None:
    allowed = (Outcome.DROPPED, Outcome.LENIENT, Outcome.REJECTED_CLEAN)
    finding = conclude(
        case(SERVED, ASK, *allowed), STOP, Shown(Effect.SPOILT, "spoilt", "whole", pointer="/x")
    )
    assert (finding.verdict, finding.outcome, finding.where[0].pointer) == (FAIL, None, "/x")


def test_a_model_that_does_not_oblige_gives_no_opinion() -> None:
    finding = conclude(case(SERVED, YES), STOP, Shown(Effect.UNCLEAR, "it said something else"))
    assert (finding.verdict, finding.saw) == (UNSURE, "it said something else")


def test_what_another_requirement_judges_does_not_apply() -> None:
    assert conclude(case(SERVED, YES), STOP, Shown(Effect.ELSEWHERE, "elsewhere")).verdict is SKIP


@pytest.mark.parametrize(
    "answer",
    [
        json_answer(500, error("stop broke it")),
        json_answer(200, error("stop broke it")),
        raw_answer(200, {"content-type": "application/json"}, b""),
        raw_answer(302, {"location": "/"}, b""),
    ],
)
def test_a_broken_answer_is_left_to_the_requirements_that_judge_it(answer: bytes) -> None:
    assert conclude(case(answer, YES), STOP, Shown(Effect.MISSING, "dropped")).verdict is SKIP


@pytest.mark.parametrize("status", [401, 402, 403, 408, 409])
def test_a_status_that_is_about_something_else_gives_no_opinion(status: int) -> None:
    assert conclude(case(json_answer(status, error("stop")), YES), STOP).verdict is UNSURE


PARTNER = Wanted("seed", ("seed",), ("seed",))
BESIDE = replace(STOP, beside=(PARTNER,))


def test_a_refusal_for_another_member_says_nothing_of_this_one() -> None:
    finding = conclude(case(json_answer(400, error("seed is not supported")), YES), BESIDE)
    assert finding.verdict is UNSURE
    assert "seed" in finding.saw


def test_a_refusal_for_another_member_that_a_rule_allows_does_not_apply() -> None:
    refused = case(json_answer(400, error("seed is not supported")), YES)
    rule = Rule("seed", (), frozenset({Outcome.REJECTED_CLEAN}), "no seed")
    assert conclude(replace(refused, card=ModelCard("m", rules=(rule,))), BESIDE).verdict is SKIP


def test_a_refusal_that_names_both_members_counts_for_each() -> None:
    view = view_of(PROBE, json_answer(400, error("stop and seed exclude each other")))
    assert refusal_of(view, BESIDE) is Refusal.CLEAN


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (json_answer(400, error("no", param="stop")), Refusal.CLEAN),
        (json_answer(422, {"detail": [{"loc": ["body", "stop"], "msg": "not permitted"}]}), Refusal.CLEAN),
        (json_answer(400, [{"error": {"message": "Unknown name STOP"}}]), Refusal.CLEAN),
        (raw_answer(400, {"content-type": "text/plain"}, b"unknown field stop"), Refusal.CLEAN),
        (json_answer(413, error("stop")), Refusal.UNCLEAR),
        (json_answer(400, error("no")), Refusal.UNCLEAR),
        (raw_answer(400, {}, b""), Refusal.UNCLEAR),
        (json_answer(403, error("stop")), Refusal.ASIDE),
    ],
)
def test_a_refusal_is_read_from_any_form_of_error(answer: bytes, refusal: Refusal) -> None:
    assert refusal_of(view_of(PROBE, answer), STOP) is refusal


@pytest.mark.parametrize(
    "text", ["'n' must be 1", "invalid n: only 1 is allowed", "N > 1 is too much", "no multiple CHOICES here"]
)
def test_a_name_is_found_in_any_case(text: str) -> None:
    assert names_any(text, ("n", "choices"))


@pytest.mark.parametrize("text", ["unknown member", "don't", "Bad request", ""])
def test_short_names_have_to_be_words_of_their_own(text: str) -> None:
    assert not names_any(text, ("n", "choices"))


def fold(finding: Finding, claim: Claim) -> Level:
    return effective_level(Level.MUST, claim, [fold_case("p", [finding], alive=True)])


@pytest.mark.parametrize(
    ("effect", "claim", "level"),
    [
        (Effect.MISSING, ASK, Level.SHOULD),
        (Effect.MISSING, YES, Level.MUST),
        (Effect.BEYOND, ASK, Level.SHOULD),
        (Effect.BEYOND, YES, Level.SHOULD),
        (Effect.SPOILT, ASK, Level.MUST),
    ],
)
def test_the_fold_gives_failures_the_level_of_the_table(effect: Effect, claim: Claim, level: Level) -> None:
    assert fold(conclude(case(SERVED, claim), STOP, Shown(effect, "seen")), claim) is level
