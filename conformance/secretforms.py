"""Finds a secret in bytes in every form in which software writes text into other text.

The forms: as it is, with some or all characters percent-encoded (also twice) or JSON-escaped (also in JSON
inside JSON), in upper or lower case; in hexadecimal; in UTF-16; in Base64, plain or URL-safe, broken into
lines of 64 characters or more or not at all, also in the middle of longer Base64 text: there, only the
characters that the neighbours of the secret cannot change are looked for.

Time is linear in the bytes. Patterns are slow (80 ns a byte), so each is used only where a plain search, or
an escape in the bytes, says that it may find something.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final, TypeAlias

from msgspec import Struct

Span: TypeAlias = tuple[int, int]
"""Offsets of the first byte and of the byte after the last one."""

_ENCODED: Final = re.compile(rb"%(?:25){0,3}[2-7][0-9A-Fa-f]|\\u00[2-7][0-9A-Fa-f]|\\/")
_LINE_BREAK: Final = rb"\\{1,4}r\\{1,4}n|\\{1,4}n|\r?\n"
_SHORTEST_LINE: Final = 64
_TWINS: Final = {"+": "+-", "-": "+-", "/": "/_", "_": "/_"}
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")


class SecretForms:
    """The patterns of some secrets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Build the patterns; the secrets must be printable ASCII."""
        self._written: list[_Pattern] = []
        self._base64: list[_Pattern] = []
        self._utf16: list[bytes] = []
        for secret in dict.fromkeys(secrets):
            self._written += [_as_it_is(secret), _hexadecimal(secret)]
            self._base64 += [_base64(secret, offset) for offset in range(3)]
            self._utf16.append(b"\0".join(char.encode() for char in secret))

    def spans(self, data: bytes) -> Iterator[Span]:
        """Yield where secrets stand, in no order, maybe overlapping; line breaks in Base64 are left out."""
        encoded = (b"%" in data or b"\\" in data) and _ENCODED.search(data) is not None
        lowered = data.lower()
        for pattern in self._written:
            yield from pattern.spans(data, lowered, encoded=encoded)
        standard = data.translate(_STANDARD)
        for pattern in self._base64:
            for start, end in pattern.spans(data, standard, encoded=encoded):
                yield from _without_breaks(data, start, end)
        for text in self._utf16:
            if text in data:
                yield from _overlapping(re.compile(re.escape(text)), data)


class _Pattern(Struct, frozen=True, dict=True):
    """``signs``: wherever the pattern matches without an escape, one of them is in the normalised bytes."""

    source: bytes
    signs: tuple[bytes, ...]

    @cached_property
    def compiled(self) -> re.Pattern[bytes]:
        """The pattern, made when it is first of use: that takes a while, and few answers hold a secret."""
        return re.compile(self.source)

    def spans(self, data: bytes, normalised: bytes, *, encoded: bool) -> Iterator[Span]:
        if encoded or any(sign in normalised for sign in self.signs):
            yield from _overlapping(self.compiled, data)


def _overlapping(pattern: re.Pattern[bytes], data: bytes) -> Iterator[Span]:
    found = pattern.search(data)
    while found:
        yield found.span()
        found = pattern.search(data, found.start() + 1)


def _without_breaks(data: bytes, start: int, end: int) -> Iterator[Span]:
    at = start
    for gap in re.finditer(_LINE_BREAK, data[start:end]):
        yield at, start + gap.start()
        at = start + gap.end()
    yield at, end


def _as_it_is(secret: str) -> _Pattern:
    pattern = b"".join(_character({char.lower(), char.upper()}) for char in secret)
    # A quote, a slash or a backslash may be escaped, and a space a plus: what lies between them is the sign.
    parts = [part for part in re.split(r'["/\\ ]', secret.lower()) if part]
    return _Pattern(pattern, (max(parts, default="", key=len).encode(),))


def _hexadecimal(secret: str) -> _Pattern:
    pattern = b"".join(_hex_digits(char) for char in secret)
    return _Pattern(pattern, (secret.encode().hex().encode(),))


def _base64(secret: str, offset: int) -> _Pattern:
    """Match the Base64 digits that the secret alone decides when ``offset`` bytes (of 3) come before it."""
    first = -(-8 * offset // 6)
    last = 8 * (offset + len(secret)) // 6
    digits = base64.b64encode(bytes(offset) + secret.encode() + bytes(3)).decode()[first:last]
    gap = b"(?:" + _LINE_BREAK + b")?"
    pattern = gap.join(_character(set(_TWINS.get(digit, digit))) for digit in digits)
    # With this many parts, one of them is not broken by a line end.
    size = -(-len(digits) // (2 + len(digits) // _SHORTEST_LINE))
    return _Pattern(pattern, tuple(digits[at : at + size].encode() for at in range(0, len(digits), size)))


def _character(choices: set[str]) -> bytes:
    """Match one of these characters as it is, percent-encoded, or escaped as JSON does.

    Each alternative begins with a literal, which is what lets the engine skip to a possible first byte.
    """
    forms: list[bytes] = []
    for char in sorted(choices):
        forms.append(re.escape(char.encode()))
        if char in '"/\\':
            forms.append(rb"\\\\{0,7}" + re.escape(char.encode()))
        forms.append(rb"%(?:25){0,3}" + _hex_digits(char))
        forms.append(rb"\\\\{0,7}u00" + _hex_digits(char))
    if " " in choices:
        forms.append(rb"\+")
    return b"(?:" + b"|".join(forms) + b")"


def _hex_digits(char: str) -> bytes:
    digits = (f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{ord(char):02x}")
    return "".join(digits).encode()
