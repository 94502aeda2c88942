"""Probes made from the OpenAPI description: each breaks one keyword of the request schema, or stays just within it.

An invalid one leans on its twin, the documented example that it differs from in one place. All are asked of the
gateway, through the first model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from conformance.errors import UsageError
from conformance.generate import GeneratedCase, coverage_cases, select, twin_bodies
from conformance.model import GATEWAY, Defect, Intent, Json, Probe
from conformance.models import ModelCard
from conformance.probes.asker import encode, request, traits_of

SMOKE: Final = (45, 7)
"""How many invalid and valid cases the default sends, besides the twins."""

SMOKE_TWINS: Final = 8
"""How many different twins the default pays for."""


def generated_for(amount: str, model: str, card: ModelCard, seed: int) -> tuple[str, tuple[Probe, ...]]:
    """Return a label and the probes for ``smoke``, ``full`` or a number of invalid cases.

    Raises:
        UsageError: the amount is none of these.

    """
    cheaply: dict[str, Json] = {card.limit_field: 1}
    if card.stream_only:
        cheaply["stream"] = True
    cases = coverage_cases(model, seed, cheaply)
    invalid = [case for case in cases if case.mode is Intent.INVALID]
    valid = [
        case
        for case in cases
        if case.mode is Intent.VALID and not (card.stream_only and case.member == "stream")
    ]
    if amount == "smoke":
        common = [name for name, _ in Counter(case.twin for case in invalid).most_common(SMOKE_TWINS)]
        chosen = [
            *select([case for case in invalid if case.twin in common], SMOKE[0]),
            *select(valid, SMOKE[1]),
        ]
    elif amount == "full":
        chosen = [*invalid, *valid]
    elif amount.isdigit():
        chosen = list(select(invalid, int(amount)))
    else:
        raise UsageError(
            f"{amount!r} is no amount of generated requests.", hint="none, smoke, full or a number"
        )
    twins = twin_bodies(model, seed, cheaply)
    used = dict.fromkeys(case.twin for case in chosen if case.twin)
    named = _names(chosen)
    probes = [_twin(name, twins[name], model) for name in used]
    probes += [_probe(name, case, model) for name, case in named]
    return amount, tuple(probes)


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


def _probe(name: str, case: GeneratedCase, model: str) -> Probe:
    members = case.value if isinstance(case.value, dict) else {}
    is_valid = case.mode is Intent.VALID
    where = case.instance or "/"
    steps = (case.member, *case.instance.split("/"))
    words = tuple(dict.fromkeys(step for step in steps if step and not step.isdigit()))
    return Probe(
        id=name,
        model=model if is_valid else GATEWAY,
        request=request(case.body),
        intent=case.mode,
        streamed=members.get("stream") is True,
        traits=frozenset({"generated", case.scenario.replace("_", "-")}) | traits_of(members),
        twin=None if is_valid else f"generated.twin-{case.twin}",
        defect=None
        if is_valid
        else Defect(f"{case.description} at {where}", names=words, pointer=case.instance),
        budget=1,
        requirement=case.requirement,
        label=case.pointer,
    )
