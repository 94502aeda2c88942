"""Requests that need an earlier answer: each recipe turns the view of that answer into the next request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from conformance.model import Probe, Request
from conformance.views import View

Recipe: TypeAlias = Callable[[Probe, View], Request | None]

RECIPES: Mapping[str, Recipe] = {}


def build(probe: Probe, before: View) -> Request | None:
    """Return the request of a follow-up probe, None when the earlier answer gives nothing to follow."""
    assert probe.follow is not None
    return RECIPES[probe.follow.recipe](probe, before)
