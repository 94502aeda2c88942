"""Whatever a target puts where a member was expected, the run is judged: nothing that it answers is a crash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from random import Random

import pytest
from msgspec.structs import replace

from conformance import engine
from conformance.model import Exchange, Json, Verdict
from conformance.probes import recipes, tries
from conformance.reference.embedded import ReferenceGateway
from conformance.verdict import Exit
from conformance.views import View
from tests.factory import raw_answer
from tests.judging import Judged, judged

ROUNDS = 40
STRANGE: tuple[Json, ...] = (
    None, True, -1, 10**400, 0.5, "", "strange \ud83d\ude00", [], {}, [{"strange": {}}, [1], None], {"strange": [1]}
)  # fmt: skip
"""What is put in place of a member: a value of each kind, empty and not, and one that no machine word holds."""


@cache
def recorded() -> Judged:
    """Return a run of a gateway without fault."""
    with ReferenceGateway() as gateway:
        return judged(gateway.base_url, generated="none")


def places(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of everything inside a value, the value itself first."""
    yield path
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, member in members:
        yield from places(member, (*path, name))


def put(value: Json, path: tuple[str | int, ...], strange: Json) -> Json:
    """Return a copy with another value at a place; a value without this place stays as it is."""
    if not path:
        return strange
    name, *rest = path
    if isinstance(value, dict) and name in value:
        return {**value, str(name): put(value[str(name)], tuple(rest), strange)}
    if isinstance(value, list) and isinstance(name, int) and name < len(value):
        return [*value[:name], put(value[name], tuple(rest), strange), *value[name + 1 :]]
    return value


def read(exchange: Exchange) -> View:
    """Return the view of a recorded answer."""
    return View(recorded().prepared.plan.index[exchange.probe, exchange.model], exchange)


def spoilt(exchange: Exchange, chance: Random) -> Exchange:
    """Return the exchange with one member of its answer, or of the chunks of its stream, made strange."""
    view = read(exchange)
    strange = chance.choice(STRANGE)
    if view.answer is None or view.status is None:
        return exchange
    if view.stream.frames and view.media_type == "text/event-stream":
        lines = [frame.event.data for frame in view.stream.frames]
        chunks = [json.loads(line) for line in lines if line != "[DONE]"]
        path = chance.choice(list(places(chance.choice(chunks))))
        said = [json.dumps(put(chunk, path, strange)) for chunk in chunks] + ["[DONE]"]
        body = "".join(f"data: {line}\n\n" for line in said).encode()
    elif view.document.ok:
        path = chance.choice(list(places(view.json)))
        body = json.dumps(put(view.json, path, strange)).encode()
    else:
        return exchange
    raw = raw_answer(view.status, {"content-type": view.media_type}, body)
    return replace(exchange, raw=raw, pieces=((0.0, len(raw)),))


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_run_of_strange_answers_is_judged_and_reported(number: int) -> None:
    chance = Random(number)
    run = recorded()
    answers = tuple(spoilt(exchange, chance) for exchange in run.evidence.exchanges)
    result = engine.judge_prepared(run.prepared, replace(run.evidence, exchanges=answers))
    assert result.judgement.defects == ()
    assert any(unit.verdict is Verdict.FAIL for unit in result.judgement.units)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_what_follows_a_strange_answer_can_be_decided(number: int) -> None:
    chance = Random(number)
    run = recorded()
    decided = 0
    for exchange in run.evidence.exchanges:
        before = read(spoilt(exchange, chance))
        assert tries.may_be_bad_luck(before) in {True, False}
        assert tries.apart_wanted(before) in {True, False}
        for probe in run.prepared.plan.probes:
            if probe.retry is not None and probe.retry.probe == exchange.probe:
                assert tries.wanted(probe, before) in {True, False}
                decided += 1
            if probe.follow is not None and probe.follow.probe == exchange.probe:
                sent = recipes.build(probe, before)
                assert sent is None or sent.body
                decided += 1
    assert decided


def test_a_check_that_fails_itself_takes_no_other_verdict_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(_: object) -> str:
        raise ZeroDivisionError

    run = recorded()
    whole = {unit.requirement: unit.verdict for unit in run.judgement.units}
    monkeypatch.setattr("conformance.checks.response.is_text", stumble)
    found, summary = engine.weigh(run.prepared, run.evidence)
    touched = {each.split(",")[0] for each in found.defects}
    now = {unit.requirement: unit.verdict for unit in found.units}
    assert touched
    assert summary.exit_code is Exit.HARNESS
    assert {name for name in now if now[name] is not whole[name]} <= touched
    assert {now[name] for name in touched} == {Verdict.INCONCLUSIVE}
