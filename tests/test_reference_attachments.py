"""Files and pictures are seen, or refused by name: never dropped without a word."""

from __future__ import annotations

import base64
import contextlib
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.reference.asked import ask
from conformance.reference.attachments import look
from conformance.reference.refusal import Refused
from conformance.reference.voice import answer, prompt_tokens


def data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def pdf(content: bytes, *, packed: bool = False) -> bytes:
    stream = zlib.compress(content) if packed else content
    return b"%PDF-1.4\n4 0 obj <</Length 9>>\nstream\n" + stream + b"\nendstream\nendobj\n%%EOF"


def png(colour: tuple[int, ...], *, row_filter: int = 0) -> bytes:
    kind = {1: 0, 3: 2, 4: 6}[len(colour)]
    first = bytes([0]) + bytes(colour) * 20
    step = {0: bytes(colour), 1: bytes(colour), 2: bytes(len(colour)), 4: bytes(len(colour))}[row_filter]
    rest = {1: bytes(colour) + bytes(len(colour)) * 19}.get(row_filter, step * 20)
    rows = first + (bytes([row_filter]) + rest) * 9

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", 20, 10, 8, kind, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("packed", [False, True])
def test_text_of_a_pdf_is_read(*, packed: bool) -> None:
    content = rb"BT (The code is \(Kulemo\)) Tj [(and ) -20 (Badofi)] TJ ET"
    said = look("file", {"file_data": data_url("application/pdf", pdf(content, packed=packed))}, "p")
    assert said == "The code is (Kulemo) and Badofi"


def test_text_file_is_read() -> None:
    assert look("file", {"file_data": data_url("text/plain", "Grüße".encode())}, "p") == "Grüße"


@pytest.mark.parametrize("row_filter", [0, 1, 2, 4])
@pytest.mark.parametrize(
    ("colour", "name"),
    [((250, 5, 5), "red"), ((0, 0, 255, 255), "blue"), ((255,), "white"), ((0, 150, 0), "green")],
)
def test_colour_of_a_picture_is_seen(colour: tuple[int, ...], name: str, row_filter: int) -> None:
    picture = data_url("image/png", png(colour, row_filter=row_filter))
    assert look("image_url", {"url": picture}, "p") == f"a {name} picture"


@pytest.mark.parametrize(
    ("kind", "value", "param"),
    [
        ("file", {"url": "https://unreachable.example/x.pdf"}, "p.url"),
        ("file", {"file_id": "file-1"}, "p.file_id"),
        ("file", {"file_data": "plain"}, "p.file_data"),
        ("file", {"file_data": data_url("application/zip", b"PK")}, "p.file_data"),
        ("image_url", {"url": "https://unreachable.example/x.png"}, "p.url"),
        ("image_url", {"url": data_url("image/jpeg", b"\xff\xd8")}, "p.url"),
        ("image_url", {"url": data_url("image/png", b"\x89PNG\r\n\x1a\n")}, "p.url"),
        ("input_audio", {"data": "", "format": "wav"}, "p"),
    ],
)
def test_what_cannot_be_seen_is_refused_by_name(kind: str, value: dict[str, str], param: str) -> None:
    with pytest.raises(Refused) as caught:
        look(kind, value, "p")
    assert (caught.value.status, caught.value.param) == (400, param)


def test_answer_says_what_is_attached_and_counts_it() -> None:
    part = {
        "type": "file",
        "file": {"file_data": data_url("text/plain", b"The code is Kulemo."), "filename": "a.txt"},
    }
    question = {"type": "text", "text": "Which code does the file hold?"}
    with_file = ask({"model": "m", "messages": [{"role": "user", "content": [question, part]}]})
    without = ask({"model": "m", "messages": [{"role": "user", "content": [question]}]})
    assert "Kulemo" in "".join(answer(with_file).choices[0].content or ())
    assert prompt_tokens(with_file) > prompt_tokens(without)


@given(st.sampled_from([b"\x89PNG\r\n\x1a\n", b"%PDF-", png((1, 2, 3))[:40], b""]), st.binary(max_size=80))
def test_no_attachment_is_too_broken(start: bytes, rest: bytes) -> None:
    for kind, member in (("file", "file_data"), ("image_url", "url")):
        with contextlib.suppress(Refused):
            assert isinstance(look(kind, {member: data_url("text/plain", start + rest)}, "p"), str)
