"""When a target asks to come back: Retry-After in seconds or as a date (RFC 9110 10.2.3), or in milliseconds."""

from __future__ import annotations

import email.utils
import math

from conformance.views import View


def retry_after(view: View) -> float | None:
    """Return the seconds that an answer asks to wait, not below 0; None where no header can be read."""
    given = _number(view.header("retry-after-ms"))
    if given is not None:
        return given / 1000
    value = view.header("retry-after")
    if value is None or (seconds := _number(value)) is not None:
        return None if value is None else seconds
    try:
        then = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, then.timestamp() - view.exchange.started_at)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None
