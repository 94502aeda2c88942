"""Several choices and stop words: done as asked, or refused; not dropped (contract clauses C10, C11, E15)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.chatstream import Choice, FrameKind
from conformance.checks.api import Case, Reads, check
from conformance.checks.outcomes import Effect, Shown, Wanted, conclude
from conformance.checks.parameters_limits import broken_off
from conformance.checks.select import ids
from conformance.checks.usage import billed_of
from conformance.checks.values import choices_of
from conformance.model import Finding
from conformance.probes.parameters import STOP
from conformance.strictjson import is_integer
from conformance.views import Form

N_TWO: Final = Wanted(
    "n 2", ("n", "choice", "candidate", "completions", "multiple", "候选"), ("n",), or_refused=True
)
STOP_STRING: Final = Wanted("stop as a string", ("stop", "停止"), ("stop",))
STOP_ARRAY: Final = Wanted("stop as an array of strings", ("stop", "停止"), ("stop",))
_WANTED: Final = [0, 1]
_READABLE: Final = frozenset({FrameKind.CHUNK, FrameKind.DONE})


@check("parameters.n-two", on=ids("parameters.n-two"), reads=Reads.ANSWER)
def n_two(case: Case) -> Iterator[Finding]:
    """Two choices for n 2, or a clear no (C10)."""
    choices = choices_of(case.view)
    indexes = [choice.get("index") for choice in choices]
    if len(choices) == 1:
        shown = Shown(Effect.MISSING, "one choice for n 2", "two choices", pointer="/choices")
    elif all(is_integer(index) for index in indexes) and sorted(map(str, indexes)) == ["0", "1"]:
        shown = Shown(Effect.SEEN, "two choices", examined=2)
    elif len(choices) == len(_WANTED):
        shown = Shown(Effect.ELSEWHERE, f"indexes {indexes!r}; response.choice-index judges that")
    else:
        shown = Shown(Effect.SPOILT, f"{len(choices)} choices for n 2", "two choices", pointer="/choices")
    yield conclude(case, N_TWO, shown)


@check("parameters.n-two-stream", on=ids("parameters.n-two-stream"), reads=Reads.STREAM)
def n_two_stream(case: Case) -> Iterator[Finding]:
    """Two choices that stream side by side, each to its own end (E15)."""
    yield conclude(case, N_TWO, _two_streams(case))


def _two_streams(case: Case) -> Shown:
    choices = case.view.stream.choices
    if why := _judged_elsewhere(case):
        return Shown(Effect.ELSEWHERE, why)
    if sorted(choices) == [0]:
        return _one_index(choices[0])
    if len(choices) == 1:
        return Shown(Effect.SPOILT, "the index 1 alone for n 2", "the indexes 0 and 1")
    silent = [index for index, choice in choices.items() if not choice.content and not choice.reasoning]
    mute = next((index for index in silent if choices[index].finish_reason == "stop"), None)
    if mute is not None and len(silent) == 1:
        return Shown(
            Effect.SPOILT,
            f"choice {mute} ends with 'stop' and no text; the other one has {choices[1 - mute].content[:40]!r}",
            "text for both indexes",
            examined=len(choices[mute].frames),
            frame=choices[mute].frames[-1],
        )
    if silent:
        return Shown(Effect.UNCLEAR, f"choice {silent[0]} has no text; the model may have had none")
    chunks = sum(len(choice.frames) for choice in choices.values())
    return Shown(Effect.SEEN, "two choices, each with text and an end", examined=chunks)


def _judged_elsewhere(case: Case) -> str:
    """Say what is so wrong with a stream that other requirements fail for it, empty when nothing is."""
    stream = case.view.stream
    if case.view.cut or not stream.chunks or any(frame.kind not in _READABLE for frame in stream.frames):
        return "the stream cannot be read as a whole; other requirements judge that"
    if any(not is_integer(delta.index) for delta in stream.deltas) or set(stream.choices) - {0, 1}:
        return "an index is wrong; stream.choice-index judges that"
    if not all(choice.finishes for choice in stream.choices.values()):
        return "a choice does not finish; stream.finish-reason-present judges that"
    return ""


def _one_index(choice: Choice) -> Shown:
    """Tell one answer from two that share an index."""
    starts = [frame for frame, role in choice.roles if role]
    if len(choice.finishes) > 1 and len(starts) > 1:
        return Shown(
            Effect.SPOILT,
            f"{len(choice.finishes)} finish_reasons and {len(starts)} roles, all of them under index 0",
            "the indexes 0 and 1",
            examined=len(choice.frames),
            frame=choice.finishes[1][0],
            pointer="/choices/0/index",
        )
    return Shown(Effect.MISSING, "one choice for n 2", "two choices", examined=len(choice.frames))


@check("parameters.n-stream-order", on=ids("parameters.n-two-stream"), reads=Reads.STREAM)
def n_stream_order(case: Case) -> Iterator[Finding]:
    """Choice 0 opens the stream (E15): one SDK's helper cannot begin with another."""
    choices = case.view.stream.choices
    if sorted(choices) != _WANTED:
        yield case.skip("there are not two choices; parameters.n-two-stream judges that")
    elif choices[0].frames[0] <= choices[1].frames[0]:
        yield case.ok(2)
    else:
        yield case.fail(
            f"index 1 comes in chunk {choices[1].frames[0]}, index 0 only in chunk {choices[0].frames[0]}",
            "a chunk of index 0 first",
            examined=2,
            frame=choices[1].frames[0],
            pointer="/choices/0/index",
        )


