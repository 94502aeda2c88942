"""Which probes a check looks at, said in words: ``ids("errors.no-key*")``, ``valid("stream")``.

The same words give the same selector, so that what checks have in common need be looked up only once.
"""

from __future__ import annotations

from functools import cache

from conformance.checks.api import Selector
from conformance.model import Intent, Probe
from conformance.patterns import one_of


@cache
def ids(*patterns: str) -> Selector:
    """Choose probes by id; ``*`` at the end of a pattern stands for anything."""
    fits = one_of(*patterns)
    return lambda probe: fits(probe.id)


@cache
def valid(*traits: str, streamed: bool | None = None) -> Selector:
    """Choose valid probes that carry all these traits, streamed or not or (None) both.

    Those that are sent to meet a limit are left out: they are asked for their own requirements alone.
    """

    def chooses(probe: Probe) -> bool:
        same = streamed is None or probe.streamed is streamed
        return same and probe.intent is Intent.VALID and probe.has(*traits) and not probe.has("burst")

    return chooses


@cache
def invalid(*traits: str) -> Selector:
    """Choose invalid probes that carry all these traits."""
    return lambda probe: probe.intent is Intent.INVALID and probe.has(*traits)


@cache
def either(first: Selector, *others: Selector) -> Selector:
    """Choose what any of these chooses."""
    if not others:
        return first
    rest = either(*others)
    return lambda probe: first(probe) or rest(probe)


@cache
def without(selector: Selector, *traits: str) -> Selector:
    """Choose what the selector chooses and carries none of these traits."""
    return lambda probe: selector(probe) and probe.traits.isdisjoint(traits)
