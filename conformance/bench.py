"""The answers of a run as checks are given them: by probe and model, each read and sorted once.

Most of what a judgement needs is the same for every check that looks at a probe: which answers count, how often it
was tried, what the same request got in another form. It is looked up once a probe (:class:`Answers`), not a case.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from conformance import retired
from conformance.limited import meant
from conformance.mended import mended
from conformance.model import GATEWAY, Exchange, Intent, Probe
from conformance.plan import Plan
from conformance.probes import LIFE
from conformance.probes.tries import answering
from conformance.sparing import spared
from conformance.views import Form, View

UNAUTHORISED = frozenset({401, 403})
"""Statuses that speak of the key, not of what was asked."""


class Answers(Struct, frozen=True):
    """What a run recorded of one probe.

    ``tries`` are the views of its tries that were captured, in their order, ``planned`` is how many were planned.
    ``parts`` answer for each of the things that it asks for together, where these were asked one by one. ``same`` is
    the view of the probe whose request it writes in another way, ``plain`` that of the plainest request of the same
    form, streamed or not.
    """

    probe: Probe | None
    tries: tuple[View, ...] = ()
    planned: int = 0
    parts: tuple[View, ...] = ()
    same: View | None = None
    plain: View | None = None


class Bench:
    """The views of a run, by probe and model; of two attempts the later one counts."""

    def __init__(self, plan: Plan, exchanges: Iterable[Exchange]) -> None:
        """Sort the exchanges to their probes; those of no planned probe are left aside."""
        self.plan = plan
        self.defects: list[str] = []
        self.attempts: dict[tuple[str, str], list[View]] = {}
        self.views: dict[str, View] = {}
        index = plan.index
        for exchange in exchanges:
            probe = index.get((exchange.probe, exchange.model))
            if probe is not None:
                view = self.views[exchange.id] = View(probe, exchange)
                self.attempts.setdefault((probe.id, probe.model), []).append(view)
        for views in self.attempts.values():
            views.sort(key=lambda view: view.exchange.attempt)
        self.life = {model: self._life(model) for model in plan.models}
        self._alive = {model: bool(text) for model, text in self.life.items()}
        self._alive[GATEWAY] = any(self.life.values())
        self.mended = mended(self.attempts.values())
        self._counting = {name: views[-1] for name, views in self.attempts.items()}
        counting = sorted(self._counting.items())
        self._answered = {
            model: tuple(view for (_, owner), view in counting if owner == model) for model in plan.models
        }
        self._answers: dict[tuple[str, str], Answers] = {}

    def answered(self, model: str) -> tuple[View, ...]:
        """Return the answers of a model that count, of all its probes, in the order of the probes' ids."""
        return self._answered.get(model, ())

    def view(self, probe: str, model: str) -> View | None:
        """Return the view that counts for a probe of a model, or None when nothing captured answers it."""
        found = self.plan.probe(probe, model)
        return answering(found, self._counting) if found else None

    def answers(self, probe: str, model: str) -> Answers:
        """Return what was recorded of a probe of a model; of one that was not planned there is nothing."""
        found = self._answers.get((probe, model))
        if found is None:
            found = self._answers[probe, model] = self._answers_of(self.plan.probe(probe, model), model)
        return found

    def _answers_of(self, probe: Probe | None, model: str) -> Answers:
        if probe is None:
            return Answers(None)
        planned = self.plan.tries(probe)
        tries = (self.view(each.id, each.model) for each in planned)
        parts = self.plan.apart(probe.id, probe.model)
        apart = (self._counting.get((each.id, each.model)) for each in parts)
        return Answers(
            probe,
            tuple(view for view in tries if view is not None),
            len(planned),
            tuple(view for view in apart if view is not None),
            self.view(probe.same_as, model) if probe.same_as else None,
            self.view("stream.basic" if probe.streamed else LIFE, model),
        )

    def spares(self, probe: Probe) -> bool:
        """Whether a probe was not sent because others that break the same rule were served."""
        return spared(probe, self.plan, self._counting)

    def _life(self, model: str) -> str:
        texts = (
            view.life
            for (_, owner), views in sorted(self.attempts.items())
            if owner == model
            for view in views
            if view.probe.intent is Intent.VALID
        )
        return next((text for text in texts if text), "")

    def alive(self, model: str) -> bool:
        """Whether a model, or for the gateway any model, gave readable text."""
        return self._alive.get(model, False)

    def asked(self, model: str) -> list[View]:
        """Return everything that a model was asked."""
        return [view for (_, owner), views in self.attempts.items() if owner == model for view in views]

    def unserved(self, view: View, model: str) -> str:
        """Say that the gateway was asked through a model that it does not serve; empty where it was not."""
        first = self.plan.models[0]
        lives = model != GATEWAY or self.life[first]
        return "" if lives else retired.not_served(first, self.asked(first), view)

    def refused(self, view: View, model: str) -> bool:
        """Whether a valid probe was refused by a target that serves others: it does not know the feature."""
        return view.form is Form.REFUSED and view.status not in UNAUTHORISED and self.alive(model)

    def means_429(self, view: View) -> bool:
        """Whether 429 is the answer to this very request, and no limit of a rate."""
        attempts = self.attempts[view.probe.id, view.probe.model]
        return meant(attempts, (each for views in self.attempts.values() for each in views))

    def alone(self, view: View) -> bool:
        """Whether a probe ended in a way that only a repeat can confirm, and has none."""
        return len(self.attempts[view.probe.id, view.probe.model]) == 1 and _failed(view)

    def retries(self, view: View) -> str:
        """Say how often the probe was tried when it was more than once: ``1 of 2`` went wrong."""
        views = self.attempts[view.probe.id, view.probe.model]
        if len(views) == 1:
            return ""
        bad = sum(
            _failed(other) or (other.probe.intent is Intent.VALID and not other.succeeded) for other in views
        )
        return f"{bad} of {len(views)}"


def _failed(view: View) -> bool:
    return view.form in {Form.FAILED, Form.NO_ANSWER} or view.exchange.fault is not None
