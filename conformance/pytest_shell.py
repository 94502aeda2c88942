"""``python -m conformance.pytest_shell``: pytest with our plugin, and without anything of the folder it is started in.

Whatever stands in the user's ``pyproject.toml`` or ``conftest.py`` would otherwise choose, rename or skip cases. All
options of pytest work (``-k``, ``--lf``, ``-x``, ``-n 2``, ``--junitxml``), as do those of ``chat-conformance run``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from conformance.terminal import occupy_closed


def command(arguments: Sequence[str]) -> list[str]:
    """Return the command line of pytest; the user's options come last, so that they count."""
    return [
        sys.executable, "-P", "-m", "pytest",
        "-c", os.devnull, "--rootdir", os.getcwd(), "--noconftest",  # noqa: PTH109 - a text is wanted
        "-p", "conformance.pytest_plugin", "-p", "no:schemathesis", "-p", "no:hypothesispytest",
        "--dist", "loadgroup", "--tb=no", "-q", "-rN",
        *arguments,
    ]  # fmt: skip


def entry() -> None:
    """Become pytest, so that its exit code and the signals are one process's; where that cannot be, run it."""
    occupy_closed()
    if os.name == "posix":
        os.execv(sys.executable, command(sys.argv[1:]))  # noqa: S606 - our own interpreter
    try:
        sys.exit(subprocess.run(command(sys.argv[1:]), check=False).returncode)  # noqa: S603 - our own interpreter
    except KeyboardInterrupt:
        sys.exit(3)


if __name__ == "__main__":
    entry()
