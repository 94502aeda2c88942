"""httpx without its command line, which it imports wherever rich and click are installed.

A run never uses it, and it takes as long to import as the rest of httpx. Who wants it later still gets it.
"""

from __future__ import annotations

import sys
from typing import Any

_COMMAND_LINE = "httpx._main"

_modules: dict[str, Any] = sys.modules
_modules.setdefault(_COMMAND_LINE, None)  # what is None there cannot be imported; httpx is prepared for that
import httpx  # noqa: E402 - after what it is to be spared

if _modules[_COMMAND_LINE] is None:
    del _modules[_COMMAND_LINE]

__all__ = ["httpx"]
