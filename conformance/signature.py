"""Checks the signature beside a certificate with ``ssh-keygen -Y`` (OpenSSH 8.1 or newer); makes none itself.

The format is OpenSSH's (PROTOCOL.sshsig). Who may sign stands in a file of allowed signers, see ssh-keygen(1).
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from conformance.errors import UsageError

NAMESPACE: Final = "chat-conformance"
"""A signature under another namespace was made for another purpose, and is refused."""

_SECONDS: Final = 30


def signer_of(content: bytes, signature: Path, allowed: Path, wanted: str | None = None) -> str | None:
    """Return who signed these bytes, None when nobody did that is allowed to; ``wanted`` is the only one to accept.

    Raises:
        UsageError: there is no ssh-keygen, or no file of allowed signers.

    """
    tool = shutil.which("ssh-keygen")
    if tool is None:
        raise UsageError(
            "A signature cannot be checked: there is no ssh-keygen.", hint="install the OpenSSH client"
        )
    if not allowed.is_file():
        raise UsageError(f"The file of allowed signers {allowed} is not there.", hint="see ssh-keygen(1)")
    if not signature.is_file():
        return None
    common = ["-s", str(signature), "-f", str(allowed)]
    found = _run([tool, "-Y", "find-principals", *common], b"")
    names = found.stdout.decode("utf-8", "replace").split() if found.returncode == 0 else []
    for name in names if wanted is None else [wanted] if wanted in names else []:
        if _run([tool, "-Y", "verify", "-I", name, "-n", NAMESPACE, *common], content).returncode == 0:
            return name
    return None


def _run(command: list[str], content: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - fixed words and paths; no shell
        command, input=content, capture_output=True, timeout=_SECONDS, check=False
    )
