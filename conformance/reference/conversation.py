"""The messages of a request: what each role may hold, and how tool messages answer tool calls.

The shapes are OpenAI's request messages (openai-openapi, ChatCompletionRequestMessage). Text is kept for
the voice; the rest is checked and left where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from conformance.model import Json
from conformance.reference.attachments import look
from conformance.reference.parameters import check_text
from conformance.reference.refusal import Refused, missing, wrong_type, wrong_value

ROLES: Final = ("developer", "system", "user", "assistant", "tool", "function")
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "developer": ("text",),
    "system": ("text",),
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
    "tool": ("text",),
    "function": ("text",),
}
"""The content parts that a message of each role may have."""


class Message(Struct, frozen=True):
    """One message; ``text`` joins its text parts, ``calls`` are the ids of its tool calls.

    ``attached`` is what the model sees in each file and picture.
    """

    role: str
    text: str
    calls: tuple[str, ...] = ()
    answers: str | None = None
    attached: tuple[str, ...] = ()


def read_messages(value: Json) -> tuple[Message, ...]:
    """Return the messages of a request.

    Raises:
        Refused: they are absent, no array, empty, or one of them is not a message or stands where it cannot.

    """
    if value is None:
        raise missing("messages")
    if not isinstance(value, list):
        raise wrong_type("messages", "an array of objects", value)
    if not value:
        reason = "empty array. Expected an array with minimum length 1, but got an empty array instead."
        raise wrong_value("messages", reason, "empty_array")
    messages = tuple(_message(f"messages[{number}]", item) for number, item in enumerate(value))
    _check_answers(messages)
    return messages


def _message(param: str, value: Json) -> Message:
    if not isinstance(value, dict):
        raise wrong_type(param, "an object", value)
    if value.get("role") is None:
        raise missing(f"{param}.role")
    role = check_text(f"{param}.role", value["role"], ROLES)
    for member in ("name", "reasoning_content"):
        if value.get(member) is not None:
            check_text(f"{param}.{member}", value[member])
    calls = _calls(f"{param}.tool_calls", value.get("tool_calls")) if role == "assistant" else ()
    answers = None
    if role == "tool":
        if value.get("tool_call_id") is None:
            raise missing(f"{param}.tool_call_id")
        answers = check_text(f"{param}.tool_call_id", value["tool_call_id"])
    content = value.get("content")
    if content is None:
        if role == "assistant" and (
            calls or value.get("refusal") or value.get("audio") or value.get("function_call")
        ):
            return Message(role, "", calls)
        if "content" in value:
            raise wrong_type(f"{param}.content", "a string or an array of content parts", content)
        raise missing(f"{param}.content")
    text, attached = _content(f"{param}.content", content, role)
    return Message(role, text, calls, answers, attached)


def _content(param: str, value: Json, role: str) -> tuple[str, tuple[str, ...]]:
    if isinstance(value, str):
        return value, ()
    if not isinstance(value, list):
        raise wrong_type(param, "a string or an array of content parts", value)
    if not value:
        raise wrong_value(param, "empty array. Expected at least one content part.", "empty_array")
    texts: list[str] = []
    attached: list[str] = []
    for number, part in enumerate(value):
        where = f"{param}[{number}]"
        if not isinstance(part, dict):
            raise wrong_type(where, "an object", part)
        if part.get("type") is None:
            raise missing(f"{where}.type")
        kind = check_text(f"{where}.type", part["type"], PARTS[role])
        if part.get(kind) is None:
            raise missing(f"{where}.{kind}")
        if kind in {"text", "refusal"}:
            texts.append(check_text(f"{where}.{kind}", part[kind]))
        else:
            attached.append(_attachment(f"{where}.{kind}", kind, part[kind]))
    return "\n".join(texts), tuple(attached)


def _attachment(param: str, kind: str, value: Json) -> str:
    if not isinstance(value, dict):
        raise wrong_type(param, "an object", value)
    required = {"image_url": ("url",), "input_audio": ("data", "format"), "file": ()}[kind]
    for member in required:
        if value.get(member) is None:
            raise missing(f"{param}.{member}")
    for member in ("url", "data", "format", "detail", "file_id", "file_data", "filename"):
        if member in value:
            check_text(f"{param}.{member}", value[member])
    if kind == "image_url" and not str(value["url"]).startswith(("https://", "http://", "data:image/")):
        raise wrong_value(
            f"{param}.url", "expected a web address or a base64-encoded data URL with an image type."
        )
    if kind == "file" and not (value.get("file_id") or value.get("file_data") or value.get("url")):
        raise missing(f"{param}.file_id")
    return look(kind, value, param)


def _calls(param: str, value: Json) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise wrong_type(param, "an array of objects", value)
    if not value:
        raise wrong_value(param, "empty array. Expected an array with minimum length 1.", "empty_array")
    return tuple(_call(f"{param}[{number}]", item) for number, item in enumerate(value))


def _call(param: str, value: Json) -> str:
    if not isinstance(value, dict):
        raise wrong_type(param, "an object", value)
    for member in ("id", "type"):
        if value.get(member) is None:
            raise missing(f"{param}.{member}")
    identity = check_text(f"{param}.id", value["id"])
    kind = check_text(f"{param}.type", value["type"], ("function", "custom"))
    called = value.get(kind)
    if called is None:
        raise missing(f"{param}.{kind}")
    if not isinstance(called, dict):
        raise wrong_type(f"{param}.{kind}", "an object", called)
    for member in ("name", "arguments" if kind == "function" else "input"):
        if called.get(member) is None:
            raise missing(f"{param}.{kind}.{member}")
        check_text(f"{param}.{kind}.{member}", called[member])
    return identity


def _check_answers(messages: tuple[Message, ...]) -> None:
    """Refuse a tool message that answers no call, and a call that is not answered before the talk goes on."""
    open_calls: set[str] = set()
    asked_at = 0
    for number, message in enumerate(messages):
        if message.role == "tool":
            if message.answers not in open_calls:
                raise Refused(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceding message "
                    "with 'tool_calls'.",
                    param=f"messages[{number}].tool_call_id" if open_calls else f"messages[{number}].role",
                )
            open_calls.discard(message.answers or "")
            continue
        _all_answered(open_calls, asked_at)
        open_calls, asked_at = set(message.calls), number
    _all_answered(open_calls, asked_at)


def _all_answered(open_calls: set[str], asked_at: int) -> None:
    if open_calls:
        raise Refused(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. No response was found for: {', '.join(sorted(open_calls))[:200]}.",
            param=f"messages[{asked_at}].tool_calls",
        )
