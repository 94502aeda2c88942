"""The documented Python program (document S1, lines 91 to 116), asked as the official SDK asks it.

The bytes of a request are those that openai-python 3.54.0 sends (measured): its header names, their order and
values, and its JSON, compact and in its order of members. So they go the way of all requests, the answer is
evidence like any other, and the SDK itself reads it from there. Added to the program is a limit on its
answer, since an introduction without one may take minutes; left out is what the model's card refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from conformance.jsontext import encode
from conformance.model import KEY_MARK, Json, Outcome, Probe, Request
from conformance.probes.asker import Asker

SDK_HEADERS: Final = (
    ("Accept-Encoding", "gzip, deflate"),
    ("Connection", "keep-alive"),
    ("authorization", f"Bearer {KEY_MARK}"),
    ("accept", "application/json"),
    ("content-type", "application/json"),
    ("user-agent", "OpenAI/Python 3.54.0"),
    ("x-stainless-lang", "python"),
    ("x-stainless-package-version", "3.54.0"),
    ("x-stainless-os", "Linux"),
    ("x-stainless-arch", "x64"),
    ("x-stainless-runtime", "CPython"),
    ("x-stainless-runtime-version", "3.11.7"),
    ("x-stainless-async", "false"),
    ("x-stainless-retry-count", "0"),
    ("x-stainless-read-timeout", "600"),
)
"""The headers between Host and Content-Length, as openai-python 3.54.0 sends them."""

LIMIT: Final = 64
"""Tokens of an introduction; enough to see text, and cheap."""

_SYSTEM: Final[Json] = {"role": "system", "content": "You are a helpful assistant"}
_USER: Final[Json] = {"role": "user", "content": "Please briefly introduce artificial intelligence"}


def probes(ask: Asker) -> Iterator[Probe]:
    """Yield the two requests of the documented program."""
    if not ask.card.stream_only:
        said = [_SYSTEM, _USER] if "system" in ask.card.roles else [_USER]
        body = ask.body(said, limit=LIMIT)
        if Outcome.REJECTED_CLEAN not in ask.card.allowed("temperature", {**body, "temperature": 0.7}):
            body["temperature"] = 0.7
        yield _as_sdk(ask, "sdk.create", body)
    spoken = ask.body([_USER], limit=LIMIT)
    yield _as_sdk(ask, "sdk.stream", {"model": spoken.pop("model"), "stream": True, **spoken})


def _as_sdk(ask: Asker, name: str, body: dict[str, Json]) -> Probe:
    probe = ask.valid(name, body, feature="sdk", traits={"sdk"})
    return replace(probe, request=Request(headers=SDK_HEADERS, body=encode(body)))
