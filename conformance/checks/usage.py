"""Token counts: there, whole, and in agreement with each other (contract clauses D12-D16, K18)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conformance.checks.api import Case, Reads, check
from conformance.checks.select import either, valid
from conformance.checks.values import is_count, show, usage_of
from conformance.model import Finding, Json

PLAIN = valid(streamed=False)
COUNTED = either(PLAIN, valid("include-usage", streamed=True))
COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
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
    values = [found[1].get(name) for name in COUNTS]
    if not all(is_count(value) for value in values):
        return None
    return found[0], found[1], [value for value in values if isinstance(value, int)]


def _nothing(case: Case) -> Finding:
    return case.unsure("there is no usage with three counts; another requirement judges that")


@check("usage.present", on=PLAIN, reads=Reads.COMPLETION)
def present(case: Case) -> Iterator[Finding]:
    """A complete answer says what it cost (D13)."""
    if case.view.object.get("usage") is not None:
        yield case.ok()
    else:
        yield case.fail(f"usage is {show(case.view.object, 'usage')}", "a usage object", pointer="/usage")


@check("usage.object", on=COUNTED, reads=Reads.TEXT)
def is_object(case: Case) -> Iterator[Finding]:
    """What is called usage is an object (D12)."""
    found = usage_of(case.view)
    if found is None:
        yield case.skip("there is no usage")
    elif isinstance(found[1], dict):
        yield case.ok()
    else:
        yield case.fail(f"usage is {found[1]!r}"[:120], "an object", frame=found[0], pointer="/usage")


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
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


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
    if found is None or not isinstance(cached, int) or isinstance(cached, bool):
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


@check(
    "usage.prompt-stable", on=valid("basic", streamed=False), reads=Reads.COMPLETION, needs=("chat.again",)
)
def prompt_stable(case: Case) -> Iterator[Finding]:
    """The same request has the same prompt tokens."""
    found, other = _usage(case), case.other("chat.again").object.get("usage")
    mine = found[1].get("prompt_tokens") if found else None
    again = other.get("prompt_tokens") if isinstance(other, dict) else None
    if not is_count(mine) or not is_count(again):
        yield case.unsure("an answer has no prompt_tokens")
    elif mine == again:
        yield case.ok(2)
    else:
        yield case.fail(
            f"prompt_tokens {mine}, then {again} for the same request",
            "the same number",
            pointer="/usage/prompt_tokens",
        )
