"""Bodies and headers as no well-behaved client writes them, each made of a valid request by one change.

What is no JSON at all (:data:`CUT`) has to be refused. All the rest a target may serve or refuse: parsers may read
more than JSON (RFC 8259, 9), and may set limits to size, depth and range. What it may not do is fail.
A recipe's ``size`` is how much of it there is: levels, bytes, members, digits, or where a body is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, cast

from msgspec import Struct

from conformance.jsontext import encode
from conformance.model import Json

Body: TypeAlias = Mapping[str, Json]
Header: TypeAlias = tuple[str, str]

_MARK: Final = "<here>"

_JSON: Final = (
    "json", "pars", "decod", "syntax", "malformed", "body", "payload", "unexpected", "invalid", "unterminated", "eof",
    "解析", "请求体", "格式",
)  # fmt: skip
_NUMBER: Final = ("max", "token", "int", "float", "type")
_CODING: Final = ("encoding", "gzip", "x-none", "decompress", "header", "body", "json")
_LARGE: Final = ("header", "large", "long", "many", "size", "limit")
_OPTIONAL: Final = (
    "temperature",
    "top_p",
    "n",
    "stop",
    "tools",
    "tool_choice",
    "response_format",
    "user",
    "seed",
)
_TYPE: Final = (
    "content-type",
    "content type",
    "media type",
    "charset",
    "encoding",
    "header",
    "application/json",
)


class Recipe(Struct, frozen=True):
    """How a body becomes odd. ``sizes`` are the least and the most that is asked for; ``least`` what still counts."""

    what: str
    make: Callable[[Body, int], bytes]
    sizes: tuple[int, int] = (1, 1)
    names: tuple[str, ...] = _JSON


def _plus(body: Body, member: bytes) -> bytes:
    """Return the body with one more member, whose text is given."""
    return encode(body)[:-1] + b"," + member + b"}"


def _said(body: Body, text: bytes) -> bytes:
    """Return the body with bytes at the end of the text of the last message, as they stand in a string."""
    before, after = _split(body)
    return before + text + after


def _split(body: Body) -> tuple[bytes, bytes]:
    """Return the body in two, before and after the end of the text of the last message."""
    *others, last = cast("list[dict[str, Json]]", body["messages"])
    marked: list[Json] = [*others, {**last, "content": f"{last['content']}{_MARK}"}]
    before, _, after = encode({**body, "messages": marked}).partition(_MARK.encode())
    return before, after


def _cut(body: Body, size: int) -> bytes:
    """Return that many hundredths of the body, at least one byte, never all of it."""
    whole = encode(body)
    return whole[: max(1, min(len(whole) - 1, len(whole) * size // 100))]


def _limit(body: Body, write: Callable[[int], str]) -> bytes:
    """Return the body with its token limit written in another way."""
    name = next(name for name in ("max_completion_tokens", "max_tokens") if name in body)
    limit = body[name]
    assert isinstance(limit, int)
    rest = {key: value for key, value in body.items() if key != name}
    return _plus(rest, f'"{name}":{write(limit)}'.encode())


def _deep_content(body: Body, size: int) -> bytes:
    """Return the body with arrays inside arrays for the content of its message."""
    message = b'"messages":[{"role":"user","content":' + b"[" * size + b"]" * size + b"}]"
    return encode({**body, "messages": []}).replace(b'"messages":[]', message)


def _twice(body: Body, _: int) -> bytes:
    """Return the body with the member messages twice."""
    return _plus(body, encode({"messages": body["messages"]})[1:-1])


def _adding(member: Callable[[int], bytes]) -> Callable[[Body, int], bytes]:
    """Return the recipe that adds a member, whose text depends on the size."""
    return lambda body, size: _plus(body, member(size))


def _saying(text: bytes) -> Callable[[Body, int], bytes]:
    """Return the recipe that adds bytes to the text of the last message."""
    return lambda body, _: _said(body, text)


def _filled(body: Body, size: int) -> bytes:
    """Return a body of about that many bytes, most of them in an unknown member."""
    return _plus(body, b'"x_padding":"' + b"x" * size + b'"')


CUT: Final[Mapping[str, Recipe]] = {
    "cut": Recipe("a body that breaks off", _cut, (1, 99)),
    "cut-before-last-brace": Recipe("a body without its last brace", lambda body, _: encode(body)[:-1]),
    "cut-in-escape": Recipe(
        "a body that breaks off in an escape", lambda body, _: _split(body)[0] + rb"\u00"
    ),
    "only-a-brace": Recipe("one opening brace for a body", lambda _, size: b"{" * size, (1, 40)),
    "word": Recipe("a bare word for a body", lambda *_: b"hello"),
}
"""What is no JSON in anybody's book."""

