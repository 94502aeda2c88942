"""Errors by their status: what cannot be served is refused with the right status, and the cause is named.

The error object is judged in :mod:`conformance.checks.envelope`, what an error must not give away in
:mod:`conformance.checks.leaks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from conformance.chatstream import FrameKind
from conformance.checks.api import Case, Reads, check
from conformance.checks.errortext import broken, error_object, error_words, hidden_error, refused
from conformance.checks.select import either, ids, invalid, without
from conformance.checks.values import prompt_tokens
from conformance.infrastructure import page_marker
from conformance.model import Finding, Intent, Outcome, Probe
from conformance.relations import DEFAULTS
from conformance.views import Form, View

_OVERLOADED: Final = 503

_CAUSES: Final = (
    "errors.malformed-json",
    "errors.empty-body",
    "errors.missing-model",
    "errors.null-model",
    "errors.model-not-string",
    "errors.missing-messages",
    "errors.null-messages",
    "errors.string-messages",
    "errors.object-messages",
    "errors.empty-messages",
)
"""Requirements that ask for any 4xx; their probes have the same names, with something after."""


def what_is_wrong(case: Case) -> str:
    """Say what is wrong with the request of an invalid probe."""
    defect = case.probe.defect
    assert defect is not None
    return defect.what


def said(view: View) -> str:
    """Say what came, as far as a status alone does not: an error behind a success, or a served request."""
    if not refused(view) and (error := hidden_error(view)):
        return f"status {view.status} with an error inside: {error!r}"
    if view.succeeded:
        return f"status {view.status}, served"
    return f"status {view.status}"


def failed(case: Case, expected: str) -> Finding:
    """Say that the status is wrong; a 5xx counts as broken."""
    return case.fail(
        f"{said(case.view)}, to a request with {what_is_wrong(case)}",
        expected,
        outcome=Outcome.BROKEN if broken(case.view) else None,
    )


def refused_with_4xx(case: Case) -> Iterator[Finding]:
    """A request with this one mistake gets a client error, whichever."""
    if case.view.form is Form.REFUSED:
        yield case.ok(saw=str(case.view.status))
    else:
        yield failed(case, "a 4xx status")


for _row in _CAUSES:
    check(_row, on=ids(f"{_row}*"), reads=Reads.ANSWER)(refused_with_4xx)


@check("errors.unknown-model-refused", on=ids("errors.unknown-model*"), reads=Reads.ANSWER)
def unknown_model_refused(case: Case) -> Iterator[Finding]:
    """Nobody answers in the name of a model that does not exist (B05), and it is no outage (K14)."""
    view = case.view
    if view.form is Form.REFUSED:
        yield case.ok(saw=str(view.status))
    elif view.status == _OVERLOADED:
        yield case.fail(
            "status 503 to a model that does not exist: SDKs take it for an outage and send it three times",
            "a 4xx status, best 404",
            outcome=Outcome.BROKEN,
        )
    elif view.succeeded:
        told = _told_model(view)
        yield case.fail(
            f"status {view.status}: answered"
            + (f" by the model {told!r}" if told else "")
            + f" {view.text[:60]!r}",
            "a 4xx status, best 404",
        )
    elif view.form in {Form.EMPTY, Form.OTHER}:
        yield case.fail(
            f"status {view.status} and neither an answer nor an error: {view.content[:60]!r}",
            "a 4xx status, best 404",
            outcome=Outcome.BROKEN,
        )
    else:
        yield failed(case, "a 4xx status, best 404")


def _told_model(view: View) -> str:
    if view.form is Form.STREAM:
        told = next((frame.value.get("model") for frame in view.stream.chunks), None)
    else:
        told = view.object.get("model")
    return told[:100] if isinstance(told, str) else ""


@check("errors.unknown-model-404", on=ids("errors.unknown-model*"), reads=Reads.STATUS)
def unknown_model_404(case: Case) -> Iterator[Finding]:
    """404 alone becomes the NotFoundError that the documents promise (G02)."""
    if case.view.status == 404:  # noqa: PLR2004
        yield case.ok(saw="404")
    else:
        yield failed(case, "status 404")


def _out_of_range(probe: Probe) -> bool:
    named = probe.requirement or ""
    return named.startswith("parameters.") and named.endswith("-range")


@check("errors.validation-status", on=either(invalid("member"), _out_of_range), reads=Reads.STATUS)
def validation_status(case: Case) -> Iterator[Finding]:
    """A missing or invalid member is 400 or 422 (K14): other statuses send the user, or the SDK, astray."""
    if case.probe.defect is None:
        yield case.skip("the value is within its range")
    elif case.view.succeeded and _out_of_range(case.probe):
        yield case.skip(f"it is served; {case.probe.requirement} judges that")
    elif case.view.succeeded:
        yield replace(failed(case, "status 400 or 422"), outcome=Outcome.LENIENT)
    elif case.view.form not in {Form.REFUSED, Form.LIMITED}:
        yield case.skip(f"the answer is {case.view.form.noun}; another requirement judges that")
    elif case.view.status in case.probe.defect.statuses:
        yield case.ok(saw=str(case.view.status))
    else:
        yield failed(case, "status 400 or 422")


@check("errors.context-length", on=ids("errors.context-length"), reads=Reads.ANSWER)
def context_length(case: Case) -> Iterator[Finding]:
    """Too long a prompt is refused for its length, so that an agent knows what to shorten (G05)."""
    view = case.view
    if not view.succeeded:
        yield from served_or_refused(case, (400, 413))
        return
    tokens = prompt_tokens(view)
    assert case.card.window is not None
    if tokens is None:
        yield case.unsure("it was served, and no prompt_tokens tell whether the prompt was read whole")
    elif tokens > case.card.window:
        yield case.unsure(f"it was served whole ({tokens} tokens): the window is wider than the card says")
    else:
        yield replace(
            failed(case, "status 400 or 413 that names the length"),
            saw=f"served after {tokens} tokens of the prompt: what did not fit was cut off without a word",
            outcome=Outcome.DROPPED,
        )


@check("errors.wrong-method", on=ids("errors.wrong-method*"), reads=Reads.ANSWER)
def wrong_method(case: Case) -> Iterator[Finding]:
    """GET is not served (A01)."""
    yield from _nowhere(case)


@check("errors.wrong-path", on=ids("errors.wrong-path*"), reads=Reads.PAGE)
def wrong_path(case: Case) -> Iterator[Finding]:
    """A mistyped path is not there (A02); a page for whatever is asked makes it look like a broken model."""
    view = case.view
    if view.is_html and (broken(view) or page_marker(view.answer, view.content)):
        yield case.unsure(f"an intermediary answered with a page ({view.status})")
    else:
        yield from _nowhere(case)


def _nowhere(case: Case) -> Iterator[Finding]:
    if case.view.status in {404, 405}:
        yield case.ok(saw=str(case.view.status))
    else:
        yield failed(case, "status 404 or 405")


@check("errors.wrong-content-type", on=ids("errors.wrong-content-type*"), reads=Reads.ANSWER)
def wrong_content_type(case: Case) -> Iterator[Finding]:
    """JSON under another label is read, or refused for its label (RFC 9110 15.5.16)."""
    yield from served_or_refused(case, (400, 415))


def served_or_refused(case: Case, statuses: Sequence[int], *, cause: bool = True) -> Iterator[Finding]:
    """Judge a request that may be served, or refused with one of the statuses and (``cause``) saying why."""
    view = case.view
    expected = f"the request served, or refused with {' or '.join(map(str, statuses))}"
    if view.succeeded:
        yield case.ok(saw=f"{view.status}, served")
    elif view.status not in statuses:
        yield failed(case, expected)
    elif cause and not names_cause(case.probe, view):
        yield _unnamed(case, f"{expected} and the cause")
    else:
        yield case.ok(saw=f"refused with {view.status}")


@check(
    "errors.cause-named",
    on=without(invalid(), "elsewhere", "may-be-served"),
    reads=Reads.REJECTION,
)
def cause_named(case: Case) -> Iterator[Finding]:
    """An error says which member, value or thing is wrong."""
    defect = case.probe.defect
    if case.view.form is not Form.REFUSED:
        yield case.skip("a server error; robustness.no-server-error judges that")
    elif defect is None or not defect.names:
        yield case.skip("there is no one name for what is wrong with this request")
    elif not names_cause(case.probe, case.view):
        yield _unnamed(case, "an error that names the cause")
    elif other := _blamed(case):
        yield case.fail(
            f"the error to a request with {what_is_wrong(case)} has the param {other!r}",
            "the param of what is wrong, or null",
            pointer="/error/param",
        )
    else:
        yield case.ok()


_AKIN: Final = ("max_", "tool", "logprobs", "stream", "parallel_tool", "response_format", "functions")
"""Members of one kind: where one is wrong, another of them may be named for it with reason."""


def _blamed(case: Case) -> str:
    """Return the param of an error that is another member of the request than the one that is wrong; else nothing."""
    defect, error = case.probe.defect, error_object(case.view)
    param = error.get("param") if error is not None else None
    wrong = (defect.pointer or "").strip("/").split("/")[0] if defect else ""
    if not wrong or not isinstance(param, str) or defect is None:
        return ""
    blamed = re.split(r"[.\[]", param, maxsplit=1)[0]
    known = blamed in DEFAULTS or blamed in case.view.asked
    akin = any(part in blamed and part in wrong for part in _AKIN)
    told = any(blamed in name or name in blamed for name in defect.names)
    mixed = {blamed, wrong} & {"messages"} and {blamed, wrong} & {"tools", "tool_choice"}
    return "" if blamed == wrong or not known or akin or told or mixed else param


_A_MESSAGE: Final = re.compile(r"\b(?:an?|any|each|every|first|last|no|one) (?:\w+ )?message\b")
"""The member ``messages`` in prose: no user message found, at least one message. The bare word may be any text."""


def names_cause(probe: Probe, view: View) -> bool:
    """Whether an error has one of the words that name what is wrong, compared without case."""
    words = error_words(view).casefold()
    names = probe.defect.names if probe.defect else ()
    return any(name.casefold() in words for name in names) or (
        "messages" in names and bool(_A_MESSAGE.search(words))
    )


def _unnamed(case: Case, expected: str) -> Finding:
    assert case.probe.defect is not None
    names = ", ".join(repr(name) for name in case.probe.defect.names[:4])
    words = error_words(case.view).strip()
    return case.fail(
        f"the error to a request with {what_is_wrong(case)} says {words[:160]!r}",
        f"{expected} (one of {names} …)",
    )


def _whole(probe: Probe) -> bool:
    return not probe.streamed and not probe.has("burst")


def _streamed(probe: Probe) -> bool:
    return probe.streamed and not probe.has("burst")


@check("errors.status-not-200", on=_whole, reads=Reads.ANSWER)
def status_not_200(case: Case) -> Iterator[Finding]:
    """An error has an error status (G06): no SDK looks for one behind a success."""
    if refused(case.view):
        yield case.ok(saw=str(case.view.status))
    elif error := hidden_error(case.view):
        yield case.fail(
            f"status {case.view.status} with an error inside: {error!r}",
            "a 4xx or 5xx status",
            outcome=Outcome.BROKEN,
        )
    elif _told_in_text(case):
        yield case.fail(
            f"status {case.view.status} and no JSON, to a request with {what_is_wrong(case)}: "
            f"{case.view.content[:60].decode('utf-8', 'replace')!r}",
            "a 4xx or 5xx status",
            outcome=Outcome.BROKEN,
        )
    else:
        yield case.skip("the answer tells no error")


def _told_in_text(case: Case) -> bool:
    """Whether a request that the endpoint cannot serve gets a text in place of an answer."""
    lenient = not case.probe.traits.isdisjoint({"elsewhere", "may-be-served"})
    text = case.view.form is Form.OTHER and not case.view.document.ok
    return case.probe.intent is Intent.INVALID and not lenient and text


@check("errors.stream-status", on=_streamed, reads=Reads.ANSWER)
def stream_status(case: Case) -> Iterator[Finding]:
    """A stream that cannot begin does not begin (W25, E01): its error comes with an error status."""
    view = case.view
    error = hidden_error(view)
    if refused(view):
        yield case.ok(saw=str(view.status))
    elif not error:
        yield case.skip("the answer tells no error")
    elif view.form is Form.STREAM and case.probe.intent is Intent.VALID and _had_begun(view):
        yield case.skip("the stream had begun; stream.no-error-event judges that")
    else:
        where = "in an event of the stream" if view.form is Form.STREAM else f"as {view.form.noun}"
        yield case.fail(
            f"status {view.status} with an error {where}: {error!r}",
            "a 4xx or 5xx status",
            frame=view.stream.errors[0].index if view.form is Form.STREAM else None,
            outcome=Outcome.BROKEN,
        )


def _had_begun(view: View) -> bool:
    """Whether a chunk came before the first error, or in one event with it."""
    error = view.stream.errors[0]
    return error.kind is FrameKind.FUSED or any(frame.index < error.index for frame in view.stream.chunks)
