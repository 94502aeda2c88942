"""Conversations: roles, forms of content, names, and text in every script.

What is merely taken is asked for together, and apart, each one difference from plain chat, where that is refused.
The lines to repeat and the parts to read end in made-up words, so that answers which run together can be told apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from conformance.model import Defect, Json, Probe
from conformance.probes.asker import Asker, request
from conformance.probes.chat import HELLO

ECHO_LINE: Final = "价格:12元。Ünïcödé — 😀 \\(x\\) ﾃｽﾄ 🦊 a<b & c"
"""CJK, full-width marks, accents, astral characters, backslashes, marks of HTML: what relays are known to spoil."""

RICH_TEXT: Final = (
    '第一行\n"quotes" \\( \\frac{1}{2} \\) \t**bold**\n全角:(){}!? 👩‍👩‍👧 العربية हिन्दी Ελληνικά'
)

GUIDE: Final = (
    "You are a helpful assistant in a small public library, and the people who write to you are visitors. "
    "Be friendly, be brief, and use plain words that a child of ten would know. When somebody says hello, "
    "say hello too. When somebody asks for a book, tell them on which shelf it stands. When you do not know "
    "the answer, say so, and send them to the desk near the door. Do not talk about prices, the weather, or "
    "the news of the day. Do not use bold type, tables, lists or links, since the screen at the door can only "
    "show plain lines of text. Never write more than two lines. If a visitor is in a hurry, leave out all "
    "that is not needed. If a visitor is unhappy, say that you are sorry, and ask what you can do for them. "
    "Thank everybody who returns a book on time."
)
"""An instruction of so many words that the bill shows whether it was read; it asks for nothing unusual."""


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
    named: dict[str, Json] = {"role": "user", "name": "ada", "content": HELLO}
    rich: dict[str, Json] = {"role": "user", "content": RICH_TEXT + "\n" + HELLO}
    system: list[Json] = [{"role": "system", "content": GUIDE}]
    system = system if "system" in roles else []
    history: list[Json] = [
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "Nice to meet you, Ada."},
    ]
    yield from ask.together(
        say("everyday", [*system, *history, {**named, **rich}], "text"),
        *([say("system", [*system, user])] if system else []),
        say("assistant", [*history, {"role": "user", "content": "What is my name?"}]),
        say("name", [named], feature="names"),
        say("unicode", [rich]),
    )
    part: Json = {"type": "text", "text": HELLO}
    words: list[Json] = [
        {"type": "text", "text": f"The first word is {ask.nonce('part one')}."},
        {"type": "text", "text": f"The second word is {ask.nonce('part two')}. Reply with both words."},
    ]
    whole: list[Json] = [{"role": "user", "content": [*words, {"type": "text", "text": RICH_TEXT}]}]
    yield from ask.together(
        _escaped(say("parts-escaped", whole, "text", limit=48)),
        say("parts", [{"role": "user", "content": [part]}], feature="parts"),
        say("parts-all", [{"role": "user", "content": words}], feature="parts", limit=48),
        _escaped(say("unicode-escaped", [rich], "unicode")),
    )
    for streamed in (False, True):
        if streamed or not stream:
            name = "messages.echo-stream" if streamed else "messages.echo"
            order = f"Repeat after me, with nothing added: {ECHO_LINE} {ask.nonce(name)}"
            body = ask.body(order, limit=96, stream=True) if streamed else ask.body(order, limit=96)
            feature = "streaming" if streamed else "chat"
            yield ask.valid(name, body, feature=feature, traits={"echo", "text"})
    last: list[Json] = [user, {"role": "assistant", "content": "Hello"}]
    yield ask.invalid(
        "messages.parts-empty",
        request({**ask.body([{"role": "user", "content": []}]), **({"stream": True} if stream else {})}),
        twin="messages.parts",
        defect=Defect(
            "an empty array of parts",
            ("content", "part", "empty", "message", "length", "item", "内容", "空"),
            pointer="/messages/0/content",
        ),
        traits={"member"},
        feature="parts",
        streamed=stream,
        gateway=False,
    )
    developer: Json = {"role": "developer", "content": GUIDE}
    yield from ask.together(
        say("first-and-last", [developer, *last]),
        say("developer", [developer, user]),
        say("assistant-last", last),
    )


def _escaped(probe: Probe) -> Probe:
    """Return the same request in ASCII, with JSON escapes for all other characters."""
    body = json.dumps(json.loads(probe.request.body), ensure_ascii=True, separators=(",", ":")).encode()
    return replace(probe, request=replace(probe.request, body=body))
