"""Draws from a Hypothesis strategy without a test, the same values everywhere.

Hypothesis by itself mixes constants of whatever modules are loaded into what it draws, and replays what failed
before; both would make a plan depend on the process that made it. Here every value has a random generator of its
own, made of the seed and a name, and no constants. No Unicode tables are loaded either: texts are drawn from
ranges of code points.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Final, TypeVar

from hypothesis import configuration
from hypothesis.control import BuildContext
from hypothesis.errors import StopTest, UnsatisfiedAssumption
from hypothesis.internal.conjecture.data import ConjectureData
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.strategies import SearchStrategy

from conformance import casecache

_Value = TypeVar("_Value")
_GOES: Final = 20


class _Plain(HypothesisProvider):
    """Draws at random alone."""

    def _maybe_draw_constant(self, *_: object, **__: object) -> None:
        """Offer no constant: which there are depends on the modules that are loaded."""


def draw(strategy: SearchStrategy[_Value], seed: int, name: str) -> _Value:
    """Return one value of the strategy; the same seed and name give the same value.

    Raises:
        ValueError: the strategy rejects what it draws again and again.

    """
    for go in range(_GOES):
        data = ConjectureData(random=Random(f"{seed}/{name}/{go}"), provider=_Plain)  # noqa: S311 - no secret
        try:
            with BuildContext(data, is_final=False, wrapped_test=draw):
                return data.draw(strategy)
        except (StopTest, UnsatisfiedAssumption):
            continue
    raise ValueError(f"the strategy for {name} gave no value in {_GOES} goes")


@contextmanager
def at_home() -> Iterator[None]:
    """Let Hypothesis keep its tables in the user's cache, not in the working directory."""
    before = getattr(configuration, "__hypothesis_home_directory", None)
    folder = casecache.cache_folder()
    with tempfile.TemporaryDirectory() as temporary:
        configuration.set_hypothesis_home_dir(folder / "hypothesis" if folder else temporary)
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(before)
