"""The documented request parameters that stand on their own: their types and ranges, as a table.

Ranges are OpenAI's (openai-openapi, CreateChatCompletionRequest). An explicit null means that the member
was left out; a number like 4.0 is an integer (JSON has one number type). Members that are not in the table
are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from conformance.model import Json
from conformance.reference.refusal import wrong_type, wrong_value


class Number(Struct, frozen=True):
    """A number from ``low`` to ``high``, both included; None is no bound."""

    low: float | None = None
    high: float | None = None
    integer: bool = False


class Flag(Struct, frozen=True):
    """True or false."""


class Text(Struct, frozen=True):
    """A string, of these words when there are any."""

    words: tuple[str, ...] = ()


class Entries(Struct, frozen=True):
    """An object whose values all are strings (``texts``) or all are numbers from -100 to 100."""

    texts: bool
    most: int | None = None


class Members(Struct, frozen=True):
    """An object; those of its members that are named have these kinds, others are ignored."""

    kinds: Mapping[str, Kind]


Kind: TypeAlias = Number | Flag | Text | Entries | Members

PARAMETERS: Final[Mapping[str, Kind]] = {
    "temperature": Number(0, 2),
    "top_p": Number(0, 1),
    "presence_penalty": Number(-2, 2),
    "frequency_penalty": Number(-2, 2),
    "max_tokens": Number(1, integer=True),
    "max_completion_tokens": Number(1, integer=True),
    "n": Number(1, 128, integer=True),
    "seed": Number(-(2**63), 2**63 - 1, integer=True),
    "top_logprobs": Number(0, 20, integer=True),
    "stream": Flag(),
    "logprobs": Flag(),
    "store": Flag(),
    "parallel_tool_calls": Flag(),
    "user": Text(),
    "prompt_cache_key": Text(),
    "safety_identifier": Text(),
    "reasoning_effort": Text(("none", "minimal", "low", "medium", "high", "xhigh", "max")),
    "verbosity": Text(("low", "medium", "high")),
    "service_tier": Text(("auto", "default", "flex", "scale", "priority")),
    "metadata": Entries(texts=True, most=16),
    "logit_bias": Entries(texts=False),
    "enable_thinking": Flag(),
    "thinking": Members({"type": Text(("enabled", "disabled", "auto"))}),
    "enable_search": Flag(),
    "search_strategy": Text(),
    "forced_search": Flag(),
    "search_options": Members({"search_strategy": Text(), "forced_search": Flag()}),
    "search_parameters": Members({"mode": Text(("off", "auto", "on")), "return_citations": Flag()}),
}
"""OpenAI's parameters, and those that gateways document beyond them (thinking and search)."""


def check_parameters(body: Mapping[str, Json]) -> None:
    """Refuse the first documented parameter in ``body`` that has a wrong type or value."""
    for name in (name for name in body if name in PARAMETERS):
        _check(name, body[name], PARAMETERS[name])


def _check(name: str, value: Json, kind: Kind) -> None:
    match kind:
        case _ if value is None:
            return
        case Number():
            check_number(name, value, kind)
        case Flag():
            check_flag(name, value)
        case Text():
            check_text(name, value, kind.words)
        case Entries():
            _check_entries(name, value, kind)
        case Members():
            if not isinstance(value, dict):
                raise wrong_type(name, "an object", value)
            for member, inner in kind.kinds.items():
                _check(f"{name}.{member}", value.get(member), inner)


def integer(value: Json) -> int | None:
    """Return ``value`` as an integer if it is one (4 and 4.0 are, true is not)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else None


def check_number(name: str, value: Json, kind: Number) -> None:
    """Refuse ``value`` unless it is a number that ``kind`` allows."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type(name, "an integer" if kind.integer else "a number", value)
    if kind.integer and integer(value) is None:
        raise wrong_type(name, "an integer", value)
    word = "integer" if kind.integer else "decimal"
    if kind.low is not None and value < kind.low:
        reason = (
            f"{word} below minimum value. Expected a value >= {kind.low}, but got {_short(value)} instead."
        )
        raise wrong_value(name, reason, f"{word}_below_min_value")
    if kind.high is not None and value > kind.high:
        reason = (
            f"{word} above maximum value. Expected a value <= {kind.high}, but got {_short(value)} instead."
        )
        raise wrong_value(name, reason, f"{word}_above_max_value")


def check_flag(name: str, value: Json) -> None:
    """Refuse ``value`` unless it is true or false."""
    if not isinstance(value, bool):
        raise wrong_type(name, "a boolean", value)


def check_text(name: str, value: Json, words: tuple[str, ...] = ()) -> str:
    """Return ``value`` if it is a string, of ``words`` when there are any; refuse it otherwise."""
    if not isinstance(value, str):
        raise wrong_type(name, "a string", value)
    if words and value not in words:
        supported = ", ".join(f"'{word}'" for word in words)
        raise wrong_value(name, f"'{value[:80]}' is not supported. Supported values are: {supported}.")
    return value


def _check_entries(name: str, value: Json, kind: Entries) -> None:
    if not isinstance(value, dict):
        raise wrong_type(name, "an object", value)
    if kind.most is not None and len(value) > kind.most:
        raise wrong_value(
            name, f"too many properties. Expected at most {kind.most}, but got {len(value)} instead."
        )
    for key, item in value.items():
        if kind.texts:
            check_text(f"{name}.{key[:64]}", item)
        else:
            check_number(f"{name}.{key[:64]}", item, Number(-100, 100))


def _short(value: float) -> str:
    """Return the digits of ``value``, or words: an integer may have thousands of them."""
    if isinstance(value, int) and value.bit_length() > 200:  # noqa: PLR2004
        return "a very large number" if value > 0 else "a very small number"
    return str(value)
