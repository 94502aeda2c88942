"""Requests that need an earlier answer: each recipe turns the view of that answer into the next request.

The follow-up's own request is the template; its conversation gives way to the one that was really held.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from msgspec.structs import replace

from conformance.jsontext import encode
from conformance.model import Json, Probe, Request
from conformance.toolcalls import calls_of, message_of
from conformance.views import View

Recipe: TypeAlias = Callable[[Probe, View], Request | None]

RESULT: Final = "18 °C, sunny, light wind from the west"
"""What every tool answers."""


def _tool_results(probe: Probe, before: View) -> Request | None:
    """Send the assistant's message back unchanged, and after it one result for each of its calls.

    A call without an id cannot be answered, and one that the limit has cut off is no part of a valid request: then
    there is nothing to send.
    """
    calls = [call for call in calls_of(before) if call.choice == 0]
    message = message_of(before)
    if not calls or message is None or not all(isinstance(call.id, str) for call in calls):
        return None
    if before.finish_reason == "length" and any(call.object is None for call in calls):
        return None
    body: dict[str, Json] = json.loads(probe.request.body)
    said = before.asked.get("messages")
    assert isinstance(said, list)
    results: list[Json] = [
        {"role": "tool", "tool_call_id": call.id, "content": f"{call.name}: {RESULT}"} for call in calls
    ]
    body["messages"] = [*said, message, *results]
    return replace(probe.request, body=encode(body))


RECIPES: Final[Mapping[str, Recipe]] = {"tool-results": _tool_results}


def build(probe: Probe, before: View) -> Request | None:
    """Return the request of a follow-up probe, None when the earlier answer gives nothing to follow."""
    assert probe.follow is not None
    return RECIPES[probe.follow.recipe](probe, before)
