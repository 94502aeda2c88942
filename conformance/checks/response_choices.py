"""The choices of a complete answer: numbered, each with a message and a reason why it ended (clauses D07-D11, D19)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from conformance.checks.api import Case, Reads, check
from conformance.checks.select import either, ids, valid, without
from conformance.checks.values import FINISH_REASONS, choices_of, is_text, show
from conformance.model import Finding, Json
from conformance.strictjson import is_integer

PLAIN = valid(streamed=False)
ONE = without(PLAIN, "several")


@check("response.one-choice", on=ONE, reads=Reads.COMPLETION)
def one_choice(case: Case) -> Iterator[Finding]:
    """One answer unless more were asked for (C10)."""
    choices = choices_of(case.view)
    if len(choices) > 1:
        yield case.fail(f"{len(choices)} choices", "one choice: n was not asked for", pointer="/choices")
    elif choices:
        yield case.ok()


def _each_choice(
    case: Case, wrong: Callable[[Mapping[str, Json]], str], expected: str, member: str
) -> Iterator[Finding]:
    choices = choices_of(case.view)
    for position, choice in enumerate(choices):
        if saw := wrong(choice):
            pointer = f"/choices/{position}/{member}"
            yield case.fail(saw, expected, examined=len(choices), pointer=pointer)
            return
    if choices:
        yield case.ok(len(choices))
    else:
        yield case.unsure("there are no choices", by="response.choices-array")


def _message(choice: Mapping[str, Json]) -> Mapping[str, Json]:
    message = choice.get("message")
    return message if isinstance(message, dict) else {}


@check("response.choice-index", on=PLAIN, reads=Reads.COMPLETION)
def choice_index(case: Case) -> Iterator[Finding]:
    """Choices are numbered 0 to n less one (D08)."""
    choices = choices_of(case.view)
    indexes = [choice.get("index") for choice in choices]
    if not choices:
        yield case.unsure("there are no choices", by="response.choices-array")
    elif all(is_integer(i) for i in indexes) and sorted(indexes) == list(range(len(choices))):  # type: ignore[type-var]
        yield case.ok(len(choices))
    else:
        yield case.fail(
            f"indexes {indexes!r}"[:120], f"0 to {len(choices) - 1}, each once", pointer="/choices/0/index"
        )


@check("response.message-object", on=PLAIN, reads=Reads.COMPLETION)
def message_object(case: Case) -> Iterator[Finding]:
    """Each choice has a message (D10)."""
    yield from _each_choice(
        case,
        lambda c: "" if isinstance(c.get("message"), dict) else f"message is {show(c, 'message')}",
        "an object",
        "message",
    )


@check("response.role-assistant", on=PLAIN, reads=Reads.COMPLETION)
def role_assistant(case: Case) -> Iterator[Finding]:
    """The message is the assistant's (D09)."""

    def wrong(choice: Mapping[str, Json]) -> str:
        message = choice.get("message")
        if not isinstance(message, dict) or message.get("role") == "assistant":
            return ""
        return f"role is {show(message, 'role')}"

    if any(_message(choice) for choice in choices_of(case.view)):
        yield from _each_choice(case, wrong, '"assistant"', "message/role")
    else:
        yield case.unsure("there is no message", by="response.message-object")


@check("response.content-string", on=PLAIN, reads=Reads.COMPLETION)
def content_string(case: Case) -> Iterator[Finding]:
    """Text is a string; null only beside what explains it (D10)."""

    def wrong(choice: Mapping[str, Json]) -> str:
        message = choice.get("message")
        if not isinstance(message, dict):
            return ""
        content = message.get("content")
        if isinstance(content, str):
            return ""
        explained = any(message.get(name) for name in ("tool_calls", "refusal", "audio", "function_call"))
        explained = explained or choice.get("finish_reason") in ("length", "content_filter")
        return "" if content is None and explained else f"content is {show(message, 'content')}"

    if any(_message(choice) for choice in choices_of(case.view)):
        yield from _each_choice(case, wrong, "a string", "message/content")
    else:
        yield case.unsure("there is no message", by="response.message-object")


