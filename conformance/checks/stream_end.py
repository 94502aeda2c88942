"""How a stream ends and when it arrives (contract clauses E02, A09, W21-W24)."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.chatstream import DONE, FrameKind
from conformance.checks.api import Case, Reads, check
from conformance.checks.select import valid
from conformance.checks.values import judges_of_break
from conformance.model import FaultKind, Finding
from conformance.words import counted

STREAMED = valid(streamed=True)
PROMPT_CLOSE = 1.0
"""Seconds within which a body ends after its terminator (W22)."""
SLOW_START = 0.3
"""Seconds before the first byte, beyond those of the way there and back, from which on one burst shows buffering."""
REFUSAL = "errors.missing-messages-stream"
"""The probe whose answer takes no model, so that its time is that of the way."""
UNKNOWN_WAY = 0.7
"""Seconds that are taken for the way where it was not measured."""
BURST = 0.005
"""Seconds within which everything came, when it came at once."""
READS = 3
"""Separate arrivals that show that a stream is incremental."""


@check("stream.done-terminator", on=STREAMED, reads=Reads.STREAM)
def done_terminator(case: Case) -> Iterator[Finding]:
    """A stream that ran to its end says so (E02, W21): no SDK notices when it does not."""
    stream = case.view.stream
    if stream.done:
        yield case.ok(len(stream.frames))
    elif case.view.cut or stream.errors:
        yield case.unsure("the stream broke off", by=judges_of_break(case.view))
    elif other := _other_done(case):
        yield case.unsure("the terminator is there but malformed", by=other)
    else:
        last = len(stream.frames) - 1
        yield case.fail(
            f"{len(stream.frames)} events and no [DONE]",
            "data: [DONE] as the last event",
            examined=max(len(stream.frames), 1),
            frame=last if last >= 0 else None,
        )


def _other_done(case: Case) -> tuple[str, ...]:
    """Return the requirements that fault the form in which the terminator is there, none when it is not."""
    stream = case.view.stream
    near = any(frame.kind is FrameKind.NEAR_DONE for frame in stream.frames)
    fused = any(
        frame.kind is FrameKind.FUSED and DONE in frame.event.data.split("\n") for frame in stream.frames
    )
    cut = DONE.encode() in stream.framing.tail
    forms = (
        ("stream.done-exact", near),
        ("stream.blank-line", fused),
        ("stream.last-event-terminated", cut),
    )
    return tuple(requirement for requirement, there in forms if there)


@check("stream.done-exact", on=STREAMED, reads=Reads.STREAM)
def done_exact(case: Case) -> Iterator[Finding]:
    """The terminator is spelled exactly (W21): SDKs parse anything else as JSON and throw."""
    stream = case.view.stream
    near = next((frame for frame in stream.frames if frame.kind is FrameKind.NEAR_DONE), None)
    if near is not None:
        yield case.fail(f"data is {near.event.data!r}", "data is exactly [DONE]", frame=near.index)
    elif stream.done:
        yield case.ok(len(stream.done))
    else:
        yield case.unsure("there is no [DONE]", by="stream.done-terminator")


@check("stream.done-once", on=STREAMED, reads=Reads.STREAM)
def done_once(case: Case) -> Iterator[Finding]:
    """One terminator (E02)."""
    done = case.view.stream.done
    if len(done) > 1:
        yield case.fail(f"[DONE] {len(done)} times", "[DONE] once", examined=len(done), frame=done[1].index)
    elif done:
        yield case.ok(len(done))
    else:
        yield case.unsure("there is no [DONE]", by="stream.done-terminator")


@check("stream.done-last", on=STREAMED, reads=Reads.STREAM)
def done_last(case: Case) -> Iterator[Finding]:
    """Nothing but a terminator follows the terminator (W22)."""
    stream = case.view.stream
    if not stream.done:
        yield case.unsure("there is no [DONE]", by="stream.done-terminator")
        return
    first = stream.done[0].index
    after = [f for f in stream.frames[first + 1 :] if f.kind not in {FrameKind.DONE, FrameKind.EMPTY}]
    if after:
        yield case.fail(
            f"{counted(len(after), 'event')} after [DONE]",
            "nothing after [DONE]",
            examined=len(stream.frames),
            frame=after[0].index,
        )
    else:
        yield case.ok(len(stream.frames))


@check("stream.closes-after-done", on=STREAMED, reads=Reads.STREAM)
def closes_after_done(case: Case) -> Iterator[Finding]:
    """The body ends promptly after the terminator (W22)."""
    view = case.view
    if not view.stream.done:
        yield case.unsure("there is no [DONE]", by="stream.done-terminator")
        return
    end = view.stream.done[-1].event.end
    late = view.exchange.elapsed - view.arrival(max(end - 1, 0))
    fault = view.exchange.fault
    if fault is not None and fault.kind in {FaultKind.LINGERING, FaultKind.DEADLINE}:
        yield case.fail(fault.detail, f"the body ends within {PROMPT_CLOSE:g} s", span=(end, end))
    elif fault is not None:
        yield case.unsure(f"the transfer ended with a fault: {fault.detail}")
    elif late > PROMPT_CLOSE:
        yield case.fail(
            f"the body ended {late:.1f} s after [DONE]", f"within {PROMPT_CLOSE:g} s", span=(end, end)
        )
    else:
        yield case.ok()


@check("stream.incremental", on=valid("long", streamed=True), reads=Reads.STREAM, beside=(REFUSAL,))
def incremental(case: Case) -> Iterator[Finding]:
    """A longer answer arrives while it is made, not at its end (A09, W24)."""
    arrivals, chunks = case.view.arrivals, case.view.stream.chunks
    if not arrivals or len(chunks) < READS:
        yield case.unsure("too few events to tell")
        return
    first, last = arrivals[0][0], arrivals[-1][0]
    refusal = case.others.get(REFUSAL)
    way = refusal.exchange.elapsed if refusal else UNKNOWN_WAY
    if last - first < BURST and first - way > SLOW_START:
        yield case.fail(
            f"all {len(chunks)} events came within {(last - first) * 1000:.1f} ms, after {first:.1f} s "
            f"({way:.1f} s of them for the way)",
            "events that arrive while the answer is made",
            examined=len(chunks),
        )
    elif len({when for when, _ in arrivals}) >= READS:
        yield case.ok(len(chunks))
    else:
        yield case.unsure("the answer came too quickly to tell")


@check("stream.not-cached", on=STREAMED, reads=Reads.STREAM)
def not_cached(case: Case) -> Iterator[Finding]:
    """Caches are told to keep their hands off (W24)."""
    value = (case.view.header("cache-control") or "").lower()
    if "no-cache" in value or "no-store" in value:
        yield case.ok()
    else:
        yield case.fail(f"Cache-Control: {value or 'absent'}", "no-cache or no-store")
