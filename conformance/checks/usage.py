"""Token counts: there, whole, and in agreement with each other (contract clauses D12-D16, K18)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from conformance.checks.api import Case, Reads, check
from conformance.checks.select import either, valid
from conformance.checks.values import choices_of, is_count, json_texts, show, texts_of, usage_of
from conformance.model import Finding, Json
from conformance.models import Thinks
from conformance.strictjson import is_integer
from conformance.views import Form, View

PLAIN = valid(streamed=False)
COUNTED = either(PLAIN, valid("include-usage", streamed=True))
COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
WORDS_A_TOKEN = 1.25
"""More words than that for each token are not plausible: the tokenizers in use have no token of two words."""
FEW_WORDS = 8
"""Texts with fewer words say nothing of a ratio, unless one token stands for half as many."""
DETAILS = ("prompt_tokens_details", "completion_tokens_details")


def _usage(case: Case) -> tuple[int | None, Mapping[str, Json]] | None:
    found = usage_of(case.view)
    if found is None or not isinstance(found[1], dict):
        return None
    return found[0], found[1]


def _counts(case: Case) -> tuple[int | None, Mapping[str, Json], list[int]] | None:
    """Return usage with its three counts, None when one is no count (another requirement judges that)."""
    found = _usage(case)
    if found is None:
        return None
    values = [value for name in COUNTS if is_count(value := found[1].get(name))]
    return (found[0], found[1], values) if len(values) == len(COUNTS) else None


def billed_of(case: Case) -> int | None:
    """Return the completion tokens that the limit of the request bounds, None when that cannot be told.

    ``max_completion_tokens`` bounds reasoning too; beside ``max_tokens`` some providers let it run free.
    """
    found = _counts(case)
    if found is None or _more_than_asked(case.view):
        return None
    _, usage, (_, spent, _) = found
    thought = reasoning_tokens(usage)
    if case.view.asked.get("max_completion_tokens") is not None or case.card.reasoning_apart:
        return spent
    if thought:
        return max(0, spent - thought)
    thinks = case.card.thinks in {Thinks.ALWAYS, Thinks.BY_DEFAULT} or _shows_thoughts(case.view)
    return None if thinks else spent


def _more_than_asked(view: View) -> bool:
    n = view.asked.get("n")
    choices = view.stream.choices if view.form is Form.STREAM else choices_of(view)
    return len(choices) > (n if isinstance(n, int) else 1)


def _shows_thoughts(view: View) -> bool:
    if view.form is Form.STREAM:
        return any(choice.reasoning for choice in view.stream.choices.values())
    message = view.message if isinstance(view.message, dict) else {}
    return any(message.get(name) for name in ("reasoning_content", "reasoning"))


def _nothing(case: Case) -> Finding:
    found = usage_of(case.view)
    if found is None:
        by = "stream.include-usage-present" if case.view.form is Form.STREAM else "usage.present"
    else:
        by = "usage.token-counts" if isinstance(found[1], dict) else "usage.object"
    return case.unsure("there is no usage with three counts", by=(by,))


@check("usage.present", on=PLAIN, reads=Reads.COMPLETION)
def present(case: Case) -> Iterator[Finding]:
    """A complete answer says what it cost (D13)."""
    if case.view.object.get("usage") is not None:
        yield case.ok()
    else:
        yield case.fail(f"usage is {show(case.view.object, 'usage')}", "a usage object", pointer="/usage")


@check("usage.object", on=COUNTED, reads=Reads.TEXT)
def is_object(case: Case) -> Iterator[Finding]:
    """What is called usage is an object, in each chunk of a stream (D12)."""
    given = [
        (frame, value["usage"]) for frame, value in json_texts(case.view) if value.get("usage") is not None
    ]
    odd = next(((frame, usage) for frame, usage in given if not isinstance(usage, dict)), None)
    if not given:
        yield case.skip("there is no usage")
    elif odd is None:
        yield case.ok(len(given))
    else:
        yield case.fail(
            f"usage is {odd[1]!r}"[:120], "an object", examined=len(given), frame=odd[0], pointer="/usage"
        )


@check("usage.token-counts", on=COUNTED, reads=Reads.TEXT)
def token_counts(case: Case) -> Iterator[Finding]:
    """Three counts, each an integer not below 0 (D14)."""
    found = _usage(case)
    if found is None:
        yield case.skip("there is no usage")
        return
    frame, usage = found
    for name in COUNTS:
        if not is_count(usage.get(name)):
            yield case.fail(
                f"{name} is {show(usage, name)}",
                "an integer, 0 or more",
                examined=3,
                frame=frame,
                pointer=f"/usage/{name}",
            )
            return
    yield case.ok(len(COUNTS))


def reasoning_tokens(usage: Mapping[str, Json]) -> int:
    """Return the reasoning tokens that usage names, 0 when it names none."""
    details = usage.get("completion_tokens_details")
    value = details.get("reasoning_tokens") if isinstance(details, dict) else usage.get("reasoning_tokens")
    return value if is_integer(value) else 0


def answer_tokens(usage: Mapping[str, Json]) -> int | None:
    """Return the tokens of an answer with its reasoning, counted within or apart (K18); None without a count."""
    prompt, completion, total = (usage.get(name) for name in COUNTS)
    if not is_integer(completion) or completion < 0:
        return None
    within = is_integer(prompt) and total == prompt + completion
    return completion if within else completion + reasoning_tokens(usage)


@check("usage.sum", on=COUNTED, reads=Reads.TEXT)
def adds_up(case: Case) -> Iterator[Finding]:
    """The total is the sum of its parts (D15), reasoning counted within or apart (K18)."""
    found = _counts(case)
    if found is None:
        yield _nothing(case)
        return
    frame, usage, (prompt, completion, total) = found
    sums = {prompt + completion, prompt + completion + reasoning_tokens(usage)}
    if total in sums:
        yield case.ok(3)
    else:
        yield case.fail(
            f"{prompt} + {completion} = {total}", f"a total of {prompt + completion}", examined=3, frame=frame,
            pointer="/usage/total_tokens",
        )  # fmt: skip


@check("usage.prompt-positive", on=COUNTED, reads=Reads.TEXT)
def prompt_positive(case: Case) -> Iterator[Finding]:
    """A prompt has tokens (D14)."""
    found = _counts(case)
    if found is None:
        yield _nothing(case)
    elif found[2][0] > 0:
        yield case.ok()
    else:
        yield case.fail(
            "prompt_tokens is 0",
            "1 or more for a prompt with text",
            frame=found[0],
            pointer="/usage/prompt_tokens",
        )


@check("usage.completion-positive", on=COUNTED, reads=Reads.TEXT)
def completion_positive(case: Case) -> Iterator[Finding]:
    """Text has tokens (D14)."""
    found = _counts(case)
    if found is None:
        yield _nothing(case)
    elif not case.view.text:
        yield case.skip("the answer has no text")
    elif found[2][1] > 0:
        yield case.ok()
    else:
        yield case.fail(
            f"completion_tokens is 0 for {len(case.view.text)} characters", "1 or more for an answer with text",
            frame=found[0], pointer="/usage/completion_tokens",
        )  # fmt: skip


@check("usage.details-objects", on=COUNTED, reads=Reads.TEXT)
def details_objects(case: Case) -> Iterator[Finding]:
    """Details are objects of counts (D16)."""
    found = _usage(case)
    if found is None:
        yield case.skip("there is no usage")
        return
    frame, usage = found
    given = [name for name in DETAILS if usage.get(name) is not None]
    for name in given:
        details = usage[name]
        if not isinstance(details, dict):
            yield case.fail(
                f"{name} is {details!r}"[:120], "an object", frame=frame, pointer=f"/usage/{name}"
            )
            return
        for member in ("cached_tokens", "reasoning_tokens"):
            if details.get(member) is not None and not is_count(details[member]):
                yield case.fail(
                    f"{member} is {show(details, member)}", "an integer, 0 or more", frame=frame,
                    pointer=f"/usage/{name}/{member}",
                )  # fmt: skip
                return
    if given:
        yield case.ok(len(given))
    else:
        yield case.skip("usage has no details")


@check("usage.cached-bounds", on=COUNTED, reads=Reads.TEXT)
def cached_bounds(case: Case) -> Iterator[Finding]:
    """What was cached is part of the prompt (D16)."""
    found = _counts(case)
    details = found[1].get("prompt_tokens_details") if found else None
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    if found is None or not is_integer(cached):
        yield case.skip("there are no cached_tokens")
    elif 0 <= cached <= found[2][0]:
        yield case.ok()
    else:
        yield case.fail(
            f"{cached} cached of {found[2][0]} prompt tokens", "at most the prompt tokens", frame=found[0],
            pointer="/usage/prompt_tokens_details/cached_tokens",
        )  # fmt: skip


@check("usage.reasoning-bounds", on=COUNTED, reads=Reads.TEXT)
def reasoning_bounds(case: Case) -> Iterator[Finding]:
    """Reasoning is part of the answer, or counted beside it and in the total (K18)."""
    found = _counts(case)
    thought = reasoning_tokens(found[1]) if found else 0
    if found is None or not thought:
        yield case.skip("there are no reasoning_tokens")
        return
    prompt, completion, total = found[2]
    if 0 <= thought <= completion or total == prompt + completion + thought:
        yield case.ok()
    else:
        yield case.fail(
            f"{thought} reasoning tokens of {completion} completion tokens, total {total}",
            "reasoning within the completion, or counted beside it in the total",
            frame=found[0],
            pointer="/usage/completion_tokens_details/reasoning_tokens",
        )


def _words(texts: Iterable[str]) -> int:
    """Count words; signs that stand alone are none, however odd the spaces around them are."""
    return sum(any(sign.isalnum() for sign in word) for text in texts for word in text.split())


def _generated(view: View) -> Iterator[str]:
    """Yield the texts of an answer without those that have links: a search's server may add sources for nothing."""
    return (text for text in texts_of(view) if "://" not in text)


