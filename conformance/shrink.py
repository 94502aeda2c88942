"""Finds the smallest request that still shows a failure of a generated one. Sends, so it is done on request alone.

After a run, each failure of a generated request (one of each kind) is followed down: a smaller request is sent, and
if its answer ends in the same way (status, form, fault) it takes the place of the larger one. No failure gets more
than :data:`MOST` requests. A request that has to be valid, or invalid, for its failure to be one stays so. All that
is sent is recorded beside the evidence, which stays as it is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias, cast

from msgspec import Struct
from msgspec.structs import replace

from conformance import evidence as evidence_file
from conformance import graft
from conformance.bench import Bench
from conformance.conditions import split_pointer
from conformance.engine import Prepared, header_of, judge_recorded
from conformance.exchange import Sender
from conformance.jsontext import encode, on_lines
from conformance.model import Intent, Json, Level, Probe, Request, Verdict
from conformance.openapi import validator
from conformance.owncases import own_cases
from conformance.probes.own import BASE, odd_body, odd_header
from conformance.recorder import Recorder, redactor
from conformance.reductions import sizes, smaller
from conformance.report.reproduce import reproduce
from conformance.views import Form, View

MOST: Final = 20
"""Requests for one failure."""

SUMMARY: Final = "shrunk.json"
EVIDENCE: Final = "shrunk.evidence.jsonl"

_Shows: TypeAlias = Callable[[Request], Awaitable[bool]]


class Shrunk(Struct, frozen=True):
    """What became of one failure; ``symptom`` is how both answers ended, ``sent`` counts requests."""

    requirements: tuple[str, ...]
    probe: Probe
    before: View
    after: View
    sent: int

    @property
    def symptom(self) -> str:
        """Say how the answer ended."""
        return _said(self.after)

    def row(self, url: str) -> dict[str, Json]:
        """Return the row of the summary file."""
        return {
            "requirements": list(self.requirements),
            "probe": self.probe.id,
            "symptom": self.symptom,
            "sent": self.sent,
            "before": {"exchange": self.before.exchange.id, "bytes": _size(self.before.exchange.request)},
            "after": {
                "exchange": self.after.exchange.id,
                "bytes": _size(self.after.exchange.request),
                "body": self.after.exchange.request.body[:4096].decode("utf-8", "backslashreplace"),
            },
            "reproduce": reproduce(self.after.exchange, url, streamed=self.probe.streamed),
        }


def shrink_failures(prepared: Prepared, recorded: Path) -> tuple[Shrunk, ...]:
    """Shrink every failed generated request of a run, and record it beside the evidence ``recorded``."""
    evidence = evidence_file.read(recorded)
    failures = list(_failures(prepared, evidence))
    if not failures:
        return ()
    limit = prepared.settings.pace.max_requests
    room = None if limit is None else max(0, limit - len(evidence.exchanges))
    header = {**header_of(prepared), "shrinks": str(evidence.header["plan"])}
    with evidence_file.Writer(recorded.with_name(EVIDENCE), header) as writer:
        job = _Job(prepared, Recorder(writer, redactor(prepared.settings.target)), room)
        found = asyncio.run(job.run(failures))
        writer.footer({"stopped": ""})
    url = prepared.settings.target.base_url
    rows = [each.row(url) for each in found]
    recorded.with_name(SUMMARY).write_text(on_lines(rows), "ascii")
    return found


def _failures(prepared: Prepared, evidence: evidence_file.Evidence) -> Iterator[tuple[tuple[str, ...], View]]:
    """Yield the smallest failed request of each kind, with the requirements that it fails; required ones first."""
    bench = Bench(prepared.plan, evidence.exchanges)
    rows: dict[str, list[str]] = {}
    named: dict[str, View] = {}
    units = sorted(judge_recorded(prepared, evidence).units, key=lambda unit: unit.level is not Level.MUST)
    for unit in units:
        for case in unit.cases:
            view = bench.view(case.probe, unit.model)
            if view is None or not view.probe.has("generated"):
                continue
            if case.verdict is Verdict.FAIL and unit.level is not Level.MAY:
                named.setdefault(view.probe.id, view)
                rows.setdefault(view.probe.id, []).append(unit.requirement)
    kinds: dict[tuple[str, str], View] = {}
    for view in named.values():
        kind = (str(view.probe.requirement or view.probe.id), _said(view))
        if kind not in kinds or _size(view.exchange.request) < _size(kinds[kind].exchange.request):
            kinds[kind] = view
    yield from ((tuple(rows[view.probe.id]), view) for view in kinds.values())


class _Job(Struct):
    """Sends smaller and smaller requests; ``room`` is how many may still be sent, None for no limit."""

    prepared: Prepared
    recorder: Recorder
    room: int | None

    async def run(self, failures: list[tuple[tuple[str, ...], View]]) -> tuple[Shrunk, ...]:
        settings = self.prepared.settings
        async with Sender(settings.target, limits=settings.limits, concurrency=1) as sender:
            return tuple([await self._one(sender, rows, view) for rows, view in failures])

    async def _one(self, sender: Sender, rows: tuple[str, ...], before: View) -> Shrunk:
        probe, best, sent = before.probe, before, 0
        tried = {(probe.request.headers, probe.request.body)}

        async def shows(request: Request) -> bool:
            nonlocal best, sent
            if (request.headers, request.body) in tried or sent >= MOST or self.room == 0:
                return False
            tried.add((request.headers, request.body))
            sent += 1
            self.room = None if self.room is None else self.room - 1
            name = f"{before.exchange.id}-s{sent}"
            self.recorder.intent(name)
            raw = await sender.send(request, id=name, probe=probe.id, model=probe.model)
            view = View(probe, self.recorder.keep(raw))
            if _said(view) == _said(before):
                best = view
                return True
            return False

        if probe.has("odd"):
            await _odd_reduced(probe, self._base(), self.prepared.settings.seed, shows)
        else:
            await _reduced(probe, before, shows)
        return Shrunk(rows, probe, before, best, sent)

    def _base(self) -> Mapping[str, Json]:
        """Return the body that odd requests are made of."""
        base = self.prepared.plan.index[BASE, self.prepared.plan.models[0]]
        return cast("Mapping[str, Json]", json.loads(base.request.body))


async def _reduced(probe: Probe, before: View, shows: _Shows) -> None:
    """Send smaller forms of a probe's request as long as they show the failure."""
    body = json.loads(probe.request.body)
    if not isinstance(body, dict):
        return
    kept = _path(body, probe)
    while True:
        for value, place in smaller(body, kept):
            counts = _still(probe, before, value)
            if counts and await shows(replace(probe.request, body=encode(value))):
                body, kept = value, place
                break
        else:
            return


