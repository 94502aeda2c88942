"""The reference gateway inside another program: started in a thread, used over loopback, stopped for good."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, Self

from msgspec import Struct
from msgspec.structs import replace

from conformance.errors import HarnessError, UsageError
from conformance.models import ModelCards, load_cards
from conformance.reference.faults import Fault
from conformance.reference.gateway import respond
from conformance.reference.reply import Received, Reply
from conformance.reference.routes import PREFIX
from conformance.reference.rulings import House
from conformance.reference.server import Listener

HOST: Final = "127.0.0.1"
KEY: Final = "reference-key"
"""The key of a reference gateway that is given none. It opens nothing else."""
DEFAULT_MODEL: Final = "reference-chat"


class Seen(Struct, frozen=True):
    """One request that a gateway has served; ``digest`` is the SHA-256 of its body, in hex."""

    method: str
    path: str
    digest: str


class ReferenceGateway:
    """A correct OpenAI-compatible gateway on a free loopback port, as a context manager.

    ``key`` is the only key it takes. ``models`` are the model ids it offers, by default
    :data:`DEFAULT_MODEL` and every model with a card. ``faults`` are its deliberate defects. ``delay`` is
    the time in seconds that it waits before each answer. ``clock`` gives the Unix time that answers are
    stamped with.
    """

    def __init__(
        self,
        *,
        key: str = KEY,
        models: Sequence[str] | None = None,
        faults: Sequence[Fault] = (),
        delay: float = 0.0,
        port: int = 0,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare; nothing listens before the context is entered."""
        self._house = furnish(key=key, models=models, faults=faults, seed=seed, clock=clock)
        self._delay = delay
        self._wanted_port, self._port = port, 0
        self._seen: list[Seen] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._thread: threading.Thread | None = None

    @property
    def key(self) -> str:
        """The key to send as bearer token."""
        return self._house.key

    @property
    def models(self) -> tuple[str, ...]:
        """The model ids that are offered."""
        return tuple(self._house.cards)

    @property
    def port(self) -> int:
        """The port that is listened on; 0 before the start."""
        return self._port

    @property
    def base_url(self) -> str:
        """The base URL for clients, with the version and without a slash at its end."""
        return f"http://{HOST}:{self._port}{PREFIX}"

    @property
    def requests(self) -> tuple[Seen, ...]:
        """Every request that was served so far, in order."""
        return tuple(self._seen)

    def repeated(self) -> dict[Seen, int]:
        """Return the requests that came more than once, with their counts."""
        return {seen: times for seen, times in Counter(self._seen).items() if times > 1}

    def __enter__(self) -> Self:
        """Start to listen; returns when requests can be sent.

        Raises:
            UsageError: the port is taken.

        """
        self._ready.clear()
        self._thread = threading.Thread(target=self._run, name="reference-gateway", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise _unbound(HOST, self._wanted_port, self._failure)
        return self

    def __exit__(self, *exception: object) -> None:
        """Drop every connection and wait until the thread has ended."""
        loop, stopping, thread = self._loop, self._stopping, self._thread
        if loop is None or stopping is None or thread is None:
            return
        loop.call_soon_threadsafe(stopping.set)
        thread.join(timeout=10)
        if thread.is_alive():
            raise HarnessError("The reference gateway did not stop within 10 seconds.")

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        listener = Listener(self._respond)
        try:
            server = await listener.start(HOST, self._wanted_port)
        except OSError as error:
            self._failure = error
            self._ready.set()
            return
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        await listener.stop()

    def _respond(self, received: Received) -> Reply:
        self._seen.append(Seen(received.method, received.path, hashlib.sha256(received.body).hexdigest()))
        return _delayed(respond(received, self._house), self._delay)


def furnish(
    *,
    key: str = KEY,
    models: Sequence[str] | None = None,
    faults: Sequence[Fault] = (),
    seed: int = 0,
    clock: Callable[[], float] = time.time,
) -> House:
    """Return what a gateway needs; without ``models`` it offers every model that has a card."""
    known = _cards()
    names = tuple(dict.fromkeys((DEFAULT_MODEL, *known.cards) if models is None else models))
    mutations = tuple(mutation for fault in faults for mutation in fault.mutations)
    return House(key, {name: known.card(name) for name in names}, clock, seed, mutations)


async def serve(
    host: str,
    port: int,
    *,
    key: str = KEY,
    models: Sequence[str] | None = None,
    faults: Sequence[Fault] = (),
    delay: float = 0.0,
    started: Callable[[str], None] | None = None,
) -> None:
    """Serve in the foreground until cancelled; ``started`` is called with the base URL.

    Raises:
        UsageError: the address cannot be bound.

    """
    house = furnish(key=key, models=models, faults=faults)
    listener = Listener(lambda received: _delayed(respond(received, house), delay))
    try:
        server = await listener.start(host, port)
    except OSError as error:
        raise _unbound(host, port, error) from None
    bound = server.sockets[0].getsockname()[1]
    if started is not None:
        started(f"http://{host}:{bound}{PREFIX}")
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        await listener.stop()


@cache
def _cards() -> ModelCards:
    return load_cards()


def _delayed(reply: Reply, delay: float) -> Reply:
    return replace(reply, wait=reply.wait + delay) if delay else reply


def _unbound(host: str, port: int, error: OSError) -> UsageError:
    return UsageError(
        f"The reference gateway cannot listen on {host}:{port}.",
        why=str(error),
        hint="choose another port, or 0 for any free one",
    )
