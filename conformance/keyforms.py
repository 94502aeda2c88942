"""Knows a key of somebody by its form. The forms are data, in ``spec/keyforms.yaml``.

A key is random: what has few different characters, or no digit, is a placeholder such as those in manuals.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

from conformance.datafile import read_yaml
from conformance.paths import data_root

LEAST_VARIETY: Final = 10
"""Different characters that a real key has at least; a random one of 20 characters has about 17."""


class FoundKey(NamedTuple):
    """A key in a text, and whose keys look so."""

    key: str
    whose: str


@cache
def _forms() -> tuple[tuple[str, re.Pattern[str]], ...]:
    rows = read_yaml(data_root() / "spec" / "keyforms.yaml")
    return tuple((row["whose"], re.compile(rf"(?<![A-Za-z0-9_-])(?:{row['form']})")) for row in rows)


def keys_in(text: str) -> list[FoundKey]:
    """Return the keys in a text."""
    return [
        FoundKey(found.group(), whose)
        for whose, form in _forms()
        for found in form.finditer(text)
        if len(set(found.group())) >= LEAST_VARIETY and any(letter.isdigit() for letter in found.group())
    ]
