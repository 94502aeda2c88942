"""What becomes of a parameter that was asked for: from an answer to an outcome, and from that to a finding.

One table for all areas (claimed *no* is never planned; were it judged, it would not be applicable)::

    outcome         claimed yes        nobody claims it     the model's rule allows the outcome
    --------------  -----------------  -------------------  -----------------------------------
    applied         pass               pass                 pass
    accepted        pass               pass                 pass
    rejected-clean  fail               not applicable       not applicable
    dropped         fail               fail (at SHOULD)     not applicable
    lenient         fail (at SHOULD)   fail (at SHOULD)     not applicable
    broken          not applicable: the requirements on status, errors and robustness fail for it

A requirement whose sentence itself says *or refused* is fulfilled by a clean refusal. An answer whose
structure is wrong fails whatever is claimed; a model that did not oblige gives no opinion. That failures
count at SHOULD is the fold's business (:func:`conformance.verdict.effective_level`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum, StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from conformance.checks.api import Case
from conformance.checks.errortext import error_words, same_refusal
from conformance.model import Claim, Finding, Outcome, Verdict
from conformance.models import WORKS, Rule
from conformance.views import Form, View

CLEAR: Final = frozenset({400, 404, 422})
"""Statuses that say: not with this request."""

ASIDE: Final = frozenset({401, 402, 403, 407, 408, 409, 425})
"""Statuses that speak of the key, the purse or the moment, whatever was asked for."""

_SOMEBODY_ELSE: Final = frozenset({Form.PAGE, Form.LIMITED, Form.REDIRECT})
"""Answers that say nothing of the request."""

_SHORT: Final = 3
"""Names of so many letters or fewer have to stand alone in an error's text."""


class Effect(StrEnum):
    """What a success shows of the effect that was asked for."""

    SEEN = "seen"
    UNSEEN = "unseen"
    """Nothing in an answer could show it."""
    MISSING = "missing"
    """A canary shows that there was none."""
    BEYOND = "beyond"
    """The value lies out of its range and was taken."""
    SPOILT = "spoilt"
    """It came in a form that is wrong."""
    UNCLEAR = "unclear"
    """The model did not do its part, so nothing can be said."""
    ELSEWHERE = "elsewhere"
    """Another requirement judges what was seen."""


class Refusal(Enum):
    """What a client error says of why it is one."""

    ASIDE = "it is not about the request"
    CLEAN = "the cause is named"
    OTHER = "another member of the request is named"
    UNCLEAR = "the cause is not named"


class Wanted(Struct, frozen=True):
    """What a requirement asks for in a request.

    ``what`` names it in a finding. ``names`` are words one of which a refusal for its sake has. ``rules`` are
    the parameters under which a model's card speaks of it. ``beside`` is what else the same request asks for.
    ``or_refused`` says that the requirement is fulfilled by a clean refusal too. ``statuses`` are those that a clear
    refusal may have. ``plain`` says that the plainest request has it too, so that none is refused for anything else.
    """

    what: str
    names: tuple[str, ...]
    rules: tuple[str, ...] = ()
    beside: tuple[Wanted, ...] = ()
    or_refused: bool = False
    statuses: frozenset[int] = CLEAR
    plain: bool = False


class Shown(Struct, frozen=True):
    """What was seen of an effect, and where; ``by`` are the requirements that judge what leaves it unclear."""

    effect: Effect
    saw: str = ""
    expected: str = ""
    examined: int = 1
    frame: int | None = None
    pointer: str | None = None
    by: tuple[str, ...] = ()


SERVED: Final = Shown(Effect.UNSEEN)
"""A success, of a request whose effect nothing in an answer could show."""

_OUTCOMES: Final = {
    Effect.SEEN: Outcome.APPLIED,
    Effect.UNSEEN: Outcome.ACCEPTED,
    Effect.MISSING: Outcome.DROPPED,
    Effect.BEYOND: Outcome.LENIENT,
}


def verdict_of(
    outcome: Outcome, claim: Claim, allowed: frozenset[Outcome] = WORKS, *, or_refused: bool = False
) -> Verdict:
    """Return what an outcome means: the table above."""
    if claim is Claim.NO or outcome is Outcome.BROKEN:
        return Verdict.NOT_APPLICABLE
    if outcome in WORKS or (outcome is Outcome.REJECTED_CLEAN and or_refused):
        return Verdict.PASS
    if outcome in allowed or (outcome is Outcome.REJECTED_CLEAN and claim is Claim.ASK):
        return Verdict.NOT_APPLICABLE
    return Verdict.FAIL


def allowed_of(case: Case, wanted: Wanted) -> frozenset[Outcome]:
    """Return the outcomes that the model's rules allow for what is wanted."""
    asked = dict(case.view.asked)
    return WORKS.union(*(case.card.allowed(rule, asked) for rule in wanted.rules))


def refusal_of(view: View, wanted: Wanted) -> Refusal:
    """Tell what a client error is about."""
    words = error_words(view)
    if view.status in ASIDE:
        return Refusal.ASIDE
    if view.status in wanted.statuses and names_any(words, wanted.names):
        return Refusal.CLEAN
    if any(names_any(words, other.names) for other in wanted.beside):
        return Refusal.OTHER
    return Refusal.UNCLEAR


