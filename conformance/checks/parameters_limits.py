"""Limits of an answer: taken, and cutting what is longer than they allow (contract clauses C04-C07, K5).

Shown with a count that needs far more tokens than the limit. That a text ended by itself just there is no
failure: what counts is a bill above the limit, a count that goes on beyond it, or a cut that is told as
an end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from conformance.checks.api import Case, Judge, Reads, Selector, check
from conformance.checks.outcomes import Effect, Shown, Wanted, conclude
from conformance.checks.select import ids, valid
from conformance.checks.usage import billed_of
from conformance.checks.values import finish_of
from conformance.model import Finding
from conformance.probes.parameters import LAST, LIMIT

_TOKENS: Final = (
    "max_tokens",
    "max tokens",
    "maxtokens",
    "max_completion_tokens",
    "max_output_tokens",
    "最大",
)
MAX_TOKENS: Final = Wanted("max_tokens", _TOKENS, ("max_tokens",))
MAX_COMPLETION_TOKENS: Final = Wanted("max_completion_tokens", _TOKENS, ("max_completion_tokens",))
ONE: Final = Wanted("max_tokens 1", _TOKENS, ("max_tokens",))
HUGE: Final = Wanted(
    "a max_tokens beyond every model's limit",
    (*_TOKENS, "token", "context", "length"),
    ("max_tokens",),
    or_refused=True,
)
BOTH: Final = Wanted(
    "max_tokens and max_completion_tokens", _TOKENS, ("max_tokens", "max_tokens+max_completion_tokens")
)
NONE: Final = Wanted("a request without a limit", _TOKENS)

_DIGITS: Final = re.compile(r"\d+")
_ENOUGH: Final = 3
"""Numbers in order that show that the model counts."""


def counted(text: str) -> int:
    """Return how far a text counts from 1 on without a gap, 0 when it does not begin."""
    reached = 0
    for digits in _DIGITS.findall(text):
        if digits == str(reached + 1):
            reached += 1
        elif reached:
            break
    return reached


def cut(case: Case) -> Shown:
    """Tell whether the limit has cut the count."""
    view, reached = case.view, counted(case.view.text)
    finish, billed = finish_of(view), billed_of(case)
    if reached > 2 * LIMIT:
        return _over(f"it counts to {reached} with a limit of {LIMIT} tokens")
    if billed is not None and billed > LIMIT:
        return _over(f"{billed} completion tokens with a limit of {LIMIT}, finish_reason {finish!r}")
    if finish == "length":
        return Shown(Effect.SEEN, f"cut after {billed if billed is not None else 'so many'} tokens")
    if finish != "stop":
        return Shown(Effect.ELSEWHERE, f"finish_reason is {finish!r}; other requirements judge that")
    if _ENOUGH <= reached < LAST and billed is not None and billed >= LIMIT:
        return Shown(
            Effect.SPOILT,
            f"it stops counting at {reached} of {LAST}, after {billed} tokens, with finish_reason 'stop'",
            "finish_reason 'length': the limit has cut the answer",
            pointer="/choices/0/finish_reason",
        )
    return Shown(Effect.UNCLEAR, "the model stopped by itself before it met the limit")


def _over(saw: str) -> Shown:
    return Shown(Effect.MISSING, saw, f"at most {LIMIT} completion tokens and finish_reason 'length'")


def _accepts(requirement: str, on: Selector, wanted: Wanted) -> None:
    def judge(case: Case) -> Iterator[Finding]:
        yield conclude(case, wanted)

    check(requirement, on=on, reads=Reads.ANSWER)(_named(judge, "accepts", requirement))


def _cuts(requirement: str, on: Selector, wanted: Wanted) -> None:
    def judge(case: Case) -> Iterator[Finding]:
        yield conclude(case, wanted, cut(case))

    check(requirement, on=on, reads=Reads.TEXT)(_named(judge, "shows", requirement))


def _named(judge: Judge, verb: str, requirement: str) -> Judge:
    judge.__name__ = f"{verb}_{requirement.partition('.')[2].replace('-', '_')}"
    return judge


_accepts("parameters.max-tokens-accepted", ids("parameters.max-tokens"), MAX_TOKENS)
_accepts("parameters.max-tokens-one", ids("parameters.max-tokens-one"), ONE)
_accepts("parameters.max-tokens-above-limit", ids("parameters.max-tokens-huge"), HUGE)
_accepts(
    "parameters.max-completion-tokens-accepted",
    ids("parameters.max-completion-tokens"),
    MAX_COMPLETION_TOKENS,
)
_accepts("parameters.no-limit", valid("minimal"), NONE)

_cuts("parameters.max-tokens-effect", ids("parameters.max-tokens"), MAX_TOKENS)
_cuts(
    "parameters.max-completion-tokens-effect", ids("parameters.max-completion-tokens"), MAX_COMPLETION_TOKENS
)


@check("parameters.limit-precedence", on=ids("parameters.both-limits"), reads=Reads.ANSWER)
def limit_precedence(case: Case) -> Iterator[Finding]:
    """Of two limits max_completion_tokens counts (C07)."""
    yield conclude(case, BOTH, cut(case))
