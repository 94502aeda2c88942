"""A complete answer: its label, its JSON, and the members that every client reads (contract clauses D01-D21)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from conformance.checks.api import Case, Reads, check
from conformance.checks.select import valid, without
from conformance.checks.values import FINISH_REASONS, choices_of, is_integer, json_texts, same_model, show
from conformance.model import Finding, Json, Outcome
from conformance.views import Form

PLAIN = valid(streamed=False)
ONE = without(PLAIN, "several")
ANY = valid()
DAY: Final = 86_400


@check("response.status-200", on=PLAIN, reads=Reads.SUCCESS)
def status_200(case: Case) -> Iterator[Finding]:
    """Success is 200 (D01)."""
    if case.view.status == 200:  # noqa: PLR2004
        yield case.ok()
    else:
        yield case.fail(f"status {case.view.status}", "status 200")


@check("response.content-type", on=PLAIN, reads=Reads.COMPLETION)
def content_type(case: Case) -> Iterator[Finding]:
    """JSON is labelled as JSON (D01): one SDK hands out a string otherwise."""
    kind = case.view.media_type
    if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
        yield case.ok()
    elif kind != "text/event-stream":
        yield case.fail(f"Content-Type: {case.view.header('content-type') or 'absent'}", "application/json")
    else:
        yield case.skip("it is labelled as a stream; response.stream-off-by-default judges that")


@check("response.stream-off-by-default", on=PLAIN, reads=Reads.SUCCESS)
def stream_off(case: Case) -> Iterator[Finding]:
    """Nobody gets a stream who did not ask for one (C08)."""
    view = case.view
    if view.form is Form.STREAM or view.media_type == "text/event-stream":
        yield case.fail(
            f"{view.form} labelled {view.media_type} to a request without stream: true",
            "one JSON document",
            outcome=Outcome.BROKEN,
        )
    elif view.form is Form.COMPLETION:
        yield case.ok()


@check("response.json-object", on=PLAIN, reads=Reads.SUCCESS)
def json_object(case: Case) -> Iterator[Finding]:
    """The body is one JSON object (D01)."""
    view = case.view
    trailing = next((problem for problem in view.document.problems if problem.kind == "trailing"), None)
    if view.form is Form.COMPLETION and trailing is not None:
        span = None if trailing.offset is None else (trailing.offset, len(view.content))
        yield case.fail(
            trailing.detail, "one JSON object and nothing after it", span=span, outcome=Outcome.BROKEN
        )
    elif view.form is Form.COMPLETION:
        yield case.ok()
    elif view.form is Form.STREAM:
        yield case.skip("it is a stream; response.stream-off-by-default judges that")
    elif view.form is Form.EMPTY:
        yield case.fail("an empty body", "one JSON object", outcome=Outcome.BROKEN)
    else:
        problems = view.document.problems
        saw = problems[0].detail if problems else f"JSON, but no object: {view.content[:60]!r}"
        offset = problems[0].offset if problems else 0
        span = (offset, offset + 1) if offset is not None else None
        yield case.fail(
            f"{saw} (body begins {view.content[:60]!r})", "one JSON object", span=span, outcome=Outcome.BROKEN
        )


def _document_problem(case: Case, kind: str, expected: str) -> Iterator[Finding]:
    """Judge one kind of JSON problem, over the body or over every event."""
    view = case.view
    documents = [(None, view.document)] if view.form is Form.COMPLETION else []
    if view.form is Form.STREAM:
        documents = [(f.index, f.document) for f in view.stream.frames if f.document is not None]  # type: ignore[misc]
    for frame, document in documents:
        for problem in document.problems:
            if problem.kind == kind:
                span = None
                if frame is None and problem.offset is not None:
                    span = (problem.offset, problem.offset + 1)
                yield case.fail(problem.detail, expected, examined=len(documents), frame=frame, span=span)
                return
    if documents:
        yield case.ok(len(documents))


@check("response.utf8", on=PLAIN, reads=Reads.SUCCESS)
def utf8(case: Case) -> Iterator[Finding]:
    """The body is UTF-8 (B16, RFC 8259 8.1)."""
    if case.view.form is Form.STREAM:
        yield case.skip("it is a stream; stream.utf8 judges that")
        return
    try:
        case.view.content.decode("utf-8")
    except UnicodeDecodeError as error:
        yield case.fail(
            f"byte {error.object[error.start]:#04x} is not UTF-8",
            "valid UTF-8",
            span=(error.start, error.end),
        )
    else:
        if case.view.content:
            yield case.ok()


@check("response.no-bom", on=PLAIN, reads=Reads.SUCCESS)
def no_bom(case: Case) -> Iterator[Finding]:
    """No byte order mark (RFC 8259 8.1)."""
    if case.view.content.startswith(b"\xef\xbb\xbf"):
        yield case.fail("a byte order mark", "JSON from the first byte", span=(0, 3))
    elif case.view.form is Form.COMPLETION:
        yield case.ok()


@check("response.strict-json", on=ANY, reads=Reads.TEXT)
def strict_json(case: Case) -> Iterator[Finding]:
    """No NaN, no Infinity (RFC 8259 section 6)."""
    yield from _document_problem(case, "nan", "numbers that JSON has")


@check("response.unique-members", on=ANY, reads=Reads.TEXT)
def unique_members(case: Case) -> Iterator[Finding]:
    """No member twice (RFC 8259 section 4)."""
    yield from _document_problem(case, "duplicate-key", "each member once")


def _member(case: Case, name: str, fine: Callable[[Json], bool], expected: str) -> Iterator[Finding]:
    """Judge one top-level member of a complete answer."""
    if fine(case.view.object.get(name)):
        yield case.ok()
    else:
        yield case.fail(f"{name} is {show(case.view.object, name)}", expected, pointer=f"/{name}")


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and bool(value)


@check("response.id-string", on=PLAIN, reads=Reads.COMPLETION)
def id_string(case: Case) -> Iterator[Finding]:
    """An id (D02); its form is free (K1)."""
    yield from _member(case, "id", _is_text, "a non-empty string")


@check("response.object", on=PLAIN, reads=Reads.COMPLETION)
def object_word(case: Case) -> Iterator[Finding]:
    """``object`` says what it is (D03)."""
    yield from _member(case, "object", lambda value: value == "chat.completion", '"chat.completion"')


@check("response.created-integer", on=PLAIN, reads=Reads.COMPLETION)
def created_integer(case: Case) -> Iterator[Finding]:
    """``created`` is an integer (D04)."""
    yield from _member(case, "created", is_integer, "a JSON integer")


@check("response.created-seconds", on=ANY, reads=Reads.TEXT)
def created_seconds(case: Case) -> Iterator[Finding]:
    """``created`` is now, in seconds (D04)."""
    examined = 0
    for frame, value in json_texts(case.view):
        created = value.get("created")
        if not isinstance(created, int) or isinstance(created, bool) or (frame is not None and created == 0):
            continue
        examined += 1
        if abs(created - case.view.exchange.started_at) > DAY:
            unit = " (milliseconds?)" if abs(created / 1000 - case.view.exchange.started_at) < DAY else ""
            yield case.fail(
                f"created is {created}{unit}",
                "Unix seconds within a day of the request",
                examined=examined,
                frame=frame,
                pointer="/created",
            )
            return
    if examined:
        yield case.ok(examined)
    else:
        yield case.unsure("no created that is a number; another requirement judges that")


@check("response.model-string", on=PLAIN, reads=Reads.COMPLETION)
def model_string(case: Case) -> Iterator[Finding]:
    """A model (D05)."""
    yield from _member(case, "model", _is_text, "a non-empty string")


@check("response.model-matches", on=PLAIN, reads=Reads.COMPLETION)
def model_matches(case: Case) -> Iterator[Finding]:
    """The model that answers is the model that was asked for (D06)."""
    told, asked = case.view.object.get("model"), case.view.asked.get("model")
    if not isinstance(told, str) or not told:
        yield case.unsure("there is no model; response.model-string judges that")
    elif same_model(asked, told):
        yield case.ok()
    else:
        yield case.fail(f"model is {told!r}", f"{asked!r}, or a snapshot of it", pointer="/model")


@check("response.choices-array", on=PLAIN, reads=Reads.COMPLETION)
def choices_array(case: Case) -> Iterator[Finding]:
    """Choices are there (D07)."""

    def fine(value: Json) -> bool:
        return isinstance(value, list) and bool(value) and all(isinstance(choice, dict) for choice in value)

    if "error" in case.view.object and case.view.object["error"] is not None:
        yield case.unsure("the body is an error; response.no-error-member judges that")
    else:
        yield from _member(case, "choices", fine, "an array with at least one object")


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
        yield case.unsure("there are no choices; response.choices-array judges that")


def _message(choice: Mapping[str, Json]) -> Mapping[str, Json]:
    message = choice.get("message")
    return message if isinstance(message, dict) else {}


@check("response.choice-index", on=PLAIN, reads=Reads.COMPLETION)
def choice_index(case: Case) -> Iterator[Finding]:
    """Choices are numbered 0 to n less one (D08)."""
    choices = choices_of(case.view)
    indexes = [choice.get("index") for choice in choices]
    if not choices:
        yield case.unsure("there are no choices; response.choices-array judges that")
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
        yield case.unsure("there is no message; response.message-object judges that")


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
        explained = explained or choice.get("finish_reason") in {"length", "content_filter"}
        return "" if content is None and explained else f"content is {show(message, 'content')}"

    if any(_message(choice) for choice in choices_of(case.view)):
        yield from _each_choice(case, wrong, "a string", "message/content")
    else:
        yield case.unsure("there is no message; response.message-object judges that")


@check("response.content-not-empty", on=valid("text", streamed=False), reads=Reads.COMPLETION)
def content_not_empty(case: Case) -> Iterator[Finding]:
    """An answer that stopped by itself has text in it."""
    stopped = [
        choice
        for choice in choices_of(case.view)
        if choice.get("finish_reason") == "stop"
        and not any(
            _message(choice).get(name) for name in ("tool_calls", "refusal", "audio", "function_call")
        )
    ]
    if not stopped:
        yield case.unsure("no choice stopped by itself")
        return
    for choice in stopped:
        content = _message(choice).get("content")
        if content is None or (isinstance(content, str) and not content.strip()):
            yield case.fail(
                f"content is {show(_message(choice), 'content')} with finish_reason stop",
                "text",
                examined=len(stopped),
                pointer="/choices/0/message/content",
            )
            return
    yield case.ok(len(stopped))


@check("response.finish-reason-present", on=PLAIN, reads=Reads.COMPLETION)
def finish_reason_present(case: Case) -> Iterator[Finding]:
    """Each choice says why it ended (D11)."""
    yield from _each_choice(
        case,
        lambda c: "" if _is_text(c.get("finish_reason")) else f"finish_reason is {show(c, 'finish_reason')}",
        "a non-empty string",
        "finish_reason",
    )


@check("response.finish-reason-known", on=PLAIN, reads=Reads.COMPLETION)
def finish_reason_known(case: Case) -> Iterator[Finding]:
    """The reason is one that clients know, or one that this model's card adds (D11)."""
    known = FINISH_REASONS | set(case.card.finish_reasons)
    if not any(_is_text(choice.get("finish_reason")) for choice in choices_of(case.view)):
        yield case.unsure("there is no finish_reason; response.finish-reason-present judges that")
        return

    def wrong(choice: Mapping[str, Json]) -> str:
        reason = choice.get("finish_reason")
        return "" if reason in known or not _is_text(reason) else f"finish_reason is {reason!r}"

    yield from _each_choice(case, wrong, "one of " + ", ".join(sorted(known)), "finish_reason")


