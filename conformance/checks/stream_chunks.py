"""Chunks of a stream: each by itself and all as one answer (contract clauses E04-E15).

The order they have to come in is the table in :mod:`conformance.chatstream`.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.chatstream import Delta, Frame
from conformance.checks.api import Case, Reads, check
from conformance.checks.select import valid, without
from conformance.checks.stream_values import each_chunk, each_delta, one_value
from conformance.checks.values import broke_off, judges_of_break, refuses, same_model, show
from conformance.model import Finding
from conformance.strictjson import is_integer

STREAMED = valid(streamed=True)
UNASKED_USAGE = without(STREAMED, "include-usage")


@check("stream.chunk-object", on=STREAMED, reads=Reads.STREAM)
def chunk_object(case: Case) -> Iterator[Finding]:
    """``object`` says what a chunk is (E04)."""

    def wrong(chunk: Frame) -> str:
        value = chunk.value.get("object")
        return "" if value == "chat.completion.chunk" else f"object is {show(chunk.value, 'object')}"

    yield from each_chunk(case, wrong, '"chat.completion.chunk"', "/object")


@check("stream.id-present", on=STREAMED, reads=Reads.STREAM)
def id_present(case: Case) -> Iterator[Finding]:
    """Each chunk has an id (E05, D02)."""

    def wrong(chunk: Frame) -> str:
        value = chunk.value.get("id")
        return "" if isinstance(value, str) and value else f"id is {show(chunk.value, 'id')}"

    yield from each_chunk(case, wrong, "a non-empty string", "/id")


@check("stream.id-constant", on=STREAMED, reads=Reads.STREAM)
def id_constant(case: Case) -> Iterator[Finding]:
    """One answer, one id (E05)."""
    values = [(chunk.index, chunk.value.get("id")) for chunk in case.view.stream.chunks]
    yield from one_value(case, "id", [(frame, value) for frame, value in values if value])


@check("stream.model-constant", on=STREAMED, reads=Reads.STREAM)
def model_constant(case: Case) -> Iterator[Finding]:
    """One answer, one model (E06)."""

    def wrong(chunk: Frame) -> str:
        value = chunk.value.get("model")
        return "" if isinstance(value, str) and value else f"model is {show(chunk.value, 'model')}"

    missing = [
        f for f in each_chunk(case, wrong, "the same non-empty model in every chunk", "/model") if f.expected
    ]
    if missing:
        yield missing[0]
        return
    yield from one_value(
        case, "model", [(chunk.index, chunk.value.get("model")) for chunk in case.view.stream.chunks]
    )


@check("stream.model-matches", on=STREAMED, reads=Reads.STREAM)
def model_matches(case: Case) -> Iterator[Finding]:
    """The model that answers is the model that was asked for (D06)."""
    asked = case.view.asked.get("model")
    named = [(c.index, c.value.get("model")) for c in case.view.stream.chunks if c.value.get("model")]
    for frame, told in named:
        if not isinstance(told, str) or not same_model(asked, told):
            yield case.fail(
                f"model is {told!r}",
                f"{asked!r}, or a snapshot of it",
                examined=len(named),
                frame=frame,
                pointer="/model",
            )
            return
    if named:
        yield case.ok(len(named))


@check("stream.created-constant", on=STREAMED, reads=Reads.STREAM)
def created_constant(case: Case) -> Iterator[Finding]:
    """One answer, one time (E06)."""
    values = [(chunk.index, chunk.value.get("created")) for chunk in case.view.stream.chunks]
    yield from one_value(case, "created", [(frame, value) for frame, value in values if value is not None])


@check("stream.created-integer", on=STREAMED, reads=Reads.STREAM)
def created_integer(case: Case) -> Iterator[Finding]:
    """``created`` is an integer in every chunk (D04)."""

    def wrong(chunk: Frame) -> str:
        value = chunk.value.get("created")
        return "" if is_integer(value) else f"created is {show(chunk.value, 'created')}"

    yield from each_chunk(case, wrong, "a JSON integer", "/created")


@check("stream.choices-array", on=STREAMED, reads=Reads.STREAM)
def choices_array(case: Case) -> Iterator[Finding]:
    """Each chunk has ``choices``, an array of objects (E11)."""

    def wrong(chunk: Frame) -> str:
        value = chunk.value.get("choices")
        fine = isinstance(value, list) and all(isinstance(choice, dict) for choice in value)
        return "" if fine else f"choices is {show(chunk.value, 'choices')}"

    yield from each_chunk(case, wrong, "an array of objects", "/choices")


@check("stream.choices-not-empty", on=UNASKED_USAGE, reads=Reads.STREAM)
def choices_not_empty(case: Case) -> Iterator[Finding]:
    """Without include_usage no chunk has empty choices (E11): the documented loop reads ``choices[0]`` unguarded."""
    yield from each_chunk(
        case,
        lambda chunk: "choices is []" if chunk.value.get("choices") == [] else "",
        "at least one choice: usage was not asked for",
        "/choices",
    )


@check("stream.choice-index", on=STREAMED, reads=Reads.STREAM)
def choice_index(case: Case) -> Iterator[Finding]:
    """Each choice says which one it is, from 0 to n less one (D08, E15)."""
    asked = case.view.asked.get("n")
    n = asked if is_integer(asked) else 1

    def wrong(delta: Delta) -> str:
        index = delta.index
        fine = is_integer(index) and 0 <= index < n
        return "" if fine else f"index is {show(delta.value, 'index')}"

    yield from each_delta(case, wrong, f"an integer from 0 to {n - 1}", "index")


@check("stream.delta-object", on=STREAMED, reads=Reads.STREAM)
def delta_object(case: Case) -> Iterator[Finding]:
    """Each choice has a ``delta`` object, empty at the end but there (E10)."""
    yield from each_delta(
        case, lambda d: "" if d.has_delta else f"delta is {show(d.value, 'delta')}", "an object", "delta"
    )


@check("stream.content-string", on=STREAMED, reads=Reads.STREAM)
def content_string(case: Case) -> Iterator[Finding]:
    """``content`` is text, null or absent (E12)."""

    def wrong(delta: Delta) -> str:
        value = delta.delta.get("content")
        return "" if value is None or isinstance(value, str) else f"content is {show(delta.delta, 'content')}"

    yield from each_delta(case, wrong, "a string, null or nothing", "delta/content")


@check("stream.tool-calls-not-empty", on=STREAMED, reads=Reads.STREAM)
def tool_calls_not_empty(case: Case) -> Iterator[Finding]:
    """No empty ``tool_calls`` (D19): clients take its presence for a call."""
    yield from each_delta(
        case,
        lambda delta: "tool_calls is []" if delta.delta.get("tool_calls") == [] else "",
        "calls, null, or no member",
        "delta/tool_calls",
    )


@check(
    "stream.content-not-empty",
    on=valid("text", streamed=True),
    reads=Reads.STREAM,
    beside=("chat.basic", "messages.echo"),
)
def content_not_empty(case: Case) -> Iterator[Finding]:
    """An answer that stopped by itself, or does not say why it ended, has text in it (E14)."""
    stream = case.view.stream
    choice = stream.choice(0)
    if stream.errors or (broke_off(case.view) and not choice.finishes):
        yield case.unsure("the stream broke off", by=judges_of_break(case.view))
    elif choice.content.strip():
        yield case.ok(len(choice.content_parts))
    elif choice.finish_reason not in (None, "stop"):
        yield case.skip(f"the answer did not stop by itself: finish_reason is {choice.finish_reason!r}")
    elif any(_has_other(delta) for delta in stream.deltas if delta.choice == 0):
        yield case.skip("the answer is a call or a sound, and no text")
    elif refuses(case.view) and (why := _refusal_stands(case)):
        yield case.unsure(why)
    else:
        yield case.fail(
            f"{len(stream.chunks)} chunks and no text",
            "text in the deltas' content",
            examined=max(1, len(stream.frames)),
        )


def _has_other(delta: Delta) -> bool:
    return any(delta.delta.get(name) for name in ("tool_calls", "function_call", "audio"))


def _refusal_stands(case: Case) -> str:
    """Say why a streamed refusal may be one; empty where the same is answered when it is asked without stream."""
    complete = {name: view for name, view in case.others.items() if view.succeeded}
    if any(refuses(view) for view in complete.values()):
        return "the model refuses, as it does in a complete answer"
    twin = "messages.echo" if case.probe.has("echo") else "chat.basic"
    return "" if twin in complete else "the model refuses, and no complete answer shows whether it means to"
