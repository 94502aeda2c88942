"""Token counts beside another answer, the text and the request: they grow, agree, and stay within bounds."""

from __future__ import annotations

import json

import pytest

from conformance.model import Json, Verdict
from conformance.views import View
from tests.factory import chunk, completion, json_answer, probes, sse_answer, verdict, view_of

PROBES = probes("chat", "messages", "parameters")
PASS, FAIL, SKIP, UNSURE = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE


def counted(probe: str, prompt: Json, text: str = "Hi.", completion_tokens: int = 5) -> View:
    found: Json = {
        "prompt_tokens": prompt,
        "completion_tokens": completion_tokens,
        "total_tokens": (prompt if isinstance(prompt, int) else 0) + completion_tokens,
    }
    if PROBES[probe].streamed:
        events = [chunk({"content": text}), chunk({}, "stop"), chunk({}, choices=[], usage=found), "[DONE]"]
        return view_of(PROBES[probe], sse_answer(events))
    return view_of(PROBES[probe], json_answer(200, {**completion(text), "usage": found}))


@pytest.mark.parametrize(
    ("short", "longer", "expected"),
    [(10, 60, PASS), (10, 10, FAIL), (60, 10, FAIL), (0, 0, SKIP), ("10", 60, UNSURE), (10, None, UNSURE)],
)
def test_prompt_tokens_grow_with_the_prompt(short: Json, longer: Json, expected: Verdict) -> None:
    found = verdict("usage.prompt-grows", counted("chat.basic", short), counted("messages.unicode", longer))
    assert found is expected


def test_the_longer_prompt_ends_with_the_whole_of_the_other() -> None:
    short, longer = (
        str(json.loads(PROBES[probe].request.body)["messages"][0]["content"])
        for probe in ("chat.basic", "messages.unicode")
    )
    assert longer.endswith(short)
    assert len(longer) > len(short) + 60


@pytest.mark.parametrize(
    ("streams", "complete", "expected"), [(12, 12, PASS), (16, 12, FAIL), (None, 12, UNSURE)]
)
def test_a_stream_has_the_prompt_tokens_of_a_complete_answer(
    streams: Json, complete: Json, expected: Verdict
) -> None:
    others = [counted(name, complete) for name in ("chat.basic", "messages.minimal")]
    assert verdict("usage.stream-equals-complete", counted("stream.usage", streams), *others) is expected


@pytest.mark.parametrize(
    ("streams", "complete", "expected"),
    [
        (14, [12], SKIP),
        (40, [12], FAIL),
        (14, [12, 13], SKIP),
        (13, [12, 13], PASS),
        (13, [12, 14, 12], SKIP),
        (40, [12, 14, 12], FAIL),
        (13, [12, 12, 12], FAIL),
    ],
)
def test_a_count_that_is_not_steady_is_no_streams_fault(
    streams: int, complete: list[int], expected: Verdict
) -> None:
    names = ("chat.basic", "messages.minimal", "parameters.max-tokens-huge")
    others = [counted(name, told) for name, told in zip(names, complete, strict=False)]
    assert verdict("usage.stream-equals-complete", counted("stream.usage", streams), *others) is expected


@pytest.mark.parametrize(
    ("tokens", "text", "expected"),
    [
        (10, "one two three four five six seven eight", PASS),
        (7, "one two three four five six seven eight", PASS),
        (6, "one two three four five six seven eight", FAIL),
        (1, "one two three", SKIP),
        (3, "狐狸住在森林里。它每天都很快乐。它有很多朋友。它也有很多故事。", SKIP),
    ],
)
def test_completion_tokens_are_plausible_for_the_words(tokens: int, text: str, expected: Verdict) -> None:
    assert verdict("usage.plausible", counted("chat.basic", 12, text, tokens)) is expected


def test_prompt_tokens_are_plausible_for_the_words() -> None:
    assert verdict("usage.plausible", counted("parameters.max-tokens", 12)) is PASS
    assert verdict("usage.plausible", counted("parameters.max-tokens", 6)) is FAIL


def billed(probe: str, tokens: int, *messages: dict[str, Json], **details: int) -> View:
    """Return an answer of these messages that says what it cost."""
    found: list[Json] = [
        {"index": index, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
        for index, message in enumerate(messages or ({"content": "Hi."},))
    ]
    usage: Json = {
        "prompt_tokens": 20,
        "completion_tokens": tokens,
        "total_tokens": 20 + tokens,
        "completion_tokens_details": dict(details),
    }
    return view_of(PROBES[probe], json_answer(200, {**completion(), "choices": found, "usage": usage}))


@pytest.mark.parametrize("member", ["content", "reasoning_content", "reasoning"])
def test_all_choices_and_the_reasoning_are_counted(member: str) -> None:
    sentence = "This is a sentence of seven words."
    view = billed("parameters.n-two", 9, {"content": sentence}, {member: sentence})
    assert verdict("usage.plausible", view) is FAIL


@pytest.mark.parametrize(
    ("probe", "tokens", "expected"),
    [
        ("parameters.max-tokens", 16, PASS),
        ("parameters.max-tokens", 17, FAIL),
        ("parameters.n-two", 48, PASS),
        ("parameters.n-two", 49, FAIL),
        ("parameters.both-limits", 17, FAIL),
        ("messages.minimal", 5000, SKIP),
    ],
)
def test_completion_tokens_are_within_the_limit(probe: str, tokens: int, expected: Verdict) -> None:
    n = 2 if probe == "parameters.n-two" else 1
    view = billed(probe, tokens, *[{"content": "Hi."}] * n)
    assert verdict("usage.limit-respected", view) is expected


def test_reasoning_runs_beside_max_tokens_and_within_max_completion_tokens() -> None:
    for probe, expected in (("parameters.max-tokens", PASS), ("parameters.max-completion-tokens", FAIL)):
        assert verdict("usage.limit-respected", billed(probe, 500, reasoning_tokens=490)) is expected


def test_choices_that_nobody_asked_for_are_not_held_against_the_limit() -> None:
    view = billed("parameters.max-tokens", 30, {"content": "Hi."}, {"content": "Hi."})
    assert verdict("usage.limit-respected", view) is SKIP