@check("response.no-error-member", on=PLAIN, reads=Reads.COMPLETION)
def no_error_member(case: Case) -> Iterator[Finding]:
    """Success carries no error (G06): no SDK looks for one there."""
    error = case.view.object.get("error")
    if error is None:
        yield case.ok()
    else:
        yield case.fail(
            f"status {case.view.status} with error {str(error)[:100]!r}",
            "an error status, or no error",
            pointer="/error",
            outcome=Outcome.BROKEN,
        )


@check("response.tool-calls-not-empty", on=PLAIN, reads=Reads.COMPLETION)
def tool_calls_not_empty(case: Case) -> Iterator[Finding]:
    """No empty ``tool_calls`` (D19): clients take its presence for a call."""
    yield from _each_choice(
        case,
        lambda choice: "tool_calls is []" if _message(choice).get("tool_calls") == [] else "",
        "calls, null, or no member",
        "message/tool_calls",
    )


@check("response.refusal-member", on=PLAIN, reads=Reads.COMPLETION)
def refusal_member(case: Case) -> Iterator[Finding]:
    """OpenAI's description has ``refusal`` in every message."""
    yield from _each_choice(
        case,
        lambda c: "" if "refusal" in _message(c) else "no refusal member",
        "refusal, null without one",
        "message",
    )


@check("response.logprobs-member", on=PLAIN, reads=Reads.COMPLETION)
def logprobs_member(case: Case) -> Iterator[Finding]:
    """OpenAI's description has ``logprobs`` in every choice."""
    yield from _each_choice(
        case,
        lambda choice: "" if "logprobs" in choice else "no logprobs member",
        "logprobs, null without any",
        "",
    )


@check("response.id-unique", on=valid("basic"), reads=Reads.TEXT, needs=("chat.again",))
def id_unique(case: Case) -> Iterator[Finding]:
    """Two answers have two ids (D02)."""
    other = next((value.get("id") for _, value in json_texts(case.other("chat.again"))), None)
    mine = next((value.get("id") for _, value in json_texts(case.view)), None)
    if not _is_text(mine) or not _is_text(other):
        yield case.unsure("an answer has no id; response.id-string judges that")
    elif mine == other:
        yield case.fail(
            f"two answers have the id {mine!r}", "an id of its own for each answer", pointer="/id",
            also=(case.other("chat.again").where(pointer="/id"),),
        )  # fmt: skip
    else:
        yield case.ok(2)
