"""What is known of models, as cards read from ``spec/models.yaml``: allowed outcomes, and how to ask cheaply.

A model that has no card gets that of the first family whose pattern matches its name (without a vendor's
prefix, as in ``openai/gpt-4o``), and one that belongs to no family the defaults. No code knows a model by
name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Final, TypeVar, cast

from msgspec import Struct, field
from msgspec.structs import replace

from conformance.conditions import Condition, all_hold, read_conditions
from conformance.datafile import read_yaml
from conformance.errors import CatalogueError
from conformance.model import Claim, Json, Outcome
from conformance.paths import data_root

_Word = TypeVar("_Word", bound=StrEnum)

WORKS: Final = frozenset({Outcome.APPLIED, Outcome.ACCEPTED})
"""The outcomes that a parameter may have where no rule speaks of it."""


class Conduct(StrEnum):
    """What the reference gateway does where a rule fits."""

    ACCEPT = "accept"
    DROP = "drop"
    REFUSE = "refuse"


class Thinks(StrEnum):
    """When a model reasons before it answers."""

    NEVER = "never"
    ON_REQUEST = "on-request"
    BY_DEFAULT = "by-default"
    ALWAYS = "always"


class Rule(Struct, frozen=True):
    """What a model makes of one parameter in the requests that meet ``when``.

    ``allow`` are the outcomes that are no failure. ``error`` are members of the error object with which the
    reference gateway refuses. ``outdated`` names the clause of a document that says otherwise and no longer holds.
    """

    parameter: str
    when: tuple[Condition, ...]
    allow: frozenset[Outcome]
    says: str
    conduct: Conduct = Conduct.ACCEPT
    error: Mapping[str, str] = field(default_factory=dict)
    outdated: str = ""


class ModelCard(Struct, frozen=True):
    """What is known of one model.

    ``limit_field`` is the member that bounds an answer; ``least_budget`` the fewest tokens that still give
    text; ``unlimited_cost`` what an answer without a limit is reckoned to cost in tokens; ``window`` the tokens of
    prompt and answer together, stated where they are so few that going beyond them is cheap; ``deadline``
    seconds for one answer. ``retires`` is the day from which the provider no longer serves it.
    ``reasoning_apart`` says that reasoning tokens are not part of the completion tokens. ``extras`` are
    members that the provider adds to a ``tool_call`` and wants back. ``efforts`` are the words that it takes as
    reasoning_effort; ``think_on`` and ``think_off`` the members that switch its thinking. ``attachments`` are what
    it is asked to see (``file`` as inline data, ``file-url``, ``image``), ``searches`` the ways in which it is asked
    to search the web (``enable_search``, ``search_parameters``, ``web_search_tool``).
    """

    id: str
    title: str = ""
    limit_field: str = "max_tokens"
    least_budget: int = 16
    unlimited_cost: int = 1024
    window: int | None = None
    stream_only: bool = False
    roles: tuple[str, ...] = ("system", "user", "assistant")
    deadline: float = 60.0
    thinks: Thinks = Thinks.NEVER
    shows_thoughts: bool = False
    efforts: tuple[str, ...] = ()
    think_on: Mapping[str, Json] = field(default_factory=dict)
    think_off: Mapping[str, Json] = field(default_factory=dict)
    attachments: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    features: Mapping[str, Claim] = field(default_factory=dict)
    finish_reasons: tuple[str, ...] = ()
    reasoning_apart: bool = False
    rules: tuple[Rule, ...] = ()
    extras: Mapping[str, Json] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    checked: date | None = None
    retires: date | None = None

    def will_think(self, body: Mapping[str, Json]) -> bool:
        """Return whether the model reasons about the request ``body``; three well-known members switch it."""
        mode = body.get("thinking")
        kind = mode.get("type") if isinstance(mode, dict) else None
        effort, enabled = body.get("reasoning_effort"), body.get("enable_thinking")
        off = effort == "none" or enabled is False or kind == "disabled"
        on = not off and (effort is not None or enabled is True or kind is not None)
        return {
            Thinks.NEVER: False,
            Thinks.ON_REQUEST: on,
            Thinks.BY_DEFAULT: not off,
            Thinks.ALWAYS: True,
        }[self.thinks]

    def rules_for(self, body: Json) -> tuple[Rule, ...]:
        """Return the rules that speak of the request ``body``: the first that fits for each parameter."""
        fitting: dict[str, Rule] = {}
        for rule in self.rules:
            if rule.parameter not in fitting and all_hold(rule.when, body):
                fitting[rule.parameter] = rule
        return tuple(fitting.values())

    def allowed(self, parameter: str, body: Json) -> frozenset[Outcome]:
        """Return the outcomes that ``parameter`` may have in the request ``body`` with this model."""
        ours = (rule for rule in self.rules if rule.parameter == parameter)
        rule = next((rule for rule in ours if all_hold(rule.when, body)), None)
        return WORKS if rule is None else rule.allow


class Family(Struct, frozen=True):
    """Models whose names match a pattern get this card; ``name`` is what a user calls them."""

    name: str
    pattern: str
    card: ModelCard


class ModelCards(Struct, frozen=True):
    """All cards. Of ``families`` the first whose pattern matches a name counts."""

    cards: Mapping[str, ModelCard]
    families: tuple[Family, ...]
    default: ModelCard

    def card(self, model: str) -> ModelCard:
        """Return the card of ``model``: its own, its family's, or the default, under its own id."""
        for name in (model, model.rpartition("/")[2]):
            if name in self.cards:
                return replace(self.cards[name], id=model)
            if (family := self._family(name)) is not None:
                return replace(family.card, id=model, retires=None)
        return replace(self.default, id=model)

    def family(self, model: str) -> str:
        """Return the name of the family that ``model`` belongs to by its name, empty when there is none."""
        found = self._family(model) or self._family(model.rpartition("/")[2])
        return found.name if found else ""

    def _family(self, name: str) -> Family | None:
        return next((each for each in self.families if fnmatchcase(name.lower(), each.pattern)), None)


