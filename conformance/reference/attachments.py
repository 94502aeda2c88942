"""What the reference model can see in files and pictures: the text of plain and PDF documents, the colours of a PNG.

Just enough that a marked document or a plain picture can be recognised in the answer. What it cannot see it refuses,
by name: an attachment is never dropped without a word. Of the addresses in the web it knows those of :data:`WEB`, every
other is out of reach; a file at a loopback address is put in before anything is looked at
(:mod:`conformance.reference.fetching`).
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Final, NoReturn

from conformance.model import Json
from conformance.reference.fetching import LOOPBACK
from conformance.reference.refusal import Refused

WEB: Final[Mapping[str, str]] = {
    "https://example.com/document.pdf": "An example document about nothing in particular."
}
"""What stands for the web: addresses of files, with the text that is found there."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""Bytes that a compressed stream may have when it is unpacked; the rest is not read."""
MOST_ROWS: Final = 32
"""Rows of a picture that are looked at."""
MOST_STRIPES: Final = 8
"""More changes of colour in a row are no stripes but a picture of something."""

_DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*?;base64,([A-Za-z0-9+/=\s]*)\Z")
_STREAM: Final = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_SHOWN: Final = re.compile(rb"\(((?:[^()\\]|\\.)*)\)\s*(?:Tj|'|\")|\[((?:[^\[\]\\]|\\.)*)\]\s*TJ", re.DOTALL)
_STRING: Final = re.compile(rb"\(((?:[^()\\]|\\.)*)\)", re.DOTALL)
_COLOURS: Final[Mapping[str, tuple[int, int, int]]] = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "red": (255, 0, 0),
    "green": (0, 160, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "orange": (255, 140, 0),
    "purple": (128, 0, 160),
}
_CHANNELS: Final = {0: 1, 2: 3, 4: 2, 6: 4}
"""Samples of a pixel for each PNG colour type that is read (PNG, section 11.2.1)."""


def look(kind: str, value: Mapping[str, Json], param: str) -> str:
    """Return what the model sees in a content part of type ``kind``.

    Raises:
        Refused: it cannot be fetched, decoded or seen.

    """
    if kind == "input_audio":
        raise Refused(
            "This model does not hear: audio is not supported.", param=param, code="unsupported_value"
        )
    if kind == "image_url":
        media_type, data = _bytes(value.get("url"), f"{param}.url", "invalid_image_url")
        if not data.startswith(b"\x89PNG\r\n\x1a\n"):
            _unreadable(f"{param}.url", f"the image is no PNG but {media_type or 'of no known type'}")
        return _seen(_pixels(data, f"{param}.url"))
    if value.get("file_id") is not None:
        raise Refused(
            "No such file: this gateway stores none.", param=f"{param}.file_id", code="file_not_found"
        )
    if value.get("url") in WEB:
        return WEB[str(value["url"])]
    if LOOPBACK.fullmatch(str(value.get("url"))):
        return ""  # not fetched yet
    member = "file_data" if value.get("file_data") is not None else "url"
    media_type, data = _bytes(value.get(member), f"{param}.{member}", "invalid_file_url")
    if data.startswith(b"%PDF-"):
        return _pdf_text(data)
    if media_type.startswith("text/"):
        return data.decode("utf-8", "replace")
    return _unreadable(
        f"{param}.{member}", f"the file is neither text nor PDF but {media_type or 'of no known type'}"
    )


def _bytes(address: Json, param: str, code: str) -> tuple[str, bytes]:
    """Return the media type and the bytes of a data URL."""
    text = str(address)
    if text.startswith(("http://", "https://")):
        message = (
            f"'{param}' could not be fetched: {text[:200]} is out of reach of this gateway, send a data URL."
        )
        raise Refused(message, param=param, code=code)
    found = _DATA_URL.fullmatch(text)
    if found is None:
        _unreadable(param, "expected a data URL with base64 data")
    try:
        return found.group(1) or "", base64.b64decode(found.group(2), validate=False)
    except binascii.Error:
        _unreadable(param, "its base64 data is broken")