@check("response.cut-content-string", on=PLAIN, reads=Reads.COMPLETION)
def cut_content_string(case: Case) -> Iterator[Finding]:
    """A cut answer without text has an empty one (D10)."""
    cut = [choice for choice in choices_of(case.view) if choice.get("finish_reason") == "length"]
    silent = [
        choice
        for choice in cut
        if _message(choice).get("content") is None and not _message(choice).get("tool_calls")
    ]
    if silent:
        yield case.fail(
            "content is null with finish_reason 'length'", "a string", pointer="/choices/0/message/content"
        )
    elif cut:
        yield case.ok(len(cut))
    else:
        yield case.skip("the limit has cut no choice")


@check(
    "response.content-not-empty",
    on=either(valid("text", streamed=False), ids("parameters.n-two")),
    reads=Reads.COMPLETION,
)
def content_not_empty(case: Case) -> Iterator[Finding]:
    """An answer that stopped by itself has text in it, and so has each of several choices."""
    stopped = [
        (position, choice)
        for position, choice in enumerate(choices_of(case.view))
        if choice.get("finish_reason") == "stop"
        and not any(
            _message(choice).get(name) for name in ("tool_calls", "refusal", "audio", "function_call")
        )
    ]
    if not stopped:
        yield case.skip("no choice stopped by itself")
        return
    for position, choice in stopped:
        content = _message(choice).get("content")
        if content is None or (isinstance(content, str) and not content.strip()):
            yield case.fail(
                f"content is {show(_message(choice), 'content')} with finish_reason stop",
                "text",
                examined=len(stopped),
                pointer=f"/choices/{position}/message/content",
            )
            return
    yield case.ok(len(stopped))


@check("response.finish-reason-present", on=PLAIN, reads=Reads.COMPLETION)
def finish_reason_present(case: Case) -> Iterator[Finding]:
    """Each choice says why it ended (D11)."""
    yield from _each_choice(
        case,
        lambda c: "" if is_text(c.get("finish_reason")) else f"finish_reason is {show(c, 'finish_reason')}",
        "a non-empty string",
        "finish_reason",
    )


@check("response.finish-reason-known", on=PLAIN, reads=Reads.COMPLETION)
def finish_reason_known(case: Case) -> Iterator[Finding]:
    """The reason is one that clients know, or one that this model's card adds (D11)."""
    known = FINISH_REASONS | set(case.card.finish_reasons)
    if not any(is_text(choice.get("finish_reason")) for choice in choices_of(case.view)):
        yield case.unsure("there is no finish_reason", by="response.finish-reason-present")
        return

    def wrong(choice: Mapping[str, Json]) -> str:
        reason = choice.get("finish_reason")
        return f"finish_reason is {reason!r}" if is_text(reason) and reason not in known else ""

    yield from _each_choice(case, wrong, "one of " + ", ".join(sorted(known)), "finish_reason")


@check("response.tool-calls-not-empty", on=PLAIN, reads=Reads.COMPLETION)
def tool_calls_not_empty(case: Case) -> Iterator[Finding]:
    """No empty ``tool_calls`` (D19): clients take its presence for a call."""
    yield from _each_choice(
        case,
        lambda choice: "tool_calls is []" if _message(choice).get("tool_calls") == [] else "",
        "calls, null, or no member",
        "message/tool_calls",
    )


def _odd_refusal(message: Mapping[str, Json]) -> str:
    refusal = message.get("refusal")
    if "refusal" not in message:
        return "no refusal member"
    if refusal is not None and not isinstance(refusal, str):
        return f"refusal is {show(message, 'refusal')}"
    return "the refusal is the content once more" if refusal and refusal == message.get("content") else ""


@check("response.refusal-member", on=PLAIN, reads=Reads.COMPLETION)
def refusal_member(case: Case) -> Iterator[Finding]:
    """OpenAI's description has ``refusal`` in every message."""
    yield from _each_choice(
        case,
        lambda c: _odd_refusal(_message(c)),
        "refusal, null without one",
        "message",
    )


@check("response.logprobs-member", on=PLAIN, reads=Reads.COMPLETION)
def logprobs_member(case: Case) -> Iterator[Finding]:
    """OpenAI's description has ``logprobs`` in every choice."""
    yield from _each_choice(
        case,
        lambda choice: (
            ""
            if "logprobs" in choice and isinstance(choice["logprobs"], dict | None)
            else f"logprobs is {show(choice, 'logprobs')}"
        ),
        "logprobs, null without any",
        "",
    )
