"""Turns before the question are dropped only where the bill leaves no other explanation."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from conformance.model import Json, Outcome, Verdict
from conformance.models import ModelCard
from conformance.probes.asker import Asker
from conformance.probes.messages import GUIDE
from conformance.probes.messages import probes as message_probes
from conformance.views import View
from tests.factory import chunk, completion, findings, json_answer, probes, sse_answer, verdict, view_of

PROBES = probes("chat", "messages", "parameters")
PASS, FAIL, SKIP, UNSURE = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE
WORDS = len(GUIDE.split())
IN_STREAM = "messages.stream-turns-read"
SYSTEM, DEVELOPER, HISTORY = "messages.system-read", "messages.developer-read", "messages.history-read"


def told(probe: str, prompt: int | None, *, named: str | None = None, cached: int = 0) -> View:
    """Return an answer whose usage tells so many prompt tokens; ``named`` is the part that it answers for."""
    found: Json = None
    if prompt is not None:
        details: Json = {"cached_tokens": cached}
        found = {
            "prompt_tokens": prompt,
            "completion_tokens": 2,
            "total_tokens": prompt + 2,
            "prompt_tokens_details": details,
        }
    asked = replace(PROBES[probe], id=named or probe)
    if asked.streamed:
        events: list[Json | str] = [
            chunk({"content": "Hi."}),
            chunk({}, "length"),
            chunk({}, choices=[], usage=found),
            "[DONE]",
        ]
        return view_of(asked, sse_answer(events))
    return view_of(asked, json_answer(200, {**completion("Hi."), "usage": found}))


def parts(prompt: int) -> View:
    return told("messages.parts-escaped", prompt, named="messages.parts-all")


def everyday(prompt: int | None, cached: int = 0) -> View:
    return told("messages.everyday", prompt, named="messages.system", cached=cached)


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        (300, 120, PASS),  # about a token a word
        (1200, 320, PASS),  # a token a byte
        (118, 120, FAIL),  # the message is not there
        (125, 120, FAIL),  # nor here, with a template that writes more
        (38, 120, UNSURE),  # less than without it: these are no counts of one prompt each
        (180, 120, UNSURE),  # too few, yet the rest of the prompts differs too
    ],
)
def test_a_system_message_is_dropped_where_the_prompt_does_not_grow_with_it(
    mine: int, theirs: int, expected: Verdict
) -> None:
    assert verdict(SYSTEM, everyday(mine), parts(theirs), told("chat.basic", 12)) is expected


def test_a_finding_says_how_many_words_cost_how_many_tokens_and_where() -> None:
    (found,) = findings(SYSTEM, everyday(118), parts(120), told("chat.basic", 12))
    assert (found.verdict, found.outcome) == (FAIL, Outcome.DROPPED)
    assert found.saw == f"prompt_tokens grow by -2 with a system message of {WORDS} words"
    assert [place.pointer for place in found.where] == ["/usage/prompt_tokens"] * 2


def test_the_answer_whose_request_differs_least_is_compared() -> None:
    alone = told("messages.system", 30)
    assert verdict(SYSTEM, alone, parts(400), told("chat.basic", 12)) is FAIL
    assert verdict(SYSTEM, told("messages.system", 220), parts(400), told("chat.basic", 12)) is PASS


def test_counts_that_no_prompt_moves_and_answers_without_counts_prove_nothing() -> None:
    assert verdict(SYSTEM, everyday(50), parts(50), told("chat.basic", 50)) is SKIP
    assert verdict(SYSTEM, everyday(None), parts(120), told("chat.basic", 12)) is SKIP
    assert verdict(SYSTEM, everyday(118), told("chat.basic", None)) is UNSURE
    assert verdict(SYSTEM, everyday(118)) is UNSURE


def test_cached_tokens_that_are_taken_off_the_prompt_are_no_proof() -> None:
    assert verdict(SYSTEM, everyday(118, cached=150), parts(120), told("chat.basic", 12)) is UNSURE


@pytest.mark.parametrize(("mine", "expected"), [(190, PASS), (134, PASS), (133, FAIL), (20, FAIL)])
def test_a_developer_message_is_compared_with_plain_chat(mine: int, expected: Verdict) -> None:
    view = told("messages.developer", mine)
    assert verdict(DEVELOPER, view, told("chat.basic", 12), parts(120)) is expected


@pytest.mark.parametrize(("mine", "expected"), [(140, PASS), (20, FAIL), (28, FAIL)])
def test_a_history_is_compared_with_the_same_question_without_one(mine: int, expected: Verdict) -> None:
    view, other = told("parameters.both-limits", mine), told("parameters.max-tokens", 20)
    assert verdict(HISTORY, view, other, told("chat.basic", 12)) is expected


@pytest.mark.parametrize(("mine", "expected"), [(260, PASS), (20, FAIL), (150, FAIL), (145, FAIL)])
def test_in_a_stream_neither_the_system_message_nor_the_history_may_be_missing(
    mine: int, expected: Verdict
) -> None:
    view, other = told("parameters.max-completion-tokens", mine), told("parameters.max-tokens", 20)
    assert verdict(IN_STREAM, view, other, told("chat.basic", 12)) is expected


def test_a_model_without_a_system_role_is_not_sent_one() -> None:
    sent = list(message_probes(Asker("m", ModelCard("m", roles=("user", "assistant")))))
    assert "messages.system" not in {probe.id for probe in sent}
    everyday = next(json.loads(probe.request.body) for probe in sent if probe.id == "messages.everyday")
    assert {message["role"] for message in everyday["messages"]} == {"user", "assistant"}
