"""Runs programs and says what they cost: seconds of wall clock and processor, most memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from msgspec import Struct

from conformance.reference import KEY

ROOT = Path(__file__).resolve().parent.parent.parent


class Cost(Struct, frozen=True):
    """What one run of a program cost. Times are seconds, ``memory`` is MB (10^6 bytes) of resident memory."""

    wall: float
    cpu: float
    memory: float


def cost_of(
    command: Sequence[str], *, cwd: Path, cache: Path, codes: frozenset[int] = frozenset({0})
) -> Cost:
    """Run a program to its end, with its caches in ``cache``.

    Raises:
        RuntimeError: it ended with another code.

    """
    environment = _environment(cache)
    with TemporaryFile() as output:
        began = time.perf_counter()
        child = subprocess.Popen(command, cwd=cwd, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in codes:
            output.seek(0)
            said = output.read()[-2000:].decode("utf-8", "replace")
            raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}: {said}")
    scale = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale / 1e6)


@contextlib.contextmanager
def gateway(delay: float) -> Iterator[str]:
    """Serve the reference gateway from a process of its own; yield its base URL."""
    command = [sys.executable, "-m", "tests.speed.gateway", str(delay)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield child.stdout.readline().strip()
        finally:
            child.kill()


def _environment(cache: Path) -> Mapping[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "XDG_CACHE_HOME": str(cache), "OPENAI_API_KEY": KEY, "PYTHONPATH": str(ROOT)}
