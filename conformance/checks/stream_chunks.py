"""Chunks of a stream: each by itself and all as one answer (contract clauses E04-E15).

The order they have to come in is the table in :mod:`conformance.chatstream`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from conformance.chatstream import Choice, Delta, Frame
from conformance.checks.api import Case, Reads, check
from conformance.checks.select import valid, without
from conformance.checks.values import FINISH_REASONS, is_integer, same_model, show
from conformance.model import Finding, Json

STREAMED = valid(streamed=True)
UNASKED_USAGE = without(STREAMED, "include-usage")
ASKED_USAGE = valid("include-usage", streamed=True)


def _each_chunk(case: Case, wrong: Callable[[Frame], str], expected: str, pointer: str) -> Iterator[Finding]:
    chunks = case.view.stream.chunks
    for chunk in chunks:
        if saw := wrong(chunk):
            yield case.fail(saw, expected, examined=len(chunks), frame=chunk.index, pointer=pointer)
            return
    if chunks:
        yield case.ok(len(chunks))


def _each_delta(case: Case, wrong: Callable[[Delta], str], expected: str, member: str) -> Iterator[Finding]:
    deltas = list(case.view.stream.deltas)
    for delta in deltas:
        if saw := wrong(delta):
            pointer = f"/choices/{delta.position}/{member}"
            yield case.fail(saw, expected, examined=len(deltas), frame=delta.frame, pointer=pointer)
            return
    if deltas:
        yield case.ok(len(deltas))


def _one_value(case: Case, member: str, values: list[tuple[int, Json]]) -> Iterator[Finding]:
    """Pass when all values are equal, fail at the first that differs."""
    if not values:
        return
    first = values[0][1]
    for frame, value in values:
        if value != first:
            yield case.fail(
                f"{member} is {value!r}, it was {first!r}",
                f"the same {member} in every chunk",
                examined=len(values),
                frame=frame,
                pointer=f"/{member}",
            )
            return
    yield case.ok(len(values))


@check("stream.chunk-object", on=STREAMED, reads=Reads.STREAM)
def chunk_object(case: Case) -> Iterator[Finding]:
    """``object`` says what a chunk is (E04)."""

    def wrong(chunk: Frame) -> str:
        value = chunk.value.get("object")
        return "" if value == "chat.completion.chunk" else f"object is {show(chunk.value, 'object')}"

    yield from _each_chunk(case, wrong, '"chat.completion.chunk"', "/object")


@check("stream.id-present", on=STREAMED, reads=Reads.STREAM)
def id_present(case: Case) -> Iterator[Finding]:
    """Each chunk has an id (E05, D02)."""

    def wrong(chunk: Frame) -> str:
        value = chunk.value.get("id")
        return "" if isinstance(value, str) and value else f"id is {show(chunk.value, 'id')}"

    yield from _each_chunk(case, wrong, "a non-empty string", "/id")


@check("stream.id-constant", on=STREAMED, reads=Reads.STREAM)
def id_constant(case: Case) -> Iterator[Finding]:
    """One answer, one id (E05)."""
    values = [(chunk.index, chunk.value.get("id")) for chunk in case.view.stream.chunks]
    yield from _one_value(case, "id", [(frame, value) for frame, value in values if value])


@check("stream.model-constant", on=STREAMED, reads=Reads.STREAM)
def model_constant(case: Case) -> Iterator[Finding]:
    """One answer, one model (E06)."""

    def wrong(chunk: Frame) -> str:
        value = chunk.value.get("model")
        return "" if isinstance(value, str) and value else f"model is {show(chunk.value, 'model')}"

    missing = [
        f for f in _each_chunk(case, wrong, "the same non-empty model in every chunk", "/model") if f.expected
    ]
    if missing:
        yield missing[0]
        return
    yield from _one_value(
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
    yield from _one_value(case, "created", [(frame, value) for frame, value in values if value is not None])


@check("stream.created-integer", on=STREAMED, reads=Reads.STREAM)
def created_integer(case: Case) -> Iterator[Finding]:
    """``created`` is an integer in every chunk (D04)."""

    def wrong(chunk: Frame) -> str:
        value = chunk.value.get("created")
        return "" if is_integer(value) else f"created is {show(chunk.value, 'created')}"

    yield from _each_chunk(case, wrong, "a JSON integer", "/created")


@check("stream.choices-array", on=STREAMED, reads=Reads.STREAM)
def choices_array(case: Case) -> Iterator[Finding]:
    """Each chunk has ``choices``, an array of objects (E11)."""

    def wrong(chunk: Frame) -> str:
        value = chunk.value.get("choices")
        fine = isinstance(value, list) and all(isinstance(choice, dict) for choice in value)
        return "" if fine else f"choices is {show(chunk.value, 'choices')}"

    yield from _each_chunk(case, wrong, "an array of objects", "/choices")


@check("stream.choices-not-empty", on=UNASKED_USAGE, reads=Reads.STREAM)
def choices_not_empty(case: Case) -> Iterator[Finding]:
    """Without include_usage no chunk has empty choices (E11): the documented loop reads ``choices[0]`` unguarded."""
    yield from _each_chunk(
        case,
        lambda chunk: "choices is []" if chunk.value.get("choices") == [] else "",
        "at least one choice: usage was not asked for",
        "/choices",
    )


@check("stream.choice-index", on=STREAMED, reads=Reads.STREAM)
def choice_index(case: Case) -> Iterator[Finding]:
    """Each choice says which one it is, from 0 to n less one (D08, E15)."""
    asked = case.view.asked.get("n")
    n = asked if isinstance(asked, int) and not isinstance(asked, bool) else 1

    def wrong(delta: Delta) -> str:
        index = delta.index
        fine = isinstance(index, int) and not isinstance(index, bool) and 0 <= index < n
        return "" if fine else f"index is {show(delta.value, 'index')}"

    yield from _each_delta(case, wrong, f"an integer from 0 to {n - 1}", "index")


@check("stream.delta-object", on=STREAMED, reads=Reads.STREAM)
def delta_object(case: Case) -> Iterator[Finding]:
    """Each choice has a ``delta`` object, empty at the end but there (E10)."""
    yield from _each_delta(
        case, lambda d: "" if d.has_delta else f"delta is {show(d.value, 'delta')}", "an object", "delta"
    )


@check("stream.content-string", on=STREAMED, reads=Reads.STREAM)
def content_string(case: Case) -> Iterator[Finding]:
    """``content`` is text, null or absent (E12)."""

    def wrong(delta: Delta) -> str:
        value = delta.delta.get("content")
        return "" if value is None or isinstance(value, str) else f"content is {show(delta.delta, 'content')}"

    yield from _each_delta(case, wrong, "a string, null or nothing", "delta/content")


@check("stream.content-not-empty", on=valid("text", streamed=True), reads=Reads.STREAM)
def content_not_empty(case: Case) -> Iterator[Finding]:
    """An answer that finished has text in it (E14)."""
    stream = case.view.stream
    choice = stream.choice(0)
    if stream.errors or (case.view.cut and not choice.finishes):
        yield case.unsure("the stream broke off; another requirement judges that")
    elif choice.content.strip():
        yield case.ok(len(choice.content_parts))
    elif choice.finish_reason == "length" and choice.reasoning:
        yield case.unsure("the limit was spent on reasoning before any text")
    else:
        yield case.fail(
            f"{len(stream.chunks)} chunks and no text",
            "text in the deltas' content",
            examined=max(1, len(stream.frames)),
        )


def _choices(case: Case) -> Mapping[int, Choice]:
    return case.view.stream.choices


@check("stream.role-first", on=STREAMED, reads=Reads.STREAM)
def role_first(case: Case) -> Iterator[Finding]:
    """The first delta of a choice has the role (E07)."""
    for index, choice in _choices(case).items():
        first = choice.frames[0]
        if not any(frame == first and role == "assistant" for frame, role in choice.roles):
            roles = [role for _, role in choice.roles]
            saw = f"its roles are {roles[:3]!r}, none in the first delta" if roles else "no delta has a role"
            yield case.fail(
                f"choice {index}: {saw}",
                'role "assistant" in the first delta',
                examined=len(choice.frames),
                frame=first,
                pointer="/choices/0/delta/role",
            )
            return
    if _choices(case):
        yield case.ok(len(_choices(case)))


@check("stream.role-not-repeated", on=STREAMED, reads=Reads.STREAM)
def role_not_repeated(case: Case) -> Iterator[Finding]:
    """The role is said once (E08): one SDK's helper glues repeats together."""
    for index, choice in _choices(case).items():
        again = [frame for frame, role in choice.roles if role][1:]
        if again:
            yield case.fail(
                f"choice {index}: a role in {len(again)} later deltas",
                "the role in the first delta only",
                examined=len(choice.frames),
                frame=again[0],
                pointer="/choices/0/delta/role",
            )
            return
    if _choices(case):
        yield case.ok(len(_choices(case)))