def load_cards(
    overrides: Mapping[str, Mapping[str, Json]] | None = None, path: Path | None = None
) -> ModelCards:
    """Read the cards; ``overrides`` are partial cards by model id that go before what the file says.

    Raises:
        CatalogueError: the file or an override has an unknown key, outcome, condition or reference.

    """
    file = path or data_root() / "spec" / "models.yaml"
    return _Loader(_mapping(_read(file), file.name), file.name).load(overrides or {})


@cache
def _read(file: Path) -> Json:
    return cast("Json", read_yaml(file))


_ASK: Final = frozenset(
    {"limit_field", "least_budget", "unlimited_cost", "stream_only", "roles", "deadline"}
    | {"window", "efforts", "think_on", "think_off", "attachments", "searches"}
)
_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "attachments": frozenset({"file", "file-url", "image"}),
    "searches": frozenset({"enable_search", "search_parameters", "web_search_tool"}),
}
"""The words that a list of a card may have."""
_PLAIN: Final = frozenset(
    {"title", "finish_reasons", "reasoning_apart", "extras", "sources", "checked", "retires"}
)
_KEYS: Final = _PLAIN | {"id", "like", "ask", "thinks", "features", "rules"}


class _Loader:
    """Builds cards from the mapping that the file holds."""

    def __init__(self, read: Mapping[str, Json], file: str) -> None:
        self._file = file
        _known(read, {"format", "version", "outcomes", "defaults", "families", "models"}, file)
        self._read = read
        self._sets = {
            name: frozenset(_outcome(item, f"{file} outcomes.{name}") for item in _items(words))
            for name, words in _mapping(read.get("outcomes", {}), file).items()
        }

    def load(self, overrides: Mapping[str, Mapping[str, Json]]) -> ModelCards:
        defaults = self._read.get("defaults", {})
        default = self._filled(ModelCard("default"), _mapping(defaults, f"{self._file} defaults"), "defaults")
        cards: dict[str, ModelCard] = {}
        for entry in _items(self._read.get("models", [])):
            row = _mapping(entry, f"{self._file} models")
            cards[str(row.get("id"))] = self._card(row, cards, default)
        families = tuple(self._family(row, cards) for row in _items(self._read.get("families", [])))
        plain = ModelCards(cards, families, default)
        for model, partial in overrides.items():
            where = f"override of {model}"
            cards[model] = self._filled(plain.card(model), partial, where)
        return ModelCards(cards, families, default)

    def _card(self, row: Mapping[str, Json], cards: Mapping[str, ModelCard], default: ModelCard) -> ModelCard:
        model, like = row.get("id"), row.get("like")
        if not isinstance(model, str) or model in cards:
            raise _wrong(self._file, f"{model!r} is no id, or stands there twice")
        if like is not None and like not in cards:
            raise _wrong(f"{self._file} {model}", f"it is like {like!r}, which does not stand before it")
        parent = default if like is None else cards[str(like)]
        return self._filled(replace(parent, id=model), row, model)

    def _family(self, entry: Json, cards: Mapping[str, ModelCard]) -> Family:
        row = _mapping(entry, f"{self._file} families")
        _known(row, {"family", "match", "like"}, f"{self._file} families")
        like = str(row.get("like"))
        if like not in cards:
            raise _wrong(f"{self._file} families", f"{like!r} is no model of the file")
        return Family(str(row.get("family")), str(row.get("match")), cards[like])

    def _filled(self, parent: ModelCard, row: Mapping[str, Json], name: str) -> ModelCard:
        """Return ``parent`` with what ``row`` says put over it."""
        where = f"{self._file} {name}"
        _known(row, _KEYS, where)
        ask = _mapping(row.get("ask", {}), where)
        _known(ask, _ASK, f"{where} ask")
        changes: dict[str, object] = {key: _value(key, row[key], where) for key in _PLAIN & row.keys()}
        changes |= {key: _value(key, value, where) for key, value in ask.items()}
        if "thinks" in row:
            thinks = _mapping(row["thinks"], where)
            _known(thinks, {"when", "shown"}, f"{where} thinks")
            changes["thinks"] = _member(Thinks, thinks.get("when"), where)
            changes["shows_thoughts"] = thinks.get("shown") is True
        claimed = _mapping(row.get("features", {}), where)
        features = {feature: _claim(word, f"{where} features.{feature}") for feature, word in claimed.items()}
        rules = [self._rule(rule, where) for rule in _items(row.get("rules", []))]
        changes["features"] = {**parent.features, **features}
        changes["rules"] = (*rules, *parent.rules)
        return replace(parent, **changes)

    def _rule(self, entry: Json, where: str) -> Rule:
        row = _mapping(entry, f"{where} rules")
        _known(
            row, {"parameter", "when", "allow", "says", "reference", "error", "outdated"}, f"{where} rules"
        )
        parameter, allow = str(row.get("parameter")), row.get("allow")
        place = f"{where} rule {parameter}"
        if allow not in self._sets:
            raise _wrong(place, f"{allow!r} is none of the named outcome sets")
        conduct = _member(Conduct, row.get("reference", "accept"), place)
        error = {key: str(value) for key, value in _mapping(row.get("error", {}), place).items()}
        _known(error, {"message", "param", "code", "type", "status"}, f"{place} error")
        if (conduct is Conduct.REFUSE) != bool(error.get("message")):
            raise _wrong(place, "an error with a message belongs to reference: refuse, and to nothing else")
        return Rule(
            parameter,
            read_conditions(row.get("when"), place),
            self._sets[str(allow)],
            str(row.get("says", "")),
            conduct,
            error,
            str(row.get("outdated", "")),
        )


