"""Further tries: models are random, so what needs one to cooperate is asked again, if it has to be.

A probe with ``retry`` names here what the earlier answer has to be like for one more try to be sent. All
tries of a probe are one case, folded by :func:`conformance.verdict.fold_tries`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from conformance.canaries import marks_of, shown_in
from conformance.model import Probe
from conformance.toolcalls import calls_of
from conformance.views import View

Wanted: TypeAlias = Callable[[View], bool]


def _no_call(before: View) -> bool:
    return before.succeeded and not calls_of(before)


def _no_text(before: View) -> bool:
    return before.succeeded and not before.text.strip()


def _no_mark(before: View) -> bool:
    return before.succeeded and not shown_in(before.text, marks_of(before.asked))


WANTED: Final[Mapping[str, Wanted]] = {"no-call": _no_call, "no-text": _no_text, "no-mark": _no_mark}
"""The reasons for a further try: the earlier answer was a success, but had no tool call, no text, or not the mark."""


def wanted(probe: Probe, before: View) -> bool:
    """Return whether the earlier answer gives reason to send this further try."""
    assert probe.retry is not None
    return WANTED[probe.retry.when](before)
