"""The event-stream parser: WHATWG HTML 9.2.5 and 9.2.6, any split of the bytes, linear in the worst case."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.sse import EXCERPT_LENGTH, NOTES_PER_KIND, Event, EventStream, Note, NoteKind, Parser, parse
from tests.growth import growth

CHUNK = '{"choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": null}]}'

# Pieces of streams that between them reach every rule of the standard.
SOUP = st.lists(
    st.sampled_from(
        [
            *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b"\xef\xbb\xbf"),
            *(
                b"data",
                b"data:",
                b"data: ",
                b"data:  x",
                b"data: {}",
                b"data: [DONE]",
                b"Data: x",
                b" data: x",
            ),
            *(
                b"event: ping",
                b"event:",
                b"event",
                b"id: 1",
                b"id: \0",
                b"retry: 3000",
                b"retry: x",
                b"retry: \xd9\xa1",
            ),
            *(b":", b": keep-alive", b"[DONE]", b"unknown: 1", b" ", b"a", b'"a": 1,', b"\xff", b"\xe2\x82"),
            *("日本語🙂".encode(), "\u2028".encode(), "\u0085".encode(), b"\x0b", b"\x0c", b"\x1c"),
        ]
    ),
    max_size=40,
).map(b"".join)
BODIES = SOUP | st.binary(max_size=200)


def naive(body: bytes) -> list[tuple[str, str]]:
    """Return (type, data) of every event: HTML 9.2.6 word by word, with no thought of speed or offsets."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    events, data, kind = [], "", ""
    for line in re.split("\r\n|\r|\n", text)[:-1]:
        if line == "":
            if data != "":
                events.append((kind or "message", data[:-1]))
            data, kind = "", ""
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value[1:] if value[:1] == " " else value
            if name == "data":
                data += value + "\n"
            elif name == "event":
                kind = value
    return events


def pairs(stream: EventStream) -> list[tuple[str, str]]:
    return [(event.type, event.data) for event in stream.events]


def data_of(body: bytes) -> list[str]:
    return [event.data for event in parse(body).events]


def kinds(body: bytes) -> set[NoteKind]:
    return set(parse(body).counts)


def fed(parts: list[bytes]) -> tuple[list[Event], EventStream]:
    parser = Parser()
    returned = [event for part in parts for event in parser.feed(part)]
    return returned, parser.close()


class TestStandard:
    """What HTML 9.2.6 says of each line."""

    @pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
    def test_each_line_end_alone_ends_a_line(self, end: bytes):
        assert data_of(b"data: one" + end + end + b"data: two" + end + end) == ["one", "two"]

    def test_line_ends_may_be_mixed(self):
        assert data_of(b"data: one\n\r\ndata: two\r\r\ndata: three\r\n\n") == ["one", "two", "three"]

    def test_lf_after_cr_is_one_line_end_and_not_a_blank_line(self):
        assert data_of(b"data: one\r\ndata: two\r\n\r\n") == ["one\ntwo"]

    def test_lf_before_cr_is_a_blank_line(self):
        assert data_of(b"data: one\n\rdata: two\n\r") == ["one", "two"]

    def test_one_space_after_the_colon_is_removed_and_only_one(self):
        assert data_of(b"data:x\n\ndata: x\n\ndata:  x\n\ndata:\tx\n\n") == ["x", "x", " x", "\tx"]

    def test_data_lines_are_joined_with_lf(self):
        assert data_of(b"data: {\ndata:   1\ndata\ndata: }\n\n") == ["{\n  1\n\n}"]

    def test_data_line_without_value_is_an_event_with_empty_data(self):
        assert data_of(b"data\n\n") == data_of(b"data:\n\n") == data_of(b"data: \n\n") == [""]

    def test_block_without_data_is_no_event_and_its_type_is_forgotten(self):
        assert pairs(parse(b"event: ping\n\ndata: x\n\n")) == [("message", "x")]

    def test_event_line_sets_the_type_and_the_last_one_wins(self):
        assert pairs(parse(b"event: a\nevent: b\ndata: x\n\n")) == [("b", "x")]

    def test_empty_event_line_means_message(self):
        assert pairs(parse(b"event: a\nevent\ndata: x\n\n")) == [("message", "x")]

    def test_comments_are_ignored(self):
        assert data_of(b": keep-alive\n\n:\ndata: x\n:data: y\n\n") == ["x"]

    @pytest.mark.parametrize(
        "name", [b"Data", b"data ", b" data", b"DATA", b"\xef\xbb\xbf data", b"datum", b"[DONE]"]
    )
    def test_field_names_are_compared_literally(self, name: bytes):
        assert data_of(b"\n" + name + b": x\n\n" + name + b"\n\n") == []

    def test_one_leading_bom_is_removed_and_only_one(self):
        assert data_of(b"\xef\xbb\xbfdata: x\n\n\xef\xbb\xbfdata: y\n\n") == ["x"]
        assert data_of(b"\xef\xbb\xbf\xef\xbb\xbfdata: x\n\n") == []

    def test_pending_lines_at_the_end_are_discarded(self):
        assert data_of(b"data: x\n\ndata: [DONE]\n") == data_of(b"data: x\n\ndata: [DONE]") == ["x"]

    def test_cr_at_the_very_end_is_a_whole_line_end(self):
        assert data_of(b"data: x\n\r") == data_of(b"data: x\r\n\r") == ["x"]

    @pytest.mark.parametrize(
        "char", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\0"]
    )
    def test_other_separators_are_ordinary_characters(self, char: str):
        assert data_of(f"data: a{char}b\n\n".encode()) == [f"a{char}b"]

    def test_invalid_utf8_becomes_the_replacement_character(self):
        assert data_of(b"data: a\xffb \xe2\x82 \xf0\x80\x80\n\n") == ["a\ufffdb \ufffd \ufffd\ufffd\ufffd"]

    def test_a_character_cut_by_a_line_end_does_not_eat_the_line_end(self):
        assert data_of(b"data: \xe2\x82\n\n") == ["\ufffd"]

    @given(BODIES)
    def test_agrees_with_a_word_by_word_model(self, body: bytes):
        assert pairs(parse(body)) == naive(body)


