"""What a valid request asks for, in the words of the reference gateway.

:func:`ask` reads a whole request body and refuses the first thing that is wrong with it, the way OpenAI's
endpoint does: a 400 whose ``param`` and ``message`` name the cause. It knows no model: model rules are
applied before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from conformance.model import Json
from conformance.reference.conversation import Message, read_messages
from conformance.reference.parameters import check_flag, check_parameters, check_text, integer
from conformance.reference.refusal import Refused, missing, wrong_type, wrong_value
from conformance.reference.schemas import check_schema

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
MOST_STOPS: Final = 4
MOST_TOOLS: Final = 128


class Tool(Struct, frozen=True):
    """A tool that the model may call; ``schema`` is None for a custom tool, which takes free text."""

    name: str
    description: str
    schema: Mapping[str, Json] | None


class Asked(Struct, frozen=True):
    """A valid request. ``limit`` bounds the completion tokens; ``forced`` names the tools that may be called.

    ``choice`` is auto, none or required (a named tool is required with one name in ``forced``). ``form`` is
    the type of the response format and ``schema`` its schema.
    """

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    include_usage: bool = False
    obfuscate: bool = False
    n: int = 1
    limit: int | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    choice: Literal["auto", "none", "required"] = "auto"
    parallel: bool = True
    form: Literal["text", "json_object", "json_schema"] = "text"
    schema: Mapping[str, Json] | None = None
    logprobs: bool = False
    top_logprobs: int = 0
    seed: int = 0


def ask(body: Mapping[str, Json]) -> Asked:
    """Return what ``body`` asks for.

    Raises:
        Refused: a documented member has a wrong type or value, or members do not go together.

    """
    model = read_model(body)
    messages = read_messages(body.get("messages"))
    check_parameters(body)
    stream = body.get("stream") is True
    include_usage, obfuscate = _stream_options(body.get("stream_options"), stream=stream)
    tools, parallel = _tools(body)
    choice, tools = _tool_choice(body.get("tool_choice"), tools, given=bool(body.get("tools")))
    form, schema = _response_format(body.get("response_format"), messages)
    logprobs = body.get("logprobs") is True
    if body.get("top_logprobs") is not None and not logprobs:
        raise wrong_value("top_logprobs", "'logprobs' must be true to use 'top_logprobs'.", "invalid_value")
    limit = body.get("max_completion_tokens")
    return Asked(
        model=model,
        messages=messages,
        stream=stream,
        include_usage=include_usage,
        obfuscate=obfuscate,
        n=integer(body.get("n")) or 1,
        limit=integer(body.get("max_tokens") if limit is None else limit),
        stop=_stop(body.get("stop")),
        tools=tools,
        choice=choice,
        parallel=parallel,
        form=form,
        schema=schema,
        logprobs=logprobs,
        top_logprobs=integer(body.get("top_logprobs")) or 0,
        seed=integer(body.get("seed")) or 0,
    )


def read_model(body: Mapping[str, Json]) -> str:
    """Return the model that ``body`` names; refuse a body that names none."""
    model = body.get("model")
    if model is None or model == "":
        raise Refused("You must provide a model parameter.", param="model", code="missing_required_parameter")
    return check_text("model", model)


def _stream_options(value: Json, *, stream: bool) -> tuple[bool, bool]:
    if value is None:
        return False, False
    if not isinstance(value, dict):
        raise wrong_type("stream_options", "an object", value)
    if not stream:
        raise wrong_value("stream_options", "it is only allowed when 'stream' is enabled.", "invalid_value")
    for name in ("include_usage", "include_obfuscation"):
        if value.get(name) is not None:
            check_flag(f"stream_options.{name}", value[name])
    return value.get("include_usage") is True, value.get("include_obfuscation") is True


def _stop(value: Json) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,) if value else ()
    if not isinstance(value, list):
        raise wrong_type("stop", "a string or an array of strings", value)
    if len(value) > MOST_STOPS:
        raise wrong_value(
            "stop",
            f"array too long. Expected an array with maximum length {MOST_STOPS}, "
            f"but got an array with length {len(value)} instead.",
            "array_above_max_length",
        )
    words = [check_text(f"stop[{number}]", word) for number, word in enumerate(value)]
    return tuple(word for word in words if word)


def _tools(body: Mapping[str, Json]) -> tuple[tuple[Tool, ...], bool]:
    value = body.get("tools")
    if value is None:
        for name in ("tool_choice", "parallel_tool_calls"):
            if body.get(name) not in (None, "none", "auto"):
                raise wrong_value(
                    name, f"'{name}' is only allowed when 'tools' are specified.", "invalid_value"
                )
        return (), True
    if not isinstance(value, list):
        raise wrong_type("tools", "an array of objects", value)
    if len(value) > MOST_TOOLS:
        reason = f"array too long. Expected at most {MOST_TOOLS} tools, but got {len(value)} instead."
        raise wrong_value("tools", reason, "array_above_max_length")
    found = [_tool(f"tools[{number}]", item) for number, item in enumerate(value)]
    return tuple(tool for tool in found if tool is not None), body.get("parallel_tool_calls") is not False


def _tool(param: str, value: Json) -> Tool | None:
    """Return a function or custom tool; None for a tool that the server runs itself (web search)."""
    if not isinstance(value, dict):
        raise wrong_type(param, "an object", value)
    if value.get("type") is None:
        raise missing(f"{param}.type")
    kind = check_text(f"{param}.type", value["type"])
    if kind not in {"function", "custom"}:
        if kind.startswith("web_search"):
            return None
        raise wrong_value(f"{param}.type", f"'{kind[:80]}' is not supported. Use 'function' or 'custom'.")
    inner = _inner(param, kind, value)
    if inner.get("name") is None:
        raise missing(f"{param}.{kind}.name")
    name = check_text(f"{param}.{kind}.name", inner["name"])
    if not _NAME.fullmatch(name):
        reason = f"'{name[:80]}' does not match '^[a-zA-Z0-9_-]+$' or is longer than 64 characters."
        raise wrong_value(f"{param}.{kind}.name", reason)
    description = inner.get("description")
    if description is not None:
        check_text(f"{param}.{kind}.description", description)
    if kind == "custom":
        return Tool(name, str(description or ""), None)
    return Tool(name, str(description or ""), _function_schema(f"{param}.function", name, inner))


def _inner(param: str, kind: str, value: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the object that stands under the name of its type."""
    inner = value.get(kind)
    if inner is None:
        raise missing(f"{param}.{kind}")
    if not isinstance(inner, dict):
        raise wrong_type(f"{param}.{kind}", "an object", inner)
    return inner


