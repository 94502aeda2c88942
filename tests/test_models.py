"""Model cards: what stands in the data file decides, no code knows a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.errors import CatalogueError
from conformance.model import Claim, Outcome
from conformance.models import Thinks, load_cards
from conformance.reference import ReferenceGateway, furnish
from conformance.reference.gateway import respond
from tests.reference_samples import CALL, HELLO, WEATHER, chat, said

CARDS = load_cards()
NAMED = (
    *("gpt-4o", "gpt-4o-mini", "o3-mini", "o4-mini", "claude-opus-4-6", "claude-sonnet-4-5-20250929"),
    *("deepseek-v3", "deepseek-r1", "gemini-3-pro-preview", "gemini-3-flash-preview"),
    *("gemini-2.0-flash-thinking-exp", "glm-5", "kimi-k2.5", "doubao-seed-1-8-251228", "qwq-32b"),
    *("qwen-max", "qwen3-max", "grok-3", "grok-3-mini"),
)
WORKS = {Outcome.APPLIED, Outcome.ACCEPTED}


def test_every_model_of_the_documents_has_a_card() -> None:
    assert set(NAMED) <= CARDS.cards.keys()
    assert all(CARDS.cards[name].checked for name in NAMED)


@pytest.mark.parametrize(
    ("model", "like"),
    [
        ("openai/gpt-4o", "gpt-4o"),
        ("gpt-4o-2024-11-20", "gpt-4o"),
        ("o3-mini-2025-01-31", "o3-mini"),
        ("Claude-Opus-4-7", "claude-opus-4-6"),
        ("vendor/deepseek-r1-0528", "deepseek-r1"),
        ("qwen3-max-2026-01-23", "qwen3-max"),
    ],
)
def test_model_without_a_card_gets_that_of_its_family(model: str, like: str) -> None:
    card = CARDS.card(model)
    assert card.id == model
    assert card.rules == CARDS.card(like).rules


def test_unknown_model_gets_the_defaults() -> None:
    card = CARDS.card("never-heard-of")
    assert (card.limit_field, card.stream_only, card.thinks) == ("max_tokens", False, Thinks.NEVER)
    assert card.allowed("temperature", {"temperature": 0.5}) == WORKS
    assert Outcome.REJECTED_CLEAN in card.allowed("n", {"n": 2})
    assert card.allowed("n", {"n": 1}) == WORKS


def test_own_rule_goes_before_that_of_the_model_it_is_like() -> None:
    body = {"temperature": 0.5, "top_p": 0.5}
    older, newer = CARDS.card("claude-sonnet-4-5-20250929"), CARDS.card("claude-opus-4-6")
    assert Outcome.ACCEPTED in newer.allowed("temperature+top_p", body)
    assert Outcome.APPLIED not in older.allowed("temperature+top_p", body)


def test_reasoning_models_are_asked_with_their_own_limit() -> None:
    assert CARDS.card("o4-mini").limit_field == "max_completion_tokens"
    assert CARDS.card("qwq-32b").stream_only


def test_override_goes_before_the_file() -> None:
    cards = load_cards(
        {"glm-5": {"ask": {"least_budget": 7}, "features": {"files": True}}, "mine": {"title": "Mine"}}
    )
    assert cards.card("glm-5").least_budget == 7
    assert cards.card("glm-5").features["files"] is Claim.YES
    assert cards.card("glm-5").rules == CARDS.card("glm-5").rules
    assert cards.card("mine").title == "Mine"


@pytest.mark.parametrize(
    "text",
    [
        "- a",
        "models: [{id: a}, {id: a}]",
        "models: [{id: a, colour: red}]",
        "models: [{id: a, like: b}]",
        "families: [{match: x, like: a}]",
        "outcomes: {bad: [broken]}",
        "outcomes: {bad: [perhaps]}",
        "models: [{id: a, rules: [{parameter: n, allow: unknown-set}]}]",
        "outcomes: {x: [applied]}\nmodels: [{id: a, rules: [{parameter: n, allow: x, reference: refuse}]}]",
        "models: [{id: a, ask: {least_budget: many}}]",
        "models: [{id: a, thinks: {when: sometimes}}]",
        "models: [{id: a, features: {tools: perhaps}}]",
    ],
)
def test_file_that_does_not_hold_together_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError):
        load_cards(path=file)


@pytest.mark.parametrize(
    ("model", "members", "param", "code"),
    [
        ("o3-mini", {"max_tokens": 9}, "max_tokens", "unsupported_parameter"),
        ("o3-mini", {"temperature": 0.2}, "temperature", "unsupported_parameter"),
        ("o4-mini", {"stop": "x"}, "stop", "unsupported_parameter"),
        ("claude-opus-4-6", {"temperature": 1, "top_p": 1}, "top_p", "invalid_value"),
        (
            "claude-opus-4-6",
            {"messages": said("a", {"role": "assistant", "content": "b"})},
            "messages",
            "invalid_value",
        ),
        ("kimi-k2.5", {"temperature": 0.3}, "temperature", "unsupported_value"),
        ("kimi-k2.5", {"n": 2}, "n", "unsupported_value"),
        ("qwq-32b", {}, "stream", "invalid_parameter_error"),
        ("qwen-max", {"temperature": 2}, "temperature", "invalid_parameter_error"),
        ("qwen3-max", {"enable_thinking": True}, "enable_thinking", "invalid_parameter_error"),
        ("grok-3", {"stop": ["a"]}, "stop", "unsupported_parameter"),
        ("grok-3-mini", {"reasoning_effort": "medium"}, "reasoning_effort", "unsupported_value"),
    ],
)
def test_reference_refuses_what_a_model_refuses(
    model: str, members: dict[str, object], param: str, code: str
) -> None:
    reply = respond(chat(model=model, **members), furnish())
    error = json.loads(reply.body)["error"]
    assert reply.status == 400
    assert (error["param"], error["code"]) == (param, code)


@pytest.mark.parametrize(
    ("model", "members"),
    [
        ("o3-mini", {"max_completion_tokens": 99}),
        ("claude-opus-4-6", {"presence_penalty": 1}),
        ("kimi-k2.5", {"temperature": 1, "top_p": 0.95}),
        ("qwq-32b", {"stream": True}),
        ("grok-3-mini", {"reasoning_effort": "high"}),
    ],
)
def test_reference_serves_what_a_model_serves(model: str, members: dict[str, object]) -> None:
    assert respond(chat(model=model, **members), furnish()).status == 200


def test_signed_call_has_to_come_back_unchanged() -> None:
    house = furnish()
    question = said("Weather in Paris?")
    asked = {"model": "gemini-3-pro-preview", "tools": [WEATHER]}
    message = json.loads(respond(chat(messages=question, **asked), house).body)["choices"][0]["message"]
    [call] = message["tool_calls"]
    result = {"role": "tool", "tool_call_id": call["id"], "content": "21"}
    assert respond(chat(messages=[*question, message, result], **asked), house).status == 200
    bare = {**message, "tool_calls": [{**CALL, "id": call["id"]}]}
    assert respond(chat(messages=[*question, bare, result], **asked), house).status == 400


def test_reasoning_beside_the_completion_is_part_of_the_total() -> None:
    usage = json.loads(respond(chat(model="grok-3-mini"), furnish()).body)["usage"]
    reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
    assert reasoning > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] + reasoning


def test_gateway_offers_the_models_it_is_given() -> None:
    assert ReferenceGateway(models=["a", "b"]).models == ("a", "b")
    assert respond(chat(model="reference-chat"), furnish(models=["a"])).status == 404
    assert respond(chat(model="a", messages=[HELLO]), furnish(models=["a"])).status == 200
