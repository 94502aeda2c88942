"""Thoughts that a model shows: in their own member, as text, before the answer, and out of it (clauses D20, F01)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from conformance.checks.api import Case, Reads, check
from conformance.checks.select import either, ids, valid
from conformance.checks.usage import WORDS_A_TOKEN, answer_tokens, reasoning_tokens
from conformance.checks.values import choices_of, counts_of, usage_of, withheld
from conformance.model import Finding, Json, Outcome
from conformance.models import Thinks
from conformance.views import Form, View

MEMBER: Final = "reasoning_content"
OTHERS: Final = ("reasoning", "thinking", "thoughts", "reasoning_text")
"""Other names under which thoughts were seen."""
FEW_WORDS: Final = 8
"""Thoughts with fewer words say nothing of a count."""

_MARKUP: Final = re.compile(r"</?(?:think|thinking|reasoning|thought)>", re.IGNORECASE)
_KEPT: Final = re.compile(
    r"^<(?:think|thinking|reasoning|thought)>|</(?:think|thinking|reasoning|thought)>$", re.IGNORECASE
)
_PLAIN: Final = ids("chat.basic", "stream.basic")
_SEEN: Final = either(_PLAIN, valid("thinking"))
_MAY_THINK: Final = either(
    valid("calls"),
    valid("history"),
    valid("return"),
    ids("messages.assistant", "structured.json-object", "structured.json-schema"),
    ids("structured.json-schema-stream", "structured.json-schema-strict"),
)
"""Answers that servers put together in places of their own, where thoughts were seen to stay in the text."""
_WHOLE: Final = either(ids("chat.basic"), valid("thinking", streamed=False))
_STREAMED: Final = either(ids("stream.basic"), valid("thinking", streamed=True))
_ALL: Final = either(valid("text"), valid("thinking"))


class Thoughts(NamedTuple):
    """The member that carries thoughts, empty when none does, and their text."""

    member: str
    text: str


def told_thoughts(view: View) -> Thoughts:
    """Return the thoughts of the first choice, under whatever name they stand."""
    holders = list(_holders(view))
    for name in (MEMBER, *OTHERS):
        told = [value for _, holder in holders if isinstance(value := holder.get(name), str)]
        if text := "".join(told):
            return Thoughts(name, text)
    return Thoughts("", "")


def _holders(view: View) -> Iterator[tuple[int | None, Mapping[str, Json]]]:
    """Yield the messages or deltas of the first choice, with their frames."""
    if view.form is Form.STREAM:
        yield from ((each.frame, each.delta) for each in view.stream.deltas if each.choice == 0)
    elif view.form is Form.COMPLETION:
        message = view.message
        if isinstance(message, dict):
            yield None, message


def _meant_to_show(case: Case) -> bool:
    return case.card.shows_thoughts and case.card.will_think(case.view.asked)


def _present(case: Case) -> Finding:
    """Judge whether the thoughts stand where clients look for them."""
    member, text = told_thoughts(case.view)
    if not _meant_to_show(case):
        return case.skip("nothing says that this model shows thoughts on this request")
    if member == MEMBER:
        return case.ok(len(text), f"{len(text)} characters of thoughts")
    if elsewhere := _elsewhere(case.view, member):
        return case.fail(elsewhere, f"a non-empty text in {MEMBER}")
    if not case.view.text.strip() and case.view.finish_reason == "length":
        return case.unsure("the limit was spent, and nothing is shown")
    if case.card.thinks is not Thinks.ALWAYS:
        return case.unsure("no thoughts are shown; the model may have had none on this question")
    return case.fail("no thoughts are shown", f"a non-empty text in {MEMBER}", outcome=Outcome.DROPPED)


def _elsewhere(view: View, member: str) -> str:
    """Say where thoughts are that do not stand in their member, empty when there is no sign of any."""
    if member:
        return f"the thoughts stand in {member}"
    if _MARKUP.search(view.text):
        return "the thoughts stand in content, in tags"
    counted = reasoning_tokens(counts_of(view))
    return f"{counted} reasoning tokens are billed, and no thoughts are shown" if counted else ""


@check("reasoning.content-present", on=_WHOLE, reads=Reads.COMPLETION)
def content_present(case: Case) -> Iterator[Finding]:
    """A complete answer has the thoughts beside its content."""
    yield _present(case)


@check("reasoning.stream-present", on=_STREAMED, reads=Reads.STREAM)
def stream_present(case: Case) -> Iterator[Finding]:
    """A stream has the thoughts in its deltas."""
    yield _present(case)


@check("reasoning.content-string", on=_ALL, reads=Reads.TEXT)
def content_string(case: Case) -> Iterator[Finding]:
    """Thoughts are a string or null wherever they are."""
    found = 0
    for frame, holder in _all_holders(case.view):
        if MEMBER in holder:
            found += 1
            value = holder[MEMBER]
            if value is not None and not isinstance(value, str):
                yield case.fail(
                    f"{MEMBER} is {value!r}"[:120], "a string or null", examined=found, frame=frame
                )
                return
    if found:
        yield case.ok(found)
    else:
        yield case.skip(f"there is no {MEMBER}")


def _all_holders(view: View) -> Iterable[tuple[int | None, Mapping[str, Json]]]:
    if view.form is Form.STREAM:
        return ((each.frame, each.delta) for each in view.stream.deltas)
    messages = (choice.get("message") for choice in choices_of(view))
    return ((None, message) for message in messages if isinstance(message, dict))


@check("reasoning.stream-order", on=_STREAMED, reads=Reads.STREAM)
def stream_order(case: Case) -> Iterator[Finding]:
    """No thought comes behind the first text; white space is no text."""
    choice = case.view.stream.choice(0)
    thoughts = [frame for frame, text in choice.reasoning_parts if text.strip()]
    texts = [frame for frame, text in choice.content_parts if text.strip()]
    if not thoughts or not texts:
        yield case.skip("the stream does not have both thoughts and text")
    elif thoughts[-1] <= texts[0]:
        yield case.ok(len(thoughts) + len(texts))
    else:
        yield case.fail(
            f"thoughts in event {thoughts[-1]}, behind the first text in event {texts[0]}",
            "all thoughts before the first text",
            frame=thoughts[-1],
            examined=len(thoughts) + len(texts),
        )


@check("reasoning.not-in-content", on=either(_SEEN, _MAY_THINK), reads=Reads.TEXT)
def not_in_content(case: Case) -> Iterator[Finding]:
    """The text holds no tags of thinking where thoughts have, or ought to have, a member of their own."""
    member, thoughts = told_thoughts(case.view)
    found = _MARKUP.search(case.view.text)
    if not member and not _meant_to_show(case):
        yield case.skip("no thoughts are shown, and none are expected")
    elif found:
        yield case.fail(
            f"{found.group()} in the content: {case.view.text[:60]!r}", "content without the thoughts' markup"
        )
    elif tag := _KEPT.search(thoughts.strip()):
        yield case.fail(
            f"{tag.group()} in {member}: {thoughts.strip()[:60]!r}", "thoughts without the markup around them"
        )
    elif thoughts and case.view.text.startswith(thoughts) and len(thoughts.split()) >= FEW_WORDS:
        yield case.fail("the content begins with the very thoughts", "content without the thoughts")
    elif case.view.text:
        yield case.ok(len(case.view.text))
    elif _MAY_THINK(case.probe):
        yield case.skip("there is no text; other requirements judge that where there ought to be any")
    else:
        yield case.unsure("there is no text")


@check("reasoning.text-follows", on=_SEEN, reads=Reads.TEXT)
def text_follows(case: Case) -> Iterator[Finding]:
    """An answer that was not cut has text behind its thoughts."""
    member, thoughts = told_thoughts(case.view)
    finish = case.view.finish_reason
    if not member:
        yield case.skip("no thoughts are shown")
    elif case.view.text.strip():
        yield case.ok(len(case.view.text))
    elif why := withheld(case.view):
        yield case.unsure(why)
    else:
        yield case.fail(
            f"{len(thoughts)} characters of thoughts, no text, finish_reason {finish!r}",
            "text behind the thoughts",
        )


@check("reasoning.role-in-thoughts", on=_STREAMED, reads=Reads.STREAM)
def role_in_thoughts(case: Case) -> Iterator[Finding]:
    """A stream that begins with thoughts tells the role in the first delta."""
    choice = case.view.stream.choice(0)
    if not choice.reasoning_parts:
        yield case.skip("no thoughts are shown")
        return
    first = choice.reasoning_parts[0][0]
    told = [role for frame, role in choice.roles if frame <= first]
    if told:
        yield case.ok(saw=repr(told[0]))
    else:
        yield case.fail(
            "no role up to the first thought", "the role assistant in the first delta", frame=first
        )


@check("reasoning.tokens-counted", on=_SEEN, reads=Reads.TEXT)
def tokens_counted(case: Case) -> Iterator[Finding]:
    """Thoughts are billed as the answer's tokens, within the completion or apart (K18)."""
    thoughts = told_thoughts(case.view).text
    found, counted = usage_of(case.view), answer_tokens(counts_of(case.view))
    if counted is None:
        yield case.skip("the answer tells no completion tokens")
        return
    words = len(thoughts.split()) + len(case.view.text.split())
    if len(thoughts.split()) < FEW_WORDS:
        yield case.skip("no thoughts are shown, or too few words of them to tell")
    elif words > counted * WORDS_A_TOKEN:
        yield case.fail(
            f"{counted} tokens for {words} words of thoughts and text",
            "tokens of the thoughts in completion_tokens, or in reasoning_tokens beside them",
            frame=found[0] if found else None,
            pointer="/usage/completion_tokens",
        )
    else:
        yield case.ok(words)
