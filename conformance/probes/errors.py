"""Requests that cannot be served: each is a valid twin with one thing wrong, streamed and not.

The traits say how an answer is judged: ``member`` (a member is missing or invalid), ``may-be-served`` (no
failure if it is) and ``elsewhere`` (it does not reach the endpoint, so no error object can be asked for).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from conformance.jsontext import encode
from conformance.model import Defect, Json, Probe, Request
from conformance.probes import LIFE
from conformance.probes.asker import JSON_HEADERS, Asker, request
from conformance.probes.chat import HELLO

_JSON: Final = (
    "json",
    "pars",
    "decod",
    "syntax",
    "malformed",
    "body",
    "payload",
    "unexpected",
    "解析",
    "请求体",
    "格式",
)
_NO_BODY: Final = (*_JSON, "empty", "missing", "required", "messages", "model", "空", "缺少")
_OBJECT: Final = (*_JSON, "object", "dict", "array", "list", "map", "struct", "对象")
_MODEL: Final = ("model", "模型")
_MESSAGES: Final = ("messages", "消息")
_ROLE: Final = ("role", "角色")
_LABEL: Final = (
    "content-type",
    "content type",
    "media type",
    "mime",
    "application/json",
    "内容类型",
    "媒体类型",
)
_LENGTH: Final = (
    "context",
    "length",
    "long",
    "window",
    "maximum",
    "token",
    "exceed",
    "上下文",
    "长度",
    "过长",
)
_METHOD: Final = ("method", "get", "post", "not found", "方法")
_PATH: Final = (
    "path",
    "url",
    "route",
    "endpoint",
    "not found",
    "no such",
    "unknown",
    "invalid",
    "路径",
    "不存在",
)
_MEMBER: Final = frozenset({"member"})
WIDEST: Final = 32_768
"""The widest window that is worth going beyond: a prompt of so many words is sent, and paid for if it is served."""
_STREAMED_TOO: Final = frozenset({"errors.unknown-model-stream"})
"""What is paid for twice: a server may answer it elsewhere when a stream is asked for."""
_STREAMED_ONLY: Final = frozenset({"errors.missing-messages"})
"""What is asked in a stream alone, so that a mistake in the body is seen there too."""


class _Twins(Struct, frozen=True):
    """Builds probes that differ from their twin, streamed or not, in one respect."""

    ask: Asker
    streamed: bool

    @property
    def body(self) -> dict[str, Json]:
        """The body of the valid twin."""
        return self.ask.body(HELLO, stream=True) if self.streamed else self.ask.body(HELLO)

    def probe(self, name: str, sent: Request, defect: Defect, traits: frozenset[str] = frozenset()) -> Probe:
        """Build the probe ``errors.<name>`` from what is sent in place of the twin's request."""
        return self.ask.invalid(
            f"errors.{name}" + ("-stream" if self.streamed else ""),
            sent,
            twin="stream.basic" if self.streamed else LIFE,
            defect=defect,
            traits=traits,
            streamed=self.streamed,
        )

    def member(self, name: str, members: dict[str, Json], what: str, names: tuple[str, ...]) -> Probe:
        """Build a probe in whose body a member has another value."""
        pointer = "/" + next(iter(members))
        return self.probe(
            name, request({**self.body, **members}), Defect(what, names, pointer=pointer), _MEMBER
        )

    def without(self, member: str, names: tuple[str, ...]) -> Probe:
        """Build a probe in whose body a required member is missing."""
        body = {name: value for name, value in self.body.items() if name != member}
        defect = Defect(f"no member {member}", names, pointer=f"/{member}")
        return self.probe(f"missing-{member}", request(body), defect, _MEMBER)


def probes(ask: Asker) -> Iterator[Probe]:
    """Yield the requests that have to be refused, and those whose label alone is wrong."""
    for streamed in (True,) if ask.card.stream_only else (False, True):
        twins = _Twins(ask, streamed)
        for probe in (*_bodies(twins), *_models(twins), *_messages(twins), *_labels(twins)):
            if ask.card.stream_only or _worth_asking(probe):
                yield probe
    yield from _surroundings(_Twins(ask, ask.card.stream_only))
    if ask.card.window is not None and ask.card.window <= WIDEST:
        yield _beyond_the_window(ask, ask.card.window)


