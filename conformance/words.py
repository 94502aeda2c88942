"""How many things are named and counted in a sentence, the same in errors, findings and reports."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice


def named(names: Collection[str], most: int) -> str:
    """Join names with commas; of more than ``most`` the others are only counted."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(islice(names, most)) + more


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, which takes an s unless there is one of it."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
