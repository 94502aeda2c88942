"""Asks a target which models it has, where nobody named one: the only request that is sent before there is a plan."""

from __future__ import annotations

import asyncio

from conformance.errors import KeyRefusedError, UnreachableError, UsageError
from conformance.exchange import Limits, Sender
from conformance.model import GATEWAY, Exchange, Probe
from conformance.probes.asker import request
from conformance.recorder import redactor
from conformance.target import Target
from conformance.views import UNREACHABLE, View


def offered_models(target: Target, limits: Limits) -> tuple[str, ...]:
    """Ask the target for its models (GET <base>/models).

    Raises:
        UnreachableError: no answer came.
        KeyRefusedError: 401 or 403 came.
        UsageError: the answer lists no model.

    """
    sent = request(None, headers=(("Accept", "application/json"),), method="GET", path="/models")
    probe = Probe(id="models.list", model=GATEWAY, request=sent)

    async def ask() -> Exchange:
        async with Sender(target, limits=limits, concurrency=1) as sender:
            return await sender.send(sent, id="ex-models", probe=probe.id, model=GATEWAY)

    exchange = asyncio.run(ask())
    view = View(probe, redactor(target).exchange(exchange))
    if view.exchange.fault is not None and view.status is None:
        kind = "could not be reached" if view.exchange.fault.kind in UNREACHABLE else "did not answer"
        raise UnreachableError(
            f"The target {target.base_url} {kind}.",
            why=view.exchange.fault.detail,
            hint="check --target, or that the server is up; with --model a run writes its report all the same",
        )
    _demand_let_in(view, target)
    data = view.object.get("data")
    rows = data if isinstance(data, list) else []
    names = tuple(str(row["id"]) for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str))
    if not names:
        raise UsageError(
            f"The target lists no models (GET {target.base_url}/models answered {view.status}).",
            why="a wrong base URL, or a target without that endpoint",
            hint="name one with --model",
        )
    return names


def _demand_let_in(view: View, target: Target) -> None:
    asked = f"GET {target.base_url}/models answered {view.status}"
    if view.status in {401, 403}:
        raise KeyRefusedError(
            "The target refuses the key." if target.key else "The target wants a key, and none was given.",
            why=asked,
            hint="set OPENAI_API_KEY, or name another variable with --api-key-env; where the list of models alone is"
            " closed, name one with --model",
        )
