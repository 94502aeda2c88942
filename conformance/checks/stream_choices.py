"""Each choice of a stream from its role to its finish_reason (contract clauses E07-E10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conformance.chatstream import Choice, Delta
from conformance.checks.api import Case, Reads, check
from conformance.checks.select import valid
from conformance.checks.stream_values import each_delta
from conformance.checks.values import FINISH_REASONS, is_text, judges_of_break, unread
from conformance.model import Finding
from conformance.toolcalls import pieces_of

STREAMED = valid(streamed=True)


def _choices(case: Case) -> Mapping[int, Choice]:
    return case.view.stream.choices


def _melted(case: Case) -> bool:
    """Whether several choices may have become one, for want of an index."""
    asked = case.view.asked.get("n")
    several = isinstance(asked, int) and asked > 1
    return several and any(delta.index is None for delta in case.view.stream.deltas)


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
        if again and _melted(case):
            yield case.unsure("choices have no index of their own", by="stream.choice-index")
            return
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

    yield from each_delta(case, wrong, '"assistant", null or nothing', "delta/role")


@check("stream.finish-reason-present", on=STREAMED, reads=Reads.STREAM)
def finish_reason_present(case: Case) -> Iterator[Finding]:
    """Each choice says why it ended (E10)."""
    if case.view.cut or case.view.stream.errors:
        yield case.unsure("the stream broke off", by=judges_of_break(case.view))
        return
    for index, choice in _choices(case).items():
        if not choice.finishes and unread(case.view):
            yield case.unsure("an event cannot be read", by="stream.event-json")
            return
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
        told = choice.finishes
        if len(told) > 1 and _melted(case):
            yield case.unsure("choices have no index of their own", by="stream.choice-index")
            return
        if len(told) > 1:
            yield case.fail(
                f"choice {index} finishes {len(told)} times: {[reason for _, reason in told[:4]]!r}",
                "one finish_reason a choice",
                examined=len(choice.frames),
                frame=told[1][0],
                pointer="/choices/0/finish_reason",
            )
            return
    if ended:
        yield case.ok(len(ended))
    else:
        yield case.unsure("no choice finished", by="stream.finish-reason-present")


@check("stream.finish-reason-known", on=STREAMED, reads=Reads.STREAM)
def finish_reason_known(case: Case) -> Iterator[Finding]:
    """The reason is one that clients know (D11), or one that this model's card adds."""
    known = FINISH_REASONS | set(case.card.finish_reasons)
    reasons = [pair for choice in _choices(case).values() for pair in choice.finishes]
    for frame, reason in reasons:
        if not is_text(reason) or reason not in known:
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
        yield case.unsure("no choice finished", by="stream.finish-reason-present")


@check("stream.finish-reason-key", on=STREAMED, reads=Reads.STREAM)
def finish_reason_key(case: Case) -> Iterator[Finding]:
    """The member is there from the first chunk on, null before the end (E09)."""
    yield from each_delta(
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
        end = choice.finishes[-1][0]
        texts = [frame for frame, _ in (*choice.content_parts, *choice.reasoning_parts)]
        calls = [
            piece.frame for piece in pieces_of(case.view) if piece.choice == index and piece.frame is not None
        ]
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
        yield case.unsure("no choice finished", by="stream.finish-reason-present")
