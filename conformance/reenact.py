"""Plays a recorded run again without a network: asks what the run had to ask, and holds it against what it recorded.

The capture itself decides what is asked next, with the recorded answers in place of a target. So an exchange that was
taken out of the evidence is missed, a request that was changed is seen, and one that no run of this plan sends is
foreign to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from msgspec import Struct, field

from conformance.capture import Capture, Pace
from conformance.model import Exchange, FaultKind, Request, TransportFault
from conformance.plan import Plan
from conformance.redact import MASK
from conformance.served import as_served

_LONGEST = 4
"""How often an exchange is attempted at most, and one more."""


class Reenactment(Struct, frozen=True):
    """What does not fit: ids of exchanges that are ``missing``, ``altered`` in what they asked, or ``foreign``."""

    missing: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether the evidence is that of a whole run of its plan."""
        return not (self.missing or self.altered or self.foreign)


def reenact(plan: Plan, exchanges: Iterable[Exchange]) -> Reenactment:
    """Return how the exchanges differ from those of a whole run of the plan."""
    recorded = {exchange.id: exchange for exchange in exchanges}
    tape = _Tape(recorded)
    # One at a time, and no waiting: the order in which answers come decides nothing that is asked.
    job = Capture(plan, tape.send, tape, Pace(concurrency=1, longest_wait=0.0))
    asyncio.run(job.run())
    possible = {
        plan.exchange_id(probe, attempt): probe for probe in plan.probes for attempt in range(1, _LONGEST + 1)
    }
    foreign = [
        name
        for name, exchange in recorded.items()
        if name not in possible
        or (possible[name].id, possible[name].model) != (exchange.probe, exchange.model)
    ]
    return Reenactment(tuple(tape.missing), tuple(tape.altered), tuple(foreign))


class _Tape(Struct):
    """Answers requests from the evidence; the place of both the network and the recorder."""

    recorded: dict[str, Exchange]
    missing: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)

    async def send(
        self,
        request: Request,
        *,
        id: str,  # noqa: A002 - the word of the model
        probe: str,
        model: str,
        attempt: int,
    ) -> Exchange:
        """Return the recorded exchange, or for want of it one without an answer."""
        found = self.recorded.get(id)
        if found is None:
            self.missing.append(id)
            fault = TransportFault(FaultKind.OTHER, "not in the evidence")
            return Exchange(id, probe, model, attempt, request, b"", (), 0.0, 0.0, fault)
        if found.attempt != attempt or not _same(as_served(request, found), found.request):
            self.altered.append(id)
        return found

    def intent(self, exchange: str) -> None:
        """Note nothing."""

    def keep(self, exchange: Exchange) -> Exchange:
        """Keep nothing: it is recorded already."""
        return exchange


def _same(planned: Request, recorded: Request) -> bool:
    """Whether a recorded request is the planned one, with what goes along with every request of its target.

    A header with the key is left out where the target has none; a secret among what was sent is masked.
    """
    lines = iter(recorded.headers)
    in_order = all(
        any(name == other and _masked_alike(value, text) for other, text in lines)
        for name, value in planned.headers
        if (name, value) in recorded.headers or name.lower() != "authorization"
    )
    return (
        planned.method == recorded.method
        and _masked_alike(planned.path, recorded.path)
        and _masked_alike(planned.body.decode("latin-1"), recorded.body.decode("latin-1"))
        and in_order
    )


def _masked_alike(planned: str, recorded: str) -> bool:
    if planned == recorded:
        return True
    mask = MASK.decode()
    pairs = zip(planned, recorded, strict=False)
    return len(planned) == len(recorded) and all(other in (one, mask) for one, other in pairs)
