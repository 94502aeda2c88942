"""Terminals that may go away: a reader that left, a full disk or a closed stream never stops what was paid for.

While :func:`patient` lasts, what cannot be written to stdout or stderr is dropped, and what their encoding cannot
show is escaped. Whoever prints asks nothing; whoever must know asks :attr:`Patient.lost`.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TextIO


class Patient(io.TextIOBase):
    """A text stream over one that may be closed, full, narrow or not there; writing never raises OSError."""

    def __init__(self, stream: TextIO | None) -> None:
        """Write to ``stream``, as long as it takes anything."""
        self._stream = stream
        self.lost = ""
        """Why something could not be written; empty when all could, or when its reader just left."""

    def write(self, text: str, /) -> int:
        """Write what can be written; says that all was, as there is nobody to tell."""
        if self._stream is not None:
            try:
                try:
                    self._stream.write(text)
                except UnicodeEncodeError:
                    encoding = self._stream.encoding
                    self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            except (OSError, ValueError) as error:
                self._lose(error)
        return len(text)

    def flush(self) -> None:
        """Hand over what is buffered."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._lose(error)

    def isatty(self) -> bool:
        """Whether somebody may be looking."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor below."""
        if self._stream is None:
            raise io.UnsupportedOperation("there is no stream")
        return self._stream.fileno()

    def _lose(self, error: OSError | ValueError) -> None:
        """Write to nowhere from now on; what the stream still buffers goes there too when the process ends."""
        if not isinstance(error, BrokenPipeError):
            self.lost = (error.strerror if isinstance(error, OSError) else None) or str(error)
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)


@contextmanager
def patient() -> Iterator[tuple[Patient, Patient]]:
    """Make stdout and stderr patient while the context lasts; yields both, and flushes them at its end."""
    occupy_closed()
    out, err = Patient(sys.stdout), Patient(sys.stderr)
    with redirect_stdout(out), redirect_stderr(err):
        try:
            yield out, err
        finally:
            out.flush()
            err.flush()


def flush_or_drop() -> None:
    """Flush the streams of the process for the last time; what cannot be written is dropped.

    For ``atexit``: what is left in a buffer when Python ends makes its exit code 120. Whoever moves descriptors about
    meanwhile, as pytest's capturing does, may have put a full disk back in place of nowhere.
    """
    for stream in (sys.__stdout__, sys.__stderr__):
        Patient(stream).flush()


def occupy_closed() -> None:
    """Open what the shell closed (``>&-``) to nowhere: the next file would get its number, and its output."""
    for descriptor, stream in ((1, sys.__stdout__), (2, sys.__stderr__)):
        if stream is None:
            with suppress(OSError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                if nowhere != descriptor:
                    os.dup2(nowhere, descriptor)
                    os.close(nowhere)
                os.set_inheritable(descriptor, True)  # noqa: FBT003 - it takes no name
