"""A complete answer: its label, its JSON, and the members that every client reads (contract clauses D01-D21)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from msgspec.structs import replace

from conformance.checks.api import Case, Reads, check
from conformance.checks.errortext import error_in_choices
from conformance.checks.select import valid
from conformance.checks.values import is_text, json_texts, same_model, show
from conformance.model import Finding, Json, Outcome
from conformance.strictjson import is_integer
from conformance.views import Form, View

PLAIN = valid(streamed=False)
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
    else:
        yield case.fail(f"Content-Type: {case.view.header('content-type') or 'absent'}", "application/json")


@check("response.stream-off-by-default", on=PLAIN, reads=Reads.SUCCESS)
def stream_off(case: Case) -> Iterator[Finding]:
    """Nobody gets a stream who did not ask for one (C08)."""
    view = case.view
    if view.form is Form.STREAM or (
        view.media_type == "text/event-stream" and view.form is not Form.COMPLETION
    ):
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


@check("response.id-string", on=PLAIN, reads=Reads.COMPLETION)
def id_string(case: Case) -> Iterator[Finding]:
    """An id (D02); its form is free (K1)."""
    yield from _member(case, "id", is_text, "a non-empty string")


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
    """``created`` is now, in seconds (D04); a chunk without choices, or beside others that tell it, may have 0."""
    told = [
        (frame, value, created)
        for frame, value in json_texts(case.view)
        if is_integer(created := value.get("created"))
    ]
    known = any(created for _, _, created in told)
    examined = 0
    for frame, value, created in told:
        if frame is not None and created == 0 and (known or not value.get("choices")):
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
        area = "stream" if case.view.form is Form.STREAM else "response"
        yield case.unsure("no created that is a number", by=(f"{area}.created-integer",))


@check("response.model-string", on=PLAIN, reads=Reads.COMPLETION)
def model_string(case: Case) -> Iterator[Finding]:
    """A model (D05)."""
    yield from _member(case, "model", is_text, "a non-empty string")


@check("response.model-matches", on=PLAIN, reads=Reads.COMPLETION)
def model_matches(case: Case) -> Iterator[Finding]:
    """The model that answers is the model that was asked for (D06)."""
    told, asked = case.view.object.get("model"), case.view.asked.get("model")
    if not isinstance(told, str) or not told:
        yield case.unsure("there is no model", by="response.model-string")
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
        yield case.unsure("the body is an error", by="response.no-error-member")
    else:
        yield from _member(case, "choices", fine, "an array with at least one object")


@check("response.no-error-member", on=PLAIN, reads=Reads.COMPLETION)
def no_error_member(case: Case) -> Iterator[Finding]:
    """Success carries no error (G06): no SDK looks for one there."""
    error, pointer = case.view.object.get("error"), "/error"
    if error is None:
        inner = error_in_choices(case.view.object)
        error, pointer = inner or (None, "")
    if error is None:
        yield case.ok()
    else:
        yield case.fail(
            f"status {case.view.status} with error {str(error)[:100]!r}",
            "an error status, or no error",
            pointer=pointer,
            outcome=Outcome.BROKEN,
        )


@check(
    "response.id-unique",
    on=valid("basic"),
    reads=Reads.TEXT,
    needs=("chat.again",),
    beside=("stream.usage", "messages.echo-stream"),
)
def id_unique(case: Case) -> Iterator[Finding]:
    """Two answers have two ids, of streams too (D02)."""
    mine, told = _id(case.view), [view for view in case.others.values() if is_text(_id(view))]
    same = next((view for view in told if _id(view) == mine), None)
    if not is_text(mine) or not told:
        yield case.unsure("an answer has no id", by="response.id-string")
    elif same is not None:
        yield case.fail(
            f"two answers have the id {mine!r}",
            "an id of its own for each answer",
            examined=1 + len(told),
            pointer="/id",
            also=(same.where(pointer="/id"),),
        )
    else:
        yield case.ok(1 + len(told))


@check("response.id-unique", on=valid("life"), reads=Reads.TEXT)
def id_of_no_other(case: Case) -> Iterator[Finding]:
    """No two answers of a run to different conversations have one id (D02); a cache may repeat an answer as it was."""
    first: dict[str, View] = {}
    known = [(told, view) for view in case.answers if is_text(told := _id(view))]
    for told, view in known:
        other = first.setdefault(str(told), view)
        if other.asked.get("messages") != view.asked.get("messages") and other.content != view.content:
            found = case.fail(
                f"the answers to {other.probe.id} and {view.probe.id} have the id {told!r}",
                "an id of its own for each answer",
                examined=len(known),
            )
            yield replace(found, where=(view.where(pointer="/id"), other.where(pointer="/id")))
            return
    if len(first) > 1:
        yield case.ok(len(known))
    else:
        yield case.unsure("there are no two answers with ids", by="response.id-string")


def _id(view: View) -> Json:
    """Return the first id that an answer tells; some servers send a chunk without one first."""
    return next((told for _, value in json_texts(view) if is_text(told := value.get("id"))), None)
