"""Which probes a check looks at, said in words: ``ids("errors.no-key*")``, ``valid("stream")``."""

from __future__ import annotations

from fnmatch import fnmatchcase

from conformance.checks.api import Selector
from conformance.model import Intent, Probe


def ids(*globs: str) -> Selector:
    """Choose probes by id; ``*`` stands for anything."""
    return lambda probe: any(fnmatchcase(probe.id, glob) for glob in globs)


def valid(*traits: str, streamed: bool | None = None) -> Selector:
    """Choose valid probes that carry all these traits, streamed or not or (None) both.

    Those that are sent to meet a limit are left out: they are asked for their own requirements alone.
    """

    def chooses(probe: Probe) -> bool:
        same = streamed is None or probe.streamed is streamed
        return probe.intent is Intent.VALID and same and probe.has(*traits) and not probe.has("burst")

    return chooses


def invalid(*traits: str) -> Selector:
    """Choose invalid probes that carry all these traits."""
    return lambda probe: probe.intent is Intent.INVALID and probe.has(*traits)


def either(*selectors: Selector) -> Selector:
    """Choose what any of these chooses."""
    return lambda probe: any(selector(probe) for selector in selectors)


def without(selector: Selector, *traits: str) -> Selector:
    """Choose what the selector chooses and carries none of these traits."""
    return lambda probe: selector(probe) and probe.traits.isdisjoint(traits)
