"""Text from a target cannot act, whatever format shows it."""

from __future__ import annotations

import unicodedata
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from conformance.report.safe import (
    clip,
    for_markdown,
    for_terminal,
    for_xml,
    markdown_code,
    markdown_fence,
    printable,
    visible,
)

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=60)
MARKDOWN_TEXT = st.text(st.sampled_from("ab `~*_[]()<>!#|\\\n\t$:/.-+=&1w@"), max_size=40)
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
TURNING = {"RLO", "LRO", "RLE", "LRE", "RLI", "LRI", "FSI", "PDF", "PDI"}
CONTROLS = {"Cc", "Cs", "Zl", "Zp"}


def inline_tokens(markdown: str):
    return [token for block in PARSER.parse(markdown) for token in (block.children or ())]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x1b]8;;https://evil.example\x07click\x1b]8;;\x07", "␛]8;;https://evil.example␇click␛]8;;␇"),
        ("a\r\nb\tc\x7f", "a␍␊b␉c␡"),
        ("\x9b2J", "⟨U+009B⟩2J"),
        ("abc\u202edcba\u2066x", "abc⟨U+202E⟩dcba⟨U+2066⟩x"),
        ("a\u200bb\ufeff", "a⟨U+200B⟩b⟨U+FEFF⟩"),
        ("half \ud83d of it", "half ⟨U+D83D⟩ of it"),
        ("\ufffe\U000e0041", "⟨U+FFFE⟩⟨U+E0041⟩"),
        ("line\u2028end", "line⟨U+2028⟩end"),
        ("你好 é 😀", "你好 é 😀"),
    ],
)
def test_what_cannot_be_seen_gets_a_symbol(sent: str, shown: str):
    assert visible(sent) == shown


@given(ANY_TEXT)
def test_visible_text_is_one_encodable_line_without_controls(text: str):
    shown = for_terminal(text)

    shown.encode()
    assert len(shown.splitlines()) <= 1
    assert not [char for char in shown if unicodedata.category(char) in CONTROLS]
    assert not [char for char in shown if unicodedata.bidirectional(char) in TURNING]
    assert visible(shown) == shown


@given(st.binary(max_size=40))
def test_printable_bytes_tell_any_two_texts_apart(raw: bytes):
    assert visible(printable(raw)) == printable(raw)
    assert (printable(raw) == printable(raw + b"\n")) is False


def test_our_own_symbols_cannot_be_forged_by_bytes():
    assert printable("␊⟪x⟫⟨0xFF⟩".encode()) == "⟨U+240A⟩⟨U+27EA⟩x⟨U+27EB⟩⟨U+27E8⟩0xFF⟨U+27E9⟩"


def test_bytes_that_are_not_utf8_are_named():
    assert printable(b"ok \xff\xc3") == "ok ⟨0xFF⟩⟨0xC3⟩"


def test_a_cut_says_how_much_is_missing():
    assert clip("x" * 1_000_000, 10) == "xxxxxxxxxx… (999990 characters cut)"
    assert clip("short", 10) == "short"


@given(st.text(max_size=300), st.integers(0, 200), st.integers(0, 200))
def test_a_cut_of_a_cut_counts_from_the_beginning(text: str, first: int, second: int) -> None:
    assert clip(clip(text, first), second) == clip(text, min(first, second))


@given(ANY_TEXT | MARKDOWN_TEXT)
def test_a_code_span_holds_exactly_its_text(text: str):
    (paragraph,) = [token for token in PARSER.parse(f"x {markdown_code(text)} y") if token.children]

    assert [token.type for token in paragraph.children] == ["text", "code_inline", "text"]
    assert paragraph.children[1].content.strip() == visible(text).strip()


@given(ANY_TEXT | MARKDOWN_TEXT)
def test_a_code_span_in_a_table_stays_in_its_cell(text: str):
    table = f"| a | b |\n|---|---|\n| {markdown_code(text, table=True)} | end |\n"
    cells = [token for token in PARSER.parse(table) if token.type == "inline"]

    assert [cell.content for cell in cells][-1] == "end"
    assert [token.type for token in cells[2].children] == ["code_inline"]


@given(st.lists(ANY_TEXT | MARKDOWN_TEXT, min_size=1, max_size=4))
def test_a_fence_is_closed_by_us_alone(lines: list[str]):
    tokens = PARSER.parse(f"{markdown_fence(lines, 'text')}\n\nafter\n")

    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[0].content == "".join(f"{visible(line)}\n" for line in lines)


@given(MARKDOWN_TEXT)
def test_running_text_makes_nothing_but_text_and_code(text: str):
    tokens = PARSER.parse(for_markdown(text))

    assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
    assert {token.type for token in inline_tokens(for_markdown(text))} <= {
        "text",
        "code_inline",
        "text_special",
    }


@pytest.mark.parametrize(
    "word", ["https://evil.example", "www.evil.example", "@everyone", "fixes #1", ":tada:"]
)
def test_words_that_hosts_turn_into_links_become_code(word: str):
    kinds = {token.type for token in inline_tokens(for_markdown(f"see {word} now"))}

    assert "code_inline" in kinds


@pytest.mark.parametrize("text", ["1. one", "# one", "- one", "+ one", "> one", "=== one", "12) one"])
def test_running_text_starts_no_block(text: str):
    assert PARSER.parse(for_markdown(text))[0].type == "paragraph_open"


@given(ANY_TEXT)
def test_xml_text_can_be_written_and_read_back(text: str):
    element = Element("a", {"b": for_xml(text)})
    element.text = for_xml(text)

    read = fromstring(tostring(element, encoding="utf-8"))

    assert read.get("b") == visible(text)
    assert (read.text or "") == visible(text)
