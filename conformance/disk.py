"""Puts a file on the disk while it is being written, without making the writer wait.

A call of fsync takes milliseconds. Made between two reads of a socket it would delay what is read, and the times that
are measured with it; here a thread makes it, and one call covers everything that was written before it.
"""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock
from typing import BinaryIO, Final

PAUSE: Final = 0.05
"""Seconds between two calls of fsync: only a machine that fails loses what came in them, a killed run does not."""


class Disk:
    """The disk behind one open file, whose writer has flushed what it wrote."""

    def __init__(self, stream: BinaryIO) -> None:
        """Serve ``stream``, which stays open until :meth:`close` was called."""
        self._stream = stream
        self._pool = ThreadPoolExecutor(1, "evidence")
        self._last: Future[None] | None = None
        self._lock = Lock()
        self._wanted = self._busy = False
        self._hurry = Event()

    def wants(self) -> None:
        """Have everything that was written so far put on the disk soon.

        Raises:
            OSError: the disk did not take what was written before.

        """
        with self._lock:
            self._wanted = True
            if not self._busy:
                if self._last is not None:
                    self._last.result()
                self._busy, self._last = True, self._pool.submit(self._run)

    def wait(self) -> None:
        """Return when the disk has everything.

        Raises:
            OSError: it did not take it.

        """
        self._hurry.set()
        last, self._last = self._last, None
        if last is not None:
            last.result()
        self._hurry.clear()
        os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Wait, and end the thread."""
        try:
            self.wait()
        finally:
            self._pool.shutdown()

    def _run(self) -> None:
        try:
            while self._goes_on():
                os.fsync(self._stream.fileno())
                self._hurry.wait(PAUSE)
        except OSError:
            self._busy = False
            raise

    def _goes_on(self) -> bool:
        """Take the wish that is open; without one the work is over."""
        with self._lock:
            self._busy, self._wanted = self._wanted, False
            return self._busy


def sync_folder(folder: Path) -> None:
    """Make the new file's name itself safe; not every system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
