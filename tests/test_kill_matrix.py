"""Every check is proved both ways: the reference passes, and each fault breaks just what it says it breaks."""

from __future__ import annotations

import pytest

from conformance.catalogue import load
from conformance.checks.generated import JUDGES
from conformance.model import Level, Verdict
from conformance.models import load_cards
from conformance.openapi import requirement_ids
from conformance.probes.generated import generated_for
from conformance.reference import DEFAULT_MODEL, ReferenceGateway
from conformance.reference.faults import Fault, load_faults
from conformance.verdict import Exit, Grade
from tests.judging import failing, judged

ALL = load_faults()
FAULTS = {name: fault for name, fault in ALL.items() if not fault.legal}
GENERATED = set(requirement_ids()) | (set(JUDGES) - {"errors.malformed-json"})
"""Requirements that generated requests are needed for; faults of others are judged without them, which is quicker."""
SMOKE = {
    probe.requirement
    for probe in generated_for("smoke", DEFAULT_MODEL, load_cards().card(DEFAULT_MODEL), 0)[1]
    if probe.requirement
}
LENIENT = {
    *(
        "sampling-unchecked",
        "limits-unchecked",
        "members-unchecked",
        "schema-invalid-ignored",
        "tools-unchecked",
    ),
    *(
        "stream-unchecked",
        "thinking-unchecked",
        "search-unchecked",
        "format-unchecked",
        "part-unknown-dropped",
    ),
}
"""Gateways that take what the description forbids: no document says what happens then, so no MUST fails."""
SILENT = {"legal-stream-spent-on-hidden-thoughts", "legal-stream-filtered", "legal-refusals"}
"""Models that rightly give no text where a line is to be repeated: what looks for it has no opinion of them."""
LEGAL = {name: fault for name, fault in ALL.items() if fault.legal}


def test_reference_is_conformant() -> None:
    with ReferenceGateway() as gateway:
        result = judged(gateway.base_url, sdk=True)
    open_ = {unit.requirement for unit in result.judgement.units if unit.verdict is Verdict.INCONCLUSIVE}
    assert (failing(result), open_) == (set(), set())
    assert (result.summary.grade, result.summary.exit_code) == (Grade.CONFORMANT, Exit.OK)
    sent = {exchange.probe for exchange in result.evidence.exchanges}
    assert sent == {probe.id for probe in result.prepared.plan.probes if probe.certain}


def amount_for(breaks: set[str]) -> str:
    """Return how many generated requests are needed to see these requirements broken."""
    if not (breaks & GENERATED or "robustness.no-server-error" in breaks):
        return "none"
    return "smoke" if breaks & GENERATED <= SMOKE else "full"


@pytest.mark.parametrize("model", ["deepseek-r1", "kimi-k2.5", "qwq-32b"])
def test_what_the_rules_of_a_model_allow_is_no_failure(model: str) -> None:
    with ReferenceGateway(models=[model]) as gateway:
        assert failing(judged(gateway.base_url, models=[model])) == set()


def test_no_model_of_the_documents_fails_what_they_claim() -> None:
    models = load().profile("mixroute").models
    with ReferenceGateway(models=models) as gateway:
        assert failing(judged(gateway.base_url, models=models, profile="mixroute", generated="none")) == set()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_fault_breaks_what_it_says_and_nothing_else(fault: Fault) -> None:
    generated = amount_for(set(fault.breaks))
    with ReferenceGateway(faults=[fault], models=fault.models or [DEFAULT_MODEL]) as gateway:
        result = judged(
            gateway.base_url,
            models=gateway.models,
            profile=fault.profile,
            generated=generated,
            sdk=fault.area == "sdk",
            provoke=fault.area == "limits",
        )
    broken = failing(result, *Level)
    may = {area for area, _ in fault.may}
    assert set(fault.breaks) <= broken, (
        f"not found: {sorted(set(fault.breaks) - broken)}; found: {sorted(broken)}"
    )
    collateral = {name for name in failing(result) - set(fault.breaks) if name.partition(".")[0] not in may}
    assert not collateral, f"also broke {sorted(collateral)}"
    if fault.name in LENIENT:
        assert failing(result, Level.MUST) == set()


@pytest.mark.parametrize("variant", LEGAL.values(), ids=LEGAL.keys())
def test_legal_variant_fails_no_requirement_at_must(variant: Fault) -> None:
    with ReferenceGateway(faults=[variant], models=variant.models or [DEFAULT_MODEL]) as gateway:
        result = judged(
            gateway.base_url, models=gateway.models, profile=variant.profile, sdk=variant.profile != "core"
        )
    assert failing(result) == set()
    assert failing(result, Level.MAY) >= set(variant.breaks)
    silent = {Grade.INCOMPLETE} if variant.name in SILENT else set()
    assert result.summary.grade in {Grade.CONFORMANT, Grade.PARTIAL} | silent


def test_every_judged_requirement_is_broken_by_a_fault() -> None:
    broken = {name for fault in ALL.values() for name in fault.breaks}
    assert set(load().judged) - broken == set()
