"""The reference gateway as a pure function: a received request goes in, a reply comes out.

Rulings decide, the voice speaks, the wire writes; where the gateway has faults, each strikes at its own
point of that way. Nothing here listens or waits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from conformance.model import Json
from conformance.reference import voice, wire
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
    stamp = _stamp(received, house)
    if not house.mutations:
        return _reply(ruling, stamp, house, (), None)
    scene = Scene(received, _leniently(received.body), ruling if isinstance(ruling, Refused) else None)
    mutators = [mutation.mutator for mutation in house.mutations if mutation.when.strikes(scene)]
    return _reply(_faulty_ruling(ruling, house, mutators, scene), stamp, house, mutators, scene)


def _faulty_ruling(ruling: Ruling, house: House, mutators: Mutators, scene: Scene) -> Ruling:
    draft = Draft(scene.body)
    changed = False
    for mutator in mutators:
        if isinstance(mutator, RequestMutator):
            changed = True
            try:
                draft = mutator.on_request(draft, scene)
            except Refused as refused:
                return refused
    return rule(scene.received, house, draft) if changed else ruling


def _reply(ruling: Ruling, stamp: wire.Stamp, house: House, mutators: Mutators, scene: Scene | None) -> Reply:
    match ruling:
        case Granted() if ruling.asked.stream:
            reply = _stream_reply(_events(ruling, stamp, mutators, scene), stamp)
        case Granted():
            said = _say(ruling, mutators, scene)
            body: Json = wire.completion(said, stamp, _options(ruling))
            reply = _json_reply(200, _edited(body, "completion", mutators, scene), stamp)
        case Listing():
            listed: Json = wire.models(tuple(house.cards), stamp.created)
            reply = _json_reply(200, _edited(listed, "models", mutators, scene), stamp)
        case Preflight():
            reply = _preflight(scene.received.path if scene else next(iter(METHODS)))
        case Refused():
            error: Json = wire.error(ruling)
            reply = _json_reply(
                ruling.status, _edited(error, "error", mutators, scene), stamp, ruling.headers
            )
    for mutator in mutators:
        if isinstance(mutator, ReplyMutator) and scene is not None:
            reply = mutator.on_reply(reply, scene)
    return reply


def _say(granted: Granted, mutators: Mutators, scene: Scene | None) -> voice.Answer:
    said = voice.answer(granted.asked, granted.thinking)
    if granted.card.reasoning_apart:
        usage = said.usage
        said = replace(said, usage=replace(usage, completion=usage.completion - usage.reasoning, apart=True))
    for mutator in mutators:
        if isinstance(mutator, AnswerMutator) and scene is not None:
            said = mutator.on_answer(said, scene)
    return said


def _events(
    granted: Granted, stamp: wire.Stamp, mutators: Mutators, scene: Scene | None
) -> tuple[bytes, ...]:
    chunks: list[Json] = [*wire.chunks(_say(granted, mutators, scene), stamp, _options(granted))]
    if scene is None:
        return (*map(wire.event, chunks), wire.DONE)
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


def _edited(body: Json, target: str, mutators: Mutators, scene: Scene | None) -> Json:
    for mutator in mutators:
        if isinstance(mutator, Edit) and target in mutator.targets and scene is not None:
            body = mutator.edit(body, 0, scene)
    return body


def _options(granted: Granted) -> wire.Options:
    asked, extra = granted.asked, granted.card.extras.get("tool_call")
    return wire.Options(
        include_usage=asked.include_usage,
        obfuscate=asked.obfuscate,
        logprobs=asked.logprobs,
        top_logprobs=asked.top_logprobs,
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


def _preflight(path: str) -> Reply:
    methods = ", ".join(METHODS.get(path, ("POST", "OPTIONS")))
    headers: Headers = (
        ("allow", methods),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", methods),
        ("access-control-allow-headers", "authorization, content-type, *"),
        ("access-control-max-age", "600"),
    )
    return Reply(204, headers, ())


def _json_reply(
    status: int, body: Json, stamp: wire.Stamp, headers: Mapping[str, str] | None = None
) -> Reply:
    named = (
        ("content-type", "application/json"),
        ("x-request-id", stamp.request_id),
        *(headers or {}).items(),
    )
    return Reply(status, named, (wire.dump(body),))


def _stream_reply(events: tuple[bytes, ...], stamp: wire.Stamp) -> Reply:
    headers: Headers = (
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
        ("x-request-id", stamp.request_id),
    )
    return Reply(200, headers, events, framing=Framing.CHUNKED, pause=PAUSE)
