"""Many models in one run: how they are chosen, and that what is the gateway's is paid for once."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from conformance.catalogue import load
from conformance.cli import main
from conformance.engine import Settings, plan_again, with_models
from conformance.errors import UsageError
from conformance.model import GATEWAY, Verdict
from conformance.models import load_cards
from conformance.offer import cheapest_first, matching
from conformance.plan import Plan
from conformance.probes.shared import SHARED, shared, shared_name
from conformance.reference import DEFAULT_MODEL, KEY, ReferenceGateway
from conformance.target import parse_target
from tests.judging import failing, judged
from tests.loopback import handling

ROOT = Path(__file__).parent.parent
CARDS = load_cards()
DOCUMENTED = tuple(name for name in CARDS.cards if not name.startswith("reference-"))
OFFER = ("openai/gpt-4o", "gpt-4o-mini", "o3-mini", "Claude-Opus-4-6", "qwq-32b", "qwen3-max", "own-model")


@cache
def planned(models: Sequence[str], profile: str = "core") -> Plan:
    """Plan a run without sending anything."""
    settings = Settings(parse_target("http://127.0.0.1:9/v1", key=None), profile, tuple(models))
    return plan_again(settings).plan


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        (["*"], OFFER),
        (["gpt-4o*"], ("openai/gpt-4o", "gpt-4o-mini")),
        (["openai/*"], ("openai/gpt-4o",)),
        (["gpt"], ("openai/gpt-4o", "gpt-4o-mini")),
        (["claude"], ("Claude-Opus-4-6",)),
        (["CLAUDE-*"], ("Claude-Opus-4-6",)),
        (["qwen"], ("qwq-32b", "qwen3-max")),
        (["own-model", "o"], ("o3-mini", "own-model")),
        (["o?-mini", "o3-*"], ("o3-mini",)),
    ],
)
def test_patterns_and_families_choose_models(patterns: list[str], chosen: tuple[str, ...]) -> None:
    assert matching(patterns, OFFER, CARDS) == chosen


def test_pattern_that_chooses_none_says_which_models_there_are() -> None:
    with pytest.raises(UsageError) as raised:
        matching(["gpt-4o", "grok"], OFFER, CARDS)
    assert raised.value.exit_code == 2
    assert "'grok'" in str(raised.value)
    assert "'own-model'" in str(raised.value)
    assert "families: claude, gpt, o, qwen" in str(raised.value)


def test_patterns_are_matched_against_what_the_target_lists(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with ReferenceGateway(models=["glm-5", "glm-4.6", "gpt-4o"]) as gateway:
        flags = ["plan", "--target", gateway.base_url, "--generated", "none", "--format", "json"]
        assert main([*flags, "--models", "glm"]) == 0
        assert json.loads(capsys.readouterr().out)["models"] == ["glm-5", "glm-4.6"]
        assert main([*flags, "--models", "glm-5*", "--model", "not-listed"]) == 0
        assert json.loads(capsys.readouterr().out)["models"] == ["not-listed", "glm-5"]
        assert main([*flags, "--models", "grok"]) == 2
        assert "'gpt-4o'" in capsys.readouterr().err


def test_target_without_a_list_is_asked_for_the_models_of_the_profile() -> None:
    catalogue = load()
    with handling(BaseHTTPRequestHandler) as url:  # answers 501 to every method
        settings = Settings(parse_target(url, key=None), profile="openai", model_patterns=("o",))
        assert with_models(settings, catalogue.profile("openai")).models == ("o3-mini", "o4-mini")
        with pytest.raises(UsageError, match="lists no models"):
            with_models(settings, catalogue.profile("core"))


def test_cheapest_model_goes_first_and_the_others_keep_their_order() -> None:
    models = ("deepseek-r1", "qwq-32b", "grok-3", "qwen-max", "gpt-4o")
    assert cheapest_first(models, CARDS) == ("qwen-max", "deepseek-r1", "qwq-32b", "grok-3", "gpt-4o")


def test_nineteen_models_cost_no_more_of_nineteen_runs_than_the_readme_says() -> None:
    assert len(DOCUMENTED) == 19
    one = planned(("reference-chat",))
    many = planned(tuple(f"reference-{number}" for number in range(19)))
    readme = (ROOT / "README.md").read_text("utf-8")
    stated = re.search(r"sends (\d+) % of the requests of 19 runs, and (\d+) %\s", readme)
    assert stated is not None
    assert 100 * many.certain / (19 * one.certain) <= int(stated[1])
    assert 100 * len(many.probes) / (19 * len(one.probes)) <= int(stated[2]) <= 40


def test_what_is_asked_of_each_model_leans_on_nothing_that_is_asked_once() -> None:
    plan = planned(DOCUMENTED)
    for probe in plan.probes:
        if probe.model not in {GATEWAY, plan.models[0]}:
            leans = (probe.twin, probe.follow and probe.follow.probe, probe.retry and probe.retry.probe)
            assert not [name for name in leans if name and shared_name(name)], probe.id


def test_shared_patterns_all_choose_something() -> None:
    plan = planned(("reference-chat",))
    for pattern in SHARED:
        assert any(Path(probe.id).match(pattern) for probe in plan.probes if shared(probe)), pattern


def test_requirement_that_is_asked_once_is_a_unit_of_the_gateway() -> None:
    owners: dict[str, set[str]] = {}
    for case in planned(("gpt-4o", "glm-5", "gpt-4o-mini")).cases:
        owners.setdefault(case.requirement, set()).add(case.model)
    assert owners["transport.json-charset-accepted"] == {GATEWAY}
    assert owners["stream.done-terminator"] == {"gpt-4o", "glm-5", "gpt-4o-mini"}
    assert owners["response.id-unique"] == {"gpt-4o", "glm-5", "gpt-4o-mini"}


def test_plan_says_what_each_model_costs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = ["plan", "--target", "http://127.0.0.1:9", "--model", "gpt-4o", "--model", "glm-5"]
    assert main([*flags, "--generated", "none", "--format", "json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert {cell["model"] for cell in plan["matrix"]} == {GATEWAY, "gpt-4o", "glm-5"}
    for key, total in (("requests", "requests"), ("completion_tokens_at_most",) * 2):
        assert sum(cell[key] for cell in plan["matrix"]) == plan[total]
    assert main([*flags, "--generated", "none"]) == 0
    text = capsys.readouterr().out
    assert "[2] glm-5:" in text
    assert re.search(r"^tools +\d+ +\d+ +\d+ +\d+$", text, re.MULTILINE)


def test_rows_of_the_gateway_are_open_where_the_first_model_is_not_served() -> None:
    rows = ("messages.unicode-accepted", "parameters.user-accepted", "errors.empty-messages")
    with ReferenceGateway(models=[DEFAULT_MODEL]) as gateway:
        result = judged(gateway.base_url, models=("not-served", DEFAULT_MODEL), only=rows, generated="none")
    assert failing(result) == set()
    assert int(result.summary.exit_code) == 3
    units = {unit.requirement: unit for unit in result.judgement.units if unit.model == GATEWAY}
    for row in rows:
        assert units[row].verdict is Verdict.INCONCLUSIVE
        (reason,) = {case.reason for case in units[row].cases}
        assert "asked through not-served, which this target does not serve (status 404" in reason
        assert "name one that it serves first" in reason
