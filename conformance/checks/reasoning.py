"""Thinking that is asked for, switched off, or sent back: served, refused clearly, and obeyed (clauses C22-C29)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from conformance.checks.api import Case, Reads, Selector, check
from conformance.checks.errortext import error_words
from conformance.checks.outcomes import SERVED, Effect, Shown, Wanted, conclude, names_any, refused_anyway
from conformance.checks.reasoning_shown import told_thoughts
from conformance.checks.select import ids
from conformance.checks.usage import reasoning_tokens
from conformance.checks.values import counts_of, withheld
from conformance.model import Finding, Outcome, Verdict
from conformance.models import Thinks
from conformance.toolcalls import calls_of
from conformance.views import Form

_THINK: Final = ("think", "reasoning", "思考", "推理")
_EFFORT: Final = ("reasoning_effort", "reasoning effort", "reasoning.effort", "effort")
HIGH: Final = Wanted("reasoning_effort high or low", _EFFORT, ("reasoning_effort",))
MEDIUM: Final = Wanted("reasoning_effort medium", _EFFORT, ("reasoning_effort",), or_refused=True)
ELSEWHERE: Final = Wanted(
    "reasoning_effort for a model that does not think",
    (*_EFFORT, "reasoning"),
    ("reasoning_effort",),
    or_refused=True,
)
ENABLE: Final = Wanted(
    "enable_thinking without stream",
    (*_THINK, "stream", "流"),
    ("enable_thinking", "stream"),
    or_refused=True,
)
OFF: Final = Wanted("thinking switched off", _THINK, ("thinking", "enable_thinking", "reasoning_effort"))
ECHOED: Final = Wanted(
    "a history with reasoning_content", (*_THINK, "messages"), ("echoed_reasoning",), or_refused=True
)
TEMPERATURE: Final = Wanted("temperature 0.6", ("temperature", "温度"), ("temperature",))


def _text(case: Case) -> Shown:
    """Tell whether a success has text: an empty one is broken, unless it says why it has none."""
    view = case.view
    if view.text.strip() or calls_of(view):
        return SERVED
    if why := withheld(view):
        return Shown(Effect.UNCLEAR, why)
    return Shown(Effect.SPOILT, "a success without text", "an answer with text, or a clear refusal")


def _accepts(requirement: str, on: Selector, wanted: Wanted) -> None:
    def judge(case: Case) -> Iterator[Finding]:
        yield conclude(case, wanted, _text(case))

    check(requirement, on=on, reads=Reads.ANSWER, verb="accepts")(judge)


_accepts("reasoning.effort-high-low-accepted", ids("reasoning.effort-high", "reasoning.effort-low"), HIGH)
_accepts("reasoning.effort-medium", ids("reasoning.effort-medium"), MEDIUM)
_accepts("reasoning.effort-elsewhere", ids("reasoning.effort-elsewhere"), ELSEWHERE)
_accepts("reasoning.temperature-accepted", ids("reasoning.temperature"), TEMPERATURE)
_accepts("reasoning.history-with", ids("reasoning.echo"), ECHOED)


@check("reasoning.enable-thinking", on=ids("reasoning.enable-thinking"), reads=Reads.ANSWER)
def enable_thinking(case: Case) -> Iterator[Finding]:
    """Text or a clean refusal; a 200 without a body or without text is neither (K10)."""
    if case.view.form in {Form.EMPTY, Form.OTHER}:
        yield case.fail(f"status {case.view.status}, {case.view.form}", "text, or a clear refusal")
    else:
        yield conclude(case, ENABLE, _text(case))


@check("reasoning.off-honoured", on=ids("reasoning.off"), reads=Reads.ANSWER)
def off_honoured(case: Case) -> Iterator[Finding]:
    """Thoughts that were switched off are neither shown nor billed."""
    view = case.view
    member, text = told_thoughts(view)
    billed = reasoning_tokens(counts_of(view))
    if member or billed:
        saw = f"{len(text)} characters in {member}" if member else f"{billed} reasoning tokens"
        shown = Shown(
            Effect.MISSING, f"{saw} although thinking was switched off", "an answer without thoughts"
        )
    else:
        shown = Shown(Effect.SEEN, "no thoughts")
    finding = conclude(case, OFF, shown)
    if finding.verdict is Verdict.FAIL and finding.outcome is Outcome.REJECTED_CLEAN:
        # The claim is of thinking; the switch is the vendor's own, and no document of a gateway promises it.
        finding = case.skip(
            f"status {case.view.status} to {OFF.what}: refused clearly, and nobody promises it"
        )
        finding = replace(finding, outcome=Outcome.REJECTED_CLEAN)
    yield finding


@check("reasoning.thinking-not-demanded", on=ids("messages.minimal"), reads=Reads.ANSWER)
def thinking_not_demanded(case: Case) -> Iterator[Finding]:
    """A plain request is not refused for want of a switch that it never had (K10)."""
    view = case.view
    if case.card.thinks is Thinks.NEVER:
        yield case.skip("nothing says that this model can think")
    elif case.probe.streamed:
        yield case.skip("this model is asked in streams alone")
    elif view.succeeded:
        yield case.ok()
    elif view.form is Form.REFUSED and names_any(error_words(view), _THINK):
        yield case.fail(
            f"status {view.status}: {error_words(view).strip()[:160]!r}", "the plain request served"
        )
    else:
        yield case.skip(f"the answer is {view.form.noun} for another cause; other requirements judge that")


@check("reasoning.history-without", on=ids("messages.assistant"), reads=Reads.ANSWER)
def history_without(case: Case) -> Iterator[Finding]:
    """An assistant message with content alone is taken back (K16)."""
    view = case.view
    if case.card.thinks is Thinks.NEVER:
        yield case.skip("nothing says that this model can think")
    elif view.succeeded:
        yield case.ok()
    elif view.form is Form.REFUSED and names_any(error_words(view), _THINK):
        saw = f"status {view.status}: {error_words(view).strip()[:160]!r}"
        if Outcome.REJECTED_CLEAN in case.card.allowed("echoed_reasoning", dict(view.asked)):
            yield case.skip(f"{saw}: this model's rule allows that")
        elif anyway := refused_anyway(case):
            yield case.unsure(anyway)
        else:
            yield case.fail(saw, "the history served: clients of the standard format know content alone")
    else:
        yield case.skip(f"the answer is {view.form.noun} for another cause; other requirements judge that")
