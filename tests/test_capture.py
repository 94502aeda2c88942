"""How fast and how much is sent: paced by the user's limits and by what the target asks for, on a clock that jumps."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable

import pytest
from msgspec import Struct, field

from conformance.capture import BREAKER, PATIENCE, Capture, Pace
from conformance.catalogue import load
from conformance.model import Exchange, FaultKind, Request, TransportFault
from conformance.models import load_cards
from conformance.plan import Plan, make_plan
from conformance.views import Form, View
from tests.hostile.scripts import good, refusing

Reply = Callable[[int, Request], bytes | TransportFault]


class Jumping(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next thing to do: hours of waiting take no time."""

    def __init__(self) -> None:
        super().__init__(selectors.SelectSelector())
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0]._when)
        super()._run_once()


class Gate(Struct):
    """Stands for the network and the evidence: answers with a function and notes when it was asked."""

    reply: Reply
    takes: float = 0.0
    times: list[float] = field(default_factory=list)
    kept: list[Exchange] = field(default_factory=list)

    async def send(self, request: Request, *, id: str, probe: str, model: str, attempt: int) -> Exchange:  # noqa: A002
        began = asyncio.get_running_loop().time()
        self.times.append(began)
        came = self.reply(len(self.times), request)
        raw, fault = (came, None) if isinstance(came, bytes) else (b"", came)
        if self.takes:
            await asyncio.sleep(self.takes)
        return Exchange(id, probe, model, attempt, request, raw, ((0.0, len(raw)),), began, self.takes, fault)

    def intent(self, exchange: str) -> None:
        """Note nothing."""

    def keep(self, exchange: Exchange) -> Exchange:
        self.kept.append(exchange)
        return exchange


@pytest.fixture(scope="module")
def plan() -> Plan:
    catalogue = load()
    return make_plan(
        catalogue, catalogue.profile("core"), load_cards(), ["m"], set_name=catalogue.latest_set,
        only=["response.*", "stream.done-terminator"],
    )  # fmt: skip


def captured(plan: Plan, reply: Reply, *, takes: float = 0.0, **pace: object) -> tuple[Capture, Gate]:
    """Capture a plan against a function that takes its seconds, on the clock that jumps."""
    gate = Gate(reply, takes)
    job = Capture(plan, gate.send, gate, Pace(**pace))  # type: ignore[arg-type]
    with asyncio.Runner(loop_factory=Jumping) as runner:
        runner.run(job.run())
    return job, gate


def well(_: int, request: Request) -> bytes:
    return good(request.body)


def refused(number: int, request: Request) -> bytes:
    return well(number, request) if number <= 2 else refusing(b"400 Bad Request", "not so")(request.body)


def failing_once_in_three(number: int, request: Request) -> bytes:
    return well(number, request) if number % 3 else refusing(b"502 Bad Gateway", "gone")(request.body)


def limited(seconds: str) -> bytes:
    return refusing(b"429 Too Many Requests", "slowly", b"Retry-After: " + seconds.encode())(b"")


def test_rate_spaces_requests_out(plan: Plan) -> None:
    _, gate = captured(plan, well, per_minute=30)
    gaps = [later - earlier for earlier, later in zip(gate.times, gate.times[1:], strict=False)]
    assert len(gaps) > 10
    assert all(gap == pytest.approx(2.0) for gap in gaps)


def test_no_request_is_begun_after_the_time(plan: Plan) -> None:
    job, gate = captured(plan, well, per_minute=60, max_time=5)
    assert max(gate.times) < 5
    assert "time of 5 s" in job.stopped


def test_completion_tokens_are_a_hard_limit_also_for_requests_under_way(plan: Plan) -> None:
    job, _ = captured(plan, well, max_tokens=100)
    spent = sum(View(probe, each).object.get("usage", {}).get("completion_tokens", 0)  # type: ignore[union-attr]
                for each in job.exchanges if (probe := plan.index[each.probe, each.model]))  # fmt: skip
    assert spent <= 100
    assert "100 completion tokens" in job.stopped


def test_rate_limit_is_waited_out_and_leaves_no_trace(plan: Plan) -> None:
    job, gate = captured(
        plan, lambda number, request: limited("30") if number == 3 else well(number, request)
    )
    assert not job.stopped
    assert gate.times[3] - gate.times[2] >= 30
    latest = {each.probe: each for each in job.exchanges}
    forms = {View(plan.index[each.probe, each.model], each).form for each in latest.values()}
    assert Form.LIMITED not in forms


def test_everlasting_rate_limit_is_given_up_with_patience(plan: Plan) -> None:
    _, gate = captured(plan, lambda *_: limited("1"))
    assert len(gate.times) <= 2 * (PATIENCE + 1)


def test_pause_beyond_the_time_of_the_run_ends_it_at_once(plan: Plan) -> None:
    job, gate = captured(plan, lambda *_: limited("31536000"), max_time=50)
    assert "pause" in job.stopped
    assert max(gate.times) < 50


@pytest.mark.parametrize("kind", [FaultKind.DEADLINE, FaultKind.RESET, FaultKind.REFUSED])
def test_row_without_answers_trips_the_breaker(plan: Plan, kind: FaultKind) -> None:
    def reply(number: int, request: Request) -> bytes | TransportFault:
        return well(number, request) if number <= 2 else TransportFault(kind, "gone")

    job, gate = captured(plan, reply)
    assert "in a row" in job.stopped
    assert len(gate.times) <= 2 + BREAKER + Pace().concurrency


def test_answers_too_heavy_to_be_judged_end_the_run(plan: Plan) -> None:
    big = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + b'data: {"a":[]}\n\n' * 200_000
    job, gate = captured(plan, lambda *_: big)
    assert "too large" in job.stopped
    assert len(gate.times) < 5


def test_proofs_of_life_are_sent_together_and_before_all_else(plan: Plan) -> None:
    _, gate = captured(plan, well, takes=1.0)
    assert sorted(each.probe for each in gate.kept if each.started_at < 1.0) == ["chat.basic", "stream.basic"]


def test_rate_limit_that_meets_both_proofs_of_life_is_waited_out(plan: Plan) -> None:
    job, gate = captured(
        plan, lambda number, request: limited("30") if number <= 2 else well(number, request), takes=1.0
    )
    assert not job.stopped
    assert [each.started_at for each in gate.kept[:3]] == [0.0, 0.0, 31.0]


def test_what_an_answer_calls_for_is_sent_right_behind_it(plan: Plan) -> None:
    _, gate = captured(plan, refused, takes=1.0)
    began = {each.probe: each.started_at for each in gate.kept}
    together = "messages.parts-escaped"
    parts = [began[each.id] for each in plan.apart(together, "m")]
    assert min(parts) == began[together] + 1.0 < max(began.values()) - 1.0


@pytest.mark.parametrize("reply", [well, refused, failing_once_in_three])
@pytest.mark.parametrize("concurrency", [1, 4, 50])
def test_nothing_is_sent_twice(plan: Plan, reply: Reply, concurrency: int) -> None:
    job, gate = captured(plan, reply, takes=1.0, concurrency=concurrency)
    assert not job.stopped
    assert len({each.id for each in gate.kept}) == len(gate.kept) > 10
