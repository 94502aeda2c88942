"""Files that users write, in YAML: every complaint names the file, the line and the key, and shows no value.

YAML is read by the core schema of YAML 1.2: only ``true`` and ``false`` are booleans, so that a claim ``yes``
and a date stay the text that was written. A key that stands twice in one mapping is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from msgspec import Struct

from conformance.errors import UsageError
from conformance.model import Json
from conformance.paths import data_root

Place = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""

_LARGEST_FILE: Final = 4 * 1024 * 1024
_MOST_NODES: Final = 100_000
_DEEPEST: Final = 50
_COMPLAINTS_SHOWN: Final = 5
_KINDS: Final[Mapping[str, str]] = {
    "object": "a mapping", "array": "a list", "string": "text", "integer": "a whole number",
    "number": "a number", "boolean": "true or false", "null": "empty",
}  # fmt: skip


class UserFile(Struct, frozen=True):
    """A file that was read; ``lines`` has the line, counted from 1, at which a key or an item stands."""

    path: Path
    data: dict[str, Json]
    lines: Mapping[Place, int]

    def line(self, place: Place) -> int:
        """Return the line of a place, or of the nearest place around it that was written down."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place, 1)

    def error(self, place: Place, what: str, *, why: str = "", hint: str = "") -> UsageError:
        """Return an error about one value; its sentence begins with file, line and key."""
        name = _spelled(place)
        where = f"{self.path}:{self.line(place)}"
        return UsageError(f"{where}: {name}: {what}" if name else f"{where}: {what}", why=why, hint=hint)


