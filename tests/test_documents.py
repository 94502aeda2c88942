"""What each document promises: conflicts are decided in data, and what no gateway can keep is called outdated."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from conformance import engine
from conformance.catalogue import load
from conformance.engine import Settings
from conformance.examples import PREFIX, load_examples
from conformance.model import Exchange, Json, Level, Outcome, Request
from conformance.models import load_cards
from conformance.reference import KEY, ReferenceGateway
from conformance.report.console import render_console
from conformance.report.html_page import render_html
from conformance.report.markdown import render_markdown
from conformance.report.shape import Report, checked
from conformance.retired import retired
from conformance.secret import Secret
from conformance.target import parse_target
from conformance.views import View
from tests.factory import json_answer, probes
from tests.judging import QUICK

CATALOGUE, CARDS = load(), load_cards()
CONFLICTS = {name: clause for name, clause in CATALOGUE.clauses.items() if name.startswith("K")}
MUST, SHOULD, MAY = Level.MUST, Level.SHOULD, Level.MAY
REFUSED, DROPPED = Outcome.REJECTED_CLEAN, Outcome.DROPPED

LEVELS = [  # conflict, requirement, its level for mixroute, mixrouter and xmsmartlink
    ("K1", "response.id-string", MUST, MUST, MUST),
    ("K2", "tools.choice-named", MAY, MAY, MAY),
    ("K3", "messages.tool-role", SHOULD, SHOULD, MUST),
    ("K4", "messages.string-content", MUST, MUST, MUST),
    ("K4", "messages.parts-content", MUST, MUST, SHOULD),
    ("K5", "parameters.max-tokens-accepted", MUST, SHOULD, MUST),
    ("K5", "parameters.max-completion-tokens-accepted", SHOULD, SHOULD, MUST),
    ("K6", "parameters.temperature-accepted", MUST, SHOULD, MUST),
    ("K6", "parameters.temperature-range", SHOULD, SHOULD, SHOULD),
    ("K7", "reasoning.effort-medium", MAY, MAY, MAY),
    ("K8", "search.parameters-accepted", SHOULD, SHOULD, SHOULD),
    ("K9", "search.strategy-accepted", MUST, SHOULD, SHOULD),
    ("K10", "reasoning.enable-thinking", SHOULD, SHOULD, SHOULD),
    ("K11", "parameters.model-listed", MUST, SHOULD, SHOULD),
    ("K12", "files.not-dropped", SHOULD, SHOULD, SHOULD),
    ("K13", "search.tool-accepted", MUST, SHOULD, SHOULD),
    ("K14", "errors.unknown-model-404", MUST, SHOULD, SHOULD),
    ("K15", "usage.present", MUST, MUST, SHOULD),
    ("K16", "reasoning.history-with", MAY, MAY, MAY),
    ("K17", "structured.json-schema-accepted", MUST, SHOULD, SHOULD),
    ("K17", "structured.json-schema-valid", SHOULD, SHOULD, SHOULD),
    ("K18", "usage.sum", SHOULD, SHOULD, SHOULD),
    ("K19", "stream.blank-line", MUST, MUST, MUST),
    ("K20", "stream.created-constant", SHOULD, SHOULD, SHOULD),
    ("K21", "transport.documented-examples", MUST, MUST, MUST),
    ("K22", "parameters.both-sampling", MAY, MAY, MAY),
]

RULES: list[tuple[str, str, str, dict[str, Json], Outcome, bool]] = [
    # conflict, model, parameter, request, outcome, whether it is allowed
    ("K5", "o3-mini", "max_tokens", {"max_tokens": 16}, REFUSED, True),
    ("K5", "o3-mini", "max_completion_tokens", {"max_completion_tokens": 16}, REFUSED, False),
    ("K5", "gpt-4o", "max_tokens", {"max_tokens": 16}, REFUSED, False),
    ("K6", "claude-opus-4-6", "temperature", {"temperature": 2}, REFUSED, True),
    ("K6", "claude-opus-4-6", "temperature", {"temperature": 1}, REFUSED, False),
    ("K6", "glm-5", "temperature", {"temperature": 2}, DROPPED, True),
    ("K6", "kimi-k2.5", "temperature", {"temperature": 0}, REFUSED, True),
    ("K6", "qwen-max", "temperature", {"temperature": 2}, REFUSED, True),
    ("K6", "qwen-max", "temperature", {"temperature": 1}, REFUSED, False),
    ("K6", "gpt-4o", "temperature", {"temperature": 2}, REFUSED, False),
    ("K7", "grok-3-mini", "reasoning_effort", {"reasoning_effort": "medium"}, REFUSED, True),
    ("K7", "grok-3-mini", "reasoning_effort", {"reasoning_effort": "high"}, REFUSED, False),
    ("K8", "grok-3", "search_parameters", {"search_parameters": {}}, REFUSED, True),
    ("K8", "grok-3", "search_parameters", {"search_parameters": {}}, Outcome.BROKEN, False),
    (
        "K9",
        "qwen-max",
        "search_strategy",
        {"search_options": {"search_strategy": "pro"}},
        DROPPED,
        True,
    ),
    (
        "K9",
        "qwen-max",
        "search_strategy",
        {"search_options": {"search_strategy": "pro"}},
        REFUSED,
        False,
    ),
    ("K10", "qwq-32b", "stream", {}, REFUSED, True),
    ("K10", "qwq-32b", "stream", {"stream": True}, REFUSED, False),
    ("K17", "deepseek-v3", "response_format", {"response_format": {"type": "json_schema"}}, REFUSED, True),
    ("K17", "deepseek-v3", "response_format", {"response_format": {"type": "json_object"}}, REFUSED, False),
    ("K22", "claude-sonnet-4-5-20250929", "temperature+top_p", {"temperature": 1, "top_p": 1}, REFUSED, True),
    ("K22", "claude-sonnet-4-5-20250929", "temperature+top_p", {"temperature": 1}, REFUSED, False),
]


def test_there_are_22_conflicts_and_each_says_how_it_is_resolved() -> None:
    assert list(CONFLICTS) == [f"K{number}" for number in range(1, 23)]
    assert all(clause.resolved.endswith(".") for clause in CONFLICTS.values())
    assert {row[0] for row in LEVELS} == set(CONFLICTS)


@pytest.mark.parametrize(("clause", "requirement", "mixroute", "mixrouter", "xmsmartlink"), LEVELS)
def test_level_of_a_conflict_is_that_of_the_document(
    clause: str, requirement: str, mixroute: Level, mixrouter: Level, xmsmartlink: Level
) -> None:
    row = CATALOGUE.requirements[requirement]
    assert clause in row.clauses
    held = {name: CATALOGUE.profile(name).level_of(row) for name in ("mixroute", "mixrouter", "xmsmartlink")}
    assert held == {"mixroute": mixroute, "mixrouter": mixrouter, "xmsmartlink": xmsmartlink}


@pytest.mark.parametrize(
    ("clause", "model", "parameter", "body", "outcome", "allowed"),
    RULES,
    ids=[f"{row[0]}-{row[1]}-{number}" for number, row in enumerate(RULES)],
)
def test_conflict_with_what_is_behind_is_a_rule_of_the_model(  # noqa: PLR0917 - a row
    clause: str,
    model: str,
    parameter: str,
    body: dict[str, Json],
    outcome: Outcome,
    allowed: bool,  # noqa: FBT001
) -> None:
    assert clause in CONFLICTS
    found = CARDS.card(model).allowed(parameter, {"model": model, "messages": [], **body})
    assert (outcome in found) is allowed


def test_reasoning_counted_apart_is_a_fact_of_the_model() -> None:
    assert CARDS.card("grok-3-mini").reasoning_apart
    assert not CARDS.card("gpt-4o").reasoning_apart


def test_rules_call_outdated_only_what_a_clause_calls_so() -> None:
    named = {rule.outdated for card in CARDS.cards.values() for rule in card.rules if rule.outdated}
    assert named == {"K7", "K8", "K9", "K10"}
    assert named | {"K11"} == {name for name, clause in CONFLICTS.items() if clause.outdated}


def run(
    tmp_path: Path, *models: str, profile: str, only: tuple[str, ...], offered: tuple[str, ...]
) -> Report:
    with ReferenceGateway(models=offered) as gateway:
        settings = Settings(
            parse_target(gateway.base_url, key=Secret(KEY)),
            profile=profile,
            models=models,
            only=only,
            generated="none",
            limits=QUICK,
            reference=True,
        )
        prepared = engine.prepare(settings)
        engine.capture(prepared, tmp_path / "evidence.jsonl")
    report = engine.judge_evidence(tmp_path / "evidence.jsonl").report
    return checked(report)


def test_document_is_called_outdated_and_the_target_is_not_blamed(tmp_path: Path) -> None:
    report = run(
        tmp_path,
        *("gpt-4o", "grok-3-mini", "gemini-2.0-flash-thinking-exp"),
        profile="mixroute",
        only=("reasoning.effort-*", "parameters.model-listed"),
        offered=("gpt-4o", "grok-3-mini"),
    )
    entries = {(row["clause"], row["model"], row["requirement"]) for row in report["outdated"]}
    assert entries == {
        ("K7", "grok-3-mini", "reasoning.effort-medium"),
        ("K11", "gemini-2.0-flash-thinking-exp", None),
    }
    assert not [row["requirement"] for row in report["results"] if row["verdict"] == "fail"]
    ended = [row for row in report["results"] if row["model"] == "gemini-2.0-flash-thinking-exp"]
    assert {row["verdict"] for row in ended} == {"not-applicable"}
    for page in (render_markdown(report), render_console(report, width=1000)):
        assert "ocument outdated" in page
        assert "gemini-2.0-flash-thinking-exp has ended on 2026-06-01" in page
        assert "reasoning.effort-medium" in page


def test_models_that_the_target_does_not_list_are_named(tmp_path: Path) -> None:
    report = run(
        tmp_path, profile="mixroute", only=("parameters.model-listed",), offered=("gpt-4o", "glm-5", "own")
    )
    assert report["target"]["models"] == ["gpt-4o", "glm-5"]
    assert "kimi-k2.5" in report["absent"]
    assert "grok-3" in {row["model"] for row in report["outdated"]}
    assert "kimi-k2.5" not in {row["model"] for row in report["outdated"]}
    assert report["unsent"] == []


def test_printed_examples_of_models_that_were_not_asked_are_named_with_the_reason(tmp_path: Path) -> None:
    only = ("transport.documented-examples",)
    report = run(tmp_path, profile="mixroute", only=only, offered=("gpt-4o", "glm-5", "own"))
    unsent = {row["example"]: row for row in report["unsent"]}
    sent = {
        probe.removeprefix(PREFIX)
        for each in report["exchanges"].values()
        if (probe := each["probe"]).startswith(PREFIX)
    }
    documents = CATALOGUE.profile("mixroute").documents
    assert sent
    assert unsent
    assert sent | set(unsent) == {each.id for each in load_examples() if each.document in documents}
    assert not sent & set(unsent)
    assert all(row["absent"] for row in unsent.values())
    for page in (render_markdown(report), render_html(report)):
        assert "the target does not list" in page
        assert all(name in page and row["source"] in page for name, row in unsent.items())
    assert "see report.md" in render_console(report, width=1000)


def test_a_model_that_nobody_chose_is_not_said_to_be_missing(tmp_path: Path) -> None:
    only = ("transport.documented-examples",)
    report = run(tmp_path, "gpt-4o", profile="mixroute", only=only, offered=("gpt-4o",))
    assert report["unsent"]
    assert not any(row["absent"] for row in report["unsent"])
    assert "not among those to ask" in render_markdown(report)
    assert "the target does not list" not in render_html(report)


def test_nobody_promised_what_the_core_profile_is_asked(tmp_path: Path) -> None:
    report = run(
        tmp_path,
        "gpt-4o",
        "grok-3-mini",
        profile="core",
        only=("reasoning.effort-*",),
        offered=("gpt-4o", "grok-3-mini"),
    )
    assert report["outdated"] == []


def test_table_of_parameters_has_outcomes_and_what_is_allowed(tmp_path: Path) -> None:
    report = run(
        tmp_path,
        *("gpt-4o", "grok-3-mini"),
        profile="core",
        only=("parameters.stop-string-accepted", "parameters.n-two"),
        offered=("gpt-4o", "grok-3-mini"),
    )
    rows = {(row["parameter"], row["model"]): row for row in report["parameters"]}
    stop = rows["stop as a string", "grok-3-mini"]
    assert stop["outcome"] == "rejected-clean"
    assert "rejected-clean" in stop["allowed"]
    assert rows["stop as a string", "gpt-4o"]["allowed"] == ["applied", "accepted"]
    assert rows["n 2", "gpt-4o"]["outcome"] == "applied"
    page = render_markdown(report)
    assert "| `stop as a string` |  | `gpt-4o` | `grok-3-mini` |" in page
    assert "| `n 2` | all 2 |" in page


ENDED = "gemini-2.0-flash-thinking-exp"
PLAIN = probes("chat", model=ENDED)["chat.basic"]


def refused(day: date, status: int) -> View:
    raw = json_answer(status, {"error": {"message": "there is no such model"}})
    begun = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()
    pieces = ((0.1, len(raw)),)
    return View(PLAIN, Exchange("ex-1", PLAIN.id, ENDED, 1, Request(), raw, pieces, begun, 0.2))


LATER = date(2026, 6, 1)


@pytest.mark.parametrize(
    ("views", "named", "gone"),
    [
        ([refused(LATER, 404)], [ENDED], True),
        ([refused(LATER, 410)], [ENDED], True),
        ([refused(date(2026, 5, 31), 404)], [ENDED], False),
        ([refused(LATER, 404)], [], False),
        ([refused(LATER, 401)], [ENDED], False),
        ([refused(LATER, 503)], [ENDED], False),
        ([refused(LATER, 404), refused(LATER, 503)], [ENDED], False),
        ([], [ENDED], False),
    ],
    ids=["404", "410", "a day before", "not named", "key refused", "503", "503 among them", "not asked"],
)
def test_model_has_ended_only_if_everything_says_so(views: list[View], named: list[str], gone: bool) -> None:  # noqa: FBT001
    assert bool(retired(CARDS.card(ENDED), named, views)) is gone
    assert not retired(replace(CARDS.card(ENDED), retires=None), named, views)


def test_users_profile_extends_a_document_and_overrides_a_model(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        "extends: mixroute\n"
        "models:\n"
        "  our-model: {features: {tools: yes}}\n"
        "  gpt-4o:\n"
        "    rules:\n"
        "      - {parameter: stop, when: {at: /stop, given: true}, allow: may-refuse, says: no stop words here}\n",
        encoding="utf-8",
    )
    profile = CATALOGUE.profile(str(file))
    assert {"our-model", "gpt-4o", "glm-5"} <= set(profile.models)
    cards = load_cards(profile.overrides)
    asked: dict[str, Json] = {"stop": "the"}
    assert REFUSED in cards.card("gpt-4o").allowed("stop", asked)
    assert REFUSED not in CARDS.card("gpt-4o").allowed("stop", asked)
    assert REFUSED not in cards.card("glm-5").allowed("stop", asked)
    assert profile.level_of(CATALOGUE.requirements["usage.present"]) is MUST