ODD: Final[Mapping[str, Recipe]] = {
    "bom": Recipe("a byte order mark before the body", lambda body, _: b"\xef\xbb\xbf" + encode(body)),
    "utf-16": Recipe("a body in UTF-16", lambda body, _: encode(body).decode().encode("utf-16")),
    "latin-1": Recipe("a letter in ISO 8859-1", _saying(b" caf\xe9")),
    "overlong": Recipe("an overlong UTF-8 form", _saying(b" \xc0\x80")),
    "cesu": Recipe("half of a surrogate pair in UTF-8", _saying(b" \xed\xa0\x80")),
    "lone-high-surrogate": Recipe("the first half of a surrogate pair, escaped", _saying(rb" \ud83d")),
    "lone-low-surrogate": Recipe("the second half of a surrogate pair, escaped", _saying(rb" \udc00 x")),
    "reversed-surrogates": Recipe("a surrogate pair the wrong way round", _saying(rb" \ude00\ud83d")),
    "escaped-nul": Recipe("an escaped NUL in the text", _saying(rb" \u0000")),
    "raw-control": Recipe("a raw control character in the text", _saying(b" \x01")),
    "duplicate-messages": Recipe("the member messages twice", _twice),
    "nan": Recipe("NaN as top_p", _adding(lambda _: b'"top_p":NaN')),
    "infinity": Recipe("Infinity as temperature", _adding(lambda _: b'"temperature":Infinity')),
    "huge-exponent": Recipe(
        "a number beyond every double", _adding(lambda size: b'"temperature":1e%d' % size), (309, 99_999)
    ),
    "many-digits": Recipe(
        "an integer of many digits", _adding(lambda size: b'"seed":' + b"9" * size), (20, 5_000)
    ),
    "many-decimals": Recipe(
        "a fraction of many digits", _adding(lambda size: b'"top_p":0.' + b"9" * size), (20, 5_000)
    ),
    "integer-as-float": Recipe(
        "a token limit written 4.0", lambda body, _: _limit(body, lambda n: f"{n}.0"), names=_NUMBER
    ),
    "integer-as-exponent": Recipe(
        "a token limit written 4e0", lambda body, _: _limit(body, lambda n: f"{n}e0"), names=_NUMBER
    ),
    "null-everywhere": Recipe(
        "null for every optional member", lambda body, _: encode({**dict.fromkeys(_OPTIONAL), **body})
    ),
    "deep-arrays": Recipe(
        "nested arrays", _adding(lambda size: b'"x_deep":' + b"[" * size + b"]" * size), (1_000, 50_000)
    ),
    "deep-objects": Recipe(
        "nested objects",
        _adding(lambda size: b'"x_deep":' + b'{"a":' * size + b"1" + b"}" * size),
        (1_000, 20_000),
    ),
    "deep-content": Recipe("content nested in arrays", _deep_content, (200, 5_000)),
    "many-members": Recipe(
        "thousands of unknown members",
        lambda body, size: encode({**body, **{f"x_{n}": n for n in range(size)}}),
        (1_000, 10_000),
    ),
    "long-name": Recipe(
        "the name of a member with many characters",
        _adding(lambda size: b'"x' + b"y" * size + b'":1'),
        (1_000, 100_000),
    ),
    "empty-name": Recipe("a member without a name", _adding(lambda _: b'"":1')),
    "prototype": Recipe(
        "members that JavaScript and Python know",
        _adding(lambda _: b'"__proto__":{"stream":true},"constructor":1,"__class__":"x"'),
    ),
    "large": Recipe(
        "a body of several megabytes",
        _filled,
        (1_000_000, 8_000_000),
        (*_JSON, "size", "large", "long", "limit", "exceed", "bytes", "过大"),
    ),
    "comment": Recipe("a comment after the body", lambda body, _: encode(body) + b" // x"),
    "comma": Recipe("a comma before the last brace", lambda body, _: encode(body)[:-1] + b",}"),
    "two-bodies": Recipe("the body twice", lambda body, _: encode(body) * 2),
    "nul-after": Recipe("a NUL after the body", lambda body, _: encode(body) + b"\0"),
    "single-quotes": Recipe(
        "single quotes in place of double ones", lambda body, _: encode(body).replace(b'"', b"'")
    ),
}
"""What one target reads and another refuses."""

