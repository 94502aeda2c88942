"""Streams beside complete answers: text that a server adds to streams, and members that it loses in them (E14)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Final

from conformance.checks.api import Case, Reads, check
from conformance.checks.select import ids
from conformance.model import Finding, Json
from conformance.views import Form, View

STREAMS: Final = ("messages.echo-stream", "stream.usage")
COMPLETE: Final = ("chat.basic", "messages.echo")
"""The same questions, not streamed."""
_WORDS: Final = 4
"""Words of a delta that no two models' answers to different questions share by chance."""


@check(
    "stream.no-server-text",
    on=ids("stream.basic"),
    reads=Reads.STREAM,
    needs=STREAMS,
    beside=COMPLETE,
)
def no_server_text(case: Case) -> Iterator[Finding]:
    """What stands in every stream, whatever was asked, and in no complete answer, the model has not said."""
    complete = [case.others[name].text for name in COMPLETE if name in case.others]
    if any(case.other(name).form is not Form.STREAM for name in STREAMS) or not complete or not all(complete):
        yield case.unsure("there are not both streams and complete answers with text")
        return
    shared = set(_phrases(case.view))
    for name in STREAMS:
        shared &= _phrases(case.other(name)).keys()
    added = next((text for text in sorted(shared) if not any(text in answer for answer in complete)), "")
    if added:
        yield case.fail(
            f"{added[:100]!r} in {len(STREAMS) + 1} streams of different questions, and in no complete answer",
            "text that the model has made",
            examined=len(STREAMS) + 1,
            frame=_phrases(case.view)[added],
            also=tuple(case.other(name).where() for name in STREAMS),
        )
    else:
        yield case.ok(len(STREAMS) + 1)


WHOLE: Final = ("messages.echo", "messages.parts-escaped", "messages.parts-all")
"""Other questions, answered at once."""
_ENOUGH: Final = 3
"""Complete answers to different questions that end alike by no chance."""


@check(
    "response.no-server-text",
    on=ids("chat.basic"),
    reads=Reads.COMPLETION,
    beside=(*WHOLE, "stream.usage", "messages.echo-stream"),
)
def no_server_text_in_complete(case: Case) -> Iterator[Finding]:
    """What each complete answer begins or ends with, and no stream has, the model has not said."""
    views = (case.view, *case.others.values())
    complete = [view.text.split() for view in views if view.form is Form.COMPLETION and view.text.strip()]
    streams = [
        " ".join(view.text.split()) for view in views if view.form is Form.STREAM and view.text.strip()
    ]
    if len(complete) < _ENOUGH or not streams:
        yield case.unsure("there are not enough complete answers and streams with text")
        return
    ends = (_alike(complete), _alike([words[::-1] for words in complete])[::-1])
    added = next((text for words in ends if len(words) >= _WORDS and (text := " ".join(words))), "")
    if added and not any(added in stream for stream in streams):
        yield case.fail(
            f"{added[:100]!r} in {len(complete)} complete answers to different questions, and in no stream",
            "text that the model has made",
            examined=len(complete),
            pointer="/choices/0/message/content",
        )
    else:
        yield case.ok(len(complete))


def _alike(texts: list[list[str]]) -> list[str]:
    """Return the words with which all the texts begin."""
    same = takewhile(lambda words: len(set(words)) == 1, zip(*texts, strict=False))
    return [words[0] for words in same]


def _phrases(view: View) -> dict[str, int]:
    """Return the deltas of several words, each with its frame."""
    parts = view.stream.choice(0).content_parts
    return {text.strip(): frame for frame, text in parts if len(text.split()) >= _WORDS}


_TOLD_OTHERWISE: Final = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "system_fingerprint"}
)
"""Members of an answer that other requirements judge, or that a server sets anew for each."""


@check("stream.same-text-as-complete", on=ids("stream.usage"), reads=Reads.STREAM, needs=("chat.basic",))
def same_members(case: Case) -> Iterator[Finding]:
    """What a complete answer has beside its text, a stream of the same request has too: thoughts, citations."""
    complete = case.other("chat.basic")
    there = _given(complete.object) - _TOLD_OTHERWISE | _given(complete.message)
    here = {name for frame in case.view.stream.chunks for name in _given(frame.value)}
    here |= {name for delta in case.view.stream.deltas for name in _given(delta.delta)}
    lost = sorted(there - here)
    if not case.view.text or not complete.text:
        yield case.unsure("an answer has no text")
    elif lost:
        yield case.fail(
            f"the complete answer has {', '.join(map(repr, lost))}, no chunk of the stream has"[:160],
            "the same members in both",
            examined=len(there),
            also=(complete.where(),),
        )
    else:
        yield case.ok(len(there))


def _given(value: Mapping[str, Json]) -> set[str]:
    """Return the members that say something: neither null nor empty."""
    return {name for name, member in value.items() if member not in (None, "", [], {})}
