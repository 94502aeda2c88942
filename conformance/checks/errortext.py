"""What an answer says of an error: its error object, its words, and what hides behind a success status."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from conformance.model import Json
from conformance.views import Form, View

_VARYING: Final = re.compile(r"\b[\w-]*\d[\w-]*\b")
"""Words with a digit: ids of requests, times, counts."""

_SHOWN: Final = 120
"""Characters of a hidden error that a finding shows."""


def refused(view: View) -> bool:
    """Whether the status says that the request was not served."""
    return view.status is not None and view.status >= 400  # noqa: PLR2004


def broken(view: View) -> bool:
    """Whether the status says that the server failed."""
    return view.status is not None and view.status >= 500  # noqa: PLR2004


def structured(view: View) -> bool:
    """Whether the body is a JSON object or array; a line such as ``502 Bad Gateway`` begins as JSON too."""
    return isinstance(view.json, dict | list)


def error_object(view: View) -> Mapping[str, Json] | None:
    """Return the object in the member ``error``, None when there is none."""
    error = view.error
    if error is None or not error.enveloped or not isinstance(error.value, dict):
        return None
    return error.value


def hidden_error(view: View) -> str:
    """Return what an answer with a success status says of an error, empty when it says nothing."""
    if view.form is Form.STREAM:
        errors = view.stream.errors
        return _short(errors[0].event.data) if errors else ""
    return told_error(view.json)


def told_error(value: Json) -> str:
    """Return the error that a JSON body tells, in the envelope, flat or in a list; empty if it tells none."""
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, dict):
        return ""
    if value.get("error"):
        return _short(value["error"])
    if "choices" in value:
        return ""
    for member in ("message", "detail", "error_message", "error_msg", "msg"):
        if value.get(member):
            return _short(value[member])
    return "an error object" if value.get("object") == "error" else ""


def error_in_choices(body: Mapping[str, Json]) -> tuple[Json, str] | None:
    """Return the error object that stands in a choice, its message or its delta, with its pointer; None without one.

    Relays put it there when the upstream fails after the head was sent; no SDK looks for it.
    """
    choices = body.get("choices")
    for position, choice in enumerate(choices if isinstance(choices, list) else []):
        for holder, place in (
            (choice, ""),
            *((_member(choice, name), f"/{name}") for name in ("message", "delta")),
        ):
            error = _member(holder, "error")
            if isinstance(error, dict) and error:
                return error, f"/choices/{position}{place}/error"
    return None


def _member(value: Json, name: str) -> Json:
    return value.get(name) if isinstance(value, dict) else None


def error_words(view: View) -> str:
    """Return all that an error says, a line a value, without the members' names; empty when there is none."""
    if view.form is Form.STREAM:
        return "\n".join(text for frame in view.stream.errors for text in values(dict(frame.value)))
    if not refused(view) and not hidden_error(view):
        return ""
    if structured(view):
        return "\n".join(values(view.json))
    return view.content.decode("utf-8", "replace")


def error_messages(view: View) -> str:
    """Return what an error in JSON says to its reader, a line a text: its message or detail, nothing else."""
    if view.form is Form.STREAM:
        bodies: list[Json] = [dict(frame.value) for frame in view.stream.errors]
    else:
        bodies = [view.json] if refused(view) or hidden_error(view) else []
    return "\n".join(text for body in bodies for text in _messages(body))


def _messages(body: Json) -> Iterator[str]:
    error = body.get("error", body) if isinstance(body, dict) else body
    told = [error.get("message"), error.get("detail")] if isinstance(error, dict) else [error]
    yield from (text for text in told if isinstance(text, str))


def same_refusal(view: View, other: View | None) -> bool:
    """Whether two requests were refused with the same status and the same words; numbers and ids may differ."""
    if other is None or {view.form, other.form} != {Form.REFUSED} or view.status != other.status:
        return False
    return _VARYING.sub("#", error_words(view)) == _VARYING.sub("#", error_words(other))


def values(value: Json) -> Iterator[str]:
    """Yield the strings and numbers in a JSON value, in order; no recursion, for targets choose the depth."""
    pending = [value]
    while pending:
        found = pending.pop()
        if isinstance(found, dict):
            pending.extend(reversed(found.values()))
        elif isinstance(found, list):
            pending.extend(reversed(found))
        elif isinstance(found, str):
            yield found
        elif found is not None:
            yield str(found)


def _short(value: Json) -> str:
    if isinstance(value, dict) and isinstance(value.get("message"), str) and value["message"]:
        value = value["message"]
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
