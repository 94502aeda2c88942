"""No key survives in the evidence in any form that can be read back, and every offset stays true."""

import base64
import gzip
import json
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance import http1, sse
from conformance.errors import UsageError
from conformance.model import Exchange, FaultKind, Request, TransportFault
from conformance.redact import MASK, Redactor
from conformance.secret import Secret

KEY = "sk-Test-0123456789+/abcXYZ"
MASKED = "~" * len(KEY)


def exchange(raw: bytes, *, request: Request | None = None, fault: TransportFault | None = None) -> Exchange:
    return Exchange(
        id="ex-1",
        probe="p",
        model="m",
        attempt=1,
        request=request or Request(),
        raw=raw,
        pieces=((0.1, len(raw)),),
        started_at=1.0,
        elapsed=0.2,
        fault=fault,
    )


def redacted(raw: bytes) -> bytes:
    found = Redactor([KEY]).exchange(exchange(raw)).raw
    assert len(found) == len(raw)
    return found


def plain(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers, b"", body])


def chunked(body: bytes, *cuts: int) -> bytes:
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(body)}), len(body)]
    parts = [body[start:end] for start, end in pairwise(edges)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


def body_of(raw: bytes) -> bytes:
    answer = http1.read_answer(raw, closed=True)
    assert answer is not None
    return answer.body


# ---- the forms


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


def percent(text: str) -> str:
    return "".join(f"%{ord(char):02X}" for char in text)


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        KEY.upper(),
        percent(KEY),
        percent(KEY).lower(),
        percent(KEY).replace("%", "%25"),
        KEY.replace("+", "%2B").replace("/", "%2f"),
        KEY.replace("/", "\\/"),
        KEY.replace("/", "\\\\\\/"),
        escaped(KEY),
        escaped(KEY).upper().replace("\\U", "\\u"),
        escaped(KEY).replace("\\", "\\\\"),
        KEY.replace("+", "\\u002b"),
        KEY.encode().hex(),
        KEY.encode().hex().upper(),
    ],
)
def test_every_spelling_is_masked_in_full(form: str):
    assert Redactor([KEY]).text(f"key={form}!") == f"key={'~' * len(form)}!"
    assert Redactor([KEY]).bytes(f"key={form}!".encode()) == f"key={'~' * len(form)}!".encode()


@pytest.mark.parametrize("before", ["", "u", "us", "use", "user:"])
@pytest.mark.parametrize("after", ["", ":", ":p", ":pw"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes])
def test_base64_is_masked_at_every_alignment(before: str, after: str, encode: Callable[[bytes], bytes]):
    whole = encode((before + KEY + after).encode())
    masked = Redactor([KEY]).bytes(whole)
    assert len(masked) == len(whole)
    assert not recoverable(plain(masked), KEY)


@pytest.mark.parametrize("before", range(34, 57))
def test_base64_is_masked_where_a_line_ends_inside_the_key(before: int):
    whole = base64.encodebytes(b"x" * before + KEY.encode())
    assert not recoverable(plain(Redactor([KEY]).bytes(whole)), KEY)
    in_json = json.dumps(whole.decode()).encode()
    assert not recoverable(plain(Redactor([KEY]).bytes(in_json)), KEY)


def test_line_breaks_in_base64_are_not_masked():
    lines = base64.encodebytes(b"x" * 50 + KEY.encode())
    assert Redactor([KEY]).bytes(lines).count(b"\n") == lines.count(b"\n") == 2


def test_utf16_is_masked():
    for encoding in ("utf-16-le", "utf-16-be"):
        data = f'{{"key": "{KEY}"}}'.encode(encoding)
        assert KEY not in Redactor([KEY]).bytes(data).decode(encoding)


def test_other_text_is_not_touched():
    text = "Ünïcode \ud800 \x00 sk-Test-012345678 %73 \\u0073 c2stVGVzdA=="
    redactor = Redactor([KEY])
    assert redactor.text(text) == text
    every_byte = bytes(range(256)) * 3
    assert redactor.bytes(every_byte) == every_byte


