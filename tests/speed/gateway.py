"""``python -m tests.speed.gateway SECONDS``: the reference gateway, which waits so long before each answer."""

from __future__ import annotations

import asyncio
import sys

from conformance.reference.embedded import HOST, serve


def main() -> None:
    """Serve until killed; the first line of the output is the base URL."""
    delay = float(sys.argv[1])
    asyncio.run(serve(HOST, 0, delay=delay, started=lambda url: print(url, flush=True)))  # noqa: T201


if __name__ == "__main__":
    main()
