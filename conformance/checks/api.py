"""What a check is made of: what it reads, the case it is given, and the findings it yields.

A check never meets an answer that it cannot read: :class:`Reads` says which forms it wants, and the judge keeps it
silent on all others. So a check need not ask whether there was a 503 or a page of a CDN; it looks at its own thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from msgspec import Struct

from conformance.mended import Mended
from conformance.model import Claim, Finding, Level, Outcome, Probe, Requirement, Verdict, Where
from conformance.models import ModelCard
from conformance.sdkresults import SdkResults
from conformance.views import Form, View

Selector: TypeAlias = Callable[[Probe], bool]
Judge: TypeAlias = Callable[["Case"], Iterator[Finding]]


class Reads(StrEnum):
    """Which forms of an answer a check can read."""

    EXCHANGE = "exchange"
    """Anything, also no answer at all."""
    ANSWER = "answer"
    """Any HTTP answer of the gateway itself (no page of an intermediary, no 429)."""
    STATUS = "status"
    """An answer, a 429 too where it is meant for this very request (:mod:`conformance.limited`)."""
    PAGE = "page"
    """An answer, or a page where an HTML page is what the check looks for."""
    SUCCESS = "success"
    """A 2xx answer with whatever body."""
    COMPLETION = "completion"
    """A 2xx answer with a JSON object that carries no error."""
    STREAM = "stream"
    """A 2xx answer with an event stream."""
    TEXT = "text"
    """A completion or a stream: what a client would read an answer from."""
    REJECTION = "rejection"
    """A 4xx or 5xx answer of the gateway itself."""
    LIMIT = "limit"
    """Whatever came, a 429 too."""


READABLE: Mapping[Reads, frozenset[Form]] = {
    Reads.EXCHANGE: frozenset(Form) - {Form.PAGE, Form.LIMITED},
    Reads.ANSWER: frozenset(Form) - {Form.PAGE, Form.LIMITED, Form.NO_ANSWER},
    Reads.STATUS: frozenset(Form) - {Form.PAGE, Form.NO_ANSWER},
    Reads.PAGE: frozenset(Form) - {Form.LIMITED, Form.NO_ANSWER},
    Reads.SUCCESS: frozenset({Form.COMPLETION, Form.STREAM, Form.EMPTY, Form.OTHER}),
    Reads.COMPLETION: frozenset({Form.COMPLETION}),
    Reads.STREAM: frozenset({Form.STREAM}),
    Reads.TEXT: frozenset({Form.COMPLETION, Form.STREAM}),
    Reads.REJECTION: frozenset({Form.REFUSED, Form.FAILED}),
    Reads.LIMIT: frozenset(Form),
}


class Case(Struct, frozen=True):
    """One check on one answer to a probe: everything that a judgement may depend on.

    ``tries`` are the answers to all tries of the probe so far, this one last. ``final`` says that no further try
    was planned. ``others`` are the answers to the probes that the check named in ``needs`` and ``beside``; of a
    probe with several tries the last. ``sdk`` is what an official SDK made of the answers, None where none ran.
    ``same`` is the answer to the request that the probe writes in another way, ``plain`` that to the plainest request
    of the same form, streamed or not. ``mended`` are the first answers of the run where some of them went wrong and
    their lone repeats did not (:mod:`conformance.mended`). ``claimed`` are all features that the profile claims.
    ``answers`` are all answers of the same model that this run has; who reads them has nothing more sent.
    """

    requirement: Requirement
    probe: Probe
    view: View
    card: ModelCard
    level: Level
    claim: Claim
    others: Mapping[str, View] = MappingProxyType({})
    tries: tuple[View, ...] = ()
    final: bool = True
    sdk: SdkResults | None = None
    same: View | None = None
    plain: View | None = None
    mended: tuple[Mended, ...] = ()
    claimed: frozenset[str] = frozenset()
    answers: tuple[View, ...] = ()

    def ok(self, examined: int = 1, saw: str = "", *, outcome: Outcome | None = None) -> Finding:
        """Say that the requirement holds, for ``examined`` things looked at."""
        return Finding(Verdict.PASS, examined, saw=saw, outcome=outcome, where=(self.view.where(),))

    def fail(
        self,
        saw: str,
        expected: str,
        *,
        examined: int = 1,
        frame: int | None = None,
        pointer: str | None = None,
        span: tuple[int, int] | None = None,
        outcome: Outcome | None = None,
        also: tuple[Where, ...] = (),
    ) -> Finding:
        """Say that it does not hold, what was seen instead, and where."""
        place = self.view.where(frame=frame, pointer=pointer, span=span)
        return Finding(Verdict.FAIL, max(examined, 1), saw, expected, (place, *also), outcome)

    def unsure(self, why: str, *, by: str | tuple[str, ...] = ()) -> Finding:
        """Say that the evidence does not decide, and why.

        ``by`` names the requirement that judges the very thing that stands in the way, or several of which one does.
        """
        judges = (by,) if isinstance(by, str) else by
        if judges:
            why = f"{why}; {by if isinstance(by, str) else 'another requirement'} judges that"
        return Finding(Verdict.INCONCLUSIVE, 0, saw=why, where=(self.view.where(),), by=judges)

    def skip(self, why: str) -> Finding:
        """Say that the requirement does not apply to this answer, and why."""
        return Finding(Verdict.NOT_APPLICABLE, 0, saw=why, where=(self.view.where(),))

    def other(self, probe: str) -> View:
        """Return the view of a probe that the check named in ``needs``."""
        return self.others[probe]


class Check(Struct, frozen=True):
    """A judge bound to its requirement, with the probes it looks at.

    ``needs`` names further probes of the same model (or of the gateway) whose successful answers the judge reads;
    without all of them the case has no opinion. ``any_form`` drops the demand that those succeeded. ``beside`` names
    probes that are read where they were answered, and are no condition. ``any_cause`` says that the requirement
    holds for every answer, so that an invalid probe counts even where its valid twin was refused.
    """

    requirement: str
    name: str
    on: Selector
    reads: Reads
    judge: Judge
    needs: tuple[str, ...] = ()
    any_form: bool = False
    beside: tuple[str, ...] = ()
    any_cause: bool = False


REGISTRY: list[Check] = []


def check(
    requirement: str,
    *,
    on: Selector,
    reads: Reads,
    needs: tuple[str, ...] = (),
    any_form: bool = False,
    beside: tuple[str, ...] = (),
    any_cause: bool = False,
    verb: str = "",
) -> Callable[[Judge], Judge]:
    """Bind a judge to a requirement. The level is looked up in the catalogue, never passed.

    A judge that is made for several requirements is named by what it does (``verb``) and the requirement.
    """

    def bind(judge: Judge) -> Judge:
        name = f"{verb}_{requirement.partition('.')[2].replace('-', '_')}" if verb else judge.__name__
        REGISTRY.append(Check(requirement, name, on, reads, judge, needs, any_form, beside, any_cause))
        return judge

    return bind
