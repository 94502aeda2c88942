"""Tool calls: right ones pass, each way to spoil them is found and named, and a model's own caprice is no failure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.catalogue import load
from conformance.checks import all_checks
from conformance.checks.api import READABLE, Case
from conformance.checks.arguments import Kind, kind_of
from conformance.checks.generated import JUDGES
from conformance.checks.markup import Leak, leak_of
from conformance.model import Claim, Finding, Json, Level, Outcome, Requirement, Verdict
from conformance.models import ModelCard, load_cards
from conformance.openapi import requirement_ids
from conformance.reference import ReferenceGateway
from conformance.toolcalls import Call, Piece, calls_of, message_of
from conformance.views import View
from tests.factory import (
    MODEL,
    chunk,
    completion,
    error,
    findings,
    json_answer,
    probes,
    sse_answer,
    text_answer,
    verdict,
    view_of,
)
from tests.judging import judged as reference_run

PROBES = probes()
PASS, FAIL, SKIP, UNSURE = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE
SAID = '{"city": "Rome"}'
COMPLETE = ("tools.auto", "tools.single", "tools.named", "tools.no-parameters")
STREAMED = ("tools.required-stream", "tools.named-stream", "tools.parallel-stream")


def call(number: int = 1, arguments: Json = SAID, **members: Json) -> dict[str, Json]:
    """Return a call as a complete answer has it; a member that is ``...`` is left out."""
    whole: dict[str, Any] = {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": "get_weather", "arguments": arguments},
        **members,
    }
    return {name: value for name, value in whole.items() if value is not ...}


def answer(*calls: Json, finish: str = "tool_calls", content: Json = None, **members: Json) -> bytes:
    """Write a complete answer with these calls."""
    message: dict[str, Json] = {"role": "assistant", "content": content, "refusal": None, **members}
    if calls:
        message["tool_calls"] = list(calls)
    choice: Json = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return json_answer(200, {**completion(), "choices": [choice]})


def opening(number: int = 1, index: Json = 0, arguments: Json = "", **members: Json) -> dict[str, Json]:
    return {"index": index, **call(number, arguments, **members)}


def piece(arguments: Json, index: Json = 0, **members: Json) -> dict[str, Json]:
    return {"index": index, "function": {"arguments": arguments}, **members}


def streamed(*deltas: list[dict[str, Json]] | dict[str, Json], finish: str = "tool_calls") -> bytes:
    """Write a stream whose deltas have these pieces of calls, one or several each."""
    several = [delta if isinstance(delta, list) else [delta] for delta in deltas]
    middle: list[Json | str] = [chunk({"tool_calls": list(pieces)}) for pieces in several]
    first = chunk({"role": "assistant", "content": None})
    return sse_answer([first, *middle, chunk({}, finish), "[DONE]"])


GOOD = answer(call())
GOOD_STREAM = streamed(opening(), piece('{"city": '), piece('"Rome"}'))
TEXT = json_answer(200, completion("It is sunny, I suppose."))


def view(probe: str, raw: bytes) -> View:
    return view_of(PROBES[probe], raw)


def says(requirement: str, probe: str, raw: bytes, *others: View) -> Verdict | None:
    return verdict(requirement, view(probe, raw), *others)


def saw(requirement: str, probe: str, raw: bytes, *others: View) -> str:
    (finding,) = findings(requirement, view(probe, raw), *others)
    return finding.saw


def judged(
    requirement: str,
    shown: View,
    *others: View,
    claim: Claim = Claim.ASK,
    card: ModelCard | None = None,
    tries: tuple[View, ...] = (),
) -> Finding:
    """Return the one finding of a requirement, with everything that a case can have."""
    row = Requirement(requirement, requirement, Level.SHOULD, "", "", "tools", ())
    known = {other.probe.id: other for other in others}
    case = Case(row, shown.probe, shown, card or ModelCard(MODEL), row.level, claim, known, (*tries, shown))
    (finding,) = [
        finding
        for check in all_checks()
        if check.requirement == requirement and check.on(shown.probe) and shown.form in READABLE[check.reads]
        for finding in check.judge(case)
    ]
    return finding


def callers(*names: str) -> list[View]:
    """Return answers in which the model did call: complete, or streamed where the name says so."""
    return [view(name, GOOD_STREAM if name in STREAMED else GOOD) for name in names]


ABLE = callers("tools.auto", "tools.no-parameters", "tools.parallel-stream", "tools.named")

OF_CALLS = (
    "tools.calls-array",
    "tools.call-id",
    "tools.call-type",
    "tools.call-name",
    "tools.arguments-json-string",
    "tools.arguments-object",
    "tools.arguments-schema",
    "tools.finish-reason",
    "tools.no-markup",
)
OF_STREAMS = (
    "tools.stream-index-present",
    "tools.stream-index-from-zero",
    "tools.stream-index-once",
    "tools.stream-call-opening",
    "tools.call-id-stable",
    "tools.stream-id-once",
    "tools.stream-name-once",
    "tools.stream-function-object",
    "tools.stream-arguments-fragments",
)


@pytest.mark.parametrize("requirement", OF_CALLS)
def test_a_right_call_passes(requirement: str) -> None:
    assert says(requirement, "tools.auto", GOOD) is PASS


@pytest.mark.parametrize("requirement", [*OF_CALLS, *OF_STREAMS])
def test_a_right_streamed_call_passes(requirement: str) -> None:
    assert says(requirement, "tools.required-stream", GOOD_STREAM) is PASS


@pytest.mark.parametrize("requirement", [*OF_CALLS, *OF_STREAMS])
def test_nothing_is_said_of_an_answer_without_a_call(requirement: str) -> None:
    text = sse_answer([chunk({"role": "assistant", "content": "Sunny."}), chunk({}, "stop"), "[DONE]"])
    assert says(requirement, "tools.required-stream", text) is UNSURE
    assert says(requirement, "tools.required-stream", text, *callers("tools.parallel-stream")) is SKIP


@pytest.mark.parametrize("requirement", OF_STREAMS)
def test_a_complete_call_says_nothing_of_streams(requirement: str) -> None:
    text = sse_answer([chunk({"role": "assistant", "content": "Sunny."}), chunk({}, "stop"), "[DONE]"])
    assert says(requirement, "tools.required-stream", text, *callers("tools.auto")) is UNSURE


BROKEN_CALLS = {
    "no id": ("tools.call-id", answer(call(id=...))),
    "empty id": ("tools.call-id", answer(call(id=""))),
    "number as id": ("tools.call-id", answer(call(id=123))),
    "one id twice": ("tools.call-id", answer(call(), call(arguments='{"city":"Oslo"}'))),
    "no type": ("tools.call-type", answer(call(type=...))),
    "another type": ("tools.call-type", answer(call(type="tool_use"))),
    "no name": ("tools.call-name", answer(call(function={"arguments": SAID}))),
    "control tokens": ("tools.call-name", answer(call(function={"name": "get_weather<|channel|>", "arguments": SAID}))),
    "a prefix": ("tools.call-name", answer(call(function={"name": "functions.get_weather", "arguments": SAID}))),
    "another case": ("tools.call-name", answer(call(function={"name": "GetWeather", "arguments": SAID}))),
    "an object": ("tools.arguments-json-string", answer(call(arguments={"city": "Rome"}))),
    "null": ("tools.arguments-json-string", answer(call(arguments=None))),
    "no arguments": ("tools.arguments-json-string", answer(call(function={"name": "get_weather"}))),
    "empty text": ("tools.arguments-object", answer(call(arguments=""))),
    "the word null": ("tools.arguments-object", answer(call(arguments="null"))),
    "encoded twice": ("tools.arguments-object", answer(call(arguments=json.dumps(SAID)))),
    "Python": ("tools.arguments-object", answer(call(arguments="{'city': 'Rome'}"))),
    "HTML": ("tools.arguments-object", answer(call(arguments=SAID.replace('"', "&quot;")))),
    "unclosed": ("tools.arguments-object", answer(call(arguments='{"city": "Rome"'))),
    "twice": ("tools.arguments-object", answer(call(arguments=SAID + SAID))),
    "{} in front": ("tools.arguments-object", answer(call(arguments="{}" + SAID))),
    "[object Object]": ("tools.arguments-object", answer(call(arguments="[object Object]"))),
    "stop": ("tools.finish-reason", answer(call(), finish="stop")),
    "kebab case": ("tools.finish-reason", answer(call(), finish="tool-calls")),
    "no call": ("tools.finish-reason", answer(finish="tool_calls", content="")),
    "object of calls": ("tools.calls-array", answer(tool_calls={"0": call()})),
    "call in a string": ("tools.calls-array", answer(tool_calls=json.dumps([call()]))),
    "old form": ("tools.calls-array", answer(function_call={"name": "get_weather"}, finish="function_call")),
    "markup beside it": ("tools.no-markup", answer(call(), content="<tool_call>\n")),
}  # fmt: skip


@pytest.mark.parametrize(("requirement", "raw"), BROKEN_CALLS.values(), ids=BROKEN_CALLS)
def test_a_broken_call_is_found_by_its_own_requirement_alone(requirement: str, raw: bytes) -> None:
    failing = [name for name in OF_CALLS if says(name, "tools.auto", raw) is FAIL]
    assert failing == [requirement]


BROKEN_STREAMS = {
    "no index": ("index-present", [opening(index=...), piece(SAID, index=...)]),
    "index null": ("index-present", [opening(index=None), piece(SAID, index=None)]),
    "index a string": ("index-present", [opening(index="0"), piece(SAID, index="0")]),
    "one index for two": ("index-distinct", [opening(arguments=SAID), opening(2, arguments=SAID)]),
    "one index, opened first": ("index-distinct", [[opening(), opening(2)], piece(SAID), piece(SAID)]),
    "from one": ("index-from-zero", [opening(index=1), piece(SAID, 1)]),
    "a hole": ("index-from-zero", [opening(arguments=SAID), opening(2, 2, SAID)]),
    "index twice in a delta": ("index-once", [[opening(), piece('{"city":')], piece('"Rome"}')]),
    "no id": ("call-opening", [opening(id=...), piece(SAID)]),
    "no type": ("call-opening", [opening(type=...), piece(SAID)]),
    "no name": ("call-opening", [opening(function={"arguments": ""}), piece(SAID)]),
    "id late": ("call-opening", [opening(id=...), piece(SAID, id="call_1")]),
    "id in function": ("call-opening", [opening(id=..., function={"id": "x", "name": "get_weather"}), piece(SAID)]),
    "id again": ("id-once", [opening(), piece(SAID, id="call_1")]),
    "name again": ("name-once", [opening(), piece("", function={"name": "get_weather", "arguments": SAID})]),
    "function null": ("function-object", [opening(arguments=SAID), {"index": 0, "function": None}]),
    "arguments null": ("function-object", [opening(arguments=None), piece(SAID)]),
    "cumulative": ("arguments-fragments", [opening(), piece('{"ci'), piece('{"city": "Ro'), piece(SAID)]),
    "resent": ("arguments-fragments", [opening(), piece('{"city": '), piece('"Rome"}'), piece(SAID)]),
    "resent at once": ("arguments-fragments", [opening(), piece(SAID), piece(SAID)]),
    "{} in front": ("arguments-fragments", [opening(arguments="{}"), piece(SAID)]),
    "brace lost": ("arguments-fragments", [opening(), piece('{"city": '), piece('"Rome"')]),
    "head lost": ("arguments-fragments", [opening(), piece('city": '), piece('"Rome"}')]),
}  # fmt: skip


def _without(pieces: Any) -> Any:  # noqa: ANN401 - pieces of every shape
    if isinstance(pieces, list):
        return [_without(each) for each in pieces]
    return {name: value for name, value in pieces.items() if value is not ...}


@pytest.mark.parametrize(("slug", "deltas"), BROKEN_STREAMS.values(), ids=BROKEN_STREAMS)
def test_a_broken_stream_is_found_by_its_own_requirement_alone(slug: str, deltas: Any) -> None:  # noqa: ANN401
    raw = streamed(*_without(deltas))
    names = [*OF_STREAMS, "tools.stream-index-distinct", *OF_CALLS]
    failing = [name for name in names if says(name, "tools.parallel-stream", raw) is FAIL]
    assert failing == [f"tools.stream-{slug}"]


def test_an_id_that_changes_within_a_call_is_not_taken_for_another_call() -> None:
    raw = streamed(opening(), piece('{"city": ', id="call_9f"), piece('"Rome"}', id="call_7c"))
    assert says("tools.call-id-stable", "tools.required-stream", raw) is FAIL
    assert says("tools.stream-index-distinct", "tools.required-stream", raw) is not FAIL


def test_repeated_arguments_are_called_by_their_name() -> None:
    cumulative = streamed(opening(), piece('{"ci'), piece('{"city": "Ro'), piece(SAID))
    assert "cumulative" in saw("tools.stream-arguments-fragments", "tools.required-stream", cumulative)
    resent = streamed(opening(), piece('{"city": '), piece('"Rome"}'), piece(SAID))
    assert "sent twice" in saw("tools.stream-arguments-fragments", "tools.required-stream", resent)


@pytest.mark.parametrize(
    ("requirement", "deltas"),
    [
        ("tools.arguments-json-string", [opening(arguments={}), piece(SAID)]),
        ("tools.arguments-object", [opening(), piece("")]),
        ("tools.arguments-object", [opening(function={"name": "get_weather"})]),
        ("tools.arguments-object", [opening(), piece(json.dumps(SAID))]),
        ("tools.call-id", [opening(id=7), piece(SAID)]),
        ("tools.call-type", [opening(type="tool"), piece(SAID)]),
    ],
)
def test_what_a_stream_adds_up_to_is_judged_as_a_complete_call(
    requirement: str, deltas: list[dict[str, Json]]
) -> None:
    assert says(requirement, "tools.required-stream", streamed(*deltas)) is FAIL


LEGAL_STREAMS = {
    "empty id and name later": [opening(), piece("", id="", function={"name": "", "arguments": SAID})],
    "null id and name later": [opening(), piece("", id=None, function={"name": None, "arguments": SAID})],
    "type again": [opening(), piece(SAID, type="function")],
    "one delta": [opening(arguments=SAID)],
    "two calls in one delta": [[opening(arguments=SAID), opening(2, 1, SAID)]],
    "two calls at once": [opening(), opening(2, 1), piece('{"city":', 1), piece(SAID), piece('"Oslo"}', 1)],
    "unknown members": [opening(extra_content={"signature": "x"}, arguments=SAID)],
    "white space": [opening(), piece("\n{\n "), piece('"city": "Rome"\n}\n')],
}


@pytest.mark.parametrize("deltas", LEGAL_STREAMS.values(), ids=LEGAL_STREAMS)
def test_a_legal_stream_fails_nothing(deltas: Any) -> None:  # noqa: ANN401
    raw = streamed(*deltas)
    names = [*OF_STREAMS, "tools.stream-index-distinct", *OF_CALLS]
    assert [name for name in names if says(name, "tools.parallel-stream", raw) is FAIL] == []


def test_an_empty_id_in_later_deltas_is_noted() -> None:
    raw = streamed(opening(), piece(SAID, id=""))
    assert saw("tools.call-id-stable", "tools.required-stream", raw) == "1 later deltas have an empty id"


@pytest.mark.parametrize("finish", ["stop", "tool_calls"])
def test_a_named_function_may_finish_with_stop(finish: str) -> None:
    assert says("tools.finish-reason", "tools.named", answer(call(), finish=finish)) is SKIP


@pytest.mark.parametrize("probe", ["chat.basic", "tools.none", "tools.history", "tools.named", "tools.auto"])
@pytest.mark.parametrize("finish", ["tool_calls", "function_call"])
def test_a_text_that_says_it_ends_with_calls_has_lost_them(probe: str, finish: str) -> None:
    raw = answer(content="It is sunny.", finish=finish)
    assert says("tools.finish-reason", probe, raw, *ABLE) is FAIL
    assert says("tools.finish-reason", probe, answer(content="It is sunny.", finish="stop"), *ABLE) is SKIP


@pytest.mark.parametrize("value", [{}, False, [None], "", 0])
def test_calls_of_a_text_are_an_array_or_nothing(value: Json) -> None:
    assert says("tools.calls-array", "chat.basic", answer(content="Hello.", tool_calls=value)) is FAIL


@pytest.mark.parametrize("value", [None, []])
def test_a_text_may_say_that_it_has_no_calls(value: Json) -> None:
    raw = answer(content="Hello.", finish="stop", tool_calls=value, function_call=None)
    assert says("tools.calls-array", "chat.basic", raw) is SKIP
    assert says("tools.calls-offered", "chat.basic", raw) is PASS
    assert says("tools.old-call-named", "chat.basic", raw) is PASS


@pytest.mark.parametrize("value", [{}, "", {"name": "", "arguments": ""}, {"name": None, "arguments": None}])
def test_an_old_call_without_a_name_is_none(value: Json) -> None:
    assert says("tools.old-call-named", "tools.auto", answer(call(), function_call=value)) is FAIL
    assert says("tools.calls-array", "tools.auto", answer(content="Hello.", function_call=value)) is not FAIL


@pytest.mark.parametrize(
    "content",
    [
        SAID,
        f"[{SAID}]",
        '{"name": "get_weather", "arguments": {"city": "Rome"}}',
        '[{"type": "function", "function": {"name": "get_weather", "arguments": "{\\"city\\": \\"Rome\\"}"}}]',
    ],
)
def test_a_call_once_more_in_the_text_is_found(content: str) -> None:
    assert says("tools.no-markup", "tools.auto", answer(call(), content=content)) is FAIL


@pytest.mark.parametrize(
    "content", ['{"city": "Oslo"}', "{}", "[]", "[1]", 'I call it with {"city": "Rome"}.']
)
def test_other_json_beside_a_call_is_the_model_s_own(content: str) -> None:
    assert says("tools.no-markup", "tools.auto", answer(call(), content=content)) is PASS


@pytest.mark.parametrize("content", ["None", "null", "undefined", "<nil>", "nullnull"])
def test_nothing_beside_a_call_is_not_spelled_out(content: str) -> None:
    assert says("tools.text-beside-calls", "tools.auto", answer(call(), content=content)) is FAIL


@pytest.mark.parametrize("content", [None, "", " ", "None of these is known.", "Nullify it?"])
def test_any_other_text_may_stand_beside_a_call(content: Json) -> None:
    assert says("tools.text-beside-calls", "tools.auto", answer(call(), content=content)) is PASS


@pytest.mark.parametrize(
    ("later", "expected"), [(..., PASS), ("function", PASS), ("", FAIL), (None, FAIL), ("x", FAIL)]
)
def test_the_type_of_a_call_does_not_change(later: Any, expected: Verdict) -> None:  # noqa: ANN401
    members = {} if later is ... else {"type": later}
    raw = streamed(opening(), piece('{"city": '), piece('"Rome"}', **members))
    assert says("tools.stream-type-kept", "tools.required-stream", raw) is expected


@pytest.mark.parametrize("content", [None, "", "Let me see."])
def test_text_null_or_nothing_may_stand_beside_calls(content: Json) -> None:
    raw = answer(call(), content=content)
    assert [name for name in OF_CALLS if says(name, "tools.auto", raw) is FAIL] == []


def test_a_call_that_the_limit_cut_is_no_broken_call() -> None:
    raw = answer(call(arguments='{"city": "Ro'), finish="length")
    assert says("tools.arguments-object", "tools.auto", raw) is UNSURE
    assert says("tools.finish-reason", "tools.auto", raw) is UNSURE


ORDER = {
    "customer": "Ada",
    "taste": "很辣",
    "dishes": [{"name": "soup", "count": 2}],
    "address": {"street": "Hauptstraße 5", "zip": "10115"},
    "gift": False,
}


def order(**changes: Json) -> bytes:
    arguments = json.dumps({**ORDER, **changes}, ensure_ascii=False)
    return answer(call(function={"name": "order_meal", "arguments": arguments}))


def test_nested_arguments_that_keep_to_the_schema_pass() -> None:
    assert says("tools.arguments-schema", "tools.named", order()) is PASS


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"dishes": json.dumps(ORDER["dishes"])}, "/dishes"),
        ({"address": json.dumps(ORDER["address"])}, "/address"),
        ({"gift": "false"}, "/gift"),
        ({"dishes": [{"name": "soup", "count": "2"}]}, "/dishes/0/count"),
        ({"taste": "很辣".encode().decode("latin-1")}, "/taste"),
    ],
)
def test_values_that_came_as_text_or_in_another_encoding_fail(changes: dict[str, Json], why: str) -> None:
    assert says("tools.arguments-schema", "tools.named", order(**changes)) is FAIL
    assert why in saw("tools.arguments-schema", "tools.named", order(**changes))


@pytest.mark.parametrize("changes", [{"taste": "hot"}, {"dishes": []}, {"address": {"street": "x"}}])
def test_what_the_model_got_wrong_by_itself_is_no_failure(changes: dict[str, Json]) -> None:
    assert says("tools.arguments-schema", "tools.named", order(**changes)) is UNSURE


def test_a_slip_in_every_answer_is_the_servers() -> None:
    lost = answer(call(arguments="{}"))
    others = [view(name, lost) for name in ("tools.single", "tools.no-parameters")]
    assert says("tools.arguments-schema", "tools.auto", lost) is UNSURE
    assert says("tools.arguments-schema", "tools.auto", lost, *others) is FAIL
    assert (
        says("tools.arguments-schema", "tools.auto", lost, *others, *callers("tools.required-stream"))
        is UNSURE
    )


def test_a_slip_in_every_answer_of_one_form_and_in_none_of_the_other_is_the_servers() -> None:
    lost = answer(call(arguments="{}"))
    complete = [view(name, lost) for name in ("tools.single", "tools.named")]
    streams = callers("tools.required-stream", "tools.named-stream", "tools.parallel-stream")
    assert says("tools.arguments-schema", "tools.auto", lost, *complete, *streams) is FAIL
    assert says("tools.arguments-schema", "tools.auto", lost, *complete, *streams[:2]) is UNSURE
    assert says("tools.arguments-schema", "tools.auto", lost, complete[0], *streams) is UNSURE


def test_a_made_up_tool_is_the_models_and_one_for_all_is_the_servers() -> None:
    raw = answer(call(function={"name": "tool", "arguments": SAID}))
    others = [view(name, raw) for name in ("tools.single", "tools.no-parameters")]
    assert says("tools.call-name", "tools.auto", raw) is UNSURE
    assert says("tools.call-name", "tools.auto", raw, *others) is FAIL


def test_arguments_without_any_form_are_the_models_unless_streams_alone_have_them() -> None:
    garbled = streamed(opening(), piece('"Rome"}'), piece('{"city": '))
    other = view("tools.parallel-stream", garbled)
    assert says("tools.stream-arguments-fragments", "tools.required-stream", garbled) is UNSURE
    assert says("tools.stream-arguments-fragments", "tools.required-stream", garbled, other) is UNSURE
    proof = callers("tools.auto")
    assert says("tools.stream-arguments-fragments", "tools.required-stream", garbled, other, *proof) is FAIL


KINDS = {
    SAID: Kind.OBJECT, " {} ": Kind.OBJECT, "": Kind.EMPTY, " ": Kind.EMPTY, "null": Kind.NULL,
    json.dumps(SAID): Kind.DOUBLE, '"Rome"': Kind.GARBLED, "[1]": Kind.GARBLED, "{'a': 1}": Kind.PYTHON,
    SAID + SAID: Kind.RESENT, "{}" + SAID: Kind.PREFIXED, SAID + '{"city": "Oslo"}': Kind.SEVERAL,
    '{"a": [1, 2': Kind.UNCLOSED, '{"city": "Rome': Kind.UNCLOSED, '"city": "Rome"}': Kind.HEADLESS,
    '{\\"a\\": 1}': Kind.ESCAPED, '{"a": NaN}': Kind.GARBLED, "city=Rome": Kind.GARBLED,
    "[object Object]": Kind.SCRIPT, "[" * 100_000: Kind.GARBLED,
}  # fmt: skip


@pytest.mark.parametrize(("text", "kind"), KINDS.items(), ids=[text[:20] for text in KINDS])
def test_spoilt_arguments_have_a_name(text: str, kind: Kind) -> None:
    value = {"function": {"arguments": text}}
    assert kind_of(Call(0, [Piece(None, 0, "", value)])) is kind


# Effects: what tool_choice brings about.


def reach(with_tools: int, without: int) -> list[View]:
    """Return the pair of answers that shows what tools cost."""

    def counted(tokens: int) -> bytes:
        usage: Json = {"prompt_tokens": tokens, "completion_tokens": 5, "total_tokens": tokens + 5}
        return json_answer(200, completion(usage=usage))

    return [view("tools.strict", counted(with_tools)), view("chat.basic", counted(without))]


def test_required_that_a_capable_model_does_not_follow_is_dropped_and_told_as_a_rate() -> None:
    tries = tuple(view("tools.single", TEXT) for _ in range(2))
    finding = judged("tools.choice-required-effect", view("tools.single", TEXT), *ABLE, tries=tries)
    assert (finding.verdict, finding.outcome) == (FAIL, Outcome.DROPPED)
    assert "0 of 3 (95 % interval 0.00-0.71)" in finding.saw


def test_required_that_a_weak_model_does_not_follow_is_no_failure() -> None:
    luck = callers("tools.no-parameters")
    silent = [view(name, TEXT) for name in ("tools.auto", "tools.named")]
    for others in ([], luck, [*luck, *silent]):
        finding = judged("tools.choice-required-effect", view("tools.single", TEXT), *others, *reach(90, 12))
        assert finding.verdict is UNSURE


def test_tools_that_cost_no_tokens_and_are_never_called_were_dropped() -> None:
    for requirement in ("tools.choice-required-effect", "tools.call-made"):
        finding = judged(requirement, view("tools.single", TEXT), *reach(12, 12))
        assert (finding.verdict, finding.outcome) == (FAIL, Outcome.DROPPED)
        assert "12 prompt tokens with tools, 12 without" in finding.saw


def test_a_try_that_is_not_the_last_decides_nothing() -> None:
    shown = view("tools.single", TEXT)
    row = Requirement("tools.choice-required-effect", "", Level.SHOULD, "", "", "tools", ())
    others = {other.probe.id: other for other in ABLE}
    case = Case(
        row, shown.probe, shown, ModelCard(MODEL), row.level, Claim.ASK, others, (shown,), final=False
    )
    (bound,) = (check for check in all_checks() if check.requirement == row.id)
    assert [finding.verdict for finding in bound.judge(case)] == [UNSURE]


def test_a_call_after_a_silent_try_says_how_often() -> None:
    finding = judged("tools.call-made", view("tools.auto", GOOD), tries=(view("tools.auto", TEXT),))
    assert (finding.verdict, finding.outcome) == (PASS, Outcome.APPLIED)
    assert "1 of 2" in finding.saw


def test_none_is_judged_only_of_a_model_that_calls_otherwise() -> None:
    assert judged("tools.choice-none-effect", view("tools.none", TEXT), *ABLE).verdict is PASS
    assert judged("tools.choice-none-effect", view("tools.none", TEXT)).verdict is UNSURE
    assert judged("tools.choice-none-effect", view("tools.none", GOOD)).verdict is FAIL
    leak = json_answer(200, completion("<tool_call>get_weather"))
    assert judged("tools.choice-none-effect", view("tools.none", leak), *ABLE).verdict is FAIL
    assert judged("tools.choice-none-effect", view("tools.none", leak)).verdict is UNSURE


def test_parallel_calls_off_allows_one_call() -> None:
    assert says("tools.parallel-off-effect", "tools.single", GOOD) is PASS
    assert says("tools.parallel-off-effect", "tools.single", answer(call(), call(2))) is FAIL


def test_a_named_function_is_called_or_refused_for_what_it_is() -> None:
    assert says("tools.choice-named", "tools.named", order()) is PASS
    assert says("tools.choice-named", "tools.named", GOOD) is FAIL
    clear = json_answer(400, error("This tool_choice is not supported"))
    assert says("tools.choice-named", "tools.named", clear) is PASS
    assert says("tools.choice-named", "tools.named", json_answer(400, error("invalid request"))) is FAIL
    assert says("tools.choice-named", "tools.named", TEXT) is UNSURE


WHOLE = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>'


@pytest.mark.parametrize(
    ("text", "leak"),
    [
        (WHOLE, Leak.WHOLE),
        ('[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Rome"}}]', Leak.WHOLE),
        ('<|python_tag|>{"name": "get_weather", "parameters": {"city": "Rome"}}', Leak.WHOLE),
        ('```json\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n```', Leak.WHOLE),
        ('<tool_call>get_weather({"city": "Rome"})</tool_call>', Leak.WHOLE),
        ('<tool_call>{"name": "get_weather", "arguments": [', Leak.PIECE),
        ('<tool_call>{"name": "open_window", "arguments": {}}', Leak.PIECE),
        ('<tool_call>{"name": "get_weather", "arguments": {"town": "Rome"}}', Leak.PIECE),
        ('```json\n{"city": "Rome"}\n```', Leak.NONE),
        ("The function get_weather takes a city.", Leak.NONE),
    ],
)
def test_a_call_in_the_text_is_told_from_an_imitation(text: str, leak: Leak) -> None:
    assert leak_of(view("tools.auto", json_answer(200, completion(text)))) is leak


def test_a_whole_call_in_the_text_fails_with_proof_and_only_then() -> None:
    leaking = json_answer(200, completion(WHOLE))
    assert judged("tools.no-markup", view("tools.auto", leaking)).verdict is UNSURE
    assert (
        judged("tools.no-markup", view("tools.auto", leaking), view("tools.single", leaking)).verdict is FAIL
    )
    assert judged("tools.no-markup", view("tools.auto", leaking), *ABLE).verdict is FAIL
    imitation = json_answer(200, completion("<tool_call> is how I would call."))
    assert judged("tools.no-markup", view("tools.auto", imitation), *ABLE).verdict is UNSURE


def cut(arguments: str, finish: str, tokens: int = 20) -> bytes:
    made = answer(call(function={"name": "save_numbers", "arguments": arguments}), finish=finish)
    body = json.loads(made.split(b"\r\n\r\n", 1)[1])
    return json_answer(
        200, {**body, "usage": {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 29}}
    )


def test_half_a_call_is_reported_as_cut() -> None:
    assert says("tools.truncated-call", "tools.truncated", cut('{"numbers": [1, 2', "length")) is PASS
    assert says("tools.truncated-call", "tools.truncated", cut('{"numbers": [1, 2', "tool_calls")) is FAIL
    assert says("tools.truncated-call", "tools.truncated", cut('{"numbers": [1, 2]}', "tool_calls")) is FAIL
    assert (
        says("tools.truncated-call", "tools.truncated", cut('{"numbers": [1, 2]}', "tool_calls", 11))
        is UNSURE
    )
    whole = json.dumps({"numbers": list(range(1, 41))})
    assert says("tools.truncated-call", "tools.truncated", cut(whole, "tool_calls")) is UNSURE


def test_the_raw_beginning_of_a_cut_call_fails_where_the_model_is_known_to_call() -> None:
    body = completion('<tool_call>\n{"name": "save_numbers", "arguments": {"numbers": [1')
    leak = view("tools.truncated", json_answer(200, body))
    assert judged("tools.truncated-call", leak, *ABLE).verdict is FAIL
    assert judged("tools.truncated-call", leak).verdict is UNSURE
    silent = view("tools.truncated", answer(finish="length", content="Well, I"))
    assert judged("tools.truncated-call", silent).verdict is UNSURE


# Acceptance: an honest refusal is a failure only of what is claimed.

CLEAR = json_answer(400, error("'tools' is not supported by this model", param="tools"))
VAGUE = json_answer(400, error("invalid request"))
BROKE = json_answer(500, error("oops", type="server_error"))
ACCEPTED = [
    ("tools.function-accepted", "tools.auto"),
    ("tools.choice-auto-accepted", "tools.auto"),
    ("tools.choice-none-accepted", "tools.none"),
    ("tools.choice-required-accepted", "tools.required-stream"),
    ("tools.parallel-accepted", "tools.parallel-stream"),
    ("tools.no-parameters", "tools.no-parameters"),
    ("messages.tool-role", "tools.history"),
    ("messages.assistant-tool-calls", "tools.history"),
]


@pytest.mark.parametrize(("requirement", "probe"), ACCEPTED)
def test_acceptance_follows_the_table_of_outcomes(requirement: str, probe: str) -> None:
    def said(raw: bytes, claim: Claim = Claim.ASK) -> tuple[Verdict, Outcome | None]:
        finding = judged(requirement, view(probe, raw), claim=claim)
        return finding.verdict, finding.outcome

    assert said(GOOD) == (PASS, Outcome.ACCEPTED)
    assert said(CLEAR) == (SKIP, Outcome.REJECTED_CLEAN)
    assert said(CLEAR, Claim.YES) == (FAIL, Outcome.REJECTED_CLEAN)
    assert said(VAGUE) == (FAIL, None)
    assert said(BROKE) == (SKIP, Outcome.BROKEN)


@pytest.mark.parametrize(
    ("requirement", "probe"),
    [pair for pair in ACCEPTED if pair[0] != "tools.function-accepted"],
)
def test_a_part_of_tool_calls_may_be_refused_clearly_where_nobody_claims_them(
    requirement: str, probe: str
) -> None:
    others = callers("tools.single", "tools.required-stream")
    assert judged(requirement, view(probe, CLEAR), *others).verdict is SKIP
    assert judged(requirement, view(probe, CLEAR), *others, claim=Claim.YES).verdict is FAIL
    assert judged(requirement, view(probe, VAGUE), *others).verdict is FAIL


def test_a_model_may_refuse_what_its_card_says() -> None:
    card = load_cards().card("deepseek-r1")
    refused = json_answer(400, error("Thinking mode does not support this tool_choice", param="tool_choice"))
    shown = view("tools.required-stream", refused)
    assert judged("tools.choice-required-accepted", shown, claim=Claim.YES, card=card).verdict is SKIP
    assert judged("tools.choice-required-accepted", shown, claim=Claim.YES).verdict is FAIL
    assert judged("tools.choice-required-accepted", shown, *ABLE).verdict is SKIP


def test_a_refusal_for_another_member_is_judged_by_that_members_requirement() -> None:
    parallel = json_answer(400, error("Unrecognized request argument: parallel_tool_calls"))
    choice = json_answer(400, error("tool_choice required is not supported"))
    assert judged("tools.choice-required-accepted", view("tools.single", parallel), *ABLE).verdict is SKIP
    assert judged("tools.parallel-accepted", view("tools.single", parallel), *ABLE).verdict is SKIP
    assert judged("tools.parallel-accepted", view("tools.single", parallel), claim=Claim.YES).verdict is FAIL
    assert judged("tools.parallel-accepted", view("tools.single", choice), *ABLE).verdict is SKIP
    assert judged("tools.function-accepted", view("tools.auto", choice), *ABLE).verdict is SKIP


HISTORY_ROWS = {
    "tools.arguments-in-history": "tools.history",
    "tools.assistant-empty-content": "tools.history-empty",
    "tools.result-parts": "tools.history-parts",
    "tools.parallel-results": "tools.history-parallel",
}


@pytest.mark.parametrize(("requirement", "probe"), HISTORY_ROWS.items())
def test_a_history_that_alone_is_refused_is_to_blame_for_its_difference(requirement: str, probe: str) -> None:
    served = [view(name, TEXT) for name in HISTORY_ROWS.values() if name != probe]
    refused = view(probe, json_answer(400, error("messages[1].content: Field required")))
    assert judged(requirement, refused, *served, *ABLE, claim=Claim.YES).verdict is FAIL
    assert judged(requirement, refused, *served, *ABLE).verdict is SKIP
    assert judged(requirement, view(probe, VAGUE), *served).verdict is FAIL
    assert judged(requirement, refused).verdict is SKIP
    assert judged(requirement, view(probe, TEXT)).verdict is PASS


def test_tool_messages_are_accepted_when_any_history_is() -> None:
    refused = view("tools.history", json_answer(400, error("messages[1].content must not be null")))
    empty, parts = view("tools.history-empty", TEXT), view("tools.history-parts", TEXT)
    assert judged("messages.tool-role", refused, empty, *ABLE).verdict is PASS
    assert judged("messages.assistant-tool-calls", refused, empty, *ABLE).verdict is SKIP
    assert judged("messages.assistant-tool-calls", refused, empty, claim=Claim.YES).verdict is FAIL
    assert judged("messages.assistant-tool-calls", refused, parts, *ABLE).verdict is PASS


def test_a_name_that_is_demanded_of_results_is_found() -> None:
    refused = view("tools.history", json_answer(400, error("function_response.name: Name cannot be empty.")))
    assert judged("tools.result-without-name", refused, claim=Claim.YES).verdict is FAIL
    assert judged("tools.result-without-name", refused, *ABLE).verdict is SKIP
    assert judged("tools.result-without-name", view("tools.history", CLEAR), *ABLE).verdict is SKIP


@pytest.mark.parametrize(
    ("requirement", "probe", "clear"),
    [
        ("tools.strict-accepted", "tools.strict", "Unknown parameter: 'tools[0].function.strict'"),
        ("tools.server-tool-accepted", "tools.server-tool", "tools.0.type: Input should be 'function'"),
    ],
)
def test_what_may_be_refused_has_to_be_refused_clearly(requirement: str, probe: str, clear: str) -> None:
    assert says(requirement, probe, TEXT) is PASS
    assert says(requirement, probe, json_answer(400, error(clear))) is PASS
    assert says(requirement, probe, VAGUE) is FAIL
    assert says(requirement, probe, VAGUE, view("tools.auto", VAGUE)) is SKIP
    assert says(requirement, probe, BROKE) is SKIP


def test_a_refusal_of_strict_that_speaks_of_tools_alone_is_not_clear() -> None:
    vague = json_answer(400, error("invalid value for parameter 'tools'"))
    assert says("tools.strict-accepted", "tools.strict", vague, *ABLE) is FAIL


def test_required_without_tools_is_refused_before_a_stream_begins() -> None:
    flat = {"object": "error", "message": "Grammar error", "type": "BadRequestError", "code": 400}
    probe, row = "tools.required-alone", "tools.invalid-choice-in-stream"
    assert says(row, probe, json_answer(400, error("tool_choice needs tools"))) is PASS
    assert says(row, probe, sse_answer([flat, "[DONE]"])) is FAIL
    assert "Grammar error" in saw(row, probe, sse_answer([flat, "[DONE]"]))
    assert says(row, probe, sse_answer([error("Grammar error"), "[DONE]"])) is FAIL
    (lenient,) = findings(
        row, view(probe, sse_answer([chunk({"role": "assistant", "content": "Hi"}), "[DONE]"]))
    )
    assert lenient.outcome is Outcome.LENIENT


# Streams with tools at hand, and the way back.


def text_stream(*parts: str) -> bytes:
    return sse_answer(
        [chunk({"role": "assistant", "content": part}) for part in parts] + [chunk({}, "stop"), "[DONE]"]
    )


def test_text_with_tools_at_hand_comes_in_pieces_as_it_does_without() -> None:
    plain = view("stream.usage", text_stream("Good ", "morning ", "to ", "you."))
    row = "tools.stream-not-held-back"
    assert says(row, "tools.at-hand", text_stream("Good ", "morning ", "to you."), plain) is PASS
    assert says(row, "tools.at-hand", text_stream("Good morning to you."), plain) is FAIL
    assert says(row, "tools.at-hand", text_stream("Hello."), plain) is UNSURE
    assert (
        says(
            row,
            "tools.at-hand",
            text_stream("Good morning to you."),
            view("stream.usage", text_stream("Hi.")),
        )
        is UNSURE
    )
    assert says(row, "tools.at-hand", GOOD_STREAM, plain) is SKIP


def test_a_streamed_call_is_the_same_as_a_complete_one() -> None:
    complete = view("tools.auto", GOOD)
    row = "tools.stream-same-call"
    assert says(row, "tools.required-stream", GOOD_STREAM, complete) is PASS
    renamed = streamed(opening(), piece('{"town": "Rome"}'))
    assert says(row, "tools.required-stream", renamed, complete) is FAIL
    assert (
        says(row, "tools.required-stream", streamed(opening(), piece(SAID), finish="stop"), complete) is FAIL
    )
    assert says(row, "tools.required-stream", GOOD_STREAM) is SKIP


def test_a_second_turn_gets_text() -> None:
    assert judged("tools.round-trip", view("tools.round-trip", TEXT)).verdict is PASS
    assert judged("tools.round-trip", view("tools.round-trip", VAGUE)).verdict is FAIL
    assert judged("tools.round-trip", view("tools.round-trip", GOOD)).verdict is UNSURE
    silent = view("tools.round-trip", json_answer(200, completion("")))
    assert judged("tools.round-trip", silent, tries=(silent, silent)).verdict is FAIL


def test_a_message_goes_back_as_it_came_with_everything_in_it() -> None:
    members: dict[str, Json] = {"reasoning_content": "Rome it is.", "annotations": [], "vendor": {"a": [1]}}
    raw = answer(call(extra_content={"signature": "s"}), content="", **members)
    message = json.loads(raw.split(b"\r\n\r\n", 1)[1])["choices"][0]["message"]
    assert message_of(view("tools.auto", raw)) == message


def test_a_streamed_message_goes_back_put_together() -> None:
    first = chunk({"role": "assistant", "content": None, "reasoning_content": "Rome "})
    second = chunk({"reasoning_content": "it is.", "vendor": {"a": 1}})
    opened = chunk({"tool_calls": [{**opening(), "extra_content": {"signature": "s"}}]})
    rest = chunk({"tool_calls": [piece(SAID)]})
    raw = sse_answer([first, second, opened, rest, chunk({}, "tool_calls"), "[DONE]"])
    assert message_of(view("tools.parallel-stream", raw)) == {
        "role": "assistant",
        "content": None,
        "reasoning_content": "Rome it is.",
        "vendor": {"a": 1},
        "tool_calls": [call(extra_content={"signature": "s"})],
    }


def test_pieces_without_an_index_find_their_calls_by_id() -> None:
    raw = streamed(*_without([opening(index=..., arguments=SAID), opening(2, index=..., arguments=SAID)]))
    assert [each.id for each in calls_of(view("tools.parallel-stream", raw))] == ["call_1", "call_2"]


@pytest.mark.parametrize(
    "raw",
    [
        text_answer(200, "no", "text/html"),
        json_answer(200, []),
        json_answer(
            200, {"choices": [{"message": {"tool_calls": [None, 7, "x", {"function": 3}]}}, None, 5]}
        ),
        json_answer(200, {"choices": {"0": 1}}),
        sse_answer([{"choices": [{"index": "x", "delta": {"tool_calls": {"a": 1}}}]}, {"choices": [None]}]),
        sse_answer(
            [{"choices": [{"index": 0, "delta": {"tool_calls": [{"index": True, "function": []}, 3]}}]}]
        ),
    ],
)
def test_no_answer_is_too_strange_to_be_judged(raw: bytes) -> None:
    asked = (
        "tools.none",
        "tools.none-stream",
        "tools.truncated",
        "tools.at-hand",
        "tools.history",
        "tools.round-trip",
    )
    rows = {check.requirement for check in all_checks() if check.requirement.startswith("tools.")}
    for probe in (*COMPLETE, *STREAMED, *asked):
        for row in rows:
            findings(row, view(probe, raw), view("stream.usage", text_stream("Hello.")))


def test_the_reference_passes_every_row_in_seventeen_requests() -> None:
    with ReferenceGateway(models=[MODEL]) as gateway:
        result = reference_run(gateway.base_url, only=["tools.*", "messages.*tool*"], generated="none")
    units = {unit.requirement: unit for unit in result.judgement.units}
    made = {*requirement_ids(), *JUDGES}
    rows = [row for row in load().judged if row.startswith("tools.") and row not in made]
    assert {name: units[name].verdict for name in rows} == dict.fromkeys(rows, PASS)
    sent = [each.probe for each in result.evidence.exchanges if each.probe.startswith("tools.")]
    assert len(sent) == 17
