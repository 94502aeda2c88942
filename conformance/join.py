"""Puts the evidence of one run that several files hold into one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from conformance import evidence as evidence_file
from conformance import sdkresults
from conformance.model import GATEWAY, Exchange, Json
from conformance.plan import Plan
from conformance.resume import note_lost, replacing


def join_evidence(
    parts: Sequence[Path],
    path: Path,
    plan: Plan,
    header: Mapping[str, Json] | None = None,
    *,
    before: Path | None = None,
) -> None:
    """Write the evidence of one run that several files hold into one, in the order of the plan.

    ``header`` is by default that of the first, whose exchanges with the gateway itself are the ones that count. What
    the plan does not send is left away. What an SDK made of the answers is joined too. ``before`` is what an
    interrupted run recorded: the parts went on from it, and what they did not come to is kept.
    """
    first = [] if before is None else [before]
    files = [*parts, *first] if any(part.stem.endswith(".0") for part in parts) else [*first, *parts]
    held = {file: evidence_file.read(file) for file in files}
    read = list(held.values())
    sent = {plan.exchange_id(probe) for probe in plan.probes}
    found_first: dict[str, Exchange] = {}
    for number, each in enumerate(read):
        for found in each.exchanges:
            if _first_id(found) in sent and (number == 0 or found.model != GATEWAY):
                found_first.setdefault(found.id, found)
    exchanges = list(found_first.values())
    order = {(probe.id, probe.model): number for number, probe in enumerate(plan.probes)}
    exchanges.sort(key=lambda found: (found.attempt, order.get((found.probe, found.model), len(order))))
    ends = [
        str((each.footer or {}).get("stopped", "a worker was killed"))
        for file, each in held.items()
        if file != before
    ]
    # Read before the evidence that it belongs to is replaced: it names its digest.
    earlier = None if before is None else sdkresults.read(before)
    with replacing(path, header or read[0].header) as writer:
        for exchange in exchanges:
            writer.exchange(exchange)
        note_lost(writer, read, recorded=found_first)
        writer.footer({"stopped": next((end for end in ends if end), "")})
    measured = [results for part in parts if (results := sdkresults.read(part)) is not None]
    if earlier is not None:
        captured = {found.id for part in parts for found in held[part].exchanges}
        measured.append(earlier.of({exchange.id for exchange in exchanges} - captured))
    if measured:
        sdkresults.write(sdkresults.join(measured).of({exchange.id for exchange in exchanges}), path)


def _first_id(exchange: Exchange) -> str:
    """Return the id that the exchange of the first attempt has."""
    return exchange.id.removesuffix(f"-{exchange.attempt}") if exchange.attempt > 1 else exchange.id
