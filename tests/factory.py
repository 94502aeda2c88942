"""Makes views of answers by hand, so that a test can say in one line what a target sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from importlib import import_module

from conformance.checks import all_checks
from conformance.checks.api import READABLE, Case
from conformance.model import (
    Claim,
    Exchange,
    FaultKind,
    Finding,
    Json,
    Level,
    Probe,
    Requirement,
    TransportFault,
    Verdict,
)
from conformance.models import ModelCard
from conformance.probes import library
from conformance.probes.asker import Asker
from conformance.views import View

MODEL = "reference-chat"
STARTED = 1_767_225_600.0


def probes(*areas: str, card: ModelCard | None = None, model: str = MODEL) -> dict[str, Probe]:
    """Return the hand-written probes of one model by their ids: those of these modules, or all."""
    ask = Asker(model, card or ModelCard(model))
    if not areas:
        return {probe.id: probe for probe in library(ask)}
    modules = [import_module(f"conformance.probes.{area}") for area in areas]
    return {probe.id: probe for module in modules for probe in module.probes(ask)}


def raw_answer(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """Write an answer with Content-Length; a header named so is sent as given."""
    sent = {"content-length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = ""
    return f"HTTP/1.1 {status} {reason}\r\n{head}\r\n".encode() + body


def json_answer(status: int, value: Json, **headers: str) -> bytes:
    """Write a JSON answer; keyword arguments are further headers, ``_`` for ``-``."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    body = json.dumps(value, ensure_ascii=False).encode()
    return raw_answer(status, {"content-type": "application/json", **named}, body)


def sse_answer(events: Iterable[Json | str], status: int = 200) -> bytes:
    """Write an event stream: a value is sent as JSON, a string as it is."""
    lines = (event if isinstance(event, str) else json.dumps(event, ensure_ascii=False) for event in events)
    body = "".join(f"data: {line}\n\n" for line in lines).encode()
    return raw_answer(status, {"content-type": "text/event-stream"}, body)


def text_answer(status: int, text: str, kind: str = "text/plain") -> bytes:
    """Write an answer of another media type."""
    return raw_answer(status, {"content-type": kind}, text.encode())


def error(message: Json = "no", **members: Json) -> dict[str, Json]:
    """Return an error body with all four members; keyword arguments replace or add members."""
    whole: dict[str, Json] = {
        "message": message,
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    return {"error": {**whole, **members}}


def completion(text: str = "Hello there, how are you?", **members: Json) -> dict[str, Json]:
    """Return a complete answer; keyword arguments replace or add members."""
    choice: Json = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": int(STARTED),
        "model": MODEL,
        "choices": [choice],
        "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
        **members,
    }


def chunk(delta: dict[str, Json], finish: str | None = None, **members: Json) -> dict[str, Json]:
    """Return one chunk of a stream."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": int(STARTED),
        "model": MODEL,
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        **members,
    }


def stream(text: str = "Hello there") -> list[Json | str]:
    """Return the events of a short correct stream, a chunk for each word."""
    words: list[Json | str] = [chunk({"content": f"{word} "}) for word in text.split()]
    return [chunk({"role": "assistant", "content": ""}), *words, chunk({}, "stop"), "[DONE]"]


def exchange(
    probe: Probe,
    raw: bytes = b"",
    *,
    fault: FaultKind | None = None,
    attempt: int = 1,
    started: float = 0.0,
    elapsed: float = 0.5,
) -> Exchange:
    """Return the exchange of a probe that was answered with ``raw``, in one piece."""
    return Exchange(
        id=f"ex-{probe.id}",
        probe=probe.id,
        model=probe.model,
        attempt=attempt,
        request=probe.request,
        raw=raw,
        pieces=((elapsed / 2, len(raw)),) if raw else (),
        started_at=STARTED + started,
        elapsed=elapsed,
        fault=TransportFault(fault, f"it ended: {fault}") if fault else None,
    )


def view_of(probe: Probe, raw: bytes = b"", *, fault: FaultKind | None = None, **times: float) -> View:
    """Return the view of a probe that was answered with ``raw``."""
    return View(probe, exchange(probe, raw, fault=fault, **times))  # type: ignore[arg-type]


def case_of(requirement: str, view: View, *others: View, claim: Claim = Claim.YES) -> Case:
    """Return the case that a judge of this requirement would be given."""
    row = Requirement(requirement, requirement, Level.MUST, "", "", "chat", ())
    known = {other.probe.id: other for other in others}
    return Case(row, view.probe, view, ModelCard(view.probe.model), row.level, claim, known)


def findings(requirement: str, view: View, *others: View) -> list[Finding]:
    """Return what the checks of a requirement say of a view, as the judge would call them.

    An answer that a check cannot read gives nothing, as does a probe that it does not look at.
    """
    case = case_of(requirement, view, *others)
    return [
        finding
        for check in all_checks()
        if check.requirement == requirement and check.on(view.probe) and view.form in READABLE[check.reads]
        for finding in check.judge(case)
    ]


def verdict(requirement: str, view: View, *others: View) -> Verdict | None:
    """Return what is said of a view as one word; None when nothing is."""
    said = {finding.verdict for finding in findings(requirement, view, *others)}
    order = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS, Verdict.NOT_APPLICABLE)
    return next((one for one in order if one in said), None)