def _unreadable(param: str, why: str) -> NoReturn:
    raise Refused(f"Invalid '{param}': {why}.", param=param, code="invalid_value")


def _unpacked(data: bytes) -> bytes:
    """Return the bytes that zlib finds in ``data``, as far as they are whole and not too many."""
    try:
        return zlib.decompressobj().decompress(data, MOST_BYTES)
    except zlib.error:
        return b""


def _pdf_text(data: bytes) -> str:
    """Return the strings that the content streams of a simple PDF show (ISO 32000-1, 9.4.3)."""
    shown: list[str] = []
    for match in _STREAM.finditer(data):
        content = _unpacked(match.group(1)) or match.group(1)
        for one, several in _SHOWN.findall(content):
            parts = _STRING.findall(several) if several else [one]
            shown.append("".join(re.sub(rb"\\(.)", rb"\1", part).decode("latin-1") for part in parts))
    return " ".join(shown)


def _pixels(data: bytes, param: str) -> list[list[tuple[int, int, int]]]:
    """Return samples of the first rows of a PNG, each as red, green and blue."""
    chunks = list(_png_chunks(data))
    header = next((content for name, content in chunks if name == b"IHDR"), b"")
    if len(header) < 13:  # noqa: PLR2004 - the length of IHDR (PNG, section 11.2.1)
        _unreadable(param, "the PNG has no header")
    width, _, depth, kind, *_, interlaced = struct.unpack(">IIBBBBB", header[:13])
    if depth != 8 or kind not in _CHANNELS or interlaced or not width:  # noqa: PLR2004 - bits of a sample
        _unreadable(param, "only PNG with 8 bits a sample, no palette and no interlacing can be read")
    size = _CHANNELS[kind]
    raw = _unpacked(b"".join(content for name, content in chunks if name == b"IDAT"))
    step = size * (width // 16 + 1)
    rows = [
        [_rgb(row[at : at + size]) for at in range(0, len(row), step)]
        for row in _rows(raw, width * size, size)
    ]
    if not rows:
        _unreadable(param, "the PNG has no pixels")
    return rows


def _rgb(pixel: bytes) -> tuple[int, int, int]:
    red, green, blue = pixel[:3] if len(pixel) > 2 else pixel[:1] * 3  # noqa: PLR2004 - two samples are grey and alpha
    return red, green, blue


def _seen(rows: list[list[tuple[int, int, int]]]) -> str:
    """Say which colour a picture mostly has, or which upright stripes."""
    stripes = [name for name, _ in groupby(map(_nearest, rows[0]))]
    if 1 < len(stripes) <= MOST_STRIPES and all(row == rows[0] for row in rows):
        return f"a picture of stripes: {', '.join(stripes)}"
    pixels = [pixel for row in rows for pixel in row]
    red, green, blue = (sum(pixel[n] for pixel in pixels) / len(pixels) for n in range(3))
    return f"a {_nearest((red, green, blue))} picture"


def _nearest(colour: tuple[float, float, float]) -> str:
    return min(
        _COLOURS, key=lambda name: sum((a - b) ** 2 for a, b in zip(colour, _COLOURS[name], strict=True))
    )


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 8 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += length + 12


def _rows(raw: bytes, length: int, size: int) -> Iterator[bytes]:
    """Yield the first rows of a picture with their filter undone (PNG, section 9.2)."""
    above = bytes(length)
    for start in range(0, min(len(raw), MOST_ROWS * (length + 1)), length + 1):
        kind, line = raw[start], bytearray(raw[start + 1 : start + 1 + length])
        if len(line) < length:
            return
        for n in range(length):
            left, up = (line[n - size] if n >= size else 0), above[n]
            corner = above[n - size] if n >= size else 0
            line[n] = (line[n] + _predicted(kind, left, up, corner)) & 255
        above = bytes(line)
        yield above


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    """Return what a PNG filter type predicts: none, sub, up, average, Paeth."""
    if kind == 4:  # noqa: PLR2004 - Paeth
        guess = left + up - corner
        return min((left, up, corner), key=lambda value: abs(guess - value))
    return {1: left, 2: up, 3: (left + up) // 2}.get(kind, 0)
