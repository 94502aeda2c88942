"""Runs Python in a process of its own, with nothing of this one in its caches."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from conformance.paths import data_root

if TYPE_CHECKING:
    from pathlib import Path


def run(code: str, folder: Path, **environment: str) -> str:
    """Return what Python prints, given ``-c CODE`` or ``-m MODULE``, in a folder and an environment."""
    inherited = {
        key: value for key, value in os.environ.items() if key not in {"XDG_CACHE_HOME", "PYTHONPATH"}
    }
    done = subprocess.run(
        [sys.executable, *code.split(" ", 1)],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(data_root()), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
