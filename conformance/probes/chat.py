"""Plain chat, streamed and not: the probes that most checks read, and the valid twins of the invalid ones."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.model import Probe
from conformance.probes import LIFE
from conformance.probes.asker import Asker

HELLO = "Say hello in five words."


def probes(ask: Asker) -> Iterator[Probe]:
    """Yield the basic exchanges of one model."""
    if not ask.card.stream_only:
        yield ask.valid(LIFE, ask.body(HELLO), traits={"text", "basic", "life"})
    yield ask.valid(
        "stream.basic",
        ask.body("Count from 1 to 20, digits and spaces only.", limit=64, stream=True),
        feature="streaming",
        traits={"text", "basic", "long", "life"},
    )
    yield ask.valid(
        "stream.usage",
        ask.body(HELLO, stream=True, stream_options={"include_usage": True}),
        feature="streaming",
        traits={"text", "include-usage"},
    )
