"""The same requests sent twice: by the suite's own capture, and by the barest loop that could send them."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from conformance import engine, evidence
from conformance.capture import Pace
from conformance.model import KEY_MARK, Probe, Request
from conformance.reference import DEFAULT_MODEL, KEY
from conformance.secret import Secret
from conformance.target import parse_target
from tests.speed.bare import Bare, ready, send_all


class Load(Struct, frozen=True):
    """What is sent to whom: a plan that was made once, the requests that it comes to, and how many at a time."""

    prepared: engine.Prepared
    requests: tuple[Request, ...]
    concurrency: int


def load(url: str, *, generated: str, only: tuple[str, ...], concurrency: int) -> Load:
    """Plan a run against the reference gateway at ``url``; send it once, to see which requests it comes to."""
    settings = engine.Settings(
        target=parse_target(url, key=Secret(KEY)),
        models=(DEFAULT_MODEL,),
        generated=generated,
        only=only,
        pace=Pace(concurrency=concurrency),
        reference=True,
    )
    made = Load(engine.prepare(settings), (), concurrency)
    with tempfile.TemporaryDirectory() as folder:
        engine.capture(made.prepared, Path(folder) / "evidence.jsonl")
        sent = {
            (each.probe, each.model): each.request
            for each in evidence.read(Path(folder) / "evidence.jsonl").exchanges
        }
    index = made.prepared.plan.index
    return replace(made, requests=tuple(_planned(index[name], request) for name, request in sent.items()))


def _planned(probe: Probe, sent: Request) -> Request:
    """Return the request of the plan, where it is one; what follows an answer was made later."""
    return probe.request if probe.follow is None else replace(sent, headers=probe.request.headers)


def captured(work: Load) -> float:
    """Return the seconds that the capture takes, evidence on disk included."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        engine.capture(work.prepared, Path(folder) / "evidence.jsonl")
        return time.perf_counter() - began


def looped(work: Load) -> float:
    """Return the seconds that a bare loop of httpx takes for the same bytes, as many at a time."""
    requests = ready(bare(work))
    began = time.perf_counter()
    asyncio.run(send_all(requests, work.concurrency))
    return time.perf_counter() - began


def bare(work: Load) -> list[Bare]:
    """Return the requests of a load as they go out, key and all."""
    url = work.prepared.settings.target.base_url
    return [
        (
            request.method,
            url + request.path,
            [(name.encode(), value.replace(KEY_MARK, KEY).encode()) for name, value in request.headers],
            request.body,
        )
        for request in work.requests
    ]


def service_time(work: Load) -> float:
    """Return the seconds that all answers took together: divided by the concurrency, the least a run can take."""
    with tempfile.TemporaryDirectory() as folder:
        engine.capture(work.prepared, Path(folder) / "evidence.jsonl")
        return sum(exchange.elapsed for exchange in evidence.read(Path(folder) / "evidence.jsonl").exchanges)
