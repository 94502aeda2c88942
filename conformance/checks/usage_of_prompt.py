"""Prompt tokens beside those of another answer: the same for the same prompt, more for a longer one (D14)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from conformance.checks.api import Case, Reads, check
from conformance.checks.select import ids, valid
from conformance.checks.values import prompt_tokens, usage_of
from conformance.model import Finding
from conformance.views import Form

ALIKE: Final = ("chat.again", "messages.minimal", "parameters.max-tokens-huge")
"""Complete answers to the messages of ``chat.basic``."""
DRIFT: Final = 8
"""Tokens by which two prompts may differ that a server adds to, such as the time of day."""


@check(
    "usage.prompt-stable", on=valid("basic", streamed=False), reads=Reads.COMPLETION, needs=("chat.again",)
)
def prompt_stable(case: Case) -> Iterator[Finding]:
    """The same request has the same prompt tokens."""
    mine, again = prompt_tokens(case.view), prompt_tokens(case.other("chat.again"))
    if mine is None or again is None:
        yield case.unsure("an answer has no prompt_tokens")
    elif mine == again:
        yield case.ok(2)
    else:
        yield case.fail(
            f"prompt_tokens {mine}, then {again} for the same request",
            "the same number",
            pointer="/usage/prompt_tokens",
        )


@check(
    "usage.prompt-grows",
    on=valid("life", streamed=False),
    reads=Reads.COMPLETION,
    needs=("messages.unicode",),
)
def prompt_grows(case: Case) -> Iterator[Finding]:
    """A prompt that is the other one with more before it has more tokens (D14)."""
    mine, longer = prompt_tokens(case.view), prompt_tokens(case.other("messages.unicode"))
    if mine is None or longer is None:
        yield case.unsure("an answer has no prompt_tokens")
    elif not longer:
        yield case.skip("prompt_tokens are 0; usage.prompt-positive judges that")
    elif longer > mine:
        yield case.ok(2, f"{mine}, and {longer} for the longer prompt")
    else:
        yield case.fail(
            f"prompt_tokens {mine}, and {longer} for the same prompt with more before it",
            "more tokens for the longer prompt",
            examined=2,
            pointer="/usage/prompt_tokens",
            also=(case.other("messages.unicode").where(pointer="/usage/prompt_tokens"),),
        )


@check(
    "usage.stream-equals-complete",
    on=ids("stream.usage"),
    reads=Reads.STREAM,
    needs=("chat.basic",),
    beside=ALIKE,
)
def stream_equals_complete(case: Case) -> Iterator[Finding]:
    """The same prompt has the same tokens, whether its answer is streamed or not (D14)."""
    mine, complete = prompt_tokens(case.view), prompt_tokens(case.other("chat.basic"))
    whole = [view for view in case.others.values() if view.form is Form.COMPLETION]
    known = [told for view in whole if (told := prompt_tokens(view)) is not None]
    if mine is None or complete is None:
        yield case.unsure("an answer has no prompt_tokens")
    elif mine in known:
        yield case.ok(1 + len(known))
    elif _may_drift(mine, known):
        yield case.skip(
            f"prompt_tokens {mine}, and {', '.join(map(str, known))} in complete answers to the same prompt: "
            "whether that is the stream's doing cannot be told"
        )
    else:
        found = usage_of(case.view)
        others = ", ".join(map(str, dict.fromkeys((complete, *known))))
        yield case.fail(
            f"prompt_tokens {mine} in the stream, {others} in complete answers to the same prompt",
            "the same number",
            examined=1 + len(known),
            frame=found[0] if found else None,
            pointer="/usage/prompt_tokens",
            also=(case.other("chat.basic").where(pointer="/usage/prompt_tokens"),),
        )


def _may_drift(mine: int, known: Sequence[int]) -> bool:
    """Whether a count is no further off than the prompt of this server may be at one time and another.

    What differs by more than :data:`DRIFT` among complete answers is no drift: then other tokens are counted.
    """
    spread = max(known) - min(known)
    steady = len(known) > 1 and not spread
    off = min(abs(mine - told) for told in known)
    return not steady and spread <= DRIFT and off <= max(DRIFT, 2 * spread)
