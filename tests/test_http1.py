"""The reader of raw HTTP/1.x answers (RFC 9112): total on any bytes, nothing lost, linear at worst."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from conformance.http1 import Answer, Segment, body_pieces, decoded_body, read_answer
from tests.growth import growth

EVENTS = b'data: {"choices": []}\n\ndata: [DONE]\n\n'

# Pieces of answers that between them reach every rule of the reader.
SOUP = st.lists(
    st.sampled_from(
        [
            *(
                b"HTTP/1.1 200 OK\r\n",
                b"HTTP/1.0 503 \n",
                b"HTTP/1.1 100 Continue\r\n\r\n",
                b"HTTP/1.1 204\r\n",
            ),
            *(b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"\0", b"\xff", b"x", b"0", b"5", b"a"),
            *(b"Transfer-Encoding: chunked\r\n", b"transfer-encoding: gzip\r\n", b"Content-Length: 5\r\n"),
            *(
                b"Content-Length: -1\r\n",
                b"Content-Encoding: gzip, deflate\r\n",
                b"X: 1\r\n 2\r\n",
                b"bad\r\n",
            ),
            *(
                b"5\r\nhello\r\n",
                b"0\r\n\r\n",
                b"5;x=y\r\n",
                b"fffffffffffffffffff\r\n",
                b"hello",
                b"\r\n\r\n",
            ),
        ]
    ),
    max_size=20,
).map(b"".join)
RAW = SOUP | SOUP.map(lambda soup: b"HTTP/1.1 200 OK\r\n" + soup) | st.binary(max_size=200)


def brief(value: object) -> str:
    return repr(value)[:40]


def answer(raw: bytes, *, method: str = "POST", closed: bool = True) -> Answer:
    read = read_answer(raw, method=method, closed=closed)
    assert read is not None
    return read


def message(*headers: bytes, body: bytes = b"", status: bytes = b"200 OK") -> bytes:
    return b"".join(line + b"\r\n" for line in (b"HTTP/1.1 " + status, *headers, b"")) + body


def chunked(parts: list[bytes], trailers: bytes = b"") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n" + trailers + b"\r\n"


CHUNKED = b"Transfer-Encoding: chunked"
MESSAGES = {
    "length": message(b"Content-Type: text/plain", b"Content-Length: 5", body=b"hello"),
    "empty": message(b"Content-Length: 0"),
    "chunked": message(CHUNKED, body=chunked([b"hel", b"lo"], b"X-Sum: 1\r\n")),
    "interim": message(status=b"100 Continue") + message(b"Content-Length: 5", body=b"hello"),
    "no content": message(status=b"204 No Content"),
}


class TestHead:
    """RFC 9112, 3 to 5: status line and header lines."""

    def test_reads_status_line_and_headers(self):
        read = answer(
            message(
                b"Content-Type:  text/plain \t", b"X-A: 1", b"x-a: 2", body=b"hi", status=b"404 Not  Found"
            )
        )
        assert (read.version, read.status, read.reason) == ("1.1", 404, "Not  Found")
        assert read.headers == (("content-type", "text/plain"), ("x-a", "1"), ("x-a", "2"))
        assert read.header("Content-Type") == "text/plain"
        assert (read.header("X-A"), read.all("X-A"), read.header("x-b"), read.all("x-b")) == (
            "1",
            ("1", "2"),
            None,
            (),
        )
        assert read.notes == ()

    def test_head_size_is_where_the_body_begins(self):
        raw = b"\r\n" + message(status=b"103 Early Hints") + message(body=b"hi")
        assert raw[answer(raw).head_size :] == b"hi"

    def test_header_values_are_latin_1(self):
        assert answer(message(b"X: \xe9\xff")).header("x") == "\xe9\xff"

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"\r\n",
            b"<html>\r\n\r\n",
            b"HTTP/1.1 200 OK",
            b"HTTP/1.1 20 OK\r\n",
            b"HTTP/1.1 2000\r\n",
            b"HTTP/1.1  \r\n",
        ],
    )
    def test_no_answer_without_a_status_line(self, raw: bytes):
        assert read_answer(raw, closed=True) is None

    @pytest.mark.parametrize(
        ("raw", "note"),
        [
            (b"\r\nHTTP/1.1 200 OK\r\n\r\n", "empty line before the status line"),
            (b"HTTP/1.1 200 OK\n\r\n", "line ends in LF without CR"),
            (b"HTTP/1.1 200\r\n\r\n", "bad blanks or control characters in the status line: b'HTTP/1.1 200'"),
            (
                b"HTTP/1.1  200 OK\r\n\r\n",
                "bad blanks or control characters in the status line: b'HTTP/1.1  200 OK'",
            ),
            (
                b"HTTP/1.1 200 O\x1bK\r\n\r\n",
                "bad blanks or control characters in the status line: b'HTTP/1.1 200 O\\x1bK'",
            ),
            (b"HTTP/2 200 OK\r\n\r\n", "version of HTTP is not 1.0 or 1.1: b'HTTP/2 200 OK'"),
            (b"HTTP/1.1 999 ?\r\n\r\n", "status is not between 100 and 599: b'HTTP/1.1 999 ?'"),
            (message(b"no colon"), "bad header line: b'no colon'"),
            (message(b": 1"), "bad header line: b': 1'"),
            (message(b"X : 1"), "bad header line: b'X : 1'"),
            (message(b"X: a\rb"), "control character in a header line: b'X: a\\rb'"),
            (message(b"X: 1", b" 2"), "folded header line: b' 2'"),
            (message(b" 2"), "folded header line: b' 2'"),
            (b"HTTP/1.1 200 OK\r\nX: 1\r\n", "the connection ended inside the head"),
            (message(status=b"100 Continue"), "only an interim answer came, no final one"),
        ],
    )
    def test_what_is_odd_is_noted(self, raw: bytes, note: str):
        assert answer(raw).notes == (note,)

    def test_what_is_odd_often_is_noted_once_with_its_first_case(self):
        [note] = answer(message(*[b"bad %d" % i for i in range(1000)])).notes
        assert note == "bad header line: b'bad 0' (1000 times)"

    def test_lines_may_end_in_lf_alone(self):
        read = answer(b"HTTP/1.1 200 OK\nA: 1\nContent-Length: 2\n\nhi")
        assert (read.headers, read.body) == ((("a", "1"), ("content-length", "2")), b"hi")

    def test_a_blank_before_the_colon_is_removed(self):
        assert answer(message(b"Content-Length : 2", body=b"hi")).framing == "length"

    def test_folded_lines_are_joined_with_a_space(self):
        assert answer(message(b"X: 1", b"\t 2 ", b" 3")).header("x") == "1 2 3"

    def test_interim_answers_are_listed_apart(self):
        raw = (
            message(status=b"100 Continue")
            + message(b"Link: x", status=b"103 Early Hints")
            + MESSAGES["length"]
        )
        read = answer(raw)
        assert (read.interim, read.status, read.body) == ((100, 103), 200, b"hello")
        assert read.header("link") is None

    def test_only_interim_answers_are_an_incomplete_answer(self):
        read = answer(message(status=b"100 Continue") + message(status=b"102 Processing"))
        assert (read.status, read.interim, read.complete) == (102, (100,), False)

    def test_an_unfinished_head_gives_its_whole_lines(self):
        read = answer(b"HTTP/1.1 200 OK\r\nA: 1\r\nB: 2", closed=False)
        assert (read.headers, read.complete, read.framing, read.notes) == ((("a", "1"),), False, "none", ())


class TestFraming:
    """RFC 9112, 6.3: how the end of the body is told."""

    def test_content_length(self):
        read = answer(MESSAGES["length"] + b"HTTP/1.1", closed=False)
        assert (read.framing, read.body, read.complete, read.leftover) == (
            "length",
            b"hello",
            True,
            b"HTTP/1.1",
        )

    def test_chunked_with_trailers(self):
        read = answer(MESSAGES["chunked"] + b"more", closed=False)
        assert (read.framing, read.body, read.complete, read.leftover) == ("chunked", b"hello", True, b"more")
        assert read.trailers == (("x-sum", "1"),)
        assert read.notes == ()

    def test_neither_lasts_until_the_connection_ends(self):
        raw = message(body=b"hello")
        assert (answer(raw).framing, answer(raw).body, answer(raw).complete) == ("close", b"hello", True)
        assert not answer(raw, closed=False).complete

    @pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified", b"101 Switching Protocols"])
    def test_some_statuses_have_no_body(self, status: bytes):
        read = answer(message(b"Content-Length: 5", body=b"hello", status=status))
        assert (read.framing, read.body, read.complete, read.leftover) == ("none", b"", True, b"hello")

    def test_an_answer_to_head_has_no_body(self):
        read = answer(message(b"Content-Length: 5"), method="HEAD", closed=False)
        assert (read.framing, read.body, read.complete) == ("none", b"", True)

    @pytest.mark.parametrize(
        ("headers", "framing", "notes"),
        [
            ([b"Content-Length: 5", b"Content-Length: 5"], "length", ["several content-lengths: b'5, 5'"]),
            ([b"Content-Length: 5, 05"], "length", ["several content-lengths: b'5, 05'"]),
            ([b"Content-Length: " + b"0" * 10_000 + b"5"], "length", []),
            (
                [b"Content-Length: 5", b"Content-Length: 6"],
                "close",
                ["several content-lengths: b'5, 6'", "content-length says no length: b'5, 6'"],
            ),
            ([b"Content-Length: -5"], "close", ["content-length says no length: b'-5'"]),
            ([b"Content-Length: +5"], "close", ["content-length says no length: b'+5'"]),
            ([b"Content-Length: 5.0"], "close", ["content-length says no length: b'5.0'"]),
            ([b"Content-Length: \xb2"], "close", ["content-length says no length: b'\\xb2'"]),
            (
                [b"Content-Length: " + b"9" * 10_000],
                "close",
                [f"content-length says no length: {b'9' * 60!r}"],
            ),
            ([b"Content-Length:"], "close", []),
            ([b"Content-Length: 1", CHUNKED], "chunked", ["both transfer-encoding and content-length"]),
            ([b"Transfer-Encoding: identity"], "close", []),
            (
                [b"Transfer-Encoding: gzip, Chunked"],
                "chunked",
                ["transfer-encoding is not just chunked: b'gzip, chunked'"],
            ),
            ([CHUNKED, CHUNKED], "chunked", ["transfer-encoding is not just chunked: b'chunked, chunked'"]),
            ([b"Transfer-Encoding: gzip"], "close", ["transfer-encoding is not just chunked: b'gzip'"]),
        ],
        ids=brief,
    )
    def test_odd_length_headers(self, headers: list[bytes], framing: str, notes: list[str]):
        body = chunked([b"hello"]) if framing == "chunked" else b"hello"
        read = answer(message(*headers, body=body))
        assert (read.framing, read.body, read.complete) == (framing, b"hello", True)
        assert list(read.notes) == notes

    def test_chunked_in_http_1_0_is_undone_and_noted(self):
        read = answer(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked([b"hello"]))
        assert (read.body, read.notes) == (b"hello", ("transfer-encoding in HTTP/1.0",))

    @pytest.mark.parametrize(
        ("body", "got", "complete", "notes"),
        [
            (b"5;a=b\r\nhello\r\n0;c\r\n\r\n", b"hello", True, []),
            (b"0005\r\nhello\r\n" + b"0" * 5000 + b"\r\n\r\n", b"hello", True, []),
            (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789", True, []),
            (b"5 \r\nhello\r\n0\r\n\r\n", b"hello", True, ["blanks after the chunk size: b'5 '"]),
            (b"5\nhello\n0\n\n", b"hello", True, ["line ends in LF without CR (4 times)"]),
            (b"0\r\nbad\r\n\r\n", b"", True, ["bad trailer line: b'bad'"]),
            (b"5\r\nhello\r\n", b"hello", False, ["the final chunk is missing"]),
            (b"5\r\nhello\r\n0", b"hello", False, ["the final chunk is missing"]),
            (b"5\r\nhello\r\n0\r\n", b"hello", False, ["the connection ended inside the trailers"]),
            (b"5\r\nhel", b"hel", False, ["the connection ended inside a chunk"]),
            (b"5\r\nhello\r", b"hello", False, ["the connection ended inside a chunk"]),
            (b"5\r\nhello world", b"hello", False, ["no line end after the data of a chunk: b' world'"]),
            (b"hello\r\n", b"", False, ["bad chunk size: b'hello'"]),
            (b"-1\r\n", b"", False, ["bad chunk size: b'-1'"]),
            (b"0x5\r\nhello\r\n", b"", False, ["bad chunk size: b'0x5'"]),
            (b"\r\n5\r\nhello\r\n", b"", False, ["bad chunk size"]),
            (b"f" * 16 + b"\r\nhello", b"", False, [f"bad chunk size: {b'f' * 16!r}"]),
            (b"f" * 15 + b"\r\nhello", b"hello", False, ["the connection ended inside a chunk"]),
            (b"", b"", False, ["the final chunk is missing"]),
        ],
        ids=brief,
    )
    def test_odd_chunks(self, body: bytes, got: bytes, complete: bool, notes: list[str]):  # noqa: FBT001
        read = answer(message(CHUNKED, body=body))
        assert (read.body, read.complete, list(read.notes), read.leftover) == (got, complete, notes, b"")

    def test_a_short_body_is_incomplete(self):
        read = answer(message(b"Content-Length: 9", body=b"hello"))
        assert (read.body, read.complete) == (b"hello", False)
        assert read.notes == ("the connection ended after 5 of 9 bytes of the body",)

    def test_while_the_connection_lasts_nothing_is_missing(self):
        for raw in (message(b"Content-Length: 9", body=b"hello"), message(CHUNKED, body=b"5\r\nhel")):
            assert (answer(raw, closed=False).complete, answer(raw, closed=False).notes) == (False, ())


class TestAnyBytes:
    """Whatever comes, the reader answers, and every byte keeps its place."""

    @given(RAW, st.sampled_from(["POST", "HEAD"]), st.booleans())
    def test_never_raises_and_accounts_for_the_body(self, raw: bytes, method: str, closed: bool):  # noqa: FBT001
        read = read_answer(raw, method=method, closed=closed)
        assume(read is not None)
        assert isinstance(read, Answer)
        decoded_body(read, limit=50)
        assert b"".join(raw[s.raw : s.raw + s.size] for s in read.segments) == read.body
        assert [s.body for s in read.segments] == [
            sum(s.size for s in read.segments[:i]) for i in range(len(read.segments))
        ]
        assert all(s.size > 0 and s.raw >= read.head_size for s in read.segments)
        assert raw.endswith(read.leftover)
        assert all(note.isprintable() for note in read.notes)

    @given(st.lists(st.binary(min_size=1, max_size=20), max_size=20))
    def test_chunks_come_back_with_the_place_of_every_byte(self, parts: list[bytes]):
        raw = message(CHUNKED, body=chunked(parts))
        read = answer(raw, closed=False)
        assert (read.body, read.complete, read.notes) == (b"".join(parts), True, ())
        for segment, part in zip(read.segments, parts, strict=True):
            assert raw[segment.raw : segment.raw + segment.size] == part
            assert read.body[segment.body : segment.body + segment.size] == part

    @pytest.mark.parametrize("name", MESSAGES)
    @pytest.mark.parametrize("closed", [False, True])
    def test_a_cut_message_is_incomplete(self, name: str, closed: bool):  # noqa: FBT001
        raw = MESSAGES[name]
        whole = answer(raw, closed=closed)
        assert whole.complete
        for end in range(len(raw)):
            cut = read_answer(raw[:end], closed=closed)
            assert cut is None or (not cut.complete and whole.body.startswith(cut.body))


class TestArrivalTimes:
    """From the times of raw bytes to those of body bytes."""

    def test_bytes_of_the_head_and_of_chunk_lines_do_not_count(self):
        raw = message(CHUNKED, body=b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        head = raw.index(b"3\r\n")
        pieces = ((0.1, head), (0.2, 4), (0.3, 7), (0.4, 1), (0.5, 7))
        assert body_pieces(answer(raw), pieces) == ((0.2, 1), (0.3, 2), (0.4, 1), (0.5, 1))

    def test_one_piece_can_bring_many_chunks(self):
        raw = message(CHUNKED, body=chunked([b"abc", b"de", b"f"]))
        assert body_pieces(answer(raw), ((0.5, len(raw)),)) == ((0.5, 6),)

    @given(st.data(), RAW)
    def test_any_split_of_the_raw_bytes_brings_each_body_byte_at_its_time(
        self, data: st.DataObject, raw: bytes
    ):
        read = read_answer(raw, closed=True)
        assume(read is not None)
        assert isinstance(read, Answer)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=10)))
        sizes = [b - a for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
        arrival = [when for when, size in enumerate(sizes) for _ in range(size)]
        expected = [arrival[s.raw + i] for s in read.segments for i in range(s.size)]
        pieces = body_pieces(read, tuple((float(when), size) for when, size in enumerate(sizes)))
        assert [int(when) for when, size in pieces for _ in range(size)] == expected


def gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def encoded(coding: str, body: bytes) -> Answer:
    return answer(
        message(b"Content-Encoding: " + coding.encode(), b"Content-Length: %d" % len(body), body=body)
    )


def bare_deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(data) + engine.flush()


class TestContentCodings:
    """RFC 9110, 8.4, within a limit."""

    @pytest.mark.parametrize(
        ("coding", "body"),
        [
            ("identity", EVENTS),
            ("", EVENTS),
            ("gzip", gz(EVENTS)),
            ("X-GZip", gz(EVENTS)),
            ("gzip", gz(EVENTS[:9]) + gz(b"") + gz(EVENTS[9:])),
            ("deflate", zlib.compress(EVENTS)),
            ("deflate", bare_deflate(EVENTS)),
            ("deflate, identity, gzip", gz(zlib.compress(EVENTS))),
        ],
        ids=brief,
    )
    def test_are_undone(self, coding: str, body: bytes):
        assert decoded_body(encoded(coding, body), limit=1000) == (EVENTS, None)

    def test_an_empty_body_needs_no_undoing(self):
        assert decoded_body(encoded("gzip", b""), limit=10) == (b"", None)
        assert decoded_body(encoded("deflate, gzip", gz(b"")), limit=10) == (b"", None)

    @pytest.mark.parametrize(
        ("coding", "body", "got", "problem"),
        [
            ("gzip", EVENTS, EVENTS, "content-encoding gzip but the body is not gzip"),
            ("deflate", EVENTS, EVENTS, "content-encoding deflate but the body is not deflate"),
            ("br", EVENTS, EVENTS, "unknown encoding br"),
            ("b\x1br", EVENTS, EVENTS, "unknown encoding b\\x1br"),
            ("gzip, br", EVENTS, EVENTS, "unknown encoding br"),
            ("br, gzip", gz(EVENTS), EVENTS, "unknown encoding br"),
            ("gzip", gz(EVENTS)[:-1], EVENTS, "the gzip data ends early"),
            ("gzip", b"\x1f", b"", "the gzip data ends early"),
            ("deflate", zlib.compress(EVENTS)[:-1], EVENTS, "the deflate data ends early"),
            ("gzip", gz(EVENTS)[:-8] + bytes(8), b"", "the compressed data is damaged"),
            ("gzip", gz(EVENTS) + b"\0\0", EVENTS, "2 bytes after the end of the gzip data"),
            ("gzip, gzip, gzip, gzip, gzip", EVENTS, EVENTS, "5 content-encodings on one body"),
        ],
        ids=brief,
    )
    def test_problems_are_told(self, coding: str, body: bytes, got: bytes, problem: str):
        assert decoded_body(encoded(coding, body), limit=1000) == (got, problem)

    @pytest.mark.parametrize("limit", [0, 1, 1000, 999_999])
    def test_a_bomb_is_cut_at_the_limit(self, limit: int):
        decoded, problem = decoded_body(encoded("gzip", gz(bytes(1_000_000))), limit=limit)
        assert (len(decoded), problem) == (limit, f"larger than {limit} bytes")

    def test_a_body_of_exactly_the_limit_is_no_bomb(self):
        body = encoded("gzip", gz(bytes(1_000_000)))
        assert decoded_body(body, limit=1_000_000) == (bytes(1_000_000), None)

    @given(st.binary(max_size=2000), st.sampled_from(["gzip", "deflate"]), st.integers(0, 100))
    def test_any_bytes_never_raise_and_keep_to_the_limit(self, body: bytes, coding: str, limit: int):
        decoded, problem = decoded_body(encoded(coding, body), limit=limit)
        assert decoded == body or len(decoded) <= limit
        assert problem or not body or len(decoded) <= limit


class TestGrowth:
    """Four times the input costs about four times the work; quadratic would be sixteen times."""

    @pytest.mark.parametrize(
        "raw",
        [
            pytest.param(lambda n: b"\n" * n, id="empty-lines"),
            pytest.param(lambda n: message(status=b"100 Continue") * (n // 4), id="interim-answers"),
            pytest.param(lambda n: message(*[b"X: y"] * n), id="headers"),
            pytest.param(lambda n: message(*[b"bad"] * n), id="bad-lines"),
            pytest.param(lambda n: message(b"X: y", *[b" " + b"z" * 60] * n), id="folds"),
            pytest.param(lambda n: message(CHUNKED, body=b"1\r\nx\r\n" * n), id="tiny-chunks"),
            pytest.param(lambda n: message(b"Content-Length: " + b"9" * 20 * n), id="long-length"),
            pytest.param(lambda n: message(CHUNKED, body=b"f" * 20 * n + b"\r\n"), id="long-chunk-size"),
        ],
    )
    def test_reading_is_linear(self, raw: Callable[[int], bytes]):
        def reading(size: int) -> Callable[[], object]:
            data = raw(size)
            return lambda: read_answer(data, closed=True)

        assert growth(reading, 20_000, 80_000, enough=10) < 10

    def test_many_gzip_members_are_linear(self):
        def decoding(members: int) -> Callable[[], object]:
            packed = encoded("gzip", gz(b"") * members)
            return lambda: decoded_body(packed, limit=10)

        assert growth(decoding, 5_000, 20_000, enough=10) < 10

    def test_many_chunks_in_many_pieces_are_linear(self):
        read = answer(message(CHUNKED, body=b"1\r\nx\r\n" * 100_000))
        size = read.head_size + 600_000
        assert body_pieces(read, ((0.0, 1),) * size) == ((0.0, 1),) * 100_000
        assert read.segments[-1] == Segment(99_999, size - 3, 1)
