"""``serve``: the reference gateway in the foreground, with or without faults."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from conformance.errors import UsageError
from conformance.reference import KEY
from conformance.reference.embedded import HOST
from conformance.reference.embedded import serve as serve_forever
from conformance.reference.faults import pick_faults
from conformance.target import LAST_PORT


def serve(arguments: argparse.Namespace) -> int:
    """Serve on loopback until interrupted."""
    key = KEY
    if arguments.api_key_env:
        key = os.environ.get(arguments.api_key_env, "")
        if not key:
            raise UsageError(
                f"The environment variable {arguments.api_key_env} is not set, or it is empty.",
                hint=f"set it: export {arguments.api_key_env}=..., or leave --api-key-env away for a fixed test key",
            )
    if not 0 <= arguments.port <= LAST_PORT:
        raise UsageError(
            f"--port {arguments.port} is no port.",
            hint=f"give one from 1 to {LAST_PORT}, or 0 for any free one",
        )
    faults = pick_faults(arguments.fault)

    def ready(base_url: str) -> None:
        shown = f"${arguments.api_key_env}" if arguments.api_key_env else f"'{KEY}' (a fixed test key)"
        print(f"reference gateway at {base_url}, key {shown}; stop with Ctrl-C", file=sys.stderr)  # noqa: T201

    try:
        asyncio.run(serve_forever(HOST, arguments.port, key=key, faults=faults, started=ready))
    except KeyboardInterrupt:
        return 0
    return 0
