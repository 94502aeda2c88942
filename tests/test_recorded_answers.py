"""What the suite says of answers that real servers gave: every deviation that is in the bytes, and none besides.

Each answer is judged alone, as if the probe of ``fixtures/transcripts/questions.yaml`` had asked for it. What checks
need beside it (a valid twin, the proof that the model lives) are the plain answers of the same server. Answers that
only differ from each other, such as two token counts, are therefore compared in runs against real servers alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from conformance.catalogue import load
from conformance.checks import all_checks
from conformance.judge import judge
from conformance.model import Exchange, FaultKind, Intent, Level, Probe, TransportFault, Verdict
from conformance.models import load_cards
from conformance.paths import data_root
from conformance.plan import Plan, PlannedCase, make_plan
from conformance.probes.generated import generated_for

FOLDER = data_root() / "fixtures" / "transcripts"
QUESTIONS: dict[str, Any] = yaml.safe_load((FOLDER / "questions.yaml").read_text(encoding="utf-8"))
FINDINGS: dict[str, dict[str, list[str]]] = yaml.safe_load((FOLDER / "findings.yaml").read_text("utf-8"))
FILES = {
    (path.parent.name, path.stem): path for path in FOLDER.glob("*/*") if path.suffix in {".http", ".sse"}
}
ANSWERS = {key: path for key, path in FILES.items() if QUESTIONS[key[1]]["probe"]}

MODEL = "m"
RECORDED = 1_795_301_000.0
"""When the answers were recorded, within a few hours, as Unix time."""
PACE = 0.1
"""Seconds that the head and each event of a recorded answer are made to take; the real times were not recorded."""


@cache
def plan() -> Plan:
    cards = load_cards()
    _, generated = generated_for("full", MODEL, cards.card(MODEL), 0)
    catalogue = load()
    made = make_plan(
        catalogue,
        catalogue.profile("core"),
        cards,
        (MODEL,),
        set_name=catalogue.latest_set,
        generated=generated,
    )
    return replace(made, probes=tuple(replace(probe, apart=None) for probe in made.probes))


def cases_of(probe: Probe) -> tuple[PlannedCase, ...]:
    """Return every check that looks at a probe, also where a run leaves it to another probe to save money."""
    wanted = load().set(plan().set_name).ids
    return tuple(
        PlannedCase(check.requirement, check.name, probe.id, probe.model)
        for check in all_checks()
        if check.requirement in wanted and check.on(probe)
    )


def asked(name: str, answer: bytes) -> Probe:
    """Return the probe that an answer answers, with the request that was sent."""
    question = QUESTIONS[name]
    probe = plan().probe(question["probe"], MODEL)
    assert probe is not None, name
    sends = question.get("sends", {})
    if not sends and probe.intent is Intent.INVALID:
        return probe
    body = json.loads(probe.request.body) | sends
    if model := re.search(rb'"model":"([^"]+)"', answer):
        body["model"] = sends.get("model", model.group(1).decode())
    request = replace(probe.request, body=json.dumps(body).encode())
    return replace(probe, request=request, streamed=body.get("stream") is True)


def exchange(probe: Probe, path: Path, *, cut: bool = False, attempt: int = 1) -> Exchange:
    """Return the exchange in which the recorded answer came, a piece for the head and one for each event."""
    head, _, body = path.read_bytes().partition(b"\r\n\r\n")
    announced = len(body) + cut
    raw = head + f"\r\nContent-Length: {announced}\r\n\r\n".encode() + body
    sizes = [len(raw) - len(body), *(len(event) for event in re.findall(rb"(?s).+?\n\n|.+$", body))]
    pieces = tuple((PACE * number, size) for number, size in enumerate(sizes, 1))
    return Exchange(
        id=f"ex-{probe.id}-{attempt}",
        probe=probe.id,
        model=probe.model,
        attempt=attempt,
        request=probe.request,
        raw=raw,
        pieces=pieces,
        started_at=RECORDED,
        elapsed=PACE * (len(sizes) + 1),
        fault=TransportFault(FaultKind.CLOSED_EARLY, "closed before the announced end") if cut else None,
    )


ID = re.compile(rb'("id":\s?")[^"]')
"""The beginning of an id. One recorded answer stands for several, and each has to have an id of its own."""


def beside(server: str, probe: Probe) -> Iterator[Exchange]:
    """Yield plain answers of the same server: to a probe of no interest, and to the twin of an invalid one."""
    plain = ANSWERS[server, "json"]
    for name in ("messages.system", probe.twin):
        other = plan().probe(name, MODEL) if name else None
        if other is not None:
            path = ANSWERS.get((server, "stream"), plain) if other.streamed else plain
            answer = exchange(other, path)
            yield replace(answer, raw=ID.sub(rb"\1~", answer.raw))


def found(server: str, name: str) -> list[str]:
    """Return the requirements at MUST or SHOULD that fail on one answer."""
    path = ANSWERS[server, name]
    answer = path.read_bytes()
    probe = asked(name, answer)
    cut = QUESTIONS[name].get("ends") == "early"
    tries = 2 if cut or re.match(rb"HTTP/1.1 5", answer) else 1  # only a repeat confirms what may be bad luck
    mine = replace(plan(), cases=cases_of(probe))
    exchanges = [exchange(probe, path, cut=cut, attempt=number) for number in range(1, tries + 1)]
    catalogue = load()
    judgement = judge(
        mine, [*exchanges, *beside(server, probe)], catalogue, catalogue.profile("core"), load_cards()
    )
    return sorted(
        unit.requirement
        for unit in judgement.units
        if unit.verdict is Verdict.FAIL and unit.level is not Level.MAY
    )


@pytest.mark.parametrize("answer", sorted(ANSWERS), ids="-".join)
def test_the_deviations_of_a_recorded_answer_are_found_and_no_others(answer: tuple[str, str]) -> None:
    server, name = answer
    assert found(server, name) == FINDINGS[server].get(name, [])


def test_findings_are_listed_of_recorded_answers_only() -> None:
    listed = {(server, name) for server, answers in FINDINGS.items() for name in answers}
    assert listed <= set(ANSWERS)
    assert all(names for answers in FINDINGS.values() for names in answers.values())


def test_every_recorded_answer_has_a_question_and_every_question_an_answer() -> None:
    assert {name for _, name in FILES} == set(QUESTIONS)
