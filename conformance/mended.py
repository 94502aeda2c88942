"""Answers that went wrong once and not when they were repeated alone: one may be bad luck, several are none.

A lone repeat takes away what other requests do to an answer. So what is seen only beside others shows here, and
nowhere in the answers that count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Final

from msgspec import Struct

from conformance.model import FaultKind, Intent
from conformance.views import Form, View

CUT: Final = frozenset({FaultKind.CLOSED_EARLY, FaultKind.RESET})
"""How an answer is cut short."""


class Mended(Struct, frozen=True):
    """A valid request's first answer.

    ``healed`` says that it went wrong, and the lone repeat did not. ``beside`` says that other requests were under
    way at the same time.
    """

    view: View
    healed: bool
    beside: bool

    @property
    def cut(self) -> bool:
        """Whether the answer had begun, was cut short, and came whole when it was repeated."""
        fault = self.view.exchange.fault
        return self.healed and fault is not None and fault.kind in CUT and self.view.answer is not None

    @property
    def failed(self) -> bool:
        """Whether it was a server error, and the repeat was served."""
        return self.healed and self.view.form is Form.FAILED


def mended(attempts: Iterable[Sequence[View]]) -> tuple[Mended, ...]:
    """Return the first answers of a run to valid requests in the order in which these were sent; none if none healed.

    ``attempts`` are all answers of the run, those to one request in their order.
    """
    runs = [views for views in attempts if not views[0].probe.has("burst")]
    if not any(_healed(views) for views in runs):
        return ()
    firsts = sorted(runs, key=lambda views: views[0].exchange.started_at)
    found = []
    busy_until = float("-inf")
    for views, later in zip_longest(firsts, firsts[1:]):
        first = views[0]
        start = first.exchange.started_at
        end = start + first.exchange.elapsed
        beside = start < busy_until or (later is not None and later[0].exchange.started_at < end)
        busy_until = max(busy_until, end)
        if first.probe.intent is Intent.VALID:
            found.append(Mended(first, _healed(views), beside))
    return tuple(found)


def _healed(views: Sequence[View]) -> bool:
    if len(views) == 1 or views[0].probe.intent is not Intent.VALID:
        return False
    went_wrong = views[0].form is Form.FAILED or views[0].exchange.fault is not None
    return went_wrong and views[-1].succeeded and views[-1].exchange.fault is None
