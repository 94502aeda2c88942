"""Where the data files are, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from conformance.errors import HarnessError


@cache
def data_root() -> Path:
    """Return the folder that holds ``spec/`` and ``fixtures/``.

    In a wheel they lie beside the code in ``_data``; in a checkout they are the top-level folders.

    Raises:
        HarnessError: neither place has them (a broken installation).

    """
    package = Path(__file__).resolve().parent
    for root in (package / "_data", package.parent):
        if (root / "spec" / "requirements").is_dir():
            return root
    raise HarnessError(
        "The data files (spec/, fixtures/) of chat-conformance are missing.",
        why=f"neither {package / '_data'} nor {package.parent} has spec/requirements",
        hint="reinstall the package",
    )
