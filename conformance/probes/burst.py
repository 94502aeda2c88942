"""Requests that are to meet a rate limit: many cheap ones at once, sent last and only when that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.model import Probe
from conformance.probes.asker import Asker

MOST: Final = 40
"""Requests of a burst; the first 429 ends it."""
SECONDS: Final = 20.0
"""After so long no further request of a burst is begun."""
AT_ONCE: Final = 10
"""Requests of a burst that are under way together."""
SAID: Final = "Say hi."
NAMES: Final = tuple(f"errors.burst-{number}" for number in range(1, MOST + 1))
"""The ids of its probes; the first stands for all of them."""


def burst(ask: Asker) -> Iterator[Probe]:
    """Yield the requests, all alike."""
    body = ask.body(SAID, limit=1, **ask.shape)
    for name in NAMES:
        yield ask.valid(name, body, feature="errors", traits={"burst"})
