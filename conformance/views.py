"""An exchange read as what it claims to be: a completion, a stream of chunks, an error, a page, or nothing.

A view never raises and never judges: it reads leniently, keeps what was odd, and leaves verdicts to checks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Final, NamedTuple

from conformance import http1, strictjson
from conformance.chatstream import ChatStream, read_stream
from conformance.infrastructure import page_marker
from conformance.model import Exchange, FaultKind, Json, Probe, Where

DECODED_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a decoded body that are looked at; a content-encoding bomb stops here."""

_TEXT: Final = re.compile(
    rb'"(?:content|reasoning_content|reasoning|refusal|text|arguments)"\s*:\s*"((?:[^"\\]|\\.){1,4096}?)"'
)
_HTML: Final = re.compile(
    rb"^\s*(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_FIELD: Final = re.compile(rb"(?:^|[\r\n])(?:data|event|id|retry)?:", re.IGNORECASE)


class Form(StrEnum):
    """What an exchange turned out to be; every form that is not a readable answer keeps checks silent."""

    NO_ANSWER = "no answer"
    PAGE = "page of an intermediary"
    LIMITED = "rate limited"
    REFUSED = "client error"
    FAILED = "server error"
    REDIRECT = "redirect"
    COMPLETION = "JSON object"
    STREAM = "event stream"
    EMPTY = "empty body"
    OTHER = "neither JSON nor event stream"

    @property
    def noun(self) -> str:
        """What an answer of this form is, with the article where one is due."""
        if self in {Form.NO_ANSWER, Form.LIMITED, Form.OTHER}:
            return str(self)
        return f"{'an' if self[0] in 'aeiou' else 'a'} {self}"


UNREACHABLE: Final = frozenset({FaultKind.REFUSED, FaultKind.DNS, FaultKind.TLS})
"""Faults that say nothing of the target but that it could not be reached."""


class ErrorBody(NamedTuple):
    """The error object of an answer: the value of ``error`` when the body has one, else the body itself."""

    enveloped: bool
    value: Json


class View:
    """One exchange with everything that can be derived from it, each read once.

    Byte offsets that checks report are offsets into :attr:`body`: after de-chunking, before content decoding.
    """

    def __init__(self, probe: Probe, exchange: Exchange) -> None:
        """Bind the exchange to the probe that it answers."""
        self.probe, self.exchange = probe, exchange

    @cached_property
    def answer(self) -> http1.Answer | None:
        """The HTTP answer, or None when no status line came."""
        fault = self.exchange.fault
        closed = fault is None or fault.kind in {FaultKind.CLOSED_EARLY, FaultKind.RESET}
        return http1.read_answer(self.exchange.raw, method=self.exchange.request.method, closed=closed)

    @cached_property
    def status(self) -> int | None:
        """HTTP status, None without an answer."""
        return self.answer.status if self.answer else None

    def header(self, name: str) -> str | None:
        """Return the first value of a header, compared without case."""
        return self.answer.header(name) if self.answer else None

    @cached_property
    def media_type(self) -> str:
        """The type and subtype of Content-Type in lower case, without parameters; empty when there is none."""
        return (self.header("content-type") or "").split(";", 1)[0].strip().lower()

    @cached_property
    def body(self) -> bytes:
        """The body after de-chunking, before content decoding."""
        return self.answer.body if self.answer else b""

    @cached_property
    def _decoded(self) -> tuple[bytes, str | None]:
        if self.answer is None:
            return b"", None
        return http1.decoded_body(self.answer, limit=DECODED_LIMIT)

    @property
    def content(self) -> bytes:
        """The body after content decoding; the body itself when it cannot be decoded."""
        return self._decoded[0]

    @property
    def coding_problem(self) -> str | None:
        """Why the content coding that the headers announce does not hold, or None."""
        return self._decoded[1]

    @cached_property
    def arrivals(self) -> tuple[tuple[float, int], ...]:
        """When the bytes of the body came: (seconds since the request was sent, number of bytes)."""
        return http1.body_pieces(self.answer, self.exchange.pieces) if self.answer else ()

    @cached_property
    def asked(self) -> Mapping[str, Json]:
        """The JSON object that was sent, empty when none was."""
        value = strictjson.read(self.exchange.request.body).value
        return value if isinstance(value, dict) else {}

    @cached_property
    def said(self) -> str:
        """The body that was sent as text, with a sign in place of bytes that are none."""
        return self.exchange.request.body.decode("utf-8", "replace")

    @property
    def ending(self) -> str:
        """How the exchange ended, in a few words: what went wrong with the connection, else the status."""
        fault = self.exchange.fault
        return fault.detail if fault else f"status {self.status}"

    @property
    def cut(self) -> bool:
        """Whether the exchange did not end as HTTP says it should."""
        return self.exchange.fault is not None

    def arrival(self, offset: int) -> float:
        """Return when the body's byte at an offset came, in seconds since the request was sent."""
        seen = 0
        for when, size in self.arrivals:
            seen += size
            if offset < seen:
                return when
        return self.exchange.elapsed

    @cached_property
    def document(self) -> strictjson.Document:
        """The body read as one JSON document."""
        return strictjson.read(self.content)

    @cached_property
    def json(self) -> Json:
        """The body's JSON value, None when it is not JSON."""
        return self.document.value if self.document.ok else None

    @cached_property
    def object(self) -> Mapping[str, Json]:
        """The body's JSON object, empty when it is not one."""
        return self.json if isinstance(self.json, dict) else {}

    @cached_property
    def stream(self) -> ChatStream:
        """The body read as an event stream of chunks; empty when it is none."""
        return read_stream(self.content)

    @cached_property
    def looks_like_events(self) -> bool:
        """Whether the body begins as an event stream does, whatever its type says."""
        head = self.content[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
        return bool(_FIELD.match(head)) or head[:6].lower().startswith((b"data:", b"event:"))

    @cached_property
    def is_html(self) -> bool:
        """Whether the body is a page for people; an empty one is none, whatever its label."""
        return bool(_HTML.match(self.content[:2048])) or (
            self.media_type == "text/html"
            and bool(self.content.strip())
            and not self.document.ok
            and not self.looks_like_events
        )

    @cached_property
    def form(self) -> Form:  # noqa: PLR0911 - one return a form reads as the table it is
        """What the exchange turned out to be."""
        status = self.status
        if status is None:
            return Form.NO_ANSWER
        if self.is_html and (status < 300 or status >= 500 or page_marker(self.answer, self.content)):  # noqa: PLR2004
            return Form.PAGE
        match status // 100:
            case 4:
                return Form.LIMITED if status == 429 else Form.REFUSED  # noqa: PLR2004
            case 5:
                return Form.FAILED
            case 3:
                return Form.REDIRECT
        if not self.content.strip():
            return Form.EMPTY
        labelled = self.media_type == "text/event-stream"
        more = any(problem.kind == "trailing" for problem in self.document.problems)
        if self.document.ok and not (labelled and more):
            return Form.COMPLETION if isinstance(self.document.value, dict) else Form.OTHER
        if labelled or self.looks_like_events:
            return Form.STREAM
        return Form.OTHER

    @cached_property
    def succeeded(self) -> bool:
        """Whether the target said 2xx with a body that is a completion or a stream, and no error in it."""
        if self.form is Form.COMPLETION:
            return "error" not in self.object or self.object["error"] is None
        return self.form is Form.STREAM and not self.stream.errors

    @cached_property
    def error(self) -> ErrorBody | None:
        """The error that the answer carries, in the envelope or flat; None when the body is no JSON."""
        if not self.document.ok:
            return None
        value = self.document.value
        if isinstance(value, dict) and "error" in value:
            return ErrorBody(enveloped=True, value=value["error"])
        return ErrorBody(enveloped=False, value=value)

    @cached_property
    def life(self) -> str:
        """Any readable assistant text of a 2xx answer, looked for leniently: the proof that a model is there."""
        if self.status is None or self.status // 100 != 2 or self.form is Form.PAGE:  # noqa: PLR2004
            return ""
        for found in _TEXT.finditer(self.content[:1_000_000]):
            try:
                text = str(json.loads(b'"' + found.group(1) + b'"'))
            except ValueError:
                continue
            if text.strip():
                return text
        return ""

    @cached_property
    def message(self) -> Mapping[str, Json]:
        """``choices[0].message`` of a completion, empty when it is not there."""
        message = self.choice(0).get("message")
        return message if isinstance(message, dict) else {}

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended, None when it is not said in text."""
        of_stream = self.form is Form.STREAM
        reason = self.stream.choice(0).finish_reason if of_stream else self.choice(0).get("finish_reason")
        return reason if isinstance(reason, str) else None

    def choice(self, number: int) -> Mapping[str, Json]:
        """Return ``choices[number]`` of a completion, empty when it is not there."""
        choices = self.object.get("choices")
        if isinstance(choices, list) and number < len(choices) and isinstance(choices[number], dict):
            return choices[number]  # type: ignore[return-value]
        return {}

    @property
    def text(self) -> str:
        """The assistant's text of the first choice, streamed or not; empty when there is none."""
        if self.form is Form.STREAM:
            return self.stream.choice(0).content
        message = self.message
        content = message.get("content") if isinstance(message, dict) else None
        return content if isinstance(content, str) else ""

    @cached_property
    def _whole(self) -> Where:
        return Where(self.exchange.id)

    def where(
        self, *, frame: int | None = None, pointer: str | None = None, span: tuple[int, int] | None = None
    ) -> Where:
        """Name a place in this exchange; the bytes of a frame are filled in when it is known."""
        if frame is None and pointer is None and span is None:
            return self._whole
        if frame is not None and span is None and frame < len(self.stream.events):
            event = self.stream.events[frame]
            span = (event.start, event.end)
        return Where(self.exchange.id, frame=frame, bytes=span, pointer=pointer)
