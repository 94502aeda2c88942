"""The error object ``{"error": {"message", "type", "param", "code"}}``, in JSON labelled so (clause G05).

Judged wherever the endpoint itself says no. A 5xx whose body is no JSON is left out: it is often not the
gateway that wrote it, and the status fails by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from conformance.checks.api import Case, Reads, check
from conformance.checks.errortext import broken, error_object, structured
from conformance.checks.select import either, invalid, valid, without
from conformance.model import Finding, Json

_MEMBERS: Final = ("message", "type", "param", "code")
_SPELLED_OUT: Final = frozenset({"none", "null", "nil", "<nil>", "undefined", "<null>"})
_SERVER_TYPES: Final = frozenset(
    {"server_error", "internal_error", "internal_server_error", "service_unavailable"}
)

_NO_JSON: Final[Mapping[str, tuple[str, str]]] = {
    "trailing": (
        "and after it",
        "one JSON object and nothing after it: clients read the body as one document",
    ),
    "bom": (
        "not from the first byte on",
        "JSON without a byte order mark (RFC 8259 8.1): parsers may refuse it",
    ),
    "nan": (
        "and in it what is no JSON",
        "numbers that JSON has (RFC 8259 6): JavaScript refuses the body whole",
    ),
}
"""What stands in the way of the object for some clients, said in words, and what is expected in its place."""

_ENDPOINT = without(either(valid(), invalid()), "elsewhere", "large")
"""Probes whose refusal is the endpoint's own: right path and method, no size that a proxy refuses."""


@check("errors.envelope-object", on=_ENDPOINT, reads=Reads.REJECTION, any_cause=True)
def envelope_object(case: Case) -> Iterator[Finding]:
    """The body of an error is an object whose member ``error`` is an object."""
    view = case.view
    amiss = next((problem for problem in view.document.problems if problem.kind in _NO_JSON), None)
    if error_object(view) is not None and amiss is not None:
        wrong, expected = _NO_JSON[amiss.kind]
        end = len(view.content) if amiss.kind == "trailing" else (amiss.offset or 0) + 1
        yield case.fail(
            f"status {view.status} with an error object, {wrong}: {amiss.detail}",
            expected,
            span=None if amiss.offset is None else (amiss.offset, end),
        )
    elif error_object(view) is not None:
        yield case.ok()
    elif broken(view) and not structured(view):
        yield case.skip(
            "a 5xx without JSON may be an intermediary's; robustness.no-server-error judges the status"
        )
    else:
        yield case.fail(
            f"status {view.status} with {_told(case)}",
            'a JSON object {"error": {"message": …, "type": …, "param": …, "code": …}}',
            span=(0, min(len(view.body), 200)) if view.body else None,
        )


@check("response.unique-members", on=_ENDPOINT, reads=Reads.REJECTION, any_cause=True)
def error_members_unique(case: Case) -> Iterator[Finding]:
    """No member of an error's body twice (RFC 8259 section 4): which of two errors is read differs."""
    view = case.view
    twice = next((problem for problem in view.document.problems if problem.kind == "duplicate-key"), None)
    if error_object(view) is None:
        yield case.skip("there is no error object; errors.envelope-object judges that")
    elif twice is not None:
        span = None if twice.offset is None else (twice.offset, twice.offset + 1)
        yield case.fail(f"status {view.status}: {twice.detail}", "each member once", span=span)
    else:
        yield case.ok()


def _told(case: Case) -> str:
    view = case.view
    if not view.content.strip():
        return "an empty body"
    if not structured(view):
        return f"a body that is no JSON: {view.content[:80].decode('utf-8', 'replace')!r}"
    if view.error is not None and view.error.enveloped:
        return f"an error that is no object: {str(view.error.value)[:80]!r}"
    if isinstance(view.json, dict):
        names = ", ".join(repr(name[:40]) for name in list(view.json)[:6])
        return f"no member error but {names or 'an empty object'}"
    return f"JSON that is no object: {str(view.json)[:80]!r}"