@check("stream.role-known", on=STREAMED, reads=Reads.STREAM)
def role_known(case: Case) -> Iterator[Finding]:
    """Where a delta has a role it is the assistant's (E08)."""

    def wrong(delta: Delta) -> str:
        role = delta.delta.get("role")
        return "" if role is None or role == "assistant" else f"role is {role!r}"

    yield from _each_delta(case, wrong, '"assistant", null or nothing', "delta/role")


@check("stream.finish-reason-present", on=STREAMED, reads=Reads.STREAM)
def finish_reason_present(case: Case) -> Iterator[Finding]:
    """Each choice says why it ended (E10)."""
    if case.view.cut or case.view.stream.errors:
        yield case.unsure("the stream broke off; another requirement judges that")
        return
    for index, choice in _choices(case).items():
        if not choice.finishes:
            yield case.fail(
                f"choice {index} has no finish_reason in {len(choice.frames)} chunks",
                "one chunk with a finish_reason",
                examined=len(choice.frames),
                frame=choice.frames[-1],
                pointer="/choices/0/finish_reason",
            )
            return
    if _choices(case):
        yield case.ok(len(_choices(case)))


@check("stream.finish-reason-once", on=STREAMED, reads=Reads.STREAM)
def finish_reason_once(case: Case) -> Iterator[Finding]:
    """Each choice ends once (E10)."""
    ended = [(index, choice) for index, choice in _choices(case).items() if choice.finishes]
    for index, choice in ended:
        if len(choice.finishes) > 1:
            yield case.fail(
                f"choice {index} finishes {len(choice.finishes)} times: "
                f"{[reason for _, reason in choice.finishes[:4]]!r}",
                "one finish_reason a choice",
                examined=len(choice.frames),
                frame=choice.finishes[1][0],
                pointer="/choices/0/finish_reason",
            )
            return
    if ended:
        yield case.ok(len(ended))
    else:
        yield case.unsure("no choice finished; stream.finish-reason-present judges that")


