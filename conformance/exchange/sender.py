"""Sends requests, one exchange at a time for each slot, and returns what came back as evidence.

It stands on the transport of httpx, not on its client: a client reads the Location of a redirect that it does
not follow (and raises when that is no URL), keeps cookies, and adds headers of its own.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from functools import lru_cache
from types import TracebackType
from typing import Final, Self

from msgspec import Struct, field

from conformance import http1
from conformance.errors import HarnessError, UsageError
from conformance.exchange.faults import fault_of, proxy_fault
from conformance.exchange.lean import httpx
from conformance.exchange.limits import Limits
from conformance.exchange.tap import LimitReached, Tap, Tape, current_tape
from conformance.exchange.wire import Prepared, prepare
from conformance.model import Exchange, FaultKind, Request, TransportFault
from conformance.secret import Secret
from conformance.target import Target

IDLE_EXPIRY: Final = 2.0
"""Seconds after which an idle connection is not used again; common servers close theirs after five."""

STALE_WITHIN: Final = 1.0
"""Seconds within which a reused connection that ends without a byte is taken to have been closed before."""

_url: Final = lru_cache(maxsize=64)(httpx.URL)
"""A run asks few paths, many times each."""

_DONE: Final = (b"data: [DONE]", b"data:[DONE]")
_BLANK_LINES: Final = (b"\n\n", b"\n\r\n", b"\r\r")

# At the level DEBUG the library logs the headers of answers, and a target may echo the key in one.
logging.getLogger("httpcore").setLevel(logging.INFO)


class Sender:
    """An open door to one target: an asynchronous context manager.

    At most ``concurrency`` exchanges are under way; a further one waits, and its deadline begins only when
    its turn comes. Connections are reused. A reused connection that ends at once without a byte of answer was
    closed by the target between two exchanges, which it may do at any time (RFC 9112, 9.3.1 and 9.5): the
    request is sent once more, on a new connection. All else that a target does is data in the
    :class:`Exchange`.
    """

    def __init__(self, target: Target, *, limits: Limits, concurrency: int) -> None:
        """Prepare for a target; nothing is sent.

        Raises:
            UsageError: the CA bundle of the target cannot be read.

        """
        self._target, self._limits = target, limits
        context = _tls(target)
        self._usual = _Transport(context, connections=concurrency, kept=concurrency, proxy=target.proxy)
        self._fresh = _Transport(context, connections=concurrency, kept=0, proxy=target.proxy)
        self._slots = asyncio.Semaphore(concurrency)

    async def __aenter__(self) -> Self:
        """Begin; connections are opened when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._usual.aclose()
        await self._fresh.aclose()

    async def send(
        self,
        request: Request,
        *,
        id: str,  # noqa: A002 - the word of the model
        probe: str,
        model: str,
        attempt: int = 1,
        deadline: float | None = None,
    ) -> Exchange:
        """Send a request and return everything that came back, unredacted.

        ``deadline`` (seconds) replaces the one of the limits. The recorded request is the one that was sent,
        with marks where the key and other secrets stood.

        Raises:
            HarnessError: the request itself cannot be sent as HTTP/1.1.

        """
        prepared = prepare(request, self._target)
        seconds = self._limits.deadline if deadline is None else deadline
        async with self._slots:
            started_at = time.time()
            attempted = await self._attempt(self._usual, prepared, seconds)
            if attempted.stale:
                seconds -= attempted.tape.elapsed()
                attempted = await self._attempt(self._fresh, prepared, seconds)
        tape = attempted.tape
        if attempted.fault is not None and attempted.fault.kind in {FaultKind.TOO_LARGE, FaultKind.DEADLINE}:
            tape.shorten(self._limits.kept)
        return Exchange(
            id=id,
            probe=probe,
            model=model,
            attempt=attempt,
            request=prepared.shown,
            raw=bytes(tape.raw),
            pieces=tuple(tape.pieces),
            started_at=started_at,
            elapsed=attempted.elapsed,
            fault=attempted.fault,
        )

    async def _attempt(self, transport: _Transport, prepared: Prepared, seconds: float) -> _Attempt:
        tape = Tape(self._limits)
        token = current_tape.set(tape)
        body = _Body(self._limits)
        fault: TransportFault | None = None
        clock = asyncio.timeout(seconds)
        try:
            async with clock:
                await self._drive(transport, prepared, tape, body, clock)
        except httpx.LocalProtocolError as error:
            raise HarnessError(
                "A request cannot be sent as HTTP/1.1.",
                why="the HTTP library refused a header of it, or its body is not as long as announced",
                hint="check the headers of the target; if there are none, this is a defect of the suite",
            ) from error
        except httpx.ProxyError as error:
            fault = proxy_fault(error)
            tape.forget()  # what came is the proxy's answer, not the target's
        except Exception as error:  # noqa: BLE001 - whatever a target brings about is data
            fault = _expired(body, tape, seconds) if clock.expired() else fault_of(error, tape)
        finally:
            current_tape.reset(token)
        elapsed = round(tape.elapsed(), 6)
        self._keep_apart(tape, prepared, fault)
        return _Attempt(tape, fault, elapsed)

    async def _drive(
        self, transport: _Transport, prepared: Prepared, tape: Tape, body: _Body, clock: asyncio.Timeout
    ) -> None:
        """Let the library read one answer to its end, so that the tape gets its bytes."""
        now = asyncio.get_running_loop().time
        last = clock.when() or now()
        response = await transport.handle_async_request(
            httpx.Request(
                prepared.method,
                _url(prepared.url),
                headers=prepared.headers,
                stream=httpx.ByteStream(prepared.body),
                extensions={"trace": tape.on_event},
            )
        )
        tape.in_head = False
        try:
            async for part in response.stream:  # type: ignore[union-attr]  # an asynchronous transport's is
                body.add(part)
                if body.done:
                    clock.reschedule(min(last, now() + self._limits.linger))
        finally:
            await response.aclose()

    def _keep_apart(self, tape: Tape, prepared: Prepared, fault: TransportFault | None) -> None:
        """Close a connection that brought more than one answer: the rest would be read as the next one's."""
        if fault is None and tape.connection is not None:
            answer = http1.read_answer(bytes(tape.raw), method=prepared.method, closed=True)
            if answer is None or answer.leftover:
                tape.connection.spoil()