def _function_schema(param: str, name: str, function: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the schema of a function's arguments; a function without ``parameters`` takes any object."""
    if function.get("strict") is not None:
        check_flag(f"{param}.strict", function["strict"])
    parameters = function.get("parameters")
    schema = check_schema(
        {} if parameters is None else parameters,
        param=f"{param}.parameters",
        code="invalid_function_parameters",
        owner=f"function '{name}'",
        strict=function.get("strict") is True and bool(parameters),
    )
    if schema.get("type", "object") != "object":
        reason = "schema must be a JSON Schema of 'type: \"object\"'."
        raise wrong_value(f"{param}.parameters", reason, "invalid_function_parameters")
    return schema


def _tool_choice(
    value: Json, tools: tuple[Tool, ...], *, given: bool
) -> tuple[Literal["auto", "none", "required"], tuple[Tool, ...]]:
    """Return how tools are to be used and which of them may be called."""
    match value:
        case None | "auto":
            return "auto", tools
        case "none":
            return "none", ()
        case "required":
            if not given:
                raise wrong_value("tool_choice", "'tool_choice' is only allowed when 'tools' are specified.")
            return ("required", tools) if tools else ("auto", ())
        case str():
            supported = "'none', 'auto', and 'required'"
            raise wrong_value(
                "tool_choice", f"'{value[:80]}' is not supported. Supported values are: {supported}."
            )
        case dict():
            return _object_choice(value, tools)
        case _:
            raise wrong_type("tool_choice", "one of 'none', 'auto', 'required' or an object", value)


def _object_choice(
    value: Mapping[str, Json], tools: tuple[Tool, ...]
) -> tuple[Literal["auto", "required"], tuple[Tool, ...]]:
    if value.get("type") is None:
        raise missing("tool_choice.type")
    kind = check_text("tool_choice.type", value["type"], ("function", "custom", "allowed_tools"))
    inner = _inner("tool_choice", kind, value)
    if kind != "allowed_tools":
        return "required", _named(inner.get("name"), f"tool_choice.{kind}.name", tools)
    mode = check_text("tool_choice.allowed_tools.mode", inner.get("mode"), ("auto", "required"))
    listed = inner.get("tools")
    if not isinstance(listed, list) or not listed:
        raise wrong_type("tool_choice.allowed_tools.tools", "an array of objects with at least one", listed)
    allowed: list[Tool] = []
    for number, item in enumerate(listed):
        param = f"tool_choice.allowed_tools.tools[{number}]"
        called = item.get(str(item.get("type"))) if isinstance(item, dict) else None
        if not isinstance(called, dict):
            raise wrong_type(param, "a tool", item)
        allowed.extend(_named(called.get("name"), f"{param}.name", tools))
    return "required" if mode == "required" else "auto", tuple(allowed)


def _named(value: Json, param: str, tools: tuple[Tool, ...]) -> tuple[Tool, ...]:
    if value is None:
        raise missing(param)
    name = check_text(param, value)
    chosen = tuple(tool for tool in tools if tool.name == name)
    if not chosen:
        raise wrong_value(param, f"the tool '{name[:80]}' is not in 'tools'.")
    return chosen[:1]


def _response_format(
    value: Json, messages: tuple[Message, ...]
) -> tuple[Literal["text", "json_object", "json_schema"], Mapping[str, Json] | None]:
    if value is None:
        return "text", None
    if not isinstance(value, dict):
        raise wrong_type("response_format", "an object", value)
    if value.get("type") is None:
        raise missing("response_format.type")
    kind = check_text("response_format.type", value["type"], ("text", "json_object", "json_schema"))
    if kind == "text":
        return "text", None
    if kind == "json_object":
        if not any("json" in message.text.lower() for message in messages):
            raise Refused(
                "'messages' must contain the word 'json' in some form, to use 'response_format' "
                "of type 'json_object'.",
                param="messages",
            )
        return "json_object", None
    return "json_schema", _json_schema(value.get("json_schema"))


def _json_schema(value: Json) -> Mapping[str, Json]:
    param = "response_format.json_schema"
    if value is None:
        raise missing(param)
    if not isinstance(value, dict):
        raise wrong_type(param, "an object", value)
    if value.get("name") is None:
        raise missing(f"{param}.name")
    name = check_text(f"{param}.name", value["name"])
    if not _NAME.fullmatch(name):
        raise wrong_value(f"{param}.name", "it must match '^[a-zA-Z0-9_-]+$' and have at most 64 characters.")
    if value.get("description") is not None:
        check_text(f"{param}.description", value["description"])
    if value.get("strict") is not None:
        check_flag(f"{param}.strict", value["strict"])
    schema = value.get("schema")
    return check_schema(
        {"type": "object"} if schema is None else schema,
        param=f"{param}.schema",
        code="invalid_json_schema",
        owner=f"response_format '{name}'",
        strict=value.get("strict") is True,
    )
