"""A report says when a stream came: its first token, its longest gap, and as many moments as can be drawn."""

from __future__ import annotations

import gzip

from msgspec.structs import replace
from report_factory import Run, answer, chunk

from conformance.report.html_timeline import WIDTH, drawing
from conformance.report.timeline import MARKS, timeline
from conformance.views import View

ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'


def streamed(*parts: tuple[float, bytes]) -> View:
    """Return a stream whose parts came at these times, in seconds."""
    body = b"".join(part for _, part in parts)
    raw = answer(body, "text/event-stream")
    head = len(raw) - len(body)
    view = Run().exchange("stream.basic", raw)
    pieces = ((0.001, head), *((when, len(part)) for when, part in parts))
    return View(view.probe, replace(view.exchange, pieces=pieces, elapsed=parts[-1][0] + 0.5))


def test_the_first_token_is_the_first_event_that_carries_something() -> None:
    facts = timeline(
        streamed((0.5, ROLE), (1.0, chunk("Hel")), (1.25, chunk("lo")), (4.0, b"data: [DONE]\n\n"))
    )

    assert facts == {
        "first_byte": 0.5,
        "first_token": 1.0,
        "last_byte": 4.0,
        "events": 4,
        "longest_gap": [1.25, 4.0],
        "marks": [0.5, 1.0, 1.25, 4.0],
    }


def test_reasoning_and_calls_of_tools_are_tokens_too() -> None:
    for delta in (b'"reasoning_content":"Hm"', b'"tool_calls":[{"index":0,"function":{"name":"f"}}]'):
        event = b'data: {"choices":[{"index":0,"delta":{' + delta + b"}}]}\n\n"
        facts = timeline(streamed((0.5, ROLE), (2.0, event)))
        assert facts is not None
        assert facts["first_token"] == 2.0


def test_an_event_counts_from_when_its_last_byte_came() -> None:
    event = chunk("Hello")
    facts = timeline(streamed((0.5, event[:30]), (3.0, event[30:])))

    assert facts is not None
    assert (facts["first_byte"], facts["first_token"]) == (0.5, 3.0)


def test_a_stream_without_tokens_has_no_first_token() -> None:
    facts = timeline(streamed((0.5, ROLE), (1.0, b"data: [DONE]\n\n")))

    assert facts is not None
    assert facts["first_token"] is None


def test_what_is_no_stream_has_no_timeline() -> None:
    assert timeline(Run().exchange("chat.basic", answer(b"{}"))) is None
    assert timeline(Run().exchange("stream.basic", b"")) is None


def test_of_a_long_stream_a_hundred_moments_are_kept_with_the_first() -> None:
    facts = timeline(streamed(*((number / 50, chunk("x")) for number in range(1, 2_000))))

    assert facts is not None
    assert len(facts["marks"]) <= MARKS
    assert facts["marks"][0] == 0.02
    assert facts["marks"] == sorted(facts["marks"])
    assert facts["events"] == 1_999


def test_of_a_coded_body_only_the_arrival_of_bytes_is_known() -> None:
    packed = gzip.compress(chunk("Hello") + b"data: [DONE]\n\n", mtime=0)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n"
    view = Run().exchange("stream.basic", head + b"Content-Length: %d\r\n\r\n" % len(packed) + packed)
    facts = timeline(view)

    assert facts is not None
    assert (facts["events"], facts["first_token"]) == (2, None)


def test_a_drawing_keeps_everything_on_its_line() -> None:
    run = Run()
    view = run.exchange("stream.basic", answer(chunk("Hi"), "text/event-stream"))
    run.unit("a.b", view)
    sent = run.report()["exchanges"][view.exchange.id]
    for elapsed in (0.0, 0.1, 50.0):
        line = drawing({**sent, "elapsed": elapsed})
        assert line is not None
        places = (line.first_byte, line.first_token, *line.gap, line.last_byte)
        assert all(place is not None and 0 <= place <= WIDTH for place in places)
