"""Calls that a server left in the text: in the markup in which models write them, whole or in part."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Final

from conformance.checks.arguments import departures
from conformance.model import Json
from conformance.toolcalls import Call, Unread, calls_of, offered, read_whole
from conformance.views import View

_SIGNS: Final = re.compile(
    r"</?tool_call>|<\|python_tag\|>|\[TOOL_CALLS\]|<\|?tool_calls?(?:_begin|_section_begin)?\|?>"
    r"|<\uff5ctool\u2581calls?\u2581begin\uff5c>"
    r"|<function[=_]|<invoke name=|<\|channel\|>commentary to=|```tool_(?:code|call)"
    r"|<\|action_start\|>|<start_function_call>|<minimax:tool_call>",
)
"""How the families of models that serve tools mark a call."""
_FENCE: Final = re.compile(r"```json\s*(?=\{)")
_LOOKED_AT: Final = 50_000


class Leak(IntEnum):
    """What of a call stands in the text."""

    NONE = 0
    PIECE = 1
    """Marks of a call, but no call that could be run: perhaps the model only imitates."""
    WHOLE = 2
    """A call of an offered tool, with arguments that keep to its parameters."""


def leak_of(view: View) -> Leak:
    """Tell what of a call stands in the text of an answer."""
    text = view.text[:_LOOKED_AT]
    tools = offered(view)
    if any(_is_call(value, tools) for value in _objects(text)):
        return Leak.WHOLE
    return Leak.PIECE if _SIGNS.search(text) else Leak.NONE


def is_own_call(view: View) -> bool:
    """Whether the whole text of an answer is its call once more: the arguments, or names with arguments."""
    text = view.text.strip()
    if not text.startswith(("{", "[")) or len(text) > _LOOKED_AT:
        return False
    value, calls = read_whole(text), calls_of(view)
    said = value if isinstance(value, list) else [value]
    if any(value in (call.object, [call.object]) for call in calls if call.object):
        return True
    return bool(said) and all(any(_is_same_call(each, call) for call in calls) for each in said)


def _is_same_call(value: Json | Unread, call: Call) -> bool:
    """Whether a value is a call with its name and its arguments, as they stand there or read."""
    if not isinstance(value, dict):
        return False
    function = value.get("function")
    told = function if isinstance(function, dict) else value
    arguments = told.get("arguments", told.get("parameters"))
    same = arguments == call.arguments or (call.object is not None and arguments == call.object)
    return same and told.get("name") == call.name and call.name is not None


def sign_in(view: View) -> str:
    """Return the text around the first mark of a call, to be shown."""
    text = view.text[:_LOOKED_AT]
    found = _SIGNS.search(text) or _FENCE.search(text)
    return text[found.start() : found.start() + 100] if found else text[:100]


def _objects(text: str) -> Iterator[Json]:
    """Yield the JSON objects that stand right behind marks of a call."""
    decoder = json.JSONDecoder()
    for found in (*_SIGNS.finditer(text), *_FENCE.finditer(text)):
        start = text.find("{", found.end())
        if start < 0:
            continue
        try:
            value, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        lead = text[found.end() : start].strip(" \n\r\t([>:\"'")
        yield {"name": lead, "arguments": value} if lead else value


def _is_call(value: Json, tools: Mapping[str, Mapping[str, Json]]) -> bool:
    if not isinstance(value, dict):
        return False
    name, arguments = value.get("name"), value.get("arguments", value.get("parameters"))
    if not isinstance(name, str) or name not in tools or not isinstance(arguments, dict):
        return False
    return not any(departures(arguments, tools[name]))
