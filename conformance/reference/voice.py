"""What the reference model says: a pure function of the request, with no clock and no chance.

It follows the simple instructions that probes give (say exactly this, count to that, call this tool, answer
in this form) and otherwise answers one sentence that quotes the markers of the conversation, so that a lost
message, a lost character or somebody else's answer can be seen. It knows nothing of HTTP, of events and of
the wire's JSON.
"""

# ruff: noqa: RUF001  typographic quotes and dashes are what is looked for

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from msgspec import Struct

from conformance.reference import tokens
from conformance.reference.arguments import instance
from conformance.reference.asked import Asked, Tool
from conformance.reference.conversation import Message
from conformance.reference.hints import Hints, read_hints
from conformance.reference.searching import Page

_VERB: Final = r"\b(?:say|reply|answer|respond|write|output|print|return|repeat|echo)\b"
_EXACTLY: Final = (
    re.compile(rf"{_VERB}[^:.\n]{{0,80}}:\s*(\S.*)", re.IGNORECASE | re.DOTALL),
    re.compile(
        rf"{_VERB}[^.\n\"'`“]{{0,60}}((?:\"[^\"\n]+\")|(?:(?<!\w)'[^'\n]+')|(?:`[^`\n]+`)|(?:“[^”\n]+”))",
        re.IGNORECASE,
    ),
    re.compile(
        rf"{_VERB}[^.\n]{{0,60}}\b(?:word|exactly)\s+(\w[\w-]*)(?:,? (?:and nothing else|only))?[.!]*$",
        re.IGNORECASE,
    ),
)
"""How probes ask for words: after a colon, in quotes, or as the one word that is named."""
_COUNT: Final = re.compile(
    r"\bcount\b[^\d\n]{0,40}?(\d{1,4})\s*(?:to|through|up to|-|–)\s*(\d{1,4})", re.IGNORECASE
)
_QUOTES: Final = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "「": "」", "«": "»"}
_WORD: Final = re.compile(r"[a-z]{3,}|[\u3400-\u9fff]")
_REFUSES_TOOLS: Final = re.compile(
    r"\b(?:do not|don't|never|without)\b[^.\n]{0,40}\b(?:tools?|functions?|call)", re.IGNORECASE
)
_IDLE: Final = frozenset(
    re.findall(
        r"\w+",
        "and any are call can current for from get given has have how into its may not one return such that "
        "the then this tool use used user using was what when which will with you your please about answer",
    )
)
"""Words that say nothing about what a tool is for."""
ECHOED: Final = 160
"""Characters of the last message that the stock sentence quotes."""
SEEN: Final = 400
"""Characters of an attachment that the model repeats."""
MOST_CALLS: Final = 8
MOST_COUNTED: Final = 5000
MOST_MARKERS: Final = 16
_NEEDED: Final = 2
"""Points that a tool needs to be called unasked."""