@check("parameters.stop-string-accepted", on=ids("parameters.stop-string"), reads=Reads.ANSWER)
def stop_string_accepted(case: Case) -> Iterator[Finding]:
    """A stop word is taken as a string (C11)."""
    yield conclude(case, STOP_STRING)


@check("parameters.stop-array-accepted", on=ids("parameters.stop-array"), reads=Reads.ANSWER)
def stop_array_accepted(case: Case) -> Iterator[Finding]:
    """Stop words are taken as an array (C11)."""
    yield conclude(case, STOP_ARRAY)


@check("parameters.stop-effect", on=ids("parameters.stop-string", "parameters.stop-array"), reads=Reads.TEXT)
def stop_effect(case: Case) -> Iterator[Finding]:
    """The answer ends before the stop word (C11)."""
    wanted = STOP_ARRAY if case.view.form is Form.STREAM else STOP_STRING
    yield conclude(case, wanted, _stopped(case))


def _stopped(case: Case) -> Shown:
    text, finish, billed = case.view.text, case.view.finish_reason, billed_of(case)
    asked = [case.view.asked.get(name) for name in ("max_tokens", "max_completion_tokens")]
    limit = max(value for value in [0, *asked] if isinstance(value, int))
    if finish == "stop" and text.endswith(STOP) and text.count(STOP) == 1:
        return Shown(Effect.SPOILT, f"the answer ends with the stop word: {text[-40:]!r}", "an end before it")
    if STOP in text:
        at = text.index(STOP)
        return Shown(
            Effect.MISSING,
            f"the stop word {STOP!r} is in the answer: {text[max(0, at - 20) : at + 20]!r}",
            "an answer that ends before the stop word",
        )
    if not broken_off(text):
        return Shown(Effect.UNCLEAR, f"the model may have ended by itself, without the word: {text[-40:]!r}")
    if finish == "stop":
        return Shown(Effect.SEEN, f"it ends in the middle of a sentence: {text[-40:]!r}")
    if finish == "length" and billed is not None and billed < limit:
        return Shown(
            Effect.SPOILT,
            f"it ends before the stop word with finish_reason 'length', after {billed} of {limit} tokens",
            "finish_reason 'stop'",
            pointer="/choices/0/finish_reason",
        )
    return Shown(
        Effect.UNCLEAR, f"no stop word came before the limit, or finish_reason {finish!r} is its sign"
    )
