"""What a target takes although it is wrong, by parameter: never required, and good to know before one relies on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from conformance.conditions import split_pointer
from conformance.model import Intent, Probe
from conformance.plan import Plan
from conformance.report.shape import Lenient
from conformance.sparing import spared
from conformance.views import Form, View

BODY: Final = "(body)"
"""Stands for what is no one member."""


def lenient(plan: Plan, latest: Mapping[tuple[str, str], View]) -> list[Lenient]:
    """Count generated invalid requests by the member that is wrong, for members of which one was served.

    ``latest`` are the views that count. A request that may be served, such as one with an odd encoding, counts not.
    """
    found: dict[str, Lenient] = {}
    for probe in plan.probes:
        if probe.intent is Intent.INVALID and probe.has("generated") and not probe.has("may-be-served"):
            row = found.setdefault(
                _member(probe), Lenient(parameter=_member(probe), served=0, refused=0, not_sent=0)
            )
            view = latest.get((probe.id, probe.model))
            if view is None:
                row["not_sent"] += spared(probe, plan, latest)
            elif view.succeeded:
                row["served"] += 1
            elif view.form is Form.REFUSED:
                row["refused"] += 1
    return sorted((row for row in found.values() if row["served"]), key=lambda row: row["parameter"])


def _member(probe: Probe) -> str:
    steps = split_pointer(probe.defect.pointer or "") if probe.defect else ()
    return steps[0] if steps else BODY
