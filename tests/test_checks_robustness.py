"""Robustness: what no request may do to a target, and what it may serve or refuse as it likes."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from conformance.checks.robustness import concurrent_requests
from conformance.mended import Mended, mended
from conformance.model import FaultKind, Outcome, Probe, Verdict
from conformance.models import ModelCard
from conformance.views import View
from tests.factory import (
    case_of,
    completion,
    error,
    exchange,
    findings,
    json_answer,
    probes,
    raw_answer,
    sse_answer,
    stream,
    verdict,
    view_of,
)

PROBES = probes("chat", "auth", "errors", "messages", "robustness", "transport")
PASS, FAIL, SKIP, UNSURE = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE
SERVED = json_answer(200, completion())
STREAMED = sse_answer(stream())


def says(requirement: str, probe: str, answer: bytes = b"", fault: FaultKind | None = None) -> Verdict | None:
    return verdict(requirement, view_of(PROBES[probe], answer, fault=fault))


@pytest.mark.parametrize("status", [500, 501, 502, 503, 529])
def test_no_request_is_answered_with_a_server_error(status: int) -> None:
    broke = json_answer(status, error())
    for row, probe in (
        ("robustness.valid-request-served", "chat.basic"),
        ("robustness.no-server-error", "errors.missing-model"),
        ("robustness.no-server-error", "robustness.deep-nesting"),
        ("robustness.no-server-error", "auth.wrong-key-stream"),
    ):
        (finding,) = findings(row, view_of(PROBES[probe], broke))
        assert (finding.verdict, finding.outcome) == (FAIL, Outcome.BROKEN)


def test_any_other_answer_is_no_server_error() -> None:
    for answer in (SERVED, json_answer(400, error()), raw_answer(302, {"location": "/"}, b"")):
        assert says("robustness.valid-request-served", "chat.basic", answer) is PASS
        assert says("robustness.no-server-error", "errors.missing-model", answer) is PASS
    page = raw_answer(502, {"content-type": "text/html"}, b"<html><h1>Bad gateway</h1></html>")
    assert says("robustness.no-server-error", "errors.missing-model", page) is None


HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"
ENDINGS: list[tuple[str, bytes, FaultKind | None, Verdict, Verdict]] = [
    ("a whole answer", SERVED, None, PASS, PASS),
    ("silence", b"", FaultKind.DEADLINE, FAIL, SKIP),
    ("a body that never ends", HEAD + b'{"id"', FaultKind.DEADLINE, FAIL, PASS),
    ("a reset", b"", FaultKind.RESET, SKIP, FAIL),
    ("a close", b"", FaultKind.CLOSED_EARLY, SKIP, FAIL),
    ("a cut body", HEAD + b'{"id"', FaultKind.CLOSED_EARLY, PASS, PASS),
    ("an open end", STREAMED, FaultKind.LINGERING, PASS, PASS),
    ("no HTTP", b"hello", FaultKind.MALFORMED, SKIP, SKIP),
]


@pytest.mark.parametrize(
    ("answer", "fault", "hang", "reset"), [row[1:] for row in ENDINGS], ids=[row[0] for row in ENDINGS]
)
def test_hanging_and_hanging_up_are_told_apart(
    answer: bytes, fault: FaultKind | None, hang: Verdict, reset: Verdict
) -> None:
    for probe in ("chat.basic", "errors.malformed-json", "robustness.invalid-utf-8"):
        assert says("robustness.no-hang", probe, answer, fault) is hang
        assert says("robustness.no-reset", probe, answer, fault) is reset


def canary(answer: bytes, before: bytes = STREAMED, fault: FaultKind | None = None) -> Verdict | None:
    view = view_of(PROBES["chat.again"], answer, fault=fault)
    return verdict("robustness.alive-after-negatives", view, view_of(PROBES["stream.basic"], before))


def test_the_target_serves_after_the_invalid_requests_as_before() -> None:
    assert canary(STREAMED) is PASS
    assert canary(b"", fault=FaultKind.RESET) is FAIL
    assert canary(json_answer(503, error())) is FAIL
    assert canary(sse_answer([error()])) is FAIL
    assert canary(json_answer(503, error()), before=json_answer(503, error())) is UNSURE


def test_what_shows_that_the_target_still_serves_is_sent_last() -> None:
    assert [probe.id for probe in PROBES.values() if probe.has("last") and probe.certain] == [
        "transport.headers"
    ]
    assert PROBES["chat.again"].apart == "transport.headers"


CLEAR = [
    ("robustness.consecutive-roles", "Conversation roles must alternate user/assistant"),
    ("robustness.empty-last-content", "messages[0].content must not be empty"),
    ("robustness.empty-last-content-null", "content: none is not allowed"),
    ("robustness.null-optional", "tool_choice: expected a string"),
]


@pytest.mark.parametrize(("probe", "message"), CLEAR)
def test_an_unexpected_value_is_served_or_refused_for_its_cause(probe: str, message: str) -> None:
    row = next(row for row in ROWS if probe.startswith(row))
    assert says(row, probe, SERVED) is PASS
    assert says(row, probe, json_answer(400, error(message))) is PASS
    assert says(row, probe, json_answer(422, {"detail": message})) is PASS
    assert says(row, probe, json_answer(400, error("Bad request"))) is FAIL
    assert says(row, probe, json_answer(404, error(message))) is FAIL
    assert says(row, probe, json_answer(200, error(message))) is FAIL
    assert says(row, probe, json_answer(500, error(message))) is FAIL


ROWS = ("robustness.consecutive-roles", "robustness.empty-last-content", "robustness.null-optional")


def test_a_large_body_is_served_or_refused_for_its_size() -> None:
    row = "robustness.large-body"
    for status, expected in ((413, PASS), (400, PASS), (404, FAIL), (500, FAIL)):
        assert says(row, row, json_answer(status, error("too large"))) is expected
    assert says(row, row, SERVED) is PASS
    assert says(row, row, json_answer(413, {"detail": "Request body too large"})) is FAIL


def test_deep_nesting_is_served_or_refused_with_any_4xx() -> None:
    row = "robustness.deep-nesting"
    for answer, expected in (
        (SERVED, PASS),
        (json_answer(400, error()), PASS),
        (json_answer(413, {"detail": "no"}), PASS),
        (json_answer(500, error()), FAIL),
        (json_answer(200, error()), FAIL),
    ):
        assert says(row, row, answer) is expected


TOGETHER = ["messages.echo-stream", "messages.parts-all", "messages.echo"]
WORDS = ["Roxovedo", "Pizumoxo", "Witazuro"]


def together(*texts: str, apart: float = 0.1) -> list[View]:
    """Return the views of requests that were begun ``apart`` seconds after each other and took one second."""
    return [
        view_of(PROBES[name], json_answer(200, completion(text)), started=number * apart, elapsed=1.0)
        for number, (name, text) in enumerate(zip(TOGETHER, texts, strict=True))
    ]


def mixed(*texts: str, apart: float = 0.1) -> Verdict | None:
    return verdict("robustness.concurrent-requests", *together(*texts, apart=apart))


def test_requests_that_run_together_get_each_their_own_answer() -> None:
    first, second, third = WORDS
    assert all(word.encode() in PROBES[name].request.body for name, word in zip(TOGETHER, WORDS, strict=True))
    assert mixed(first, second, third) is PASS
    assert mixed(f"Sure: {first.upper()}!", f"**{second}**", "Hello") is PASS
    assert mixed(second, first, third) is FAIL
    assert mixed(first, first, first) is FAIL


def test_a_mixed_up_answer_counts_even_if_the_times_do_not_overlap() -> None:
    first, second, third = WORDS
    assert mixed(first, third, third, apart=5.0) is FAIL
    assert mixed(first, second, third, apart=5.0) is SKIP


def crowd(pattern: str, beside: bool = True, headers: str = "") -> tuple[Mended, ...]:  # noqa: FBT001, FBT002
    """Return first answers, one a letter: ``x`` failed and was served alone, ``.`` was served."""
    named = {"retry_after": headers} if headers else {}
    failed = View(PROBES["chat.basic"], exchange(PROBES["chat.basic"], json_answer(503, error(), **named)))
    served = View(PROBES["chat.basic"], exchange(PROBES["chat.basic"], SERVED))
    return tuple(Mended(failed if each == "x" else served, each == "x", beside) for each in pattern)


@pytest.mark.parametrize(
    ("mended", "expected"),
    [
        (crowd(""), SKIP),
        (crowd("xx.x.xx"), FAIL),  # one of each crowd is served
        (crowd("xxxxx"), FAIL),  # none is
        (crowd("xxxxx", beside=False), SKIP),
        (crowd("xxxxx..."), UNSURE),  # an outage that was over
        (crowd("x.x....x..x..."), UNSURE),  # now and then
        (crowd("xxx"), UNSURE),
        (crowd("xxxxx", headers="1"), UNSURE),  # busy, and says so
    ],
)
def test_what_is_served_alone_has_to_be_served_beside_others(
    mended: tuple[Mended, ...], expected: Verdict
) -> None:
    views = together(*WORDS, apart=5.0)
    case = replace(case_of("robustness.concurrent-requests", views[0], *views[1:]), mended=mended)
    (found,) = concurrent_requests(case)
    assert found.verdict is expected


def test_first_answers_are_told_that_healed_and_that_had_company() -> None:
    def asked(
        probe: str, answer: bytes, started: float, attempt: int = 1, fault: FaultKind | None = None
    ) -> View:
        return view_of(PROBES[probe], answer, started=started, attempt=attempt, fault=fault)

    broke, cut = json_answer(503, error()), HEAD + b'{"id"'
    runs = [
        [asked("chat.basic", broke, 0.0), asked("chat.basic", SERVED, 9.0, 2)],
        [asked("stream.usage", cut, 0.2, fault=FaultKind.RESET), asked("stream.usage", STREAMED, 10.0, 2)],
        [asked("messages.echo", broke, 5.0), asked("messages.echo", broke, 11.0, 2)],
        [asked("errors.missing-model", broke, 6.0), asked("errors.missing-model", SERVED, 12.0, 2)],
    ]
    found = {one.view.probe.id: (one.failed, one.cut, one.beside) for one in mended(runs)}
    assert found == {
        "chat.basic": (True, False, True),
        "stream.usage": (False, True, True),
        "messages.echo": (False, False, False),
    }
    assert mended(runs[2:]) == ()


def test_a_model_that_does_not_repeat_its_word_proves_nothing() -> None:
    assert mixed("Hello", "Hello", "Hello") is SKIP
    assert mixed(WORDS[0], "Hello", "Hello") is SKIP


HELLO_STREAMED = probes("transport", card=ModelCard("reference-chat", stream_only=True))["chat.again"].request
SERVED_ALIKE = {
    False: PROBES["chat.basic"].request,
    True: replace(HELLO_STREAMED, headers=PROBES["chat.basic"].request.headers),
}
NEGATIVE = [probe for probe in PROBES.values() if probe.defect and probe.feature not in {"auth", "transport"}]


@pytest.mark.parametrize("probe", NEGATIVE, ids=lambda probe: probe.id)
def test_an_invalid_request_differs_from_a_served_one_in_one_respect(probe: Probe) -> None:
    plain = "stream.basic" if probe.streamed else "chat.basic"
    assert probe.twin in {plain, "messages.parts"}
    valid = SERVED_ALIKE[probe.streamed] if probe.twin == plain else PROBES["messages.parts"].request
    sent = probe.request
    assert probe.defect is not None
    assert probe.defect.names
    if sent.method == "GET":
        return
    changed = [sent.path != valid.path, sent.headers != valid.headers, sent.body != valid.body]
    assert sum(changed) == 1
    try:
        body = json.loads(sent.body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return
    if isinstance(body, dict):
        served = json.loads(valid.body)
        members = {name for name in {*body, *served} if body.get(name, ...) != served.get(name, ...)}
        assert len(members) <= 1


def test_a_model_that_only_streams_is_asked_for_streams_alone() -> None:
    only = probes("chat", "errors", "robustness", card=ModelCard("m", stream_only=True), model="m")
    bodies = [probe.request.body for probe in only.values() if probe.request.body.startswith(b'{"model"')]
    assert all(probe.twin in (None, "stream.basic") for probe in only.values())
    assert all(b'"stream":true' in body for body in bodies)
