"""What stands behind each requirement: its probes, its checks, and the faults that prove it.

Read from what really runs: the checks that registered, the probes that they choose from the library of every model
that is known, and the faults whose run has to fail just this requirement (of observations, the legal variants).
Sends nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from itertools import islice

from msgspec import Struct

from conformance.catalogue import load
from conformance.checks import all_checks
from conformance.checks.api import Check
from conformance.checks.generated import JUDGES
from conformance.model import Probe
from conformance.models import load_cards
from conformance.openapi import json_pointer, traced
from conformance.probes import library
from conformance.probes.asker import Asker
from conformance.probes.burst import burst
from conformance.reference.faults import load_faults


class Trace(Struct, frozen=True):
    """The way from a requirement to its proof, each part by name and in order.

    ``probes`` are written by hand; ``keywords`` are places of ``spec/openapi.yaml`` that requests are generated from;
    ``drawn`` says that requests of our own making are drawn for it.
    """

    probes: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    drawn: bool = False


@cache
def traces() -> Mapping[str, Trace]:
    """Return the trace of every requirement of the catalogue."""
    chosen: dict[str, dict[str, None]] = defaultdict(dict)
    names: dict[str, list[str]] = defaultdict(list)
    probes = _probes()
    for check in all_checks():
        names[check.requirement].append(_name(check))
        chosen[check.requirement] |= dict.fromkeys(_chosen(check, probes))
    faults: dict[str, list[str]] = defaultdict(list)
    for name, fault in load_faults().items():
        for requirement in fault.breaks:
            faults[requirement].append(name)
    keywords: dict[str, list[str]] = defaultdict(list)
    for path, requirement in traced():
        keywords[requirement].append(json_pointer(path))
    return {
        row: Trace(
            tuple(chosen.get(row, ())),
            tuple(keywords.get(row, ())),
            tuple(names.get(row, ())),
            tuple(faults.get(row, ())),
            row in JUDGES,
        )
        for row in load().requirements
    }


def _probes() -> list[Probe]:
    """Return the probes of every known model, as if each were the first and every document counted.

    Of a burst, whose requests are all alike, only the first is there.
    """
    documents = frozenset(name for profile in load().profiles.values() for name in profile.documents)
    cards = load_cards().cards
    asked = (Asker(model, card, documents=documents) for model, card in cards.items())
    return [
        probe for ask in asked for probe in (*library(ask), *islice(burst(ask), 1)) if probe.retry is None
    ]


def _name(check: Check) -> str:
    """Name a check with its module, as in ``conformance/checks/<module>.py``."""
    return f"{check.judge.__module__.rpartition('.')[2]}.{check.name.strip('_')}"


def _chosen(check: Check, probes: list[Probe]) -> list[str]:
    return [probe.id for probe in probes if check.on(probe)]