def _each(
    case: Case, wrong: Callable[[Mapping[str, Json]], Iterator[tuple[str, str]]], expected: str
) -> Iterator[Finding]:
    """Judge the error object; ``wrong`` yields the members that are wrong, and what was seen there."""
    error = error_object(case.view)
    if error is None:
        yield case.skip("there is no error object; errors.envelope-object judges that")
        return
    found = list(wrong(error))
    if found:
        saw = ", ".join(f"{member} {seen}" for member, seen in found)
        yield case.fail(saw, expected, pointer=f"/error/{found[0][0]}", examined=len(error))
    else:
        yield case.ok(len(error))


@check("errors.envelope-message", on=_ENDPOINT, reads=Reads.REJECTION, any_cause=True)
def envelope_message(case: Case) -> Iterator[Finding]:
    """There is a text for the user."""

    def wrong(error: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
        message = error.get("message")
        if not isinstance(message, str) or not message.strip():
            yield "message", _shown(error, "message")

    yield from _each(case, wrong, "a message that is a string and not empty")


@check("errors.envelope-members", on=_ENDPOINT, reads=Reads.REJECTION, any_cause=True)
def envelope_members(case: Case) -> Iterator[Finding]:
    """All four members are there."""

    def wrong(error: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
        yield from ((member, "absent") for member in _MEMBERS if member not in error)

    yield from _each(case, wrong, "message, type, param and code (param and code may be null)")


@check("errors.envelope-types", on=_ENDPOINT, reads=Reads.REJECTION, any_cause=True)
def envelope_types(case: Case) -> Iterator[Finding]:
    """``type`` is a string, ``param`` and ``code`` are strings or null."""

    def wrong(error: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
        for member in ("type", "param", "code"):
            if member in error and not isinstance(error[member], str):
                if error[member] is None and member != "type":
                    continue
                yield member, _shown(error, member)

    yield from _each(case, wrong, "type a string, param and code strings or null")


@check("errors.no-stringified-null", on=_ENDPOINT, reads=Reads.REJECTION, any_cause=True)
def no_stringified_null(case: Case) -> Iterator[Finding]:
    """Nothing is null only in words."""

    def wrong(error: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
        for member, value in error.items():
            if isinstance(value, str) and value.strip().lower() in _SPELLED_OUT:
                yield member, _shown(error, member)

    yield from _each(case, wrong, "null, or a text that means something")


@check("errors.type-is-client-error", on=_ENDPOINT, reads=Reads.REJECTION, any_cause=True)
def type_is_client_error(case: Case) -> Iterator[Finding]:
    """The client's mistake is not called the server's."""
    if broken(case.view):
        yield case.skip("the status says that the server failed")
        return

    def wrong(error: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
        kind = error.get("type")
        if isinstance(kind, str) and kind.strip().lower().replace("-", "_") in _SERVER_TYPES:
            yield "type", _shown(error, "type")

    yield from _each(case, wrong, "a type such as invalid_request_error")


@check("errors.content-type", on=_ENDPOINT, reads=Reads.REJECTION, any_cause=True)
def content_type(case: Case) -> Iterator[Finding]:
    """JSON says that it is JSON."""
    view = case.view
    if not view.content.strip():
        yield case.skip("the body is empty; errors.envelope-object judges that")
    elif broken(view) and not structured(view):
        yield case.skip(
            "a 5xx without JSON may be an intermediary's; robustness.no-server-error judges the status"
        )
    elif view.media_type == "application/json" or view.media_type.endswith("+json"):
        yield case.ok()
    else:
        yield case.fail(f"Content-Type: {view.header('content-type') or 'absent'}"[:120], "application/json")


def _shown(error: Mapping[str, Json], member: str) -> str:
    return repr(error[member])[:80] if member in error else "absent"