def test_masks_in_text_count_characters_not_bytes():
    assert Redactor([KEY]).text(f"é{KEY}é") == f"é{MASKED}é"


def test_every_secret_is_masked_where_they_overlap():
    assert Redactor(["abcdefgh", "efghijkl"]).text("abcdefghijkl") == "~" * 12
    assert Redactor(["abcabc"]).text("abcabcabc") == "~" * 9


def test_nothing_is_masked_without_secrets():
    whole = exchange(plain(b"hello"))
    assert Redactor([]).exchange(whole) is whole


def test_secrets_are_taken_as_such():
    assert Redactor([Secret(KEY)]).text(KEY) == MASKED
    assert KEY not in repr(Redactor([KEY]))


@pytest.mark.parametrize(
    "secret", ["", "brief", "content", "ASSISTANT", "123456789", "key\nkey-key", "schlüssel"]
)
def test_a_secret_that_would_spoil_the_evidence_is_refused(secret: str):
    with pytest.raises(UsageError) as caught:
        Redactor([secret])
    assert not secret or secret not in str(caught.value).replace("character", "")


# ---- the places


def test_request_head_body_and_fault_are_masked():
    request = Request(
        path=f"/x?k={KEY}", headers=(("X-Echo", f"Bearer {KEY}"),), body=json.dumps({"k": KEY}).encode()
    )
    fault = TransportFault(FaultKind.OTHER, f"failed with {KEY}")
    found = Redactor([KEY]).exchange(
        exchange(plain(b"ok", b"X-Echo: " + KEY.encode()), request=request, fault=fault)
    )
    assert KEY not in repr(found)
    assert found.request.path == f"/x?k={MASKED}"
    assert found.request.body == json.dumps({"k": MASKED}).encode()
    assert found.fault == TransportFault(FaultKind.OTHER, f"failed with {MASKED}")


@pytest.mark.parametrize("cut", range(1, len(KEY)))
def test_a_key_split_over_chunks_is_masked_and_the_framing_is_not(cut: int):
    raw = chunked(b"key: " + KEY.encode() + b".", 5 + cut)
    assert body_of(redacted(raw)) == b"key: " + MASKED.encode() + b"."


def test_a_key_split_over_chunks_of_broken_framing_is_masked():
    half = len(KEY) // 2
    broken = chunked(b"ab" + KEY.encode(), 2, 2 + half).replace(b"2\r\nab", b"3\r\nab")
    masked = redacted(broken)
    assert KEY[:half].encode() not in masked
    assert KEY[half:].encode() not in masked


def test_a_key_split_over_chunks_of_a_second_answer_is_masked():
    masked = redacted(plain(b"first") + chunked(KEY.encode(), 9))
    assert KEY[:9].encode() not in masked
    assert KEY[9:].encode() not in masked


def delta(text: str, member: str = "content", index: int = 0) -> dict[str, object]:
    return {"choices": [{"index": index, "delta": {member: text}}]}


def events(*documents: object, between: bytes = b"\n\n") -> bytes:
    return b"".join(b"data: " + json.dumps(each).encode() + between for each in documents)


def call(text: str) -> dict[str, object]:
    inner = {"index": 0, "function": {"arguments": text}}
    return {"choices": [{"index": 0, "delta": {"tool_calls": [inner]}}]}


@pytest.mark.parametrize("between", [b"\n\n", b"\r\n\r\n", b"\r\r", b"\n: ping\n\n"])
@pytest.mark.parametrize(
    "make",
    [delta, lambda text: delta(text, "reasoning_content"), lambda text: delta(text, "anything"), call],
    ids=["content", "reasoning_content", "unknown member", "tool arguments"],
)
def test_a_key_split_over_deltas_is_masked(make: Callable[[str], object], between: bytes):
    parts = ["my key is ", KEY[:4], "", KEY[4:11], KEY[11:], " indeed"]
    stream = events(*map(make, parts), between=between)
    masked = [make(part if " " in part else "~" * len(part)) for part in parts]
    assert redacted(plain(stream)) == plain(events(*masked, between=between))


