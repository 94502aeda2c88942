"""What will be sent and judged, decided before anything is sent: deterministic, printable, with a digest.

Selection comes first: the requirements of the set that match ``only`` pick their checks, the checks pick their
probes, and probes bring along what they lean on (twins, the probes they follow, further tries, the request that asks
for the same together with other things, the proof of life). Nothing else is sent. Further tries have no cases of
their own: they belong to the case of the first. Neither has what is asked apart with checks that look at the request
for all of it.
"""

from __future__ import annotations

import hashlib
import json
from binascii import hexlify
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache, cached_property
from glob import escape
from typing import NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from conformance.catalogue import Catalogue, Profile
from conformance.checks import all_checks
from conformance.checks.api import Check, Selector
from conformance.errors import UsageError
from conformance.model import GATEWAY, Claim, Json, Probe
from conformance.models import ModelCards
from conformance.probes import LIFE, library
from conformance.probes.asker import Asker
from conformance.probes.shared import shared, shared_name

LIVES = (LIFE, "stream.basic")
"""Probes of each model that may prove that it lives; always sent."""


class PlannedCase(NamedTuple):
    """One check on one probe for one model (or the gateway)."""

    requirement: str
    check: str
    probe: str
    model: str


class Plan(Struct, frozen=True, dict=True):
    """Everything that follows from the catalogue, the profile, the models and the flags.

    ``digest`` is a hash of all that is asked and judged. ``ids`` holds the ids of exchanges that are known already,
    by probe and model.
    """

    set_name: str
    profile: str
    models: tuple[str, ...]
    seed: int
    challenge: str
    only: tuple[str, ...]
    generated: str
    probes: tuple[Probe, ...]
    cases: tuple[PlannedCase, ...]
    digest: str
    ids: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether the plan covers its whole set (no ``--only``)."""
        return not self.only

    def probe(self, name: str, model: str) -> Probe | None:
        """Find a probe of a model; for the gateway, of the first model when the gateway has none."""
        return self.index.get((name, model)) or (
            self.index.get((name, self.models[0])) if model == GATEWAY else self.index.get((name, GATEWAY))
        )

    def exchange_id(self, probe: Probe, attempt: int = 1) -> str:
        """Return the id of a probe's exchange: a hash of what is asked, the same on every target."""
        known = self.ids.get((probe.id, probe.model)) or _exchange_id(probe, self.seed, self.challenge)
        return known + (f"-{attempt}" if attempt > 1 else "")

    def tries(self, probe: Probe) -> tuple[Probe, ...]:
        """Return a probe and its further tries, in the order in which they are sent."""
        found = [probe]
        while later := self.retries.get((found[-1].id, probe.model)):
            found.append(later)
        return tuple(found)

    def of_model(self, model: str) -> Plan:
        """Return the part that is sent for one model; what is the gateway's goes with the first model."""
        owners = {model, GATEWAY} if model == self.models[0] else {model}
        return replace(
            self,
            models=(model,),
            probes=tuple(probe for probe in self.probes if probe.model in owners),
            cases=tuple(case for case in self.cases if case.model in owners),
        )

    def apart(self, together: str, model: str) -> tuple[Probe, ...]:
        """Return what is asked by itself where the request for all of it is not served."""
        return self._apart.get((together, model), ())

    @cached_property
    def certain(self) -> int:
        """How many requests are sent whatever is answered; repeats of what met bad luck are not foreseen."""
        return sum(probe.certain for probe in self.probes)

    @cached_property
    def groups(self) -> Mapping[tuple[str, str], tuple[Probe, ...]]:
        """The invalid probes that break one rule, by the name of their group and the model."""
        found: dict[tuple[str, str], list[Probe]] = {}
        for probe in self.probes:
            if probe.group is not None:
                found.setdefault((probe.group, probe.model), []).append(probe)
        return {name: tuple(probes) for name, probes in found.items()}

    @cached_property
    def index(self) -> Mapping[tuple[str, str], Probe]:
        """The probes by id and model."""
        return _index(self.probes)

    @cached_property
    def retries(self) -> Mapping[tuple[str, str], Probe]:
        """The further tries by the id of the try before and the model."""
        return {(probe.retry.probe, probe.model): probe for probe in self.probes if probe.retry}

    @cached_property
    def _apart(self) -> Mapping[tuple[str, str], tuple[Probe, ...]]:
        found: dict[tuple[str, str], tuple[Probe, ...]] = {}
        for probe in self.probes:
            if probe.apart is not None:
                key = (probe.apart, probe.model)
                found[key] = (*found.get(key, ()), probe)
        return found


def _index(probes: Iterable[Probe]) -> dict[tuple[str, str], Probe]:
    return {(probe.id, probe.model): probe for probe in probes}


def _exchange_id(probe: Probe, seed: int, challenge: str) -> str:
    sent = probe.request
    before = json.dumps([probe.id, probe.model, sent.method, sent.path, sent.headers])
    after = json.dumps([probe.follow.recipe if probe.follow else None, seed, challenge])
    # One JSON list is hashed, and in it the body as a text of hexadecimal digits. It may have megabytes, and has
    # nothing to escape, so it is put in its place as it is.
    asked = hashlib.sha256(f'{before[:-1]}, "'.encode())
    asked.update(hexlify(sent.body))
    asked.update(f'", {after[1:]}'.encode())
    return f"ex-{asked.hexdigest()[:16]}"


