"""Where generated cases come from without being generated: shipped with the suite, or kept from an earlier run.

Those of the default seed are shipped (``fixtures/generated/``, made by :mod:`conformance.freeze_cases`). They are
known by the files that they were made from and by the seed, not by the releases of the generators: so whoever has
this version of the suite plans the same requests, whatever releases are installed beside it. A test notices when
the installed generators would make others.

Those of another seed are made by what is installed, and kept in the user's cache under its releases too: a folder
of files that may vanish, be read-only or be damaged.

A file is JSON whose first line holds its key and the digest of the other lines. Whatever is wrong with a file or
a folder means that it is not there, never an error.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec import Struct

from conformance.paths import data_root

if TYPE_CHECKING:
    from conformance.model import Json


class Key(Struct, frozen=True):
    """What cases are made from: ``inputs`` is the digest of kind, seed and files, ``libraries`` generate."""

    kind: str
    inputs: str
    libraries: tuple[str, ...]

    def installed(self) -> str:
        """Return the digest of the inputs and of the releases of the libraries that are installed."""
        from importlib.metadata import version  # noqa: PLC0415 - slow, and what is shipped does not need it

        releases = [f"{name} {version(name)}" for name in self.libraries]
        return _digest("\n".join([self.inputs, *releases]).encode())[:32]


def key_of(kind: str, seed: int, files: Iterable[Path], libraries: Iterable[str]) -> Key:
    """Return the key of what is made with a seed: another one as soon as a file or a library is another."""
    parts = [kind.encode(), str(seed).encode(), *(file.read_bytes() for file in files)]
    digests = b"".join(hashlib.sha256(part).digest() for part in parts)
    return Key(kind, _digest(digests)[:32], tuple(libraries))


def load(key: Key) -> Json:
    """Return what is shipped under the key, else what was stored under it, or None."""
    shipped = _read(shipped_file(key.kind, data_root()), key.inputs)
    if shipped is not None:
        return shipped
    stored = _cached_file(key)
    return _read(stored, key.installed()) if stored else None


def store(key: Key, content: Json) -> None:
    """Store under the key, whole or not at all; a folder that cannot be written is no error."""
    stored = _cached_file(key)
    if stored is None:
        return
    with suppress(OSError):
        stored.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=stored.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_written(key.installed(), content))
            Path(name).replace(stored)
        except OSError:
            Path(name).unlink(missing_ok=True)


def ship(key: Key, content: Json, root: Path) -> None:
    """Write the file that is shipped for the key, below the folder that holds ``fixtures/``."""
    file = shipped_file(key.kind, root)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_written(key.inputs, content))


def shipped_file(kind: str, root: Path) -> Path:
    """Return where shipped cases of a kind are, below the folder that holds ``fixtures/``."""
    return root / "fixtures" / "generated" / f"{kind}.json"


def cache_folder() -> Path | None:
    """Return where caches of this user belong (XDG Base Directory), or None where nobody has a home."""
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if configured.is_absolute():  # a relative one is to be ignored
        return configured / "chat-conformance"
    try:
        return Path.home() / ".cache" / "chat-conformance"
    except RuntimeError:
        return None


def _cached_file(key: Key) -> Path | None:
    folder = cache_folder()
    return folder / f"{key.kind}-{key.installed()}.json" if folder else None


def _read(file: Path, name: str) -> Json:
    try:
        whole = file.read_bytes()
        head, _, rest = whole.partition(b"\n")
        return cast("Json", json.loads(whole)["content"]) if head == _head(name, rest) else None
    except (OSError, ValueError, RecursionError):
        return None


def _written(name: str, content: Json) -> bytes:
    rest = f"{_in_lines(content)}}}\n".encode()
    return _head(name, rest) + b"\n" + rest


def _in_lines(content: Json) -> str:
    """Write JSON with each member of an object, and each item of those that are lists, on a line of its own."""
    if not isinstance(content, dict):
        return _compact(content)
    return "{" + ",\n".join(f"{_compact(name)}:{_rows(value)}" for name, value in content.items()) + "}"


def _rows(value: Json) -> str:
    return "[\n" + ",\n".join(map(_compact, value)) + "\n]" if isinstance(value, list) else _compact(value)


def _compact(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"))


def _head(name: str, rest: bytes) -> bytes:
    return f'{{"key":"{name}","sha256":"{_digest(rest)}","content":'.encode()


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
