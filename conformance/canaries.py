"""Documents and pictures with a mark that nobody can guess, and how to find the marks of a request again.

An answer with the mark proves that the attachment reached the model. The document is a PDF of one page, long enough
that its tokens cannot hide among those of a question; the picture shows three stripes, whose colours have more
combinations than luck meets.
"""

from __future__ import annotations

import base64
import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from conformance.conditions import find
from conformance.model import Json

COLOURS: Final[Mapping[str, tuple[int, int, int]]] = {
    "red": (230, 0, 0),
    "green": (0, 150, 0),
    "blue": (0, 0, 230),
    "yellow": (255, 235, 0),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
}
"""Colours that have one name in English and that nobody takes for each other."""

STRIPES: Final = 3
SIDE: Final = 448
"""Pixels of a picture's side: enough that every provider bills it above the words of a question."""

_PIXEL: Final = 3
_MARK: Final = re.compile(rb"The code word of this document is (\w+)")
_DATA: Final = re.compile(r"data:[\w.+/-]+;base64,([A-Za-z0-9+/=]+)")
_FILLER: Final = (
    "Paragraph {number} of the example document tells once more that rain falls, rivers run to the sea, and "
    "nobody has yet seen one of them turn around."
)
_LINES: Final = 16


def document(word: str) -> bytes:
    """Return a PDF (ISO 32000-1) of about 350 words whose second line names the code word."""
    lines = [
        "Example document",
        f"The code word of this document is {word}.",
        *(_FILLER.format(number=number) for number in range(1, _LINES + 1)),
    ]
    shown = "\n".join(f"({line}) Tj T*" for line in lines)
    content = f"BT /F1 8 Tf 12 TL 36 750 Td\n{shown}\nET".encode("ascii")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Resources 6 0 R >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Font << /F1 4 0 R >> >>",
    )
    body, offsets = b"%PDF-1.4\n", []
    for number, inner in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, inner)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return (
        body
        + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(body))
    )


def picture(colours: Sequence[str]) -> bytes:
    """Return a PNG of upright stripes in these colours, from left to right."""
    row = b"\0" + b"".join(bytes(COLOURS[name]) * (SIDE // len(colours)) for name in colours)
    width = (len(row) - 1) // _PIXEL
    header = struct.pack(">IIBBBBB", width, SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(row * SIDE)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def data_url(media_type: str, data: bytes) -> str:
    """Return a data URL (RFC 2397)."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def marks_of(asked: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the marks of the attachments in a request, in lower case; empty when it has none."""
    return tuple(
        mark for part in find(dict(asked), ("messages", "*", "content", "*")) for mark in _marks(part)
    )


def shown_in(text: str, marks: Sequence[str]) -> bool:
    """Whether a text has all marks, in their order, without regard to case; other marks of their kind spoil it."""
    words = re.findall(r"\w+", text.lower())
    coloured = all(mark in COLOURS for mark in marks)
    told = [word for word in words if word in marks or (coloured and word in COLOURS)]
    return bool(marks) and any(told[at : at + len(marks)] == list(marks) for at in range(len(told)))


def _marks(part: Json) -> Iterator[str]:
    for pointer in (("file", "file_data"), ("file", "url"), ("image_url", "url")):
        for address in find(part, pointer):
            found = _DATA.fullmatch(address) if isinstance(address, str) else None
            if found is None:
                continue
            data = base64.b64decode(found.group(1))
            word = _MARK.search(data)
            if word is not None:
                yield word.group(1).decode("ascii").lower()
            elif data.startswith(b"\x89PNG"):
                yield from _stripes(data)


def _stripes(data: bytes) -> Iterator[str]:
    """Yield the colours of a picture that :func:`picture` made."""
    start = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[start - 4 : start])
    raw = zlib.decompress(data[start + 4 : start + 4 + length])
    (width,) = struct.unpack(">I", data[16:20])
    names = {value: name for name, value in COLOURS.items()}
    before = None
    for x in range(width):
        red, green, blue = raw[1 + x * _PIXEL : 1 + (x + 1) * _PIXEL]
        name = names[red, green, blue]
        if name != before:
            yield name
        before = name
