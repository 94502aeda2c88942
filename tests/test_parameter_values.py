"""Each documented parameter is asked with its bounds, with null, just outside its range and as another type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache

import pytest

from conformance.model import Intent, Json, Probe
from conformance.models import load_cards
from conformance.probes import library
from conformance.probes.asker import Asker
from conformance.probes.generated import generated_for
from conformance.strictjson import read

CARDS = load_cards()
ASKED = ("reference-chat", "gpt-4o", "grok-3-mini", "qwen-max", "qwq-32b", "grok-3")

BOUNDS: Mapping[str, list[Json]] = {
    "temperature": [0, 1, 2, None],
    "top_p": [0, 1, None],
    "max_tokens": [1],
    "max_completion_tokens": [16],
    "stream": [False, True, None],
    "stream_options": [{"include_usage": True}, None],
    "n": [1, 2, None],
    "stop": ["the", ["xylograph", "the"], None],
    "presence_penalty": [-2, 0, 2, None],
    "frequency_penalty": [-2, 0, 2, None],
    "tools": [None],
    "tool_choice": ["none", "auto", "required"],
    "parallel_tool_calls": [False, True, None],
    "response_format": [{"type": "text"}, {"type": "json_object"}, None],
    "user": ["ada", None],
    "reasoning_effort": ["low", "medium", "high"],
    "enable_thinking": [True],
    "enable_search": [True],
}
"""Values of which each has to be served, or refused as the model's rules say."""

OUTSIDE: Mapping[str, tuple[float, ...]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "max_tokens": (1,),
    "max_completion_tokens": (1,),
    "n": (1,),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}
"""Bounds of which each has a request beyond it."""

TOGETHER: Mapping[str, tuple[set[str], set[str]]] = {
    "parameters.both-limits": ({"max_tokens", "max_completion_tokens"}, set()),
    "parameters.stream-options-alone": ({"stream_options"}, {"stream"}),
    "parameters.sampling-high": ({"temperature", "top_p"}, set()),
    "tools.required-alone": ({"tool_choice"}, {"tools"}),
}
"""Rules between parameters: the probe, what it has, and what it has not."""


@cache
def requests() -> list[tuple[Probe, Mapping[str, Json]]]:
    """Return everything that is asked of a few models, with the bodies that are objects."""
    generated = generated_for("full", ASKED[0], CARDS.card(ASKED[0]), 0)[1]
    probes = [*generated, *(probe for model in ASKED for probe in library(Asker(model, CARDS.card(model))))]
    read_bodies = ((probe, read(probe.request.body).value) for probe in probes)
    return [(probe, body) for probe, body in read_bodies if isinstance(body, dict)]


def values(member: str, intent: Intent) -> list[Json]:
    """Return the values that a parameter is asked with; in an invalid request it is what is wrong."""
    return [
        body[member]
        for probe, body in requests()
        if probe.intent is intent
        and member in body
        and (intent is Intent.VALID or (probe.defect and probe.defect.pointer == f"/{member}"))
    ]


def alike(one: Json, other: Json) -> bool:
    """Whether two values are written alike, so that 1 is not true; 2 and 2.0 are one number."""
    same = type(one) is type(other) or (
        {type(one), type(other)} <= {int, float} and not isinstance(one, bool) and not isinstance(other, bool)
    )
    return same and one == other


@pytest.mark.parametrize("member", BOUNDS)
def test_bounds_and_null_are_asked(member: str) -> None:
    asked = values(member, Intent.VALID)
    missing = [bound for bound in BOUNDS[member] if not any(alike(bound, value) for value in asked)]
    assert missing == [], json.dumps(missing)


def test_every_parameter_is_left_out_of_a_request_that_is_to_be_served() -> None:
    bodies = [body for probe, body in requests() if probe.id == "messages.minimal"]
    assert bodies
    assert all(body.keys() <= {"model", "messages", "stream"} for body in bodies)


@pytest.mark.parametrize("member", OUTSIDE)
def test_each_bound_has_a_request_beyond_it(member: str) -> None:
    numbers = [value for value in values(member, Intent.INVALID) if isinstance(value, int | float)]
    numbers = [value for value in numbers if not isinstance(value, bool)]
    low, *high = OUTSIDE[member]
    assert any(value < low for value in numbers)
    assert all(any(value > bound for value in numbers) for bound in high)


@pytest.mark.parametrize("member", BOUNDS)
def test_parameter_is_asked_as_several_other_types(member: str) -> None:
    kinds = {type(value) for value in values(member, Intent.INVALID)}
    assert len(kinds) >= 3, kinds


@pytest.mark.parametrize("name", TOGETHER)
def test_rules_between_parameters_are_asked(name: str) -> None:
    given, left_out = TOGETHER[name]
    bodies = [body for probe, body in requests() if probe.id == name]
    assert bodies
    assert all(given <= body.keys() and not left_out & body.keys() for body in bodies)


def test_invalid_request_differs_from_its_twin_in_one_member() -> None:
    written = {
        (probe.id, probe.model): {name: json.dumps(value) for name, value in body.items()}
        for probe, body in requests()
    }
    pairs = [
        (probe.id, written[probe.id, probe.model], written.get((str(probe.twin), ASKED[0])))
        for probe, _ in requests()
        if probe.defect and probe.label.startswith("#/components/")
    ]
    assert pairs
    for name, body, twin in pairs:
        assert twin is not None, name
        assert len(dict(body.items() ^ twin.items())) == 1, name
