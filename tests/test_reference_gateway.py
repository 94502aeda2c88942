"""The reference gateway answers as OpenAI's endpoint is documented to, over real HTTP."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from conformance.errors import UsageError
from conformance.reference import DEFAULT_MODEL, KEY, ReferenceGateway
from tests.reference_samples import HELLO, WEATHER, said

CHAT = "/chat/completions"


@pytest.fixture(scope="module")
def gateway() -> Iterator[ReferenceGateway]:
    with ReferenceGateway() as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: ReferenceGateway) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {gateway.key}"}
    with httpx.Client(base_url=gateway.base_url, headers=headers, trust_env=False) as client:
        yield client


def ask(client: httpx.Client, **members: object) -> httpx.Response:
    return client.post(CHAT, json={"model": DEFAULT_MODEL, "messages": [HELLO], **members})


def chunks(client: httpx.Client, **members: object) -> list[dict[str, Any]]:
    answer = ask(client, stream=True, **members)
    events = answer.text.split("\n\n")
    assert answer.status_code == 200
    assert events[-2:] == ["data: [DONE]", ""]
    return [json.loads(event.removeprefix("data: ")) for event in events[:-2]]


def error(answer: httpx.Response) -> dict[str, Any]:
    body = answer.json()["error"]
    assert body.keys() == {"message", "type", "param", "code"}
    assert body["message"]
    return dict(body)


def test_completion_has_the_documented_shape(client: httpx.Client) -> None:
    answer = ask(client)
    body = answer.json()
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["x-request-id"]
    assert body["object"] == "chat.completion"
    assert abs(body["created"] - time.time()) < 60
    assert body["model"] == DEFAULT_MODEL
    [choice] = body["choices"]
    assert choice["index"] == 0
    assert choice["finish_reason"] == "stop"
    assert choice["logprobs"] is None
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["refusal"] is None
    assert "hello" in choice["message"]["content"]
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert min(usage["prompt_tokens"], usage["completion_tokens"]) > 0


def test_every_answer_has_an_id_of_its_own(client: httpx.Client) -> None:
    assert ask(client).json()["id"] != ask(client).json()["id"]


def test_stream_says_what_the_complete_answer_says(client: httpx.Client) -> None:
    told = chunks(client)
    first, *_, last = told
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert all("role" not in chunk["choices"][0]["delta"] for chunk in told[1:])
    assert last["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    assert [chunk["choices"][0]["finish_reason"] for chunk in told[:-1]] == [None] * (len(told) - 1)
    assert len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in told}) == 1
    assert all("usage" not in chunk for chunk in told)
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in told)
    assert text == ask(client).json()["choices"][0]["message"]["content"]


def test_stream_arrives_piece_by_piece(client: httpx.Client) -> None:
    body = {"model": DEFAULT_MODEL, "messages": said("Count from 1 to 20"), "stream": True}
    with client.stream("POST", CHAT, json=body) as answer:
        arrivals = [time.perf_counter() for _ in answer.iter_raw()]
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["transfer-encoding"] == "chunked"
    assert len(arrivals) > 3
    assert arrivals[-1] - arrivals[0] > 0.01


def test_usage_chunk_comes_last_and_only_when_asked_for(client: httpx.Client) -> None:
    told = chunks(client, stream_options={"include_usage": True})
    assert told[-1]["choices"] == []
    assert told[-1]["usage"] == ask(client).json()["usage"]
    assert all(chunk["usage"] is None for chunk in told[:-1])


def test_several_choices_come_interleaved_and_each_finishes(client: httpx.Client) -> None:
    body = ask(client, n=3).json()
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    told = chunks(client, n=3)
    order = [chunk["choices"][0]["index"] for chunk in told]
    assert order[:4] == [0, 1, 2, 0]
    ends = [c["choices"][0]["index"] for c in told if c["choices"][0]["finish_reason"]]
    assert ends == [0, 1, 2]


def test_tool_call_is_told_in_fragments(client: httpx.Client) -> None:
    asked = {"messages": said("What is the weather in Paris and Tokyo?"), "tools": [WEATHER]}
    whole = ask(client, **asked).json()["choices"][0]
    assert whole["finish_reason"] == "tool_calls"
    assert whole["message"]["content"] is None
    assert [json.loads(call["function"]["arguments"])["city"] for call in whole["message"]["tool_calls"]] == [
        "Paris",
        "Tokyo",
    ]
    calls: dict[int, dict[str, str]] = {}
    for chunk in chunks(client, **asked):
        for delta in chunk["choices"][0]["delta"].get("tool_calls", []):
            call = calls.setdefault(
                delta["index"], {"arguments": "", **{k: delta[k] for k in delta if k == "id"}}
            )
            call["arguments"] += delta["function"]["arguments"]
    told = [(call["id"], call["arguments"]) for call in calls.values()]
    assert told == [(call["id"], call["function"]["arguments"]) for call in whole["message"]["tool_calls"]]


def test_reasoning_is_told_before_the_answer(client: httpx.Client) -> None:
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks(client, reasoning_effort="high")]
    thoughts = [number for number, delta in enumerate(deltas) if delta.get("reasoning_content")]
    words = [number for number, delta in enumerate(deltas) if delta.get("content")]
    assert thoughts
    assert max(thoughts) < min(words)
    body = ask(client, reasoning_effort="high").json()
    assert body["choices"][0]["message"]["reasoning_content"]
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0


def test_log_probabilities_are_given_for_each_token(client: httpx.Client) -> None:
    [choice] = ask(client, logprobs=True, top_logprobs=2).json()["choices"]
    listed = choice["logprobs"]["content"]
    assert "".join(entry["token"] for entry in listed) == choice["message"]["content"]
    assert all(bytes(entry["bytes"]).decode() == entry["token"] for entry in listed)
    assert all(len(entry["top_logprobs"]) == 2 for entry in listed)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("given", [None, "Bearer", "Bearer wrong", f"Basic {KEY}", KEY])
def test_request_without_the_key_is_refused(
    gateway: ReferenceGateway, given: str | None, *, stream: bool
) -> None:
    headers = {} if given is None else {"authorization": given}
    body = {"model": DEFAULT_MODEL, "messages": [HELLO], "stream": stream}
    answer = httpx.post(gateway.base_url + CHAT, json=body, headers=headers, trust_env=False)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert error(answer)["type"] == "invalid_request_error"
    assert KEY not in answer.text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("members", "status", "param"),
    [
        ({"model": "no-such-model"}, 404, "model"),
        ({"model": None}, 400, "model"),
        ({"model": 7}, 400, "model"),
        ({"messages": None}, 400, "messages"),
        ({"messages": []}, 400, "messages"),
        ({"messages": "hello"}, 400, "messages"),
        ({"messages": {"role": "user"}}, 400, "messages"),
        ({"messages": [None]}, 400, "messages[0]"),
        ({"messages": [{"content": "x"}]}, 400, "messages[0].role"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, 400, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, 400, "messages[0].content"),
        ({"messages": [{"role": "user", "content": None}]}, 400, "messages[0].content"),
        ({"messages": [{"role": "user", "content": []}]}, 400, "messages[0].content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "sound"}]}]},
            400,
            "messages[0].content[0].type",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, 400, "messages[0].tool_call_id"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "a"}]}, 400, "messages[0].role"),
        ({"temperature": -0.1}, 400, "temperature"),
        ({"temperature": 2.1}, 400, "temperature"),
        ({"temperature": "hot"}, 400, "temperature"),
        ({"temperature": True}, 400, "temperature"),
        ({"top_p": 1.1}, 400, "top_p"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"max_tokens": 1.5}, 400, "max_tokens"),
        ({"max_completion_tokens": 0}, 400, "max_completion_tokens"),
        ({"n": 0}, 400, "n"),
        ({"n": 129}, 400, "n"),
        ({"stop": ["a", "b", "c", "d", "e"]}, 400, "stop"),
        ({"stop": 7}, 400, "stop"),
        ({"presence_penalty": 2.1}, 400, "presence_penalty"),
        ({"frequency_penalty": -2.1}, 400, "frequency_penalty"),
        ({"stream": "yes"}, 400, "stream"),
        ({"stream_options": []}, 400, "stream_options"),
        ({"tools": {}}, 400, "tools"),
        ({"tools": [{"type": "function"}]}, 400, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, 400, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "nothing"}}}]},
            400,
            "tools[0].function.parameters",
        ),
        ({"tool_choice": "required"}, 400, "tool_choice"),
        ({"tools": [WEATHER], "tool_choice": "sometimes"}, 400, "tool_choice"),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "other"}}},
            400,
            "tool_choice.function.name",
        ),
        ({"response_format": "json"}, 400, "response_format"),
        ({"response_format": {"type": "xml"}}, 400, "response_format.type"),
        ({"response_format": {"type": "json_object"}}, 400, "messages"),
        ({"response_format": {"type": "json_schema"}}, 400, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": 1}}}},
            400,
            "response_format.json_schema.schema",
        ),
        ({"top_logprobs": 2}, 400, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, 400, "top_logprobs"),
        ({"reasoning_effort": "enormous"}, 400, "reasoning_effort"),
        ({"metadata": {"a": 1}}, 400, "metadata.a"),
        ({"user": 7}, 400, "user"),
        ({"enable_thinking": "yes"}, 400, "enable_thinking"),
        ({"search_parameters": {"mode": 1}}, 400, "search_parameters.mode"),
    ],
)
def test_what_is_wrong_is_named_in_the_error(
    client: httpx.Client, members: dict[str, object], status: int, param: str, *, stream: bool
) -> None:
    answer = ask(client, **{"stream": stream, **members})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert error(answer)["param"] == param


@pytest.mark.parametrize(
    "members",
    [
        {"temperature": 0},
        {"temperature": 2},
        {"temperature": None},
        {"top_p": 0},
        {"max_tokens": 4.0},
        {"n": 1.0},
        {"stop": "x"},
        {"stop": ["a", "b", "c", "d"]},
        {"stop": None},
        {"seed": -1},
        {"user": "u-1"},
        {"metadata": {"a": "b"}},
        {"store": True},
        {"prompt_cache_key": "k"},
        {"logit_bias": {"50256": -100}},
        {"tools": None, "tool_choice": None, "parallel_tool_calls": None},
        {"tools": []},
        {"response_format": {"type": "text"}},
        {"messages": said("Answer in JSON"), "response_format": {"type": "json_object"}},
        {"stream": False},
        {"reasoning_effort": "low"},
        {"unknown_member": {"a": [1, {"b": None}]}},
        {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 5}]},
        {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
        {"messages": [{"role": "developer", "content": "Be brief."}, {**HELLO, "name": "ada"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]},
    ],
)
def test_documented_parameters_are_accepted(client: httpx.Client, members: dict[str, object]) -> None:
    assert ask(client, **members).status_code == 200


def test_tool_round_trip_ends_with_the_result(client: httpx.Client) -> None:
    question = said("What is the weather in Paris?")
    message = ask(client, messages=question, tools=[WEATHER]).json()["choices"][0]["message"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "It is 21.5 degrees."}
        for call in message["tool_calls"]
    ]
    whole = ask(client, messages=[*question, message, *results], tools=[WEATHER]).json()["choices"][0]
    assert whole["finish_reason"] == "stop"
    assert "21.5 degrees" in whole["message"]["content"]
    unanswered = ask(client, messages=[*question, message, HELLO], tools=[WEATHER])
    assert error(unanswered)["param"] == "messages[1].tool_calls"


def test_completion_limit_takes_precedence_over_the_old_one(client: httpx.Client) -> None:
    count = {"messages": said("Count from 1 to 50"), "max_tokens": 40, "max_completion_tokens": 3}
    body = ask(client, **count).json()
    assert body["usage"]["completion_tokens"] == 3
    assert body["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b"{'model': 1}",
        b'{"model": NaN}',
        b'{"model": 1e999}',
    ],
)
def test_body_that_is_no_json_object_is_refused(client: httpx.Client, body: bytes) -> None:
    answer = client.post(CHAT, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert "body" in error(answer)["message"]


@pytest.mark.parametrize(
    ("member", "status"),
    [
        (b'"x":' + b"[" * 10_000 + b"]" * 10_000, 400),
        (b'"x":"\\ud83d"', 400),
        (b'"seed":' + b"9" * 400, 400),
        (b'"seed":' + b"9" * 10_000, 400),
        (b'"x":' + b"9" * 400, 200),
        (b'"user":"a","user":"b"', 200),
        (b'"x":"' + b"y" * 8_000_000 + b'"', 200),
    ],
)
def test_odd_json_is_served_or_refused(client: httpx.Client, member: bytes, status: int) -> None:
    whole = json.dumps({"model": DEFAULT_MODEL, "messages": [HELLO]}).encode()
    body = b"\xef\xbb\xbf" + whole[:-1] + b"," + member + b"}"
    assert client.post(CHAT, content=body, headers={"content-type": "application/json"}).status_code == status


@pytest.mark.parametrize(
    ("media_type", "status"), [("application/json; charset=latin-1", 200), ("text/plain", 415)]
)
def test_content_type_is_checked_and_its_parameters_are_not(
    client: httpx.Client, media_type: str, status: int
) -> None:
    body = json.dumps({"model": DEFAULT_MODEL, "messages": [HELLO]}).encode()
    answer = client.post(CHAT, content=body, headers={"content-type": media_type})
    assert answer.status_code == status


def test_wrong_method_and_wrong_path_are_told_apart(client: httpx.Client) -> None:
    method = client.get(CHAT)
    assert (method.status_code, method.headers["allow"]) == (405, "POST, OPTIONS")
    assert error(method)["code"] == "method_not_allowed"
    path = client.post("/nothing/here", json={})
    assert path.status_code == 404
    assert error(path)["code"] == "unknown_url"


def test_preflight_needs_no_key(gateway: ReferenceGateway) -> None:
    answer = httpx.options(gateway.base_url + CHAT, trust_env=False)
    assert answer.status_code == 204
    assert "POST" in answer.headers["access-control-allow-methods"]


def test_models_are_listed_and_all_of_them_answer(client: httpx.Client) -> None:
    listed = [row["id"] for row in client.get("/models").json()["data"]]
    assert DEFAULT_MODEL in listed
    assert len(listed) == len(set(listed)) == 21
    for model in listed:
        body = {"model": model, "messages": [HELLO], "stream": True}
        assert client.post(CHAT, json=body).status_code == 200


def test_trace_id_comes_back(client: httpx.Client) -> None:
    body = {"model": DEFAULT_MODEL, "messages": [HELLO]}
    assert client.post(CHAT, json=body, headers={"x-trace-id": "t-17"}).headers["x-trace-id"] == "t-17"


def exchange(gateway: ReferenceGateway, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.sendall(sent)
        received = b""
        while data := connection.recv(65536):
            received += data
        return received


def test_old_http_gets_a_stream_that_ends_with_the_connection(gateway: ReferenceGateway) -> None:
    body = json.dumps({"model": DEFAULT_MODEL, "messages": [HELLO], "stream": True}).encode()
    head = f"POST /v1{CHAT} HTTP/1.0\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
    answer = exchange(gateway, head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert b"chunked" not in answer.lower()
    assert answer.endswith(b"data: [DONE]\n\n")


def test_pipelined_requests_are_answered_in_order(gateway: ReferenceGateway) -> None:
    one = b"GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n" % KEY.encode()
    other = b"GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answer = exchange(gateway, one + other)
    assert answer.index(b"200 OK") < answer.index(b"404 Not Found")


def test_client_that_waits_for_continue_is_told_to(gateway: ReferenceGateway) -> None:
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.sendall(head)
        assert connection.recv(1024).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(b"{}")
        assert connection.recv(1024).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    "sent", [b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"]
)
def test_what_is_not_http_gets_a_400(gateway: ReferenceGateway, sent: bytes) -> None:
    assert exchange(gateway, sent).startswith(b"HTTP/1.1 400 ")


def test_requests_are_remembered_by_path_and_digest() -> None:
    with ReferenceGateway() as gateway:
        for text in ("one", "two", "one"):
            httpx.post(gateway.base_url + CHAT, content=text, trust_env=False)
        assert [seen.path for seen in gateway.requests] == [f"/v1{CHAT}"] * 3
        assert list(gateway.repeated().values()) == [2]


def test_delay_comes_before_each_answer() -> None:
    with ReferenceGateway(delay=0.05) as gateway:
        started = time.perf_counter()
        httpx.get(gateway.base_url + "/models", trust_env=False)
        assert time.perf_counter() - started >= 0.05


def test_two_gateways_say_the_same_with_one_seed_and_clock() -> None:
    bodies = []
    for _ in range(2):
        with ReferenceGateway(seed=3, clock=lambda: 1.8e9) as gateway:
            headers = {"authorization": f"Bearer {gateway.key}"}
            body = {"model": DEFAULT_MODEL, "messages": [HELLO]}
            bodies.append(
                httpx.post(gateway.base_url + CHAT, json=body, headers=headers, trust_env=False).text
            )
    assert bodies[0] == bodies[1]


def test_port_that_is_taken_is_a_usage_error(gateway: ReferenceGateway) -> None:
    with pytest.raises(UsageError, match="cannot listen"), ReferenceGateway(port=gateway.port):
        pass
