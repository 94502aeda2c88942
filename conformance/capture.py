"""Sends what a plan holds, with pace and patience, and keeps what comes back.

Order: the proofs of life first and by themselves (a target that is not there costs two requests), one again when both
met a rate limit, and the one that failed where the other worked; then everything else at the chosen concurrency, and
as soon as an answer is there what leans on it: further tries of what did not work out, follow-ups, and by itself what
was refused together; then, each alone, the repeats of probes, valid or not, that met 5xx, a broken connection or 429,
and what waited for them; last what shows that the target still serves. A rate limit pauses everybody for as long as
it asks. A row of answers that say nothing trips the breaker. Of invalid requests that break one rule no more is sent
than it takes to see that the target does not mind (:mod:`conformance.sparing`). Whatever ends a capture early, what
was captured stays captured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final, Protocol

from msgspec import Struct, field

from conformance.model import Exchange, FaultKind, Intent, Json, Probe, Request
from conformance.plan import LIVES, Plan
from conformance.probes import burst, recipes, tries
from conformance.retryafter import retry_after
from conformance.sparing import in_batches, in_chains, spared
from conformance.usage import tokens_of
from conformance.views import Form, View

PATIENCE: Final = 3
"""How often a probe that met 429 is tried again, alone, before it counts as not measured."""

BREAKER: Final = 8
"""Consecutive exchanges without a whole answer (none, without end, 429, or a refused key) that end a capture."""


MOST_WEIGHT: Final = 128 * 1024 * 1024
"""Bytes that the answers of each model may need when they are read, about; a usual run needs a tenth of it."""

HEAVY: Final = 1024 * 1024
"""Bytes that an answer may need to be kept as it was read."""


class Send(Protocol):
    """Sends one request; never raises for anything that a target does."""

    def __call__(
        self,
        request: Request,
        *,
        id: str,  # noqa: A002 - the word of the model
        probe: str,
        model: str,
        attempt: int,
    ) -> Awaitable[Exchange]:
        """Return what came back."""


class Record(Protocol):
    """Where exchanges go; ``keep`` returns the exchange without secrets."""

    def intent(self, exchange: str) -> None:
        """Note that an exchange is about to be sent."""

    def keep(self, exchange: Exchange) -> Exchange:
        """Store a finished exchange, redacted, and return it so."""


class Pace(Struct, frozen=True):
    """How fast and how much may be sent. ``None`` is no limit; times are seconds."""

    concurrency: int = 4
    max_requests: int | None = None
    max_tokens: int | None = None
    max_time: float | None = None
    per_minute: float | None = None
    longest_wait: float = 60.0


class Capture(Struct, dict=True):
    """One capture and its state; ``exchanges`` is always what is safely recorded."""

    plan: Plan
    send: Send
    record: Record
    pace: Pace
    progress: Callable[[int, int, str], None] = lambda _done, _total, _probe: None
    exchanges: list[Exchange] = field(default_factory=list)
    stopped: str = ""
    requests: int = 0
    tokens: int = 0
    _latest: dict[tuple[str, str], View] = field(default_factory=dict)
    _waiting: dict[tuple[str, str], Probe] = field(default_factory=dict)
    _silent: int = 0
    _weight: int = 0
    _resume_at: float = 0.0
    _next_slot: float = 0.0
    _started: float = 0.0

    def __repr__(self) -> str:
        """Name it alone: whatever shows a task shows this too, and it holds the whole run."""
        return f"{type(self).__name__}()"

    @cached_property
    def _behind(self) -> Mapping[tuple[str, str], Sequence[Probe]]:
        """What leans on the answer of each probe; on that of a further try, what leans on the first."""
        found: dict[tuple[str, str], list[Probe]] = {}
        for probe in self.plan.probes:
            for before in _leans_on(probe, self.plan):
                found.setdefault((before.id, before.model), []).append(probe)
        return found

    def resume(self, finished: Collection[Exchange], *, sent: int = 0) -> None:
        """Take over exchanges of an interrupted run; they are never sent again.

        ``sent`` is how many requests it sent, those included of which nothing is known: they count for the budget.
        """
        index = self.plan.index
        self.requests += max(sent, len(finished))
        for exchange in sorted(finished, key=lambda exchange: exchange.attempt):
            self.exchanges.append(exchange)
            probe = index.get((exchange.probe, exchange.model))
            if probe is not None:
                view = View(probe, exchange)
                self._latest[probe.id, probe.model] = view
                self.tokens += self._spent(view)

    @property
    def not_sent(self) -> dict[str, Json]:
        """The probes that were spared, by the reason; empty when none was."""
        names: list[Json] = [probe.id for probe in self.plan.probes if spared(probe, self.plan, self._latest)]
        return {"group lenient": names} if names else {}

    async def run(self) -> None:
        """Send everything; returns early, with ``stopped`` set, when it has to."""
        self._started = asyncio.get_running_loop().time()
        unknown = [probe for probe in self.plan.probes if not self._known(probe)]
        probes = [probe for probe in unknown if not probe.has("burst")]
        self._waiting = {(probe.id, probe.model): probe for probe in probes if _leans(probe)}
        lives = [probe for probe in probes if probe.id in LIVES and probe.model == self.plan.models[0]]
        last = [probe for probe in probes if probe.has("last") and not _leans(probe)]
        await self._many(lives)
        if lives and not self._met_anybody() and self._limited(lives[-1]):
            await self._one(lives[-1], attempt=2)
        if lives and not self._met_anybody():
            self.stopped = self.stopped or self._nobody()
            return
        # One that fails beside one that works is repeated before a row of its kind stops the run.
        await self._repeats()
        if not self._met_anybody():
            self.stopped = self.stopped or self._nobody()
            return
        later = [*lives, *last]
        for batch in in_batches(probe for probe in probes if not _leans(probe) and probe not in later):
            await self._many(batch)
        await self._leaning()
        await self._repeats()
        await self._leaning()
        for probe in last:
            await self._one(probe)
        await self._repeats()
        await self._leaning()
        await self._repeats()
        await self._burst([probe for probe in self.plan.probes if probe.has("burst")])

    async def _burst(self, probes: Sequence[Probe]) -> None:
        """Send as many at once as may be, until one meets a limit or the time for it is over; nothing is repeated."""
        loop = asyncio.get_running_loop()
        if any(self._known(probe) for probe in probes):
            return
        queue, end, met = list(reversed(probes)), loop.time() + burst.SECONDS, False

        async def worker() -> None:
            nonlocal met
            while queue and not met and not self.stopped and loop.time() < end:
                probe = queue.pop()
                await self._one(probe, paced=False)
                met = met or self._limited(probe)

        async with asyncio.TaskGroup() as group:
            for _ in range(burst.AT_ONCE):
                group.create_task(worker())

    async def _leaning(self) -> None:
        """Send what still leans on answers that are there and give reason to."""
        await self._many(self._called_for(self._waiting.values()))

    async def _many(self, probes: Sequence[Probe]) -> None:
        """Send several at once, and behind each what its answer calls for."""
        queue = list(reversed(in_chains(probes)))

        async def worker() -> None:
            while queue and not self.stopped:
                for probe in queue.pop():
                    await self._one(probe)
                    queue.extend(
                        [later] for later in self._called_for(self._behind.get((probe.id, probe.model), ()))
                    )

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(max(1, self.pace.concurrency)):
                    group.create_task(worker())
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None

    async def _repeats(self) -> None:
        """Repeat, alone, what may have been bad luck; 429 with patience, the rest once."""
        for round_ in range(2, PATIENCE + 2):
            for probe in self.plan.probes:
                view = self._latest.get((probe.id, probe.model))
                if self.stopped or view is None or view.exchange.attempt != round_ - 1:
                    continue
                if view.form is Form.LIMITED or (round_ == 2 and tries.may_be_bad_luck(view)):  # noqa: PLR2004
                    await self._one(probe, attempt=round_)

    async def _one(self, probe: Probe, attempt: int = 1, *, paced: bool = True) -> None:
        request = self._request(probe)
        if request is None or self.stopped or spared(probe, self.plan, self._latest):
            return
        if paced:
            await self._wait()
        self.stopped = self.stopped or self._over_budget(probe)
        if self.stopped:
            return
        name = self.plan.exchange_id(probe, attempt)
        self.requests += 1
        self.tokens += probe.budget
        self.record.intent(name)
        raw = await self.send(request, id=name, probe=probe.id, model=probe.model, attempt=attempt)
        exchange = self.record.keep(raw)
        self.exchanges.append(exchange)
        view = View(probe, exchange)
        self._latest[probe.id, probe.model] = view
        self.tokens += self._spent(view) - probe.budget
        self._notice(view)
        self.progress(len(self.exchanges), max(len(self.exchanges), self.plan.certain), probe.id)

    def _spent(self, view: View) -> int:
        """Return the completion tokens of an answer, where somebody counts them: a stream has to be read for it."""
        return 0 if self.pace.max_tokens is None else tokens_of(view).completion

    def _called_for(self, probes: Iterable[Probe]) -> list[Probe]:
        """Take from those that wait for answers which of these can and are to be sent now."""
        ready = [
            probe
            for probe in probes
            if (probe.id, probe.model) in self._waiting and self._request(probe) is not None
        ]
        for probe in ready:
            del self._waiting[probe.id, probe.model]
        return ready

    def _request(self, probe: Probe) -> Request | None:
        """Return what to send; None when an earlier answer gives no reason or no ground to send anything."""
        if probe.apart is not None:
            together = self._latest.get((probe.apart, probe.model))
            if together is None or not tries.apart_wanted(together):
                return None
        if probe.retry is not None:
            before = self._latest.get((probe.retry.probe, probe.model))
            if before is None or not tries.wanted(probe, before):
                return None
        if probe.follow is None:
            return probe.request
        followed = self.plan.probe(probe.follow.probe, probe.model)
        answers = (
            (self._latest.get((each.id, each.model)) for each in self.plan.tries(followed))
            if followed
            else ()
        )
        found = [view for view in answers if view is not None and view.succeeded]
        return recipes.build(probe, found[-1]) if found else None

    def _known(self, probe: Probe) -> bool:
        return any(found.probe == probe.id and found.model == probe.model for found in self.exchanges)

    async def _wait(self) -> None:
        """Wait for the end of a pause that the target asked for, and for the next slot of the chosen rate."""
        loop = asyncio.get_running_loop()
        until = self._resume_at
        if self.pace.max_time is not None and until >= self._started + self.pace.max_time:
            self.stopped = (
                self.stopped or "the target asks for a pause that is longer than the time of the run"
            )
            return
        if self.pace.per_minute:
            until = max(until, self._next_slot)
            self._next_slot = max(until, loop.time()) + 60.0 / self.pace.per_minute
        if (delay := until - loop.time()) > 0:
            await asyncio.sleep(delay)

    def _over_budget(self, probe: Probe) -> str:
        pace = self.pace
        if pace.max_requests is not None and self.requests >= pace.max_requests:
            return f"the budget of {pace.max_requests} requests is spent"
        if pace.max_tokens is not None and self.tokens + probe.budget > pace.max_tokens:
            return f"the budget of {pace.max_tokens} completion tokens is spent"
        if pace.max_time is not None:
            used = asyncio.get_running_loop().time() - self._started
            if used >= pace.max_time:
                return f"the time of {pace.max_time:g} s is spent"
        return ""

    def _notice(self, view: View) -> None:
        """Keep count of answers that say nothing, and of how long the target asks us to wait."""
        if view.probe.has("burst"):
            return
        if view.form is Form.LIMITED:
            asked = retry_after(view)
            wait = min(self.pace.longest_wait, asked if asked is not None else 2.0**self._silent)
            self._resume_at = asyncio.get_running_loop().time() + wait
        if _unanswered(view) or _endless(view):
            self._silent += 1
            if self._silent >= BREAKER and not self.stopped:
                self.stopped = (
                    f"{self._silent} exchanges in a row got no whole answer, the last: {view.ending}"
                )
        else:
            self._silent = 0
        weight = 2 * len(view.exchange.raw) + _weight(view.content)
        self._weight += weight
        if weight > HEAVY:  # what was read of it is read again when it is judged, and not kept until then
            self._latest[view.probe.id, view.probe.model] = View(view.probe, view.exchange)
        if self._weight > MOST_WEIGHT * len(self.plan.models) and not self.stopped:
            self.stopped = "the answers of this run are too large to be judged"

    def _met_anybody(self) -> bool:
        first = [view for view in self._latest.values() if view.probe.model == self.plan.models[0]]
        return any(not _unanswered(view) and view.form is not Form.PAGE for view in first)

    def _limited(self, probe: Probe) -> bool:
        view = self._latest.get((probe.id, probe.model))
        return view is not None and view.form is Form.LIMITED

    def _nobody(self) -> str:
        views = list(self._latest.values())
        return f"the first requests got no answer from the target: {views[-1].ending}" if views else ""


def _unanswered(view: View) -> bool:
    """Whether an answer is none to what was asked: no status, a rate limit, or a refused key."""
    refused_key = view.probe.intent is Intent.VALID and view.status in {401, 403}
    return view.status is None or view.form is Form.LIMITED or refused_key


def _endless(view: View) -> bool:
    fault = view.exchange.fault
    return fault is not None and fault.kind in {FaultKind.DEADLINE, FaultKind.TOO_LARGE}


def _weight(content: bytes) -> int:
    """Return about how many bytes a body needs when it is read: small things are many objects."""
    return (
        2 * len(content)
        + 300 * (content.count(b"{") + content.count(b"["))
        + 300 * content.count(b"\n")
        + 50 * content.count(b",")
    )


def _leans(probe: Probe) -> bool:
    return probe.follow is not None or not probe.certain


def _leans_on(probe: Probe, plan: Plan) -> Sequence[Probe]:
    """Return the probes whose answers decide whether this one is sent, and what."""
    name = probe.retry.probe if probe.retry else probe.apart
    before = plan.probe(name, probe.model) if name else None
    followed = plan.probe(probe.follow.probe, probe.model) if probe.follow else None
    return (*([before] if before else ()), *(plan.tries(followed) if followed else ()))
