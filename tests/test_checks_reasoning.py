"""Thinking: what counts as shown, hidden, leaked or unbilled, and whom the suite asks for it."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from conformance.checks import all_checks
from conformance.checks.api import READABLE
from conformance.checks.reasoning_shown import told_thoughts
from conformance.model import Claim, Json, Outcome, Verdict
from conformance.models import load_cards
from conformance.probes.asker import Asker
from conformance.probes.reasoning import probes as reasoning_probes
from conformance.views import View
from tests.factory import case_of, chunk, completion, error, json_answer, probes, sse_answer, view_of

PASS, FAIL, SKIP, UNSURE = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE
CARDS = load_cards()
ALWAYS, BY_DEFAULT, NEVER = "deepseek-r1", "glm-5", "gpt-4o"
PROBES = {
    model: probes("chat", "messages", "reasoning", card=CARDS.card(model), model=model)
    for model in CARDS.cards
}
THOUGHT = "The user wants to know which product is the greater one of the two."


def judge(requirement: str, view: View, claim: Claim = Claim.ASK) -> Verdict | None:
    """Return what is said of a view of a known model; None when nothing is."""
    case = replace(case_of(requirement, view, claim=claim), card=CARDS.card(view.probe.model))
    said = {
        finding.verdict
        for check in all_checks()
        if check.requirement == requirement and check.on(view.probe) and view.form in READABLE[check.reads]
        for finding in check.judge(case)
    }
    return next((one for one in (FAIL, UNSURE, PASS, SKIP) if one in said), None)


def asked(name: str, raw: bytes, model: str = ALWAYS) -> View:
    return view_of(PROBES[model][name], raw)


def said(
    content: str = "63 is less than 64.", finish: str = "stop", usage: Json = None, **message: Json
) -> bytes:
    found: Json = {"role": "assistant", "content": content, **message}
    counts: Json = usage or {"prompt_tokens": 20, "completion_tokens": 40, "total_tokens": 60}
    choice: Json = {"index": 0, "message": found, "finish_reason": finish}
    return json_answer(200, {**completion(), "choices": [choice], "usage": counts})


def streamed(*deltas: dict[str, Json]) -> bytes:
    return sse_answer([*(chunk(delta) for delta in deltas), chunk({}, "stop"), "[DONE]"])


ROLE: dict[str, Json] = {"role": "assistant", "content": ""}
THINK: dict[str, Json] = {"reasoning_content": THOUGHT}
TEXT: dict[str, Json] = {"content": "64."}
BILLED: Json = {
    "prompt_tokens": 20, "completion_tokens": 40, "total_tokens": 60,
    "completion_tokens_details": {"reasoning_tokens": 30},
}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "raw", "expected"),
    [
        (ALWAYS, said(reasoning_content=THOUGHT), PASS),
        (ALWAYS, said(reasoning=THOUGHT), FAIL),
        (ALWAYS, said(f"<think>{THOUGHT}</think>64."), FAIL),
        (ALWAYS, said(), FAIL),
        (ALWAYS, said("", "length"), UNSURE),
        (BY_DEFAULT, said(), UNSURE),
        (BY_DEFAULT, said(usage=BILLED), FAIL),
        (NEVER, said(), SKIP),
        (NEVER, said(reasoning=THOUGHT), SKIP),
    ],
)
def test_thoughts_are_looked_for_where_the_card_says_that_they_are_shown(
    model: str, raw: bytes, expected: Verdict
) -> None:
    assert judge("reasoning.content-present", asked("chat.basic", raw, model)) is expected


@pytest.mark.parametrize(
    ("value", "expected"), [("so", PASS), (None, PASS), ({"text": "so"}, FAIL), (["so"], FAIL), (7, FAIL)]
)
def test_thoughts_are_text_or_null(value: Json, expected: Verdict) -> None:
    assert judge("reasoning.content-string", asked("chat.basic", said(reasoning_content=value))) is expected
    view = asked("stream.basic", streamed(ROLE, {"reasoning_content": value}, TEXT))
    assert judge("reasoning.content-string", view) is expected


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        ([ROLE, THINK, THINK, TEXT, TEXT], PASS),
        ([ROLE, {"content": "\n\n"}, THINK, TEXT], PASS),
        ([ROLE, {**THINK, **TEXT}, TEXT], PASS),
        ([ROLE, TEXT, THINK], FAIL),
        ([ROLE, THINK, TEXT, THINK, TEXT], FAIL),
        ([ROLE, TEXT], SKIP),
    ],
)
def test_thoughts_come_before_the_text(deltas: list[dict[str, Json]], expected: Verdict) -> None:
    assert judge("reasoning.stream-order", asked("stream.basic", streamed(*deltas))) is expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (said(reasoning_content=THOUGHT), PASS),
        (said("so</think>64.", reasoning_content=THOUGHT), FAIL),
        (said(f"<think>{THOUGHT}</think>64."), FAIL),
        (said(f"{THOUGHT} 64.", reasoning_content=THOUGHT), FAIL),
        (said("", reasoning_content=THOUGHT), UNSURE),
    ],
)
def test_content_is_free_of_thoughts(raw: bytes, expected: Verdict) -> None:
    assert judge("reasoning.not-in-content", asked("chat.basic", raw)) is expected


def test_tags_in_the_text_of_a_model_that_shows_no_thoughts_are_its_own_business() -> None:
    assert judge("reasoning.not-in-content", asked("chat.basic", said("<think>"), NEVER)) is SKIP


@pytest.mark.parametrize(
    ("content", "finish", "expected"), [("64.", "stop", PASS), ("", "stop", FAIL), ("", "length", UNSURE)]
)
def test_text_follows_the_thoughts(content: str, finish: str, expected: Verdict) -> None:
    raw = said(content, finish, reasoning_content=THOUGHT)
    assert judge("reasoning.text-follows", asked("chat.basic", raw)) is expected


def test_the_role_is_told_with_the_first_thought_at_the_latest() -> None:
    late = streamed(THINK, {"role": "assistant", "content": "64."})
    together = streamed({**THINK, "role": "assistant"}, TEXT)
    assert judge("reasoning.role-in-thoughts", asked("stream.basic", late)) is FAIL
    assert judge("reasoning.role-in-thoughts", asked("stream.basic", together)) is PASS


@pytest.mark.parametrize(
    ("completion_tokens", "reasoning_tokens", "total", "expected"),
    [
        (40, 0, 60, PASS),
        (40, 30, 60, PASS),
        (6, 30, 56, PASS),
        (6, 0, 26, FAIL),
        (6, 30, 26, FAIL),
    ],
)
def test_thoughts_are_billed_within_the_completion_or_beside_it(
    completion_tokens: int, reasoning_tokens: int, total: int, expected: Verdict
) -> None:
    usage: Json = {
        "prompt_tokens": 20,
        "completion_tokens": completion_tokens,
        "total_tokens": total,
        "completion_tokens_details": {"reasoning_tokens": reasoning_tokens},
    }
    view = asked("chat.basic", said(reasoning_content=THOUGHT, usage=usage))
    assert judge("reasoning.tokens-counted", view) is expected


def test_the_same_thoughts_under_two_names_are_one_text() -> None:
    both = asked("stream.basic", streamed(ROLE, {**THINK, "reasoning": THOUGHT}, TEXT))
    assert told_thoughts(both) == ("reasoning_content", THOUGHT)
    assert both.stream.choice(0).reasoning == THOUGHT


UNCLEAR = json_answer(400, error("Bad request."))
CLEAR = json_answer(400, error("Unrecognized argument: reasoning_effort", param="reasoning_effort"))


@pytest.mark.parametrize(
    ("requirement", "probe", "model", "raw", "expected"),
    [
        ("effort-high-low-accepted", "effort-high", "grok-3-mini", said(), PASS),
        ("effort-high-low-accepted", "effort-high", "grok-3-mini", said(""), FAIL),
        ("effort-high-low-accepted", "effort-high", "grok-3-mini", CLEAR, SKIP),
        ("effort-high-low-accepted", "effort-high", "grok-3-mini", UNCLEAR, FAIL),
        ("effort-medium", "effort-medium", "grok-3-mini", CLEAR, PASS),
        ("effort-medium", "effort-medium", "grok-3-mini", UNCLEAR, FAIL),
        ("effort-elsewhere", "effort-elsewhere", "gpt-4o", CLEAR, PASS),
        ("effort-elsewhere", "effort-elsewhere", "gpt-4o", UNCLEAR, FAIL),
        ("enable-thinking", "enable-thinking", "qwq-32b", said(), PASS),
        (
            "enable-thinking",
            "enable-thinking",
            "qwq-32b",
            json_answer(400, error("set stream to true")),
            PASS,
        ),
        ("enable-thinking", "enable-thinking", "qwq-32b", said(""), FAIL),
        (
            "enable-thinking",
            "enable-thinking",
            "qwq-32b",
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            FAIL,
        ),
        ("off-honoured", "off", "glm-5", said(), PASS),
        ("off-honoured", "off", "glm-5", said(reasoning_content=THOUGHT), FAIL),
        ("off-honoured", "off", "glm-5", said(usage=BILLED), FAIL),
        (
            "history-with",
            "echo",
            "deepseek-r1",
            json_answer(400, error("reasoning_content in messages")),
            PASS,
        ),
        ("history-with", "echo", "glm-5", UNCLEAR, FAIL),
    ],
)
def test_what_is_asked_for_is_served_or_refused_clearly(
    requirement: str, probe: str, model: str, raw: bytes, expected: Verdict
) -> None:
    assert judge(f"reasoning.{requirement}", asked(f"reasoning.{probe}", raw, model)) is expected


def test_a_refusal_of_what_is_claimed_fails() -> None:
    view = asked("reasoning.effort-high", CLEAR, "grok-3-mini")
    assert judge("reasoning.effort-high-low-accepted", view, Claim.YES) is FAIL


@pytest.mark.parametrize(
    ("requirement", "probe"),
    [("thinking-not-demanded", "messages.minimal"), ("history-without", "messages.assistant")],
)
def test_plain_requests_are_not_refused_for_the_sake_of_thinking(requirement: str, probe: str) -> None:
    demanded = json_answer(400, error("enable_thinking must be set: reasoning_content is missing"))
    assert judge(f"reasoning.{requirement}", asked(probe, demanded, "glm-5")) is FAIL
    assert judge(f"reasoning.{requirement}", asked(probe, UNCLEAR, "glm-5")) is SKIP
    assert judge(f"reasoning.{requirement}", asked(probe, said(), "glm-5")) is PASS
    assert judge(f"reasoning.{requirement}", asked(probe, said(), "gpt-4o")) is SKIP


def test_a_switch_that_is_ignored_is_dropped_and_not_broken() -> None:
    view = asked("reasoning.off", said(reasoning_content=THOUGHT), "glm-5")
    case = replace(case_of("reasoning.off-honoured", view, claim=Claim.ASK), card=CARDS.card("glm-5"))
    [found] = [
        finding
        for check in all_checks()
        if check.requirement == "reasoning.off-honoured"
        for finding in check.judge(case)
    ]
    assert found.outcome is Outcome.DROPPED


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("reference-chat", {"effort-high", "effort-low"}),
        ("grok-3-mini", {"effort-high", "effort-low", "effort-medium", "echo", "temperature"}),
        ("qwq-32b", {"enable-thinking", "echo", "temperature"}),
        ("qwen3-max", {"enable-thinking", "on-stream"}),
        ("glm-5", {"off", "echo"}),
        ("gpt-4o", {"effort-elsewhere"}),
        ("claude-opus-4-6", set()),
        ("never-heard-of", set()),
    ],
)
def test_a_model_is_asked_what_its_card_speaks_of(model: str, names: set[str]) -> None:
    found = {probe.id.partition(".")[2] for probe in reasoning_probes(Asker(model, CARDS.card(model)))}
    assert found == names


def test_a_model_that_only_streams_is_asked_in_streams_but_for_the_documented_exception() -> None:
    plain = {
        probe.id for probe in reasoning_probes(Asker("qwq-32b", CARDS.card("qwq-32b"))) if not probe.streamed
    }
    assert plain == {"reasoning.enable-thinking"}
    body = json.loads(PROBES["qwq-32b"]["reasoning.enable-thinking"].request.body)
    assert body["enable_thinking"] is True
