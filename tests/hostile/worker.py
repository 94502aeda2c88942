"""Runs the command line again and again, each time in a fresh process that begins with everything imported.

One line of JSON in (arguments, environment, folder, patience), one line out (exit code, seconds, peak memory).
Forking costs a tenth of starting Python anew, and the peak is that of the one run: memory is not shared upwards.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

from conformance import commands
from conformance.catalogue import load
from conformance.cli import main

KILLED = -signal.SIGKILL


def serve() -> None:
    """Do one job after the other until the input ends."""
    commands.COMMANDS.keys()
    load()
    for line in sys.stdin:
        print(json.dumps(done(json.loads(line))), flush=True)  # noqa: T201


def done(job: dict[str, Any]) -> dict[str, Any]:
    """Run one job in a child; kill it when it takes too long."""
    begin = time.monotonic()
    child = os.fork()
    if child == 0:
        os._exit(_run(job))
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() - begin > job["patience"]:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": round(time.monotonic() - begin, 2),
        "megabytes": round(usage.ru_maxrss / 1024),
    }


def _run(job: dict[str, Any]) -> int:
    os.environ.update(job["environment"])
    os.chdir(job["folder"])
    output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    try:
        code = main(job["arguments"])
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is a crash
        os.write(2, f"CRASH {type(error).__name__}".encode())
        return 99
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    serve()
