"""Parameters: limits, stop words, several choices, log probabilities, and members that are merely taken."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from conformance.checks import all_checks
from conformance.checks.parameters_limits import broken_off
from conformance.model import Claim, Finding, Json, Outcome, Probe, Verdict
from conformance.models import ModelCard, load_cards
from conformance.probes.asker import Asker
from conformance.probes.parameters import BEYOND_ANY_LIMIT, LIMIT, STOP, STORY
from conformance.probes.parameters import probes as parameter_probes
from conformance.reference import ReferenceGateway
from tests.factory import (
    case_of,
    chunk,
    completion,
    error,
    findings,
    json_answer,
    probes,
    raw_answer,
    sse_answer,
    verdict,
    view_of,
)
from tests.judging import judged

PROBES = probes("chat", "messages", "parameters")
PASS, FAIL, SKIP, UNSURE = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE
CUT = "Once upon a time, in a green forest, a fox"
WHOLE = "Once upon a time there was a fox. It lived happily."


def usage(completion_tokens: int = 16, **details: int) -> dict[str, Json]:
    found: dict[str, Json] = {
        "prompt_tokens": 20,
        "completion_tokens": completion_tokens,
        "total_tokens": 20 + completion_tokens,
    }
    return {**found, "completion_tokens_details": dict(details)} if details else found


def said(text: str | None, finish: str = "stop", tokens: int = 16, **details: int) -> bytes:
    answer = completion()
    choice: Json = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return json_answer(200, {**answer, "choices": [choice], "usage": usage(tokens, **details)})


def streamed(text: str, finish: str = "stop") -> bytes:
    return sse_answer([chunk({"role": "assistant", "content": text}), chunk({}, finish), "[DONE]"])


def says(requirement: str, probe: str, answer: bytes) -> Verdict | None:
    return verdict(requirement, view_of(PROBES[probe], answer))


def with_card(
    requirement: str, probe: Probe, answer: bytes, card: ModelCard, claim: Claim = Claim.YES
) -> Finding:
    """Return what the one check of a requirement says for a model with this card."""
    case = replace(case_of(requirement, view_of(probe, answer), claim=claim), card=card)
    (found,) = (
        finding
        for check in all_checks()
        if check.requirement == requirement and check.on(probe)
        for finding in check.judge(case)
    )
    return found


LIMITS = [
    ("parameters.max-tokens-effect", "parameters.max-tokens"),
    ("parameters.max-completion-tokens-effect", "parameters.max-completion-tokens"),
    ("parameters.limit-precedence", "parameters.both-limits"),
]


@pytest.mark.parametrize(("row", "probe"), LIMITS)
def test_an_answer_that_the_limit_cuts_finishes_with_length(row: str, probe: str) -> None:
    assert says(row, probe, said(CUT, "length")) is PASS
    assert says(row, probe, said("", "length")) is PASS
    assert says(row, probe, said(None, "length", 15)) is PASS


@pytest.mark.parametrize(("row", "probe"), LIMITS)
def test_a_cut_that_is_told_as_an_end_fails(row: str, probe: str) -> None:
    (finding,) = findings(row, view_of(PROBES[probe], said(CUT, "stop", LIMIT)))
    assert (finding.verdict, finding.outcome) == (FAIL, None)
    assert finding.where[0].pointer == "/choices/0/finish_reason"


@pytest.mark.parametrize(("row", "probe"), LIMITS)
def test_a_text_that_ends_by_itself_is_no_failure(row: str, probe: str) -> None:
    assert says(row, probe, said("There was a fox.", "stop", 5)) is UNSURE
    assert says(row, probe, said("There was a fox.", "stop", LIMIT)) is UNSURE
    assert says(row, probe, said("There was a fox", "stop", LIMIT - 1)) is UNSURE


@pytest.mark.parametrize(("row", "probe"), LIMITS)
def test_a_bill_or_a_text_above_the_limit_fails_as_dropped(row: str, probe: str) -> None:
    long_text = "word " * (2 * LIMIT + 1)
    no_usage = json_answer(200, {**completion(long_text), "usage": None})
    for answer in (
        said(CUT, "length", LIMIT + 1),
        said(WHOLE, "stop", 300),
        said(long_text, "length"),
        no_usage,
    ):
        (finding,) = findings(row, view_of(PROBES[probe], answer))
        assert (finding.verdict, finding.outcome) == (FAIL, Outcome.DROPPED)


def test_without_usage_a_cut_is_seen_by_its_reason_alone() -> None:
    for finish, expected in (("length", PASS), ("stop", UNSURE)):
        answer = json.loads(said(CUT, finish).partition(b"\r\n\r\n")[2])
        del answer["usage"]
        assert (
            says("parameters.max-tokens-effect", "parameters.max-tokens", json_answer(200, answer))
            is expected
        )


def test_another_reason_is_left_to_another_requirement() -> None:
    assert says("parameters.max-tokens-effect", "parameters.max-tokens", said(CUT, "max_tokens")) is SKIP


def test_reasoning_beside_max_tokens_is_not_counted_but_within_max_completion_tokens_is() -> None:
    answer = said(CUT, "length", 500, reasoning_tokens=490)
    assert says("parameters.max-tokens-effect", "parameters.max-tokens", answer) is PASS
    assert says("parameters.max-completion-tokens-effect", "parameters.max-completion-tokens", answer) is FAIL
    card = ModelCard("m", reasoning_apart=True)
    within = said(CUT, "length", 16, reasoning_tokens=490)
    probe = PROBES["parameters.max-completion-tokens"]
    assert with_card("parameters.max-completion-tokens-effect", probe, within, card).verdict is PASS


def test_reasoning_that_nobody_counts_leaves_the_bill_open() -> None:
    answer = json.loads(said(CUT, "stop", 500).partition(b"\r\n\r\n")[2])
    answer["choices"][0]["message"]["reasoning_content"] = "They want a story."
    shown = json_answer(200, answer)
    assert says("parameters.max-tokens-effect", "parameters.max-tokens", shown) is UNSURE
    assert says("usage.limit-respected", "parameters.max-tokens", shown) is SKIP


@pytest.mark.parametrize("text", ["a fox", "in a dense forest, ", "他说\uff0c", "12"])
def test_a_text_is_broken_off_in_the_middle_of_a_sentence(text: str) -> None:
    assert broken_off(text)


@pytest.mark.parametrize("text", ["", "A fox.", "A fox!\n", "完。", "(a fox)", "a fox\n", '"a fox"'])
def test_a_text_that_has_an_end_is_not_broken_off(text: str) -> None:
    assert not broken_off(text)


def test_limits_are_sent_as_they_are_whatever_the_model_needs() -> None:
    card = ModelCard("m", least_budget=1024, limit_field="max_completion_tokens")
    sent = {probe.id: json.loads(probe.request.body) for probe in parameter_probes(Asker("m", card))}
    one = sent["parameters.max-tokens-one"]
    story: Json = [{"role": "user", "content": STORY}]
    assert one == {"model": "m", "messages": story, "max_tokens": 1, "stream": True}
    assert sent["parameters.max-completion-tokens"]["max_completion_tokens"] == LIMIT
    assert sent["parameters.stop-string"]["max_completion_tokens"] == 1024


def test_a_limit_is_not_blamed_for_what_is_refused_without_it_too() -> None:
    probe, other = PROBES["parameters.max-completion-tokens"], PROBES["stream.usage"]
    refused = json_answer(400, error("Bad request."))
    row = "parameters.max-completion-tokens-accepted"
    assert verdict(row, view_of(probe, refused), view_of(other, streamed("Hello."))) is FAIL
    assert verdict(row, view_of(probe, refused), view_of(other, refused)) is UNSURE
    assert verdict(row, view_of(probe, streamed("Hello.")), view_of(other, refused)) is PASS


@pytest.mark.parametrize(("words", "expected"), [(LIMIT + 1, FAIL), (LIMIT, UNSURE)])
def test_a_stream_of_more_words_than_any_least_limit_shows_that_a_limit_of_one_token_is_ignored(
    words: int, expected: Verdict
) -> None:
    answer = streamed("word " * words)
    assert says("parameters.max-tokens-effect", "parameters.max-tokens-one", answer) is expected


def test_a_limit_beyond_every_model_is_not_reckoned_as_a_cost() -> None:
    huge = PROBES["parameters.max-tokens-huge"]
    assert json.loads(huge.request.body)["max_tokens"] == BEYOND_ANY_LIMIT
    assert huge.budget == ModelCard("m").unlimited_cost


def test_a_stream_only_model_is_asked_for_streams_alone() -> None:
    asked = list(parameter_probes(Asker("m", ModelCard("m", stream_only=True))))
    assert all(probe.streamed for probe in asked)
    assert len({probe.id for probe in asked}) == len(asked)


# Stop words


@pytest.mark.parametrize("probe", ["parameters.stop-string", "parameters.stop-array"])
def test_an_answer_ends_before_the_stop_word(probe: str) -> None:
    make = said if probe.endswith("string") else streamed
    assert says("parameters.stop-effect", probe, make("Once upon a time, in ")) is PASS
    (finding,) = findings("parameters.stop-effect", view_of(PROBES[probe], make("Over there. The end.")))
    assert (finding.verdict, finding.outcome) == (FAIL, Outcome.DROPPED)


def test_a_stop_word_at_the_end_of_the_answer_was_kept() -> None:
    (finding,) = findings(
        "parameters.stop-effect", view_of(PROBES["parameters.stop-string"], said(f"In {STOP}"))
    )
    assert (finding.verdict, finding.outcome) == (FAIL, None)


@pytest.mark.parametrize("text", ["A fox slept.", "", "A fox!\n"])
def test_an_answer_that_may_have_ended_by_itself_shows_no_stop(text: str) -> None:
    assert says("parameters.stop-effect", "parameters.stop-string", said(text)) is UNSURE


def test_an_end_before_the_stop_word_is_told_as_stop() -> None:
    assert says("parameters.stop-effect", "parameters.stop-string", said("Once upon", "length", 3)) is FAIL
    assert says("parameters.stop-effect", "parameters.stop-string", said("Once upon", "length", 64)) is UNSURE


def test_stop_words_that_a_rule_drops_are_no_failure() -> None:
    card = load_cards().card("o4-mini")
    probe = PROBES["parameters.stop-string"]
    ran_on = with_card("parameters.stop-effect", probe, said(WHOLE.replace("fox", "other fox")), card)
    refused = json_answer(400, error("Unsupported parameter: 'stop'", param="stop"))
    assert ran_on.verdict is SKIP
    assert with_card("parameters.stop-string-accepted", probe, refused, card).verdict is SKIP


# Several choices


def choices(*indexes: Json) -> bytes:
    found: list[Json] = [
        {"index": index, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}
        for index in indexes
    ]
    return json_answer(200, {**completion(), "choices": found})


@pytest.mark.parametrize(
    ("indexes", "expected", "outcome"),
    [
        ((0, 1), PASS, Outcome.APPLIED),
        ((1, 0), PASS, Outcome.APPLIED),
        ((0,), FAIL, Outcome.DROPPED),
        ((0, 1, 2), FAIL, None),
        ((0, 0), SKIP, None),
    ],
)
def test_n_two_gives_two_choices(
    indexes: tuple[int, ...], expected: Verdict, outcome: Outcome | None
) -> None:
    (finding,) = findings("parameters.n-two", view_of(PROBES["parameters.n-two"], choices(*indexes)))
    assert (finding.verdict, finding.outcome) == (expected, outcome)


@pytest.mark.parametrize("message", ["'n' must be 1", "only one choice is supported"])
def test_n_two_may_be_refused_with_the_cause(message: str) -> None:
    assert says("parameters.n-two", "parameters.n-two", json_answer(400, error(message))) is PASS
    assert says("parameters.n-two", "parameters.n-two", json_answer(400, error("Invalid request"))) is FAIL


def test_n_that_a_rule_drops_is_no_failure() -> None:
    card = load_cards().card("claude-opus-4-6")
    assert with_card("parameters.n-two", PROBES["parameters.n-two"], choices(0), card).verdict is SKIP


def at(index: Json, delta: dict[str, Json], finish: str | None = None) -> dict[str, Json]:
    return chunk(delta, choices=[{"index": index, "delta": delta, "finish_reason": finish}])


ROLE: dict[str, Json] = {"role": "assistant", "content": ""}
HELLO: dict[str, Json] = {"content": "Hello"}
FIRST = [at(0, ROLE), at(1, ROLE)]
TEXTS = [at(0, HELLO), at(1, HELLO)]
ENDS = [at(0, {}, "stop"), at(1, {}, "length")]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([*FIRST, *TEXTS, *ENDS], PASS),
        ([at(0, {**ROLE, **HELLO}), at(0, {}, "stop"), at(1, {**ROLE, **HELLO}), at(1, {}, "stop")], PASS),
        ([at(0, ROLE), at(0, HELLO), at(0, {}, "stop")], FAIL),
        ([at(0, ROLE), at(0, ROLE), at(0, HELLO), at(0, {}, "stop"), at(0, {}, "stop")], FAIL),
        ([at(1, ROLE), at(1, HELLO), at(1, {}, "stop")], FAIL),
        ([*FIRST, *TEXTS, ENDS[0]], SKIP),
        ([*FIRST, at(0, HELLO), *ENDS], UNSURE),
        ([*FIRST, *TEXTS, *ENDS, at(2, HELLO)], SKIP),
        ([*FIRST, *TEXTS, *ENDS, at(None, HELLO)], SKIP),
        ([*FIRST, *TEXTS, *ENDS, "{broken"], SKIP),
        ([], SKIP),
    ],
)
def test_two_choices_stream_side_by_side(events: list[Json | str], expected: Verdict) -> None:
    answer = sse_answer([*events, "[DONE]"])
    assert says("parameters.n-two-stream", "parameters.n-two-stream", answer) is expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([*FIRST, *TEXTS, *ENDS], PASS),
        ([*reversed(FIRST), *TEXTS, *ENDS], FAIL),
        ([at(0, HELLO), at(0, {}, "stop")], SKIP),
    ],
)
def test_choice_zero_opens_the_stream(events: list[Json | str], expected: Verdict) -> None:
    assert (
        says("parameters.n-stream-order", "parameters.n-two-stream", sse_answer([*events, "[DONE]"]))
        is expected
    )


def test_one_chunk_may_open_both_choices() -> None:
    both: dict[str, Json] = {
        "choices": [{"index": index, "delta": {**ROLE, **HELLO}, "finish_reason": "stop"} for index in (1, 0)]
    }
    answer = sse_answer([chunk({}, **both), "[DONE]"])
    assert says("parameters.n-stream-order", "parameters.n-two-stream", answer) is PASS


# Log probabilities


def token(text: str = "Hi", **members: Json) -> dict[str, Json]:
    top: Json = [{"token": text, "logprob": -0.1, "bytes": list(text.encode())}]
    return {"token": text, "logprob": -0.1, "bytes": list(text.encode()), "top_logprobs": top, **members}


def probable(logprobs: Json, text: str = "Hi") -> bytes:
    message: Json = {"role": "assistant", "content": text}
    choice: Json = {"index": 0, "message": message, "logprobs": logprobs, "finish_reason": "stop"}
    return json_answer(200, {**completion(), "choices": [choice]})


@pytest.mark.parametrize(
    ("logprobs", "expected", "outcome"),
    [
        ({"content": [token()], "refusal": None}, PASS, Outcome.APPLIED),
        ({"content": [{"id": 7, "token": "Hi", "logprob": -1}]}, PASS, Outcome.APPLIED),
        ({"content": [token(bytes=None)]}, PASS, Outcome.APPLIED),
        (None, FAIL, Outcome.DROPPED),
        ({"content": None}, FAIL, Outcome.DROPPED),
        ({"content": []}, FAIL, Outcome.DROPPED),
        ({"tokens": ["Hi"], "token_logprobs": [-0.1]}, FAIL, Outcome.DROPPED),
        ({"content": [token(logprob="-0.1")]}, FAIL, None),
        ({"content": [token(logprob=None)]}, FAIL, None),
        ({"content": [token(token=7)]}, FAIL, None),
        ({"content": [token(bytes="Hi")]}, FAIL, None),
        ({"content": [token(bytes=[256])]}, FAIL, None),
        ({"content": ["Hi"]}, FAIL, None),
    ],
)
def test_logprobs_are_there_and_in_form(logprobs: Json, expected: Verdict, outcome: Outcome | None) -> None:
    view = view_of(PROBES["parameters.logprobs"], probable(logprobs))
    (finding,) = findings("parameters.logprobs-shape", view)
    assert (finding.verdict, finding.outcome) == (expected, outcome)


def test_an_answer_without_text_has_no_log_probabilities() -> None:
    assert says("parameters.logprobs-shape", "parameters.logprobs", probable(None, "")) is UNSURE


@pytest.mark.parametrize(("second", "expected"), [({"content": [token()]}, PASS), (None, FAIL)])
def test_each_choice_with_text_has_logprobs(second: Json, expected: Verdict) -> None:
    choices: list[Json] = [
        {
            "index": index,
            "message": {"role": "assistant", "content": "Hi"},
            "logprobs": logprobs,
            "finish_reason": "stop",
        }
        for index, logprobs in enumerate(({"content": [token()]}, second))
    ]
    answer = json_answer(200, {**completion(), "choices": choices})
    assert says("parameters.logprobs-shape", "parameters.logprobs", answer) is expected
    deltas: list[Json] = [
        {"index": index, "delta": {"content": "Hi"}, "logprobs": logprobs, "finish_reason": "stop"}
        for index, logprobs in enumerate(({"content": [token()]}, second))
    ]
    stream = sse_answer([chunk({}, choices=deltas), "[DONE]"])
    assert says("parameters.logprobs-stream", "parameters.logprobs-stream", stream) is expected


def test_logprobs_that_are_dropped_are_allowed_only_by_a_rule_of_the_model() -> None:
    probe, nothing = PROBES["parameters.logprobs"], probable(None)
    claude = load_cards().card("claude-opus-4-6")
    assert with_card("parameters.logprobs-shape", probe, nothing, claude).verdict is SKIP
    unknown = load_cards().card("somebody/else")
    assert with_card("parameters.logprobs-shape", probe, nothing, unknown, Claim.ASK).verdict is FAIL
    refused = json_answer(400, error("logprobs are not supported"))
    assert with_card("parameters.logprobs-shape", probe, refused, unknown).verdict is SKIP


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (token(), PASS),
        (token(top_logprobs=[]), FAIL),
        (token(top_logprobs=None), FAIL),
        (token(top_logprobs=[{"token": "Hi"}]), FAIL),
        (token(top_logprobs={"Hi": -0.1}), FAIL),
    ],
)
def test_top_logprobs_stand_beside_the_token(entry: dict[str, Json], expected: Verdict) -> None:
    assert says("parameters.top-logprobs", "parameters.logprobs", probable({"content": [entry]})) is expected


def test_top_logprobs_say_nothing_without_logprobs() -> None:
    assert says("parameters.top-logprobs", "parameters.logprobs", probable(None)) is SKIP


@pytest.mark.parametrize(
    ("number", "expected"), [(b"-9999.0", PASS), (b"-Infinity", FAIL), (b"NaN", FAIL), (b"-1e999", FAIL)]
)
def test_log_probabilities_are_finite(number: bytes, expected: Verdict) -> None:
    whole = probable({"content": [token()]}).partition(b"\r\n\r\n")[2]
    for old in (b'"logprob": -0.1, "bytes": [72, 105], "top', b'"logprob": -0.1, "bytes": [72, 105]}'):
        assert old in whole
        body = whole.replace(old, old.replace(b"-0.1", number))
        answer = raw_answer(200, {"content-type": "application/json"}, body)
        assert says("parameters.logprobs-finite", "parameters.logprobs", answer) is expected


def test_no_log_probabilities_are_neither_finite_nor_not() -> None:
    assert says("parameters.logprobs-finite", "parameters.logprobs", probable(None)) is SKIP


def told(text: str, *tokens: str) -> dict[str, Json]:
    logprobs: Json = {"content": [token(each) for each in tokens]} if tokens else None
    choice: Json = {"index": 0, "delta": {"content": text}, "logprobs": logprobs, "finish_reason": None}
    return chunk({}, choices=[choice])


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([told("Hello", "Hello"), told(" there", " there")], PASS),
        ([told("Hello there", "Hello", " there")], PASS),
        ([told("", "Hello", " there"), told("Hello there")], PASS),
        ([told("Hello"), told(" there")], FAIL),
        ([told("Hello", "Hello"), told(" there"), told(" my friend")], FAIL),
    ],
)
def test_the_text_of_a_stream_has_log_probabilities(events: list[Json | str], expected: Verdict) -> None:
    answer = sse_answer([*events, chunk({}, "stop"), "[DONE]"])
    assert says("parameters.logprobs-stream", "parameters.logprobs-stream", answer) is expected


# What is merely taken


TAKEN = [
    ("parameters.temperature-accepted", "parameters.sampling-zero", "temperature"),
    ("parameters.temperature-accepted", "parameters.sampling-high", "temperature"),
    ("parameters.top-p-accepted", "parameters.sampling-low", "top_p"),
    ("parameters.presence-penalty-accepted", "parameters.sampling-high", "presence_penalty"),
    ("parameters.frequency-penalty-accepted", "parameters.sampling-low", "frequency_penalty"),
    ("parameters.max-tokens-accepted", "parameters.max-tokens", "max_tokens"),
    ("parameters.max-tokens-one", "parameters.max-tokens-one", "max_tokens"),
    (
        "parameters.max-completion-tokens-accepted",
        "parameters.max-completion-tokens",
        "max_completion_tokens",
    ),
    ("parameters.no-limit", "messages.minimal", "max_tokens"),
    ("parameters.user-accepted", "parameters.user", "user"),
    ("structured.text-accepted", "parameters.text-format", "response_format"),
    ("parameters.stream-options-accepted", "stream.usage", "stream_options"),
    ("parameters.null-accepted", "parameters.nulls", "null"),
    ("parameters.stop-string-accepted", "parameters.stop-string", "stop"),
    ("parameters.stop-array-accepted", "parameters.stop-array", "stop"),
]
"""Requirement, probe, and a word of a refusal for its sake."""

SERVED_OR_REFUSED = [
    ("parameters.both-sampling", "parameters.sampling-high", "temperature"),
    ("parameters.seed-accepted", "parameters.seed", "seed"),
    ("parameters.metadata-accepted", "parameters.labels", "metadata"),
    ("parameters.unknown-member", "parameters.unknown-member", "x_made_up_member"),
    ("parameters.stream-options-without-stream", "parameters.stream-options-alone", "stream_options"),
    ("parameters.max-tokens-above-limit", "parameters.max-tokens-huge", "max_tokens"),
]


@pytest.mark.parametrize(("row", "probe", "word"), [*TAKEN, *SERVED_OR_REFUSED])
def test_a_member_is_taken_when_the_request_is_served(row: str, probe: str, word: str) -> None:
    answer = streamed("Hi.") if PROBES[probe].streamed else said("Hi.")
    (finding,) = findings(row, view_of(PROBES[probe], answer))
    assert (finding.verdict, finding.outcome) == (PASS, Outcome.ACCEPTED), word


@pytest.mark.parametrize(("row", "probe", "word"), TAKEN)
def test_a_member_that_is_claimed_may_not_be_refused(row: str, probe: str, word: str) -> None:
    assert says(row, probe, json_answer(400, error(f"'{word}' is not supported"))) is FAIL


@pytest.mark.parametrize(("row", "probe", "word"), SERVED_OR_REFUSED)
def test_some_members_may_be_refused_with_the_cause(row: str, probe: str, word: str) -> None:
    assert says(row, probe, json_answer(400, error(f"'{word}' is not supported"))) is PASS


@pytest.mark.parametrize(("row", "probe", "word"), [*TAKEN, *SERVED_OR_REFUSED])
def test_no_member_may_be_refused_without_a_cause(row: str, probe: str, word: str) -> None:
    finding = with_card(row, PROBES[probe], json_answer(400, error("Bad request")), ModelCard("m"), Claim.ASK)
    assert finding.verdict is FAIL, word


def test_a_bound_of_one_member_says_nothing_of_another_in_its_request() -> None:
    refused = json_answer(400, error("'temperature' is out of range"))
    assert says("parameters.presence-penalty-accepted", "parameters.sampling-zero", refused) is UNSURE
    assert says("parameters.temperature-accepted", "parameters.sampling-zero", refused) is FAIL


def test_a_pair_that_a_model_refuses_counts_against_neither_of_the_two() -> None:
    card = load_cards().card("claude-opus-4-6")
    refused = json_answer(400, error("`temperature` and `top_p` cannot both be specified for this model."))
    probe = PROBES["parameters.sampling-high"]
    for row in ("temperature-accepted", "top-p-accepted", "presence-penalty-accepted"):
        assert with_card(f"parameters.{row}", probe, refused, card).verdict is SKIP
    assert with_card("parameters.both-sampling", probe, refused, card).verdict is PASS


def test_a_model_that_is_listed_answers() -> None:
    row, probe = "parameters.model-listed", "messages.minimal"
    assert says(row, probe, said("Hi.")) is PASS
    assert says(row, probe, said("")) is SKIP
    assert says(row, probe, json_answer(404, error("The model does not exist"))) is FAIL


# The whole area against a gateway that does everything right


def test_the_reference_fulfils_every_requirement_of_these_areas() -> None:
    with ReferenceGateway() as gateway:
        result = judged(gateway.base_url, only=["parameters.*", "structured.*", "usage.*"], generated="none")
    areas = ("parameters", "structured", "usage")
    units = [unit for unit in result.judgement.units if unit.requirement.partition(".")[0] in areas]
    assert {unit.requirement for unit in units if unit.verdict is not PASS} == set()
    assert len(units) >= 45


def test_a_null_in_a_member_that_the_target_does_not_have_says_nothing_of_null() -> None:
    unknown = json_answer(400, error("Unrecognized request argument supplied: presence_penalty"))
    null = view_of(PROBES["parameters.nulls"], unknown)
    own = PROBES["parameters.sampling-zero"]
    row = "parameters.null-accepted"
    assert verdict(row, null, view_of(own, unknown)) is Verdict.NOT_APPLICABLE
    assert verdict(row, null, view_of(own, json_answer(200, completion()))) is Verdict.FAIL
    assert verdict(row, null, view_of(own, json_answer(400, error("top_p is too low")))) is Verdict.FAIL
