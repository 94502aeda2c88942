"""Patterns of names, each a whole name or the beginning of some: ``errors.*`` stands for all that begin so."""

from __future__ import annotations

from collections.abc import Callable


def one_of(*patterns: str) -> Callable[[str], bool]:
    """Return the function that tells whether a name fits one of the patterns; ``*`` stands at the end alone."""
    whole = frozenset(pattern for pattern in patterns if not pattern.endswith("*"))
    begins = tuple(pattern[:-1] for pattern in patterns if pattern.endswith("*"))
    assert not any("*" in name for name in (*whole, *begins)), patterns
    return (lambda name: name in whole or name.startswith(begins)) if begins else whole.__contains__
