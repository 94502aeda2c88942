"""Checks: pure functions that judge one case against one requirement.

Each area has a module of its own, named as its file in ``spec/requirements/``. :func:`all_checks` imports them all
and returns what they registered; a module that fails to import fails loudly.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from conformance.checks.api import REGISTRY, Check

_SUPPORT = frozenset({"api", "select", "stream_values", "values"})


@cache
def all_checks() -> tuple[Check, ...]:
    """Return every check of every area, ordered by requirement and name."""
    for module in sorted(found.name for found in iter_modules(__path__)):
        if module not in _SUPPORT:
            import_module(f"{__name__}.{module}")
    return tuple(sorted(REGISTRY, key=lambda check: (check.requirement, check.name)))
