"""Money that is not spent: a target that takes two requests which break a rule takes the others as well.

Invalid requests cost nothing where they are refused. Where they are served, each costs what an answer costs and says
nothing new. So the probes of one *group* (one keyword at one place of the description) are sent one after the other,
and no more of them after two were served. What is not sent follows from the evidence alone, so that judging it again
says the same: such a case is not applicable, neither passed nor open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from conformance.model import Intent, Probe
from conformance.plan import Plan
from conformance.views import View

ENOUGH: Final = 2
"""Requests of a group that are served before the others are spared."""

NOT_SENT: Final = f"not sent: {ENOUGH} requests that break the same rule were served (group lenient)"


def spared(probe: Probe, plan: Plan, views: Mapping[tuple[str, str], View]) -> bool:
    """Whether others of the probe's group were served often enough; ``views`` are those that count so far."""
    if probe.group is None or (probe.id, probe.model) in views:
        return False
    others = plan.groups.get((probe.group, probe.model), ())
    served = (views.get((other.id, other.model)) for other in others)
    return sum(view is not None and _served(view) for view in served) >= ENOUGH


def _served(view: View) -> bool:
    return view.probe.intent is Intent.INVALID and view.status is not None and view.status // 100 == 2  # noqa: PLR2004


def in_chains(probes: Iterable[Probe]) -> list[list[Probe]]:
    """Return the probes as chains that are sent one after the other: those of a group, and each other by itself.

    Twins come first, then long chains, so that none is left over at the end; all else keeps its order.
    """
    chains: dict[object, list[Probe]] = {}
    for number, probe in enumerate(probes):
        chains.setdefault(number if probe.group is None else (probe.group, probe.model), []).append(probe)
    return sorted(chains.values(), key=lambda chain: (not chain[0].has("twin"), -len(chain)))


def in_batches(probes: Iterable[Probe]) -> list[Sequence[Probe]]:
    """Return the probes in batches: a canary comes alone, behind all that stand before it."""
    batches: list[list[Probe]] = [[]]
    for probe in probes:
        if probe.has("canary"):
            batches += [[probe], []]
        else:
            batches[-1].append(probe)
    return [batch for batch in batches if batch]