BODIES: Final[Mapping[str, Recipe]] = {**CUT, **ODD}


def _typed(value: str | None) -> Callable[[tuple[Header, ...], int], tuple[Header, ...]]:
    """Return a change of Content-Type; None leaves it out."""

    def change(headers: tuple[Header, ...], _: int) -> tuple[Header, ...]:
        others = tuple(pair for pair in headers if pair[0].lower() != "content-type")
        return others if value is None else (*others, ("Content-Type", value))

    return change


def _more(*pairs: Header) -> Callable[[tuple[Header, ...], int], tuple[Header, ...]]:
    """Return a change that puts headers in the place of those of their names, or adds them."""

    def change(headers: tuple[Header, ...], _: int) -> tuple[Header, ...]:
        gone = {name.lower() for name, _ in pairs}
        return (*(pair for pair in headers if pair[0].lower() not in gone), *pairs)

    return change


class HeaderRecipe(Struct, frozen=True):
    """How the headers of a request become odd."""

    what: str
    change: Callable[[tuple[Header, ...], int], tuple[Header, ...]]
    sizes: tuple[int, int] = (1, 1)
    names: tuple[str, ...] = _TYPE


HEADERS: Final[Mapping[str, HeaderRecipe]] = {
    "charset-latin-1": HeaderRecipe(
        "JSON labelled ISO 8859-1", _typed("application/json; charset=iso-8859-1")
    ),
    "charset-utf-16": HeaderRecipe("JSON labelled UTF-16", _typed("application/json; charset=utf-16")),
    "charset-unknown": HeaderRecipe(
        "JSON labelled with a charset that nobody has", _typed("application/json; charset=x-none")
    ),
    "type-form": HeaderRecipe("JSON labelled as a form", _typed("application/x-www-form-urlencoded")),
    "type-multipart": HeaderRecipe(
        "JSON labelled as parts of a form without a boundary", _typed("multipart/form-data")
    ),
    "type-broken": HeaderRecipe("a Content-Type without a subtype", _typed("application")),
    "type-twice": HeaderRecipe(
        "two Content-Types", _more(("Content-Type", "application/json"), ("Content-Type", "text/plain"))
    ),
    "accept-html": HeaderRecipe(
        "Accept: text/html", _more(("Accept", "text/html")), names=("accept", "html", "media")
    ),
    "accept-broken": HeaderRecipe(
        "an Accept that is no media range", _more(("Accept", ";;q=9,,/")), names=("accept",)
    ),
    "encoding-untrue": HeaderRecipe(
        "a plain body labelled gzip", _more(("Content-Encoding", "gzip")), names=_CODING
    ),
    "encoding-unknown": HeaderRecipe(
        "a Content-Encoding that nobody has", _more(("Content-Encoding", "x-none")), names=_CODING
    ),
    "long-value": HeaderRecipe(
        "a header of many bytes",
        lambda headers, size: (*headers, ("X-Padding", "x" * size)),
        (4_000, 60_000),
        _LARGE,
    ),
    "many": HeaderRecipe(
        "many headers",
        lambda headers, size: (*headers, *((f"X-Extra-{n}", "1") for n in range(size))),
        (50, 300),
        _LARGE,
    ),
    "not-ascii": HeaderRecipe(
        "a header that is not ASCII", _more(("X-Name", "\u540d\u524d")), names=("header",)
    ),
}
"""Headers that one target minds and another does not."""
