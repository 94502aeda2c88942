"""Whole runs with all generated requests: what is right or merely generous is never a required failure."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from conformance.engine import weigh
from conformance.model import Intent, Level, Outcome, Verdict
from conformance.reference import ReferenceGateway
from conformance.reference.faults import Fault, pick_faults, read_fault
from conformance.report.describe import deciding
from conformance.report.junit import render_junit
from conformance.report.markdown import render_markdown
from conformance.sparing import ENOUGH, NOT_SENT
from conformance.verdict import Grade
from tests.judging import Judged, failing, judged, reported

LENIENT = read_fault(
    {
        "name": "lenient",
        "what": "Members that are wrong are taken as not sent.",
        "mutate": [{"op": "forgive"}],
    },
    "parameters",
    "this test",
)
SEEDS = (0, 1, 2)
ONLY = ("generated.*",)
"""The hand-written requests are judged elsewhere; their proof of life is sent all the same."""


def run(*faults: Fault, seed: int = 0, only: tuple[str, ...] = ONLY) -> Judged:
    with ReferenceGateway(faults=faults) as gateway:
        return judged(gateway.base_url, generated="full", only=only, seed=seed)


@pytest.fixture(scope="module")
def lenient() -> Judged:
    return run(LENIENT)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_correct_gateway_fails_nothing_and_is_asked_everything(seed: int) -> None:
    result = run(seed=seed)
    assert failing(result) == set()
    assert result.summary.grade is Grade.CONFORMANT
    assert {exchange.probe for exchange in result.evidence.exchanges} == {
        p.id for p in result.prepared.plan.probes if p.certain
    }
    assert "not_sent" not in (result.evidence.footer or {})


@pytest.mark.parametrize("seed", SEEDS)
def test_a_gateway_with_rules_of_its_own_fails_nothing(seed: int) -> None:
    """Rules across members (OpenAI's) are the reference's own; this one is particular about values as well."""
    some = ("generated.talk-*", "generated.same-*", "generated.body-*")
    assert failing(run(*pick_faults(["legal-particular"]), seed=seed, only=some)) == set()


@pytest.mark.parametrize("seed", SEEDS[1:])
def test_a_lenient_gateway_fails_no_requirement_at_must(seed: int) -> None:
    assert failing(run(LENIENT, seed=seed), Level.MUST) == set()


def test_leniency_is_counted_as_such_and_as_nothing_else(lenient: Judged) -> None:
    assert failing(lenient, Level.MUST) == set()
    failed = [unit for unit in lenient.judgement.units if unit.verdict is Verdict.FAIL]
    assert len(failed) > 10
    assert {unit.outcome for unit in failed} == {Outcome.LENIENT}
    assert lenient.summary.grade is Grade.PARTIAL


def test_no_more_of_a_group_is_paid_for_than_shows_that_nobody_minds(lenient: Judged) -> None:
    plan = lenient.prepared.plan
    sent = {exchange.probe for exchange in lenient.evidence.exchanges}
    spared = [probe.id for probe in plan.probes if probe.certain and probe.id not in sent]
    assert lenient.evidence.footer is not None
    assert lenient.evidence.footer["not_sent"] == {"group lenient": spared}
    assert len(spared) > 30
    for group in plan.groups.values():
        served = [each for each in lenient.evidence.exchanges for probe in group
                  if each.probe == probe.id and each.raw.startswith(b"HTTP/1.1 200")]  # fmt: skip
        assert len(served) <= ENOUGH


def test_what_was_not_sent_is_neither_passed_nor_open(lenient: Judged) -> None:
    cases = [case for unit in lenient.judgement.units for case in unit.cases if NOT_SENT in case.reason]
    assert cases
    assert {case.verdict for case in cases} == {Verdict.NOT_APPLICABLE}
    assert lenient.judgement.not_measured == ()


def test_judging_the_evidence_again_says_the_same(lenient: Judged) -> None:
    found, summary = weigh(lenient.prepared, lenient.evidence)
    assert replace(found, views={}) == replace(lenient.judgement, views={})
    assert summary == lenient.summary


CRASHES: dict[str, Callable[[str], bool]] = {
    "empty-messages-500": lambda body: '"messages":[]' in body,
    "crash-integer-as-float": lambda body: '"max_tokens":1.0' in body,
    "crash-lone-surrogate": lambda body: r"\udc00" in body,
    "crash-deep-nesting": lambda body: '{"a":{"a":' in body,
    "crash-null-parameter": lambda body: '"user":null' in body,
}


@pytest.mark.parametrize("name", CRASHES)
def test_a_crash_is_found_and_named(name: str) -> None:
    result = run(*pick_faults([name]), only=("generated.body-*", "generated.messages-not-empty-*"))
    assert failing(result, Level.MUST) & {"robustness.no-server-error", "robustness.valid-request-served"}
    plan = result.prepared.plan
    for unit in result.judgement.units:
        if unit.requirement == "robustness.no-server-error":
            bad = [case for case in unit.cases if case.verdict is Verdict.FAIL]
            for case in bad:
                probe = plan.probe(case.probe, unit.model)
                assert probe is not None
                assert probe.intent is Intent.INVALID
                assert CRASHES[name](probe.request.body.decode("utf-8", "replace")), case.probe
                assert probe.defect is not None
                assert probe.defect.what in case.findings[0].saw


def test_the_report_counts_leniency_by_parameter_and_shows_the_smallest_requests_first(
    lenient: Judged,
) -> None:
    report = reported(lenient)
    rows = {row["parameter"]: row for row in report["lenient"]}
    assert rows["temperature"]["served"] > 0
    assert rows["temperature"]["refused"] == 0
    assert sum(row["not_sent"] for row in rows.values()) > 30
    assert "messages" not in rows, "a gateway that forgives members does not forgive messages"
    page = render_markdown(report)
    assert "## Taken although it is wrong" in page
    assert "| `temperature` |" in page
    failed = next(row for row in report["results"] if row["requirement"] == "parameters.temperature-type")
    sizes = [len(report["exchanges"][case["evidence"][0]["exchange"]]["body"]) for case in deciding(failed)]
    assert sizes == sorted(sizes)
    assert f"fail in {len(sizes)} of " in page
    names = [case.get("name") for case in ET.fromstring(render_junit(report)).iter("testcase")]
    assert names.count("parameters.temperature-type[-]") == 1


def test_a_report_without_leniency_says_nothing_of_it() -> None:
    result = run(only=("generated.messages-not-empty-*",))
    report = reported(result)
    assert report["lenient"] == []
    assert "Taken although" not in render_markdown(report)
