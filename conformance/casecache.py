"""Keeps generated cases between runs: a folder of files that may vanish, be read-only or be damaged.

Each file is the digest of its JSON on a line, and the JSON on the next.

Whatever is wrong with the folder or a file in it means that there is no cache, never an error.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from conformance.model import Json


def cache_folder() -> Path | None:
    """Return where caches of this user belong (XDG Base Directory), or None where nobody has a home."""
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if configured.is_absolute():  # a relative one is to be ignored
        return configured / "chat-conformance"
    try:
        return Path.home() / ".cache" / "chat-conformance"
    except RuntimeError:
        return None


def key_of(kind: str, seed: int, files: Iterable[Path], libraries: Iterable[str]) -> str:
    """Return the key of what is made with a seed: another one as soon as a file or a library is another."""
    parts = [file.read_bytes() for file in files]
    parts += [version(name).encode() for name in libraries]
    parts.append(str(seed).encode())
    digests = b"".join(hashlib.sha256(part).digest() for part in parts)
    return f"{kind}-{hashlib.sha256(digests).hexdigest()[:32]}"


def load(key: str) -> Json:
    """Return what was stored under the key, or None."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        digest, _, text = (folder / f"{key}.json").read_bytes().partition(b"\n")
        return cast("Json", json.loads(text)) if digest == _digest(text) else None
    except (OSError, ValueError, RecursionError):
        return None


def store(key: str, content: Json) -> None:
    """Store under the key, whole or not at all; a folder that cannot be written is no error."""
    folder = cache_folder()
    if folder is None:
        return
    text = json.dumps(content).encode()
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_digest(text) + b"\n" + text)
            Path(name).replace(folder / f"{key}.json")
        except OSError:
            Path(name).unlink(missing_ok=True)


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()
