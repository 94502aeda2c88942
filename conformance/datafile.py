"""Reads the suite's own data files entry by entry; every complaint names the file, the entry and the key.

Fast on purpose: no JSON Schema. Users' own files are read by ``conformance.userfile``, which knows lines.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from conformance import yamlcopies
from conformance.errors import CatalogueError
from conformance.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path


_LEVELS: Final = {level.value: level for level in Level}


class _Named(Protocol):
    @property
    def id(self) -> str: ...


_Entry = TypeVar("_Entry", bound=_Named)


def read_yaml(file: Path) -> Any:  # noqa: ANN401 - YAML holds anything
    """Read a data file of ours.

    Raises:
        CatalogueError: it is missing or no YAML.

    """
    try:
        text = file.read_bytes()
    except OSError as error:
        raise CatalogueError(
            f"{file} cannot be read.", why=str(error), hint="reinstall the package"
        ) from error
    if (copied := yamlcopies.copy_of(text)) is not None:
        return copied
    try:
        return parsed(text)
    except ValueError as error:
        raise CatalogueError(f"{file} is not YAML.", why=" ".join(str(error).split())) from error


def parsed(text: bytes) -> Any:  # noqa: ANN401 - YAML holds anything
    """Read YAML with the fastest safe loader of this installation: the parser in C, where it is built in.

    Raises:
        ValueError: it is no YAML.

    """
    import yaml  # noqa: PLC0415 - of most files there are copies

    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the known word that is nearest to a wrong one, as a hint."""
    from conformance.userfile import closest  # noqa: PLC0415 - brings in jsonschema, only on a mistake

    return closest(word, sorted(known))


def wrong(file: Path, row: str, why: str, hint: str = "") -> CatalogueError:
    """Return an error about one entry of a data file (or about the file, when the entry has no name)."""
    return CatalogueError(f"{file}: {row or 'the file'} does not hold together.", why=why, hint=hint)


class Row:
    """One mapping of a data file, taken apart key by key; :meth:`end` complains of what nobody took.

    Every method raises :class:`CatalogueError` when the value is of another kind.
    """

    def __init__(self, file: Path, data: object) -> None:
        """Hold the mapping ``data``, an entry of ``file``."""
        if not isinstance(data, dict):
            raise wrong(file, "", f"each entry has to be a mapping, not {data!r:.60}")
        self.file, self.id = file, str(data.get("id", ""))
        self._data, self._taken = data, set[str]()

    def text(self, key: str, default: str | None = None) -> str:
        """Take a text, its white space evened out; without a default it has to be there."""
        value = self._take(key, default)
        if not isinstance(value, str):
            raise self.error(f"{key} has to be a text, not {value!r:.60}")
        return " ".join(value.split())

    def flag(self, key: str) -> bool:
        """Take true or false; absent is false."""
        value = self._take(key, default=False)
        if not isinstance(value, bool):
            raise self.error(f"{key} has to be true or false, not {value!r:.60}")
        return value

    def number(self, key: str) -> int:
        """Take a whole number; absent is 0."""
        value = self._take(key, 0)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(f"{key} has to be a whole number, not {value!r:.60}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Take a list of texts; absent is empty."""
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(f"{key} has to be a list of texts, not {value!r:.60}")
        return tuple(value)

    def mapping(self, key: str) -> Mapping[str, Any]:
        """Take a mapping; absent is empty."""
        value = self._take(key, {})
        if not isinstance(value, dict):
            raise self.error(f"{key} has to be a mapping, not {value!r:.60}")
        return value

    def level(self, key: str) -> Level:
        """Take a level."""
        return self.as_level(key, self._take(key, None))

    def as_level(self, key: str, value: object) -> Level:
        """Read a value of ``key`` as a level."""
        level = _LEVELS.get(value) if isinstance(value, str) else None
        if level is None:
            raise self.error(f"{key} has to be must, should or may, not {value!r:.60}")
        return level

    def skip(self, *keys: str) -> None:
        """Pass over keys that are there for people."""
        self._taken |= set(keys)

    def end(self) -> None:
        """Raise when a key is left that nobody knows."""
        for key in self._data:
            if key not in self._taken:
                raise self.error(f"the key {key!r} is unknown", did_you_mean(str(key), self._taken))

    def error(self, why: str, hint: str = "") -> CatalogueError:
        """Return an error about this entry."""
        return wrong(self.file, self.id, why, hint)

    def _take(self, key: str, default: object) -> object:
        self._taken.add(key)
        return self._data.get(key, default)


def read_list(file: Path, read: Callable[[Row], _Entry]) -> Mapping[str, _Entry]:
    """Read a file that is a list of entries, each with an id of its own.

    Raises:
        CatalogueError: the file cannot be read, an entry does not hold together, or an id stands there twice.

    """
    data = read_yaml(file)
    if not isinstance(data, list):
        raise wrong(file, "", "it has to be a list")
    found: dict[str, _Entry] = {}
    for entry in data:
        row = Row(file, entry)
        made = read(row)
        row.end()
        if made.id in found:
            raise row.error("the id stands there twice")
        found[made.id] = made
    return MappingProxyType(found)