def test_a_key_split_over_deltas_of_interleaved_choices_is_masked():
    others = ["the", "other", "choice", "here"]
    parts = [KEY[:5], KEY[5:9], KEY[9:20], KEY[20:]]
    mixed = [
        step
        for part, other in zip(parts, others, strict=True)
        for step in (delta(part), delta(other, index=1))
    ]
    masked = redacted(chunked(events(*mixed), 10, 33, 90))
    assert not recoverable(masked, KEY)
    assert all(other.encode() in masked for other in others)


def test_a_key_split_over_the_tokens_of_a_document_is_masked():
    tokens = [KEY[at : at + 3] for at in range(0, len(KEY), 3)]
    content = [{"token": token, "top_logprobs": [{"token": token}, {"token": "x"}]} for token in tokens]
    masked = redacted(plain(json.dumps({"choices": [{"logprobs": {"content": content}}]}).encode()))
    assert not any(token.encode() in masked for token in tokens[:-1])


def test_a_key_split_over_deltas_is_masked_in_a_broken_stream():
    stream = events(delta(KEY[:9])) + b'data: {"choices": [{"delta": {"content": "' + KEY[9:].encode()
    masked = redacted(chunked(stream)[: -len(b"\r\n0\r\n\r\n")])
    assert KEY[:9].encode() not in masked
    assert KEY[9:].encode() not in masked


def test_a_key_split_over_events_without_json_is_masked():
    masked = redacted(plain(f"data: {KEY[:9]}\n\ndata: {KEY[9:]}\n\n".encode()))
    assert body_of(masked) == f"data: {'~' * 9}\n\ndata: {'~' * (len(KEY) - 9)}\n\n".encode()


def test_a_key_split_over_an_event_of_many_lines_is_masked():
    lines = json.dumps(delta(KEY[:9]), indent=1).encode().replace(b"\n", b"\ndata: ")
    masked = redacted(plain(b"data: " + lines + b"\n\n" + events(delta(KEY[9:]))))
    assert KEY[:9].encode() not in masked
    assert KEY[9:].encode() not in masked


def test_a_key_that_begins_in_the_first_event_after_a_byte_order_mark_is_masked():
    masked = redacted(plain(b"\xef\xbb\xbf" + events(delta(KEY[:9]), delta(KEY[9:]))))
    assert KEY[:9].encode() not in masked


def test_streams_without_a_key_are_kept_to_the_byte():
    raw = chunked(events(*(delta(text) for text in ("sk-", "Test-", "012", "but no more"))), 30, 60)
    assert redacted(raw) == raw


# ---- compressed bodies


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        (b"gzip", gzip.compress),
        (b"deflate", zlib.compress),
        (b"gzip, gzip", lambda body: gzip.compress(gzip.compress(body))),
        (b"", gzip.compress),
    ],
)
def test_a_compressed_body_with_a_key_is_masked_as_a_whole(coding: bytes, compress: Callable[[bytes], bytes]):
    packed = compress(events(delta(KEY[:9]), delta(KEY[9:])))
    headers = [b"Content-Encoding: " + coding] if coding else []
    found = Redactor([KEY]).exchange(exchange(plain(packed, *headers)))
    assert set(body_of(found.raw)) == set(MASK)
    assert len(found.raw) == len(plain(packed, *headers))
    assert found.raw.startswith(b"HTTP/1.1 200 OK\r\n")
    assert found.fault is not None
    assert found.fault.kind is FaultKind.WITHHELD


def test_a_fault_is_kept_when_the_body_is_masked_as_a_whole():
    packed = gzip.compress(KEY.encode())
    raw = plain(packed, b"Content-Encoding: gzip")
    found = Redactor([KEY]).exchange(
        exchange(raw, fault=TransportFault(FaultKind.DEADLINE, "no end after 5 s"))
    )
    assert found.fault is not None
    assert found.fault.kind is FaultKind.DEADLINE
    assert found.fault.detail.startswith("no end after 5 s; ")


