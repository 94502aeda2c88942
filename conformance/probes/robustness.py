"""Requests that servers were seen to stumble over: odd bytes, great sizes, empty values.

Most of them a target may serve or refuse as it likes (the trait ``may-be-served``); what it may not do is
fail. They are not streamed: a reader of JSON meets the oddity before it knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from conformance.jsontext import encode
from conformance.model import Defect, Json, Probe
from conformance.probes import LIFE
from conformance.probes.asker import Asker, request
from conformance.probes.chat import HELLO

DEPTH: Final = 10_000
"""Levels of the nested body: ten times what a recursive reader with the usual limits survives."""

LONG_VALUE: Final = 1_000_000
"""Characters of one string member."""

LARGE_BODY: Final = 2_000_000
"""Bytes of the large body; an inline photograph has about as many."""

DIGITS: Final = 400
"""Digits of the huge integer: beyond every number of fixed size, a double included."""

_Row: TypeAlias = tuple[str, bytes, str, tuple[str, ...]]
"""Name, body, what is wrong with it, and the words that name that."""

_JSON: Final = ("json", "pars", "decod", "syntax", "malformed", "body", "payload", "解析", "请求体", "格式")
_TEXT: Final = (*_JSON, "utf", "unicode", "encod", "surrogate", "编码")
_SIZE: Final = ("size", "large", "long", "length", "limit", "exceed", "body", "bytes", "过大", "超过", "长度")
_CONTENT: Final = ("content", "message", "empty", "null", "none", "内容", "消息", "空")
_TURNS: Final = ("role", "alternat", "user", "consecutive", "message", "角色", "消息")


def probes(ask: Asker) -> Iterator[Probe]:
    """Yield the stumbling blocks."""
    body = {**ask.body(HELLO), **ask.shape}
    for rows, traits in (
        (_odd_json(body), {"may-be-served"}),
        (_great_sizes(body), {"may-be-served", "large"}),
        (_unexpected_values(body), {"may-be-served"}),
    ):
        for name, raw, what, names in rows:
            yield ask.invalid(
                f"robustness.{name}",
                request(raw),
                twin="stream.basic" if ask.card.stream_only else LIFE,
                defect=Defect(what, names),
                traits=traits,
                feature="robustness",
                streamed=ask.card.stream_only,
            )


def _odd_json(body: dict[str, Json]) -> Iterator[_Row]:
    """Yield JSON at its borders and a little beyond them (RFC 8259, 4, 6, 8 and 9)."""
    whole, hello = encode(body), HELLO.encode()

    def plus(member: bytes) -> bytes:
        return whole[:-1] + b"," + member + b"}"

    def said(text: bytes) -> bytes:
        return whole.replace(hello, hello + text, 1)

    deep = b'"x_nested":' + b"[" * DEPTH + b"]" * DEPTH
    again = encode({"model": body["model"]})[1:-1]
    yield "deep-nesting", plus(deep), f"{DEPTH} nested arrays", (*_JSON, "nest", "deep", "depth", "recurs")
    yield "nan", plus(b'"temperature":NaN'), "NaN as temperature", (*_JSON, "nan", "temperature")
    yield (
        "huge-integer",
        plus(b'"seed":' + b"9" * DIGITS),
        f"a seed of {DIGITS} digits",
        (*_JSON, "seed", "int"),
    )
    yield "duplicate-keys", plus(again), "the member model twice", (*_JSON, "duplicate", "model")
    yield "byte-order-mark", b"\xef\xbb\xbf" + whole, "a byte order mark before the body", (*_TEXT, "bom")
    yield "lone-surrogate", said(rb" \ud83d"), "half of a surrogate pair in the text", _TEXT
    yield "invalid-utf-8", said(b" \xff\xfe"), "bytes that are not UTF-8 in the text", _TEXT


def _great_sizes(body: dict[str, Json]) -> Iterator[_Row]:
    """Yield a long member and a long body; neither makes the prompt longer."""
    whole = encode(body)
    long_user = encode({**body, "user": "x" * LONG_VALUE})
    blank = b"".join((b"{", b" " * (LARGE_BODY - len(whole)), whole[1:]))
    yield "long-value", long_user, f"a user of {LONG_VALUE} characters", (*_SIZE, "user")
    yield "large-body", blank, f"{LARGE_BODY} bytes, most of them white space", _SIZE


def _unexpected_values(body: dict[str, Json]) -> Iterator[_Row]:
    """Yield values that a chat template or a typed reader may not expect."""
    turns: Json = [{"role": "user", "content": HELLO}, {"role": "user", "content": "Five words, please."}]
    empty: Json = [{"role": "user", "content": ""}]
    null: Json = [{"role": "user", "content": None}]
    yield "consecutive-roles", encode({**body, "messages": turns}), "two user messages in a row", _TURNS
    yield "empty-last-content", encode({**body, "messages": empty}), "an empty last message", _CONTENT
    yield "empty-last-content-null", encode({**body, "messages": null}), "null as the last content", _CONTENT
    member = "tool_choice"
    yield "null-optional", encode({**body, member: None}), f"null as {member}", (member,)
