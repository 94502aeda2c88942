"""Token counts of a stream: only when asked for, then once, last, in a chunk of their own (clauses C09, E13)."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.checks.api import Case, Reads, check
from conformance.checks.select import valid, without
from conformance.checks.stream_values import each_chunk
from conformance.checks.values import broke_off, judges_of_break, show, unread
from conformance.model import Finding

STREAMED = valid(streamed=True)
UNASKED_USAGE = without(STREAMED, "include-usage")
ASKED_USAGE = valid("include-usage", streamed=True)


@check("stream.usage-only-when-asked", on=UNASKED_USAGE, reads=Reads.STREAM)
def usage_only_when_asked(case: Case) -> Iterator[Finding]:
    """No token counts that nobody asked for (E13)."""
    chunks = case.view.stream.chunks
    unasked = case.view.stream.usages
    if unasked:
        yield case.fail(
            f"usage in {len(unasked)} chunks",
            "no usage: the request did not ask for it",
            examined=len(chunks),
            frame=unasked[0].index,
            pointer="/usage",
        )
    elif chunks:
        yield case.ok(len(chunks))


@check("stream.include-usage-present", on=ASKED_USAGE, reads=Reads.STREAM)
def include_usage_present(case: Case) -> Iterator[Finding]:
    """Asked for, the counts come (C09)."""
    stream = case.view.stream
    if stream.usages:
        yield case.ok(len(stream.chunks))
    elif broke_off(case.view) or not stream.chunks:
        yield case.unsure("the stream broke off", by=judges_of_break(case.view))
    elif unread(case.view):
        yield case.unsure("an event cannot be read", by="stream.event-json")
    else:
        inside = any(isinstance(delta.value.get("usage"), dict) for delta in stream.deltas)
        saw = "usage inside a choice" if inside else f"no usage in {len(stream.chunks)} chunks"
        yield case.fail(saw, "one chunk with a top-level usage object", examined=len(stream.chunks))


@check("stream.include-usage-choices", on=ASKED_USAGE, reads=Reads.STREAM)
def include_usage_choices(case: Case) -> Iterator[Finding]:
    """The chunk with the counts has ``choices: []`` (contract 3.2)."""
    usages = case.view.stream.usages
    if len(usages) > 1:
        yield case.skip("usage stands in several chunks; stream.include-usage-once judges that")
    elif usages:
        if usages[0].value.get("choices") == []:
            yield case.ok()
        else:
            yield case.fail(
                f"choices is {show(usages[0].value, 'choices')}",
                "[]",
                frame=usages[0].index,
                pointer="/choices",
            )
    else:
        yield case.unsure("there is no usage", by="stream.include-usage-present")


@check("stream.include-usage-last", on=ASKED_USAGE, reads=Reads.STREAM)
def include_usage_last(case: Case) -> Iterator[Finding]:
    """No chunk follows the counts (contract 3.2)."""
    stream = case.view.stream
    if not stream.usages:
        yield case.unsure("there is no usage", by="stream.include-usage-present")
        return
    last = stream.usages[-1].index
    after = [chunk for chunk in stream.chunks if chunk.index > last]
    if after:
        yield case.fail(
            f"{len(after)} chunks after the usage",
            "the usage in the last chunk",
            examined=len(stream.chunks),
            frame=after[0].index,
        )
    else:
        yield case.ok(len(stream.chunks))


@check("stream.include-usage-once", on=ASKED_USAGE, reads=Reads.STREAM)
def include_usage_once(case: Case) -> Iterator[Finding]:
    """The counts come once (contract 3.2)."""
    usages = case.view.stream.usages
    if len(usages) > 1:
        yield case.fail(
            f"usage in {len(usages)} chunks",
            "usage in one chunk",
            examined=len(usages),
            frame=usages[1].index,
        )
    elif usages:
        yield case.ok(len(case.view.stream.chunks))
    else:
        yield case.unsure("there is no usage", by="stream.include-usage-present")


@check("stream.usage-null-before", on=ASKED_USAGE, reads=Reads.STREAM)
def usage_null_before(case: Case) -> Iterator[Finding]:
    """The other chunks say ``usage: null`` (contract 3.2)."""
    yield from each_chunk(
        case,
        lambda chunk: "" if "usage" in chunk.value else "no usage member",
        "usage, null until the end",
        "/usage",
    )
