"""The reference gateway as a pure function: a received request goes in, a reply comes out.

It decides in this order, and each step can refuse: path, method, key, content type, JSON, model, the model's own
rules, the documented parameters. Then the voice speaks and the wire writes. Nothing here listens or waits.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from conformance.model import Json
from conformance.reference import voice, wire
from conformance.reference.asked import Asked, ask, read_model
from conformance.reference.reading import read_object
from conformance.reference.refusal import Refused
from conformance.reference.reply import Framing, Headers, Received, Reply

PREFIX: Final = "/v1"
CHAT: Final = f"{PREFIX}/chat/completions"
MODELS: Final = f"{PREFIX}/models"
METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    CHAT: ("POST", "OPTIONS"),
    MODELS: ("GET", "HEAD", "OPTIONS"),
}

PAUSE: Final = 0.004
"""Seconds between two writes of a stream, so that arrival times tell a stream from a buffer."""
PAUSES: Final = 10
"""Most pauses in one stream: a whole stream takes no longer than 40 ms."""


@dataclass(frozen=True, slots=True)
class House:
    """What a gateway has: its key, its models, a clock (Unix seconds) and a seed for its ids."""

    key: str
    models: tuple[str, ...]
    clock: Callable[[], float]
    seed: int = 0
    delay: float = 0.0
    thinking: Mapping[str, voice.Thinking] = field(default_factory=dict)


def respond(received: Received, house: House) -> Reply:
    """Return the reply to ``received``; every refusal becomes an error reply."""
    stamp = _stamp(received, house)
    try:
        _check_route(received)
        if received.method == "OPTIONS":
            return _preflight(received)
        _check_key(received, house.key)
        if received.path == MODELS:
            body = wire.models(house.models, stamp.created)
            return _json_reply(200, body, stamp)
        return _chat(received, house, stamp)
    except Refused as refused:
        return _json_reply(refused.status, wire.error(refused), stamp, refused.headers)


def _chat(received: Received, house: House, stamp: wire.Stamp) -> Reply:
    _check_content_type(received)
    body = read_object(received.body)
    model = read_model(body)
    if model not in house.models:
        raise Refused(
            f"The model '{model[:200]}' does not exist or you do not have access to it.",
            status=404,
            param="model",
            code="model_not_found",
        )
    asked = ask(body)
    said = voice.answer(asked)
    options = _options(asked)
    if not asked.stream:
        return _json_reply(200, wire.completion(said, stamp, options), stamp)
    events = [wire.event(chunk) for chunk in wire.chunks(said, stamp, options)]
    return _stream_reply((*events, wire.DONE), stamp)


def _options(asked: Asked) -> wire.Options:
    return wire.Options(asked.include_usage, asked.obfuscate, asked.logprobs, asked.top_logprobs)


def _stamp(received: Received, house: House) -> wire.Stamp:
    digest = hashlib.sha256(f"{house.seed}/{received.number}".encode()).hexdigest()
    return wire.Stamp(f"chatcmpl-{digest[:29]}", int(house.clock()), f"req_{digest[32:]}")


def _check_route(received: Received) -> None:
    methods = METHODS.get(received.path)
    if methods is None:
        raise Refused(
            f"Invalid URL ({received.method} {received.path[:200]})", status=404, code="unknown_url"
        )
    if received.method not in methods:
        raise Refused(
            f"Not allowed to {received.method} on {received.path} (use {methods[0]}).",
            status=405,
            code="method_not_allowed",
            headers={"allow": ", ".join(methods)},
        )


def _check_key(received: Received, key: str) -> None:
    header = received.header("authorization")
    scheme, _, given = (header or "").strip().partition(" ")
    if header is None or not header.strip():
        message = (
            "You didn't provide an API key. Send it in an Authorization header: 'Authorization: Bearer KEY'."
        )
        code = None
    elif scheme.lower() != "bearer" or not given.strip():
        message = "Malformed Authorization header. Expected 'Authorization: Bearer KEY'."
        code = "invalid_api_key"
    elif not hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), key.encode()):
        message, code = "Incorrect API key provided.", "invalid_api_key"
    else:
        return
    raise Refused(message, status=401, code=code, headers={"www-authenticate": 'Bearer realm="reference"'})


def _check_content_type(received: Received) -> None:
    media_type = (received.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        said = f"'{media_type[:80]}'" if media_type else "no Content-Type"
        raise Refused(
            f"Unsupported content type: expected 'application/json', but got {said} instead.",
            status=415,
            code="unsupported_media_type",
        )


def _preflight(received: Received) -> Reply:
    methods = ", ".join(METHODS[received.path])
    headers: Headers = (
        ("allow", methods),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", methods),
        ("access-control-allow-headers", received.header("access-control-request-headers") or "*"),
        ("access-control-max-age", "600"),
    )
    return Reply(204, headers, ())


def _json_reply(
    status: int, body: Json, stamp: wire.Stamp, headers: Mapping[str, str] | None = None
) -> Reply:
    named = (
        ("content-type", "application/json"),
        ("x-request-id", stamp.request_id),
        *(headers or {}).items(),
    )
    return Reply(status, named, (wire.dump(body),))


def _stream_reply(events: tuple[bytes, ...], stamp: wire.Stamp) -> Reply:
    headers: Headers = (
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
        ("x-request-id", stamp.request_id),
    )
    return Reply(200, headers, events, framing=Framing.CHUNKED, pause=PAUSE)
