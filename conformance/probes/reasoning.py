"""Models that think first: how their thinking is asked for, switched off, and sent back.

What a model knows of this stands on its card. Thoughts that come by themselves are judged on the plain exchanges;
only what needs a member of its own is asked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.model import Claim, Json, Probe
from conformance.models import Thinks
from conformance.probes.asker import Asker
from conformance.probes.chat import HELLO

QUESTION: Final = "Which is more, 9 times 7 or 8 times 8? Say why in one sentence."
LIMIT: Final = 1024
"""Tokens that leave room for an answer behind the thoughts on a small question."""
TEMPERATURE: Final = 0.6
"""The value that a document prints (S1, line 173)."""


def probes(ask: Asker) -> Iterator[Probe]:
    """Yield the requests about thinking that suit one model."""
    yield from _efforts(ask)
    yield from _switches(ask)
    card = ask.card
    if card.thinks in {Thinks.ALWAYS, Thinks.BY_DEFAULT} and card.shows_thoughts:
        history: list[Json] = [
            {"role": "user", "content": "My name is Ada."},
            {
                "role": "assistant",
                "content": "Nice to meet you, Ada.",
                "reasoning_content": "The user gives a name. I greet her.",
            },
            {"role": "user", "content": "What is my name?"},
        ]
        yield _probe(ask, "echo", history, {}, "sent-back")
    if card.thinks is Thinks.ALWAYS and card.shows_thoughts:
        yield _probe(ask, "temperature", QUESTION, {"temperature": TEMPERATURE}, "thinking")


def _efforts(ask: Asker) -> Iterator[Probe]:
    card = ask.card
    if "high" in card.efforts:
        yield _probe(ask, "effort-high", QUESTION, {"reasoning_effort": "high"}, "thinking")
    if "low" in card.efforts:
        yield _probe(ask, "effort-low", QUESTION, {"reasoning_effort": "low", **_counted()}, "thinking")
    if card.efforts and "medium" not in card.efforts:
        yield _probe(ask, "effort-medium", QUESTION, {"reasoning_effort": "medium"}, "thinking")
    if card.features.get("reasoning") is Claim.NO:
        yield _probe(ask, "effort-elsewhere", HELLO, {"reasoning_effort": "low"}, limit=24)


def _switches(ask: Asker) -> Iterator[Probe]:
    card = ask.card
    if "enable_thinking" in card.think_on:
        body = ask.body(QUESTION, limit=LIMIT, **card.think_on)
        yield ask.valid("reasoning.enable-thinking", body, feature="reasoning", traits={"thinking"})
    if card.think_on and card.thinks is Thinks.ON_REQUEST:
        yield _probe(ask, "on-stream", QUESTION, {**card.think_on, **_counted()}, "thinking")
    if card.think_off:
        yield _probe(ask, "off", QUESTION, dict(card.think_off), "switched-off")


def _counted() -> dict[str, Json]:
    """Return the members that make a stream tell its usage."""
    return {"stream": True, "stream_options": {"include_usage": True}}


def _probe(
    ask: Asker,
    name: str,
    said: str | list[Json],
    members: dict[str, Json],
    *traits: str,
    limit: int = LIMIT,
) -> Probe:
    body = ask.body(said, limit=limit, **{**ask.shape, **members})
    return ask.valid(f"reasoning.{name}", body, feature="reasoning", traits=traits)
