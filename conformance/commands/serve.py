"""``serve``: the reference gateway in the foreground, with or without faults."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from conformance.errors import UsageError


def serve(arguments: argparse.Namespace) -> int:
    """Serve on loopback until interrupted."""
    from conformance.reference import DEFAULT_KEY, find_faults, serve_forever  # noqa: PLC0415 - only here

    key = DEFAULT_KEY
    if arguments.api_key_env:
        key = os.environ.get(arguments.api_key_env, "")
        if not key:
            raise UsageError(f"The environment variable {arguments.api_key_env} is not set.")
    faults = find_faults(arguments.fault)

    def ready(base_url: str) -> None:
        shown = (
            f"${arguments.api_key_env}" if arguments.api_key_env else f"'{DEFAULT_KEY}' (a fixed test key)"
        )
        print(f"reference gateway at {base_url}, key {shown}; stop with Ctrl-C", file=sys.stderr)  # noqa: T201

    try:
        asyncio.run(serve_forever("127.0.0.1", arguments.port, key=key, faults=faults, ready=ready))
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        raise UsageError(f"Port {arguments.port} cannot be used.", why=error.strerror or "") from None
    return 0