def _path(body: dict[str, Json], probe: Probe) -> graft.Path:
    """Return the way to the place that is wrong, as far as it exists in the body."""
    path: graft.Path = ()
    for step in split_pointer(probe.defect.pointer or "") if probe.defect else ():
        found = (*path, int(step) if isinstance(graft.look(body, path), list) else step)
        try:
            graft.look(body, found)
        except LookupError:
            break
        path = found
    return path


def _still(probe: Probe, before: View, value: dict[str, Json]) -> bool:
    """Whether the failure would still be one: a valid request has to stay valid, a served invalid one invalid."""
    if probe.intent is Intent.VALID:
        return validator(graft.REQUEST).accepts(value)
    return not before.succeeded or not validator(graft.REQUEST).accepts(value)


async def _odd_reduced(probe: Probe, base: Mapping[str, Json], seed: int, shows: _Shows) -> None:
    """Search for the least size of an oddity that shows the failure."""
    cases = own_cases(seed)
    kind, _, name = probe.id.removeprefix("generated.").partition("-")
    drawn, make = (cases.bodies, odd_body) if kind == "body" else (cases.headers, odd_header)
    oddity = next((each for each in drawn if each.name == name), None)
    while oddity is not None:
        for smaller_one in (replace(oddity, size=size) for size in sizes(1, oddity.size)):
            if await shows(make(smaller_one, base)):
                oddity = smaller_one
                break
        else:
            return


def _said(view: View) -> str:
    fault = view.exchange.fault
    ending = f", {fault.kind}" if fault else ""
    served = "served" if view.succeeded else str(view.form)
    return f"{view.status} {served}{ending}" if view.form is not Form.NO_ANSWER else f"no answer{ending}"


def _size(request: Request) -> int:
    return len(request.body) + sum(len(name) + len(value) for name, value in request.headers)
