"""The JSON reader: RFC 8259 with everything noticed, total on any input, linear in the worst case."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.model import Json
from conformance.strictjson import MISSING, PROBLEMS_PER_KIND, Document, Problem, pointer, read
from tests.growth import growth

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)

# Pieces of documents that between them reach every rule of the reader.
SOUP = st.lists(
    st.sampled_from(
        [
            *"[]{},:",
            *(" ", "\n", "\r", "\t", "\u00a0", "\ufeff", "\0", "\x7f", "\u2028", "日", "🙂"),
            *(
                '"',
                '"a"',
                '"a":',
                '{"a":1,"a":2}',
                '"\\',
                '"\\n"',
                '"\\ud83d\\ude00"',
                '"\\ud83d"',
                '"\\\\ud83d"',
                "\\u12",
            ),
            *(
                "NaN",
                "Infinity",
                "-Infinity",
                "null",
                "true",
                "1",
                "-",
                "01",
                "1.",
                "1e999",
                "9" * 400,
                "-0",
                "1.5e3",
            ),
        ]
    ),
    max_size=12,
).map("".join)


def kinds(document: Document) -> list[str]:
    return [problem.kind for problem in document.problems]


def standard(text: str) -> tuple[bool, Json]:
    try:
        return True, json.loads(text)
    except ValueError:
        return False, None


def alike(one: Json, other: Json) -> bool:
    """Whether two values are equal, with NaN equal to itself and types told apart."""
    return json.dumps(one) == json.dumps(other)


class TestSoundDocuments:
    @given(VALUES, st.booleans(), st.sampled_from([None, 2]))
    def test_are_read_without_a_problem(self, value: Json, ascii_only: bool, indent: int | None):  # noqa: FBT001
        text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
        for data in (text, text.encode()):
            document = read(data)
            assert document.problems == ()
            assert document.ok
            assert alike(document.value, value)

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("null", None),
            (" \n", None),
            ('"\\u0000\\/\\"\\ud83d\\ude00"', '\0/"😀'),
            ("-0", 0),
            ("1E+2", 100.0),
            ("5e-324", 5e-324),
            ('"\u2028\x7f"', "\u2028\x7f"),
            ("9" * 308, int("9" * 308)),
            ("[]\n\t\r ", []),
        ],
    )
    def test_values(self, text: str, value: Json):
        assert read(text).value == value

    def test_an_integer_stays_an_integer_and_a_float_a_float(self):
        assert [type(x) for x in (read("1").value, read("1.0").value, read("1e0").value)] == [
            int,
            float,
            float,
        ]


class TestProblems:
    @pytest.mark.parametrize(
        ("data", "value", "problems"),
        [
            ("[NaN]", [math.nan], [("nan", 1)]),
            ('["NaN", -Infinity, Infinity]', ["NaN", -math.inf, math.inf], [("nan", 8), ("nan", 19)]),
            ('{"a": 1, "b": {"a": 2}, "a": 3}', {"a": 3, "b": {"a": 2}}, [("duplicate-key", 24)]),
            ('[{"a": 1, "\\u0061": 2}, {"a": ":"}]', [{"a": 2}, {"a": ":"}], [("duplicate-key", 10)]),
            ('{"日": 1, "日": 2}', {"日": 2}, [("duplicate-key", 9)]),
            ('{"日": 1, "日": 2}'.encode(), {"日": 2}, [("duplicate-key", 11)]),
            ("\ufeff1", 1, [("bom", 0)]),
            (b"\xef\xbb\xbf\n1", 1, [("bom", 0), ("leading-blank", 3)]),
            ("\n\n{}", {}, [("leading-blank", 0)]),
            ("{} {}", {}, [("trailing", 3)]),
            ("1\0", 1, [("trailing", 1)]),
            ("01", 0, [("trailing", 1)]),
            (b'["\xff"]', ["\ufffd"], [("invalid-utf8", 2)]),
            (
                b'["\xed\xa0\x80", 1e999]',
                ["\ufffd\ufffd\ufffd", math.inf],
                [("invalid-utf8", 2), ("huge-number", 8)],
            ),
            (
                b'["\xe6\x97\xa5\xff", "\xfe", NaN]',
                ["日\ufffd", "\ufffd", math.nan],
                [("invalid-utf8", 5), ("nan", 14)],
            ),
            (b"\x1f\x8b\x08", None, [("invalid-utf8", 1), ("syntax", 0)]),
            ('"\\ud83d"', "\ufffd", [("lone-surrogate", 1)]),
            (
                '["\\uDE00\\ud83d\\ud83d\\ude00"]',
                ["\ufffd\ufffd😀"],
                [("lone-surrogate", 2), ("lone-surrogate", 8)],
            ),
            ('"\\\\ud83d\\ud83d"', "\\ud83d\ufffd", [("lone-surrogate", 8)]),
            ('"\\\\ud83d"', "\\ud83d", []),
            ('"\ud83d"', "\ufffd", [("lone-surrogate", 1)]),
            ("1e400", math.inf, [("huge-number", 0)]),
            ("[-1e400, 1]", [-math.inf, 1], [("huge-number", 1)]),
            ("9" * 309, math.inf, [("huge-number", 0)]),
            ("", None, [("syntax", 0)]),
            (b"", None, [("syntax", 0)]),
            ("[1,]", None, [("syntax", 3)]),
            ("{'a': 1}", None, [("syntax", 1)]),
            ('"\n"', None, [("syntax", 1)]),
            ('"a', None, [("syntax", 0)]),
            ("[1", None, [("syntax", 2)]),
            ("[1.]", None, [("syntax", 2)]),
            ("[+1]", None, [("syntax", 1)]),
            ('"\\x"', None, [("syntax", 1)]),
            ("<html>", None, [("syntax", 0)]),
            ("\u00a01", None, [("syntax", 0)]),
            ("\u00e9".encode("utf-16-le"), None, [("invalid-utf8", 0), ("syntax", 0)]),
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_are_told_with_their_place(self, data: bytes | str, value: Json, problems: list[tuple[str, int]]):
        document = read(data)
        assert alike(document.value, value)
        assert sorted((p.kind, p.offset) for p in document.problems) == sorted(problems)

    @pytest.mark.parametrize(
        ("data", "ok"),
        [
            ("NaN", True),
            ('{"a":1,"a":1}', True),
            ("\ufeff 1 x", True),
            ('"\\ud800"', True),
            ("1e999", True),
            (b'"\xff"', False),
            ("[", False),
            ("[[", False),
        ],
    )
    def test_ok_means_that_the_value_is_what_was_sent(self, data: bytes | str, ok: bool):  # noqa: FBT001
        assert read(data, max_depth=1).ok is ok

    def test_details_say_what_was_there(self):
        assert read('{"a": nul}').problems == (Problem("syntax", 6, "Expecting value: 'nul}'"),)
        assert read("[").problems == (Problem("syntax", 1, "Expecting value: the text ends"),)
        assert read("1 \x1b").problems == (Problem("trailing", 2, r"more after the value: '\x1b'"),)
        assert read(b"\xfe1").problems[0] == Problem("invalid-utf8", 0, "byte 0xfe is not UTF-8")

    def test_only_the_first_of_a_kind_are_kept(self):
        document = read("[" + "NaN," * 1000 + '{"a":1,"a":2}]')
        assert kinds(document) == ["nan"] * PROBLEMS_PER_KIND + ["duplicate-key"]

    def test_the_value_can_be_written_out(self):
        document = read('{"\\ud800": ["\\udfff", "\ud800"]}')
        assert "\ufffd" in json.dumps(document.value, ensure_ascii=False).encode().decode()


class TestDepth:
    @pytest.mark.parametrize("text", ["[" * 3 + "]" * 3, '{"a":{"[":{}}}', '[[{"a[{":"]"}],[[]]]'])
    def test_is_counted_in_arrays_and_objects_but_not_in_strings(self, text: str):
        assert read(text, max_depth=3).problems == ()
        assert kinds(read(text, max_depth=2)) == ["depth"]

    def test_the_place_is_the_bracket_too_many(self):
        assert [p.offset for p in read('["[[[", [[[]]]]', max_depth=3).problems] == [10]

    def test_the_default_allows_500(self):
        assert read("[" * 500 + "]" * 500).ok
        assert kinds(read("[" * 501 + "]" * 501)) == ["depth"]

    @pytest.mark.parametrize(
        ("text", "offset"),
        [("[" * 10_000, 500), ("[" * 100_000 + "]" * 100_000, 500), ('{"a":' * 100_000, 2500)],
        ids=lambda value: repr(value)[:8],
    )
    def test_very_deep_nesting_is_a_problem_and_no_crash(self, text: str, offset: int):
        detail = "more than 500 arrays and objects in one another"
        assert read(text) == Document(None, (Problem("depth", offset, detail),))

    def test_a_limit_beyond_what_the_process_can_hold_is_no_crash_either(self):
        document = read("[" * 200_000 + "]" * 200_000, max_depth=1_000_000)
        assert document.problems == (
            Problem("depth", None, "arrays and objects are nested deeper than can be read"),
        )

    def test_of_wrong_syntax_and_depth_the_first_in_the_text_is_told(self):
        assert kinds(read("x" + "[" * 10_000)) == ["syntax"]
        assert kinds(read("[[x[", max_depth=2)) == ["syntax"]
        assert kinds(read("[[[x", max_depth=2)) == ["depth"]


class TestAnyInput:
    @given(SOUP | st.text())
    def test_agrees_with_the_standard_library_on_grammar(self, text: str):
        document = read(text)
        sound, value = standard(text)
        if sound and not set(kinds(document)) & {"huge-number", "lone-surrogate"}:
            assert alike(document.value, value)
        assert sound == (document.ok and not set(kinds(document)) & {"bom", "trailing"})

    @given(SOUP | st.text())
    def test_bytes_and_text_are_read_alike(self, text: str):
        one, other = read(text), read(text.encode())
        assert alike(one.value, other.value)
        assert [(p.kind, p.detail) for p in one.problems] == [(p.kind, p.detail) for p in other.problems]
        assert [p.offset for p in other.problems] == [len(text[: p.offset].encode()) for p in one.problems]

    @given(st.binary() | SOUP.map(lambda text: text.encode("utf-16-le")))
    def test_any_bytes_never_raise(self, data: bytes):
        document = read(data)
        assert all(p.offset is None or 0 <= p.offset <= len(data) for p in document.problems)
        assert all(p.detail.isprintable() for p in document.problems)

    @given(SOUP)
    def test_the_value_never_holds_what_cannot_be_encoded(self, text: str):
        json.dumps(read(text).value, ensure_ascii=False).encode()


class TestPointer:
    """RFC 6901."""

    DOCUMENT: Final[Json] = json.loads(
        r"""{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6,
        " ": 7, "m~n": 8, "none": null}"""
    )

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("/foo", ["bar", "baz"]),
            ("/foo/0", "bar"),
            ("/", 0),
            ("/a~1b", 1),
            ("/c%d", 2),
            ("/e^f", 3),
            ("/g|h", 4),
            ("/i\\j", 5),
            ('/k"l', 6),
            ("/ ", 7),
            ("/m~0n", 8),
            ("/none", None),
        ],
    )
    def test_names_a_value(self, path: str, value: Json):
        assert pointer(self.DOCUMENT, path) == value

    def test_the_empty_pointer_names_the_whole(self):
        assert pointer(self.DOCUMENT, "") is self.DOCUMENT

    def test_tilde_01_is_tilde_1(self):
        assert pointer({"~1": 1}, "/~01") == 1

    @pytest.mark.parametrize(
        "path",
        [
            "/x",
            "/foo/2",
            "/foo/-",
            "/foo/-1",
            "/foo/00",
            "/foo/01",
            "/foo/0/0",
            "/none/x",
            "/foo/\u0661",
            "/foo/" + "9" * 9999,
        ],
        ids=lambda path: path[:12],
    )
    def test_gives_missing_where_nothing_is(self, path: str):
        assert pointer(self.DOCUMENT, path) is MISSING

    @pytest.mark.parametrize("path", ["foo", "/~", "/~2", "#/foo"])
    def test_a_mistake_of_the_caller_raises(self, path: str):
        with pytest.raises(ValueError, match="not a JSON pointer"):
            pointer(self.DOCUMENT, path)


class TestGrowth:
    """Four times the input costs about four times the work; quadratic would be sixteen times."""

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(lambda n: b"9" * 20 * n, id="integer"),
            pytest.param(lambda n: b"0." + b"9" * 20 * n, id="fraction"),
            pytest.param(lambda n: b"[" * n, id="open-brackets"),
            pytest.param(lambda n: b"[" + b"[]," * n + b"NaN]", id="many-arrays"),
            pytest.param(lambda n: b"{" + b'"a":1,' * n + b'"a":1}', id="duplicate-keys"),
            pytest.param(lambda n: b"[" + b"[]," * 501 + b'"' + b'\\"' * n, id="escaped-quotes-never-closed"),
            pytest.param(lambda n: b'"' + b"\\ud83d" * n + b'"', id="lone-surrogates"),
            pytest.param(lambda n: b'"' + b"\xff" * n + b'"', id="invalid-bytes"),
            pytest.param(lambda n: b" " * 20 * n + b"1" + b" " * 20 * n + b"x", id="blanks"),
        ],
    )
    def test_is_linear(self, data: Callable[[int], bytes]):
        def reading(size: int) -> Callable[[], object]:
            text = data(size)
            return lambda: read(text)

        assert growth(reading, 50_000, 200_000, enough=10) < 10