class _Transport(httpx.AsyncHTTPTransport):
    """The transport of httpx with our tap below it; httpx offers no public way to put one there."""

    def __init__(
        self,
        context: ssl.SSLContext | bool,  # noqa: FBT001 - the library's word for plain http
        *,
        connections: int,
        kept: int,
        proxy: Secret | None,
    ) -> None:
        limits = httpx.Limits(
            max_connections=connections, max_keepalive_connections=kept, keepalive_expiry=IDLE_EXPIRY
        )
        url = proxy.reveal() if proxy else None
        super().__init__(verify=context, trust_env=False, limits=limits, proxy=url)
        self._pool._network_backend = Tap()  # noqa: SLF001


class _Attempt(Struct, frozen=True):
    tape: Tape
    fault: TransportFault | None
    elapsed: float

    @property
    def stale(self) -> bool:
        """Whether the target seems to have closed the connection before the request reached it."""
        tape = self.tape
        if not tape.reused or tape.raw or self.elapsed > STALE_WITHIN:
            return False
        # Without a fault and without bytes, the "answer" was left over from the exchange before.
        return self.fault is None or self.fault.kind not in {FaultKind.DEADLINE, FaultKind.TOO_LARGE}


class _Body(Struct):
    """Watches the de-chunked body go by: counts blank lines and looks for the end that streams announce."""

    limits: Limits
    done: bool = False
    blank_lines: int = 0
    _rest: bytes = field(default=b"")

    def add(self, part: bytes) -> None:
        """Look at the next bytes.

        Raises:
            LimitReached: there are more events than the limits allow.

        """
        if self.done:
            return
        text = self._rest + part
        self.blank_lines += sum(text.count(end) for end in _BLANK_LINES)
        if self.blank_lines > self.limits.max_events:
            raise LimitReached(f"the stream has more than {self.limits.max_events} events")
        self.done = any(line.rstrip(b" ") in _DONE for line in text.splitlines()[-8:])
        self._rest = text[-16:]


def _expired(body: _Body, tape: Tape, seconds: float) -> TransportFault:
    size = len(tape.raw)
    if body.done and tape.elapsed() < seconds:
        return TransportFault(FaultKind.LINGERING, "the connection was kept open after [DONE]")
    waited = {"connect": "connect", "tls": "set up TLS"}.get(tape.stage)
    if waited:
        return TransportFault(FaultKind.DEADLINE, f"could not {waited} in {seconds:g} s")
    part = "first byte" if not size else "end of the head" if tape.in_head else "end of the body"
    return TransportFault(FaultKind.DEADLINE, f"no {part} after {seconds:g} s ({size} bytes came)")


def _tls(target: Target) -> ssl.SSLContext | bool:
    """Return what decides whom to trust; nothing is loaded for plain http."""
    if not target.base_url.startswith("https:"):
        return False
    if target.ca_bundle is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=target.ca_bundle)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"The CA bundle {target.ca_bundle} cannot be used.",
            why=error.strerror or "it holds no certificate",
            hint="give a PEM file with the certificates of the authorities to trust",
        ) from error
