"""Probes made from the OpenAPI description: each breaks one keyword of the request schema, or stays just within it.

An invalid one leans on its twin, the documented example that it differs from in one place. All are asked of the
gateway, through the first model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, cast

from msgspec.structs import replace

from conformance.errors import UsageError
from conformance.generate import GeneratedCase, fitted, generation, select, twin_bodies
from conformance.jsontext import encode
from conformance.model import GATEWAY, Defect, Intent, Json, Probe
from conformance.models import ModelCard
from conformance.owncases import OwnCases, own_cases
from conformance.probes.asker import request, traits_of
from conformance.probes.own import Asking, canary, mutants, odd_bodies, odd_headers, rewritten, talks

SMOKE: Final = 45
"""How many invalid requests the default sends."""

SMOKE_TWINS: Final = 7
"""How many different twins the default pays for, besides its talks."""

SMOKE_TALKS: Final = ("plain", "tooled", "mixed")
SMOKE_BODIES: Final = (
    "lone-low-surrogate",
    "integer-as-float",
    "null-everywhere",
    "utf-16",
    "deep-objects-1",
)
SMOKE_HEADERS: Final = ("charset-utf-16", "encoding-untrue", "accept-html")
SMOKE_WAYS: Final = ("order", "whitespace", "escapes", "header-case", "defaults")
"""What else the default sends: one talk of each kind, odd bodies and headers, ways to write a request."""

TWICE: Final = frozenset(
    {
        "messages.list-type",
        "messages.not-empty",
        "messages.required",
        "messages.role-required",
        "messages.role-value",
        "parameters.body-type",
        "parameters.model-required",
        "parameters.model-type",
    }
)
"""Requirements that hand-written requests judge in other words (``errors.*``); the default leaves them to those."""


def generated_for(
    amount: str, model: str, card: ModelCard, seed: int, extra: Mapping[str, Json] | None = None
) -> tuple[str, tuple[Probe, ...]]:
    """Return a label and the probes for ``smoke``, ``full`` or a number of invalid cases of the description.

    ``extra`` are members that the user adds to every body.

    Raises:
        UsageError: the amount is none of these.

    """
    made = _Made(Asking(model, card, dict(extra or {})), seed)
    if amount == "smoke":
        return amount, made.smoke()
    if amount == "full":
        return amount, made.full()
    if amount.isdigit():
        return amount, made.few(int(amount))
    raise UsageError(f"{amount!r} is no amount of generated requests.", hint="none, smoke, full or a number")


class _Made:
    """Everything that can be asked of one model, and how much of it is."""

    def __init__(self, asking: Asking, seed: int) -> None:
        self.asking = asking
        cases = [case for case in generation(seed).cases if case.member not in asking.extra]
        self.invalid = [case for case in cases if case.mode is Intent.INVALID]
        self.valid = [
            case
            for case in cases
            if case.mode is Intent.VALID and not (asking.card.stream_only and case.member == "stream")
        ]
        self.twins = twin_bodies(asking.model, seed, asking.own)
        self.own = own_cases(seed)
        self.base = cast("dict[str, Json]", self.twins["cheapest"])

    def fitted(self, cases: Iterable[GeneratedCase]) -> list[GeneratedCase]:
        """Return cases as they are asked of this model."""
        return [fitted(case, self.asking.model, self.asking.own) for case in cases]

    def of_description(self, chosen: Iterable[GeneratedCase], *more: str) -> tuple[Probe, ...]:
        """Return the probes of cases, behind the twins that they and ``more`` lean on."""
        named = _names(chosen)
        used = dict.fromkeys((*more, *(case.twin for _, case in named if case.twin)))
        twins = [_twin(name, self.twins[name], self.asking.model) for name in used]
        return (*twins, *(_probe(name, case, self.asking) for name, case in named))

    def few(self, amount: int) -> tuple[Probe, ...]:
        """Return that many invalid cases of the description."""
        return self.of_description(select(self.fitted(self.invalid), amount))

    def smoke(self) -> tuple[Probe, ...]:
        """Return few: each row of the description at most once, what costs nothing first."""
        by_size = sorted(
            talks(self.own, self.asking).items(), key=lambda item: (len(item[1].request.body), item[0])
        )
        firsts = (next((pair for pair in by_size if pair[0].startswith(kind)), None) for kind in SMOKE_TALKS)
        some = dict(pair for pair in firsts if pair is not None)
        own = _few_of(self.own, some)
        spoilt: dict[str, Probe] = {}
        for probe in mutants(own, self.asking):
            spoilt.setdefault(str(probe.requirement), probe)
        bodies = tuple(odd_bodies(own, self.asking, self.base))
        headers = tuple(odd_headers(own, self.asking, self.base))
        ways = [
            probe
            for probe in rewritten(self.asking, self.base)
            if probe.id.removeprefix("generated.same-") in SMOKE_WAYS
        ]
        rest = [case for case in self.invalid if case.requirement not in {*TWICE, *spoilt}]
        twins = _covering(rest, SMOKE_TWINS)
        room = SMOKE - len(spoilt) - len(bodies) - len(headers)
        cases = select(self.fitted(case for case in rest if case.twin in twins), room)
        return (
            *self.of_description(cases, "cheapest"),
            *some.values(),
            *spoilt.values(),
            *bodies,
            *headers,
            *ways,
        )

    def full(self) -> tuple[Probe, ...]:
        """Return all; after each batch of invalid ones comes a canary."""
        batches = (
            (
                *self.of_description(self.fitted([*self.valid, *self.invalid]), "cheapest"),
                *talks(self.own, self.asking).values(),
            ),
            tuple(mutants(self.own, self.asking)),
            tuple(odd_bodies(self.own, self.asking, self.base)),
            tuple(odd_headers(self.own, self.asking, self.base)),
            tuple(rewritten(self.asking, self.base)),
        )
        return tuple(
            probe
            for number, batch in enumerate(batches, 1)
            for probe in (*batch, canary(number, self.asking, self.base))
        )


def _few_of(own: OwnCases, chosen: Collection[str]) -> OwnCases:
    """Return what the default may send of our own cases: the mutants of the chosen talks, few bodies and headers."""
    return replace(
        own,
        mutants=tuple(each for each in own.mutants if each.twin in chosen and each.requirement not in TWICE),
        bodies=tuple(each for each in own.bodies if each.name in SMOKE_BODIES),
        headers=tuple(each for each in own.headers if each.name in SMOKE_HEADERS),
    )


def _covering(cases: Sequence[GeneratedCase], most: int) -> list[str]:
    """Return the twins that say the most: the cheapest example, then who adds the most members, then requirements."""
    rows: dict[str, set[str]] = {"cheapest": set()}
    members: dict[str, set[str]] = {"cheapest": set()}
    for case in cases:
        rows.setdefault(case.twin or "", set()).add(case.requirement)
        found = members.setdefault(case.twin or "", set())
        if case.keyword == "type" and case.instance == f"/{case.member}":
            found.add(case.requirement)
    chosen = ["cheapest"]
    while len(chosen) < min(most, len(rows)):
        typed = set().union(*(members[name] for name in chosen))
        covered = set().union(*(rows[name] for name in chosen))
        chosen.append(
            max(
                (name for name in rows if name not in chosen),
                key=lambda name: (len(members[name] - typed), len(rows[name] - covered)),
            )
        )
    return chosen


def _names(cases: Iterable[GeneratedCase]) -> list[tuple[str, GeneratedCase]]:
    """Name cases by what they break and a number, the same for the same cases."""
    seen: Counter[str] = Counter()
    named = []
    for case in cases:
        base = f"generated.{case.requirement.replace('.', '-')}"
        seen[base] += 1
        named.append((f"{base}-{seen[base]}", case))
    return named


def _twin(name: str, body: Json, model: str) -> Probe:
    members = body if isinstance(body, dict) else {}
    return Probe(
        id=f"generated.twin-{name}",
        model=model,
        request=request(encode(body)),
        streamed=members.get("stream") is True,
        traits=frozenset({"generated", "twin"}) | traits_of(members),
        budget=1,
        label=f"the documented example {name}",
    )


def _probe(name: str, case: GeneratedCase, asking: Asking) -> Probe:
    members = case.value if isinstance(case.value, dict) else {}
    is_valid = case.mode is Intent.VALID
    where = case.instance or "/"
    steps = (case.member, *case.instance.split("/"))
    words = tuple(dict.fromkeys(step for step in steps if step and not step.isdigit()))
    return Probe(
        id=name,
        model=asking.model if is_valid else GATEWAY,
        request=request(encode(case.value)),
        intent=case.mode,
        streamed=members.get("stream") is True,
        traits=frozenset({"generated", case.scenario.replace("_", "-")}) | traits_of(members),
        twin=None if is_valid else f"generated.twin-{case.twin}",
        defect=None
        if is_valid
        else Defect(f"{case.description} at {where}", names=words, pointer=case.instance),
        budget=asking.cost(members),
        requirement=case.requirement,
        group=None if is_valid else case.pointer,
        label=case.pointer,
    )