class TestSplits:
    """Borders of reads carry no meaning."""

    @given(st.data())
    def test_any_split_gives_the_same_stream(self, data: st.DataObject):
        body = data.draw(BODIES)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=20)))
        parts = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        returned, stream = fed(parts)
        assert stream == parse(body)
        assert [(e.index, e.type, e.data, e.start, e.data_start, e.data_end) for e in returned] == [
            (e.index, e.type, e.data, e.start, e.data_start, e.data_end) for e in stream.events
        ]

    @given(BODIES)
    def test_one_byte_at_a_time_gives_the_same_stream(self, body: bytes):
        assert fed([body[i : i + 1] for i in range(len(body))])[1] == parse(body)

    @given(BODIES)
    def test_closing_early_says_what_the_stream_is_so_far_and_disturbs_nothing(self, body: bytes):
        parser = Parser()
        for at in range(len(body)):
            assert parser.close() == parse(body[:at])
            parser.feed(body[at : at + 1])
        assert parser.close() == parse(body)

    def test_an_event_is_returned_with_the_feed_that_brings_its_blank_line(self):
        parser = Parser()
        assert parser.feed(b"data: x\n") == []
        assert [event.data for event in parser.feed(b"\ndata: y")] == ["x"]
        assert parser.feed(b"\r\n") == []
        assert [event.data for event in parser.feed(b"\r")] == ["y"]
        assert parser.feed(b"\n") == []

    def test_the_lf_of_a_split_blank_line_belongs_to_its_event(self):
        parser = Parser()
        [early] = parser.feed(b"data: x\r\n\r")
        parser.feed(b"\n")
        [event] = parser.close().events
        assert (early.end, event.end) == (10, 11)


