"""What the reference model says is a function of the request, and does what simple prompts ask for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from conformance.reference import tokens
from conformance.reference.arguments import instance
from conformance.reference.asked import ask
from conformance.reference.hints import read_hints
from conformance.reference.voice import Answer, Thinking, answer
from tests.reference_samples import CALL, WEATHER, said


def answered(*turns: object, thinking: Thinking = Thinking.NONE, **members: object) -> Answer:
    return answer(ask({"model": "m", "messages": said(*turns), **members}), thinking)


def text(*turns: object, **members: object) -> str:
    return "".join(answered(*turns, **members).choices[0].content or ())


def calls(*turns: object, **members: object) -> list[tuple[str, object]]:
    made = answered(*turns, **members).choices[0].calls
    return [(call.name, json.loads("".join(call.arguments))) for call in made]


@given(st.text())
def test_tokens_lose_nothing(said: str) -> None:
    assert "".join(tokens.split(said)) == said
    assert tokens.count(said) == len(tokens.split(said))


@given(st.text(), st.text())
def test_longer_text_never_has_fewer_tokens(one: str, other: str) -> None:
    assert tokens.count(one + other) >= tokens.count(one)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Say exactly: pong", "pong"),
        ("Reply with exactly: 你好 \\(x\\)", "你好 \\(x\\)"),
        ("Repeat after me, with nothing added: a: b\nc", "a: b\nc"),
        ("Say exactly: 'hi there' and nothing else", "hi there"),
        ('Reply with the word "ok" only.', "ok"),
        ("Reply with the single word pong.", "pong"),
        ("Count from 3 to 6", "3, 4, 5, 6"),
        ("Count from 1 to 4, digits and spaces only.", "1 2 3 4"),
    ],
)
def test_simple_instructions_are_followed(prompt: str, expected: str) -> None:
    assert text(prompt) == expected


def test_other_prompts_are_quoted() -> None:
    assert "Tell me about the sea" in text("Tell me about the sea")


def test_markers_of_the_whole_conversation_come_back() -> None:
    assert "Ada" in text("My name is Ada.", {"role": "assistant", "content": "Hello."}, "What is my name?")
    assert "k9-lima" in text({"role": "system", "content": "The code is k9-lima."}, "Say something nice")


def test_stop_sequence_ends_the_text_and_is_not_said() -> None:
    [choice] = answered("Count from 1 to 9", stop=["5", "7"]).choices
    assert "".join(choice.content or ()) == "1, 2, 3, 4, "
    assert choice.finish == "stop"


@given(st.integers(1, 60))
def test_limit_bounds_what_is_spent_thinking_included(limit: int) -> None:
    said = answered("Count from 1 to 20", max_tokens=limit, thinking=Thinking.SHOWN)
    [choice] = said.choices
    spent = len(choice.reasoning) + len(choice.content or ())
    assert said.usage.completion == spent <= limit
    assert (choice.finish == "length") == (spent == limit and "20" not in (choice.content or ("",))[-1])


def test_limit_cuts_a_call_and_says_so() -> None:
    [choice] = answered("Weather in Paris?", tools=[WEATHER], max_tokens=5).choices
    assert choice.finish == "length"
    assert "".join(choice.calls[0].arguments) == '{"city"'


def test_hidden_thoughts_are_counted_and_not_shown() -> None:
    said = answered("Why?", thinking=Thinking.HIDDEN)
    assert said.choices[0].reasoning == ()
    assert 0 < said.usage.reasoning < said.usage.completion


def test_longer_prompt_has_more_tokens() -> None:
    short, long = answered("Hello"), answered("Hello, how are you today?")
    assert 0 < short.usage.prompt < long.usage.prompt
    assert answered("Hello", tools=[WEATHER]).usage.prompt > short.usage.prompt


def test_tool_is_called_when_the_prompt_speaks_of_it() -> None:
    assert calls("What is the weather in Paris?", tools=[WEATHER]) == [
        ("get_weather", {"city": "Paris", "unit": "celsius"})
    ]
    assert calls("Weather in Paris, in fahrenheit", tools=[WEATHER])[0][1] == {
        "city": "Paris",
        "unit": "fahrenheit",
    }
    assert calls(
        "北京今天天气怎么样?", tools=[{**WEATHER, "function": {"name": "tianqi", "description": "查询天气"}}]
    )
    assert calls("Tell me a joke", tools=[WEATHER]) == []
    assert calls("Weather in Paris? Do not call any tool.", tools=[WEATHER]) == []


def test_tool_choice_decides_over_the_prompt() -> None:
    named = {"type": "function", "function": {"name": "other"}}
    other = {
        "type": "function",
        "function": {"name": "other", "parameters": {"type": "object", "properties": {}}},
    }
    assert calls("Weather in Paris?", tools=[WEATHER], tool_choice="none") == []
    assert len(calls("Tell me a joke", tools=[WEATHER], tool_choice="required")) == 1
    assert calls("Weather in Paris?", tools=[WEATHER, other], tool_choice=named) == [("other", {})]


def test_two_cities_are_two_calls_unless_parallel_calls_are_off() -> None:
    prompt = "What is the weather in Paris and in New York?"
    assert [value["city"] for _, value in calls(prompt, tools=[WEATHER])] == ["Paris", "New York"]  # type: ignore[index]
    assert len(calls(prompt, tools=[WEATHER], parallel_tool_calls=False)) == 1


def test_tool_result_is_quoted() -> None:
    turn = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    result = {"role": "tool", "tool_call_id": "call_1", "content": "21.5 degrees"}
    assert "21.5 degrees" in text("Weather in Paris?", turn, result, tools=[WEATHER])


def test_call_ids_differ_within_and_between_answers() -> None:
    asked = {"tools": [WEATHER], "n": 2}
    one = answered("Weather in Paris and Tokyo?", **asked)
    other = answered("Weather in Rome and Oslo?", **asked)
    ids = [call.id for said in (one, other) for choice in said.choices for call in choice.calls]
    assert len(ids) == len(set(ids)) == 8


def test_response_formats_give_json() -> None:
    assert isinstance(json.loads(text("Answer in JSON", response_format={"type": "json_object"})), dict)
    schema = {"type": "object", "properties": {"summary": {"type": "string"}}, "required": ["summary"]}
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    assert json.loads(text('Summarise "Moby Dick"', response_format=form)) == {"summary": "Moby Dick"}


NODE = {
    "type": "object",
    "properties": {
        "value": {"type": "integer"},
        "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
        "kids": {"type": "array", "items": {"$ref": "#/$defs/node"}},
    },
    "required": ["value", "next"],
    "additionalProperties": False,
}
small = st.integers(-50, 50)


def ordered(low: str, high: str) -> st.SearchStrategy[dict[str, int]]:
    return st.tuples(small, small).map(lambda pair: {low: min(pair), high: max(pair)})


LEAVES = st.one_of(
    st.just({"type": "string"}),
    st.tuples(st.integers(0, 30), st.integers(0, 30)).map(
        lambda pair: {"type": "string", "minLength": pair[0], "maxLength": sum(pair)}
    ),
    st.sampled_from(["date", "date-time", "email", "uri", "uuid"]).map(
        lambda form: {"type": "string", "format": form}
    ),
    st.lists(st.text(max_size=5) | small, min_size=1, max_size=4).map(lambda options: {"enum": options}),
    ordered("minimum", "maximum").map(lambda bounds: {"type": "integer", **bounds}),
    st.tuples(st.integers(1, 9), small).map(
        lambda pair: {
            "type": "integer",
            "multipleOf": pair[0],
            "minimum": pair[1],
            "maximum": pair[1] + pair[0],
        }
    ),
    small.map(lambda bound: {"type": "integer", "exclusiveMinimum": bound}),
    ordered("minimum", "maximum").map(lambda bounds: {"type": "number", **bounds}),
    small.map(lambda bound: {"type": "number", "exclusiveMinimum": bound, "exclusiveMaximum": bound + 1}),
    st.sampled_from([{"type": "boolean"}, {"type": ["string", "null"]}, {"const": {"a": 1}}, True, {}]),
    st.just({"$ref": "#/$defs/node"}),
)


def containers(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    objects = st.dictionaries(st.sampled_from("abcde"), inner, max_size=4).map(
        lambda properties: {"type": "object", "properties": properties, "required": list(properties)[::2]}
    )
    arrays = st.tuples(inner, st.integers(0, 3), st.integers(0, 3)).map(
        lambda row: {"type": "array", "items": row[0], "minItems": row[1], "maxItems": row[1] + row[2]}
    )
    either = st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches})
    return st.one_of(objects, arrays, either, objects.map(lambda one: {"allOf": [one]}))


SCHEMAS = st.dictionaries(
    st.sampled_from("abcd"), st.recursive(LEAVES, containers, max_leaves=10), max_size=3
).map(
    lambda properties: {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "$defs": {"node": NODE},
    }
)


@given(SCHEMAS, st.sampled_from(["", "Paris, 7 or 12.5 'quoted words'", "北京"]))
def test_made_up_instances_are_valid(schema: dict[str, object], prompt: str) -> None:
    Draft202012Validator(schema).validate(instance(schema, read_hints(prompt)))  # type: ignore[arg-type]
