"""How an answer is put on the wire: the completion, the chunks, the bytes of their events, the error.

Pure functions of what was said (:mod:`conformance.reference.voice`) and of a :class:`Stamp`. The shapes are
openai-openapi's CreateChatCompletionResponse and CreateChatCompletionStreamResponse; the events are those
of the HTML standard, section 9.2, closed by OpenAI's ``[DONE]``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from typing import Final

from msgspec import Struct, field

from conformance.model import Json
from conformance.reference.refusal import Refused
from conformance.reference.searching import Page
from conformance.reference.voice import Answer, Call, Choice, Usage

DONE: Final = b"data: [DONE]\n\n"
FINGERPRINT: Final = "fp_reference"
_LOGPROB: Final = -0.25
"""The log probability that every token is said to have."""


class Stamp(Struct, frozen=True):
    """What differs between two answers to one request: the id, the time in Unix seconds, the request id."""

    id: str
    created: int
    request_id: str


class Options(Struct, frozen=True):
    """What a request wants of the form of its answer.

    ``citations`` says that pages are listed beside the choices; ``call_extra`` are members added to each tool call.
    """

    include_usage: bool = False
    obfuscate: bool = False
    logprobs: bool = False
    top_logprobs: int = 0
    citations: bool = False
    call_extra: Mapping[str, Json] = field(default_factory=dict)


def completion(answer: Answer, stamp: Stamp, options: Options) -> dict[str, Json]:
    """Return the body of an answer that is not streamed."""
    body: dict[str, Json] = {
        "id": stamp.id,
        "object": "chat.completion",
        "created": stamp.created,
        "model": answer.model,
        "choices": [
            _choice(number, choice, answer.page, options) for number, choice in enumerate(answer.choices)
        ],
        "usage": usage(answer.usage),
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }
    if answer.page is not None and options.citations:
        body["citations"] = [answer.page.url]
    return body


def chunks(answer: Answer, stamp: Stamp, options: Options) -> list[dict[str, Json]]:
    """Return the chunks of a streamed answer, those of several choices in turn, the lowest index first."""
    told = [list(_deltas(number, choice, options)) for number, choice in enumerate(answer.choices)]
    found = [_chunk(answer, stamp, [choice]) for choice in _interleave(told)]
    if options.include_usage:
        for chunk in found:
            chunk["usage"] = None
        last = _chunk(answer, stamp, [])
        last["usage"] = usage(answer.usage)
        found.append(last)
    if options.obfuscate:
        for number, chunk in enumerate(found):
            chunk["obfuscation"] = "x" * (1 + number * 7 % 13)
    return found


def event(chunk: Json) -> bytes:
    """Return the bytes of the event that carries ``chunk``."""
    return b"data: " + dump(chunk) + b"\n\n"


def error(refused: Refused) -> dict[str, Json]:
    """Return the body of an answer that says no."""
    return {
        "error": {
            "message": refused.message,
            "type": refused.kind,
            "param": refused.param,
            "code": refused.code,
        }
    }


def models(names: Sequence[str], created: int) -> dict[str, Json]:
    """Return the list of models that ``GET /models`` answers."""
    rows: list[Json] = [
        {"id": name, "object": "model", "created": created, "owned_by": "reference"} for name in names
    ]
    return {"object": "list", "data": rows}


def dump(value: Json) -> bytes:
    """Return compact JSON in UTF-8. What UTF-8 cannot hold (a lone surrogate) is escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def usage(counts: Usage) -> dict[str, Json]:
    """Return the usage object; total is the sum of its two parts."""
    return {
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.completion,
        "total_tokens": counts.prompt + counts.completion + (counts.reasoning if counts.apart else 0),
        "prompt_tokens_details": {"cached_tokens": counts.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": counts.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _choice(number: int, choice: Choice, page: Page | None, options: Options) -> Json:
    text = "".join(choice.content or ())
    message: dict[str, Json] = {
        "role": "assistant",
        "content": None if choice.content is None else text,
        "refusal": None,
        "annotations": [] if page is None else _annotations(text, page),
    }
    if choice.reasoning:
        message["reasoning_content"] = "".join(choice.reasoning)
    if choice.calls:
        message["tool_calls"] = [{**_call(call), **options.call_extra} for call in choice.calls]
    return {
        "index": number,
        "message": message,
        "logprobs": _logprobs(choice.content or (), options) if options.logprobs else None,
        "finish_reason": choice.finish,
    }


def _annotations(text: str, page: Page) -> list[Json]:
    start = text.find(page.url)
    if start < 0:
        return []
    place = {"start_index": start, "end_index": start + len(page.url)}
    return [{"type": "url_citation", "url_citation": {"url": page.url, "title": page.title, **place}}]


def _call(call: Call) -> dict[str, Json]:
    kind, member = ("custom", "input") if call.custom else ("function", "arguments")
    return {"id": call.id, "type": kind, kind: {"name": call.name, member: "".join(call.arguments)}}


def _deltas(number: int, choice: Choice, options: Options) -> Iterator[Json]:
    """Yield the choice objects of one candidate: role, reasoning, text, tool calls, end."""
    first: dict[str, Json] = {"role": "assistant", "content": None if choice.calls else "", "refusal": None}
    yield _part(number, first)
    for token in choice.reasoning:
        yield _part(number, {"reasoning_content": token})
    for token in choice.content or ():
        yield _part(number, {"content": token}, _logprobs((token,), options) if options.logprobs else None)
    for place, call in enumerate(choice.calls):
        kind, member = ("custom", "input") if call.custom else ("function", "arguments")
        opening: dict[str, Json] = {
            "index": place,
            "id": call.id,
            "type": kind,
            kind: {"name": call.name, member: ""},
        }
        yield _part(number, {"tool_calls": [{**opening, **options.call_extra}]})
        for token in call.arguments:
            yield _part(number, {"tool_calls": [{"index": place, kind: {member: token}}]})
    yield _part(number, {}, finish=choice.finish)


def _part(number: int, delta: Json, logprobs: Json = None, *, finish: str | None = None) -> Json:
    return {"index": number, "delta": delta, "logprobs": logprobs, "finish_reason": finish}


def _chunk(answer: Answer, stamp: Stamp, choices: list[Json]) -> dict[str, Json]:
    return {
        "id": stamp.id,
        "object": "chat.completion.chunk",
        "created": stamp.created,
        "model": answer.model,
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
        "choices": choices,
    }


def _interleave(told: Sequence[Sequence[Json]]) -> Iterator[Json]:
    return (part for part in chain.from_iterable(zip_longest(*told)) if part is not None)


def _logprobs(content: Sequence[str], options: Options) -> Json:
    return {"content": [_logprob(token, options.top_logprobs) for token in content], "refusal": None}


def _logprob(token: str, top: int) -> Json:
    """Return one token with its bytes and ``top`` alternatives, the likeliest first."""
    ranked: list[Json] = [
        {"token": other, "logprob": _LOGPROB - rank, "bytes": list(other.encode())}
        for rank, other in enumerate(
            [token, *(f"{token}{chr(97 + number)}" for number in range(top - 1))][:top]
        )
    ]
    return {"token": token, "logprob": _LOGPROB, "bytes": list(token.encode()), "top_logprobs": ranked}
