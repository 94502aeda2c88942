"""Generated requests: what breaks one rule is refused, what keeps to all is served, however it is written.

A server that ignores what it does not know is *lenient*: a recommendation, never a required failure. That it does
not answer 5xx, hang or cut the connection is judged elsewhere (robustness), and is required.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from conformance.checks.api import Case, Judge, Reads, check
from conformance.checks.errors import failed
from conformance.checks.errortext import error_words
from conformance.checks.outcomes import CLEAR, names_any
from conformance.model import Claim, Finding, Intent, Outcome, Probe
from conformance.openapi import requirement_ids
from conformance.relations import DEFAULTS
from conformance.views import Form, View

_FEATURES: Final[Mapping[str, str]] = {
    "temperature": "sampling",
    "top_p": "sampling",
    "n": "n",
    "stream": "streaming",
    "presence_penalty": "sampling",
    "frequency_penalty": "sampling",
}
"""The feature of each member whose default is stated."""


def _judge(case: Case) -> Iterator[Finding]:
    if case.probe.intent is Intent.VALID:
        yield from _served(case)
    else:
        yield from _refused(case)


def _served(case: Case) -> Iterator[Finding]:
    view = case.view
    if view.succeeded:
        yield case.ok(outcome=Outcome.ACCEPTED)
    elif view.form is Form.REFUSED and case.claim is not Claim.YES:
        yield case.skip(f"refused with {view.status}, and nobody claims it")
    elif view.form is Form.REFUSED:
        yield case.fail(f"status {view.status} to a valid value", "a success status")
    else:
        yield case.skip(f"the answer is {view.form.noun}; another requirement judges that")


def _refused(case: Case) -> Iterator[Finding]:
    view, defect = case.view, case.probe.defect
    assert defect is not None
    if view.form is Form.REFUSED:
        yield case.ok(outcome=Outcome.REJECTED_CLEAN)
    elif view.succeeded and _may_be_lenient(case):
        skipped = case.skip(f"status {view.status}: it was accepted, as this model's rule allows")
        yield replace(skipped, outcome=Outcome.LENIENT)
    elif view.succeeded:
        yield case.fail(
            f"status {view.status}: it was accepted although {defect.what}",
            "a client error, 400 or 422, that names the cause",
            outcome=Outcome.LENIENT,
        )
    else:
        yield case.skip(f"the answer is {view.form.noun}; another requirement judges that")


def _may_be_lenient(case: Case) -> bool:
    """Whether the model's card lets a target act as if the member that is wrong had not been sent."""
    assert case.probe.defect is not None
    member = (case.probe.defect.pointer or "").strip("/").split("/")[0]
    return Outcome.LENIENT in case.card.allowed(member, dict(case.view.asked))


def talk_served(case: Case) -> Iterator[Finding]:
    """A talk that hangs together is served, or refused for something that not every target has."""
    view = case.view
    if view.succeeded:
        yield case.ok(saw=str(view.status), outcome=Outcome.ACCEPTED)
    elif view.form is not Form.REFUSED:
        yield case.skip(f"the answer is {view.form.noun}; another requirement judges that")
    elif (
        case.claim is not Claim.YES and view.status in CLEAR and names_any(error_words(view), _special(case))
    ):
        yield case.skip(f"refused with {view.status} for something that nobody claims")
    elif member := _refused_by_itself(case):
        yield case.unsure(
            f"refused with {view.status} for the value of {member}, as it is by itself; "
            "the requirements of that member judge it"
        )
    else:
        yield case.fail(
            f"status {view.status}: {error_words(view)[:160]!r}", "the request served: it is valid"
        )


BY_ITSELF: Final = ("parameters.sampling-high", "parameters.max-tokens-one")
"""Probes that ask for bounds of the documented ranges, which stand in talks too."""


def _refused_by_itself(case: Case) -> str:
    """Return the member that the error names and whose very value is refused in a request of its own, too."""
    for other in case.others.values():
        same = [
            name
            for name, value in other.asked.items()
            if name in case.view.asked and case.view.asked[name] == value
        ]
        for name in same:
            if (
                name not in {"model", "messages", "stream"}
                and other.form is Form.REFUSED
                and all(names_any(error_words(view), [name]) for view in (case.view, other))
            ):
                return name
    return ""


def _special(case: Case) -> list[str]:
    """Return the words for what a talk has beyond strings in messages."""
    beyond = [name for name in case.view.asked if name not in {"model", "messages"}]
    told = {"parts": ["content", "part", "name"], "tools": ["tool", "schema", "role"]}
    return [*beyond, *told.get(case.probe.feature, ())]


