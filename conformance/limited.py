"""Tells a 429 that is a target's answer to what was asked from one that limits a rate.

A limit strikes whoever comes, for a time. What is refused with 429 each time, while valid requests before, between
and after are served and none of them ever was limited, is not limited: it was given the wrong status.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from conformance.model import Intent
from conformance.retryafter import retry_after
from conformance.views import Form, View

LEAST_ATTEMPTS: Final = 2
LEAST_SERVED: Final = 10
"""Valid requests that have to be served before the word of a 429 is doubted."""


def meant(attempts: Sequence[View], run: Iterable[View]) -> bool:
    """Whether 429 is what this very request is answered with.

    ``attempts`` are the answers to it in their order, ``run`` all answers of the run. A limit that names its end
    (Retry-After) is believed.
    """
    if len(attempts) < LEAST_ATTEMPTS or any(
        view.form is not Form.LIMITED or retry_after(view) is not None for view in attempts
    ):
        return False
    valid = [view for view in run if view.probe.intent is Intent.VALID and not view.probe.has("burst")]
    if any(view.form is Form.LIMITED for view in valid):
        return False
    first, last = attempts[0].exchange.started_at, attempts[-1].exchange.started_at
    served = [view.exchange.started_at for view in valid if view.succeeded]
    between = sum(first < when < last for when in served)
    return len(served) >= LEAST_SERVED and between > 0 and max(served) > last
