"""Start somebody else's server on loopback, wait until it answers HTTP, end it and all its children."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

READY_WITHIN = 120.0
"""Seconds that a server may take until it answers; the slowest load a model, or compile themselves once."""

END_WITHIN = 10.0
"""Seconds between the polite request to end and the impolite one."""


class ServerError(Exception):
    """A server could not be installed or did not start; the text says why, with the last lines of its log."""


def free_port() -> int:
    """Return a port on loopback that the system says is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: Callable[[int], Sequence[str]], *, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run ``command(port)`` and yield its base URL (``…/v1``) once it answers; end it when the block ends.

    ``env`` is added to our own environment. What the server prints goes to the file ``log``.

    Raises:
        ServerError: it ended by itself, or did not answer within :data:`READY_WITHIN`.

    """
    port = free_port()
    base_url = f"http://127.0.0.1:{port}/v1"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(port),
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, base_url, log)
        yield base_url
    finally:
        _end(process)


def _wait_until_ready(process: subprocess.Popen[bytes], base_url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    with httpx.Client(timeout=5.0, trust_env=False) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ServerError(f"The server ended with code {process.returncode}:\n{_tail(log)}")
            try:
                status = client.get(f"{base_url}/models").status_code
            except httpx.TransportError:
                status = None
            if status not in {None, 503}:  # 503: it listens, and still loads
                return
            time.sleep(0.1)
    raise ServerError(f"The server did not answer within {READY_WITHIN:.0f} s:\n{_tail(log)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process group that was made for this server: it may have forked workers."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(END_WITHIN)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-lines:])
