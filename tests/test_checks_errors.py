"""Errors: each check passes the right answer, finds the fault made for it, and is silent where it must be."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from conformance.checks.errors import context_length
from conformance.model import Defect, FaultKind, Intent, Json, Outcome, Probe, Verdict
from conformance.models import ModelCard
from conformance.probes.asker import request
from conformance.probes.auth import WRONG_KEY
from conformance.redact import MASK
from tests.factory import (
    case_of,
    chunk,
    completion,
    error,
    findings,
    json_answer,
    probes,
    raw_answer,
    sse_answer,
    stream,
    text_answer,
    verdict,
    view_of,
)

PROBES = probes("chat", "auth", "errors", "robustness")
PASS, FAIL, SKIP, UNSURE = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE
SERVED = json_answer(200, completion())
REFUSED = json_answer(400, error("'messages' is a required property", param="messages"))
BROKE = json_answer(500, error("Something went wrong", type="server_error"))


def says(requirement: str, probe: str, answer: bytes) -> Verdict | None:
    return verdict(requirement, view_of(PROBES[probe], answer))


def told(requirement: str, probe: str, answer: bytes) -> str:
    (finding,) = findings(requirement, view_of(PROBES[probe], answer))
    return finding.saw


RANGE = Probe(
    "generated.parameters-temperature-range-1",
    "-",
    request({"model": "m", "messages": [], "temperature": 3}),
    intent=Intent.INVALID,
    defect=Defect("3 is greater than 2 at /temperature", ("temperature",), pointer="/temperature"),
    requirement="parameters.temperature-range",
)


@pytest.mark.parametrize(("status", "expected"), [(400, PASS), (422, PASS), (401, FAIL), (404, FAIL)])
def test_a_value_out_of_its_range_is_no_matter_of_keys_or_addresses(status: int, expected: Verdict) -> None:
    answer = json_answer(status, error("temperature is too large", param="temperature"))
    assert verdict("errors.validation-status", view_of(RANGE, answer)) is expected
    assert verdict("errors.validation-status", view_of(RANGE, SERVED)) is SKIP


@pytest.mark.parametrize(
    ("param", "expected"),
    [
        ("temperature", PASS),
        (None, PASS),
        ("", PASS),
        ("body.temperature", PASS),
        ("frequency_penalty", FAIL),
        ("messages[0].content", FAIL),
        ("x_unknown", PASS),
    ],
)
def test_a_param_that_is_another_member_sends_the_reader_astray(param: Json, expected: Verdict) -> None:
    answer = json_answer(400, error("temperature is too large", param=param))
    assert verdict("errors.cause-named", view_of(RANGE, answer)) is expected


CAUSES = [
    "errors.malformed-json",
    "errors.empty-body",
    "errors.missing-model",
    "errors.null-model",
    "errors.model-not-string",
    "errors.missing-messages",
    "errors.null-messages",
    "errors.string-messages",
    "errors.object-messages",
    "errors.empty-messages",
]


@pytest.mark.parametrize("cause", CAUSES)
def test_a_mistake_is_refused_with_any_4xx(cause: str) -> None:
    for probe in [name for name in PROBES if name.startswith(cause)]:
        assert says(cause, probe, json_answer(400, error())) is PASS
        assert says(cause, probe, json_answer(404, error())) is PASS
        assert says(cause, probe, SERVED) is FAIL
        assert says(cause, probe, json_answer(200, error())) is FAIL
        assert says(cause, probe, BROKE) is FAIL
        assert says(cause, probe, json_answer(429, error())) is None


def test_a_5xx_counts_as_broken_and_a_served_mistake_does_not() -> None:
    (broke,) = findings("errors.missing-model", view_of(PROBES["errors.missing-model"], BROKE))
    (served,) = findings("errors.missing-model", view_of(PROBES["errors.missing-model"], SERVED))
    assert (broke.outcome, served.outcome) == (Outcome.BROKEN, None)
    assert served.saw == "status 200, served, to a request with no member model"


def test_an_invalid_member_is_400_or_422() -> None:
    row = "errors.validation-status"
    for status, expected in ((400, PASS), (422, PASS), (404, FAIL), (401, FAIL), (409, FAIL), (500, SKIP)):
        assert says(row, "errors.missing-messages-stream", json_answer(status, error())) is expected
    assert says(row, "errors.malformed-json", REFUSED) is None
    (finding,) = findings(row, view_of(PROBES["errors.message-unknown-role"], SERVED))
    assert (finding.verdict, finding.outcome) == (FAIL, Outcome.LENIENT)


def test_an_unknown_model_is_refused_best_with_404() -> None:
    refused, not_found = "errors.unknown-model-refused", "errors.unknown-model-404"
    table = [(404, PASS, PASS), (400, PASS, FAIL), (403, PASS, FAIL), (503, FAIL, FAIL), (500, FAIL, FAIL)]
    for probe in ("errors.unknown-model", "errors.unknown-model-stream"):
        for status, first, second in table:
            answer = json_answer(status, error("no such model"))
            assert (says(refused, probe, answer), says(not_found, probe, answer)) == (first, second)


def test_an_unknown_model_that_is_answered_names_who_answered() -> None:
    assert told("errors.unknown-model-refused", "errors.unknown-model", SERVED) == (
        "status 200: answered by the model 'reference-chat' 'Hello there, how are you?'"
    )
    streamed = sse_answer(stream())
    assert says("errors.unknown-model-refused", "errors.unknown-model-stream", streamed) is FAIL
    overload = json_answer(503, error("Service temporarily unavailable"))
    assert "send it three times" in told("errors.unknown-model-refused", "errors.unknown-model", overload)


def test_wrong_method_and_wrong_path_are_not_there() -> None:
    for name in ("errors.wrong-method", "errors.wrong-path"):
        for status, expected in ((404, PASS), (405, PASS), (200, FAIL), (400, FAIL), (500, FAIL)):
            assert says(name, name, json_answer(status, {"detail": "Not Found"})) is expected
    page = text_answer(200, "<!doctype html><title>Welcome</title>", "text/html")
    assert says("errors.wrong-path", "errors.wrong-path", page) is FAIL
    proxy = raw_answer(502, {"content-type": "text/html"}, b"<html><center>nginx</center></html>")
    assert says("errors.wrong-path", "errors.wrong-path", proxy) is UNSURE


def test_a_wrong_label_is_read_or_refused_for_its_cause() -> None:
    row = "errors.wrong-content-type"
    for probe in (row, f"{row}-none"):
        assert says(row, probe, SERVED) is PASS
        assert says(row, probe, json_answer(415, error("Unsupported media type 'text/plain'"))) is PASS
        assert says(row, probe, json_answer(400, error("expected application/json"))) is PASS
        assert says(row, probe, json_answer(400, error("Field required"))) is FAIL
        assert says(row, probe, json_answer(404, error("The model does not exist"))) is FAIL
        assert says(row, probe, BROKE) is FAIL


STATUS_ERRORS: list[tuple[str, bytes]] = [
    ("envelope", json_answer(200, error())),
    ("envelope beside choices", json_answer(200, {**completion(), **error()})),
    ("string", json_answer(200, {"error": "quota exceeded"})),
    ("flat", json_answer(200, {"object": "error", "message": "no such model", "code": 404})),
    ("vendor", json_answer(200, {"code": 20015, "message": "bad parameter", "data": None})),
    ("detail", json_answer(200, {"detail": "Not authenticated"})),
    ("list", json_answer(200, [error()])),
]


@pytest.mark.parametrize("answer", [row[1] for row in STATUS_ERRORS], ids=[row[0] for row in STATUS_ERRORS])
def test_an_error_with_a_success_status_is_found_whoever_asked(answer: bytes) -> None:
    for probe in ("chat.basic", "errors.unknown-model", "auth.no-key"):
        assert says("errors.status-not-200", probe, answer) is FAIL
    for probe in ("stream.basic", "errors.unknown-model-stream"):
        assert says("errors.stream-status", probe, answer) is FAIL


def test_a_success_without_error_says_nothing_of_error_statuses() -> None:
    whole = json_answer(200, {**completion(), "error": None})
    assert says("errors.status-not-200", "chat.basic", SERVED) is SKIP
    assert says("errors.status-not-200", "chat.basic", whole) is SKIP
    assert says("errors.status-not-200", "errors.empty-messages", SERVED) is SKIP
    assert says("errors.stream-status", "stream.basic", sse_answer(stream())) is SKIP
    assert says("errors.status-not-200", "errors.missing-model", REFUSED) is PASS
    assert says("errors.stream-status", "errors.missing-messages-stream", REFUSED) is PASS


def test_an_error_in_a_stream_counts_unless_a_valid_stream_had_begun() -> None:
    row, opening = "errors.stream-status", chunk({"role": "assistant", "content": "Hi"})
    at_once, later = sse_answer([error(), "[DONE]"]), sse_answer([opening, error()])
    assert says(row, "stream.basic", at_once) is FAIL
    assert says(row, "stream.basic", later) is SKIP
    assert says(row, "errors.missing-messages-stream", at_once) is FAIL
    assert says(row, "errors.missing-messages-stream", later) is FAIL
    (finding,) = findings(row, view_of(PROBES["errors.missing-messages-stream"], later))
    assert finding.where[0].frame == 1


OBJECT = "errors.envelope-object"
NO_OBJECT: list[tuple[str, bytes]] = [
    ("flat", json_answer(400, {"object": "error", "message": "bad", "code": 400})),
    ("detail", json_answer(401, {"detail": "Not authenticated"})),
    ("string", json_answer(400, {"error": "bad"})),
    ("null", json_answer(400, {"error": None})),
    ("list", json_answer(400, [error()])),
    ("text", text_answer(400, "bad request")),
    ("page", text_answer(404, "<html><h1>Not found</h1></html>", "text/html")),
    ("empty", raw_answer(401, {}, b"")),
    ("JSON of a 5xx", json_answer(500, {"status": "failure", "message": "Something went wrong"})),
]


@pytest.mark.parametrize("answer", [row[1] for row in NO_OBJECT], ids=[row[0] for row in NO_OBJECT])
def test_an_error_body_without_error_object_fails_once(answer: bytes) -> None:
    assert says(OBJECT, "errors.missing-model", answer) is FAIL
    for row in ("message", "members", "types"):
        assert says(f"errors.envelope-{row}", "errors.missing-model", answer) is SKIP
    assert says("errors.no-stringified-null", "errors.missing-model", answer) is SKIP


def test_the_error_object_is_asked_for_wherever_the_endpoint_refuses() -> None:
    for probe in ("errors.missing-model", "auth.no-key", "chat.basic", "errors.unknown-model-stream"):
        assert says(OBJECT, probe, REFUSED) is PASS
    assert says(OBJECT, "chat.basic", SERVED) is None
    framework = json_answer(405, {"detail": "Method Not Allowed"})
    for probe in ("errors.wrong-method", "errors.wrong-path", "robustness.large-body"):
        assert says(OBJECT, probe, framework) is None


def test_a_5xx_without_json_is_nobodys_error_object() -> None:
    for text in ("upstream connect error or disconnect/reset before headers", "502 Bad Gateway"):
        for row in (OBJECT, "errors.content-type"):
            assert says(row, "errors.missing-model", text_answer(502, text)) is SKIP


def members(**changed: Json) -> bytes:
    return json_answer(400, error(**changed))


def without(*names: str) -> bytes:
    value = error("bad")["error"]
    assert isinstance(value, dict)
    return json_answer(400, {"error": {name: value[name] for name in value if name not in names}})


ENVELOPE_FAULTS: list[tuple[str, bytes, str]] = [
    ("errors.envelope-message", members(message=""), "message ''"),
    ("errors.envelope-message", members(message="  "), "message '  '"),
    ("errors.envelope-message", members(message=["bad"]), "message ['bad']"),
    ("errors.envelope-message", without("message"), "message absent"),
    ("errors.envelope-members", without("param", "code"), "param absent, code absent"),
    ("errors.envelope-types", members(code=400), "code 400"),
    ("errors.envelope-types", members(param={"role": "user"}), "param {'role': 'user'}"),
    ("errors.envelope-types", members(type=None), "type None"),
    ("errors.envelope-types", members(type="x", code=True), "code True"),
    ("errors.no-stringified-null", members(type="<nil>", param="None"), "type '<nil>', param 'None'"),
    ("errors.no-stringified-null", members(code="null"), "code 'null'"),
    ("errors.no-stringified-null", members(message="undefined"), "message 'undefined'"),
    ("errors.type-is-client-error", members(type="server_error"), "type 'server_error'"),
    ("errors.type-is-client-error", members(type="internal_server_error"), "type 'internal_server_error'"),
]


@pytest.mark.parametrize(("row", "answer", "saw"), ENVELOPE_FAULTS)
def test_a_wrong_member_of_the_error_object_is_named(row: str, answer: bytes, saw: str) -> None:
    (finding,) = findings(row, view_of(PROBES["errors.missing-model"], answer))
    assert (finding.verdict, finding.saw) == (FAIL, saw)
    assert finding.where[0].pointer == f"/error/{saw.partition(' ')[0]}"


ENVELOPE_LEGAL: list[bytes] = [
    members(),
    members(param="messages[0].role", code="missing_required_parameter"),
    members(param="", code=""),
    json_answer(400, {**error(code="400"), "provider": "x", "status": 400}),
    members(innererror={"code": "None of these"}, inner=7),
]


@pytest.mark.parametrize("answer", ENVELOPE_LEGAL)
@pytest.mark.parametrize("row", sorted({row for row, _, _ in ENVELOPE_FAULTS} | {OBJECT}))
def test_a_right_error_object_passes(row: str, answer: bytes) -> None:
    assert says(row, "errors.missing-model", answer) is PASS


def test_a_server_error_may_call_itself_one() -> None:
    assert says("errors.type-is-client-error", "errors.missing-model", BROKE) is SKIP


def test_error_json_is_labelled_as_json() -> None:
    body = b'{"error":{"message":"bad"}}'
    for kind, expected in (
        ("application/json", PASS),
        ("application/json; charset=utf-8", PASS),
        ("application/problem+json", PASS),
        ("text/plain", FAIL),
        ("text/html; charset=utf-8", FAIL),
    ):
        answer = raw_answer(400, {"content-type": kind}, body)
        assert says("errors.content-type", "errors.missing-model", answer) is expected
    assert says("errors.content-type", "errors.missing-model", raw_answer(400, {}, body)) is FAIL
    assert says("errors.content-type", "errors.missing-model", raw_answer(400, {}, b"")) is SKIP


NAMED: list[tuple[str, str]] = [
    ("errors.missing-messages-stream", "1 validation error: {'type': 'missing', 'loc': 'body.messages'}"),
    ("errors.missing-messages-stream", "缺少参数: 消息"),
    ("errors.missing-model", "you must provide a model parameter"),
    ("errors.malformed-json", "[json.exception.parse_error.101] parse error at line 1, column 29"),
    ("errors.malformed-json", "Unexpected end of data"),
    ("errors.empty-messages", "No user message found in request"),
    ("errors.empty-messages", "At least one message is required"),
    ("errors.empty-body", "Missing required parameter: 'messages'."),
    ("errors.message-unknown-role", "Invalid value: 'wizard'. Supported values are: 'system', 'user'"),
    ("errors.unknown-model", "模型不存在"),
    ("auth.wrong-key-stream", "Invalid API Key"),
    ("auth.no-key", "Authentication Error, No api key passed in."),
]


@pytest.mark.parametrize(("probe", "message"), NAMED)
def test_an_error_that_names_its_cause_passes(probe: str, message: str) -> None:
    assert says("errors.cause-named", probe, json_answer(400, error(message, type="x"))) is PASS
    assert says("errors.cause-named", probe, json_answer(400, {"detail": message})) is PASS
    assert says("errors.cause-named", probe, text_answer(400, message)) is PASS


@pytest.mark.parametrize("probe", sorted({probe for probe, _ in NAMED}))
def test_an_error_that_could_mean_anything_fails(probe: str) -> None:
    vague = error("Something went wrong", type="invalid_request_error", code="400")
    assert says("errors.cause-named", probe, json_answer(400, vague)) is FAIL
    assert says("errors.cause-named", probe, raw_answer(400, {}, b"")) is FAIL


def test_the_word_message_alone_names_no_cause() -> None:
    relayed = json_answer(400, error('upstream said {"message": "bad request"}'))
    assert says("errors.cause-named", "errors.empty-messages", relayed) is FAIL


def test_member_names_of_the_error_object_name_no_cause() -> None:
    assert (
        says("errors.cause-named", "errors.message-without-role", json_answer(400, error("Invalid request")))
        is FAIL
    )


def test_the_cause_is_not_asked_for_where_there_is_none() -> None:
    assert says("errors.cause-named", "errors.missing-messages-stream", BROKE) is SKIP
    assert says("errors.cause-named", "errors.missing-messages-stream", SERVED) is None
    assert says("errors.cause-named", "errors.wrong-path", raw_answer(404, {}, b"")) is None
    assert says("errors.cause-named", "chat.basic", json_answer(400, error("no"))) is None


KEY = "errors.key-not-echoed"


def test_a_wrong_key_that_comes_back_whole_is_found() -> None:
    for place in (error(f"Incorrect API key provided: {WRONG_KEY}"), error(param=WRONG_KEY)):
        answer = json_answer(401, place)
        (finding,) = findings(KEY, view_of(PROBES["auth.wrong-key-stream"], answer))
        assert (finding.verdict, finding.saw) == (FAIL, "the answer holds the wrong key that was sent")
        start, end = finding.where[0].bytes or (0, 0)
        assert answer.partition(b"\r\n\r\n")[2][start:end] == WRONG_KEY.encode()
    assert says(KEY, "auth.wrong-key-stream", json_answer(401, error(), x_key=WRONG_KEY)) is FAIL


def test_the_real_key_is_found_through_its_mask() -> None:
    masked = MASK.decode() * 40
    assert says(KEY, "chat.basic", json_answer(400, error(f"key {masked} has expired"))) is FAIL
    assert says(KEY, "chat.basic", json_answer(200, completion(f"You are {masked}"))) is FAIL


def test_a_key_that_the_server_masks_is_no_echo() -> None:
    for shown in (
        "sk-con**************************0000",
        "****************",
        "sk-...0000",
        "xxxxxxxxxxxxxxxx",
    ):
        assert says(KEY, "auth.wrong-key-stream", json_answer(401, error(f"Incorrect key: {shown}"))) is PASS
    assert says(KEY, "chat.basic", SERVED) is PASS


FOREIGN = [
    "OPENAI_API_KEY=sk-proj-AbCd1234EfGh5678IjKl9012MnOp3456",
    "Authorization: Bearer sk-ant-api03-QmFzZTY0c2VjcmV0a2V5MTIzNDU2Nzg5MA",
    "x-goog-api-key: AIzaSyB1c2D3e4F5g6H7i8J9k0L1m2N3o4P5q6R",
]


@pytest.mark.parametrize("message", FOREIGN)
def test_a_key_of_somebody_else_in_an_error_is_found_and_not_shown(message: str) -> None:
    answer = json_answer(400, error(message))
    (finding,) = findings("errors.key-not-echoed", view_of(PROBES["errors.missing-model"], answer))

    assert finding.verdict is FAIL
    assert message[-12:] not in finding.saw


@pytest.mark.parametrize(
    "message",
    [
        "Incorrect API key provided: sk-proj-********************MnOp.",
        "Keys look like sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "Use Bearer sk-ant-your-api-key-goes-right-here",
        "The model sk-learn-classifier-of-2024-with-a-long-name does not exist",
        "The request id is req_011CSHoEeqs5C35K2UUqR7Fy",
    ],
)
def test_what_only_looks_like_a_key_is_none(message: str) -> None:
    assert says("errors.key-not-echoed", "errors.missing-model", json_answer(400, error(message))) is PASS


def test_what_the_model_says_is_no_key_that_got_out() -> None:
    assert says("errors.key-not-echoed", "chat.basic", json_answer(200, completion(FOREIGN[0]))) is PASS


def test_an_error_with_more_behind_it_is_no_one_document() -> None:
    twice = json.dumps(error("no messages")).encode() * 2
    answer = raw_answer(400, {"content-type": "application/json"}, twice)

    assert says("errors.envelope-object", "errors.missing-model", answer) is FAIL


def test_nothing_is_said_of_a_body_that_had_to_be_withheld() -> None:
    view = view_of(PROBES["chat.basic"], raw_answer(200, {}, MASK * 90), fault=FaultKind.WITHHELD)
    assert verdict(KEY, view) is UNSURE


LEAKS: list[tuple[str, str]] = [
    ("stack-trace", 'Traceback (most recent call last):\n  File "/app/main.py", line 3, in chat'),
    ("stack-trace", "TypeError: x\n    at Object.<anonymous> (/srv/app/dist/index.js:12:3)"),
    ("stack-trace", "at processTicksAndRejections (node:internal/process/task_queues:95:5)"),
    ("stack-trace", "panic: nil\n\ngoroutine 17 [running]:\nmain.main()"),
    ("stack-trace", "at com.example.chat.Handler.call(Handler.java:42)"),
    ("stack-trace", "thread 'main' panicked at src/main.rs:10:5"),
    ("stack-trace", "#0 /var/www/html/index.php(12): chat()"),
    ("stack-trace", "/app/chat.rb:12:in `call'"),
    ("stack-trace", r"at Chat.Handler.Run(String body) in C:\src\Handler.cs:line 12"),
    ("file-path", "error in /app/server/handlers.py"),
    ("file-path", "template /models/chat/chat_template.jinja: conversation roles must alternate"),
    ("file-path", "cannot open /home/gateway/config/keys"),
    ("file-path", "see /usr/lib/python3/dist-packages/fastapi"),
    ("file-path", "(file:///srv/app/dist/index.js:12:3)"),
    ("file-path", r"C:\inetpub\gateway\web.config"),
    ("upstream-address", "error sending request for url (https://api.example.com/v1/chat?key=AIzaSyExample)"),
    ("upstream-address", 'Post "http://10.12.0.7:8000/v1/chat/completions": EOF'),
    ("upstream-address", "dial tcp 10.0.0.5:8000: connect: connection refused"),
    ("upstream-address", "connect ECONNREFUSED 127.0.0.1:18106"),
    ("upstream-address", "getaddrinfo ENOTFOUND llm.backend.example"),
    ("upstream-address", "HTTPSConnectionPool(host='api.example.com', port=443): Max retries exceeded"),
    ("upstream-address", "Cannot connect to host vllm-0:8000 ssl:default"),
    (
        "upstream-address",
        "Client error '404 Not Found' for url 'https://api.example.com/v1/chat/completions'",
    ),
    ("upstream-address", "no route to http://vllm-backend:8000/v1"),
    ("upstream-address", "vllm.models.svc.cluster.local is down"),
    ("upstream-address", "upstream 192.168.1.20:8080 timed out"),
    ("upstream-address", "no answer from [fd00::12]:8000"),
    ("printed-value", "<starlette.requests.Request object at 0x7f3a2c1d>"),
    ("printed-value", "<function route at 0x7f3a2c1d9f40>"),
    ("printed-value", 'relation "api_keys" does not exist: SELECT * FROM api_keys WHERE key=$1'),
    ("printed-value", "INSERT INTO calls (key, model) VALUES ($1, $2)"),
    ("printed-value", "UPDATE quota SET used = used + 1"),
    ("printed-value", "SQLSTATE[42S02]: base table not found"),
    ("upstream-address", "see https://docs.example.com/docs?api_key=abcdef123456"),
]


@pytest.mark.parametrize(("row", "message"), LEAKS)
def test_the_inside_of_the_server_is_found_in_an_error(row: str, message: str) -> None:
    for body in (error(message), {"detail": message}, error(metadata={"raw": [message]})):
        assert says(f"errors.no-{row}", "errors.missing-model", json_answer(400, body)) is FAIL
    assert says(f"errors.no-{row}", "errors.missing-model", text_answer(500, message)) is FAIL
    assert says(f"errors.no-{row}", "stream.basic", sse_answer([error(message)])) is FAIL


HARMLESS = [
    "Invalid URL (POST /v1/chat/completion)",
    "The model `meta/llama-3.1-8b` does not exist. Valid aliases: smollm2-135m.",
    "litellm.BadRequestError: OpenAIException - Connection error. See https://docs.example.com/routing#fallbacks",
    "You can find your API key at https://platform.example.com/account/api-keys.",
    "For more information on this error: https://go.example.com/fwlink/?linkid=2198766",
    "1 validation error:\n  {'type': 'missing', 'loc': 'body.messages', 'input': '<dict of 1 items>'}",
    "[json.exception.parse_error.101] parse error at line 1, column 29: syntax error while parsing value",
    "Requests from 10.2.3.4:51234 are limited; version 10.0.0.1 is the newest",
    "See http://localhost:4000/docs for the interface, and /openapi.json for its description",
    "Failed to parse messages[0].content at line 3: expected one of text/plain, image/png",
    "Use POST /v1/chat/completions. Cannot GET /v1/chat/completions",
    "read every line: 12 errors at 10:30:00",
    "The request id is 2024081922011112714735330169131 (request id: req_1)",
    "Select a model from the list, or update your plan and set a limit",
    "a value <= 2 at 0x10, seen by [2001:4860:4860::8888]:443 and [::1]:51234",
]


@pytest.mark.parametrize("message", HARMLESS)
@pytest.mark.parametrize("row", ["stack-trace", "file-path", "upstream-address", "printed-value"])
def test_ordinary_words_of_errors_are_no_leak(row: str, message: str) -> None:
    assert says(f"errors.no-{row}", "errors.missing-model", json_answer(400, error(message))) is PASS


def test_what_the_request_said_itself_is_no_leak() -> None:
    card = ModelCard("/opt/models/chat/model.py")
    named = probes("errors", card=card, model=card.id)
    answer = json_answer(400, error(f"The model {card.id} is needed"))
    assert verdict("errors.no-file-path", view_of(named["errors.null-messages"], answer)) is PASS
    assert verdict("errors.no-file-path", view_of(PROBES["errors.null-messages"], answer)) is FAIL


def test_what_a_model_says_is_no_leak() -> None:
    answer = json_answer(200, completion(LEAKS[0][1]))
    assert says("errors.no-stack-trace", "chat.basic", answer) is SKIP


def test_a_leak_is_shown_where_it_stands() -> None:
    answer = json_answer(400, error("dial tcp 10.0.0.5:8000: connect: connection refused"))
    (finding,) = findings("errors.no-upstream-address", view_of(PROBES["errors.missing-model"], answer))
    start, end = finding.where[0].bytes or (0, 0)
    assert answer.partition(b"\r\n\r\n")[2][start:end] == b"dial tcp 10.0.0.5:8000:"


SMALL = ModelCard("small", window=1000)
BEYOND = probes("errors", card=SMALL, model="small")["errors.context-length"]


def beyond(answer: bytes) -> Verdict:
    case = replace(case_of("errors.context-length", view_of(BEYOND, answer)), card=SMALL)
    (finding,) = context_length(case)
    return finding.verdict


def billed(tokens: int | None) -> bytes:
    usage: Json = {"prompt_tokens": tokens, "completion_tokens": 1, "total_tokens": (tokens or 0) + 1}
    return json_answer(200, completion(usage=usage if tokens is not None else None))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (json_answer(400, error("This model's maximum context length is 1000 tokens.")), PASS),
        (json_answer(413, error("prompt too long")), PASS),
        (json_answer(400, error("Bad request")), FAIL),
        (json_answer(500, error("context length")), FAIL),
        (billed(800), FAIL),
        (billed(1200), UNSURE),
        (billed(None), UNSURE),
    ],
)
def test_a_prompt_beyond_the_window_is_refused_for_its_length(answer: bytes, expected: Verdict) -> None:
    assert beyond(answer) is expected


def test_a_window_is_gone_beyond_only_where_a_card_states_one_that_is_cheap() -> None:
    assert "errors.context-length" not in PROBES
    wide = probes("errors", card=ModelCard("wide", window=128_000), model="wide")
    assert "errors.context-length" not in wide
    assert len(BEYOND.request.body) < 4 * 1000
