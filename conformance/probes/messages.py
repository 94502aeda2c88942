"""Conversations: roles, forms of content, names, and text in every script, each one difference from plain chat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from conformance.model import Json, Probe
from conformance.probes.asker import Asker
from conformance.probes.chat import HELLO

ECHO_LINE: Final = "价格:12元。Ünïcödé — 😀 \\(x\\) ﾃｽﾄ"
"""CJK, full-width marks, accents, an astral character, backslashes: what relays are known to spoil."""

RICH_TEXT: Final = (
    '第一行\n"quotes" \\( \\frac{1}{2} \\) \t**bold**\n全角:(){}!? 👩‍👩‍👧 العربية हिन्दी Ελληνικά'
)


def probes(ask: Asker) -> Iterator[Probe]:
    """Yield the conversations of one model."""
    stream = ask.card.stream_only
    roles = ask.card.roles

    def say(name: str, messages: list[Json], *traits: str, feature: str = "chat", limit: int = 24) -> Probe:
        body = ask.body(messages, limit=limit) if not stream else ask.body(messages, limit=limit, stream=True)
        return ask.valid(f"messages.{name}", body, feature=feature, traits={name, *traits})

    user: Json = {"role": "user", "content": HELLO}
    minimal = ask.body(HELLO, limit=None) if not stream else ask.body(HELLO, limit=None, stream=True)
    yield ask.valid("messages.minimal", minimal, traits={"minimal", "text"})
    if "system" in roles:
        yield say("system", [{"role": "system", "content": "You are a helpful assistant."}, user], "text")
    history: list[Json] = [
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "Nice to meet you, Ada."},
        {"role": "user", "content": "What is my name?"},
    ]
    yield say("assistant", history, "text")
    yield say(
        "parts", [{"role": "user", "content": [{"type": "text", "text": HELLO}]}], "text", feature="parts"
    )
    yield say("name", [{"role": "user", "name": "ada", "content": HELLO}], "text", feature="names")
    rich = say("unicode", [{"role": "user", "content": RICH_TEXT + "\n" + HELLO}])
    yield rich
    escaped = json.dumps(json.loads(rich.request.body), ensure_ascii=True, separators=(",", ":")).encode()
    yield replace(rich, id="messages.unicode-escaped", request=replace(rich.request, body=escaped))
    order = f"Repeat after me, with nothing added: {ECHO_LINE}"
    for streamed in (False, True):
        if streamed or not stream:
            body = ask.body(order, limit=96, stream=True) if streamed else ask.body(order, limit=96)
            name = "messages.echo-stream" if streamed else "messages.echo"
            feature = "streaming" if streamed else "chat"
            yield ask.valid(name, body, feature=feature, traits={"echo", "text"})
    last: list[Json] = [user, {"role": "assistant", "content": "Hello"}]
    yield say("assistant-last", last)
    yield say("developer", [{"role": "developer", "content": "Be brief."}, user])
    first, second = ask.nonce("part one"), ask.nonce("part two")
    pieces: list[Json] = [
        {"type": "text", "text": f"The first word is {first}."},
        {"type": "text", "text": f"The second word is {second}. Reply with both words."},
    ]
    yield say("parts-all", [{"role": "user", "content": pieces}], feature="parts", limit=48)