def load(path: Path, *, schema: str) -> UserFile:
    """Read a YAML mapping and hold it against ``spec/schema/<schema>.schema.json``.

    Raises:
        UsageError: the file cannot be read, is no YAML mapping, has a key twice, or breaks the schema.

    """
    text = _read(path)
    try:
        node = yaml.compose(text, Loader=_CoreLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise UsageError(
            f"{where}: this is not YAML.",
            why=getattr(error, "problem", "") or "",
            hint="correct the line, or one just above it: mind indentation, colons and quotes",
        ) from None
    lines: dict[Place, int] = {}
    data = _Builder(path, lines).build(node, ()) if node is not None else None
    if not isinstance(data, dict):
        raise UsageError(
            f"{path}:1: the file has to hold a mapping (key: value).",
            hint=f"its keys stand in spec/schema/{schema}.schema.json",
        )
    file = UserFile(path, data, lines)
    _validate(file, schema)
    return file


def closest(word: str, known: Sequence[str]) -> str:
    """Return "did you mean ...?" for a word that is nearly a known one, else the known words."""
    near = get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"one of {', '.join(sorted(known))}"


class _CoreLoader(yaml.SafeLoader):
    """Gives plain scalars the tags of YAML 1.2 (10.3.2) instead of those of 1.1."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - the library's way


def _resolve(kind: str, pattern: str, first: str) -> None:
    _CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(pattern), list(first))


_resolve("null", r"(?:~|null|Null|NULL|)$", "~nN\0")
_resolve("bool", r"(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_resolve("int", r"[-+]?[0-9]+$", "-+0123456789")
_resolve(
    "float",
    r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?$|[-+]?[0-9]+[eE][-+]?[0-9]+$",
    "-+.0123456789",
)


class _Builder:
    """Turns nodes into JSON values and remembers their lines."""

    def __init__(self, path: Path, lines: dict[Place, int]) -> None:
        self._path, self._lines, self._nodes = path, lines, 0

    def build(self, node: yaml.Node, place: Place) -> Json:
        self._nodes += 1
        if self._nodes > _MOST_NODES or len(place) > _DEEPEST:
            raise self._error(
                node,
                "the file is too large or nested too deeply",
                hint=f"keep to {_MOST_NODES} values and {_DEEPEST} levels",
            )
        self._lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*place, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, "a key has to be a word", hint="write key: value")
            key = str(key_node.value)
            if key in found:
                first = self._lines[*place, key]
                raise self._error(
                    key_node,
                    f"the key {key!r} stands twice",
                    why=f"first in line {first}",
                    hint="remove one of the two",
                )
            self._lines[*place, key] = key_node.start_mark.line + 1
            found[key] = self.build(value_node, (*place, key))
        return found

    def _scalar(self, node: yaml.Node) -> Json:
        text = str(node.value)
        match node.tag.rpartition(":")[2]:
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return int(text) if len(text) < 20 else text  # noqa: PLR2004 - digits of 64 bits
            case "float":
                return float(text)
            case "str":
                return text
        raise self._error(
            node, "a tag (!...) is not allowed here", hint="remove it, or put the text in quotes"
        )

    def _error(self, node: yaml.Node, what: str, *, hint: str, why: str = "") -> UsageError:
        return UsageError(f"{self._path}:{node.start_mark.line + 1}: {what}.", why=why, hint=hint)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read.",
            why=error.strerror or "",
            hint="check the name, and that you may read the file",
        ) from error
    if len(data) > _LARGEST_FILE:
        raise UsageError(
            f"{path} is over {_LARGEST_FILE} bytes.", hint="check the name: no file of settings is this long"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: the file is not UTF-8.", hint="save it as UTF-8") from None


@cache
def _validator(schema: str) -> Draft202012Validator:
    text = (data_root() / "spec" / "schema" / f"{schema}.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))


def _validate(file: UserFile, schema: str) -> None:
    """Raise one error for everything that breaks the schema: the first complaint, the next few as its why."""
    found = [
        complaint for error in _validator(schema).iter_errors(file.data) for complaint in _complaints(error)
    ]
    if not found:
        return
    found.sort(key=lambda complaint: (file.line(complaint[0]), -len(complaint[0])))
    first, *others = [file.error(place, what, hint=hint) for place, what, hint in found]
    more = [f"also {error.what}" for error in others[: _COMPLAINTS_SHOWN - 1]]
    if len(others) >= _COMPLAINTS_SHOWN:
        more.append(f"and {len(others) - _COMPLAINTS_SHOWN + 1} more")
    form = f"correct it; the form of the file stands in spec/schema/{schema}.schema.json"
    raise UsageError(first.what, why="; ".join(more), hint=first.hint or form)


def _complaints(error: ValidationError) -> Iterator[tuple[Place, str, str]]:
    """Yield place, sentence and hint for one violation, in words that show no value of the file."""
    if error.context:
        error = best_match([error]) or error
    place: Place = tuple(error.absolute_path)
    rule: Any = error.validator_value
    instance: Any = error.instance
    schema: Any = error.schema
    match error.validator:
        case "additionalProperties" | "unevaluatedProperties":
            known = list(schema.get("properties", {}))
            for key in instance:
                if key not in known:
                    yield (*place, key), "this key is not known", closest(key, known)
        case "required":
            missing = [key for key in rule if key not in instance]
            yield place, f"{' and '.join(map(repr, missing))} is missing", ""
        case "type":
            names = [rule] if isinstance(rule, str) else rule
            yield place, f"this has to be {' or '.join(_KINDS[name] for name in names)}", _quote(names, error)
        case "enum":
            words = [str(word) for word in rule]
            yield place, f"this has to be one of {', '.join(words)}", _nearly(instance, words)
        case "minLength" | "minItems" | "minProperties":
            yield place, "this must not be empty", ""
        case "not":
            yield place, schema.get("description", "these keys do not go together"), ""
        case _:
            says = schema.get("description", f"{error.validator} {json.dumps(rule)}")
            yield place, f"this is not what is wanted here: {says}", ""


def _quote(names: Sequence[str], error: ValidationError) -> str:
    written_bare = isinstance(error.instance, int | float)
    return "put it in quotes" if "string" in names and written_bare else ""


def _nearly(value: object, words: Sequence[str]) -> str:
    near = get_close_matches(str(value), words, n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def _spelled(place: Place) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".")
