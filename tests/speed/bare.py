"""The barest program that could send some requests: ``python -m tests.speed.bare FILE CONCURRENCY``.

FILE holds the pickled requests (method, URL, headers, body). The answers are thrown away.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import httpx

Bare: TypeAlias = tuple[str, str, list[tuple[bytes, bytes]], bytes]
"""Method, URL, headers and body of a request."""


async def send_all(requests: Iterable[httpx.Request], concurrency: int) -> None:
    """Send all, so many at a time."""
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    queue = list(requests)[::-1]
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:

        async def worker() -> None:
            while queue:
                await client.send(queue.pop())

        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(worker())


def ready(rows: Iterable[Bare]) -> list[httpx.Request]:
    """Return requests that can be sent."""
    return [httpx.Request(method, url, headers=headers, content=body) for method, url, headers, body in rows]


def main(arguments: Sequence[str]) -> None:
    """Send the requests of a file."""
    file, concurrency = Path(arguments[0]), int(arguments[1])
    asyncio.run(send_all(ready(pickle.loads(file.read_bytes())), concurrency))


if __name__ == "__main__":
    main(sys.argv[1:])
