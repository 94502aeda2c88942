"""What hostile servers do with a connection: exact bytes on raw sockets.

A *script* is run once for each connection. A *scene* says how large is large: the sizes are small where the whole panel
has to be quick, and far beyond every limit of the suite where it has to be true.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator

from msgspec import Struct

from tests.loopback import Connection, Script, answer


class Scene(Struct, frozen=True):
    """How large things are: a line or body in bytes, a number of events, a nesting, a number in digits.

    ``elsewhere`` is another origin, where nobody has anything to look for.
    """

    line: int
    bomb: int
    events: int
    depth: int = 10_000
    digits: int = 100_000
    elsewhere: str = ""


SMALL = Scene(line=1_000_000, bomb=10_000_000, events=3_000, digits=20_000)
FULL = Scene(line=100_000_000, bomb=4_000_000_000, events=100_000)

JSON = b"Content-Type: application/json"
EVENTS = b"Content-Type: text/event-stream"
OK = b"HTTP/1.1 200 OK\r\n"
TEXT = "Hello there, this is five."

Answer = Callable[[bytes], bytes]
"""Makes the bytes of an answer of the bytes of a request."""


def completion(text: str = TEXT, **members: object) -> bytes:
    """Return a correct completion, with members changed."""
    message = {"role": "assistant", "content": text, "refusal": None}
    value = {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_790_000_000, "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11},
    }  # fmt: skip
    return json.dumps(value | members, ensure_ascii=False).encode("utf-8", "surrogatepass")


def chunk(delta: dict[str, object], finish: str | None = None, **members: object) -> bytes:
    """Return one event of a correct stream, with members changed."""
    value = {
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }  # fmt: skip
    return b"data: " + json.dumps(value | members, ensure_ascii=False).encode() + b"\n\n"


def stream(text: str = TEXT, **members: object) -> bytes:
    """Return a correct stream, with members changed in each chunk."""
    first = chunk({"role": "assistant", "content": ""}, **members)
    return first + chunk({"content": text}, **members) + chunk({}, "stop", **members) + b"data: [DONE]\n\n"


def wants_stream(request: bytes) -> bool:
    return b'"stream":true' in request or b'"stream": true' in request


def good(request: bytes, text: str = TEXT, headers: tuple[bytes, ...] = (), **members: object) -> bytes:
    """Answer as a correct server does, streamed or not as it was asked."""
    if wants_stream(request):
        return answer(stream(text, **members), EVENTS, *headers)
    return answer(completion(text, **members), JSON, *headers)


def saying(make: Answer | bytes) -> Script:
    """Answer every request of a connection with these bytes."""

    async def script(connection: Connection) -> None:
        while True:
            request = await connection.request()
            await connection.say(make if isinstance(make, bytes) else make(request))

    return script


def saying_once(make: Answer | bytes) -> Script:
    """Answer one request with these bytes and close."""

    async def script(connection: Connection) -> None:
        request = await connection.request()
        await connection.say(make if isinstance(make, bytes) else make(request))

    return script


def dripping(start: bytes, again: bytes, seconds: float = 0.05) -> Script:
    """Say ``start`` and then a little, again and again, so that no read ever waits long."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(start)
        while True:
            await connection.say(again)
            await asyncio.sleep(seconds)

    return script


async def silent(connection: Connection) -> None:
    """Take the request, and say nothing."""
    await connection.request()
    await asyncio.Event().wait()


async def closing(connection: Connection) -> None:
    """Close before the request was read."""


async def speaking_first(connection: Connection) -> None:
    """Answer before anything was asked, and once more when it was."""
    await connection.say(answer(completion("Too early."), JSON))
    await connection.request()
    await connection.say(answer(completion(), JSON))


def resetting(after: bytes) -> Script:
    """Say some bytes, then reset the connection."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(after)
        connection.reset()

    return script


def cut_everywhere() -> Script:
    """Close after one byte of a correct answer, then after two, and so on: another place for each request."""
    counter: Iterator[int] = itertools.count(1, 7)

    async def script(connection: Connection) -> None:
        request = await connection.request()
        whole = good(request)
        await connection.say(whole[: next(counter) % len(whole)])

    return script


def shifted() -> Script:
    """Answer each request of a connection with the answer that belongs to the one before it."""

    async def script(connection: Connection) -> None:
        late = answer(b'{"error":{"message":"none yet","type":"x","param":null,"code":null}}', JSON)
        while True:
            request = await connection.request()
            await connection.say(late)
            late = good(request)

    return script


def doubled() -> Script:
    """Answer each request twice."""
    return saying(lambda request: good(request) + good(request))


def body(content: bytes, *headers: bytes) -> bytes:
    """Return an answer whose body ends with the connection."""
    return OK + b"".join(line + b"\r\n" for line in headers) + b"\r\n" + content


def chunked(*lines: bytes) -> bytes:
    """Return an answer in what claims to be chunked transfer coding."""
    return OK + JSON + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(lines)


def refusing(status: bytes, text: str, *headers: bytes) -> Answer:
    """Refuse everything in the documented form, with this text in each member."""
    error = {"error": {"message": text, "type": text, "param": text, "code": text}}
    raw = json.dumps(error, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return lambda _: answer(raw, JSON, *headers, status=status)


def picky(text: str) -> Answer:
    """Serve what is right, and refuse a model that is not known with this text."""

    def make(request: bytes) -> bytes:
        known = b'"model":"m"' in request
        return good(request) if known else refusing(b"404 Not Found", text)(request)

    return make
