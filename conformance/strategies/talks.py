"""Valid bodies: conversations that hang together, and mixes of members that go together.

Every body keeps to the description and to what it cannot say (:mod:`conformance.strategies.rules`). The prompts
are short on purpose, few are long: each body is paid for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from conformance.model import Json
from conformance.strategies.schemas import parameters
from conformance.strategies.texts import names, texts, words

MODEL: Final = "gpt-4o-mini"
"""Stands for the model until one is named; so do the examples of the description."""

MANY: Final = 24
"""Tools of a crowded body."""


def _body(messages: list[Json], **members: Json) -> dict[str, Json]:
    return {"model": MODEL, "messages": messages, "max_tokens": 1, **members}


def _said(role: str, content: Json, **members: Json) -> dict[str, Json]:
    return {"role": role, "content": content, **members}


def _turns(draw: DrawFn, text: SearchStrategy[str], most: int = 4) -> list[Json]:
    """Return turns of user and assistant that end before the next one of the user, perhaps after the system's."""
    messages: list[Json] = [_said("system", draw(text))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, most))):
        messages += [_said("user", draw(text)), _said("assistant", draw(text))]
    return messages


@st.composite
def plain(draw: DrawFn) -> dict[str, Json]:
    """Return a talk of text alone, in every script; one that is streamed now and then."""
    messages = [*_turns(draw, texts()), _said("user", draw(texts()))]
    return _body(messages, **({"stream": True} if draw(st.booleans()) else {}))


@st.composite
def parted(draw: DrawFn) -> dict[str, Json]:
    """Return a talk in which texts are parts and people have names."""

    def parts(text: str) -> Json:
        more = draw(st.lists(words(most=4), max_size=3))
        return [{"type": "text", "text": each} for each in (text, *more)]

    messages = _turns(draw, words(), most=2)
    messages.append(_said("user", parts(draw(texts())), name=draw(names())))
    return _body(messages)


def _tool(name: str, schema: dict[str, Json], description: str | None) -> Json:
    function: dict[str, Json] = {"name": name, "parameters": schema}
    if description is not None:
        function["description"] = description
    return {"type": "function", "function": function}


@st.composite
def tooled(draw: DrawFn, least: int = 1, most: int = 4) -> dict[str, Json]:
    """Return the next request of a tool loop: calls with the results that belong to them, one or more rounds."""
    called = draw(st.lists(names(), min_size=least, max_size=most, unique=True))
    about = st.one_of(st.none(), words(), texts())
    tools: list[Json] = [_tool(name, draw(parameters()), draw(about)) for name in called]
    messages: list[Json] = [*_turns(draw, words(), most=1), _said("user", draw(texts()))]
    for number in range(draw(st.integers(1, 3))):
        messages += _round(draw, called, number)
    if draw(st.booleans()):
        messages += [_said("assistant", draw(words())), _said("user", draw(words()))]
    choices: list[Json] = ["auto", "none", {"type": "function", "function": {"name": called[0]}}]
    members: dict[str, Json] = {"tools": tools, "tool_choice": draw(st.sampled_from(choices))}
    if draw(st.booleans()):
        members["parallel_tool_calls"] = draw(st.booleans())
    return _body(messages, **members)


def _round(draw: DrawFn, called: list[str], number: int) -> list[Json]:
    """Return one message with calls, and a result for each of them, in any order."""
    arguments = st.dictionaries(words(most=1), st.one_of(words(), st.integers(-9, 9), st.none()), max_size=3)
    calls: list[Json] = []
    ids: list[str] = []
    for place in range(draw(st.integers(1, 3))):
        ids.append(f"call_{number}_{place}_{draw(st.integers(0, 10**9))}")
        function: Json = {
            "name": draw(st.sampled_from(called)),
            "arguments": json.dumps(draw(arguments), ensure_ascii=draw(st.booleans())),
        }
        calls.append({"id": ids[-1], "type": "function", "function": function})
    content: Json = draw(st.one_of(st.none(), st.just(""), words()))
    answers = [
        _said("tool", draw(st.one_of(texts(), st.just(""))), tool_call_id=each)
        for each in draw(st.permutations(ids))
    ]
    return [_said("assistant", content, tool_calls=calls), *answers]


_MEMBERS: Final[Mapping[str, SearchStrategy[Json]]] = {
    "temperature": st.sampled_from([0, 0.0, 0.7, 1, 2, 2.0, 1e-7]),
    "top_p": st.sampled_from([0.1, 0.95, 1, 1.0]),
    "presence_penalty": st.sampled_from([-2, 0, 0.5, 2]),
    "frequency_penalty": st.sampled_from([-2.0, 0, 1.5, 2]),
    "stop": st.sampled_from(["END", ["END"], ["\n\n", "\u7d42"], ["a", "b", "c", "d"]]),
    "seed": st.integers(-(2**31), 2**31 - 1),
    "user": texts(),
    "n": st.just(1),
    "response_format": st.sampled_from(
        [
            {"type": "text"},
            {
                "type": "json_schema",
                "json_schema": {"name": "Answer", "schema": {"type": "object", "properties": {}}},
            },
        ]
    ),
}
"""Members that go together in any selection, with values within their documented ranges."""


@st.composite
def mixed(draw: DrawFn) -> dict[str, Json]:
    """Return a short talk with a selection of members, streamed or not."""
    chosen = draw(
        st.lists(st.sampled_from(sorted(_MEMBERS)), min_size=3, max_size=len(_MEMBERS), unique=True)
    )
    members = {name: draw(_MEMBERS[name]) for name in chosen}
    if draw(st.booleans()):
        members["stream"] = True
        if draw(st.booleans()):
            members["stream_options"] = {"include_usage": draw(st.booleans())}
    return _body([_said("user", draw(words()))], **members)


KINDS: Final[Mapping[str, tuple[SearchStrategy[dict[str, Json]], int]]] = {
    "plain": (plain(), 6),
    "parted": (parted(), 4),
    "tooled": (tooled(), 6),
    "crowded": (tooled(MANY - 4, MANY), 1),
    "mixed": (mixed(), 6),
}
"""Each kind of valid body with its strategy, and how many there are."""
