"""The process in which the SDK runs: reads recorded answers line by line, writes what the SDK made of each.

The only module that imports the SDK. First line out: ``{"sdk": "openai-python 3.54.0"}``, or ``{"why": …}``
when it cannot be imported. Then for each line in, ``{"raw": Base64, "ending": …, "stream": …}``, one line
out: a list of facts, one for each use. Judging them is left to :mod:`conformance.sdklane.outcome`.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field
from msgspec.structs import asdict

from conformance.sdklane.loopback import Ending, Loopback

if TYPE_CHECKING:
    import openai

PATIENCE: Final = 5.0
"""Seconds for which the SDK waits for bytes of an answer that is known to end."""

IMPATIENCE: Final = 1.0
"""The same where the recorded connection had stayed open and silent."""

WORK: Final = 2.0
"""Seconds after which reading one stream is given up: a long stream costs the helper more with each chunk."""

MEMORY: Final = 2 * 1024**3
"""Bytes of address space; what an answer makes the SDK take beyond that is a MemoryError."""

_ASKED: Final[dict[str, Any]] = {"model": "recorded", "messages": [{"role": "user", "content": "recorded"}]}
_THOUGHTS: Final = ("reasoning_content", "reasoning")
_CUT_SHORT: Final = frozenset({"length", "content_filter"})
_LONGEST: Final = 500


class Facts(Struct):
    """What one use came to.

    ``text`` is what the user has of the first choice, None when there is nothing; ``kind`` the type of
    content that is no text. ``rest`` says that the answer had something else, or says why it has no text.
    ``error`` is the exception: its class, its text, where it was raised, and what the SDK knows of it.
    """

    call: str
    chunks: int = 0
    text: str | None = None
    kind: str = ""
    rest: bool = False
    role: str | None = None
    tools: list[list[Any]] = field(default_factory=list)
    error: dict[str, Any] | None = None

    def failed(self, error: Exception, at: str) -> None:
        """Note an exception."""
        import openai  # noqa: PLC0415 - the SDK is imported late, and here alone

        status = error if isinstance(error, openai.APIStatusError) else None
        self.error = {
            "class": type(error).__name__,
            "text": str(error)[:_LONGEST],
            "at": at,
            "timeout": isinstance(error, openai.APITimeoutError),
            "status": status.status_code if status else None,
        }

    def take(self, content: object) -> None:
        """Note content of the first choice."""
        if isinstance(content, str):
            self.text = (self.text or "") + content
        elif content is not None:
            self.kind = type(content).__name__

    def look(self, choice: object, said: object) -> None:
        """Note whether a choice has something else than text, or a reason to have none."""
        names = ("tool_calls", "function_call", "refusal", "audio", *_THOUGHTS)
        has = any(getattr(said, name, None) for name in names)
        self.rest = self.rest or has or str(getattr(choice, "finish_reason", None)) in _CUT_SHORT


class Unfinished(Exception):  # noqa: N818 - it is no error of anybody
    """Reading took longer than :data:`WORK`."""


def _demand_time(end: float) -> None:
    if time.monotonic() > end:
        raise Unfinished


def create(client: openai.OpenAI) -> Facts:
    """Use ``create()`` as the documented program does."""
    facts = Facts("create")
    try:
        completion: Any = client.chat.completions.create(**_ASKED)
    except Exception as error:  # noqa: BLE001 - every exception of the SDK is a fact
        facts.failed(error, "call")
        return facts
    try:
        content = completion.choices[0].message.content
    except Exception as error:  # noqa: BLE001
        facts.failed(error, "content")
        return facts
    facts.take(content)
    facts.look(completion.choices[0], completion.choices[0].message)
    return facts


def iterate(client: openai.OpenAI) -> tuple[Facts, Facts]:
    """Read one stream twice at once: with a loop that looks before it reads, and with the documented loop."""
    careful, documented = Facts("iterate"), Facts("readme-loop")
    end = time.monotonic() + WORK
    try:
        stream = client.chat.completions.create(**_ASKED, stream=True)
    except Exception as error:  # noqa: BLE001
        careful.failed(error, "call")
        documented.failed(error, "call")
        return careful, documented
    with stream:
        chunks = iter(stream)
        while True:
            try:
                chunk: Any = next(chunks)
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001
                careful.failed(error, "iteration")
                if documented.error is None:
                    documented.failed(error, "iteration")
                break
            careful.chunks += 1
            _read_carefully(careful, chunk)
            if documented.error is None:
                documented.chunks += 1
                _read_as_documented(documented, chunk)
            _demand_time(end)
    documented.rest = careful.rest
    return careful, documented


def _read_carefully(facts: Facts, chunk: object) -> None:
    choices = getattr(chunk, "choices", None)
    for choice in choices if isinstance(choices, list) else []:
        delta = getattr(choice, "delta", None)
        if not getattr(choice, "index", None):
            facts.take(getattr(delta, "content", None))
        facts.look(choice, delta)


def _read_as_documented(facts: Facts, chunk: Any) -> None:  # noqa: ANN401 - whatever the SDK made
    try:
        if chunk.choices[0].delta.content:
            facts.take(chunk.choices[0].delta.content)
    except Exception as error:  # noqa: BLE001
        facts.failed(error, "content")


def helper(client: openai.OpenAI) -> Facts:
    """Use ``stream()`` to its end and take the completion that it put together."""
    import openai  # noqa: PLC0415

    facts = Facts("helper")
    end = time.monotonic() + WORK
    completion: Any
    try:
        with client.chat.completions.stream(**_ASKED) as stream:
            for _ in stream:
                facts.chunks += 1
                _demand_time(end)
            completion = stream.get_final_completion()
    except Unfinished:
        raise
    except openai.LengthFinishReasonError as error:
        facts.rest, completion = True, error.completion
    except openai.ContentFilterFinishReasonError:
        facts.rest = True
        return facts
    except Exception as error:  # noqa: BLE001
        facts.failed(error, "call")
        return facts
    try:
        choice = completion.choices[0]
        facts.take(choice.message.content)
        facts.look(choice, choice.message)
        facts.role = None if choice.message.role is None else str(choice.message.role)
        facts.tools = [
            [call.id, call.function.name, call.function.arguments] for call in choice.message.tool_calls or []
        ]
    except Exception as error:  # noqa: BLE001
        facts.failed(error, "content")
    return facts


def uses(client: openai.OpenAI, *, stream: bool) -> Iterator[Facts]:
    """Yield what each use of the SDK that fits the request comes to."""
    if not stream:
        yield create(client)
        return
    try:
        yield from iterate(client)
        yield helper(client)
    except Unfinished:
        return


def serve(client: openai.OpenAI, server: Loopback, line: str) -> list[dict[str, Any]]:
    """Give the SDK one recorded answer and return the facts."""
    job = json.loads(line)
    ending = Ending(job["ending"])
    server.answer(base64.b64decode(job["raw"]), ending)
    patient = client.with_options(timeout=IMPATIENCE if ending is Ending.HOLD else PATIENCE)
    return [asdict(facts) for facts in uses(patient, stream=job["stream"])]


def _bound_memory() -> None:
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - POSIX alone has it

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        soft = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def main() -> None:
    """Answer lines until there are no more."""
    # What a library prints must not get between our lines.
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)

    def say(value: object) -> None:
        out.write(json.dumps(value, default=str) + "\n")
        out.flush()

    try:
        import openai  # noqa: PLC0415 - it may be missing
    except Exception as error:  # noqa: BLE001 - a damaged installation can raise anything
        say({"why": f"{type(error).__name__}: {error}"[:_LONGEST]})
        return
    _bound_memory()
    server = Loopback()
    # Nothing of the user's environment counts, and no redirect leaves this machine.
    http = openai.DefaultHttpxClient(trust_env=False, follow_redirects=False)
    client = openai.OpenAI(
        api_key="recorded",
        base_url=f"{server.origin}/v1",
        max_retries=0,
        http_client=http,
        default_headers={"Connection": "close"},
    )
    say({"sdk": f"openai-python {openai.__version__}"})
    for line in sys.stdin:
        say(serve(client, server, line))


if __name__ == "__main__":
    main()
