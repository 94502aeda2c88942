"""Makes text from a target harmless wherever a report shows it.

A target may send terminal escapes, markup, control characters, characters that are invisible or turn the
direction of text, half a character, or a megabyte of any of them. After :func:`visible` a text is one line,
every character of it can be seen, and it can be encoded; to apply it twice does no harm. The other functions
add what their format needs.

Symbols: ``␊`` and its kin (U+2400 to U+2421) stand for ASCII control characters, ``⟨U+202E⟩`` for other
characters that cannot be seen, ``⟨0xFF⟩`` for a byte that is not UTF-8.
"""

from __future__ import annotations

import re
from typing import Final

LONG: Final = 2_000
"""Characters that a value may have in a report, unless said otherwise."""

_CUT: Final = re.compile(r"… \((\d{1,12}) characters cut\)\Z")
_DELETE: Final = 0x7F
_HIDDEN: Final = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"  # shown as nothing
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff"  # zero width, line ends, direction
    "\ud800-\udfff"  # half a character
    "\U000e0000-\U000e0fff"  # tags
    "]"
)
_OUR_SYMBOLS: Final = re.compile("[\u2400-\u2426\u27e8-\u27eb]")
_NOT_UTF8: Final = re.compile("[\udc80-\udcff]")
_MARKUP: Final = re.compile(r"[\\`*_\[\]<>&|~$]")
_BLOCK_START: Final = re.compile(r"^(\d*)([#+=:.)-])")
_WOULD_CHANGE: Final = re.compile(r"://|www\.|@|#\d|:\w+:", re.IGNORECASE)


def visible(text: str) -> str:
    """Return the text on one line with a symbol for each character that cannot be seen."""
    if text.isascii() and text.isprintable():
        return text
    return _HIDDEN.sub(lambda found: _symbol(ord(found.group())), text)


def _symbol(code: int) -> str:
    if code < ord(" "):
        return chr(0x2400 + code)
    return "␡" if code == _DELETE else f"⟨U+{code:04X}⟩"


def printable(raw: bytes) -> str:
    """Return bytes as visible text; symbols of ours among them are spelt out, so that none can be forged."""
    text = raw.decode("utf-8", "surrogateescape")
    text = _OUR_SYMBOLS.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text)
    return visible(_NOT_UTF8.sub(lambda found: f"⟨0x{ord(found.group()) - 0xDC00:02X}⟩", text))


def clip(text: str, limit: int = LONG) -> str:
    """Return at most ``limit`` characters of the text, with a note of how much is missing in all."""
    if len(text) <= limit:
        return text
    noted = _CUT.search(text)
    kept, missing = (text[: noted.start()], int(noted[1])) if noted else (text, 0)
    if len(kept) <= limit:
        return text
    return f"{kept[:limit]}… ({len(kept) - limit + missing} characters cut)"


def for_terminal(text: str, limit: int = LONG) -> str:
    """Return one line that a terminal shows as it is."""
    return visible(clip(text, limit))


def for_xml(text: str, limit: int = LONG) -> str:
    """Return characters that XML 1.0 (section 2.2) allows; escaping markup is left to the XML writer."""
    return visible(clip(text, limit))


def for_markdown(text: str, limit: int = LONG, *, table: bool = False) -> str:
    """Return running text without markup; words that a renderer would turn into links become code."""
    line = visible(clip(text, limit)).strip()
    line = " ".join(_word(word, table=table) for word in line.split(" "))
    return _BLOCK_START.sub(r"\1\\\2", line)


def _word(word: str, *, table: bool) -> str:
    if _WOULD_CHANGE.search(word):
        return markdown_code(word, table=table)
    return _MARKUP.sub(lambda found: "&amp;" if found.group() == "&" else "\\" + found.group(), word)


def markdown_code(text: str, limit: int = LONG, *, table: bool = False) -> str:
    """Return a code span that its content cannot close; in a table, pipes need a backslash (GFM 4.10)."""
    line = visible(clip(text, limit)) or " "
    if table:
        line = line.replace("|", "\\|")
    ticks = "`" * (_longest_run(line) + 1)
    space = " " if "`" in (line[0], line[-1]) or (line[0] == line[-1] == " " and line.strip()) else ""
    return f"{ticks}{space}{line}{space}{ticks}"


def markdown_fence(lines: list[str], language: str = "", limit: int = 5 * LONG) -> str:
    """Return a fenced block that its content cannot close."""
    content = [visible(clip(line, limit)) for line in lines]
    fence = "`" * max(3, max((_longest_run(line) for line in content), default=0) + 1)
    return "\n".join([f"{fence}{language}", *content, fence])


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0) if "`" in text else 0