def make_plan(
    catalogue: Catalogue,
    profile: Profile,
    cards: ModelCards,
    models: Sequence[str],
    *,
    set_name: str,
    seed: int = 0,
    challenge: str = "",
    only: Sequence[str] = (),
    extra_body: Mapping[str, Json] | None = None,
    generated: Sequence[Probe] = (),
    generated_label: str = "none",
) -> Plan:
    """Decide what to send and judge.

    ``generated`` are probes made from the OpenAPI description for the first model, judged like any other.

    Raises:
        UsageError: no model, or an ``only`` pattern that matches no requirement or probe.

    """
    if not models:
        raise UsageError("There is no model to ask.", hint="name one with --model")
    ids = catalogue.set(set_name).ids
    wanted = {name for name in ids if profile.claim_of(catalogue.requirements[name].feature) is not Claim.NO}
    offered: list[Probe] = []
    for number, model in enumerate(models):
        ask = Asker(
            model, cards.card(model), seed, challenge, dict(extra_body or {}), frozenset(profile.documents)
        )
        offered += library(ask, first=number == 0)
    offered += generated
    checks = [check for check in all_checks() if check.requirement in wanted]
    cases = _cases(checks, offered, models[0])
    if only:
        _demand_matches(only, cases)
        cases = [case for case in cases if any(_matches(glob, case) for glob in only)]
    probes = _needed(cases, checks, offered, models)
    plan = Plan(
        set_name,
        profile.name,
        tuple(models),
        seed,
        challenge,
        tuple(only),
        generated_label,
        probes,
        tuple(cases),
        "",
        {(probe.id, probe.model): _exchange_id(probe, seed, challenge) for probe in probes},
    )
    return replace(plan, digest=_digest(plan, probes, cases))


def _cases(checks: Sequence[Check], offered: Sequence[Probe], first: str) -> list[PlannedCase]:
    """Return the cases of checks on probes.

    Of another model than the first there are none on shared probes, nor of checks that need one beside. A requirement
    that is so judged of the first model alone belongs to the gateway.
    """
    index = _index(offered)
    first_tries = [probe for probe in offered if probe.retry is None]
    once = {(probe.id, probe.model) for probe in first_tries if shared(probe)}

    @cache
    def looked_at(on: Selector) -> list[Probe]:
        chosen = [probe for probe in first_tries if on(probe)]
        return [probe for probe in chosen if probe.apart is None or not on(index[probe.apart, probe.model])]

    found: list[tuple[Check, Probe]] = []
    repeated: set[str] = set()
    for check in checks:
        all_once = any(map(shared_name, check.needs))
        for probe in looked_at(check.on):
            if not all_once and (probe.id, probe.model) not in once:
                repeated.add(check.requirement)
            elif probe.model not in {GATEWAY, first}:
                continue
            found.append((check, probe))
    return [
        PlannedCase(
            check.requirement, check.name, probe.id, probe.model if check.requirement in repeated else GATEWAY
        )
        for check, probe in found
    ]


def narrow(plan: Plan, chosen: Collection[PlannedCase]) -> Plan:
    """Return the plan for some of its cases alone, with only the probes that they lean on."""
    cases = tuple(case for case in plan.cases if case in chosen)
    if len(cases) == len(plan.cases):
        return plan
    only = tuple(escape(f"{case.requirement}@{case.probe}@{case.model}") for case in cases)
    wanted = {case.requirement for case in cases}
    checks = [check for check in all_checks() if check.requirement in wanted]
    probes = _needed(cases, checks, plan.probes, plan.models)
    digest = _digest(plan, probes, cases)
    return replace(plan, only=only, probes=probes, cases=cases, digest=digest)


def _matches(glob: str, case: PlannedCase) -> bool:
    """Whether a pattern chooses a case: by its requirement, its probe, or both as ``requirement@probe@model``."""
    names = (case.requirement, case.probe, f"{case.requirement}@{case.probe}@{case.model}")
    return any(fnmatchcase(name, glob) for name in names)


def _demand_matches(only: Sequence[str], cases: Iterable[PlannedCase]) -> None:
    known = list(cases)
    for glob in only:
        if not any(_matches(glob, case) for case in known):
            raise UsageError(
                f"--only {glob!r} matches no requirement and no probe of this run.",
                why="a pattern that selects nothing would make an empty run look like a good one",
                hint="see the ids with: chat-conformance list",
            )


def _needed(
    cases: Sequence[PlannedCase], checks: Iterable[Check], offered: Sequence[Probe], models: Sequence[str]
) -> tuple[Probe, ...]:
    """Close the probes of the cases over all that they lean on, in the order of the library."""
    index = _index(offered)
    needs = {
        (check.requirement, check.name): (*check.needs, *check.beside)
        for check in checks
        if check.needs or check.beside
    }
    retries = {(probe.retry.probe, probe.model): probe.id for probe in offered if probe.retry}

    def find(name: str, model: str) -> Probe | None:
        fallback = models[0] if model == GATEWAY else GATEWAY
        return index.get((name, model)) or index.get((name, fallback))

    chosen: set[tuple[str, str]] = set()
    queue = {(name, model) for model in models for name in LIVES}
    queue |= {(case.probe, case.model) for case in cases}
    queue |= {(name, case.model) for case in cases for name in needs.get((case.requirement, case.check), ())}
    while queue:
        probe = find(*queue.pop())
        if probe is None or (probe.id, probe.model) in chosen:
            continue
        chosen.add((probe.id, probe.model))
        leans = [
            probe.twin,
            probe.same_as,
            probe.follow.probe if probe.follow else None,
            probe.apart,
            retries.get((probe.id, probe.model)),
        ]
        queue.update((name, probe.model) for name in leans if name)
    return tuple(probe for probe in offered if (probe.id, probe.model) in chosen)


def _digest(plan: Plan, probes: Iterable[Probe], cases: Iterable[PlannedCase]) -> str:
    parts = [
        plan.set_name,
        plan.profile,
        plan.models,
        [plan.exchange_id(probe) for probe in probes],
        list(cases),
    ]
    return "sha256:" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()