class TestOffsets:
    """Every offset slices back to what was sent."""

    def test_an_event_runs_from_its_first_line_to_the_end_of_its_blank_line(self):
        body = (
            b"\xef\xbb\xbf: hi\r\n\r\n: a\r\nevent: e\r\ndata: \xe6\x97\xa5\r\ndata:b\r\n\r\n\r\ndata: c\n\n"
        )
        first, second = parse(body).events
        assert body[first.start : first.end] == b": a\r\nevent: e\r\ndata: \xe6\x97\xa5\r\ndata:b\r\n\r\n"
        assert body[first.data_start : first.data_end] == b"\xe6\x97\xa5\r\ndata:b"
        assert body[second.start : second.end] == b"data: c\n\n"
        assert body[second.data_start : second.data_end] == b"c"

    def test_the_first_event_begins_after_the_bom(self):
        [event] = parse(b"\xef\xbb\xbfdata: x\n\n").events
        assert (event.start, event.data_start) == (3, 9)

    @given(BODIES)
    def test_offsets_slice_back_to_the_data(self, body: bytes):
        stream = parse(body)
        for event in stream.events:
            lines = re.split(b"\r\n|\r|\n", body[event.data_start : event.data_end])
            more = [line for line in lines[1:] if line == b"data" or line.startswith(b"data:")]
            values = [lines[0], *(line[5:].removeprefix(b" ") for line in more)]
            assert b"\n".join(values).decode("utf-8", "replace") == event.data

    @given(BODIES)
    def test_each_event_stands_alone_in_its_range(self, body: bytes):
        for event in parse(body).events:
            alone = parse(b"\n" + body[event.start : event.end])
            assert pairs(alone) == [(event.type, event.data)]

    @given(BODIES)
    def test_ranges_are_in_order_and_the_tail_is_the_rest(self, body: bytes):
        stream = parse(body)
        borders = [b for e in stream.events for b in (e.start, e.end)] + [stream.tail_start]
        assert borders == sorted(borders)
        assert stream.tail == body[stream.tail_start :]
        assert [event.index for event in stream.events] == list(range(len(stream.events)))

    @given(BODIES)
    def test_notes_lie_in_the_body_and_are_printable(self, body: bytes):
        stream = parse(body)
        assert all(0 <= note.start < note.end <= len(body) for note in stream.notes)
        assert all(note.text.isprintable() and len(note.text) <= EXCERPT_LENGTH for note in stream.notes)
        assert list(stream.notes) == sorted(stream.notes, key=lambda note: note.start)


