"""What makes a conversation hang together and no schema can say, so that labels can be checked a second time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def loose_ends(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield what does not go together in a body that keeps to the schema.

    Calls have to be answered by the tool messages right behind them, each once; a tool message has to answer a call
    (openai-openapi, ChatCompletionRequestToolMessage); a tool that has to be called has to be among the tools.
    """
    waiting: set[str] = set()
    for number, message in enumerate(body["messages"]):
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                yield f"message {number} answers no call"
            waiting.discard(message["tool_call_id"])
            continue
        if waiting:
            yield f"message {number} comes before all calls are answered"
        waiting = {call["id"] for call in message.get("tool_calls") or ()}
    if waiting:
        yield "calls are not answered"
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice["type"] == "function":
        known = {tool["function"]["name"] for tool in body.get("tools") or () if tool["type"] == "function"}
        if choice["function"]["name"] not in known:
            yield "the tool that has to be called is not among the tools"
    if body.get("stream_options") is not None and body.get("stream") is not True:
        yield "stream_options without stream"
