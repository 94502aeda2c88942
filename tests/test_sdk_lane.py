"""What the official SDK makes of recorded answers: measured once, kept beside the evidence, never a verdict's cause."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from conformance import sdkresults
from conformance.model import Defect, FaultKind, Intent, Probe, Request
from conformance.sdklane import answers, lane
from conformance.sdkresults import Call, Result, SdkResults
from conformance.views import View
from tests.factory import (
    chunk,
    completion,
    error,
    json_answer,
    raw_answer,
    sse_answer,
    stream,
    text_answer,
    view_of,
)

openai = pytest.importorskip("openai")

SSE = {"content-type": "text/event-stream"}
TOOL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": ""}}
MORE = {**TOOL, "function": {"name": "", "arguments": '{"city":"Paris"}'}}
CUT = sse_answer(stream())[:-60]
USAGE_CHUNK = sse_answer([*stream()[:-1], chunk({}, choices=[], usage={}), "[DONE]"])
SILENT = ("silent-empty", "silent-empty", "raises")
ROOT = Path(__file__).parent.parent


def lines(body: str) -> bytes:
    return raw_answer(200, SSE, body.encode())


def events(*values: object, between: str = "\n\n") -> str:
    return "".join(
        f"data: {value if isinstance(value, str) else json.dumps(value)}{between}" for value in values
    )


STREAMS: Mapping[str, tuple[bytes, str, str, str]] = {
    # name: (answer, iterate, readme-loop, helper), as measured with openai-python 3.54.0
    "correct": (sse_answer(stream()), "ok", "ok", "ok"),
    "crlf": (lines(events(*stream()).replace("\n", "\r\n")), "ok", "ok", "ok"),
    "comments": (lines(": ping\n\n" + events(*stream())), "ok", "ok", "ok"),
    "no terminator goes unnoticed": (sse_answer(stream()[:-1]), "ok", "ok", "ok"),
    "no blank lines": (lines(events(*stream(), between="\n") + "\n"), "raises", "raises", "raises"),
    "ping without data": (lines("event: ping\n\n" + events(*stream())), "raises", "raises", "raises"),
    "retry alone": (lines("retry: 3000\n\n" + events(*stream())), "raises", "raises", "raises"),
    "lower-case terminator": (sse_answer([*stream()[:-1], "[done]"]), "raises", "raises", "raises"),
    "error in the stream": (sse_answer([*stream()[:2], error("boom")]), "raises", "raises", "raises"),
    "byte order mark": (lines("\ufeff" + events(*stream()[1:])), "wrong-text", "wrong-text", "wrong-text"),
    "capital field name": (lines(events(*stream()).replace("data:", "Data:")), *SILENT),
    "JSON completion": (json_answer(200, completion()), *SILENT),
    "JSON error with 200": (json_answer(200, error()), *SILENT),
    "only terminator": (sse_answer(["[DONE]"]), *SILENT),
    "chunk without choices": (sse_answer([chunk({}, choices=[]), *stream()]), "ok", "raises", "ok"),
    "choices null": (sse_answer([*stream()[:2], chunk({}, choices=None), *stream()[2:]]), "ok", "raises", "raises"),
    "role repeated": (sse_answer([*stream()[:2], chunk({"role": "assistant"}), "[DONE]"]), "ok", "ok", "wrong-text"),
    "call id repeated": (sse_answer([chunk({"role": "assistant", "tool_calls": [TOOL]}), chunk({"tool_calls": [MORE]}),
                                     chunk({}, "tool_calls"), "[DONE]"]), "ok", "ok", "wrong-text"),
    "call without index": (sse_answer([chunk({"role": "assistant", "tool_calls": [{**TOOL, "index": None}]}),
                                       chunk({"tool_calls": [{**MORE, "index": None}]})]), "ok", "ok", "raises"),
    "length": (sse_answer([*stream()[:-2], chunk({}, "length"), "[DONE]"]), "ok", "ok", "ok"),
}  # fmt: skip

CREATES: Mapping[str, tuple[bytes, str, str]] = {
    "answer": (json_answer(200, completion()), "ok", "25 characters of text"),
    "blank lines first": (
        raw_answer(200, {"content-type": "application/json"}, b"\n\n" + json.dumps(completion()).encode()),
        "ok",
        "",
    ),
    "no choices": (
        json_answer(200, completion(choices=None)),
        "raises",
        "TypeError at completion.choices[0]",
    ),
    "empty choices": (
        json_answer(200, completion(choices=[])),
        "raises",
        "IndexError at completion.choices[0]",
    ),
    "page": (text_answer(200, "<html>", "text/html"), "raises", "AttributeError"),
    "empty": (
        raw_answer(200, {"content-type": "application/json"}, b""),
        "raises",
        "JSONDecodeError",
    ),
    "parts": (
        json_answer(200, completion([{"type": "text", "text": "hi"}])),
        "wrong-text",
        "content is a list",
    ),  # type: ignore[arg-type]
    "null content": (json_answer(200, completion(None)), "silent-empty", "no text, and no exception"),  # type: ignore[arg-type]
    "server error": (
        json_answer(503, error("down")),
        "raises",
        "InternalServerError from create(): Error code: 503 - down",
    ),
    "odd error": (
        json_answer(400, {"detail": "no"}),
        "raises",
        "BadRequestError from create(): Error code: 400",
    ),
    "no HTTP": (b"hello there\r\n\r\n", "raises", "APIConnectionError"),
}

HOSTILE: Mapping[str, bytes] = {
    "deep": raw_answer(200, {"content-type": "application/json"}, b"[" * 100_000),
    "deep stream": lines("data: " + "[" * 100_000 + "\n\n"),
    "nul": raw_answer(200, SSE, b"data: \x00\xff\xfe\n\n" * 100),
    "escapes": json_answer(400, error("\x1b]0;owned\x07\x1b[2J\r\n\u202eevil")),
    "many events": lines("data: {}\n\n" * 60_000),
    "numbers": raw_answer(200, {"content-type": "application/json"}, b'{"choices":' + b"9" * 5_000 + b"}"),
    "odd types": json_answer(200, {"choices": {"0": [1]}, "usage": "x", "id": {}}),
    "odd chunks": sse_answer(
        [[], "1", '"text"', {"choices": [1, None, {"delta": 5}]}, {"choices": "x"}, "[DONE]"]
    ),
}


def probe(name: str, *, streamed: bool = False, **members: object) -> Probe:
    sent = Request(body=b'{"stream":true}' if streamed else b"{}")
    return Probe(id=name, model="m", request=sent, streamed=streamed, **members)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def measured() -> SdkResults:
    """Give all answers to the SDK at once: starting it takes longer than they do."""
    invalid = {"intent": Intent.INVALID, "defect": Defect("no key", statuses=(401,))}
    views = [
        *(view_of(probe(name, streamed=True), raw) for name, (raw, *_) in STREAMS.items()),
        *(view_of(probe(f"create {name}"), raw) for name, (raw, *_) in CREATES.items()),
        *(view_of(probe(f"hostile {name}", streamed=True), raw) for name, raw in HOSTILE.items()),
        *(view_of(probe(f"hostile create {name}"), raw) for name, raw in HOSTILE.items()),
        view_of(probe("cut", streamed=True), CUT, fault=FaultKind.CLOSED_EARLY),
        view_of(probe("reset", streamed=True), CUT, fault=FaultKind.RESET),
        view_of(probe("never ends", streamed=True), CUT, fault=FaultKind.DEADLINE),
        view_of(probe("lingers", streamed=True), sse_answer(stream()), fault=FaultKind.LINGERING),
        view_of(probe("refused", **invalid), json_answer(401, error("Wrong key."))),
        view_of(probe("refused otherwise", **invalid), json_answer(403, error("Wrong key."))),
        view_of(probe("refused without a word", **invalid), json_answer(401, {})),
        view_of(probe("usage", streamed=True, traits=frozenset({"include-usage"})), USAGE_CHUNK),
    ]  # fmt: skip
    return lane.measure(views)


def result(found: SdkResults, name: str, call: Call) -> Result:
    row = found.row(f"ex-{name}", call)
    assert row is not None, found.why_not(f"ex-{name}")
    return row.result


@pytest.mark.parametrize("name", STREAMS)
def test_stream_has_its_measured_outcome(measured: SdkResults, name: str) -> None:
    _, iterate, documented, helper = STREAMS[name]
    calls = (Call.ITERATE, Call.README_LOOP, Call.HELPER)
    assert [result(measured, name, call) for call in calls] == [iterate, documented, helper]


@pytest.mark.parametrize("name", CREATES)
def test_create_has_its_measured_outcome(measured: SdkResults, name: str) -> None:
    _, expected, sees = CREATES[name]
    row = measured.row(f"ex-create {name}", Call.CREATE)
    assert row is not None
    assert (row.result, row.sdk) == (expected, f"openai-python {openai.__version__}")
    assert sees in row.sees


@pytest.mark.parametrize("name", ["cut", "reset"])
def test_broken_connection_is_an_exception_in_the_loop(measured: SdkResults, name: str) -> None:
    assert result(measured, name, Call.ITERATE) is Result.RAISES
    assert "APIConnectionError while iterating" in measured.breaks([f"ex-{name}"])[0]


def test_stream_that_never_ends_hangs(measured: SdkResults) -> None:
    assert result(measured, "never ends", Call.ITERATE) is Result.HANGS
    assert "APITimeoutError" in measured.breaks(["ex-never ends"])[0]


def test_connection_kept_open_after_the_terminator_harms_nobody(measured: SdkResults) -> None:
    assert measured.breaks(["ex-lingers"]) == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("refused", Result.OK), ("refused otherwise", Result.RAISES), ("refused without a word", Result.RAISES)],
)
def test_refusal_is_right_when_it_becomes_the_exception_that_is_documented(
    measured: SdkResults, name: str, expected: Result
) -> None:
    assert result(measured, name, Call.CREATE) is expected


def test_documented_loop_is_not_held_against_a_usage_chunk_that_was_asked_for(measured: SdkResults) -> None:
    assert measured.row("ex-usage", Call.README_LOOP) is None
    assert measured.breaks(["ex-usage"]) == ()


def test_use_that_goes_well_with_one_answer_is_not_broken_by_what_it_has_in_common_with_another(
    measured: SdkResults,
) -> None:
    both = ["ex-create no choices", "ex-create answer"]
    assert measured.breaks(both) == ()
    assert [text.count("TypeError") for text in measured.breaks(both[:1] * 2)] == [1]
    assert len(measured.breaks(["ex-create no choices", "ex-create parts"])) == 2


@pytest.mark.parametrize("kind", ["hostile", "hostile create"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_give_rows_or_a_reason(measured: SdkResults, kind: str, name: str) -> None:
    rows = measured.by_exchange.get(f"ex-{kind} {name}", ())
    assert rows or measured.why_not(f"ex-{kind} {name}")
    for row in rows:
        assert row.sees.isprintable(), row.sees
        assert len(row.sees) < 400


def unfit(*views: View) -> list[str]:
    chosen, skipped = answers.choose(views)
    assert chosen == ()
    return [skip.why for skip in skipped]


def test_what_could_leave_the_machine_or_bloat_the_process_is_left_out() -> None:
    bomb = gzip.compress(bytes(answers.MOST_DECODED + 1))
    packed = {"content-type": "application/json", "content-encoding": "gzip"}
    assert (
        "redirect"
        in unfit(view_of(probe("p"), raw_answer(307, {"location": "http://198.51.100.1/"}, b"")))[0]
    )
    assert "unfold" in unfit(view_of(probe("p"), raw_answer(200, packed, bomb)))[0]
    assert "unknown" in unfit(view_of(probe("p"), raw_answer(200, {"content-encoding": "zstd"}, b"x")))[0]
    assert "bytes" in unfit(view_of(probe("p"), raw_answer(200, {}, bytes(answers.MOST_BYTES))))[0]
    assert (
        "withheld" in unfit(view_of(probe("p"), json_answer(200, completion()), fault=FaultKind.WITHHELD))[0]
    )


def test_what_no_sdk_would_have_had_is_passed_over() -> None:
    elsewhere = Probe("p", "m", Request(path="/models"))
    options = Probe("p", "m", Request(method="OPTIONS"))
    nothing = view_of(probe("p"), b"", fault=FaultKind.REFUSED)
    assert (
        unfit(view_of(elsewhere, json_answer(200, {})), view_of(options, json_answer(200, {})), nothing) == []
    )


def test_answers_that_differ_in_their_date_alone_are_replayed_once() -> None:
    same = [view_of(probe(day), json_answer(200, completion(), date=day, x_request_id=day)) for day in "ab"]
    other = view_of(probe("c"), json_answer(200, completion("Another text.")))
    streamed = view_of(probe("d", streamed=True), json_answer(200, completion()))
    chosen, _ = answers.choose([*same, other, streamed])
    assert [len(each.views) for each in chosen] == [2, 1, 1]


def test_answer_that_stalls_the_sdk_is_skipped_and_the_next_one_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lane, "DEADLINE", 1.5)  # two uses of it wait a second each
    stalls = view_of(
        probe("stalls", streamed=True),
        raw_answer(200, {"content-length": "9"}, b""),
        fault=FaultKind.DEADLINE,
    )
    found = lane.measure([stalls, view_of(probe("good"), json_answer(200, completion()))])
    assert found.why_not("ex-stalls") == "the SDK's process did not come back from it"
    assert result(found, "good", Call.CREATE) is Result.OK


def test_users_environment_does_not_reach_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    found = lane.measure([view_of(probe("good"), json_answer(200, completion()))])
    assert result(found, "good", Call.CREATE) is Result.OK


def test_results_of_several_files_are_joined_in_order() -> None:
    rows = [sdkresults.SdkRow(name, "sdk 1", Call.CREATE, Result.OK, "") for name in "ab"]
    parts = [SdkResults(("sdk 1",), (row,), (sdkresults.Skipped(row.exchange, "why"),)) for row in rows]
    joined = sdkresults.join(parts)
    assert (joined.sdks, joined.rows) == (("sdk 1",), tuple(rows))
    assert [skip.exchange for skip in joined.skipped] == ["a", "b"]