class Finish(StrEnum):
    """Why a choice ended, in the wire's words."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"


class Call(Struct, frozen=True):
    """A tool call; ``arguments`` are the tokens of its JSON (or of the free text of a custom tool)."""

    id: str
    name: str
    arguments: tuple[str, ...]
    custom: bool = False


class Choice(Struct, frozen=True):
    """One candidate answer as tokens. ``content`` is None beside tool calls."""

    content: tuple[str, ...] | None
    finish: str
    reasoning: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()


class Usage(Struct, frozen=True):
    """Token counts: cached tokens are part of the prompt, reasoning of the completion unless ``apart``."""

    prompt: int
    completion: int
    reasoning: int = 0
    cached: int = 0
    apart: bool = False


class Answer(Struct, frozen=True):
    """Everything that the model says to one request; ``page`` is what it read in the web for it."""

    model: str
    choices: tuple[Choice, ...]
    usage: Usage
    page: Page | None = None


class Thinking(StrEnum):
    """Whether the model reasons before it answers, and whether it shows that."""

    NONE = "none"
    HIDDEN = "hidden"
    SHOWN = "shown"


def answer(asked: Asked, thinking: Thinking = Thinking.NONE, page: Page | None = None) -> Answer:
    """Return what the model says to ``asked``, when it has read ``page``."""
    thought = tokens.split(_thought(asked)) if thinking is not Thinking.NONE else ()
    content, calls = _plan(asked)
    if page is not None and content is not None and asked.form == "text":
        content = f"See {page.url} for {page.title}. {content}"
    choices: list[Choice] = []
    completion = reasoning = 0
    for number in range(asked.n):
        named = tuple(_identified(call, asked, number, place) for place, call in enumerate(calls))
        choice, spent, thought_of = _spend(asked, thought, content, named)
        completion, reasoning = completion + spent, reasoning + thought_of
        shown = choice.reasoning if thinking is Thinking.SHOWN else ()
        choices.append(Choice(choice.content, choice.finish, shown, choice.calls))
    prompt = prompt_tokens(asked) + (tokens.count(page.text) if page is not None else 0)
    return Answer(asked.model, tuple(choices), Usage(prompt, completion, reasoning), page)


def prompt_tokens(asked: Asked) -> int:
    """Return the tokens of the prompt: 3, for each message 4 and its text, 85 an attachment, the tools."""
    total = 3
    for message in asked.messages:
        total += 4 + tokens.count(message.text) + sum(85 + tokens.count(seen) for seen in message.attached)
    for tool in asked.tools:
        total += 8 + tokens.count(tool.name + tool.description) + tokens.count(json.dumps(tool.schema))
    return total


def _plan(asked: Asked) -> tuple[str | None, tuple[Call, ...]]:
    """Return the text, or the calls, that the model would give if it had no limit."""
    calls = _calls(asked)
    if calls:
        return None, calls
    last = asked.messages[-1]
    if asked.form == "json_schema" and asked.schema is not None:
        hints = read_hints(_prompt(asked))
        return _dump(
            instance(dict(asked.schema), Hints(hints.text, (*hints.words, _sentence(asked)), hints.numbers))
        ), ()
    if asked.form == "json_object":
        return _dump({"answer": _sentence(asked)}), ()
    if last.role == "tool":
        results = [message.text for message in _trailing_results(asked)]
        return f"The tool answered: {' | '.join(results)}", ()
    return _sentence(asked), ()


def _trailing_results(asked: Asked) -> Iterator[Message]:
    """Yield the tool messages at the end of the conversation, in order."""
    start = len(asked.messages)
    while start and asked.messages[start - 1].role == "tool":
        start -= 1
    yield from asked.messages[start:]


def _prompt(asked: Asked) -> str:
    """Return the text of the last user message."""
    return next((message.text for message in reversed(asked.messages) if message.role == "user"), "")


def _sentence(asked: Asked) -> str:
    """Follow a simple instruction of the last user message, or quote what was said."""
    prompt = _prompt(asked)
    seen = next((message.attached for message in reversed(asked.messages) if message.role == "user"), ())
    if seen:
        return f"I see {'; '.join(part[:SEEN] for part in seen)}. You said: {prompt[:ECHOED].strip()}"
    exactly = next((match for pattern in _EXACTLY if (match := pattern.search(prompt))), None)
    if exactly is not None:
        return _unquoted(exactly.group(1).strip())
    counted = _COUNT.search(prompt)
    if counted is not None:
        first, last = int(counted.group(1)), int(counted.group(2))
        numbers = (str(number) for number in range(first, min(last, first + MOST_COUNTED) + 1))
        return (" " if "space" in prompt.lower() else ", ").join(numbers)
    markers = dict.fromkeys(word for message in asked.messages for word in read_hints(message.text).words)
    noticed = f"I noticed {', '.join(list(markers)[:MOST_MARKERS])}. " if markers else ""
    return f"{noticed}You said to the reference model: {prompt[:ECHOED].strip() or '(nothing)'}"


def _unquoted(text: str) -> str:
    """Return ``text`` without the quotes around it; after a closing quote nothing else is meant."""
    closing = _QUOTES.get(text[0])
    if closing is not None and closing in text[1:]:
        return text[1 : text.index(closing, 1)]
    return text


def _thought(asked: Asked) -> str:
    return f"The user wants an answer to: {' '.join(_prompt(asked).split()[:6])}. That is simple."


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _calls(asked: Asked) -> tuple[Call, ...]:
    """Return the tool calls to make, without ids; none when the answer is text."""
    prompt = _prompt(asked)
    tool = _wanted(asked, prompt)
    if tool is None:
        return ()
    hints = read_hints(prompt)
    named = [
        other for other in asked.tools if re.search(rf"(?<![\w-]){re.escape(other.name)}(?![\w-])", prompt)
    ]
    if asked.parallel and len(named) > 1:
        return tuple(_call(other, hints) for other in named[:MOST_CALLS])
    if asked.parallel and len(hints.words) > 1 and _free_strings(tool) == 1:
        return tuple(
            _call(tool, Hints(hints.text, (word,), hints.numbers)) for word in hints.words[:MOST_CALLS]
        )
    return (_call(tool, hints),)


def _wanted(asked: Asked, prompt: str) -> Tool | None:
    """Return the tool that suits the prompt best; None when none has to be called and none suits."""
    if not asked.tools or asked.choice == "none":
        return None
    scored = [(_score(tool, prompt), -place) for place, tool in enumerate(asked.tools)]
    best, place = max(scored)
    told = asked.choice == "required"
    suits = best >= _NEEDED and asked.messages[-1].role != "tool" and not _REFUSES_TOOLS.search(prompt)
    return asked.tools[-place] if told or suits else None


def _call(tool: Tool, hints: Hints) -> Call:
    if tool.schema is None:
        return Call("", tool.name, tokens.split(" ".join(hints.words) or hints.text), custom=True)
    value = instance(dict(tool.schema), hints) if tool.schema else {}
    return Call("", tool.name, tokens.split(_dump(value)))


def _free_strings(tool: Tool) -> int:
    """Return how many properties of the tool take any string."""
    properties = tool.schema.get("properties") if tool.schema else None
    if not isinstance(properties, dict):
        return 0
    return sum(
        1
        for item in properties.values()
        if isinstance(item, dict)
        and item.get("type") == "string"
        and not item.keys() & {"enum", "const", "format"}
    )


def _score(tool: Tool, prompt: str) -> int:
    """Return how much ``prompt`` speaks of ``tool``: 100 for its name, 2 for a word of it, 1 for others."""
    if tool.name in prompt:
        return 100
    said = _words(prompt)
    return 2 * len(said & _words(tool.name)) + len(said & _words(tool.description))


def _words(text: str) -> set[str]:
    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", text)
    return set(_WORD.findall(apart.lower())) - _IDLE


def _identified(call: Call, asked: Asked, choice: int, place: int) -> Call:
    """Return ``call`` with an id that no other call of this conversation has."""
    seed = json.dumps([asked.model, len(asked.messages), _prompt(asked), call.name, choice, place])
    digest = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return Call(f"call_{digest}", call.name, call.arguments, call.custom)


def _spend(
    asked: Asked, thought: tuple[str, ...], content: str | None, calls: tuple[Call, ...]
) -> tuple[Choice, int, int]:
    """Return the choice within the limit, the tokens spent on it, and how many of those on thinking.

    Thinking comes first and counts, so a small limit can leave nothing to say; calls cost their name and
    arguments.
    """
    left = asked.limit if asked.limit is not None else 10**9
    reasoning = thought[:left]
    left -= len(reasoning)
    finish = Finish.TOOL_CALLS if calls else Finish.STOP
    spent = len(reasoning)
    text: tuple[str, ...] | None = None
    if content is not None:
        stopped = tokens.split(_until(content, asked.stop))
        text = stopped[:left]
        spent += len(text)
        if len(text) < len(stopped):
            finish = Finish.LENGTH
    made: list[Call] = []
    for call in calls:
        price = tokens.count(call.name)
        if left < price:
            finish = Finish.LENGTH
            break
        left -= price
        kept = call.arguments[:left]
        left -= len(kept)
        spent += price + len(kept)
        made.append(Call(call.id, call.name, kept, call.custom))
        if len(kept) < len(call.arguments):
            finish = Finish.LENGTH
            break
    if calls and not made:
        text = ()
    return Choice(text, finish, reasoning, tuple(made)), spent, len(reasoning)


def _until(text: str, stop: tuple[str, ...]) -> str:
    """Return ``text`` up to the first stop sequence in it."""
    return text[: min((text.index(word) for word in stop if word in text), default=len(text))]
