"""``plan``: what would be sent, for which model and feature, and what it can cost. Nothing here is paid."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import NamedTuple

from conformance import engine
from conformance.commands.settings import settings_from
from conformance.model import GATEWAY, Probe
from conformance.plan import Plan
from conformance.probes.shared import shared


class Price(NamedTuple):
    """How many requests, and how many completion tokens they can cost at most."""

    requests: int
    tokens: int


def print_plan(arguments: argparse.Namespace) -> int:
    """Print the matrix of models and features, then every request."""
    with settings_from(arguments) as settings:
        plan = engine.prepare(settings).plan
    print(json.dumps(_data(plan), indent=1) if arguments.format == "json" else _text(plan))  # noqa: T201
    return 0


def payer(probe: Probe) -> str:
    """Return the model that a request is sent for: itself, or the gateway for what is asked once in a run."""
    return GATEWAY if shared(probe) else probe.model


def price(probes: Iterable[Probe]) -> Price:
    """Add up requests and their budgets."""
    budgets = [probe.budget for probe in probes]
    return Price(len(budgets), sum(budgets))


def _data(plan: Plan) -> dict[str, object]:
    certain, further = _split(plan)
    return {
        "set": plan.set_name,
        "profile": plan.profile,
        "models": list(plan.models),
        "digest": plan.digest,
        "seed": plan.seed,
        "requests": len(certain),
        "completion_tokens_at_most": price(certain).tokens,
        "further_requests_at_most": len(further),
        "further_tokens_at_most": price(further).tokens,
        "matrix": [
            {
                "model": model,
                "feature": feature,
                "requests": paid.requests,
                "completion_tokens_at_most": paid.tokens,
            }
            for (model, feature), paid in sorted(_cells(certain).items())
        ],
        "probes": [
            {
                "id": probe.id,
                "model": probe.model,
                "intent": probe.intent,
                "stream": probe.streamed,
                "tokens": probe.budget,
                "certain": probe.certain,
                "request": f"{probe.request.method} {probe.request.path}",
                "body": probe.request.body[:4096].decode("utf-8", "backslashreplace"),
            }
            for probe in plan.probes
        ],
        "cases": len(plan.cases),
    }


def _split(plan: Plan) -> tuple[list[Probe], list[Probe]]:
    """Return what is sent in any case, and what only an answer can call for."""
    certain = [probe for probe in plan.probes if probe.certain]
    return certain, [probe for probe in plan.probes if not probe.certain]


def _cells(probes: Iterable[Probe]) -> dict[tuple[str, str], Price]:
    """Return what each feature costs of each model."""
    cells: dict[tuple[str, str], list[Probe]] = {}
    for probe in probes:
        cells.setdefault((payer(probe), probe.feature), []).append(probe)
    return {cell: price(paid) for cell, paid in cells.items()}


def _text(plan: Plan) -> str:
    certain, further = map(price, _split(plan))
    lines = [
        f"set {plan.set_name}, profile {plan.profile}, models {', '.join(plan.models)}",
        f"{certain.requests} requests, {certain.tokens} completion tokens at most, {len(plan.cases)} cases",
        f"{further.requests} further requests (+) at most, if answers call for them: {further.tokens} tokens at most",
        f"digest {plan.digest}",
        "",
        *_matrix(plan),
        "",
    ]
    width = max((len(probe.id) for probe in plan.probes), default=0)
    for probe in plan.probes:
        kind = "stream" if probe.streamed else "plain"
        mark = " " if probe.certain else "+"
        lines.append(
            f"{mark} {probe.id:{width}}  {probe.model:24}  {probe.intent:7}  {kind:6}  {probe.budget:>5} tokens"
        )
    return "\n".join(lines)


def _matrix(plan: Plan) -> Iterable[str]:
    """Yield what each model costs, and a table of requests with a row for each feature and a column for each model."""
    columns = [GATEWAY, *plan.models]
    certain, _ = _split(plan)
    for number, model in enumerate(columns):
        paid = price(probe for probe in certain if payer(probe) == model)
        name = f"once, through {plan.models[0]}" if model == GATEWAY else model
        yield f"[{number}] {name}: {paid.requests} requests, {paid.tokens} completion tokens"
    yield ""
    features = sorted({probe.feature for probe in plan.probes})
    room = max(len(feature) for feature in [*features, "requests"])
    yield (
        f"{'requests':{room}}" + "".join(f"{f'[{number}]':>5}" for number in range(len(columns))) + "  total"
    )
    cells = _cells(certain)
    for feature in features:
        row = [cells[model, feature].requests if (model, feature) in cells else 0 for model in columns]
        yield f"{feature:{room}}" + "".join(f"{cell or '.':>5}" for cell in row) + f"{sum(row):>7}"
