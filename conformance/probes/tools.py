"""Tool calls: forced, offered, forbidden, parallel, cut; and the way back, with a real call or a made-up one.

The traits ``calls`` (a call is what was asked for) and ``required`` (tool_choice demands one) choose probes
for checks. What needs the model to cooperate says plainly what to call, and is tried up to three times. The
histories need nobody's cooperation: whether they are accepted can be told of any model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from msgspec import Struct

from conformance.model import Defect, Follow, Json, Probe
from conformance.probes import LIFE
from conformance.probes.asker import Asker, request
from conformance.probes.chat import HELLO

TRUNCATED_AT: Final = 20
"""Tokens that are too few for the numbers that a cut call asks for, whatever the tokenizer."""
NUMBERS: Final = 40

SERVER_TOOL_WORDS: Final = ("tool", "function", "type", "search", "工具", "函数")
"""Words with which a refusal names a tool that is no function."""

_CITY: Final[Json] = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "The name of the city"}},
    "required": ["city"],
}
_STRICT_CITY: Final[Json] = {**_CITY, "additionalProperties": False}  # type: ignore[dict-item]
_MEAL: Final[Json] = {
    "type": "object",
    "properties": {
        "customer": {"type": "string", "description": "Name des Gästes · 顾客姓名"},
        "taste": {"type": "string", "enum": ["mild", "würzig", "很辣"]},
        "dishes": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
                "required": ["name", "count"],
            },
        },
        "address": {
            "type": "object",
            "properties": {"street": {"type": "string"}, "zip": {"type": "string"}},
            "required": ["street", "zip"],
        },
        "gift": {"type": "boolean"},
    },
    "required": ["customer", "taste", "dishes", "address", "gift"],
}
_NUMBERS: Final[Json] = {
    "type": "object",
    "properties": {"numbers": {"type": "array", "items": {"type": "integer"}, "minItems": NUMBERS}},
    "required": ["numbers"],
}
_NOTHING: Final[Json] = {"type": "object", "properties": {}}

HISTORY_ARGUMENTS: Final = (
    '{"city": "Zürich \\"Nord\\" \\\\ 苏黎世 \\ud83d\\ude00", "days": [1, 2.5, null, true]}'
)
"""Arguments as a model may have written them: quotes, backslashes, escapes, text in other scripts."""


_FORECAST: Final = "\n".join(
    f"At {hour} o'clock it will be cold in Oslo, with some rain, and a light wind from the {wind}."
    for hour, wind in enumerate(("north", "west", "south") * 8, 1)
)
"""The second of two results, of so many words that the bill shows whether it was read."""


def function(name: str, description: str, parameters: Json = None, **members: Json) -> Json:
    """Return a function tool; without ``parameters`` it has no such member."""
    inner: dict[str, Json] = {"name": name, "description": description, **members}
    if parameters is not None:
        inner["parameters"] = parameters
    return {"type": "function", "function": inner}


WEATHER: Final = function("get_weather", "Get the current weather in a city.", _CITY)
MEAL: Final = function("order_meal", "Order dishes for a customer.", _MEAL)
FILES: Final = function("list_files", "List the files of the current folder. It takes no arguments.")


def named(name: str) -> Json:
    """Return the tool_choice that names a function."""
    return {"type": "function", "function": {"name": name}}


def probes(ask: Asker) -> Iterator[Probe]:
    """Yield the probes of tool calls for one model."""
    tools = _Tools(ask)
    yield from _asked(tools)
    yield from _odd(tools)
    yield from _histories(tools)
    yield from _returns(tools)


class _Tools(Struct, frozen=True):
    """Builds the probes of this area for one model."""

    ask: Asker

    def city(self, use: str) -> str:
        """Return a city that nobody knows."""
        return self.ask.nonce(f"city {use}")

    def body(
        self,
        said: str | list[Json],
        tools: list[Json],
        *,
        limit: int = 96,
        stream: bool = False,
        **members: Json,
    ) -> dict[str, Json]:
        """Build a body with tools; of a model that only streams every one is streamed."""
        streamed: dict[str, Json] = {"stream": True} if stream or self.ask.card.stream_only else {}
        return self.ask.body(said, limit=limit, tools=tools, **members, **streamed)

    def probe(self, name: str, body: dict[str, Json], *traits: str, follow: Follow | None = None) -> Probe:
        """Build one probe."""
        return self.ask.valid(f"tools.{name}", body, feature="tools", traits={name, *traits}, follow=follow)

    def tries(self, name: str, body: Callable[[str], dict[str, Json]], *traits: str) -> Iterator[Probe]:
        """Yield a probe that asks for a call, and its tries; ``body`` takes what makes their words differ."""
        return self.ask.tries(
            lambda number: self.probe(name, body(f"{name} {number}"), "calls", *traits), when="no-call"
        )


def _asked(tools: _Tools) -> Iterator[Probe]:
    """Yield the probes that a model ought to answer with calls."""

    def one(use: str) -> str:
        return f"What is the weather in {tools.city(use)} right now? Use get_weather to find out."

    def two(use: str) -> str:
        cities = f"{tools.city(use)} and in {tools.city(use + ' other')}"
        return (
            f"What is the weather in {cities} right now? Call get_weather once for each city, both at once."
        )

    yield from tools.tries("auto", lambda use: tools.body(one(use), [WEATHER], tool_choice="auto"), "auto")
    yield from tools.tries(
        "single",
        lambda use: tools.body(two(use), [WEATHER], tool_choice="required", parallel_tool_calls=False),
        "required",
    )
    yield from tools.tries(
        "required-stream",
        lambda use: tools.body(
            f"Good morning from {tools.city(use)}!", [WEATHER], tool_choice="required", stream=True
        ),
        "required",
    )
    yield from tools.tries(
        "named",
        lambda use: tools.body(
            f"Call order_meal for the customer {tools.city(use)}: 2 noodle soups and 1 green tea, the taste "
            "is 很辣, to Hauptstraße 5, zip 10115, no gift.",
            [WEATHER, MEAL],
            limit=192,
            tool_choice=named("order_meal"),
        ),
        "named",
    )
    files = function("list_files", "List the files of the current folder. It takes no arguments.", _NOTHING)
    yield from tools.tries(
        "named-stream",
        lambda use: tools.body(
            f"Good morning from my folder {tools.city(use)}!",
            [WEATHER, files],
            tool_choice=named("list_files"),
            stream=True,
        ),
        "named",
    )
    yield from tools.tries(
        "no-parameters",
        lambda use: tools.body(f"Use list_files to see what is in my folder {tools.city(use)}.", [FILES]),
    )
    yield from tools.tries(
        "parallel-stream",
        lambda use: tools.body(two(use), [WEATHER], limit=160, parallel_tool_calls=True, stream=True),
        "auto",
    )


def _odd(tools: _Tools) -> Iterator[Probe]:
    """Yield the probes that need no call, forbid it, cut it, or cannot be served."""
    ask = tools.ask
    where = f"What is the weather in {tools.city('none')} right now?"
    yield tools.probe("none", tools.body(where, [WEATHER], limit=48, tool_choice="none"))
    if not ask.card.stream_only:
        streamed = tools.body(where, [WEATHER], limit=48, tool_choice="none", stream=True)
        yield tools.probe("none-stream", streamed)
    at_hand = tools.body(HELLO, [WEATHER], limit=24, stream=True, stream_options={"include_usage": True})
    yield tools.probe("at-hand", at_hand)
    strict = function("get_weather", "Get the current weather in a city.", _STRICT_CITY, strict=True)
    yield tools.probe("strict", tools.body(HELLO, [strict], limit=24))
    search: Json = {"type": "web_search_20250305", "name": "web_search", "max_uses": 1}
    twin = "stream.usage" if ask.card.stream_only else LIFE
    usage: dict[str, Json] = {"stream_options": {"include_usage": True}} if ask.card.stream_only else {}
    yield ask.invalid(
        "tools.server-tool",
        request({**tools.body(HELLO, [search], limit=24), **usage}),
        twin=twin,
        defect=Defect("a tool that is no function", SERVER_TOOL_WORDS, pointer="/tools/0/type"),
        traits={"may-be-served"},
        feature="tools",
        streamed=ask.card.stream_only,
        gateway=False,
    )
    note = function("save_numbers", "Save a list of numbers.", _NUMBERS)
    cut = tools.body(
        f"Call save_numbers with every number from 1 to {NUMBERS}.",
        [note],
        tool_choice="required",
        stream=True,
    )
    yield tools.probe("truncated", {**cut, ask.card.limit_field: TRUNCATED_AT}, "cut")
    alone = ask.body(HELLO, stream=True, stream_options={"include_usage": True}, tool_choice="required")
    yield ask.invalid(
        "tools.required-alone",
        request(alone),
        twin="stream.usage",
        defect=Defect("tool_choice required without tools", ("tool",), pointer="/tool_choice"),
        feature="tools",
        streamed=True,
        gateway=False,
    )


def _call(id: str, arguments: str) -> Json:  # noqa: A002 - the word of the wire
    return {"id": id, "type": "function", "function": {"name": "get_weather", "arguments": arguments}}


def _result(id: str, content: Json) -> Json:  # noqa: A002 - the word of the wire
    return {"role": "tool", "tool_call_id": id, "content": content}


def _histories(tools: _Tools) -> Iterator[Probe]:
    """Yield a conversation in which calls were made in all ways that gateways were seen to refuse, and one for each."""
    text = '18 °C, sunny. "calm" 晴 \\o/'
    question: Json = {"role": "user", "content": "What is the weather in Zürich and in Oslo?"}
    parts: Json = [{"type": "text", "text": "18 °C"}, {"type": "text", "text": "sunny"}]
    again, plain, other = (
        _call("call_abc123", HISTORY_ARGUMENTS),
        _call("call_def456", '{"city":"Zürich"}'),
        _call("call_ghi789", '{"city":"Oslo"}'),
    )

    def turn(content: Json, *calls: Json) -> Json:
        return {"role": "assistant", "content": content, "tool_calls": list(calls)}

    turns: dict[str, list[Json]] = {
        "history": [turn(None, again), _result("call_abc123", text)],
        "history-empty": [turn("", plain), _result("call_def456", "18 °C, sunny")],
        "history-parts": [turn(None, plain), _result("call_def456", parts)],
        "history-parallel": [
            turn(None, plain, other),
            _result("call_def456", "18 °C, sunny"),
            _result("call_ghi789", _FORECAST),
        ],
    }

    def history(name: str, said: list[Json]) -> Probe:
        return tools.probe(name, tools.body([question, *said], [WEATHER], limit=32), "history")

    everything = [
        *turns["history"],
        question,
        *turns["history-empty"],
        question,
        *turns["history-parts"],
        question,
    ]
    yield from tools.ask.together(
        history("histories", [*everything, *turns["history-parallel"]]),
        *(history(name, said) for name, said in turns.items()),
    )


def _returns(tools: _Tools) -> Iterator[Probe]:
    """Yield the second turns that follow real calls, complete and streamed."""
    for name, after, stream in (
        ("round-trip", "auto", False),
        ("round-trip-stream", "parallel-stream", True),
    ):
        body = tools.body("What is the weather? (the real question stands here)", [WEATHER], stream=stream)
        probe = tools.probe(name, body, "return", follow=Follow(f"tools.{after}", "tool-results"))
        yield from tools.ask.tries(partial(_same, probe), when="no-text")


def _same(probe: Probe, _number: int) -> Probe:
    return probe
