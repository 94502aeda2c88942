"""Valid bodies with exactly one defect, and what an error about it has to name.

A defect of the schema is one keyword violated at one place; the requirement is the one that stands beside that
keyword in the description. A defect of sense keeps to the schema: an id that matches nothing, a call that is
never answered, a tool that nobody has.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final, cast

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from conformance import graft
from conformance.model import Json
from conformance.openapi import json_pointer, validator, validator_at
from conformance.strategies.spoilt import Spoilt

_OTHERS: Final[tuple[Json, ...]] = (7, -1.5, True, "text", "", [], ["x"], [0], {}, {"a": 1}, None)
"""Values of every type; those that a schema accepts are no use for it."""

_TOOLS: Final = ("tools", "tool_choice", "tool_calls", "tool_call_id")
_LEFT_ALONE: Final = frozenset({"model", "max_tokens", "stream", "stream_options"})
"""Members that other cases break: without a model or a limit an answer could cost much, and what is wrong with a
stream may be told of its options."""


def of_schema(body: dict[str, Json]) -> SearchStrategy[Spoilt]:
    """Return bodies that violate one keyword at one place."""
    return st.composite(lambda draw: _violated(draw, body))()


def _violated(draw: DrawFn, body: dict[str, Json]) -> Spoilt:
    choices = sorted(set(_spots(body)), key=repr)
    # A talk has many more places in its messages than beside them: choose the member first.
    member = draw(st.sampled_from(sorted({str(path[0]) for _, path, _ in choices})))
    location, path, keyword = draw(st.sampled_from([spot for spot in choices if spot[1][0] == member]))
    constraint = graft.walk(f"{location}/{keyword.partition('.')[0]}")
    absent = keyword.partition(".")[2]
    requirement = constraint.requirement(absent or None)
    assert requirement is not None
    full: graft.Path = (*path, absent) if absent else path
    if absent:
        value = graft.remove(body, full)
        what = f"{absent} is missing"
    else:
        bad = draw(_violating(keyword, constraint.schema, constraint.pointer))
        value = graft.put(body, path, bad)
        what = f"{path[-1]} violates {keyword}"
    # Where a value has several forms, what breaks one may keep to another (a part of an unknown kind).
    assume(not validator(graft.REQUEST).accepts(value))
    return Spoilt(
        value=cast("dict[str, Json]", value),
        requirement=requirement,
        group=constraint.pointer + (f"/{absent}" if absent else ""),
        what=f"{what} at {json_pointer(full)}",
        names=_names(full),
        pointer=json_pointer(full),
        member=str(full[0]),
    )


def _spots(body: dict[str, Json]) -> Iterator[tuple[str, graft.Path, str]]:
    """Yield each place, with each keyword that can be violated there and has a requirement."""
    for location, path, firm in graft.places(body):
        if not firm or not path or path[0] in _LEFT_ALONE:
            continue
        schema = graft.walk(f"{location}/type").schema
        for keyword in schema.get("x-requirements", {}):
            name, _, member = keyword.partition(".")
            if name == "required":
                if member in cast("dict[str, Json]", graft.look(body, path)):
                    yield location, path, keyword
            elif name in {"type", "const", "enum", "minimum", "maximum", "minItems"} and name in schema:
                yield location, path, keyword


def _violating(keyword: str, schema: Any, pointer: str) -> SearchStrategy[Json]:  # noqa: ANN401 - a JSON Schema
    match keyword:
        case "minimum":
            return st.sampled_from((0.000001, 0.1, 1, 1000)).map(
                lambda by: _number(schema, schema["minimum"] - by)
            )
        case "maximum":
            return st.sampled_from((0.000001, 0.1, 1, 1000)).map(
                lambda by: _number(schema, schema["maximum"] + by)
            )
        case "minItems":
            return st.just([])
        case "const" | "enum":
            return st.sampled_from(("wizard", "", "USER", "Function", "tekst"))
    judge = validator_at(pointer.rpartition("/")[0])
    wrong = tuple(value for value in _OTHERS if not judge.accepts(value))
    return cast("SearchStrategy[Json]", st.sampled_from(wrong))


def _number(schema: Any, value: float) -> Json:  # noqa: ANN401 - a JSON Schema
    return int(value) if "integer" in schema["type"] else value


def _names(path: graft.Path) -> tuple[str, ...]:
    """Return the words of which an error has to have one: a step on the way, or what belongs together with it."""
    steps = [str(step) for step in path if not isinstance(step, int)]
    coupled = ["tool"] if any(step in _TOOLS for step in steps) else []
    return tuple(dict.fromkeys((*steps, *coupled)))


_HISTORY: Final = "tools.history-matches"
_CHOICE: Final = "tools.choice-matches"
_TOOL_WORDS: Final = ("tool_call_id", "tool_calls", "tool")


def of_sense(body: dict[str, Json]) -> SearchStrategy[Spoilt]:
    """Return tool conversations that do not hang together; ``body`` has at least one round of calls."""
    return st.composite(lambda draw: _unhinged(draw, body))()


def _unhinged(draw: DrawFn, body: dict[str, Json]) -> Spoilt:
    spoilt = cast("dict[str, Any]", copy.deepcopy(body))
    messages: list[Any] = spoilt["messages"]
    answers = [place for place, message in enumerate(messages) if message["role"] == "tool"]
    place = draw(st.sampled_from(answers))
    match draw(st.sampled_from(("stranger", "unanswered", "uncalled", "unknown choice"))):
        case "stranger":
            messages[place]["tool_call_id"] = "call_of_nobody"
            return _sense(
                spoilt, _HISTORY, "a tool message whose id belongs to no call", f"/messages/{place}"
            )
        case "unanswered":
            del messages[place]
            return _sense(spoilt, _HISTORY, "a call that no tool message answers", "/messages")
        case "uncalled":
            before = next(n for n in range(place, -1, -1) if messages[n]["role"] == "assistant")
            del messages[before]
            return _sense(spoilt, _HISTORY, "tool messages without the calls before them", "/messages")
    spoilt["tool_choice"] = {"type": "function", "function": {"name": "a_tool_that_nobody_has"}}
    return _sense(spoilt, _CHOICE, "tool_choice names a tool that is not among tools", "/tool_choice")


def _sense(value: dict[str, Json], requirement: str, what: str, pointer: str) -> Spoilt:
    return Spoilt(
        value, requirement, f"{requirement}: {what}", what, _TOOL_WORDS, pointer, pointer.split("/")[1]
    )
