"""Keeps generated cases between runs: a folder of JSON files that may vanish, be read-only or be damaged.

Whatever is wrong with the folder or a file in it means that there is no cache, never an error.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
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


def load(key: str) -> Json:
    """Return what was stored under the key, or None."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        stored = json.loads((folder / f"{key}.json").read_bytes())
        content, digest = stored["content"], stored["digest"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return cast("Json", content) if digest == _digest(content) else None


def store(key: str, content: Json) -> None:
    """Store under the key, whole or not at all; a folder that cannot be written is no error."""
    folder = cache_folder()
    if folder is None:
        return
    text = json.dumps({"digest": _digest(content), "content": content})
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".new-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(folder / f"{key}.json")
        except OSError:
            Path(name).unlink(missing_ok=True)


def _digest(content: Json) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