def _value(key: str, value: object, where: str) -> object:
    """Return ``value`` as the card's member ``key`` holds it; its type is that of the default."""
    wanted: Mapping[str, type | tuple[type, ...]] = {
        "title": str,
        "limit_field": str,
        "least_budget": int,
        "unlimited_cost": int,
        "window": int,
        "stream_only": bool,
        "reasoning_apart": bool,
        "deadline": (int, float),
        "think_on": dict,
        "think_off": dict,
        "extras": dict,
        "checked": (date, type(None)),
        "retires": (date, type(None)),
    }
    kind = wanted.get(key, list)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(where, f"{key} cannot be {value!r}")
    if isinstance(value, list):
        words = tuple(str(item) for item in value)
        _known(words, _WORDS.get(key, words), f"{where} {key}")
        return words
    return float(value) if key == "deadline" and isinstance(value, int | float) else value


def _claim(word: Json, where: str) -> Claim:
    """Return a claim; YAML reads a bare yes and no as booleans."""
    return _member(
        Claim, {True: "yes", False: "no"}.get(word, word) if isinstance(word, bool) else word, where
    )


def _outcome(word: Json, where: str) -> Outcome:
    outcome = _member(Outcome, word, where)
    if outcome is Outcome.BROKEN:
        raise _wrong(where, "broken is never allowed")
    return outcome


def _member(kind: type[_Word], word: object, where: str) -> _Word:
    try:
        return kind(str(word))
    except ValueError:
        raise _wrong(where, f"{word!r} is none of {', '.join(kind)}") from None


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _mapping(value: Json, where: str) -> Mapping[str, Json]:
    if not isinstance(value, dict):
        raise _wrong(where, f"a mapping is expected, not {value!r}")
    return value


def _known(row: Iterable[str], keys: Iterable[str], where: str) -> None:
    unknown = sorted(set(row) - set(keys))
    if unknown:
        raise _wrong(where, f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(keys))}")


def _wrong(where: str, why: str) -> CatalogueError:
    return CatalogueError(f"{where} does not hold together.", why=why, hint="correct the entry")
