"""Reports appear whole or not at all, and one exchange can be shown without harm."""

from __future__ import annotations

import gzip
import json
import os
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from report_factory import Run, answer, chunk, failed, golden_run, passed, request

from conformance.errors import UsageError
from conformance.model import Where
from conformance.report import write
from conformance.report.safe import visible
from conformance.report.show import WHOLE, show_exchange
from conformance.views import View

if TYPE_CHECKING:
    from pathlib import Path

FILES = ["badge.json", "junit.xml", "report.html", "report.json", "report.md"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_form_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet" / "there"
    report = golden_run().report()

    write.write_all(report, folder)

    assert names(folder) == FILES
    assert json.loads((folder / "report.json").read_text("ascii")) == json.loads(write.dumps(report))


def test_report_json_says_what_the_report_says_although_results_share_their_cases() -> None:
    run = Run()
    chat = run.exchange("chat.basic", answer(b"{}"))
    for name in ("a.b", "a.c"):
        run.unit(name, chat, passed(chat), title='a text with "cases":0 in it')
    run.unit("a.d", chat, failed(chat, '"cases":0'))
    report = run.report()
    first, second, third = (result["cases"][0] for result in report["results"])

    assert first is second
    assert first != third
    assert json.loads(write.dumps(report)) == report


def test_earlier_reports_are_replaced(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).write_text("old " * 100_000)

    write.write_all(golden_run().report(), tmp_path)

    assert names(tmp_path) == FILES
    assert not [name for name in FILES if "old" in (tmp_path / name).read_text("utf-8")[:100]]


def test_a_disk_that_fails_leaves_the_earlier_report_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.json").write_text("earlier")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError) as failure:
        write.write_all(golden_run().report(), tmp_path)

    assert failure.value.why == "No space left on device"
    assert names(tmp_path) == ["report.json"]
    assert (tmp_path / "report.json").read_text() == "earlier"


def test_a_folder_that_is_a_file_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    with pytest.raises(UsageError, match="cannot be written"):
        write.write_all(golden_run().report(), tmp_path / "taken")


def shown(view: View, *spans: tuple[int, int]) -> list[str]:
    return show_exchange(view, [Where(view.exchange.id, bytes=span) for span in spans]).split("\n")


def test_an_exchange_is_shown_from_request_to_last_byte() -> None:
    body = chunk("Hi") + b"data: [DONE]\n\n"
    view = Run().exchange("stream.basic", answer(body, "text/event-stream"))
    start = body.index(b"data: [DONE]")
    lines = shown(view, (start, start + 12))

    assert lines[0] == "ex-0000000000000000: probe stream.basic, model small-1, attempt 1"
    assert "> POST /chat/completions" in lines
    assert "> Authorization: Bearer {key}" in lines
    assert "< HTTP/1.1 200 OK" in lines
    assert "< content-type: text/event-stream" in lines
    assert lines[-4].startswith("        0     0.200s  data: {")
    assert [line[22:] for line in lines[-3:]] == ["␊", "⟪data: [DONE]⟫␊", "␊"]
    assert lines[-2].split()[0] == str(start)


def test_each_line_says_when_its_last_byte_came() -> None:
    raw = answer(b"one\ntwo\nthree\n")
    view = Run().exchange("chat.basic", raw)
    head = len(raw) - 14
    pieces = ((0.5, head + 4), (1.25, 5), (2.0, 5))
    lines = shown(View(view.probe, replace(view.exchange, pieces=pieces)))

    assert lines[-3:] == [
        "        0     0.500s  one␊",
        "        4     1.250s  two␊",
        "        8     2.000s  three␊",
    ]


@pytest.mark.parametrize(
    ("spans", "line"),
    [
        ([(0, 3)], "⟪abc⟫def"),
        ([(3, 6)], "abc⟪def⟫"),
        ([(3, 3)], "abc⟪⟫def"),
        ([(6, 6)], "abcdef⟪⟫"),
        ([(0, 2), (2, 4)], "⟪ab⟫⟪cd⟫ef"),
        ([(0, 6), (2, 4)], "⟪ab⟪cd⟫ef⟫"),
        ([(4, 99)], "abcd⟪ef⟫"),
    ],
)
def test_places_are_marked(spans: list[tuple[int, int]], line: str) -> None:
    view = Run().exchange("chat.basic", answer(b"abcdef"))

    assert shown(view, *spans)[-1].endswith(f"  {line}")


def test_a_place_over_several_lines_opens_and_closes_once() -> None:
    view = Run().exchange("chat.basic", answer(b"one\ntwo\nthree"))

    assert [line[22:] for line in shown(view, (2, 9))[-3:]] == ["on⟪e␊", "two␊", "t⟫hree"]


def test_places_of_other_exchanges_are_left_out() -> None:
    view = Run().exchange("chat.basic", answer(b"abcdef"))

    assert "⟪" not in show_exchange(view, [Where("ex-other", bytes=(0, 3))])


def test_of_a_long_body_the_beginning_and_the_places_are_shown() -> None:
    body = b"x" * (WHOLE * 4) + b"HERE" + b"y" * WHOLE
    page = "\n".join(shown(Run().exchange("chat.basic", answer(body)), (WHOLE * 4, WHOLE * 4 + 4)))

    assert "⟪HERE⟫" in page
    assert page.count("bytes not shown") == 2
    assert len(page) < 2 * WHOLE


def test_a_coded_body_is_shown_decoded_and_without_times() -> None:
    packed = gzip.compress(b"readable\n", mtime=0)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    lines = shown(Run().exchange("chat.basic", head.encode() + packed))

    assert lines[-2] == f"body, 9 bytes after decoding ({len(packed)} came):"
    assert lines[-1].split() == ["0", "readable␊"]


def test_bytes_that_are_no_http_are_shown_too() -> None:
    page = "\n".join(shown(Run().exchange("chat.basic", b"\x1b[31mSSH-2.0-nope\r\n")))

    assert "no answer that can be read as HTTP" in page
    assert "␛[31mSSH-2.0-nope␍␊" in page


@given(
    st.binary(max_size=300),
    st.binary(max_size=60),
    st.lists(st.tuples(st.integers(-5, 400), st.integers(-5, 400))),
)
def test_nothing_of_an_exchange_is_active(raw: bytes, sent: bytes, spans: list[tuple[int, int]]) -> None:
    run = Run()
    for stream in (raw, answer(raw), answer(raw, "text/\x1b[31m\x9b event-stream")):
        view = run.exchange("chat.basic", stream, sent=request(sent, (("X-\x1b", "\u202e\x07"),)))

        assert all(visible(line) == line for line in shown(view, *spans))


def test_a_body_without_line_ends_is_shown_in_time() -> None:
    view = Run().exchange("chat.basic", answer(b"\xe4" * 5_000_000))
    before = time.process_time()

    show_exchange(view, [Where(view.exchange.id, bytes=(4_000_000, 4_000_001))])

    assert time.process_time() - before < 2