class TestNotes:
    """What is noticed, and what is not."""

    def test_the_canonical_stream_has_nothing_to_note(self):
        body = f"data: {CHUNK}\n\ndata: [DONE]\n\n".encode()
        assert parse(body) == EventStream(parse(body).events, (), b"", len(body), {})

    @pytest.mark.parametrize(
        ("body", "kind", "spot"),
        [
            (b"\xef\xbb\xbfdata: x\n\n", NoteKind.BOM, b"\xef\xbb\xbf"),
            (b"data: x\r\n\n", NoteKind.CRLF, b"\r\n"),
            (b"data: x\r\n\n", NoteKind.MIXED_LINE_ENDS, b"\n"),
            (b"data: x\rdata: y\r\n\n", NoteKind.CR, b"\r"),
            (b"data:x\n\n", NoteKind.NO_SPACE, b"data:x"),
            (b"data:  x\n\n", NoteKind.EXTRA_SPACE, b"data:  x"),
            (b": hi\n\n", NoteKind.COMMENT, b": hi"),
            (b"event: ping\n\n", NoteKind.NO_DATA, b"event: ping\n"),
            (b"retry: 3000\n\n", NoteKind.NO_DATA, b"retry: 3000\n"),
            (b"data:\n\n", NoteKind.EMPTY_DATA, b"data:\n"),
            (b"event: e\ndata: x\n\n", NoteKind.EVENT_FIELD, b"event: e"),
            (b"id: 7\ndata: x\n\n", NoteKind.ID_FIELD, b"id: 7"),
            (b"id: 7\0\ndata: x\n\n", NoteKind.ID_NUL, b"id: 7\0"),
            (b"retry: 3000\ndata: x\n\n", NoteKind.RETRY_FIELD, b"retry: 3000"),
            (b"retry: 3 s\ndata: x\n\n", NoteKind.RETRY_NOT_DIGITS, b"retry: 3 s"),
            (b"retry: \xd9\xa1\ndata: x\n\n", NoteKind.RETRY_NOT_DIGITS, b"retry: \xd9\xa1"),
            (b'"object": "x",\n\n', NoteKind.UNKNOWN_FIELD, b'"object": "x",'),
            (b"Data: x\n\n", NoteKind.MISSPELT_FIELD, b"Data: x"),
            (b"data : x\n\n", NoteKind.MISSPELT_FIELD, b"data : x"),
            (b" data: x\n\n", NoteKind.MISSPELT_FIELD, b" data: x"),
            (b"\n\xef\xbb\xbfdata: x\n\n", NoteKind.MISSPELT_FIELD, b"\xef\xbb\xbfdata: x"),
            (b"[DONE]\n\n", NoteKind.NO_COLON, b"[DONE]"),
            (b"data: a\ndata: b\n\n", NoteKind.MULTI_LINE_DATA, b"data: a\ndata: b\n"),
            (b"data: [DONE]\n", NoteKind.UNTERMINATED, b"data: [DONE]\n"),
            (b"data: x\n\nda", NoteKind.UNTERMINATED, b"da"),
            (b"data: a\xffb\n\n", NoteKind.INVALID_UTF8, b"\xff"),
            (b"data: a\xffb", NoteKind.INVALID_UTF8, b"\xff"),
            (b": a\xe2\x82\n\n", NoteKind.INVALID_UTF8, b"\xe2\x82"),
        ],
    )
    def test_is_noted_at_its_bytes(self, body: bytes, kind: NoteKind, spot: bytes):
        [note] = [note for note in parse(body).notes if note.kind is kind]
        assert body[note.start : note.end] == spot

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (b"data: x\n\n\n\n", NoteKind.NO_DATA),  # extra blank lines are no blocks
            (b": hi\n\n", NoteKind.NO_DATA),  # nor are comments
            (b"[DONE]\n\nData: x\n\n", NoteKind.NO_DATA),  # ignored lines set nothing
            (b"data:\n\n", NoteKind.NO_SPACE),  # nothing stands after the colon
            (b":hi\n\n", NoteKind.NO_SPACE),
            (b'{"a":1}\n\n', NoteKind.NO_SPACE),
            (b"data: x\n\n: bye\n", NoteKind.UNTERMINATED),  # nothing is lost with a comment
            (b"data: x\n\n: by", NoteKind.UNTERMINATED),
            (b"data: \xe2\x82", NoteKind.INVALID_UTF8),  # a cut stream, not wrong bytes
            (b"\xef\xbb", NoteKind.INVALID_UTF8),
            (b"data: a\r\n\r\n", NoteKind.MIXED_LINE_ENDS),
            (b"data: a\r\n\r\n", NoteKind.CR),
            (b"data: a\rdata: b", NoteKind.CRLF),
            (b"\n\xef\xbb\xbfdata: x\n\n", NoteKind.BOM),
        ],
    )
    def test_is_not_noted(self, body: bytes, kind: NoteKind):
        assert kind not in kinds(body)

    def test_unterminated_shows_the_data_line_that_is_lost(self):
        notes = parse(b"data: x\n\n: c\nevent: e\ndata: [DONE]\nid: 1\n").notes
        assert Note(NoteKind.UNTERMINATED, 9, 41, "data: [DONE]") in notes

    @pytest.mark.parametrize(
        ("tail", "shown"),
        [
            (b"xdata: 1\ndata: 2", "data: 2"),
            (b"data", "data"),
            (b"datax: 1", "datax: 1"),
            (b"id: 1\rdata:", "data:"),
            (b"data: " + b"x" * 100, "data: " + "x" * 73 + "…"),
        ],
    )
    def test_unterminated_shows_the_tail_when_no_data_line_is_in_it(self, tail: bytes, shown: str):
        assert [n.text for n in parse(tail).notes if n.kind is NoteKind.UNTERMINATED] == [shown]

    def test_excerpts_are_printable_and_short(self):
        [note] = [
            n
            for n in parse(b": \x1b[31m\xff\0" + "日".encode() * 90 + b"\n").notes
            if n.kind is NoteKind.COMMENT
        ]
        assert note.text.startswith(r": \x1b[31m\xff\x00日日")
        assert note.text.endswith("日…")
        assert len(note.text) == EXCERPT_LENGTH

    def test_all_are_counted_and_the_first_are_kept(self):
        stream = parse(b": hi\n" * (3 * NOTES_PER_KIND) + b"[DONE]\n\n")
        assert stream.counts[NoteKind.COMMENT] == 3 * NOTES_PER_KIND
        assert [n.start for n in stream.notes if n.kind is NoteKind.COMMENT] == [
            5 * i for i in range(NOTES_PER_KIND)
        ]
        assert stream.counts[NoteKind.NO_COLON] == 1
        assert stream.counts[NoteKind.CR] == 0

    def test_line_ends_are_counted_by_the_line(self):
        assert parse(b"data: x\r\n\r\n" * 5).counts == {NoteKind.CRLF: 10}
        assert parse(b"data: x\n\r\n" * 5).counts == {NoteKind.CRLF: 5, NoteKind.MIXED_LINE_ENDS: 9}


