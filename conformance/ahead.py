"""Imports, while answers are awaited, what a run needs only once all of them are there.

That takes about as long as one answer of an everyday gateway, in which a run has nothing else to do.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Timer
from typing import Final

BUSY: Final = 0.05
"""Seconds for which a run is busy itself, with what its first requests need."""

MODULES: Final = ("jsonschema", "conformance.report.build", "conformance.report.write")

SLICE: Final = 0.0005
"""Seconds for which an answer that has come may have to wait for the interpreter."""


@contextmanager
def imported_ahead() -> Iterator[None]:
    """Import them in a thread while the context lasts; what was not begun by its end is left to whoever needs it."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SLICE)
    timer = Timer(BUSY, _import)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        sys.setswitchinterval(before)


def _import() -> None:
    for name in MODULES:
        with suppress(ImportError):  # whoever needs it meets the same error, and can say what for
            import_module(name)
