"""Requests of every kind that a fault may be about, to be answered by the gateway as a pure function."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from conformance.canaries import data_url, document, picture
from conformance.model import Json
from conformance.reference import KEY, Fault, furnish
from conformance.reference.faults import read_fault
from conformance.reference.gateway import respond
from conformance.reference.reply import Received, Reply

CLOCK = 1.8e9
"""The Unix time that the gateway of these tests has."""

HELLO = {"role": "user", "content": "Say hello in five words."}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["city"],
        },
    },
}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
}
LINE = "价格:12元。Ünï — 😀 \\(x\\)"


def chat(number: int = 1, *, headers: Mapping[str, str | None] | None = None, **members: object) -> Received:
    """Return a chat request; a header of None is left out, ``members`` are put over a valid body."""
    body = {"model": "reference-chat", "messages": [HELLO], **members}
    return raw(json.dumps(body, ensure_ascii=False).encode(), number, headers=headers)


def raw(
    body: bytes,
    number: int = 1,
    *,
    method: str = "POST",
    path: str = "/v1/chat/completions",
    headers: Mapping[str, str | None] | None = None,
) -> Received:
    """Return a request with these bytes as its body."""
    named = {
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "accept": "application/json",
        **(headers or {}),
    }
    present = tuple((name, value) for name, value in named.items() if value is not None)
    return Received(number, method, path, present, body)


def said(*turns: object) -> list[object]:
    """Return messages: a string is what the user says, anything else stands as it is."""
    return [{"role": "user", "content": turn} if isinstance(turn, str) else turn for turn in turns]


def samples() -> Iterator[Received]:
    """Yield requests of every kind: valid and invalid, streamed and not."""
    usage = {"stream": True, "stream_options": {"include_usage": True}}
    for number in range(1, 6):
        yield chat(number)
        yield chat(number, stream=True)
    yield chat(**usage)
    yield chat(n=2)
    yield chat(n=2, stream=True)
    yield chat(max_tokens=24)
    yield chat(max_tokens=2, stream=True)
    yield chat(stop=["reference"])
    yield chat(logprobs=True, top_logprobs=2)
    yield chat(logprobs=True, stream=True)
    yield chat(messages=said(f"Repeat after me: {LINE}"))
    yield chat(messages=said(f"Repeat after me: {LINE}"), stream=True)
    yield chat(messages=said("Weather in Paris and Tokyo?"), tools=[WEATHER])
    yield chat(messages=said("Weather in Paris and Tokyo?"), tools=[WEATHER], stream=True)
    yield chat(messages=said("Weather in Paris?"), tools=[WEATHER], max_tokens=3)
    yield chat(messages=said("Hi"), tools=[WEATHER], tool_choice="required")
    yield chat(messages=said("Hi"), tools=[WEATHER], tool_choice="none")
    named = {"type": "function", "function": {"name": "get_weather"}}
    yield chat(messages=said("Hi"), tools=[WEATHER], tool_choice=named)
    yield chat(messages=said("Hi"), tools=[WEATHER], tool_choice=named, stream=True)
    yield chat(messages=said("Weather in Paris?"), tools=[WEATHER], parallel_tool_calls=False, max_tokens=99)
    yield chat(messages=said("Weather in Paris?"), tools=[WEATHER], tool_choice="auto")
    result = {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"}
    turn = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    yield chat(messages=said("Weather in Paris?", turn, result), tools=[WEATHER])
    yield chat(messages=said("Weather in Paris?", turn, result), tools=[WEATHER], stream=True)
    yield chat(messages=said("Answer as JSON"), response_format={"type": "json_object"})
    yield chat(messages=said("Why?"), reasoning_effort="high")
    yield chat(messages=said("Why?"), reasoning_effort="high", stream=True)
    for role in ("system", "developer", "assistant", "wizard"):
        yield chat(messages=said({"role": role, "content": "Be brief."}, "Hello"))
    yield chat(
        messages=said("My name is Ada.", {"role": "assistant", "content": "Hello"}, "What is my name?")
    )
    yield chat(messages=[{**HELLO, "name": "ada"}])
    pieces = [
        {"type": "text", "text": "The first word is Badofi."},
        {"type": "text", "text": "The second is Kulemo."},
    ]
    yield chat(messages=[{"role": "user", "content": pieces}])
    yield from _beyond_text()
    yield from (chat(temperature=3), chat(temperature=1, top_p=1), chat(tool_choice="auto"))
    yield chat(presence_penalty=1)
    yield chat(headers={"x-trace-id": "t-1"})
    yield chat(headers={"content-type": "application/json; charset=utf-8"})
    yield chat(headers={"authorization": f"bearer {KEY}"})
    for given in (None, "Bearer ", "Bearer wrong", f"Basic {KEY}"):
        yield chat(headers={"authorization": given})
        yield chat(headers={"authorization": given}, stream=True)
    for media_type in (None, "text/plain"):
        yield chat(headers={"content-type": media_type})
    for bad in (
        {"model": "no-such"},
        {"model": None},
        {"messages": []},
        {"messages": None},
        {"messages": "Hello"},
    ):
        yield chat(**bad)
        yield chat(**bad, stream=True)
    for body in (b"", b"{", b"[]", b"\xff"):
        yield raw(body)
    for method, path in (
        ("OPTIONS", "/v1/chat/completions"),
        ("GET", "/v1/chat/completions"),
        ("GET", "/v1/models"),
        ("POST", "/v1/nothing"),
    ):
        yield raw(b"", method=method, path=path)


def _beyond_text() -> Iterator[Received]:
    """Yield what few send: attachments, thoughts, searches, odd headers and members, the last of many requests."""
    yield chat(headers={"content-encoding": "gzip"})
    yield chat(x_deep=[[]])
    yield replace(chat(messages=[{"role": "user", "content": "Say hi."}]), number=9)
    for part in (
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": data_url("application/pdf", document("Kulemo"))},
        },
        {"type": "file", "file": {"url": data_url("application/pdf", document("Badofi"))}},
        {"type": "image_url", "image_url": {"url": data_url("image/png", picture(["red", "blue", "green"]))}},
    ):
        parts = [{"type": "text", "text": "What is this?"}, part]
        yield chat(model="gpt-4o", messages=[{"role": "user", "content": parts}], max_tokens=64)
    yield chat(model="qwen3-max", enable_thinking=True)
    yield chat(model="glm-5", thinking={"type": "disabled"})
    yield chat(model="grok-3", search_parameters={"mode": "auto"})
    yield chat(model="qwen-max", enable_search=True, search_options={"forced_search": True})
    yield chat(messages=[{"role": "user", "content": [0]}])


def made(*mutations: Json) -> Fault:
    """Return a fault of these mutations."""
    return read_fault({"name": "x", "what": "x", "mutate": list(mutations)}, "test", "test")


def reply(received: Received, *mutations: Json) -> Reply:
    """Return what a gateway with these mutations replies."""
    return respond(received, furnish(faults=[made(*mutations)] if mutations else [], clock=lambda: CLOCK))