def _beyond_the_window(ask: Asker, window: int) -> Probe:
    """Build a prompt that is too long however it is counted: no tokenizer makes one token of two numbers."""
    numbers = " ".join(str(number % 10) for number in range(window + 1))
    streamed = ask.card.stream_only
    said = f"{HELLO} Here are some digits: {numbers}"
    return ask.invalid(
        "errors.context-length",
        request(ask.body(said, stream=True) if streamed else ask.body(said)),
        twin="stream.basic" if streamed else LIFE,
        defect=Defect(f"{window + 1} words for a window of {window} tokens", _LENGTH, statuses=(400, 413)),
        traits={"window"},
        streamed=streamed,
        gateway=False,
    )


def _worth_asking(probe: Probe) -> bool:
    """Whether a defect is worth a request in this form, streamed or not."""
    if probe.streamed:
        return probe.id in _STREAMED_TOO or probe.id.removesuffix("-stream") in _STREAMED_ONLY
    return probe.id not in _STREAMED_ONLY


def _bodies(twins: _Twins) -> Iterator[Probe]:
    whole = encode(twins.body)
    yield twins.probe(
        "malformed-json", request(whole[:-1]), Defect("a JSON body without its last brace", _JSON)
    )
    yield twins.probe(
        "array-body", request(b"[" + whole + b"]"), Defect("an array around the object", _OBJECT), _MEMBER
    )


def _models(twins: _Twins) -> Iterator[Probe]:
    name = f"no-such-model-{twins.ask.nonce('unknown model').lower()}"
    yield twins.probe(
        "unknown-model",
        request({**twins.body, "model": name}),
        Defect(f"the model {name}, which nobody has", (*_MODEL, name), statuses=(404,), pointer="/model"),
    )
    yield twins.without("model", _MODEL)
    yield twins.member("null-model", {"model": None}, "null as model", _MODEL)
    yield twins.member("model-not-string", {"model": 7}, "a number as model", _MODEL)


def _messages(twins: _Twins) -> Iterator[Probe]:
    message: Json = {"role": "user", "content": HELLO}
    yield twins.without("messages", _MESSAGES)
    for name, value, what, names in (
        ("null-messages", None, "null as messages", _MESSAGES),
        ("string-messages", HELLO, "a string as messages", _MESSAGES),
        ("object-messages", message, "one object as messages", _MESSAGES),
        ("empty-messages", [], "an empty messages array", (*_MESSAGES, "conversation", "prompt", "empty")),
        ("message-without-role", [{"content": HELLO}], "a message without role", _ROLE),
        (
            "message-unknown-role",
            [{"role": "wizard", "content": HELLO}],
            "the role wizard",
            (*_ROLE, "wizard"),
        ),
    ):
        yield twins.member(name, {"messages": value}, what, names)  # type: ignore[dict-item]


def _labels(twins: _Twins) -> Iterator[Probe]:
    """Yield the twin's body under another media type, and under none."""
    others = tuple(pair for pair in JSON_HEADERS if pair[0] != "Content-Type")
    for name, headers, what in (
        ("wrong-content-type", (("Content-Type", "text/plain"), *others), "a JSON body labelled text/plain"),
        ("wrong-content-type-none", others, "a JSON body without Content-Type"),
    ):
        yield twins.probe(
            name,
            request(twins.body, headers=headers),
            Defect(what, _LABEL, statuses=(400, 415)),
            frozenset({"may-be-served"}),
        )


def _surroundings(twins: _Twins) -> Iterator[Probe]:
    """Yield what has no body to say stream in, or does not reach the endpoint."""
    elsewhere = frozenset({"elsewhere"})
    yield twins.probe("empty-body", request(b""), Defect("an empty body", _NO_BODY))
    others = tuple(pair for pair in JSON_HEADERS if pair[0] != "Content-Type")
    yield twins.probe(
        "wrong-method",
        request(None, method="GET", headers=others),
        Defect("GET in place of POST", _METHOD, statuses=(404, 405)),
        elsewhere,
    )
    yield twins.probe(
        "wrong-path",
        request(twins.body, path="/chat/completion"),
        Defect("the path /chat/completion", _PATH, statuses=(404, 405)),
        elsewhere,
    )
