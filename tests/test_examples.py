"""The requests that documents print: whole, sent byte for byte, for their own models and profiles alone."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from conformance.catalogue import load
from conformance.checks import all_checks
from conformance.examples import example_of, load_examples
from conformance.model import Claim, Finding, Json, Verdict
from conformance.models import load_cards
from conformance.plan import Plan, make_plan
from conformance.probes.asker import Asker
from conformance.probes.examples import probes as example_probes
from conformance.views import View
from tests.factory import case_of, chunk, completion, error, json_answer, sse_answer, stream, view_of

ROW = "transport.documented-examples"
CARDS = load_cards()
DOCUMENTS = frozenset({"S0", "S1", "S2", "S3"})
PROBES = {
    probe.id.removeprefix("examples."): probe
    for model in {example.model for example in load_examples()}
    for probe in example_probes(Asker(model, CARDS.card(model), documents=DOCUMENTS))
}


def planned(profile: str, *models: str) -> Plan:
    catalogue = load()
    return make_plan(
        catalogue, catalogue.profile(profile), CARDS, models, set_name=catalogue.latest_set, only=[ROW]
    )


def judged(view: View) -> list[Finding]:
    case = replace(case_of(ROW, view, claim=Claim.YES), card=CARDS.card(view.probe.model))
    return [
        finding
        for check in all_checks()
        if check.requirement == ROW and check.on(view.probe)
        for finding in check.judge(case)
    ]


def test_there_are_seventeen_and_each_is_sent_as_it_stands() -> None:
    assert len(load_examples()) == len(PROBES) == 17
    for example in load_examples():
        probe = PROBES[example.id]
        assert probe.request.body == example.body.encode()
        assert json.loads(probe.request.body)["model"] == example.model
        assert probe.streamed is (example.shows == "stream")
        assert example_of(probe.id) == example


def test_documents_belong_to_the_profiles_that_stand_on_them() -> None:
    profiles = load().profiles
    assert all(example.document in profiles[example.profile].documents for example in load_examples())


def test_examples_are_sent_with_the_profile_of_their_document_and_for_its_models_alone() -> None:
    def sent(profile: str, *models: str) -> set[str]:
        return {probe.id for probe in planned(profile, *models).probes if probe.has("documented")}

    assert sent("core", "gpt-4o") == set()
    assert sent("mixroute", "gpt-4o") == {
        "examples.tools-english",
        "examples.json-schema",
        "examples.file-url",
    }
    assert sent("mixrouter", "qwen3-max", "gpt-4o") == {"examples.parts"}
    assert sent("mixroute", "reference-chat") == set()


def test_what_was_not_sent_is_said() -> None:
    view = replace_probe("stream.basic", "glm-5", sse_answer(stream()))
    [finding] = judged(view)
    assert finding.verdict is Verdict.NOT_APPLICABLE
    assert "gpt-4o (S1:120, S1:146, S1:245)" in finding.saw
    assert "Those for this model (S0:14, S0:97, S1:5, S1:72)" in finding.saw


def replace_probe(name: str, model: str, raw: bytes) -> View:
    return view_of(next(p for p in planned("core", model).probes if p.id == name), raw)


def said(text: Json, **message: Json) -> bytes:
    choice: Json = {
        "index": 0,
        "message": {"role": "assistant", "content": text, **message},
        "finish_reason": "stop",
    }
    return json_answer(200, {**completion(), "choices": [choice]})


CALL: Json = {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
EMPTY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("example", "raw", "expected"),
    [
        ("chat-chinese", said("好的。"), "pass"),
        ("chat-chinese", said(""), "fail"),
        ("chat-chinese", EMPTY, "fail"),
        ("chat-chinese", json_answer(400, error("temperature")), "fail"),
        ("tools-english", said(None, tool_calls=[CALL]), "pass"),
        ("tools-english", said("Which one?"), "pass"),
        ("json-schema", said('{"summary": "x"}'), "pass"),
        ("json-schema", said('{"other": "x"}'), "pass"),
        ("json-schema", said("Here it is"), "fail"),
        ("stream", sse_answer(stream()), "pass"),
        ("stream", sse_answer([chunk({"role": "assistant", "content": "Hello"}), chunk({}, "stop")]), "fail"),
        ("stream", said("Hello"), "fail"),
        ("reasoning-answer", said("x = 1", reasoning_content="So"), "pass"),
        ("reasoning-answer", said("x = 1", reasoning="So"), "fail"),
        ("enable-thinking", json_answer(400, error("set stream to true")), "not-applicable"),
        ("enable-thinking", EMPTY, "fail"),
        ("file-url", json_answer(400, error("file_id is missing")), "not-applicable"),
        ("search-parameters", json_answer(410, error("Live search is deprecated")), "not-applicable"),
        ("search-tool", json_answer(400, error("tools")), "fail"),
        ("parts", json_answer(401, error("key")), "inconclusive"),
    ],
)
def test_an_example_gets_what_its_document_shows_or_what_the_models_rule_allows(
    example: str, raw: bytes, expected: str
) -> None:
    assert [finding.verdict for finding in judged(view_of(PROBES[example], raw))] == [expected]