@check("stream.finish-reason-known", on=STREAMED, reads=Reads.STREAM)
def finish_reason_known(case: Case) -> Iterator[Finding]:
    """The reason is one that clients know (D11), or one that this model's card adds."""
    known = FINISH_REASONS | set(case.card.finish_reasons)
    reasons = [pair for choice in _choices(case).values() for pair in choice.finishes]
    for frame, reason in reasons:
        if reason not in known:
            yield case.fail(
                f"finish_reason is {reason!r}",
                "one of " + ", ".join(sorted(known)),
                examined=len(reasons),
                frame=frame,
                pointer="/choices/0/finish_reason",
            )
            return
    if reasons:
        yield case.ok(len(reasons))
    else:
        yield case.unsure("no choice finished; stream.finish-reason-present judges that")


@check("stream.finish-reason-key", on=STREAMED, reads=Reads.STREAM)
def finish_reason_key(case: Case) -> Iterator[Finding]:
    """The member is there from the first chunk on, null before the end (E09)."""
    yield from _each_delta(
        case,
        lambda delta: "" if "finish_reason" in delta.value else "no finish_reason member",
        "finish_reason, null before the end",
        "finish_reason",
    )


@check("stream.nothing-after-finish", on=STREAMED, reads=Reads.STREAM)
def nothing_after_finish(case: Case) -> Iterator[Finding]:
    """No text and no call follows the end of a choice (E10)."""
    for index, choice in _choices(case).items():
        if not choice.finishes:
            continue
        end = choice.finishes[0][0]
        texts = [frame for frame, _ in (*choice.content_parts, *choice.reasoning_parts)]
        calls = [frame for call in choice.tools for frame in call.frames]
        after = sorted(frame for frame in (*texts, *calls) if frame > end)
        if after:
            yield case.fail(
                f"choice {index} goes on in {len(after)} chunks after its finish_reason",
                "nothing after the finish_reason",
                examined=len(choice.frames),
                frame=after[0],
            )
            return
    if any(choice.finishes for choice in _choices(case).values()):
        yield case.ok(len(_choices(case)))
    else:
        yield case.unsure("no choice finished; stream.finish-reason-present judges that")


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


def _broke_off(case: Case) -> bool:
    return case.view.cut or bool(case.view.stream.errors) or not case.view.stream.chunks


@check("stream.include-usage-present", on=ASKED_USAGE, reads=Reads.STREAM)
def include_usage_present(case: Case) -> Iterator[Finding]:
    """Asked for, the counts come (C09)."""
    stream = case.view.stream
    if stream.usages:
        yield case.ok(len(stream.chunks))
    elif _broke_off(case):
        yield case.unsure("the stream broke off; another requirement judges that")
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
        yield case.unsure("there is no usage; stream.include-usage-present judges that")


@check("stream.include-usage-last", on=ASKED_USAGE, reads=Reads.STREAM)
def include_usage_last(case: Case) -> Iterator[Finding]:
    """No chunk follows the counts (contract 3.2)."""
    stream = case.view.stream
    if not stream.usages:
        yield case.unsure("there is no usage; stream.include-usage-present judges that")
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
        yield case.unsure("there is no usage; stream.include-usage-present judges that")


@check("stream.usage-null-before", on=ASKED_USAGE, reads=Reads.STREAM)
def usage_null_before(case: Case) -> Iterator[Finding]:
    """The other chunks say ``usage: null`` (contract 3.2)."""
    yield from _each_chunk(
        case,
        lambda chunk: "" if "usage" in chunk.value else "no usage member",
        "usage, null until the end",
        "/usage",
    )
