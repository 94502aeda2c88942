"""Whether the turns before the question reach the model, by the bill: prompt_tokens grow with what they say (B08).

Two answers are compared whose requests differ in those turns. No tokenizer has a token for several words of plain
English, so the words of the turns bound the growth from below; what else differs is allowed for at a token a byte,
the most that any tokenizer needs. Counts that no prompt moves are no proof: usage.prompt-grows judges those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from conformance.checks.api import Case, Reads, Selector, check
from conformance.checks.select import ids
from conformance.checks.usage import WORDS_A_TOKEN
from conformance.checks.values import counts_of, prompt_tokens
from conformance.model import Finding, Json, Outcome
from conformance.strictjson import is_integer
from conformance.views import View

_TEMPLATE: Final = 12
"""Tokens that a template may write around each message, at most."""


class _Said(NamedTuple):
    """The lines of a conversation: those of the turns in question, the others, and the number of messages."""

    turns: Counter[str]
    rest: Counter[str]
    messages: int


def _said(view: View, roles: frozenset[str]) -> _Said:
    """Take the conversation of a request apart; the last message is never one of the turns."""
    asked = view.asked.get("messages")
    messages = [each for each in asked if isinstance(each, dict)] if isinstance(asked, list) else []
    turns: Counter[str] = Counter()
    rest: Counter[str] = Counter()
    for place, message in enumerate(messages, 1):
        earlier = message.get("role") in roles and place < len(messages)
        (turns if earlier else rest).update(_lines(message.get("content")))
    return _Said(turns, rest, len(messages))


def _lines(content: Json) -> Iterator[str]:
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    for text in texts:
        yield from text.split("\n") if isinstance(text, str) else ()


def _bytes(lines: Iterable[str]) -> int:
    return sum(len(line.encode("utf-8", "surrogatepass")) for line in lines)


class _Bill(NamedTuple):
    """What the turns cost beside another answer, in prompt tokens.

    ``least`` is the growth that their words demand, ``other`` the growth that the rest of the requests may explain,
    ``apart`` how much they differ in that.
    """

    view: View
    grown: int
    words: int
    least: int
    other: int
    apart: int


def _bill(view: View, mine: int, beside: View, theirs: int, roles: frozenset[str]) -> _Bill:
    here, there = _said(view, roles), _said(beside, roles)
    turns = here.turns - there.turns
    words = sum(len(line.split()) for line in turns.elements())
    more, fewer = (_bytes(found.elements()) for found in (here.rest - there.rest, there.rest - here.rest))
    other = more + _TEMPLATE * max(0, here.messages - there.messages)
    return _Bill(beside, mine - theirs, words, int(words / WORDS_A_TOKEN) - fewer, other, more + fewer)


def _cached(view: View) -> int:
    """Return the cached tokens that an answer names; some gateways wrongly take them off prompt_tokens."""
    details = counts_of(view).get("prompt_tokens_details")
    value = details.get("cached_tokens") if isinstance(details, Mapping) else None
    return value if is_integer(value) and value > 0 else 0


def _read(requirement: str, on: Selector, beside: tuple[str, ...], what: str, *roles: str) -> None:
    wanted = frozenset(roles)

    def judge(case: Case) -> Iterator[Finding]:
        view, mine = case.view, prompt_tokens(case.view)
        known = {
            name: (other, prompt_tokens(other)) for name, other in case.others.items() if other.succeeded
        }
        theirs = [(other, count) for other, count in known.values() if count is not None]
        if mine is None:
            yield case.skip("the answer tells no prompt_tokens, and nothing else shows what was read")
        elif not theirs:
            yield case.unsure("no other answer tells prompt_tokens, so there is nothing to compare")
        elif len({mine, *(count for _, count in theirs)}) == 1:
            yield case.skip(f"prompt_tokens is {mine} for every prompt; usage.prompt-grows judges that")
        else:
            bills = [_bill(view, mine, other, count, wanted) for other, count in theirs]
            yield _judged(case, min(bills, key=lambda bill: bill.apart), what)

    check(requirement, on=on, reads=Reads.TEXT, beside=beside, verb="counts")(judge)


def _judged(case: Case, bill: _Bill, what: str) -> Finding:
    saw = f"prompt_tokens grow by {bill.grown} with {what} of {bill.words} words"
    if bill.grown >= max(bill.least, bill.other):
        return case.ok(bill.words, saw, outcome=Outcome.APPLIED)
    if bill.grown < -_TEMPLATE:
        return case.unsure(f"{saw}: the counts are not those of one prompt each, so they show nothing")
    if bill.grown + _cached(case.view) >= bill.least:
        return case.unsure(f"{saw}, which the rest of the two requests or a cache may explain")
    return case.fail(
        saw,
        f"{bill.least} or more, since {what} is read and counted",
        examined=bill.words,
        pointer="/usage/prompt_tokens",
        outcome=Outcome.DROPPED,
        also=(bill.view.where(pointer="/usage/prompt_tokens"),),
    )


_read(
    "messages.system-read",
    ids("messages.system"),
    ("chat.basic", "messages.parts-all"),
    "a system message",
    "system",
)
_read(
    "messages.developer-read",
    ids("messages.developer"),
    ("chat.basic", "messages.parts-all"),
    "a developer message",
    "developer",
)
_STORIES: Final = ("parameters.max-tokens", "parameters.stop-string", "chat.basic")
_read("messages.history-read", ids("parameters.both-limits"), _STORIES, "a history", "user", "assistant")
_read(
    "messages.stream-turns-read",
    ids("parameters.max-completion-tokens"),
    _STORIES,
    "a system message and a history",
    "system",
    "user",
    "assistant",
)
