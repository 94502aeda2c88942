"""Which recorded answers are given to the SDK: each distinct one once, none that is unsafe."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from conformance import http1
from conformance.model import FaultKind
from conformance.sdklane.loopback import Ending
from conformance.sdkresults import Skipped
from conformance.views import View

MOST_BYTES: Final = 2 * 1024 * 1024
"""Recorded bytes of one answer that are replayed."""

MOST_DECODED: Final = 8 * 1024 * 1024
"""Bytes that a content coding may unfold to; the SDK itself has no limit."""

_PATH: Final = "/chat/completions"
_ENDINGS: Final = {
    None: Ending.CLOSE,
    FaultKind.CLOSED_EARLY: Ending.CLOSE,
    FaultKind.MALFORMED: Ending.CLOSE,
    FaultKind.RESET: Ending.RESET,
    FaultKind.DEADLINE: Ending.HOLD,
    FaultKind.LINGERING: Ending.HOLD,
}
"""Exchanges with another fault have no answer, or not all of it."""


class Recorded(Struct, frozen=True):
    """One distinct answer; ``views`` are the exchanges that got it."""

    raw: bytes
    ending: Ending
    streamed: bool
    views: tuple[View, ...]


def choose(views: Iterable[View]) -> tuple[tuple[Recorded, ...], tuple[Skipped, ...]]:
    """Return the answers to replay, those of probes made for the SDK first, and what is left out and why.

    Exchanges that the SDK would never have had (another path or method, no byte of answer) are passed over.
    """
    groups: dict[str, list[View]] = {}
    skipped: list[Skipped] = []
    for view in sorted(views, key=lambda view: not view.probe.has("sdk")):
        sent = view.exchange.request
        if sent.method != "POST" or sent.path != _PATH or not view.exchange.raw:
            continue
        if why := _unfit(view):
            skipped.append(Skipped(view.exchange.id, why))
        else:
            groups.setdefault(_likeness(view), []).append(view)
    return tuple(_recorded(group) for group in groups.values()), tuple(skipped)


def _recorded(group: list[View]) -> Recorded:
    exchange = group[0].exchange
    return Recorded(exchange.raw, _ending(group[0]), asks_for_stream(group[0]), tuple(group))


def asks_for_stream(view: View) -> bool:
    """Whether the request said ``stream: true``, so that an SDK would read a stream."""
    return view.asked.get("stream") is True


def _ending(view: View) -> Ending:
    fault = view.exchange.fault
    return _ENDINGS[fault.kind if fault else None]


def _unfit(view: View) -> str:
    exchange, answer = view.exchange, view.answer
    fault = exchange.fault
    if fault is not None and fault.kind not in _ENDINGS:
        return f"the evidence does not hold all of its bytes ({fault.kind})"
    if len(exchange.raw) > MOST_BYTES:
        return f"it has more than {MOST_BYTES} bytes"
    if answer is None:
        return ""
    if answer.status // 100 == 3:  # noqa: PLR2004
        return "it is a redirect, which the SDK would follow to another place"
    if (answer.header("content-encoding") or "identity").strip().lower() != "identity":
        decoded, problem = http1.decoded_body(answer, limit=MOST_DECODED)
        if problem and (len(decoded) >= MOST_DECODED or problem.startswith("unknown")):
            return f"its content coding may unfold without bound: {problem}"
    return ""


def _likeness(view: View) -> str:
    """Return the same text for answers that no SDK can tell apart: alike but for headers like Date."""
    answer = view.answer
    heads = (
        []
        if answer is None
        else [answer.status, answer.header("content-type"), answer.all("content-encoding")]
    )
    body = view.exchange.raw if answer is None else answer.body
    framing = "" if answer is None else answer.framing
    oddities = () if answer is None else answer.notes
    parts = (asks_for_stream(view), _ending(view), heads, framing, oddities, hashlib.sha256(body).hexdigest())
    return repr(parts)