def names_any(text: str, names: Iterable[str]) -> bool:
    """Whether a text has one of the names, in any case; short ones have to be words of their own."""
    text = text.casefold()

    def there(name: str) -> bool:
        if len(name) > _SHORT:
            return name in text
        return re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", text) is not None

    return any(there(name.casefold()) for name in names)


def conclude(case: Case, wanted: Wanted, shown: Shown = SERVED) -> Finding:
    """Judge what became of something wanted; ``shown`` counts only where the request was served."""
    finding = _concluded(case, wanted, shown)
    allowed = allowed_of(case, wanted) | ({Outcome.REJECTED_CLEAN} if wanted.or_refused else frozenset())
    rules = (
        rule
        for rule in _rules(case, wanted)
        if finding.outcome not in WORKS and finding.outcome in rule.allow
    )
    return replace(
        finding,
        wanted=wanted.what,
        allowed=tuple(outcome for outcome in Outcome if outcome in allowed),
        outdated=next((rule.outdated for rule in rules if rule.outdated), ""),
    )


def _concluded(case: Case, wanted: Wanted, shown: Shown) -> Finding:
    view = case.view
    if case.claim is Claim.NO:
        return case.skip(f"{wanted.what}: the profile says that the target does not offer it")
    if view.form is Form.REFUSED:
        finding = _refused(case, wanted)
        anyway = finding.verdict is Verdict.FAIL and not wanted.plain and refused_anyway(case)
        return case.unsure(anyway) if anyway else finding
    if not view.succeeded:
        skipped = case.skip(f"the answer is {view.form.noun} ({view.status}); other requirements judge that")
        return replace(skipped, outcome=None if view.form in _SOMEBODY_ELSE else Outcome.BROKEN)
    return _served(case, wanted, shown)


def refused_anyway(case: Case) -> str:
    """Say that the plainest request is refused in the same words, so that they tell nothing of anything else."""
    if case.plain is None or case.plain.probe.id == case.probe.id or not same_refusal(case.view, case.plain):
        return ""
    return f"{case.plain.probe.id}, which asks for nothing else, is refused in the same words"


def _served(case: Case, wanted: Wanted, shown: Shown) -> Finding:
    if shown.effect is Effect.UNCLEAR:
        return case.unsure(shown.saw, by=shown.by)
    if shown.effect is Effect.ELSEWHERE:
        return case.skip(shown.saw)
    outcome = _OUTCOMES.get(shown.effect)
    verdict = Verdict.FAIL if outcome is None else verdict_of(outcome, case.claim, allowed_of(case, wanted))
    if verdict is Verdict.PASS:
        return case.ok(shown.examined, shown.saw, outcome=outcome)
    if verdict is Verdict.NOT_APPLICABLE:
        return replace(case.skip(f"{shown.saw}: {_rule(case, wanted)}"), outcome=outcome)
    return case.fail(
        shown.saw,
        shown.expected or "the effect that was asked for",
        examined=shown.examined,
        frame=shown.frame,
        pointer=shown.pointer,
        outcome=outcome,
    )


def _refused(case: Case, wanted: Wanted) -> Finding:
    view, allowed = case.view, allowed_of(case, wanted)
    saw = f"status {view.status} to {wanted.what}"
    match refusal_of(view, wanted):
        case Refusal.ASIDE:
            return case.unsure(f"{saw}: it speaks of the key, the purse or the moment, not of the request")
        case Refusal.OTHER:
            return _refused_for_another(case, wanted)
        case Refusal.UNCLEAR:
            words = error_words(view).strip()
            names = ", ".join(repr(name) for name in wanted.names[:3])
            refused = f", or refused with 400 or 422 and the cause (one of {names})" if names else ""
            return case.fail(f"{saw}, and the error says {words[:160]!r}", f"the request served{refused}")
    verdict = verdict_of(Outcome.REJECTED_CLEAN, case.claim, allowed, or_refused=wanted.or_refused)
    if verdict is Verdict.PASS:
        return case.ok(1, f"refused with {view.status}", outcome=Outcome.REJECTED_CLEAN)
    if verdict is Verdict.FAIL:
        return case.fail(
            f"{saw}: {error_words(view)[:160]!r}",
            "the request served: the profile claims it",
            outcome=Outcome.REJECTED_CLEAN,
        )
    ruled = Outcome.REJECTED_CLEAN in allowed
    why = _rule(case, wanted) if ruled else "it is refused clearly, and nobody claims it"
    return replace(case.skip(f"{saw}: {why}"), outcome=Outcome.REJECTED_CLEAN)


def _refused_for_another(case: Case, wanted: Wanted) -> Finding:
    """Say nothing of a member whose request was refused for the sake of another one."""
    words = error_words(case.view)
    named = [other for other in wanted.beside if names_any(words, other.names)]
    why = f"the request was refused for {', '.join(other.what for other in named)}"
    if all(Outcome.REJECTED_CLEAN in allowed_of(case, other) for other in named):
        return case.skip(f"{why}, which this model's rule allows")
    return case.unsure(why)


def _rule(case: Case, wanted: Wanted) -> str:
    """Say which rule of the model's card allows what was seen."""
    said = [rule.says for rule in _rules(case, wanted)]
    return f"allowed by this model's rule ({'; '.join(said)})"


def _rules(case: Case, wanted: Wanted) -> list[Rule]:
    """Return the rules of the model's card that speak of what is wanted in this request."""
    asked = dict(case.view.asked)
    return [rule for rule in case.card.rules_for(asked) if rule.parameter in wanted.rules]
