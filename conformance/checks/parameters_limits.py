"""Limits of an answer: taken, and cutting what is longer than they allow (contract clauses C04-C07, K5).

Shown with a story that needs far more tokens than the limit. A model that ends by itself is no failure: what
counts is a bill or a text above the limit, or a cut in the middle of a sentence that is told as an end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.checks.api import Case, Reads, Selector, check
from conformance.checks.limitfield import FIELDS
from conformance.checks.outcomes import Effect, Shown, Wanted, conclude
from conformance.checks.select import ids, valid
from conformance.checks.usage import WORDS_A_TOKEN, billed_of, reasoning_tokens
from conformance.checks.values import counts_of, texts_of
from conformance.model import Finding
from conformance.probes.parameters import LIMIT
from conformance.strictjson import is_integer
from conformance.toolcalls import calls_of
from conformance.views import Form, View

_TOKENS: Final = (
    "max_tokens",
    "max tokens",
    "maxtokens",
    "max_completion_tokens",
    "max_output_tokens",
    "最大",
)
MAX_TOKENS: Final = Wanted("max_tokens", _TOKENS, ("max_tokens",))
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
MAX_COMPLETION_TOKENS: Final = Wanted("max_completion_tokens", _TOKENS, ("max_completion_tokens",))
NONE: Final = Wanted("a request without a limit", _TOKENS)

_LONG: Final = 2 * LIMIT
"""Words that are more than the limit allows, however a tokenizer counts."""

_LONG_FOR_ONE: Final = LIMIT
"""Words that are more than a limit of one token allows, also where an upstream takes none below :data:`LIMIT`."""

_OTHERS: Final = 96
"""Tokens of the limits that other requests have; servers whose own default is so small are not known."""

_COMMA: Final = (",", "\uff0c", "\u3001")


def broken_off(text: str) -> bool:
    """Whether a text ends in the middle of a sentence: with a letter, a digit or a comma."""
    last = text.rstrip(" ")[-1:]
    return last.isalnum() or last in _COMMA


def cut(case: Case) -> Shown:
    """Tell whether the limit has cut the story."""
    view, words = case.view, len(case.view.text.split())
    finish, billed = view.finish_reason, billed_of(case)
    one = view.asked.get("max_tokens") == 1
    if words > (_LONG_FOR_ONE if one else _LONG):
        return _over(f"an answer of {words} words with a limit of {1 if one else LIMIT} tokens")
    if billed is not None and billed > LIMIT:
        return _billed_over(view, finish, billed)
    if finish == "length":
        return Shown(Effect.SEEN, "cut" if billed is None else f"cut after {billed} tokens")
    if finish != "stop":
        return Shown(Effect.ELSEWHERE, f"finish_reason is {finish!r}; other requirements judge that")
    if saw := _cut_untold(view, billed):
        expected = "finish_reason 'length': the limit has cut the answer"
        return Shown(Effect.SPOILT, saw, expected, pointer="/choices/0/finish_reason")
    return Shown(Effect.UNCLEAR, "the model stopped by itself before it met the limit")


def _cut_untold(view: View, billed: int | None) -> str:
    """Say how an answer that finished with ``stop`` shows that the limit has cut it, empty when nothing does."""
    if spent := _spent_on_thoughts(view):
        return f"{spent} tokens of thoughts with a limit of {LIMIT}, no text, and finish_reason 'stop'"
    if billed is not None and billed >= LIMIT and broken_off(view.text):
        return f"cut after {billed} tokens at {view.text[-30:]!r}, with finish_reason 'stop'"
    return ""


def _spent_on_thoughts(view: View) -> int:
    """Return the bill of an answer that was cut in its thoughts, 0 where that is not seen.

    A bill far above the limit is that of thoughts which the limit does not bound.
    """
    counts = counts_of(view)
    spent = counts.get("completion_tokens")
    thought = reasoning_tokens(counts) or any(text.strip() for text in texts_of(view))
    if not is_integer(spent) or not thought or view.text.strip() or calls_of(view):
        return 0
    return spent if LIMIT <= spent <= 2 * LIMIT else 0


def _billed_over(view: View, finish: str | None, billed: int) -> Shown:
    """Tell an answer that is too long from one that was cut, with a bill of more tokens than its text can have."""
    shown = billed - reasoning_tokens(counts_of(view))
    if finish == "length" and shown * 2 > len(view.text) > 0:
        why = f"cut at {view.text[-30:]!r}, and {billed} tokens are billed for it"
        return Shown(Effect.ELSEWHERE, f"{why}; usage.limit-respected judges that")
    return _over(f"{billed} completion tokens with a limit of {LIMIT}, finish_reason {finish!r}")


def _over(saw: str) -> Shown:
    return Shown(Effect.MISSING, saw, f"at most {LIMIT} completion tokens and finish_reason 'length'")


def _accepts(requirement: str, on: Selector, wanted: Wanted) -> None:
    def judge(case: Case) -> Iterator[Finding]:
        yield conclude(case, wanted)

    check(requirement, on=on, reads=Reads.ANSWER, verb="accepts")(judge)


def _cuts(requirement: str, on: Selector, wanted: Wanted) -> None:
    def judge(case: Case) -> Iterator[Finding]:
        yield conclude(case, wanted, cut(case))

    check(requirement, on=on, reads=Reads.TEXT, verb="shows")(judge)


_accepts("parameters.max-tokens-accepted", ids("parameters.max-tokens"), MAX_TOKENS)
_accepts("parameters.max-tokens-one", ids("parameters.max-tokens-one"), ONE)
_accepts("parameters.max-tokens-above-limit", ids("parameters.max-tokens-huge"), HUGE)

_cuts("parameters.max-tokens-effect", ids("parameters.max-tokens", "parameters.max-tokens-one"), MAX_TOKENS)
_cuts(
    "parameters.max-completion-tokens-effect", ids("parameters.max-completion-tokens"), MAX_COMPLETION_TOKENS
)


@check("parameters.no-limit", on=valid("minimal"), reads=Reads.ANSWER)
def no_limit(case: Case) -> Iterator[Finding]:
    """No limit is demanded, and none is made up that cuts a greeting, such as that of another request."""
    view, shown = case.view, Shown(Effect.UNSEEN)
    billed = billed_of(case) if view.succeeded and not reasoning_tokens(counts_of(view)) else None
    if billed is not None and billed <= _OTHERS and view.finish_reason == "length":
        saw = f"cut after {billed} tokens at {view.text[-30:]!r}, though no limit was sent"
        shown = Shown(Effect.SPOILT, saw, "the whole of a short answer", pointer="/choices/0/finish_reason")
    yield conclude(case, NONE, shown)


@check("parameters.stream-not-cut", on=ids("stream.usage"), reads=Reads.STREAM, beside=("chat.basic",))
def stream_not_cut(case: Case) -> Iterator[Finding]:
    """A stream says ``length`` only where its limit was met, if the complete answer to the same ended by itself."""
    view, complete = case.view, case.others.get("chat.basic")
    limit = next((value for name in FIELDS if is_integer(value := view.asked.get(name))), None)
    billed = None if reasoning_tokens(counts_of(view)) else billed_of(case)
    if view.finish_reason == "stop":
        yield case.ok(len(view.stream.chunks))
    elif view.finish_reason != "length":
        yield case.skip(f"finish_reason is {view.finish_reason!r}; other requirements judge that")
    elif complete is None or complete.finish_reason != "stop":
        yield case.skip("no complete answer to the same question ended by itself")
    elif limit is None or billed is None or not _far_from(limit, billed, view.text, complete.text):
        yield case.skip("it cannot be told that the limit was not met")
    else:
        yield case.fail(
            f"finish_reason 'length' after {billed} of {limit} tokens, at {view.text[-30:]!r}",
            "finish_reason 'stop': the answer is whole",
            examined=len(view.stream.chunks),
            frame=view.stream.choice(0).finishes[0][0],
            pointer="/choices/0/finish_reason",
        )


def _far_from(limit: int, billed: int, text: str, whole: str) -> bool:
    """Whether a text is the whole of an answer, or far below its limit by its bill, which can be that of the text."""
    if text.strip() == whole.strip():
        return billed < limit
    return billed * 2 <= limit and len(text) <= limit * 2 and len(text.split()) <= billed * WORDS_A_TOKEN


_TURNS: Final = ("messages.assistant", "messages.system")
"""What requests with a limit have besides: earlier turns."""


@check(
    "parameters.max-completion-tokens-accepted",
    on=ids("parameters.max-completion-tokens"),
    reads=Reads.ANSWER,
    beside=("stream.usage", *_TURNS),
)
def max_completion_tokens_accepted(case: Case) -> Iterator[Finding]:
    """The newer limit is taken (C06)."""
    yield _not_for_the_rest(case) or conclude(case, MAX_COMPLETION_TOKENS)


@check("parameters.limit-precedence", on=ids("parameters.both-limits"), reads=Reads.ANSWER, beside=_TURNS[:1])
def limit_precedence(case: Case) -> Iterator[Finding]:
    """Of two limits max_completion_tokens counts (C07)."""
    yield _not_for_the_rest(case) or conclude(case, BOTH, cut(case))


def _not_for_the_rest(case: Case) -> Finding | None:
    """Say nothing of a limit where what else its request has is refused without one too."""
    refused = [name for name, view in case.others.items() if view.form is Form.REFUSED]
    if case.view.form is not Form.REFUSED or not refused:
        return None
    return case.unsure(f"{refused[0]}, which has no such limit, is refused too")
