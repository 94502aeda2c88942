"""Probes: every request the suite can send by hand, one module an area, named as its requirements file.

Each module has ``probes(ask)``, which yields the probes of one model. Nothing here is sent, and nothing depends on
the clock or on chance: the same arguments give the same probes.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from conformance.model import Probe
from conformance.probes.asker import Asker
from conformance.probes.shared import shared

LIFE = "chat.basic"
"""The probe that is sent first: readable text from it is the proof that a model is there."""

_SUPPORT = frozenset({"asker", "burst", "generated", "own", "recipes", "shared", "tries"})


def library(ask: Asker, *, first: bool = True) -> tuple[Probe, ...]:
    """Return all hand-written probes for one model; of a model that is not the ``first``, without the shared ones."""
    found = [probe for area in _areas() for probe in area.probes(ask)]
    return tuple(probe for probe in found if first or not shared(probe))


@cache
def _areas() -> tuple[ModuleType, ...]:
    names = sorted(entry.name for entry in iter_modules(__path__))
    return tuple(import_module(f"{__name__}.{name}") for name in names if name not in _SUPPORT)
