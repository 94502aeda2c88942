"""The reference gateway as a pure function: a received request goes in, a reply comes out.

Rulings decide, the voice speaks, the wire writes; where the gateway has faults, each strikes at its own
point of that way. Nothing here listens or waits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, TypeAlias

from msgspec.structs import replace

from conformance.model import Json
from conformance.reference import voice, wire
from conformance.reference.fetching import with_files
from conformance.reference.mutators import Mutator
from conformance.reference.mutators.answers import AnswerMutator
from conformance.reference.mutators.chunks import ChunkMutator, chosen
from conformance.reference.mutators.edits import Edit
from conformance.reference.mutators.events import EventMutator
from conformance.reference.mutators.replies import ReplyMutator
from conformance.reference.mutators.requests import Draft, RequestMutator
from conformance.reference.reading import read_object
from conformance.reference.refusal import Refused
from conformance.reference.reply import Framing, Headers, Received, Reply
from conformance.reference.routes import METHODS
from conformance.reference.rulings import Granted, House, Listing, Preflight, Ruling, rule
from conformance.reference.scene import Scene

PAUSE: Final = 0.004
"""Seconds between two writes of a stream, so that arrival times tell a stream from a buffer."""

Mutators: TypeAlias = Sequence[Mutator]


def respond(received: Received, house: House) -> Reply:
    """Return the reply to ``received``; every refusal becomes an error reply."""
    ruling = rule(received, house)
    refused = ruling if isinstance(ruling, Refused) else None
    scene = Scene(received, _leniently(received.body) if house.mutations else None, refused)
    mutators = [mutation.mutator for mutation in house.mutations if mutation.when.strikes(scene)]
    ruling = _faulty_ruling(ruling, house, mutators, scene)
    return _reply(ruling, house, mutators, scene)


def _faulty_ruling(ruling: Ruling, house: House, mutators: Mutators, scene: Scene) -> Ruling:
    meant = [mutator for mutator in mutators if isinstance(mutator, RequestMutator)]
    draft = Draft(scene.body)
    try:
        for mutator in meant:
            draft = mutator.on_request(draft, scene)
    except Refused as refused:
        return refused
    ruling = rule(scene.received, house, draft) if meant else ruling
    return _with_files(ruling, house, draft, scene) if isinstance(ruling, Granted) else ruling


def _with_files(granted: Granted, house: House, draft: Draft, scene: Scene) -> Ruling:
    """Return what becomes of a request that is granted if the files by URL that it has can be read."""
    if not any("" in message.attached for message in granted.asked.messages):
        return granted
    body = draft.body if isinstance(draft.body, dict) else _leniently(scene.received.body)
    try:
        filled = with_files(body)
    except Refused as refused:
        return refused
    return granted if filled is body else rule(scene.received, house, replace(draft, body=filled))


def _reply(ruling: Ruling, house: House, mutators: Mutators, scene: Scene) -> Reply:
    stamp = _stamp(scene.received, house)
    labels = (("x-request-id", stamp.request_id), *_trace(scene.received))
    match ruling:
        case Granted() if ruling.asked.stream:
            reply = _stream_reply(_events(ruling, stamp, mutators, scene), labels)
        case Granted():
            body: Json = wire.completion(_say(ruling, mutators, scene), stamp, _options(ruling))
            reply = _json_reply(200, _edited(body, "completion", mutators, scene), labels)
        case Listing():
            listed: Json = wire.models(tuple(house.cards), stamp.created)
            reply = _json_reply(200, _edited(listed, "models", mutators, scene), labels)
        case Preflight():
            reply = _preflight(scene.received.path, labels)
        case Refused():
            error: Json = wire.error(ruling)
            headers = (*labels, *ruling.headers.items())
            reply = _json_reply(ruling.status, _edited(error, "error", mutators, scene), headers)
    for mutator in mutators:
        if isinstance(mutator, ReplyMutator):
            reply = mutator.on_reply(reply, scene)
    return reply


def _say(granted: Granted, mutators: Mutators, scene: Scene) -> voice.Answer:
    said = voice.answer(granted.asked, granted.thinking, granted.page)
    if granted.card.reasoning_apart:
        usage = said.usage
        said = replace(said, usage=replace(usage, completion=usage.completion - usage.reasoning, apart=True))
    for mutator in mutators:
        if isinstance(mutator, AnswerMutator):
            said = mutator.on_answer(said, scene)
    return said


def _events(granted: Granted, stamp: wire.Stamp, mutators: Mutators, scene: Scene) -> tuple[bytes, ...]:
    chunks: list[Json] = [*wire.chunks(_say(granted, mutators, scene), stamp, _options(granted))]
    for mutator in mutators:
        if isinstance(mutator, ChunkMutator):
            chunks = mutator.on_chunks(chunks, scene)
        elif isinstance(mutator, Edit) and "chunks" in mutator.targets:
            meant = chosen(chunks, mutator.which)
            chunks = [mutator.edit(one, n, scene) if n in meant else one for n, one in enumerate(chunks)]
    events = [*map(wire.event, chunks), wire.DONE]
    for mutator in mutators:
        if isinstance(mutator, EventMutator):
            events = mutator.on_events(events, scene)
    return tuple(events)


def _edited(body: Json, target: str, mutators: Mutators, scene: Scene) -> Json:
    for mutator in mutators:
        if isinstance(mutator, Edit) and target in mutator.targets:
            body = mutator.edit(body, 0, scene)
    return body


def _options(granted: Granted) -> wire.Options:
    asked, extra = granted.asked, granted.card.extras.get("tool_call")
    return wire.Options(
        include_usage=asked.include_usage,
        obfuscate=asked.obfuscate,
        logprobs=asked.logprobs,
        top_logprobs=asked.top_logprobs,
        citations="search_parameters" in granted.card.searches,
        call_extra=extra if isinstance(extra, dict) else {},
    )


def _stamp(received: Received, house: House) -> wire.Stamp:
    digest = hashlib.sha256(f"{house.seed}/{received.number}".encode()).hexdigest()
    return wire.Stamp(f"chatcmpl-{digest[:29]}", int(house.clock()), f"req_{digest[32:]}")


def _leniently(body: bytes) -> Json:
    try:
        return read_object(body)
    except Refused:
        return None


def _trace(received: Received) -> Headers:
    """Return the X-Trace-ID of the request as an answer's header: it comes back as it was sent."""
    trace = received.header("x-trace-id")
    return () if trace is None else (("x-trace-id", trace),)


def _preflight(path: str, labels: Headers) -> Reply:
    methods = ", ".join(METHODS.get(path, ("OPTIONS",)))
    headers: Headers = (
        ("allow", methods),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", methods),
        ("access-control-allow-headers", "authorization, content-type, x-trace-id, *"),
        ("access-control-max-age", "600"),
    )
    return Reply(204, (*headers, *labels), ())


def _json_reply(status: int, body: Json, labels: Headers) -> Reply:
    return Reply(status, (("content-type", "application/json; charset=utf-8"), *labels), (wire.dump(body),))


def _stream_reply(events: tuple[bytes, ...], labels: Headers) -> Reply:
    headers: Headers = (
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
    )
    return Reply(200, (*headers, *labels), events, framing=Framing.CHUNKED, pause=PAUSE)