def _said(messages: Json) -> Iterator[str]:
    """Yield the texts of a conversation."""
    for message in messages if isinstance(messages, list) else []:
        content = message.get("content") if isinstance(message, dict) else None
        parts = content if isinstance(content, list) else [{"text": content}]
        texts = (part.get("text") for part in parts if isinstance(part, dict))
        yield from (text for text in texts if isinstance(text, str))


@check("usage.plausible", on=COUNTED, reads=Reads.TEXT)
def plausible(case: Case) -> Iterator[Finding]:
    """No token stands for several words (D14): of the prompt, of the answer, of all its choices."""
    found = _counts(case)
    if found is None:
        yield _nothing(case)
        return
    frame, usage, (prompt, _, _) = found
    examined = 0
    for name, tokens, words in (
        ("prompt_tokens", prompt, _words(_said(case.view.asked.get("messages")))),
        ("completion_tokens", answer_tokens(usage), _words(_generated(case.view))),
    ):
        if not tokens or (words < FEW_WORDS and words < tokens * FEW_WORDS / 2):
            continue
        examined += 1
        if words > tokens * WORDS_A_TOKEN:
            yield case.fail(
                f"{name} is {tokens} for {words} words",
                "about a token a word, or more",
                examined=examined,
                frame=frame,
                pointer=f"/usage/{name}",
            )
            return
    if examined:
        yield case.ok(examined)
    else:
        yield case.skip("prompt and answer are too short to tell")


@check("usage.limit-respected", on=COUNTED, reads=Reads.TEXT)
def limit_respected(case: Case) -> Iterator[Finding]:
    """Nobody is billed for more tokens than were allowed (C04, C06)."""
    asked, found = case.view.asked, _counts(case)
    total, plain, n = (asked.get(name) for name in ("max_completion_tokens", "max_tokens", "n"))
    limit = plain if total is None else total
    if not is_integer(limit):
        yield case.skip("the request has no limit")
        return
    most = limit * (n if isinstance(n, int) and n > 1 else 1)
    billed = billed_of(case)
    if found is None:
        yield _nothing(case)
    elif billed is None:
        yield case.skip("it cannot be told which of the tokens the limit bounds (reasoning, further choices)")
    elif billed <= most:
        yield case.ok()
    else:
        yield case.fail(
            f"{billed} completion tokens with a limit of {limit}"
            + (f" and {n} choices" if most > limit else ""),
            f"at most {most}",
            frame=found[0],
            pointer="/usage/completion_tokens",
        )
