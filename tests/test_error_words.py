"""What an error tells: no other answer, no runtime's own words, no upstream; in its body, its headers, its choices."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from conformance.checks.errortext import error_in_choices
from conformance.model import Json, Verdict
from tests.factory import (
    chunk,
    completion,
    error,
    json_answer,
    probes,
    raw_answer,
    sse_answer,
    verdict,
    view_of,
)

PROBES = probes("chat", "errors")
PASS, FAIL, SKIP = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE
PLAIN = {"content-type": "application/json"}
PRINTED, UPSTREAM = "errors.no-printed-value", "errors.no-upstream-address"


def says(requirement: str, answer: bytes, probe: str = "errors.missing-model") -> Verdict | None:
    return verdict(requirement, view_of(PROBES[probe], answer))


WORDS = [
    "json: cannot unmarshal string into Go struct field ChatRequest.messages of type []dto.Message",
    "runtime error: index out of range [0] with length 0",
    "%!s(<nil>) is not valid",
    "messages\n  Field required [type=missing, input_value={'model': 'm1'}, input_type=dict]",
    "'NoneType' object is not subscriptable",
    "'str' object has no attribute 'get'",
    "unsupported operand type(s) for +: 'int' and 'NoneType'",
    "chat() got an unexpected keyword argument 'user'",
    "Cannot read properties of undefined (reading 'map')",
    "Cannot read property 'length' of null",
    "body.messages.map is not a function",
    'Cannot invoke "String.length()" because "role" is null',
    "Object reference not set to an instance of an object.",
    "Error rendering chat template: {% if messages[0].role == 'system' %} is undefined",
    'Error code: 400 - {"error": {"message": "no", "type": "invalid_request_error"}}',
    '{"error":"no such model"}',
    'upstream: {\\"error\\":{\\"message\\":\\"no\\"}}',
    'said {"message": "no", "code": 400}',
    'said {"detail":"Not Found"}',
    "<html><body><h1>400 Bad Request</h1></body></html>",
    "502: <!DOCTYPE html>",
]


@pytest.mark.parametrize("message", WORDS)
def test_what_a_program_tells_its_author_is_found_in_a_message(message: str) -> None:
    assert says(PRINTED, json_answer(400, error(message))) is FAIL
    assert says(PRINTED, json_answer(400, {"detail": message})) is FAIL
    assert says(PRINTED, sse_answer([error(message)]), "stream.basic") is FAIL


@pytest.mark.parametrize("message", WORDS)
def test_members_that_hand_on_the_words_of_an_upstream_are_free(message: str) -> None:
    body: dict[str, Json] = error("Provider returned error")
    body["error"] = {**body["error"], "metadata": {"raw": message, "provider_name": "x"}}  # type: ignore[dict-item]
    assert says(PRINTED, json_answer(400, body)) is PASS


@pytest.mark.parametrize(
    "message",
    [
        "Failed to deserialize the JSON body into the target type: messages: invalid type: map, expected a sequence",
        "Invalid value: {'role': 'wizard', 'content': 'Say hello'}",
        "1 validation error:\n  {'type': 'missing', 'loc': ('body', 'messages'), 'msg': 'Field required'}",
        "[{'type': 'list_type', 'loc': ('body', 'messages'), 'msg': 'Input should be a valid list', 'input': {}}]",
        "'dict object' has no attribute 'role'",
        "Expected object {type: 'object', properties: {...}}, got string",
        'response_format needs {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}',
        'Invalid image_url: {"detail":"high","url":"x"}',
        'tool_calls[0].function.arguments is no JSON: {"city": ',
        "The operation is not a function call; 100%! (of the quota) is used",
        "messages: value is not a valid list; json: cannot unmarshal string into a list of messages",
        "undefined model; Cannot read the image",
        "use {role} or {%}",
    ],
)
def test_what_correct_servers_say_is_no_printed_value(message: str) -> None:
    assert says(PRINTED, json_answer(400, error(message))) is PASS


def test_what_the_request_itself_said_is_no_other_answer() -> None:
    result = '{"error":"no such city"}'
    answer = json_answer(400, error(f"The tool result {result} answers no call"))
    probe = PROBES["errors.missing-model"]
    body = json.dumps({"messages": [{"role": "tool", "content": result}]}).encode()
    quoted = replace(probe, request=replace(probe.request, body=body))
    assert verdict(PRINTED, view_of(quoted, answer)) is PASS
    assert verdict(PRINTED, view_of(probe, answer)) is FAIL


@pytest.mark.parametrize(
    "message",
    [
        "https://x.example.com/openai/deployments/gpt4o/chat/completions?api-version=2024-06-01 said no",
        "https://api.example.com/v1/chat/completions returned 400",
        "no response from https://api.example.com/v1/messages",
        "READONLY You can't write against a read only replica at redis://cache-1:6379/0",
        "could not connect: postgresql://gateway@db-1:5432/keys",
    ],
)
def test_an_upstream_with_a_public_name_is_found_by_what_is_said_of_it(message: str) -> None:
    assert says(UPSTREAM, json_answer(400, error(message))) is FAIL


@pytest.mark.parametrize(
    "message",
    [
        "Send the request to https://api.example.com/v1/chat/completions",
        "Not found. Use POST https://api.example.com/v1/chat/completions.",
        "See https://platform.example.com/docs/api-reference/chat/completions for what failed",
        "Your deployment is paused: https://portal.example.com/deployments/my-model/settings",
        "The list is at https://api.example.com/v1/models",
    ],
)
def test_an_address_that_the_caller_is_sent_to_is_no_upstream(message: str) -> None:
    assert says(UPSTREAM, json_answer(400, error(message))) is PASS


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("x-upstream-url", "http://10.1.2.3:8000/v1/chat/completions", FAIL),
        ("x-model-api-base", "http://vllm-backend:8000/v1", FAIL),
        ("x-model-api-base", "http://127.0.0.1:8000/v1", SKIP),
        ("x-model-api-base", "https://api.example.com", SKIP),
        ("location", "http://10.1.2.3:8000/v1/", SKIP),
        ("access-control-allow-origin", "http://10.1.2.3:3000", SKIP),
    ],
)
def test_a_header_tells_no_private_upstream(name: str, value: str, expected: Verdict) -> None:
    body = json.dumps(completion()).encode()
    assert says(UPSTREAM, raw_answer(200, {**PLAIN, name: value}, body), "chat.basic") is expected


REFUSAL = json.dumps(error("no model")).encode()


@pytest.mark.parametrize("body", [b"\xef\xbb\xbf" + REFUSAL, REFUSAL[:-1] + b',"cost":NaN}'])
def test_the_body_of_an_error_is_json_for_every_reader(body: bytes) -> None:
    assert says("errors.envelope-object", raw_answer(400, PLAIN, REFUSAL)) is PASS
    assert says("errors.envelope-object", raw_answer(400, PLAIN, body)) is FAIL


def test_the_body_of_an_error_has_each_member_once() -> None:
    twice = b'{"error":{"message":"x"},' + REFUSAL[1:]
    assert says("response.unique-members", raw_answer(400, PLAIN, REFUSAL)) is PASS
    assert says("response.unique-members", raw_answer(400, PLAIN, twice)) is FAIL
    assert says("response.unique-members", raw_answer(400, PLAIN, b'{"a":1,"a":2}')) is SKIP


@pytest.mark.parametrize(
    ("choice", "pointer"),
    [
        ({"error": {"message": "x", "code": 502}}, "/choices/0/error"),
        ({"message": {"error": {"message": "x"}}}, "/choices/0/message/error"),
        ({"delta": {"error": {"message": "x"}}}, "/choices/0/delta/error"),
    ],
)
def test_an_error_object_in_a_choice_is_an_error(choice: dict[str, Json], pointer: str) -> None:
    assert (error_in_choices({"choices": [choice]}) or ("", ""))[1] == pointer


def test_an_error_of_nothing_in_a_choice_is_none() -> None:
    for nothing in (None, {}, "", False):
        assert error_in_choices({"choices": [{"error": nothing}, nothing, {"message": nothing}]}) is None


def test_a_stream_whose_choice_failed_carries_an_error() -> None:
    failed = chunk("Hel")
    failed["choices"][0]["error"] = {"message": "Provider disconnected", "code": 502}
    assert says("stream.no-error-event", sse_answer([chunk("Hel"), failed]), "stream.basic") is FAIL


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("application/json; charset=utf-8", PASS),
        ('application/json;charset="UTF8"', PASS),
        ("application/json; charset=ISO-8859-1", FAIL),
        ("application/json", FAIL),
    ],
)
def test_only_utf_8_is_the_charset_of_json(label: str, expected: Verdict) -> None:
    body = json.dumps(completion("größe"), ensure_ascii=False).encode()
    assert says("response.charset", raw_answer(200, {"content-type": label}, body), "chat.basic") is expected


@pytest.mark.parametrize(
    ("value", "expected"), [(None, PASS), ({"content": []}, PASS), (False, FAIL), ("", FAIL)]
)
def test_logprobs_is_an_object_or_null(value: Json, expected: Verdict) -> None:
    answer = completion()
    answer["choices"][0]["logprobs"] = value
    assert says("response.logprobs-member", json_answer(200, answer), "chat.basic") is expected


@pytest.mark.parametrize(
    ("value", "expected"), [("*", PASS), ("*, *", FAIL), ("https://a.example, *", FAIL), ("", SKIP)]
)
def test_the_origin_that_may_read_is_named_once(value: str, expected: Verdict) -> None:
    body = json.dumps(completion()).encode()
    answer = raw_answer(200, {**PLAIN, "access-control-allow-origin": value}, body)
    assert says("transport.cors-origin-once", answer, "chat.basic") is expected