def test_a_compressed_body_in_chunks_keeps_its_framing():
    packed = gzip.compress(KEY.encode())
    raw = chunked(packed, 5, 9).replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n", 1)
    found = Redactor([KEY]).exchange(exchange(raw)).raw
    assert set(body_of(found)) == set(MASK)
    assert len(found) == len(raw)
    assert found.endswith(b"\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("coding", "body", "kept"),
    [
        (b"gzip", gzip.compress(b'{"ok": true}'), True),
        (b"gzip", gzip.compress(b'{"ok": true}' * 99)[:-30], True),
        (b"gzip", b'{"plain": true}', True),
        (b"utf-8", b'{"plain": true}', True),
        (b"br", b"\x8b\x03\x80\xff\xfe", False),
        (b"gzip", b"\x1f\x8b\x08 damaged \xff\xff", True),
    ],
    ids=["clean", "clean and cut", "not applied", "no coding", "unknown", "damaged"],
)
def test_only_what_cannot_be_searched_is_withheld(coding: bytes, body: bytes, kept: bool):  # noqa: FBT001
    raw = plain(body, b"Content-Encoding: " + coding)
    found = Redactor([KEY]).exchange(exchange(raw))
    assert (found.raw == raw) is kept
    assert (found.fault is None) is kept


# ---- everything together

ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*+/="\\ :'


def usable(secret: str) -> bool:
    try:
        return bool(Redactor([secret])) and secret == secret.strip()
    except UsageError:
        return False


SECRETS = st.text(ALPHABET, min_size=8, max_size=40).filter(usable)


@st.composite
def spellings(draw: st.DrawFn, secret: str) -> str:
    """Write the secret in one of the forms that software writes."""
    how = draw(st.sampled_from(["plain", "percent", "double", "json", "hex", "base64", "urlsafe", "mime"]))
    if how == "hex":
        return secret.encode().hex()
    if how in {"base64", "urlsafe", "mime"}:
        encode = {
            "base64": base64.b64encode,
            "urlsafe": base64.urlsafe_b64encode,
            "mime": base64.encodebytes,
        }[how]
        around = st.binary(max_size=60)
        return encode(draw(around) + secret.encode() + draw(around)).decode()
    if how == "plain":
        return secret
    chosen = draw(st.lists(st.booleans(), min_size=len(secret), max_size=len(secret)))
    upper = draw(st.booleans())
    code = {"percent": "%{:02x}", "double": "%25{:02x}", "json": "\\u00{:02x}"}[how]
    # A bare percent sign or backslash of the secret would be read as part of an escape.
    return "".join(
        (code.format(ord(char)).replace("U", "u") if not upper else _upper(code.format(ord(char))))
        if pick or char in "%\\"
        else char
        for char, pick in zip(secret, chosen, strict=True)
    )


def _upper(text: str) -> str:
    return text.upper().replace("\\U", "\\u")


@st.composite
def answers(draw: st.DrawFn, secret: str) -> bytes:
    """Put the secret somewhere into an answer."""
    text = draw(st.text(max_size=10)) + draw(spellings(secret)) + draw(st.text(max_size=10))
    place = draw(st.sampled_from(["header", "text", "error", "deltas", "lines"]))
    if place == "header":
        line = text.replace("\n", "").replace("\r", "").encode("utf-8", "replace")
        return plain(b"{}", b"X-Echo: " + line)
    if place == "text":
        body = text.encode("utf-8", "replace")
    elif place == "error":
        body = json.dumps({"error": {"message": text}}, ensure_ascii=draw(st.booleans())).encode(
            "utf-8", "replace"
        )
    else:
        cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
        parts = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        make = draw(st.sampled_from([delta, call, lambda part: delta(part, "reasoning")]))
        documents = [make(part) for part in parts]
        noise = draw(st.booleans())
        if noise:
            documents = [each for part in documents for each in (part, delta("…", index=1), {"usage": None})]
        if place == "lines":
            body = b"".join(json.dumps(each).encode() + b"\n" for each in documents)
        else:
            body = events(*documents, between=draw(st.sampled_from([b"\n\n", b"\r\n\r\n"])))
    if draw(st.booleans()):
        return plain(body)
    return chunked(body, *draw(st.lists(st.integers(0, len(body)), max_size=20)))


def leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every string of a JSON value with where it stands; an item counts by its index."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            index = inner.get("index", position) if isinstance(inner, dict) else position
            yield from leaves(inner, f"{path}/{index}")


def readings(raw: bytes) -> Iterator[bytes]:
    """Yield what a person with tools can make of an answer: its bytes, its body, its texts put together."""
    yield raw
    answer = http1.read_answer(raw, closed=True)
    if answer is None:
        return
    yield answer.body
    texts: dict[str, list[str]] = defaultdict(list)
    documents = [event.data for event in sse.parse(answer.body).events]
    for document in documents or answer.body.decode("utf-8", "replace").split("\n"):
        try:
            for path, text in leaves(json.loads(document)):
                texts[path].append(text)
        except ValueError:
            texts["text"].append(document)
    for parts in texts.values():
        yield "".join(parts).encode("utf-8", "replace")


ESCAPE = re.compile(rb"\\+u00([0-9A-Fa-f]{2})")
ESCAPED = re.compile(rb"\\+([\"/\\])")
RUN = re.compile(rb"[A-Za-z0-9+/_~-]{8,}")


def decodings(data: bytes) -> Iterator[bytes]:
    """Undo every encoding once; a mask reads as a zero."""
    yield data
    for _ in range(3):
        data = unquote_to_bytes(data)
        yield data
        yield data.replace(b"+", b" ")
    data = ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), data)
    yield data
    yield ESCAPED.sub(lambda found: found[1], data)
    joined = re.sub(rb"\\+r\\+n|\\+n|[\r\n]", b"", data)
    for run in RUN.findall(joined):
        yield from hexadecimal(run)
        digits = run.replace(b"~", b"A").replace(b"-", b"+").replace(b"_", b"/")
        for start in range(4):
            usable = digits[start : start + (len(digits) - start) // 4 * 4]
            yield base64.b64decode(usable)
            yield base64.b64decode(digits[start:] + b"A" * (-(len(digits) - start) % 4))


def hexadecimal(run: bytes) -> Iterator[bytes]:
    for start in range(2):
        usable = run[start : start + (len(run) - start) // 2 * 2].replace(b"~", b"0")
        try:
            yield bytes.fromhex(usable.decode())
        except ValueError:
            continue


def recoverable(raw: bytes, secret: str) -> bool:
    """Whether somebody with tools finds the secret in an answer."""
    wanted = secret.encode().lower()
    return any(wanted in found.lower() for data in readings(raw) for found in decodings(data))


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), secret=SECRETS)
def test_no_secret_survives_in_any_form(data: st.DataObject, secret: str):
    redactor = Redactor([secret])
    raw = data.draw(answers(secret))
    found = redactor.exchange(exchange(raw))
    assert len(found.raw) == len(raw)
    assert not recoverable(found.raw, secret)
    before, after = http1.read_answer(raw, closed=True), http1.read_answer(found.raw, closed=True)
    assert before is not None
    assert after is not None
    assert (before.segments, before.framing, before.complete) == (
        after.segments,
        after.framing,
        after.complete,
    )


def test_the_test_itself_finds_secrets():
    for form in (
        KEY,
        percent(KEY),
        escaped(KEY),
        KEY.encode().hex(),
        base64.b64encode(b"xy" + KEY.encode()).decode(),
    ):
        assert recoverable(plain(form.encode()), KEY)
        assert recoverable(chunked(form.encode(), 9), KEY)
        assert recoverable(plain(events(delta(form[:5]), delta(form[5:]))), KEY)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    raw=st.one_of(
        st.binary(max_size=300), st.binary(max_size=200).map(chunked), st.binary(max_size=200).map(plain)
    )
)
def test_what_holds_no_secret_is_kept_to_the_byte(raw: bytes):
    assert redacted(raw) == raw