class TestStreamsSeenInTheWild:
    """Framings that real servers send, and what a browser makes of them."""

    @pytest.mark.parametrize(
        ("body", "data", "noted"),
        [
            pytest.param(
                f"data: {CHUNK}\ndata: {CHUNK}\ndata: [DONE]\n",
                [],
                {NoteKind.UNTERMINATED},
                id="no-blank-lines-between-events",
            ),
            pytest.param(
                f"data:{CHUNK}\n\ndata:[DONE]\n\n", [CHUNK, "[DONE]"], {NoteKind.NO_SPACE}, id="no-space"
            ),
            pytest.param(
                f"data: {CHUNK}\n\ndata:  [DONE]\n\n",
                [CHUNK, " [DONE]"],
                {NoteKind.EXTRA_SPACE},
                id="two-spaces",
            ),
            pytest.param(
                f"data: {CHUNK}\n\ndata: [DONE] \n\n", [CHUNK, "[DONE] "], set(), id="trailing-space"
            ),
            pytest.param(
                f": keep-alive\n\ndata: {CHUNK}\n\n: keep-alive\n\ndata: [DONE]\n\n",
                [CHUNK, "[DONE]"],
                {NoteKind.COMMENT},
                id="comment-blocks",
            ),
            pytest.param(
                f"event: ping\n\ndata: {CHUNK}\n\n",
                [CHUNK],
                {NoteKind.EVENT_FIELD, NoteKind.NO_DATA},
                id="ping-without-data",
            ),
            pytest.param(
                f"id: 1\ndata: {CHUNK}\n\n\nid: 2\n\n",
                [CHUNK],
                {NoteKind.ID_FIELD, NoteKind.NO_DATA},
                id="id-block",
            ),
            pytest.param(
                f"retry: 3000\n\ndata: {CHUNK}\n\n",
                [CHUNK],
                {NoteKind.RETRY_FIELD, NoteKind.NO_DATA},
                id="retry",
            ),
            pytest.param(f"data:\n\ndata: {CHUNK}\n\n", ["", CHUNK], {NoteKind.EMPTY_DATA}, id="empty-data"),
            pytest.param(f"\ufeffdata: {CHUNK}\n\n", [CHUNK], {NoteKind.BOM}, id="bom"),
            pytest.param(
                f"data: {CHUNK}\n\ndata: [DONE]", [CHUNK], {NoteKind.UNTERMINATED}, id="done-without-line-end"
            ),
            pytest.param(
                f"data: {CHUNK}\n\n[DONE]\n\n",
                [CHUNK],
                {NoteKind.NO_COLON, NoteKind.UNKNOWN_FIELD},
                id="bare-done",
            ),
            pytest.param(
                'data: {\n "id": 1\n}\n\n',
                ["{"],
                {NoteKind.UNKNOWN_FIELD, NoteKind.NO_COLON},
                id="raw-newlines",
            ),
            pytest.param(
                'data: {\ndata: "id": 1\ndata: }\n\n',
                ['{\n"id": 1\n}'],
                {NoteKind.MULTI_LINE_DATA},
                id="json-over-several-data-lines",
            ),
            pytest.param(f"data: data: {CHUNK}\n\n", [f"data: {CHUNK}"], set(), id="double-prefix"),
            pytest.param(
                f"{CHUNK}\n{CHUNK}\n", [], {NoteKind.UNKNOWN_FIELD, NoteKind.UNTERMINATED}, id="ndjson"
            ),
        ],
    )
    def test_gives_these_events_and_notes(self, body: str, data: list[str], noted: set[NoteKind]):
        assert data_of(body.encode()) == data
        assert kinds(body.encode()) == noted


def parsing(parts: list[bytes]) -> None:
    parser = Parser()
    for part in parts:
        parser.feed(part)
    parser.close()


class TestGrowth:
    """Four times the input costs about four times the work; quadratic would be sixteen times."""

    @pytest.mark.parametrize(
        "stream",
        [
            pytest.param(lambda n: [b"x"] * n, id="one-line-in-one-byte-feeds"),
            pytest.param(lambda n: [b":" + b"x" * 62 + b"\n"] * (n // 4), id="one-block-of-many-lines"),
            pytest.param(lambda n: [b"d", b"\n", b"\n", b"\r"] * (n // 4), id="line-ends-in-one-byte-feeds"),
            pytest.param(lambda n: [b"data:\n" * (n // 4)], id="one-event-of-many-lines"),
            pytest.param(lambda n: [b"data:\n\n" * (n // 8)], id="many-tiny-events"),
            pytest.param(lambda n: [b"data:" + b"\xff" * (8 * n) + b"\n"], id="one-line-of-invalid-bytes"),
        ],
    )
    def test_is_linear(self, stream: Callable[[int], list[bytes]]):
        def work(size: int) -> Callable[[], object]:
            parts = stream(size)
            return lambda: parsing(parts)

        assert growth(work, 50_000, 200_000, enough=10) < 10

    def test_a_line_of_many_megabytes_is_read_whole(self):
        size = 20_000_000
        [event] = parse(b"data: " + b"x" * size + b"\n\n").events
        assert len(event.data) == size
