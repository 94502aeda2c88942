"""An answer without text is blamed where nothing says why it has none: neither the limit, a filter nor a refusal."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from conformance.checks import all_checks
from conformance.model import Json, Verdict
from conformance.sdkresults import Call, Result, SdkResults, SdkRow
from conformance.views import View
from tests.factory import (
    case_of,
    chunk,
    completion,
    json_answer,
    probes,
    sse_answer,
    stream,
    verdict,
    view_of,
)

PROBES = probes("chat", "messages", "sdk", "tools")
PASS, FAIL, SKIP, UNSURE = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE
ROW = "stream.content-not-empty"
ROLE = chunk({"role": "assistant", "content": ""})
REFUSAL = chunk({"refusal": "I cannot repeat that."})


def streamed(*events: Json) -> View:
    return view_of(PROBES["messages.echo-stream"], sse_answer([*events, "[DONE]"]))


def complete(probe: str, finish: str = "stop", **message: Json) -> View:
    answer = completion()
    answer["choices"] = [
        {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": finish}
    ]
    return view_of(PROBES[probe], json_answer(200, answer))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([ROLE, chunk({}, "stop")], FAIL),
        ([ROLE, chunk({"content": " "}), chunk({}, "stop")], FAIL),
        ([ROLE, chunk({"reasoning_content": "Well."}), chunk({}, "stop")], FAIL),
        ([ROLE], FAIL),
        ([], FAIL),
        ([ROLE, chunk({}, "stop"), chunk({}, "length")], FAIL),
        ([ROLE, chunk({}, "length")], SKIP),
        ([ROLE, chunk({"reasoning_content": "Well."}), chunk({}, "length")], SKIP),
        ([ROLE, chunk({}, "content_filter")], SKIP),
        ([ROLE, chunk({"tool_calls": [{"index": 0, "id": "call_1"}]}), chunk({}, "stop")], SKIP),
        ([ROLE, chunk({"content": "Hi."}), chunk({}, "length")], PASS),
    ],
)
def test_a_stream_that_stopped_by_itself_has_text(events: list[Json], expected: Verdict) -> None:
    assert verdict(ROW, streamed(*events)) is expected


@pytest.mark.parametrize(
    ("finish", "message", "expected"),
    [
        ("stop", {}, FAIL),
        ("stop", {"content": ""}, FAIL),
        ("length", {"content": ""}, SKIP),
        ("content_filter", {}, SKIP),
        ("stop", {"refusal": "I cannot."}, SKIP),
        ("stop", {"content": "Hi."}, PASS),
    ],
)
def test_a_complete_answer_that_stopped_by_itself_has_text(
    finish: str, message: dict[str, Json], expected: Verdict
) -> None:
    assert verdict("response.content-not-empty", complete("chat.basic", finish, **message)) is expected


def test_a_streamed_refusal_stands_where_a_complete_answer_is_one_too() -> None:
    refused = streamed(ROLE, REFUSAL, chunk({}, "stop"))
    hello, no = complete("chat.basic", content="Hello!"), complete("messages.echo", refusal="I cannot.")
    yes = complete("messages.echo", content="the line")
    assert verdict(ROW, refused, hello, no) is UNSURE
    assert verdict(ROW, refused, hello, yes) is FAIL
    assert verdict(ROW, refused, hello) is UNSURE
    assert verdict(ROW, refused) is UNSURE


def test_text_is_text_whatever_a_stream_refuses_beside_it() -> None:
    assert verdict(ROW, view_of(PROBES["messages.echo-stream"], sse_answer(stream()))) is PASS


@pytest.mark.parametrize(
    ("finish", "message", "expected"),
    [
        ("stop", {"content": "It is warm."}, PASS),
        ("stop", {"content": ""}, FAIL),
        ("stop", {"refusal": "I cannot."}, UNSURE),
        ("length", {"content": ""}, UNSURE),
        ("content_filter", {}, UNSURE),
    ],
)
def test_after_a_tools_result_comes_text_or_a_reason_for_none(
    finish: str, message: dict[str, Json], expected: Verdict
) -> None:
    assert verdict("tools.round-trip", complete("tools.round-trip", finish, **message)) is expected


@pytest.mark.parametrize(
    ("finish", "message", "expected"),
    [
        ("stop", {"content": ""}, FAIL),
        ("stop", {"refusal": "I cannot."}, UNSURE),
        ("length", {"content": ""}, UNSURE),
    ],
)
def test_an_sdk_without_text_is_no_finding_where_the_model_refused(
    finish: str, message: dict[str, Json], expected: Verdict
) -> None:
    view = complete("sdk.create", finish, **message)
    row = SdkRow(view.exchange.id, "an SDK", Call.CREATE, Result.OK, "no text")
    case = replace(case_of("transport.sdk-create", view), sdk=SdkResults(rows=(row,)))
    (judge,) = (each.judge for each in all_checks() if each.requirement == "transport.sdk-create")
    assert [finding.verdict for finding in judge(case)] == [expected]
