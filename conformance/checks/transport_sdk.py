"""The documented program runs with the official SDK (contract clauses A10, D18, E11, E12).

The request was sent as the SDK sends it; what the SDK made of the recorded answer was measured after the
capture and stands beside the evidence (:mod:`conformance.sdkresults`). Where no SDK ran there is no opinion.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.checks.api import Case, Reads, check
from conformance.checks.errortext import broken, error_words
from conformance.checks.outcomes import names_any
from conformance.checks.select import valid
from conformance.checks.values import refuses
from conformance.model import Finding
from conformance.sdkresults import Call, Result, SdkRow
from conformance.views import Form

_NO_SDK: Final = "no official SDK was run (install chat-conformance[sdk], and leave --sdk at auto)"
_OTHER_CAUSES: Final = ("temperature", "system", "role", "token")
"""What else a refusal of the documented program can be about; other requirements judge that."""
_MODELS_DOING: Final = frozenset({"length", "content_filter", "tool_calls"})


@check("transport.sdk-create", on=valid("sdk", streamed=False), reads=Reads.ANSWER, beside=("chat.basic",))
def sdk_create(case: Case) -> Iterator[Finding]:
    """``create()`` returns a completion whose ``choices[0].message.content`` is the answer's text."""
    yield _ran(case, Call.CREATE, "chat.basic")


@check("transport.sdk-stream", on=valid("sdk", streamed=True), reads=Reads.ANSWER, beside=("stream.basic",))
def sdk_stream(case: Case) -> Iterator[Finding]:
    """Unguarded ``choices[0].delta.content`` of every chunk: the documented loop ends, and with the text."""
    yield _ran(case, Call.README_LOOP, "stream.basic")


def _ran(case: Case, call: Call, plain: str) -> Finding:
    view = case.view
    if case.sdk is None:
        return case.unsure(_NO_SDK)
    row = case.sdk.row(view.exchange.id, call)
    if row is None:
        why = case.sdk.why_not(view.exchange.id) or "the lane left it out"
        return case.unsure(f"the answer was not given to the SDK: {why}")
    if broken(view):
        return case.skip(f"the answer is {view.form.noun} ({view.status}); another requirement judges that")
    return _refused(case, row, plain) if view.form is Form.REFUSED else _served(case, row)


def _served(case: Case, row: SdkRow) -> Finding:
    if row.result is Result.OK and case.view.text:
        return case.ok(saw=f"{row.sdk}: {row.sees}")
    if row.result in {Result.OK, Result.SILENT} and _of_its_own_accord(case):
        return case.unsure(f"the model gave no text ({row.sees})")
    return case.fail(f"{row.sdk}: {row.sees}", "the answer's text")


def _refused(case: Case, row: SdkRow, plain: str) -> Finding:
    """Judge a refusal of what is served when it is asked plainly."""
    other = case.others.get(plain)
    if other is None or not other.succeeded:
        return case.unsure(f"it was refused ({case.view.status}), and so was or may be a plain request")
    if names_any(error_words(case.view), _OTHER_CAUSES):
        return case.skip(f"it was refused for a member of the request: {error_words(case.view)[:160]!r}")
    return case.fail(f"{row.sdk}: {row.sees}", "the answer's text: without the SDK's headers it is served")


def _of_its_own_accord(case: Case) -> bool:
    """Whether the model ended without text for a reason that it gives itself: the limit, a filter, a call, a no."""
    thought = case.view.form is Form.STREAM and bool(case.view.stream.choice(0).reasoning)
    return thought or case.view.finish_reason in _MODELS_DOING or refuses(case.view)
