"""The reference gateway running inside another program: started in a thread, used over loopback, stopped for good."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from conformance.errors import HarnessError, UsageError
from conformance.reference.gateway import PREFIX, House, respond
from conformance.reference.reply import Received, Reply
from conformance.reference.server import Listener

HOST: Final = "127.0.0.1"
KEY: Final = "reference-key"
"""The key of a reference gateway that is given none. It opens nothing else."""
DEFAULT_MODEL: Final = "reference-chat"


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that a gateway has served; ``digest`` is the SHA-256 of its body, in hex."""

    method: str
    path: str
    digest: str


class ReferenceGateway:
    """A correct OpenAI-compatible gateway on a free loopback port, as a context manager.

    ``key`` is the only key it takes. ``models`` are the model ids it offers. ``delay`` is the time in seconds that it
    waits before each answer. ``clock`` gives the Unix time that answers are stamped with.
    """

    def __init__(
        self,
        *,
        key: str = KEY,
        models: Sequence[str] | None = None,
        delay: float = 0.0,
        port: int = 0,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare; nothing listens before the context is entered."""
        self._house = House(
            key=key, models=tuple(models or (DEFAULT_MODEL,)), clock=clock, seed=seed, delay=delay
        )
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
        return self._house.models

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
            raise UsageError(
                f"The reference gateway cannot listen on {HOST}:{self._wanted_port}.",
                why=str(self._failure),
                hint="choose another port, or 0 for any free one",
            )
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
        reply = respond(received, self._house)
        return replace(reply, wait=reply.wait + self._house.delay)
