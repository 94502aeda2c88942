"""Text that a server puts into streams: told from the model's by comparing answers to different questions (E14)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.checks.api import Case, Reads, check
from conformance.checks.select import ids
from conformance.model import Finding
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


def _phrases(view: View) -> dict[str, int]:
    """Return the deltas of several words, each with its frame."""
    parts = view.stream.choice(0).content_parts
    return {text.strip(): frame for frame, text in parts if len(text.split()) >= _WORDS}
