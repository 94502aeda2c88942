"""Documented examples get the outcome that their document shows, or one that the model's rules allow (clause A11)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from conformance.checks.api import Case, Reads, check
from conformance.checks.errortext import error_words
from conformance.checks.outcomes import ASIDE
from conformance.checks.reasoning_shown import told_thoughts
from conformance.checks.select import ids, valid
from conformance.checks.values import withheld
from conformance.examples import Example, Shows, example_of, load_examples
from conformance.model import Finding, Outcome
from conformance.strictjson import read
from conformance.toolcalls import calls_of
from conformance.views import Form, View

ROW = "transport.documented-examples"


@check(ROW, on=valid("documented"), reads=Reads.ANSWER)
def documented_outcome(case: Case) -> Iterator[Finding]:
    """The example is answered as its document shows."""
    example = example_of(case.probe.id)
    assert example is not None
    view = case.view
    if view.form is Form.REFUSED:
        yield _refused(case, example)
    elif not view.succeeded:
        yield case.fail(f"{view.form} ({view.status})", _expected(example), outcome=Outcome.BROKEN)
    elif not view.text.strip() and not calls_of(view) and (why := withheld(view)):
        yield case.unsure(why)
    elif missing := _missing(view, example):
        yield case.fail(f"the answer {missing}", _expected(example))
    else:
        yield case.ok(saw=f"{example.source}: {example.shows}", outcome=Outcome.ACCEPTED)


def _refused(case: Case, example: Example) -> Finding:
    view = case.view
    saw = f"status {view.status}: {error_words(view).strip()[:160]!r}"
    asked = dict(view.asked)
    ruled = [rule for rule in case.card.rules_for(asked) if Outcome.REJECTED_CLEAN in rule.allow]
    if view.status in ASIDE:
        return case.unsure(f"{saw}: it speaks of the key, the purse or the moment, not of the request")
    if ruled and view.error is not None:
        said = "; ".join(rule.says for rule in ruled)
        skipped = case.skip(f"{example.source} is refused, as this model's rule allows ({said})")
        return replace(skipped, outdated=next((rule.outdated for rule in ruled if rule.outdated), ""))
    return case.fail(saw, _expected(example))


def _expected(example: Example) -> str:
    shown = {
        Shows.TEXT: "an answer with text",
        Shows.ANSWER: "an answer with text or a tool call",
        Shows.STREAM: "a stream of text that ends with [DONE]",
        Shows.JSON: "a JSON object",
        Shows.THOUGHTS: "an answer with text, and reasoning_content beside it",
    }
    return f"{shown[example.shows]}: it is printed at {example.source}"


def _missing(view: View, example: Example) -> str:
    """Say what the answer lacks of what the document shows, empty when it has all."""
    if example.shows is Shows.ANSWER and calls_of(view):
        return ""
    if not view.text.strip():
        return "has no text"
    if example.shows is Shows.STREAM:
        if view.form is not Form.STREAM:
            return "is no stream"
        return "" if view.stream.done else "does not end with [DONE]"
    if example.shows is Shows.THOUGHTS:
        member, _ = told_thoughts(view)
        return "" if member == "reasoning_content" else "has no reasoning_content"
    return _no_object(view) if example.shows is Shows.JSON else ""


def _no_object(view: View) -> str:
    value = read(view.text.encode()).value
    return "" if isinstance(value, dict) else f"is no JSON object but {view.text[:60]!r}"


@check(ROW, on=ids("stream.basic"), reads=Reads.ANSWER)
def other_examples(case: Case) -> Iterator[Finding]:
    """Say which examples were not sent for this model, so that their absence is no silence."""
    places: dict[str, list[str]] = {}
    for example in load_examples():
        places.setdefault(example.model, []).append(example.source)
    own = ", ".join(places.pop(case.card.id, []))
    named = ", ".join(f"{model} ({', '.join(found)})" for model, found in places.items())
    yield case.skip(
        f"not sent, since they name other models: {named}."
        + (f" Those for this model ({own}) are sent with the profile of their document." if own else "")
    )
