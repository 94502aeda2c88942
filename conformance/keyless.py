"""Tells whether a run can say anything of keys: only where the valid request goes with one, and with nothing beside."""

from __future__ import annotations

from conformance.model import HIDDEN
from conformance.views import View


def keyless(twin: View) -> str:
    """Say why nothing can be told of keys: the valid twin went without one, or with another secret beside it."""
    headers = {name.lower(): value for name, value in twin.exchange.request.headers}
    if "authorization" not in headers:
        return "no key was given, so nothing can be told of keys (set OPENAI_API_KEY, or --api-key-env)"
    if HIDDEN in headers.values():
        return "another secret header goes with every request, so leaving the key away proves nothing"
    return ""
