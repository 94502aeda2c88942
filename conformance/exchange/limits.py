"""How much of a target's answer is taken before the suite stops listening."""

from __future__ import annotations

from msgspec import Struct


class Limits(Struct, frozen=True):
    """Bounds of one exchange. Times are seconds, sizes are bytes of the connection after TLS.

    ``deadline`` covers everything from connecting to the last byte. ``max_bytes`` bounds the whole answer and
    ``max_head`` what comes before its body, interim (1xx) answers included; one head alone may have 100 KiB,
    a bound of the HTTP library. ``max_events`` counts blank lines of the body; a very long thought
    has about so many tokens. ``kept`` bytes are kept of an answer without an end: what is wrong with it is said,
    and a run has many answers. ``linger`` is how long an answer may stay open and silent after ``data: [DONE]``.
    """

    deadline: float = 60.0
    max_bytes: int = 4 * 1024 * 1024
    max_head: int = 256 * 1024
    kept: int = 128 * 1024
    max_events: int = 65_536
    linger: float = 2.0