def odd_served_or_refused(case: Case) -> Iterator[Finding]:
    """What is odd is served, or the client is told that it will not be."""
    view = case.view
    if view.succeeded:
        yield case.ok(saw=f"{view.status}, served")
    elif view.form is Form.REFUSED:
        yield case.ok(saw=f"refused with {view.status}")
    else:
        yield failed(case, "the request served, or refused with a 4xx status")


def written_otherwise(case: Case) -> Iterator[Finding]:
    """A request gets the same kind of answer however it is written."""
    if case.same is None or _class(case.same) not in {"served", "refused"}:
        yield case.unsure(f"{case.probe.same_as}, which says the same, was neither served nor refused")
    elif _class(case.view) not in {"served", "refused"}:
        yield case.skip(f"the answer is {case.view.form.noun}; another requirement judges that")
    elif _class(case.view) == _class(case.same):
        yield case.ok(saw=f"{_class(case.view)}, as the request that says the same")
    elif case.view.status in CLEAR and (named := _named_defaults(case)) and not _claimed(case, named):
        yield case.skip(
            "refused for a member that not every target takes; the requirements of that member judge it"
        )
    else:
        yield case.fail(
            f"{_class(case.view)} with {case.view.status} when written with {case.probe.label}: "
            f"{error_words(case.view)[:120]!r}",
            f"{_class(case.same)}, as {case.probe.same_as} was with {case.same.status}",
            also=(case.same.where(),),
        )


def _named_defaults(case: Case) -> list[str]:
    """Return the members that the error names, of those whose default the request states."""
    left_out = set(case.same.asked) if case.same else set()
    stated = (name for name in DEFAULTS if name in case.view.asked and name not in left_out)
    return [name for name in stated if names_any(error_words(case.view), [name])]


def _claimed(case: Case, members: Iterable[str]) -> bool:
    """Whether the profile claims what each of the members belongs to, and the model's card does not deny it."""
    return all(
        _FEATURES[name] in case.claimed and case.card.features.get(_FEATURES[name]) is not Claim.NO
        for name in members
    )


def _class(view: View) -> str:
    return "served" if view.succeeded else "refused" if view.form is Form.REFUSED else str(view.form)


def alive_after_batch(case: Case) -> Iterator[Finding]:
    """What was served before a batch of invalid requests is served after it."""
    if case.same is None or not case.same.succeeded:
        yield case.unsure(f"{case.probe.same_as}, which is the same request, was not served before either")
    elif case.view.succeeded:
        yield case.ok(saw="served after the invalid requests")
    else:
        fault = case.view.exchange.fault
        yield case.fail(
            f"after a batch of invalid requests: {fault.detail if fault else f'status {case.view.status}'}",
            f"the success that {case.probe.same_as} got before them",
            outcome=Outcome.BROKEN,
            also=(case.same.where(),),
        )


JUDGES: Mapping[str, tuple[Judge, Reads]] = {
    "messages.conversation-served": (talk_served, Reads.ANSWER),
    "messages.named-parts-served": (talk_served, Reads.ANSWER),
    "tools.history-served": (talk_served, Reads.ANSWER),
    "parameters.mix-served": (talk_served, Reads.ANSWER),
    "tools.history-matches": (_refused, Reads.ANSWER),
    "tools.choice-matches": (_refused, Reads.ANSWER),
    "errors.malformed-json": (_refused, Reads.ANSWER),
    "robustness.odd-body": (odd_served_or_refused, Reads.ANSWER),
    "robustness.odd-headers": (odd_served_or_refused, Reads.ANSWER),
    "robustness.alive-after-batch": (alive_after_batch, Reads.EXCHANGE),
    "robustness.member-order": (written_otherwise, Reads.ANSWER),
    "robustness.whitespace": (written_otherwise, Reads.ANSWER),
    "robustness.escapes": (written_otherwise, Reads.ANSWER),
    "robustness.header-case": (written_otherwise, Reads.ANSWER),
    "robustness.defaults": (written_otherwise, Reads.ANSWER),
    "robustness.nulls": (written_otherwise, Reads.ANSWER),
    "robustness.unknown-member": (written_otherwise, Reads.ANSWER),
}
"""How the requirements of our own generated requests are judged."""


def _of(requirement: str, judge: Judge, reads: Reads) -> None:
    def chosen(probe: Probe) -> bool:
        return probe.requirement == requirement

    beside = BY_ITSELF if judge is talk_served else ()
    check(requirement, on=chosen, reads=reads, beside=beside)(judge)


for _requirement in requirement_ids():
    _of(_requirement, _judge, Reads.ANSWER)
for _requirement, (_how, _reads) in JUDGES.items():
    _of(_requirement, _how, _reads)
