"""What a mutant is, for whoever reads it from the cache: in a module that needs no generator."""

from __future__ import annotations

from msgspec import Struct

from conformance.model import Json


class Spoilt(Struct, frozen=True):
    """A body with one defect; ``group`` is the rule that is broken, the same for all that break it."""

    value: dict[str, Json]
    requirement: str
    group: str
    what: str
    names: tuple[str, ...]
    pointer: str
    member: str
