"""Talks, mutants and oddities are the same everywhere, what their label says, and one place away from a valid one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from conformance import graft, oddities
from conformance.conditions import split_pointer
from conformance.generate import coverage_cases
from conformance.jsontext import encode
from conformance.model import Intent
from conformance.models import load_cards
from conformance.openapi import validator
from conformance.owncases import own_cases
from conformance.probes.generated import SMOKE, TWICE, generated_for
from conformance.probes.own import Asking, rewritten
from conformance.relations import relations
from conformance.strategies.rules import loose_ends
from tests.afresh import run

if TYPE_CHECKING:
    from pathlib import Path

    from conformance.model import Json, Probe
    from conformance.owncases import OwnCases

CARDS = load_cards()
DIGEST = "-c from conformance.owncases import digest, own_cases; print(digest(own_cases(7)))"
LATER = "-c import json, ast; " + DIGEST.removeprefix("-c ")


@pytest.fixture(scope="module")
def cases() -> OwnCases:
    return own_cases(0)


def test_cases_of_another_seed_come_from_the_cache_later_without_a_generator(tmp_path: Path) -> None:
    one = run(DIGEST, tmp_path, PYTHONHASHSEED="1", XDG_CACHE_HOME=str(tmp_path / "one"))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    other = run(LATER, folder, PYTHONHASHSEED="2", HOME="/dev/null")
    assert one == other
    assert list(folder.iterdir()) == []
    again = run(
        f"{DIGEST}; import sys; print(sorted({{'hypothesis', 'jsonschema', 'yaml'}} & set(sys.modules)))",
        tmp_path,
        XDG_CACHE_HOME=str(tmp_path / "one"),
    )
    assert again.splitlines() == [one.strip(), "[]"], "a cache hit gives the same and imports no generator"


def test_talks_are_valid_and_hang_together(cases: OwnCases) -> None:
    judge = validator(graft.REQUEST)
    for talk in cases.talks:
        assert judge.errors(talk.value) == (), talk.name
        assert list(loose_ends(talk.value)) == [], talk.name


def test_talks_have_every_role_every_plane_and_both_lengths(cases: OwnCases) -> None:
    messages = [message for talk in cases.talks for message in talk.value["messages"]]
    assert {message["role"] for message in messages} == {"system", "user", "assistant", "tool"}
    texts = [message["content"] for message in messages if isinstance(message["content"], str)]
    assert {ord(letter) >> 16 for text in texts for letter in text} == set(range(17))
    assert min(map(len, texts)) == 0
    assert max(map(len, texts)) > 1_000
    assert not any(0xD800 <= ord(letter) < 0xE000 for text in texts for letter in text)
    assert max(len(talk.value.get("tools", ())) for talk in cases.talks) >= 20


def differences(one: Any, other: Any, at: str = "") -> set[str]:  # noqa: ANN401 - any two JSON values
    if isinstance(one, dict) and isinstance(other, dict):
        apart = {f"{at}/{key}" for key in {*one} ^ {*other}}
        return apart.union(*(differences(one[key], other[key], f"{at}/{key}") for key in {*one} & {*other}))
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return set().union(
            *(differences(*pair, f"{at}/{n}") for n, pair in enumerate(zip(one, other, strict=True)))
        )
    return set() if one == other and type(one) is type(other) else {at}


def test_a_mutant_differs_from_its_talk_in_the_named_place_alone_and_two_judges_confirm_it(
    cases: OwnCases,
) -> None:
    judge = validator(graft.REQUEST)
    talks = {talk.name: talk.value for talk in cases.talks}
    for mutant in cases.mutants:
        found = differences(mutant.value, talks[mutant.twin])
        assert found, mutant
        assert all(f"{place}/".startswith(f"{mutant.pointer}/") for place in found), (mutant.name, found)
        assert split_pointer(mutant.pointer)[0] == mutant.member
        broken = not judge.accepts(mutant.value)
        assert broken != (not broken and any(loose_ends(mutant.value))), mutant.name
        assert mutant.value["max_tokens"] == 1


def test_labels_stay_right_for_every_model() -> None:
    """What a card leaves out or adds turns nothing valid into something invalid, nor the other way round."""
    judge, known = validator(graft.REQUEST), {}
    for name in CARDS.cards:
        for probe in generated_for("full", name, CARDS.card(name), 0)[1]:
            if probe.has("odd") or (probe.intent is Intent.INVALID and "matches" in str(probe.requirement)):
                continue
            body = probe.request.body.replace(json.dumps(name).encode(), b'"m"')
            if body not in known:
                value = json.loads(body)
                known[body] = judge.accepts(value)
                assert not probe.has("talk") or list(loose_ends(value)) == [], probe.id
            assert known[body] is (probe.intent is Intent.VALID), probe.id


@pytest.mark.parametrize("name", sorted(CARDS.cards))
def test_no_member_stays_that_a_model_may_refuse_or_that_needs_one_that_was_left_out(name: str) -> None:
    for probe in generated_for("full", name, CARDS.card(name), 0)[1]:
        if probe.has("talk") or probe.id == "generated.same-defaults":
            value = json.loads(probe.request.body)
            assert "tools" in value or not {"tool_choice", "parallel_tool_calls"} & value.keys(), probe.id
            assert not any("+" in rule.parameter for rule in CARDS.card(name).rules_for(value)), probe.id


def test_of_two_members_that_may_not_stand_together_the_default_of_one_is_written() -> None:
    card = CARDS.card("claude-opus-4-6")
    by_name = {probe.id: probe for probe in generated_for("smoke", card.id, card, 0)[1]}
    written = json.loads(by_name["generated.same-defaults"].request.body)
    assert {"temperature", "n", "stream"} <= written.keys()
    assert "top_p" not in written
    asking = Asking(card.id, card, {"top_p": 0.5})
    own = next(each for each in rewritten(asking, {"top_p": 0.5}) if each.id == "generated.same-defaults")
    assert "temperature" not in json.loads(own.request.body)


@pytest.mark.parametrize("name", sorted(CARDS.cards))
def test_the_default_sends_at_most_sixty_of_which_fifteen_are_served(name: str) -> None:
    probes = generated_for("smoke", name, CARDS.card(name), 0)[1]
    valid = [probe for probe in probes if probe.intent is Intent.VALID]
    assert len(probes) <= 60
    assert len(probes) - len(valid) <= SMOKE
    assert len(valid) <= 15
    leans = {probe.twin for probe in probes} | {probe.same_as for probe in probes}
    assert leans - {None} <= {probe.id for probe in probes}
    assert len({probe.id for probe in probes}) == len(probes)


def test_the_default_breaks_the_type_of_every_documented_member_of_a_request() -> None:
    model = "reference-chat"
    cases = [case for case in coverage_cases(model, 0) if case.keyword == "type"]
    members = {case.requirement for case in cases if case.instance == f"/{case.member}"}
    assert {"parameters.stream-type", "parameters.stream-options-type"} <= members
    probes = generated_for("smoke", model, CARDS.card(model), 0)[1]
    assert members <= TWICE | {probe.requirement for probe in probes if probe.intent is Intent.INVALID}


def by_id(amount: str = "full") -> dict[str, Probe]:
    model = "reference-chat"
    return {probe.id: probe for probe in generated_for(amount, model, CARDS.card(model), 0)[1]}


def test_a_request_with_a_limit_is_reckoned_at_it_and_one_without_at_the_whole_answer() -> None:
    card = CARDS.card("reference-chat")
    for probe in by_id().values():
        body = probe.request.body
        if b'"max_tokens":1,' in body or b'"max_tokens":1}' in body:
            assert probe.budget == 1, probe.id
        elif probe.defect is not None and probe.defect.pointer == "/max_tokens":
            assert probe.budget == card.unlimited_cost, probe.id


@pytest.mark.parametrize("limit", [True, "4", 0, -1, 4.5, None])
def test_what_is_no_limit_is_reckoned_at_the_whole_answer(limit: Json) -> None:
    card = CARDS.card("reference-chat")
    asking = Asking("reference-chat", card, {})
    assert asking.cost({card.limit_field: limit}) == card.unlimited_cost
    assert asking.cost({card.limit_field: 4, "n": True}) == 4


def test_the_users_own_members_are_in_every_body() -> None:
    model = "reference-chat"
    for probe in generated_for(
        "full", model, CARDS.card(model), 0, {"provider": {"only": "x"}, "user": "ci"}
    )[1]:
        if not probe.has("odd") and isinstance(json.loads(probe.request.body), dict):
            assert json.loads(probe.request.body)["provider"] == {"only": "x"}, probe.id


@pytest.mark.parametrize("name", sorted(relations()))
def test_another_way_to_write_a_request_means_the_same(name: str) -> None:
    probes = by_id()
    base, other = probes["generated.twin-cheapest"].request, probes[f"generated.same-{name}"].request
    relation = relations()[name]
    value = json.loads(other.body)
    assert {key: item for key, item in value.items() if key not in relation.names} == json.loads(base.body)
    assert {key.lower(): item for key, item in other.headers} == {
        key.lower(): item for key, item in base.headers
    }
    assert (other.body, other.headers) != (base.body, base.headers)
    assert validator(graft.REQUEST).accepts(value)


def test_every_character_of_an_escaped_body_is_escaped() -> None:
    body = by_id()["generated.same-escapes"].request.body
    assert b"model" not in body
    assert body.isascii()


@pytest.mark.parametrize("name", sorted(oddities.CUT))
def test_what_is_no_json_is_no_json(name: str) -> None:
    base = json.loads(by_id()["generated.twin-cheapest"].request.body)
    recipe = oddities.CUT[name]
    for size in {*recipe.sizes, sum(recipe.sizes) // 2}:
        with pytest.raises(ValueError, match=r"line 1"):
            json.loads(recipe.make(base, size))


@pytest.mark.parametrize("name", sorted(oddities.ODD))
def test_an_odd_body_is_not_the_plain_one_and_has_its_size(name: str) -> None:
    base = json.loads(by_id()["generated.twin-cheapest"].request.body)
    recipe = oddities.ODD[name]
    least, most = (recipe.make(base, size) for size in recipe.sizes)
    assert least != encode(base)
    assert (len(least) < len(most)) is (recipe.sizes[0] < recipe.sizes[1])
